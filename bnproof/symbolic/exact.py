"""Exact evaluation of a statement as it was written, at one concrete point.

This is the independent second check: it shares no code with the normal form.  An expression is compiled once into
nested functions and evaluated at all its points.  Sums are added term by term, derivatives are those of dual numbers
(:mod:`bnproof.symbolic.duals`), limits those of germs (:mod:`bnproof.symbolic.germs`), expected values are sums over every
outcome of a distribution with the right moments (:mod:`bnproof.symbolic.expectation`), and numbers are elements of
Q(sqrt 2, sqrt 3, ...) (:mod:`bnproof.symbolic.surds`), so a comparison is never a guess.  For exp, tanh and their kin a
number is an interval, and only disjoint intervals count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import pairwise, product
from math import comb
from operator import add, mul
from typing import Any

from flint import fmpq
from sympy import (
    Abs,
    Add,
    Basic,
    Derivative,
    Expr,
    Indexed,
    IndexedBase,
    KroneckerDelta,
    Limit,
    Max,
    Min,
    Mul,
    Piecewise,
    Pow,
    Rational,
    S,
    Sum,
    Symbol,
    cos,
    cosh,
    exp,
    log,
    sin,
    sinh,
    tanh,
)
from sympy import sign as sympy_sign
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanFalse, BooleanTrue, Not, Or

from bnproof.symbolic.duals import Dual, Number, derivative, inverse, new_level, plain, sign, sqrt
from bnproof.symbolic.elementary import apply
from bnproof.symbolic.expectation import Expectation, degree
from bnproof.symbolic.germs import Diverges, Germ
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.reading import numbers_in
from bnproof.symbolic.setting import Every, g, m, x
from bnproof.symbolic.signsets import OF_RELATION
from bnproof.symbolic.surds import NotExact

MOST_OUTCOMES = 256
BUDGET = 200_000  # terms of sums at one point
LONG_SUM = 200  # terms from which the sum of a polynomial in its index is found from differences
LARGEST_POWER = 200
LARGEST_ORDER = 6  # of a derivative: dual numbers double with each order

Scope = tuple[Symbol, ...]


class Undefined(ArithmeticError):
    """The statement has no real value at this point; the message names the operation."""


class NotEvaluable(ArithmeticError):
    """The expression holds something exact evaluation does not know, or would take too long."""


class Grows(Exception):
    """A power with this base has no limit."""

    def __init__(self, base: Number) -> None:
        self.base = base


@dataclass
class Point:
    """Concrete exact values: scalars by symbol, entries by base.

    Missing entries come from ``draw``, which must give the same value every time: perturbed copies share it.
    """

    scalars: dict[Symbol, Any]
    draw: Callable[[IndexedBase, tuple[int, ...]], Any]
    entries: dict[IndexedBase, dict[tuple[int, ...], Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The batch size ``m`` of this point."""
        return int(self.scalars[m].p)

    def perturbed(self, variable: Expr, index: tuple[int, ...], level: int) -> Point:
        """This point with a dual unit added to a scalar, or to the entry ``index`` of a base."""
        if not isinstance(variable, IndexedBase):
            if variable not in self.scalars:
                raise NotEvaluable(f"a derivative by {variable}, which is no scalar here")
            moved = Dual(self.scalars[variable], fmpq(1), level)
            return Point({**self.scalars, variable: moved}, self.draw, self.entries)
        moved = Dual(self.entry(variable, index), fmpq(1), level)
        entries = {**self.entries, variable: {**self.entries[variable], index: moved}}
        return Point(self.scalars, self.draw, entries)

    def entry(self, base: IndexedBase, index: tuple[int, ...]) -> Number:
        """``base[index]``; an entry of ``x`` or ``g`` outside ``1..m`` does not exist."""
        known = self.entries.get(base)
        value = None if known is None else known.get(index)
        if value is not None:
            return value
        if base in (x, g) and not 1 <= index[0] <= self.size:
            raise Undefined(f"{base}[{index[0]}] is not an entry of a batch of {self.size}")
        value = self.entries.setdefault(base, {})[index] = self.draw(base, index)
        return value


