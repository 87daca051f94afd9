"""Exact evaluation of a statement as it was written, at one concrete point.

This is the independent second check: it shares no code with the normal form.  Sums are added term by term,
derivatives are taken by SymPy after the batch has been unrolled into ``m`` separate symbols, and numbers are
elements of Q(sqrt 2, sqrt 3, ...) (:mod:`bnproof.symbolic.surds`), so a comparison is never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sympy import (
    Abs,
    Add,
    Basic,
    Derivative,
    Dummy,
    Expr,
    Indexed,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Limit,
    Mul,
    Piecewise,
    Pow,
    Rational,
    Sum,
    Symbol,
    limit,
    sign,
    sqrt,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanFalse, BooleanTrue, Not, Or

from bnproof.symbolic.setting import g, m, x
from bnproof.symbolic.surds import NotExact, Surd

Bindings = dict[Symbol, int]


class Undefined(ArithmeticError):
    """The statement has no real value at this point; the message names the operation."""


class NotEvaluable(ArithmeticError):
    """The expression holds something exact evaluation does not know (an unknown function, a limit)."""


@dataclass
class Point:
    """Concrete exact values: scalars by symbol, entries by base; missing entries come from ``draw``."""

    scalars: dict[Symbol, Surd]
    draw: Callable[[IndexedBase, tuple[int, ...]], Surd]
    entries: dict[IndexedBase, dict[tuple[int, ...], Surd]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The batch size ``m`` of this point."""
        return int(self.scalars[m].rational)

    def entry(self, base: IndexedBase, index: tuple[int, ...]) -> Surd:
        """``base[index]``; an entry of ``x`` or ``g`` outside ``1..m`` does not exist."""
        if base in (x, g) and not 1 <= index[0] <= self.size:
            raise Undefined(f"{base}[{index[0]}] is not an entry of a batch of {self.size}")
        known = self.entries.setdefault(base, {})
        if index not in known:
            known[index] = self.draw(base, index)
        return known[index]


