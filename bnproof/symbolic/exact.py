"""Exact evaluation of a statement as it was written, at one concrete point.

This is the independent second check: it shares no code with the normal form. Every kind of
operation has an arithmetic of its own that is exact or encloses.

- Sums are added term by term.
- Numbers are elements of Q(sqrt 2, sqrt 3, ...) (:mod:`bnproof.symbolic.surds`), so a comparison is
  never a guess.
- For exp, tanh and their kin a number is an interval (:mod:`bnproof.symbolic.intervals`), and only
  disjoint intervals count.
- Derivatives are those of dual numbers (:mod:`bnproof.symbolic.duals`).
- Limits are those of germs (:mod:`bnproof.symbolic.germs`).
- Expected values are sums over every outcome of a distribution with the right moments
  (:mod:`bnproof.symbolic.expectation`).

An expression is compiled once into nested functions, since it is evaluated at many points. Each
function takes a :class:`~bnproof.symbolic.frames.Frame` and returns a number.

Start reading at :class:`Evaluator`, then at :func:`compile_expression`.
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
    """Evaluates expressions and conditions at one point.

    Parameters
    ----------
    point
        The values of scalars and entries.
    meaning
        What free symbols and bases are read as, where that is not the symbol itself; ``None`` where
        every symbol is read as itself.

    Notes
    -----
    All methods raise ``Undefined`` where there is no real value at the point, ``NotExact`` where
    the number is beyond exact arithmetic, and ``NotEvaluable`` for an operation that is unknown
    here or takes too long.

    Examples
    --------
    >>> from flint import fmpq
    >>> from sympy import Symbol, sqrt
    >>> from bnproof.symbolic.frames import Point
    >>> a = Symbol("a", real=True)
    >>> at = Evaluator(Point({a: fmpq(3, 4)}, lambda base, index: fmpq(0)))
    >>> print(at.evaluate(a**2), at.evaluate(sqrt(a)), at.holds(sqrt(a) > a))
    9/16 1/2*sqrt(3) True
    """

    def __init__(self, point: Point, meaning: Mapping[Basic, Basic] | None = None) -> None:
        self.frame = Frame(point, meaning or {})

    def evaluate(self, expression: Expr) -> Any:
        """Evaluate an expression.

        Returns
        -------
        fmpq, Surd or Interval
            The exact value, or an interval that contains it for exp, tanh and their kin.
        """
        return drop_infinitesimals(self._run(compile_expression(expression, ())))

    def holds(self, condition: Basic) -> bool:
        """Tell whether a condition is true here, beyond doubt.

        Parameters
        ----------
        condition
            A relation, a conjunction, disjunction or negation of relations, or a condition on all
            entries.

        Returns
        -------
        bool
            Both answers are certain. Where two intervals overlap there is none, and ``NotExact`` is
            raised.
        """
        return bool(self._run(compile_condition(condition, ())))

    def allows(self, condition: Basic) -> bool:
        """Tell whether a condition is true here as far as the numbers can tell.

        Two sides that are known as intervals count as equal where these overlap. An equation
        between them could be shown false here, never true. In all other respects this is
        :meth:`holds`.
        """
        # a strict relation of intervals that overlap stays open, and is refused by ``holds``
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
        """Whether every summand of what was evaluated was looked at.

        An empty sum says nothing about its summand, so a point where a sum was empty at every turn
        checks less than the whole statement.
        """
        return self.frame.spent.whole

    def _run(self, code: Code) -> Any:
        """Run compiled code; what does not exist is reported as ``Undefined``."""
        try:
            return code(self.frame)
        except Diverges as error:
            raise Undefined(str(error)) from None
        except ZeroDivisionError as error:
            raise Undefined(str(error)) from None


# -- compiling -------------------------------------------------------------------------------------


# subexpressions are compiled on their own, so equal ones in all statements share their code
@lru_cache(maxsize=1 << 15)
def compile_expression(e: Expr, scope: Scope) -> Code:
    """Compile an expression into a function that evaluates it.

    Parameters
    ----------
    e
        The expression.
    scope
        The bound symbols that have a value when the function is called, the innermost last. A name
        that occurs twice means the inner one.

    Returns
    -------
    callable
        From a ``Frame`` to a number. Within one frame a value that does not change at every step of
        the innermost sum is computed once for each choice of the bound symbols that occur in it.
    """
    code = _compile(e, scope)
    # a look at the table of known values would take longer than the value itself
    if e.is_Atom or isinstance(e, Indexed):
        return code
    free = find_numbers(e)
    used = tuple(dict.fromkeys(symbol for symbol in scope if symbol in free))
    if scope and scope[-1] in used and not isinstance(e, (Sum, Derivative, Limit)):
        return code  # it changes at every step
    return _remember(code, used)


def _remember(code: Code, used: Scope) -> Code:
    """Code that looks its value up before it computes it.

    The value is kept in the frame, under a mark of this code and the values of the bound symbols
    that occur in the expression.
    """
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
    """Compile one node, by its type."""
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
    """Compile a function of one argument, a maximum or a minimum."""
    if isinstance(e, (Max, Min)):
        sense = 1 if isinstance(e, Max) else -1
        parts = [compile_expression(a, scope) for a in e.args]
        return lambda frame: reduce(
            # by exact comparison, which fails loudly where two intervals overlap
            lambda a, b: a if sign(a - b) * sense >= 0 else b,
            [p(frame) for p in parts],
        )
    # SymPy writes exp(1) as a constant, which is no call of exp
    if e is S.Exp1:
        return lambda frame: apply("exp", fmpq(1))
    if len(e.args) == 1:
        inner = compile_expression(e.args[0], scope)
        if isinstance(e, Abs):
            return lambda frame: _absolute_value(inner(frame))
        if isinstance(e, sympy_sign):
            # at 0 the sign is 0; under a derivative the dual number refuses it
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
    """Compile a sum or a product of any number of parts."""
    # every part is evaluated before anything is combined: 0 times what does not exist does not
    # exist
    parts = [compile_expression(a, scope) for a in e.args]
    if len(parts) == 2:
        first, second = parts
        return lambda frame: operation(first(frame), second(frame))
    return lambda frame: reduce(operation, [part(frame) for part in parts])


def _compile_symbol(e: Symbol, scope: Scope) -> Code:
    """Compile a symbol: bound by a sum or a limit around it, or a scalar of the point."""
    if e in scope:
        return lambda frame: _as_number(frame.bound[e])

    def read_free(frame: Frame) -> Number:
        read = frame.read(e)
        if read not in frame.point.scalars:
            raise NotEvaluable(f"{e} has no value")
        return frame.point.scalars[read]

    return read_free


def _as_number(value: Any) -> Number:
    """Summation indices are Python integers, all other numbers are exact ones."""
    return fmpq(value) if isinstance(value, int) else value


def _compile_entry(e: Indexed, scope: Scope) -> Code:
    """Compile an entry of a base, with one index or several."""
    base = e.base
    indices = [_compile_integer(a, scope) for a in e.indices]
    if len(indices) == 1:
        (only,) = indices
        return lambda frame: frame.point.entry(frame.read(base), (only(frame),))
    return lambda frame: frame.point.entry(frame.read(base), tuple(one(frame) for one in indices))


def _compile_integer(e: Expr, scope: Scope) -> Callable[[Frame], int]:
    """Compile an index or a bound of a sum, which has to be an integer."""
    if e in scope:
        return lambda frame: _require_integer(e, frame.bound[e])
    if e.is_Integer:
        number = int(e)
        return lambda frame: number
    code = compile_expression(e, scope)
    return lambda frame: _require_integer(e, drop_infinitesimals(code(frame)))


def _require_integer(e: Expr, value: Any) -> int:
    """The value as an integer; raises ``Undefined`` for any other number."""
    if isinstance(value, int):
        return value
    if isinstance(value, Germ):
        raise NotEvaluable("a limit in an index or a bound")
    if not isinstance(value, fmpq) or value.q != 1:
        raise Undefined(f"the index {e} is {value}, not an integer")
    return int(value.p)


def _compile_power(e: Pow, scope: Scope) -> Code:
    """Compile a power; a number as its exponent is read at once."""
    base = compile_expression(e.base, scope)
    # the usual case, decided while compiling and not at every point
    if e.exp.is_Integer:
        power = int(e.exp)
        return lambda frame: integer_power(base(frame), power)
    exponent = compile_expression(e.exp, scope)
    return lambda frame: raise_to(base(frame), exponent(frame), frame)


def _compile_sum(e: Sum, scope: Scope) -> Code:
    """Compile a sum, which is added up term by term.

    A long sum of a polynomial in its index is found from a few terms instead. A sum from ``low`` to
    ``low - 1`` is empty and 0. One that runs backwards further than that has no value here,
    whatever SymPy makes of it.
    """
    *inner, (index, low, high) = e.limits
    summand = Sum(e.function, *inner) if inner else e.function
    first, last = _compile_integer(low, scope), _compile_integer(high, scope)
    term = compile_expression(summand, (*scope, index))
    # the short cut unbinds its index, which a sum around this one may still need
    polynomial = None if index in scope else degree_in(summand, index)

    def add_terms(frame: Frame) -> Number:
        start, end = first(frame), last(frame)
        # an empty sum is 0, and one that runs backwards has no value that all readers agree on
        if end < start - 1:
            raise Undefined(f"a sum from {start} to {end}")
        if polynomial is not None and end - start > LONG_SUM:
            return sum_by_differences(frame, term, index, start, end, polynomial)
        frame.spend(end - start + 1)
        (frame.spent.empty if end < start else frame.spent.added).add(e)
        bound, value = frame.bound, fmpq(0)
        # statements are evaluated as received, and an inner sum may use the name of an outer one
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
    """Compile a case distinction; only the first case that applies is evaluated."""
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
    """Compile a derivative, whose variables may be entries with computed indices."""
    # an index of an entry may be a summation index around the derivative
    indices = [
        [_compile_integer(a, scope) for a in getattr(v, "indices", ())] for v in list_variables(e)
    ]
    return compile_derivative(e, compile_expression(e.expr, scope), indices)


def _compile_expectation(e: Expectation, scope: Scope) -> Code:
    """Compile an expected value: what it is of, the mean, and the standard deviation."""
    return compile_expectation(e, *(compile_expression(a, scope) for a in e.args))


def _compile_limit(e: Limit, scope: Scope) -> Code:
    """Compile a limit, whose function is compiled with the variable bound."""
    function, variable, target, _ = e.args
    # infinity is no number: a germ of its own stands for it
    end = None if target in (S.Infinity, S.NegativeInfinity) else compile_expression(target, scope)
    return compile_limit(e, compile_expression(function, (*scope, variable)), end)


# -- relations -------------------------------------------------------------------------------------


# conditions are fewer than expressions
@lru_cache(maxsize=1 << 13)
def compile_condition(condition: Basic, scope: Scope) -> Callable[[Frame], bool]:
    """Compile a condition into a function that tells whether it holds.

    Parameters
    ----------
    condition
        A relation, a logical combination of relations, ``true``, ``false``, or a condition on all
        entries.
    scope
        The bound symbols that have a value when the function is called.

    Raises
    ------
    NotEvaluable
        For anything else.
    """
    match condition:
        case BooleanTrue() | BooleanFalse():
            value = bool(condition)
            return lambda frame: value
        case Every():
            return _compile_every(condition, scope)
        case And() | Or():
            parts = [compile_condition(c, scope) for c in condition.args]
            # a list, not a generator: every part is looked at, so that one without a value is
            # noticed
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
    """Compile a condition on all entries, by trying every choice of its indices in ``1..m``."""
    indices = condition.indices
    inside = compile_condition(condition.relation, (*scope, *indices))

    def all_hold(frame: Frame) -> bool:
        size = frame.point.size
        # counted like the terms of a sum, since a large batch has as many choices
        frame.spend(size ** len(indices))
        for chosen in product(range(1, size + 1), repeat=len(indices)):
            other = frame.move_to(frame.point)
            other.bound |= dict(zip(indices, chosen, strict=True))
            if not inside(other):
                return False
        return True

    return all_hold


def _compare(first: Number, second: Number, signs: frozenset[int]) -> bool:
    """Tell whether the sign of ``first - second`` lies in ``signs``.

    At the border of two cases a comparison with a dual number is refused. If the sides move apart
    in the direction of the derivative there is a kink, and no derivative. If not, it stays open
    which case applies near the point.
    """
    apart = first - second
    # a relation is one of values; the infinitesimals only tell what happens around them
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