@dataclass
class Frame:
    """What an evaluation knows: the point, the values of bound symbols, and what was computed before."""

    point: Point
    meaning: Mapping[Basic, Basic]
    bound: dict[Symbol, Any] = field(default_factory=dict)
    known: dict[Any, Number] = field(default_factory=dict)
    left: list[int] = field(default_factory=lambda: [BUDGET])
    growing: tuple[Number, Number] | None = None  # the base of a power without a limit, and what stands for the power

    def read(self, name: Basic) -> Any:
        """What a free symbol or base is read as."""
        return self.meaning.get(name, name) if self.meaning else name

    def at(self, point: Point) -> Frame:
        """The same evaluation at a perturbed point."""
        return Frame(point, self.meaning, dict(self.bound), {}, self.left, self.growing)

    def spend(self, terms: int) -> None:
        """Raise ``NotEvaluable`` where more terms would be added up than the budget allows."""
        self.left[0] -= terms
        if self.left[0] < 0:
            raise NotEvaluable(f"sums of more than {BUDGET} terms")


Code = Callable[[Frame], Number]


class Evaluator:
    """Evaluates expressions and conditions at one ``Point``; ``meaning``: what free symbols are read as."""

    def __init__(self, point: Point, meaning: Mapping[Basic, Basic] | None = None) -> None:
        self.frame = Frame(point, meaning or {})

    def value(self, expression: Expr) -> Any:
        """The exact value; an interval around it for exp, tanh and their kin."""
        return plain(self._run(compiled(expression, ())))

    def holds(self, condition: Basic) -> bool:
        """Whether a relation (or a conjunction, disjunction, negation of relations) is true here."""
        return bool(self._run(truth(condition, ())))

    def _run(self, code: Code) -> Any:
        try:
            return code(self.frame)
        except Diverges as error:
            raise Undefined(str(error)) from None
        except ZeroDivisionError as error:
            raise Undefined(str(error)) from None


# -- compiling -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 15)
def compiled(e: Expr, scope: Scope) -> Code:
    """A function that evaluates ``e`` under the bound symbols of ``scope``, the innermost last."""
    code = _code(e, scope)
    if e.is_Atom or isinstance(e, Indexed):
        return code
    free = numbers_in(e)
    used = tuple(dict.fromkeys(symbol for symbol in scope if symbol in free))
    if scope and scope[-1] in used and not isinstance(e, (Sum, Derivative, Limit)):
        return code  # it changes at every step
    return _remembered(code, used)


def _remembered(code: Code, used: Scope) -> Code:
    mark = object()

    def closed(frame: Frame) -> Number:
        value = frame.known.get(mark)
        if value is None:
            value = frame.known[mark] = code(frame)
        return value

    def open_(frame: Frame) -> Number:
        bound = frame.bound
        key = (mark, *(bound[symbol] for symbol in used))
        value = frame.known.get(key)
        if value is None:
            value = frame.known[key] = code(frame)
        return value

    return open_ if used else closed


def _code(e: Expr, scope: Scope) -> Code:
    match e:
        case Rational():
            value = fmpq(int(e.p), int(e.q))
            return lambda frame: value
        case Indexed():
            return _entry(e, scope)
        case Symbol():
            return _symbol(e, scope)
        case Add():
            return _fold(add, e, scope)
        case Mul():
            return _fold(mul, e, scope)
        case Pow():
            return _power(e, scope)
        case Sum():
            return _sum(e, scope)
        case KroneckerDelta():
            first, second = (_integer(a, scope) for a in e.args)
            return lambda frame: fmpq(int(first(frame) == second(frame)))
        case Derivative():
            return _derivative(e, scope)
        case Limit():
            return _limit(e, scope)
        case Piecewise():
            return _piecewise(e, scope)
        case Expectation():
            return _expectation(e, scope)
    return _function(e, scope)


def _function(e: Expr, scope: Scope) -> Code:
    if isinstance(e, (Max, Min)):
        sense = 1 if isinstance(e, Max) else -1
        parts = [compiled(a, scope) for a in e.args]
        return lambda frame: reduce(lambda a, b: a if sign(a - b) * sense >= 0 else b, [p(frame) for p in parts])
    if e is S.Exp1:
        return lambda frame: apply("exp", fmpq(1))
    if len(e.args) == 1:
        inner = compiled(e.args[0], scope)
        if isinstance(e, Abs):
            return lambda frame: _absolute(inner(frame))
        if isinstance(e, sympy_sign):
            return lambda frame: fmpq(sign(inner(frame)))
        if isinstance(e, (exp, log, sin, cos, tanh, sinh, cosh)):
            name = e.func.__name__
            return lambda frame: _elementary(name, inner(frame))
    raise NotEvaluable(f"{type(e).__name__} has no exact evaluation")


def _absolute(value: Number) -> Number:
    return -value if sign(value) < 0 else value


