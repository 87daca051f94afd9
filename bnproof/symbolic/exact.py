"""Exact evaluation of a statement as it was written, at one concrete point.

This is the independent second check: it shares no code with the normal form.  An expression is
compiled once into nested functions and evaluated at all its points.  Sums are added term by term,
derivatives are those of dual numbers (:mod:`bnproof.symbolic.duals`), limits those of germs
(:mod:`bnproof.symbolic.germs`), expected values are sums over every outcome of a distribution with
the right moments (:mod:`bnproof.symbolic.expectation`), and numbers are elements of Q(sqrt 2, sqrt
3, ...) (:mod:`bnproof.symbolic.surds`), so a comparison is never a guess.  For exp, tanh and their
kin a number is an interval, and only disjoint intervals count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, reduce
from itertools import product
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

from bnproof.symbolic.duals import Dual, Number, drop_infinitesimals, sign
from bnproof.symbolic.elementary import apply
from bnproof.symbolic.exact_limits import compile_limit
from bnproof.symbolic.exact_moves import compile_derivative, compile_expectation, list_variables
from bnproof.symbolic.exact_powers import integer_power, raise_to
from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.frames import Code, Frame, NotEvaluable, Point, Scope, Undefined
from bnproof.symbolic.germs import Diverges, Germ
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.long_sums import LONG_SUM, degree_in, sum_by_differences
from bnproof.symbolic.reading import find_numbers
from bnproof.symbolic.setting import Every
from bnproof.symbolic.signsets import OF_RELATION
from bnproof.symbolic.surds import NotExact


class Evaluator:
    """Evaluates expressions and conditions at one ``Point``; ``meaning``: what free symbols are
    read as."""

    def __init__(self, point: Point, meaning: Mapping[Basic, Basic] | None = None) -> None:
        self.frame = Frame(point, meaning or {})

    def evaluate(self, expression: Expr) -> Any:
        """The exact value; an interval around it for exp, tanh and their kin."""
        return drop_infinitesimals(self._run(compile_expression(expression, ())))

    def holds(self, condition: Basic) -> bool:
        """Whether a relation (or a conjunction, disjunction, negation of relations) is true here,
        beyond doubt."""
        return bool(self._run(compile_condition(condition, ())))

    def allows(self, condition: Basic) -> bool:
        """As ``holds``; but two sides that are known as intervals count as equal where these
        overlap."""
        if not isinstance(condition, Relational) or 0 not in OF_RELATION[condition.rel_op]:
            return self.holds(condition)
        apart = self._run(compile_expression(condition.lhs, ())) - self._run(
            compile_expression(condition.rhs, ())
        )
        if isinstance(apart, Interval) and apart.contains_zero:
            return True
        return self.holds(condition)

    @property
    def whole(self) -> bool:
        """Whether every summand of what was evaluated was looked at: an empty sum says nothing
        about its own."""
        return self.frame.spent.whole

    def _run(self, code: Code) -> Any:
        try:
            return code(self.frame)
        except Diverges as error:
            raise Undefined(str(error)) from None
        except ZeroDivisionError as error:
            raise Undefined(str(error)) from None


# -- compiling -------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 15)
def compile_expression(e: Expr, scope: Scope) -> Code:
    """A function that evaluates ``e`` under the bound symbols of ``scope``, the innermost last."""
    code = _compile(e, scope)
    if e.is_Atom or isinstance(e, Indexed):
        return code
    free = find_numbers(e)
    used = tuple(dict.fromkeys(symbol for symbol in scope if symbol in free))
    if scope and scope[-1] in used and not isinstance(e, (Sum, Derivative, Limit)):
        return code  # it changes at every step
    return _remember(code, used)


def _remember(code: Code, used: Scope) -> Code:
    mark = object()

    def recall_value(frame: Frame) -> Number:
        value = frame.known.get(mark)
        if value is None:
            value = frame.known[mark] = code(frame)
        return value

    def recall_by_bound(frame: Frame) -> Number:
        bound = frame.bound
        key = (mark, *(bound[symbol] for symbol in used))
        value = frame.known.get(key)
        if value is None:
            value = frame.known[key] = code(frame)
        return value

    return recall_by_bound if used else recall_value


def _compile(e: Expr, scope: Scope) -> Code:
    match e:
        case Rational():
            value = fmpq(int(e.p), int(e.q))
            return lambda frame: value
        case Indexed():
            return _compile_entry(e, scope)
        case Symbol():
            return _compile_symbol(e, scope)
        case Add():
            return _compile_fold(add, e, scope)
        case Mul():
            return _compile_fold(mul, e, scope)
        case Pow():
            return _compile_power(e, scope)
        case Sum():
            return _compile_sum(e, scope)
        case KroneckerDelta():
            first, second = (_compile_integer(a, scope) for a in e.args)
            return lambda frame: fmpq(int(first(frame) == second(frame)))
        case Derivative():
            return _compile_derivative(e, scope)
        case Limit():
            return _compile_limit(e, scope)
        case Piecewise():
            return _compile_piecewise(e, scope)
        case Expectation():
            return _compile_expectation(e, scope)
    return _compile_function(e, scope)


def _compile_function(e: Expr, scope: Scope) -> Code:
    if isinstance(e, (Max, Min)):
        sense = 1 if isinstance(e, Max) else -1
        parts = [compile_expression(a, scope) for a in e.args]
        return lambda frame: reduce(
            lambda a, b: a if sign(a - b) * sense >= 0 else b, [p(frame) for p in parts]
        )
    if e is S.Exp1:
        return lambda frame: apply("exp", fmpq(1))
    if len(e.args) == 1:
        inner = compile_expression(e.args[0], scope)
        if isinstance(e, Abs):
            return lambda frame: _absolute_value(inner(frame))
        if isinstance(e, sympy_sign):
            return lambda frame: fmpq(sign(inner(frame)))
        if isinstance(e, (exp, log, sin, cos, tanh, sinh, cosh)):
            name = e.func.__name__
            return lambda frame: _apply_elementary(name, inner(frame))
    raise NotEvaluable(f"{type(e).__name__} has no exact evaluation")


def _absolute_value(value: Number) -> Number:
    return -value if sign(value) < 0 else value


def _apply_elementary(name: str, value: Number) -> Number:
    try:
        return apply(name, value)
    except ValueError as error:
        raise Undefined(str(error)) from None


def _compile_fold(operation: Callable[[Number, Number], Number], e: Expr, scope: Scope) -> Code:
    parts = [compile_expression(a, scope) for a in e.args]
    if len(parts) == 2:
        first, second = parts
        return lambda frame: operation(first(frame), second(frame))
    return lambda frame: reduce(operation, [part(frame) for part in parts])


def _compile_symbol(e: Symbol, scope: Scope) -> Code:
    if e in scope:
        return lambda frame: _as_number(frame.bound[e])

    def read_free(frame: Frame) -> Number:
        read = frame.read(e)
        if read not in frame.point.scalars:
            raise NotEvaluable(f"{e} has no value")
        return frame.point.scalars[read]

    return read_free


def _as_number(value: Any) -> Number:
    return fmpq(value) if isinstance(value, int) else value


def _compile_entry(e: Indexed, scope: Scope) -> Code:
    base = e.base
    indices = [_compile_integer(a, scope) for a in e.indices]
    if len(indices) == 1:
        (only,) = indices
        return lambda frame: frame.point.entry(frame.read(base), (only(frame),))
    return lambda frame: frame.point.entry(frame.read(base), tuple(one(frame) for one in indices))


def _compile_integer(e: Expr, scope: Scope) -> Callable[[Frame], int]:
    if e in scope:
        return lambda frame: _require_integer(e, frame.bound[e])
    if e.is_Integer:
        number = int(e)
        return lambda frame: number
    code = compile_expression(e, scope)
    return lambda frame: _require_integer(e, drop_infinitesimals(code(frame)))


def _require_integer(e: Expr, value: Any) -> int:
    if isinstance(value, int):
        return value
    if isinstance(value, Germ):
        raise NotEvaluable("a limit in an index or a bound")
    if not isinstance(value, fmpq) or value.q != 1:
        raise Undefined(f"the index {e} is {value}, not an integer")
    return int(value.p)


def _compile_power(e: Pow, scope: Scope) -> Code:
    base = compile_expression(e.base, scope)
    if e.exp.is_Integer:
        power = int(e.exp)
        return lambda frame: integer_power(base(frame), power)
    exponent = compile_expression(e.exp, scope)
    return lambda frame: raise_to(base(frame), exponent(frame), frame)


def _compile_sum(e: Sum, scope: Scope) -> Code:
    *inner, (index, low, high) = e.limits
    summand = Sum(e.function, *inner) if inner else e.function
    first, last = _compile_integer(low, scope), _compile_integer(high, scope)
    term = compile_expression(summand, (*scope, index))
    polynomial = None if index in scope else degree_in(summand, index)

    def add_terms(frame: Frame) -> Number:
        start, end = first(frame), last(frame)
        if end < start - 1:
            raise Undefined(f"a sum from {start} to {end}")
        if polynomial is not None and end - start > LONG_SUM:
            return sum_by_differences(frame, term, index, start, end, polynomial)
        frame.spend(end - start + 1)
        (frame.spent.empty if end < start else frame.spent.added).add(e)
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

    return add_terms


def _compile_piecewise(e: Piecewise, scope: Scope) -> Code:
    branches = [
        (compile_expression(value, scope), compile_condition(condition, scope))
        for value, condition in e.args
    ]

    def choose_branch(frame: Frame) -> Number:
        for value, condition in branches:
            if condition(frame):
                return value(frame)
        raise Undefined("no branch of a Piecewise applies")

    return choose_branch


def _compile_derivative(e: Derivative, scope: Scope) -> Code:
    indices = [
        [_compile_integer(a, scope) for a in getattr(v, "indices", ())] for v in list_variables(e)
    ]
    return compile_derivative(e, compile_expression(e.expr, scope), indices)


def _compile_expectation(e: Expectation, scope: Scope) -> Code:
    return compile_expectation(e, *(compile_expression(a, scope) for a in e.args))


def _compile_limit(e: Limit, scope: Scope) -> Code:
    function, variable, target, _ = e.args
    end = None if target in (S.Infinity, S.NegativeInfinity) else compile_expression(target, scope)
    return compile_limit(e, compile_expression(function, (*scope, variable)), end)


# -- relations -------------------------------------------------------------------------------------


@lru_cache(maxsize=1 << 13)
def compile_condition(condition: Basic, scope: Scope) -> Callable[[Frame], bool]:
    """A function that tells whether a relation (or what is built of relations) holds."""
    match condition:
        case BooleanTrue() | BooleanFalse():
            value = bool(condition)
            return lambda frame: value
        case Every():
            return _compile_every(condition, scope)
        case And() | Or():
            parts = [compile_condition(c, scope) for c in condition.args]
            whole = all if isinstance(condition, And) else any
            return lambda frame: whole([part(frame) for part in parts])
        case Not():
            inner = compile_condition(condition.args[0], scope)
            return lambda frame: not inner(frame)
        case Relational():
            first, second = (
                compile_expression(condition.lhs, scope),
                compile_expression(condition.rhs, scope),
            )
            signs = OF_RELATION[condition.rel_op]
            return lambda frame: _compare(first(frame), second(frame), signs)
    raise NotEvaluable(f"{condition} is not a relation")


def _compile_every(condition: Every, scope: Scope) -> Callable[[Frame], bool]:
    indices = condition.indices
    inside = compile_condition(condition.relation, (*scope, *indices))

    def all_hold(frame: Frame) -> bool:
        size = frame.point.size
        frame.spend(size ** len(indices))
        for chosen in product(range(1, size + 1), repeat=len(indices)):
            other = frame.move_to(frame.point)
            other.bound |= dict(zip(indices, chosen, strict=True))
            if not inside(other):
                return False
        return True

    return all_hold


def _compare(first: Number, second: Number, signs: frozenset[int]) -> bool:
    apart = first - second
    difference = drop_infinitesimals(apart)
    if isinstance(apart, Dual) and sign(difference) == 0:
        if sign(drop_infinitesimals(apart.derivative)) != 0:
            raise ZeroDivisionError("a derivative at a point where cases meet")
        raise NotExact("a derivative at a point where cases may meet")
    if isinstance(difference, Germ):
        raise NotEvaluable("a case distinction in a limit")
    if isinstance(difference, Interval) and difference.contains_zero:
        raise NotExact("two intervals that overlap")
    return sign(difference) in signs
