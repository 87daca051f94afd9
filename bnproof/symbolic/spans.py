"""Where a scalar may lie according to the conditions: spans from which values are drawn.

A condition such as ``a > 2 b - 1`` is linear in ``a`` and in ``b``. It bounds ``a`` as soon as
``b`` has a value, and ``b`` as soon as ``a`` has one. The sampler
(:mod:`bnproof.symbolic.sampling`) draws one scalar after the other, and narrows the span of each by
the values of those that it has drawn.

Bounds that are numbers are passed on along the conditions before anything is drawn: ``a > b`` and
``b > 5`` give ``a > 5``. Without that step ``a`` might be drawn too small to leave any value for
``b``.

No verdict rests on a span. A point counts only if the conditions, evaluated exactly, hold there. A
wrong span costs points, never a wrong answer.

Start reading at :func:`find_linear_bounds` and :func:`find_spans`.
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

# Rounds in which numeric bounds are passed on. Two conditions such as ``a > b + 1`` and ``b > a``
# raise each other's bounds for ever, so there has to be a limit. A chain of conditions may need one
# round for each of its links, and is cut short by a smaller number.
PASSES = 4
# A linear condition as numbers: the slope of its symbol, the constant, and the coefficient of each
# other scalar.
Numbers = tuple[fmpq, fmpq, list[tuple[Symbol, fmpq]]]


@dataclass
class Span:
    """The interval in which a number lies.

    Attributes
    ----------
    low, high
        The ends, rational numbers; ``None`` where the interval has no end on that side.
    with_low, with_high
        Whether the end itself belongs to the interval. They mean nothing where there is no end.
    """

    low: fmpq | None = None
    high: fmpq | None = None
    with_low: bool = True
    with_high: bool = True

    def keep_above(self, end: fmpq, *, closed: bool) -> bool:
        """Narrow the span to the numbers above ``end``.

        Parameters
        ----------
        end
            The new lower end.
        closed
            Whether ``end`` itself is allowed.

        Returns
        -------
        bool
            Whether the span changed. It does not where the old lower end is at least as tight.
        """
        if self.low is None or end > self.low or (end == self.low and self.with_low and not closed):
            self.low, self.with_low = end, closed
            return True
        return False

    def keep_below(self, end: fmpq, *, closed: bool) -> bool:
        """Narrow the span to the numbers below ``end``.

        The parameters and the result are those of :meth:`keep_above`.
        """
        if (
            self.high is None
            or end < self.high
            or (end == self.high and self.with_high and not closed)
        ):
            self.high, self.with_high = end, closed
            return True
        return False

    def copy(self) -> Span:
        """Copy the span, so that it can be narrowed for one point alone."""
        return Span(self.low, self.high, self.with_low, self.with_high)


@dataclass(frozen=True)
class Linear:
    """A condition ``slope symbol + rest op 0``, as a bound of ``symbol``.

    Attributes
    ----------
    symbol
        The scalar that is bounded, or an entry such as ``x[i]``.
    slope, rest
        Expressions in which the symbol does not occur. They need not be numbers.
    op
        One of ``<``, ``<=``, ``>``, ``>=``, ``==``, ``!=``.
    """

    symbol: Expr
    slope: Expr
    rest: Expr
    op: str

    def find_scalars(self) -> frozenset[Symbol]:
        """Find the scalars that need a value before this bound is a number."""
        return find_numbers(self.slope) | find_numbers(self.rest)

    def narrow(self, span: Span, point: Point) -> None:
        """Narrow a span by the values that the other scalars have at a point.

        The condition says ``symbol op -rest/slope`` where the slope is positive, and the opposite
        relation where it is negative. Nothing happens where slope or rest have no rational value at
        the point.

        Parameters
        ----------
        span
            The span of ``symbol``. It is changed in place.
        point
            A point that has a value for every scalar of :meth:`find_scalars`.
        """
        try:
            slope, rest = (Evaluator(point).evaluate(e) for e in (self.slope, self.rest))
        except (Undefined, NotExact, NotEvaluable):
            # no value here: the bound is left out, and the conditions are looked at afterwards
            return
        # a surd or an interval would bound the symbol too, but the ends of a span are rational
        if isinstance(slope, fmpq) and isinstance(rest, fmpq) and slope != 0:
            _narrow(span, -rest / slope, self.op if slope > 0 else TURNED[self.op])


# What a relation becomes when both of its sides are multiplied by a negative number.
TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _narrow(span: Span, end: fmpq, op: str) -> bool:
    """Narrow a span by ``symbol op end``, and say whether that changed it (``!=`` never does)."""
    changed = False
    if op in (">", ">=", "=="):
        changed |= span.keep_above(end, closed=op != ">")
    if op in ("<", "<=", "=="):
        changed |= span.keep_below(end, closed=op != "<")
    return changed


def find_linear_bounds(conditions: Iterable[Any], wanted: Iterable[Expr]) -> list[Linear]:
    """Find the bounds that conditions put on symbols in which they are linear.

    Parameters
    ----------
    conditions
        Relations. Anything else, such as a condition on all entries, is passed over.
    wanted
        The scalars, or the entries, that bounds are wanted for.

    Returns
    -------
    list of Linear
        One bound for each condition and each wanted symbol in which it is linear, so that a
        condition between two scalars is found twice.
    """
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
            # a square of the symbol, or a root of it, is left in the rest or in the slope
            if slope != 0 and not slope.has(symbol) and not rest.has(symbol):
                bounds.append(Linear(symbol, slope, rest, condition.rel_op))
    return bounds


def find_spans(bounds: list[Linear], symbols: Iterable[Symbol]) -> dict[Symbol, Span]:
    """Find a span with numeric ends for every scalar.

    Each span starts from what is declared of the symbol. Then every bound whose other scalars have
    known ends is applied, in several rounds, so that the ends travel along chains of conditions.

    Parameters
    ----------
    bounds
        Bounds of scalars. Those whose slope is no number, or whose rest is more than numbers times
        scalars, are left out here.
    symbols
        The scalars that get a span.

    Returns
    -------
    dict
        A span for each of ``symbols``.
    """
    by_symbol = {symbol: _derive_span(symbol) for symbol in symbols}
    numeric = [
        (b, terms)
        for b in bounds
        if b.symbol in by_symbol and (terms := _extract_numbers(b)) is not None
    ]
    for _ in range(PASSES):
        changed = False
        for bound, numbers in numeric:
            # an interval without one of its points is no interval
            if bound.op == "!=":
                continue
            for op in (">=", "<=") if bound.op == "==" else (bound.op,):
                changed |= _pass_on(by_symbol, bound.symbol, numbers, op)
        if not changed:
            break
    return by_symbol


def _derive_span(symbol: Symbol) -> Span:
    """The span that the declared sign of a symbol leaves; a batch size is at least 1."""
    span = Span()
    if symbol.is_nonnegative:
        span.keep_above(fmpq(0), closed=not symbol.is_positive)
    if symbol.is_nonpositive:
        span.keep_below(fmpq(0), closed=not symbol.is_negative)
    if symbol == m:
        span.keep_above(fmpq(1), closed=True)
    return span


def _extract_numbers(bound: Linear) -> Numbers | None:
    """Read slope, constant and terms of a bound; ``None`` where one of them is more than a number
    times a scalar."""
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
    """Narrow the span of a symbol by the ends that the other scalars of a condition have.

    ``slope s + constant + sum c_k t_k > 0`` can hold only for ``slope s > -(the greatest that the
    rest can be)``. For ``<`` it is the least that the rest can be. Returns whether the span
    changed; it does not where an end that is needed is unknown.
    """
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
        # an extreme that is not attained makes the bound of the symbol strict
        strict |= not (span.with_high if upper else span.with_low)
    turned = op if slope > 0 else TURNED[op]
    return _narrow(by_symbol[symbol], -most / slope, turned.replace("=", "") if strict else turned)