def _elementary(name: str, value: Number) -> Number:
    try:
        return apply(name, value)
    except ValueError as error:
        raise Undefined(str(error)) from None


def _fold(operation: Callable[[Number, Number], Number], e: Expr, scope: Scope) -> Code:
    parts = [compiled(a, scope) for a in e.args]
    if len(parts) == 2:
        first, second = parts
        return lambda frame: operation(first(frame), second(frame))
    return lambda frame: reduce(operation, [part(frame) for part in parts])


def _symbol(e: Symbol, scope: Scope) -> Code:
    if e in scope:
        return lambda frame: _as_number(frame.bound[e])

    def free(frame: Frame) -> Number:
        read = frame.read(e)
        if read not in frame.point.scalars:
            raise NotEvaluable(f"{e} has no value")
        return frame.point.scalars[read]

    return free


def _as_number(value: Any) -> Number:
    return fmpq(value) if isinstance(value, int) else value


def _entry(e: Indexed, scope: Scope) -> Code:
    base = e.base
    indices = [_integer(a, scope) for a in e.indices]
    if len(indices) == 1:
        (only,) = indices
        return lambda frame: frame.point.entry(frame.read(base), (only(frame),))
    return lambda frame: frame.point.entry(frame.read(base), tuple(one(frame) for one in indices))


def _integer(e: Expr, scope: Scope) -> Callable[[Frame], int]:
    if e in scope:
        return lambda frame: _whole(e, frame.bound[e])
    if e.is_Integer:
        number = int(e)
        return lambda frame: number
    code = compiled(e, scope)
    return lambda frame: _whole(e, plain(code(frame)))


def _whole(e: Expr, value: Any) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, Germ):
        raise NotEvaluable("a limit in an index or a bound")
    if not isinstance(value, fmpq) or value.q != 1:
        raise Undefined(f"the index {e} is {value}, not an integer")
    return int(value.p)


def _power(e: Pow, scope: Scope) -> Code:
    base = compiled(e.base, scope)
    if e.exp.is_Integer:
        power = int(e.exp)
        return lambda frame: _to(base(frame), power)
    exponent = compiled(e.exp, scope)
    return lambda frame: _raised(base(frame), plain(exponent(frame)), frame)


def _to(base: Number, power: int) -> Number:
    if abs(power) > LARGEST_POWER:
        raise NotExact(f"a power beyond {LARGEST_POWER}")
    if power < 0:
        try:
            base, power = inverse(base), -power
        except ZeroDivisionError:
            raise Undefined("division by zero") from None
    return base**power


def _raised(base: Number, exponent: Any, frame: Frame) -> Number:
    if isinstance(exponent, Germ):
        return _to_infinity(base, exponent, frame)
    if not isinstance(exponent, fmpq):
        raise NotExact("an irrational exponent")
    if exponent.q == 1:
        return _to(base, int(exponent.p))
    if exponent.q != 2:
        raise NotExact("a root other than the square root")
    try:
        root = sqrt(base)
    except ValueError:
        raise Undefined("the square root of a negative number") from None
    return _to(root, int(exponent.p))


def _to_infinity(base: Number, exponent: Germ, frame: Frame) -> Number:
    """``b^n`` for an integer ``n = c/t^2 + d`` that tends to infinity: 1 or, where ``|b| < 1``, less than any power of t.

    Elsewhere it has no limit of its own, and ``frame.growing`` says what stands for ``b^(1/t^2)``.
    """
    if exponent.terms.keys() == {0} and exponent.known is None:
        return _raised(base, exponent.terms[0], frame)
    grows = exponent.terms.keys() <= {-2, 0} and exponent.known is None and exponent.terms[-2] > 0
    if not grows or isinstance(base, (Dual, Germ, Interval)):
        raise NotEvaluable("a power whose base and exponent change in a limit")
    if sign(base - 1) == 0:
        return base
    if sign(base - 1) < 0 < sign(base + 1):
        return Germ({}, 60)
    if exponent.terms[-2] != 1 or (frame.growing and sign(frame.growing[0] - base)):
        raise NotEvaluable("powers that grow in a limit")
    if not frame.growing:
        raise Grows(base)
    return frame.growing[1] * _raised(base, exponent.terms.get(0, fmpq(0)), frame)