class Evaluator:
    """Evaluates expressions and conditions at one ``Point``; closed subexpressions are remembered."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self._known: dict[tuple[Expr, tuple[Any, ...]], Surd] = {}

    def value(self, expression: Expr, bound: Bindings | None = None) -> Surd:
        """The exact value, with ``bound`` giving the current values of summation indices."""
        bound = bound or {}
        free = expression.free_symbols
        key = (expression, tuple((index, bound[index]) for index in bound if index in free))
        if key not in self._known:
            self._known[key] = self._value(expression, bound)
        return self._known[key]

    def _value(self, e: Expr, bound: Bindings) -> Surd:
        match e:
            case Rational():
                return Surd(Fraction(int(e.p), int(e.q)))
            case Indexed():
                return self.point.entry(e.base, tuple(self._integer(a, bound) for a in e.indices))
            case Symbol():
                return self._symbol(e, bound)
            case Add():
                total = Surd(0)
                for argument in e.args:
                    total = total + self.value(argument, bound)
                return total
            case Mul():
                product = Surd(1)
                for argument in e.args:
                    product = product * self.value(argument, bound)
                return product
            case Pow():
                return self._power(e, bound)
            case Sum():
                return self._sum(e, bound)
            case KroneckerDelta():
                return Surd(int(self._integer(e.args[0], bound) == self._integer(e.args[1], bound)))
            case Abs():
                inner = self.value(e.args[0], bound)
                return -inner if inner.sign() < 0 else inner
            case sign():
                return Surd(self.value(e.args[0], bound).sign())
            case Piecewise():
                return self._piecewise(e, bound)
            case Derivative():
                return self._derivative(e, bound)
            case Limit():
                return self._limit(e, bound)
        raise NotEvaluable(f"{type(e).__name__} has no exact evaluation")

    def _symbol(self, e: Symbol, bound: Bindings) -> Surd:
        if e in bound:
            return Surd(bound[e])
        if e not in self.point.scalars:
            raise NotEvaluable(f"{e} has no value")
        return self.point.scalars[e]

    def _integer(self, e: Expr, bound: Bindings) -> int:
        value = self.value(e, bound)
        if not value.is_rational or value.rational.denominator != 1:
            raise Undefined(f"the index {e} is {value}, not an integer")
        return int(value.rational)

    def _power(self, e: Pow, bound: Bindings) -> Surd:
        base, exponent = self.value(e.base, bound), self.value(e.exp, bound)
        if not exponent.is_rational:
            raise NotExact("an irrational exponent")
        power = exponent.rational
        if power.denominator == 2:
            if base.sign() < 0:
                raise Undefined(f"square root of the negative number {base}")
            base, power = base.sqrt(), power * 2
        if power.denominator != 1:
            raise NotExact("a root other than the square root")
        if power < 0 and base.sign() == 0:
            raise Undefined("division by zero")
        if abs(power) > 200:
            raise NotExact("a power beyond 200")
        return base ** int(power)

    def _sum(self, e: Sum, bound: Bindings) -> Surd:
        *inner, (index, low, high) = e.limits
        summand = Sum(e.function, *inner) if inner else e.function
        if not (low.is_finite is not False and high.is_finite is not False):
            raise NotEvaluable("an infinite sum")
        first, last = self._integer(low, bound), self._integer(high, bound)
        if last < first - 1:
            raise Undefined(f"a sum from {first} to {last}")
        total = Surd(0)
        for position in range(first, last + 1):
            total = total + self.value(summand, {**bound, index: position})
        return total

    def _piecewise(self, e: Piecewise, bound: Bindings) -> Surd:
        for value, condition in e.args:
            if self.holds(condition, bound):
                return self.value(value, bound)
        raise Undefined("no branch of a Piecewise applies")

    def _derivative(self, e: Derivative, bound: Bindings) -> Surd:
        entries: dict[Symbol, Surd] = {}
        unrolled = self._unroll(e.expr, bound, entries)
        for variable, count in e.variable_count:
            unrolled = unrolled.diff(self._unroll(variable, bound, entries), int(count))
        inner = Point({**self.point.scalars, **entries}, self.point.draw, self.point.entries)
        Evaluator(inner).value(self._unroll(e.expr, bound, entries))  # the function itself must exist here
        return Evaluator(inner).value(unrolled)

    def _limit(self, e: Limit, bound: Bindings) -> Surd:
        """SymPy's limit of the unrolled function with every number but the variable put in."""
        function, variable, target, direction = e.args
        entries: dict[Symbol, Surd] = {}
        unrolled = self._unroll(function, bound, entries)
        numbers = {**self.point.scalars, **entries}
        numbers.pop(variable, None)
        known = {symbol: _number(value) for symbol, value in numbers.items()}
        return self.value(limit(unrolled.xreplace(known), variable, target, str(direction)), bound)

    def _unroll(self, e: Expr, bound: Bindings, entries: dict[Symbol, Surd]) -> Expr:
        """``e`` with every sum written out and every entry a plain symbol of its own (kept in ``entries``)."""
        match e:
            case Indexed():
                index = tuple(self._integer(a, bound) for a in e.indices)
                entry = _entry_symbol(e.base, index)
                entries[entry] = self.point.entry(e.base, index)
                return entry
            case Symbol():
                return Integer(bound[e]) if e in bound else e
            case Sum():
                *inner, (index, low, high) = e.limits
                summand = Sum(e.function, *inner) if inner else e.function
                span = range(self._integer(low, bound), self._integer(high, bound) + 1)
                return Add(*(self._unroll(summand, {**bound, index: p}, entries) for p in span))
            case KroneckerDelta():
                return Integer(int(self._integer(e.args[0], bound) == self._integer(e.args[1], bound)))
            case Derivative():
                result = self._unroll(e.expr, bound, entries)
                for variable, count in e.variable_count:
                    result = result.diff(self._unroll(variable, bound, entries), int(count))
                return result
        if not e.args:
            return e
        return e.func(*(self._unroll(a, bound, entries) for a in e.args))

    def holds(self, condition: Basic, bound: Bindings | None = None) -> bool:
        """Whether a relation (or a conjunction, disjunction, negation of relations) is true here."""
        bound = bound or {}
        match condition:
            case BooleanTrue() | BooleanFalse():
                return bool(condition)
            case And():
                return all(self.holds(c, bound) for c in condition.args)
            case Or():
                return any(self.holds(c, bound) for c in condition.args)
            case Not():
                return not self.holds(condition.args[0], bound)
            case Relational():
                difference = self.value(condition.lhs, bound) - self.value(condition.rhs, bound)
                order = 0 if not difference.terms else difference.sign()
                return order in _HOLDS[condition.rel_op]
        raise NotEvaluable(f"{condition} is not a relation")


def _number(value: Surd) -> Expr:
    return Add(*(Rational(q.numerator, q.denominator) * sqrt(d) for d, q in value.terms.items()))


_HOLDS = {"==": {0}, "!=": {-1, 1}, "<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}
_ENTRIES: dict[tuple[IndexedBase, tuple[int, ...]], Symbol] = {}


def _entry_symbol(base: IndexedBase, index: tuple[int, ...]) -> Symbol:
    """One real symbol per entry, the same at every call, so that derivatives find it."""
    return _ENTRIES.setdefault((base, index), Dummy(f"{base}_{index}", real=True))
