"""What the conditions say of where a scalar lies: bounds that are linear in it, by way of the other
scalars.

A condition such as ``a > 2 b - 1`` bounds a as soon as b has a value, and b as soon as a has one.
Bounds that are numbers are passed on beforehand (``a > b`` and ``b > 5`` give ``a > 5``), so that
drawing one scalar after the other seldom fails. Nothing here has to be right: a point is used only
if the conditions hold there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from flint import fmpq
from sympy import Expr, Indexed, Symbol
from sympy.core.relational import Relational

from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.reading import find_numbers
from bnproof.symbolic.setting import m
from bnproof.symbolic.surds import NotExact

PASSES = 4
# slope, constant, and terms of a linear condition
Numbers = tuple[fmpq, fmpq, list[tuple[Symbol, fmpq]]]


@dataclass
class Span:
    """Where a number lies: ends that are rational or ``None``, and whether each belongs to it."""

    low: fmpq | None = None
    high: fmpq | None = None
    with_low: bool = True
    with_high: bool = True

    def keep_above(self, end: fmpq, *, closed: bool) -> bool:
        """Narrow it to what lies above ``end``; whether that changed anything."""
        if self.low is None or end > self.low or (end == self.low and self.with_low and not closed):
            self.low, self.with_low = end, closed
            return True
        return False

    def keep_below(self, end: fmpq, *, closed: bool) -> bool:
        """Narrow it to what lies below ``end``; whether that changed anything."""
        if (
            self.high is None
            or end < self.high
            or (end == self.high and self.with_high and not closed)
        ):
            self.high, self.with_high = end, closed
            return True
        return False

    def copy(self) -> Span:
        """The same span, to be narrowed on its own."""
        return Span(self.low, self.high, self.with_low, self.with_high)


@dataclass(frozen=True)
class Linear:
    """``slope symbol + rest  op  0``; slope and rest are free of the symbol."""

    symbol: Expr
    slope: Expr
    rest: Expr
    op: str

    def find_scalars(self) -> frozenset[Symbol]:
        """The scalars that need a value first."""
        return find_numbers(self.slope) | find_numbers(self.rest)

    def narrow(self, span: Span, point: Point) -> None:
        """Narrow a span by the values that the other scalars have at a point."""
        try:
            slope, rest = (Evaluator(point).evaluate(e) for e in (self.slope, self.rest))
        except (Undefined, NotExact, NotEvaluable):
            return
        if isinstance(slope, fmpq) and isinstance(rest, fmpq) and slope != 0:
            _narrow(span, -rest / slope, self.op if slope > 0 else TURNED[self.op])


TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _narrow(span: Span, end: fmpq, op: str) -> bool:
    changed = False
    if op in (">", ">=", "=="):
        changed |= span.keep_above(end, closed=op != ">")
    if op in ("<", "<=", "=="):
        changed |= span.keep_below(end, closed=op != "<")
    return changed


def find_linear_bounds(conditions: Iterable[Any], wanted: Iterable[Expr]) -> list[Linear]:
    """The conditions as bounds of each wanted symbol (or entry) in which they are linear."""
    bounds = []
    for condition in conditions:
        if not isinstance(condition, Relational):
            continue
        difference = (condition.lhs - condition.rhs).expand()
        for symbol in wanted:
            if not difference.has(symbol):
                continue
            slope = difference.coeff(symbol)
            rest = (difference - slope * symbol).expand()
            if slope != 0 and not slope.has(symbol) and not rest.has(symbol):
                bounds.append(Linear(symbol, slope, rest, condition.rel_op))
    return bounds


def find_spans(bounds: list[Linear], symbols: Iterable[Symbol]) -> dict[Symbol, Span]:
    """The numeric bounds of every scalar, those of others passed on along linear conditions."""
    by_symbol = {symbol: _derive_span(symbol) for symbol in symbols}
    numeric = [
        (b, terms)
        for b in bounds
        if b.symbol in by_symbol and (terms := _extract_numbers(b)) is not None
    ]
    for _ in range(PASSES):
        changed = False
        for bound, numbers in numeric:
            if bound.op == "!=":
                continue
            for op in (">=", "<=") if bound.op == "==" else (bound.op,):
                changed |= _pass_on(by_symbol, bound.symbol, numbers, op)
        if not changed:
            break
    return by_symbol


def _derive_span(symbol: Symbol) -> Span:
    span = Span()
    if symbol.is_nonnegative:
        span.keep_above(fmpq(0), closed=not symbol.is_positive)
    if symbol.is_nonpositive:
        span.keep_below(fmpq(0), closed=not symbol.is_negative)
    if symbol == m:
        span.keep_above(fmpq(1), closed=True)
    return span


def _extract_numbers(bound: Linear) -> Numbers | None:
    """Slope, constant and terms where all of them are numbers times scalars."""
    if not bound.slope.is_Rational or bound.rest.has(Indexed):
        return None
    constant, terms = fmpq(0), []
    for term in bound.rest.as_ordered_terms():
        coefficient, symbol = term.as_coeff_Mul()
        if not coefficient.is_Rational:
            return None
        value = fmpq(int(coefficient.p), int(coefficient.q))
        if symbol == 1:
            constant += value
        elif symbol.is_Symbol:
            terms.append((symbol, value))
        else:
            return None
    return fmpq(int(bound.slope.p), int(bound.slope.q)), constant, terms


def _pass_on(
    by_symbol: dict[Symbol, Span],
    symbol: Symbol,
    numbers: Numbers,
    op: str,
) -> bool:
    """``slope s + constant + sum c t > 0`` bounds s by the greatest that the rest can be."""
    slope, constant, terms = numbers
    sense = 1 if op in (">", ">=") else -1
    most, strict = constant, op in (">", "<")
    for other, coefficient in terms:
        span = by_symbol.get(other)
        upper = coefficient * sense > 0
        end = None if span is None else span.high if upper else span.low
        if span is None or end is None:
            return False
        most += coefficient * end
        strict |= not (span.with_high if upper else span.with_low)
    turned = op if slope > 0 else TURNED[op]
    return _narrow(by_symbol[symbol], -most / slope, turned.replace("=", "") if strict else turned)