def _sum(e: Sum, scope: Scope) -> Code:
    *inner, (index, low, high) = e.limits
    summand = Sum(e.function, *inner) if inner else e.function
    first, last = _integer(low, scope), _integer(high, scope)
    term = compiled(summand, (*scope, index))
    degree_in_index = None if index in scope else _degree(summand, index)

    def total(frame: Frame) -> Number:
        start, end = first(frame), last(frame)
        if end < start - 1:
            raise Undefined(f"a sum from {start} to {end}")
        if degree_in_index is not None and end - start > LONG_SUM:
            return _newton(frame, term, index, start, end, degree_in_index)
        frame.spend(end - start + 1)
        bound, value = frame.bound, fmpq(0)
        outside = bound.get(index)
        for position in range(start, end + 1):
            bound[index] = position
            value = value + term(frame)
        if outside is None:
            bound.pop(index, None)
        else:
            bound[index] = outside
        return value

    return total


def _degree(e: Expr, index: Symbol) -> int | None:
    """The degree of what is visibly a polynomial in the index, ``None`` for anything else."""
    if index not in numbers_in(e):
        return 0
    if e == index:
        return 1
    if isinstance(e, Pow):
        base = _degree(e.base, index)
        return None if base is None or not (e.exp.is_Integer and e.exp > 0) else base * int(e.exp)
    if not isinstance(e, (Add, Mul)):
        return None
    parts = [_degree(a, index) for a in e.args]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return max(known) if isinstance(e, Add) else sum(known)


def _newton(frame: Frame, term: Code, index: Symbol, start: int, end: int, degree: int) -> Number:
    """A long sum of a polynomial: ``sum_{n=0}^{N-1} f(n) = sum_k binom(N, k+1) D^k f(0)`` with forward differences D."""
    frame.spend(degree + 1)
    values = []
    for position in range(start, start + degree + 1):
        frame.bound[index] = position
        values.append(term(frame))
    del frame.bound[index]
    total: Number = fmpq(0)
    for k in range(degree + 1):
        total = total + values[0] * fmpq(comb(end - start + 1, k + 1))
        values = [after - before for before, after in pairwise(values)]
    return total


def _piecewise(e: Piecewise, scope: Scope) -> Code:
    branches = [(compiled(value, scope), truth(condition, scope)) for value, condition in e.args]

    def chosen(frame: Frame) -> Number:
        for value, condition in branches:
            if condition(frame):
                return value(frame)
        raise Undefined("no branch of a Piecewise applies")

    return chosen


def _derivative(e: Derivative, scope: Scope) -> Code:
    inside = compiled(e.expr, scope)
    variables = [v for v, count in e.variable_count for _ in range(_order(count))]
    indices = [[_integer(a, scope) for a in getattr(v, "indices", ())] for v in variables]

    def slope(frame: Frame) -> Number:
        point, levels = frame.point, [new_level() for _ in variables]
        for variable, level, index in zip(variables, levels, indices, strict=True):
            base = getattr(variable, "base", variable)
            if variable in frame.bound:
                raise NotEvaluable(f"a derivative by {variable}, the variable of a sum or limit")
            moved = frame.read(base)
            point = point.perturbed(moved, tuple(one(frame) for one in index), level)
        try:
            value = inside(frame.at(point))
        except ZeroDivisionError:
            raise Undefined("a derivative at a kink") from None
        return reduce(derivative, reversed(levels), value)

    return slope


def _order(count: Expr) -> int:
    if not count.is_Integer or count > LARGEST_ORDER:
        raise NotEvaluable(f"a derivative of the order {count}")
    return int(count)


def _expectation(e: Expectation, scope: Scope) -> Code:
    """The mean over every outcome of independent entries of the batch, each taking a few values."""
    of_degree = degree(e.args[0])
    if of_degree is None or of_degree > e.most:
        raise NotEvaluable("an expected value beyond the degree its presumptions decide")
    inside, mean, std = (compiled(a, scope) for a in e.args)

    def expected(frame: Frame) -> Number:
        size, mu, sigma = frame.point.size, mean(frame), std(frame)
        if len(e.nodes) ** size > MOST_OUTCOMES:
            raise NotEvaluable(f"an expected value over {len(e.nodes)}^{size} outcomes")
        values = [(mu + sigma * node, weight) for node, weight in e.nodes]
        total: Number = fmpq(0)
        for outcome in product(values, repeat=size):
            entries: dict[tuple[int, ...], Any] = {(p,): value for p, (value, _) in enumerate(outcome, 1)}
            point = Point(frame.point.scalars, frame.point.draw, {**frame.point.entries, x: entries})
            total = total + reduce(mul, (weight for _, weight in outcome)) * inside(frame.at(point))
        return total

    return expected


# -- limits --------------------------------------------------------------------------------------------------------


