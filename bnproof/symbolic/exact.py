"""Exact evaluation of a statement as it was written, at one concrete point.

This is the independent second check: it shares no code with the normal form.  Sums are added term by term,
derivatives are those of dual numbers (:mod:`bnproof.symbolic.duals`), expected values are sums over every outcome of a
distribution with the right moments (:mod:`bnproof.symbolic.expectation`), and numbers are elements of
Q(sqrt 2, sqrt 3, ...) (:mod:`bnproof.symbolic.surds`), so a comparison is never a guess.  For exp, tanh and their kin a
number is an interval, and only disjoint intervals count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from itertools import product
from operator import add, mul
from typing import Any

from sympy import (
    Abs,
    AccumBounds,
    Add,
    Basic,
    Derivative,
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
    Tuple,
    cos,
    cosh,
    exp,
    limit,
    nan,
    oo,
    sign,
    sin,
    sinh,
    sqrt,
    tanh,
    zoo,
)
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanFalse, BooleanTrue, Not, Or

from bnproof.symbolic.duals import Dual, Number, derivative, new_level
from bnproof.symbolic.elementary import apply
from bnproof.symbolic.expectation import Expectation, degree
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.reading import numbers_in
from bnproof.symbolic.setting import g, m, x
from bnproof.symbolic.surds import NotExact, Surd

Bindings = dict[Symbol, int]
MOST_OUTCOMES = 256


class Undefined(ArithmeticError):
    """The statement has no real value at this point; the message names the operation."""


class NotEvaluable(ArithmeticError):
    """The expression holds something exact evaluation does not know (an unknown function, a limit)."""


@dataclass
class Point:
    """Concrete exact values: scalars by symbol, entries by base.

    Missing entries come from ``draw``, which must give the same value every time: perturbed copies share it.
    """

    scalars: dict[Symbol, Any]
    draw: Callable[[IndexedBase, tuple[int, ...]], Surd]
    entries: dict[IndexedBase, dict[tuple[int, ...], Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The batch size ``m`` of this point."""
        return int(self.scalars[m].rational)

    def perturbed(self, variable: Expr, index: tuple[int, ...], level: int) -> Point:
        """This point with a dual unit added to a scalar, or to the entry ``index`` of an indexed variable."""
        if not index and variable not in self.scalars:
            raise NotEvaluable(f"a derivative by {variable}, which is no scalar here")
        if not index:
            moved = Dual(self.scalars[variable], Surd(1), level)
            return Point({**self.scalars, variable: moved}, self.draw, self.entries)
        moved = Dual(self.entry(variable.base, index), Surd(1), level)
        entries = {**self.entries, variable.base: {**self.entries[variable.base], index: moved}}
        return Point(self.scalars, self.draw, entries)

    def entry(self, base: IndexedBase, index: tuple[int, ...]) -> Number:
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
        self._known: dict[tuple[Expr, tuple[Any, ...]], Number] = {}

    def value(self, expression: Expr, bound: Bindings | None = None) -> Surd | Interval:
        """The exact value (an interval around it for exp, tanh and their kin), with ``bound`` giving the current values of summation indices."""
        return self.number(expression, bound or {}).plain()

    def number(self, expression: Expr, bound: Bindings) -> Number:
        """The value, a dual number inside a derivative."""
        if expression.is_Atom or isinstance(expression, Indexed):
            return self._number(expression, bound)
        free = numbers_in(expression)
        key = (expression, tuple((index, bound[index]) for index in bound if index in free))
        if key not in self._known:
            self._known[key] = self._number(expression, bound)
        return self._known[key]

    def _number(self, e: Expr, bound: Bindings) -> Number:
        match e:
            case Rational():
                return Surd(Fraction(int(e.p), int(e.q)))
            case Indexed():
                return self.point.entry(e.base, tuple(self._integer(a, bound) for a in e.indices))
            case Symbol():
                return self._symbol(e, bound)
            case Add():
                return reduce(add, (self.number(a, bound) for a in e.args))
            case Mul():
                return reduce(mul, (self.number(a, bound) for a in e.args))
            case Pow():
                return self._power(e, bound)
            case Sum():
                return self._sum(e, bound)
            case KroneckerDelta():
                return Surd(int(self._integer(e.args[0], bound) == self._integer(e.args[1], bound)))
            case Abs():
                inner = self.number(e.args[0], bound)
                return -inner if inner.sign() < 0 else inner
            case sign():
                return Surd(self.number(e.args[0], bound).sign())
            case Piecewise():
                return self._piecewise(e, bound)
            case Derivative():
                return self._derivative(e, bound)
            case Limit():
                return self._limit(e, bound)
            case Expectation():
                return self._expectation(e, bound)
            case exp() | sin() | cos() | tanh() | sinh() | cosh():
                return apply(e.func.__name__, self.number(e.args[0], bound))
        raise NotEvaluable(f"{type(e).__name__} has no exact evaluation")

    def _symbol(self, e: Symbol, bound: Bindings) -> Number:
        if e in bound:
            return Surd(bound[e])
        if e not in self.point.scalars:
            raise NotEvaluable(f"{e} has no value")
        return self.point.scalars[e]

    def _integer(self, e: Expr, bound: Bindings) -> int:
        if e in bound:
            return bound[e]
        value = self.value(e, bound)
        if not value.is_rational or value.rational.denominator != 1:
            raise Undefined(f"the index {e} is {value}, not an integer")
        return int(value.rational)

    def _power(self, e: Pow, bound: Bindings) -> Number:
        base, exponent = self.number(e.base, bound), self.value(e.exp, bound)
        if not exponent.is_rational:
            raise NotExact("an irrational exponent")
        power = exponent.rational
        try:
            if power.denominator == 2:
                base, power = base.sqrt(), power * 2
            if power.denominator != 1 or abs(power) > 200:
                raise NotExact("a root other than the square root, or a power beyond 200")
            return base ** int(power)
        except ZeroDivisionError:
            raise Undefined("division by zero") from None
        except ValueError:
            raise Undefined("the square root of a negative number") from None

    def _sum(self, e: Sum, bound: Bindings) -> Number:
        *inner, (index, low, high) = e.limits
        summand = Sum(e.function, *inner) if inner else e.function
        if low.is_infinite or high.is_infinite:
            raise NotEvaluable("an infinite sum")
        first, last = self._integer(low, bound), self._integer(high, bound)
        if last < first - 1:
            raise Undefined(f"a sum from {first} to {last}")
        terms = (self.number(summand, {**bound, index: position}) for position in range(first, last + 1))
        return reduce(add, terms, Surd(0))

    def _piecewise(self, e: Piecewise, bound: Bindings) -> Number:
        for value, condition in e.args:
            if self.holds(condition, bound):
                return self.number(value, bound)
        raise Undefined("no branch of a Piecewise applies")

    def _derivative(self, e: Derivative, bound: Bindings) -> Number:
        variables = [v for v, count in e.variable_count for _ in range(int(count))]
        point, levels = self.point, [new_level() for _ in variables]
        for variable, level in zip(variables, levels, strict=True):
            index = tuple(self._integer(a, bound) for a in getattr(variable, "indices", ()))
            point = point.perturbed(variable, index, level)
        try:
            value = Evaluator(point).number(e.expr, bound)
        except ZeroDivisionError:
            raise Undefined("a derivative at a kink") from None
        return reduce(derivative, reversed(levels), value)

    def _expectation(self, e: Expectation, bound: Bindings) -> Number:
        """The mean over every outcome of independent entries of the batch, each taking a few values."""
        of_degree = degree(e.args[0])
        if of_degree is None or of_degree > e.most:
            raise NotEvaluable("an expected value beyond the degree its presumptions decide")
        mean, std = (self.number(a, bound) for a in e.args[1:])
        size = self.point.size
        total: Number = Surd(0)
        if len(e.nodes) ** size > MOST_OUTCOMES:
            raise NotEvaluable(f"an expected value over {len(e.nodes)}^{size} outcomes")
        for outcome in product(e.nodes, repeat=size):
            entries: dict[tuple[int, ...], Any] = {(p,): mean + std * node for p, (node, _) in enumerate(outcome, 1)}
            point = Point(self.point.scalars, self.point.draw, {**self.point.entries, x: entries})
            total = total + reduce(mul, (weight for _, weight in outcome)) * Evaluator(point).number(e.args[0], bound)
        return total

    def _limit(self, e: Limit, bound: Bindings) -> Number:
        """SymPy's limit of the written-out function with every number but the variable put in."""
        function, variable, target, direction = e.args
        if function.has(Abs, sign, Expectation):
            raise NotEvaluable("a limit of an absolute value, a sign or an expected value")
        outside = {index: Integer(value) for index, value in bound.items()}
        written = self._written_out(function.xreplace(outside), variable)
        try:
            found = limit(written, variable, target, str(direction))
        except NotImplementedError as error:
            raise NotEvaluable("SymPy does not find the limit") from error
        except ValueError:  # the limits from the left and from the right differ
            raise Undefined("a limit that does not exist") from None
        if found.has(oo, -oo, zoo, nan, AccumBounds):
            raise Undefined("a limit that does not exist")
        return self.number(found, {})

    def _written_out(self, e: Expr, variable: Symbol) -> Expr:
        """``e`` with sums added up and every number but ``variable`` put in."""
        if e == variable:
            return e
        if variable not in numbers_in(e):
            return _rendered(self.value(e))
        if isinstance(e, (Indexed, KroneckerDelta)) or (
            isinstance(e, Sum) and variable in numbers_in(Tuple(*e.limits))
        ):
            raise NotEvaluable("a limit in an index or a bound")
        if isinstance(e, Sum):
            *inner, (index, low, high) = e.limits
            summand = Sum(e.function, *inner) if inner else e.function
            span = range(self._integer(low, {}), self._integer(high, {}) + 1)
            return Add(*(self._written_out(summand.xreplace({index: Integer(p)}), variable) for p in span))
        return e.func(*(self._written_out(a, variable) for a in e.args))

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
                return self._compare(condition, bound)
        raise NotEvaluable(f"{condition} is not a relation")

    def _compare(self, condition: Relational, bound: Bindings) -> bool:
        difference = self.value(condition.lhs, bound) - self.value(condition.rhs, bound)
        if isinstance(difference, Interval) and difference.contains_zero:
            if 0 not in _HOLDS[condition.rel_op]:
                raise NotExact("two intervals that overlap")
            return True  # nothing contradicts it
        return difference.sign() in _HOLDS[condition.rel_op]


def _rendered(value: Surd | Interval) -> Expr:
    if isinstance(value, Interval):
        raise NotExact("an interval inside a limit")
    return Add(*(Rational(q.numerator, q.denominator) * sqrt(d) for d, q in value.terms.items()))


_HOLDS = {"==": {0}, "!=": {-1, 1}, "<": {-1}, "<=": {-1, 0}, ">": {1}, ">=": {0, 1}}