def _limit(e: Limit, scope: Scope) -> Code:
    function, variable, target, direction = e.args
    inside = compiled(function, (*scope, variable))
    end = None if target in (S.Infinity, S.NegativeInfinity) else compiled(target, scope)
    senses = {"+": (1,), "-": (-1,)}.get(str(direction), (1, -1))

    def found(frame: Frame) -> Number:
        if end is None:
            return _near(frame, inside, variable, Germ({-2: fmpq(1 if target is S.Infinity else -1)}))
        at = end(frame)
        continuous = _by_continuity(frame, inside, variable, at)
        if continuous is not None:
            return continuous
        if isinstance(at, Dual):
            raise NotEvaluable("a derivative of a limit")
        sides = [_near(frame, inside, variable, Germ({0: at, 2: fmpq(sense)})) for sense in senses]
        if len(sides) == 2 and sign(sides[0] - sides[1]) != 0:
            raise Undefined("a limit from two sides that differ")
        return sides[0]

    return found


def _with(frame: Frame, variable: Symbol, value: Any) -> Frame:
    other = frame.at(frame.point)
    other.bound[variable] = value
    return other


def _by_continuity(frame: Frame, inside: Code, variable: Symbol, at: Number) -> Number | None:
    """The value at the target, where the function can be differentiated there; else ``None``."""
    level = new_level()
    try:
        value = inside(_with(frame, variable, Dual(at, fmpq(1), level)))
    except (Undefined, NotExact, ZeroDivisionError):
        return None
    return value.value if isinstance(value, Dual) and value.level == level else value


def _near(frame: Frame, inside: Code, variable: Symbol, germ: Germ) -> Number:
    try:
        value = inside(_with(frame, variable, germ))
    except Grows as power:
        value = _without_power(frame, inside, variable, germ, power.base)
    if isinstance(value, Dual):
        raise NotEvaluable("a derivative of a limit")
    return value.limit() if isinstance(value, Germ) else value


def _without_power(frame: Frame, inside: Code, variable: Symbol, germ: Germ, base: Number) -> Number:
    """A function that is linear in a power without a limit: it has a limit only where the power's coefficient is 0."""

    def standing(value: int) -> Number:
        other = _with(frame, variable, germ)
        other.growing = (base, fmpq(value))
        return inside(other)

    without, once, twice = map(standing, (0, 1, 2))
    if sign(twice - once - once + without):
        raise NotEvaluable("a power that grows in a limit")
    factor = once - without
    if sign(base + 1) == 0 and isinstance(factor, Germ) and sign(factor.limit()) == 0:
        return without  # (-1)^n times what tends to 0
    if sign(factor):
        raise Undefined("a limit that does not exist")
    return without


# -- relations -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 13)
def truth(condition: Basic, scope: Scope) -> Callable[[Frame], bool]:
    """A function that tells whether a relation (or what is built of relations) holds."""
    match condition:
        case BooleanTrue() | BooleanFalse():
            value = bool(condition)
            return lambda frame: value
        case Every():
            return _every(condition, scope)
        case And() | Or():
            parts = [truth(c, scope) for c in condition.args]
            whole = all if isinstance(condition, And) else any
            return lambda frame: whole([part(frame) for part in parts])
        case Not():
            inner = truth(condition.args[0], scope)
            return lambda frame: not inner(frame)
        case Relational():
            first, second = compiled(condition.lhs, scope), compiled(condition.rhs, scope)
            signs = OF_RELATION[condition.rel_op]
            return lambda frame: _compare(first(frame), second(frame), signs)
    raise NotEvaluable(f"{condition} is not a relation")


def _every(condition: Every, scope: Scope) -> Callable[[Frame], bool]:
    indices = condition.indices
    inside = truth(condition.relation, (*scope, *indices))

    def all_hold(frame: Frame) -> bool:
        size = frame.point.size
        frame.spend(size ** len(indices))
        for chosen in product(range(1, size + 1), repeat=len(indices)):
            other = Frame(frame.point, frame.meaning, {**frame.bound, **dict(zip(indices, chosen, strict=True))})
            if not inside(other):
                return False
        return True

    return all_hold


def _compare(first: Number, second: Number, signs: frozenset[int]) -> bool:
    difference = plain(first - second)
    if isinstance(difference, Germ):
        raise NotEvaluable("a case distinction in a limit")
    if isinstance(difference, Interval) and difference.contains_zero:
        if 0 not in signs:
            raise NotExact("two intervals that overlap")
        return True  # nothing contradicts it
    return sign(difference) in signs
