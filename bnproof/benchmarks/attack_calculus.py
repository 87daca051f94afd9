"""Points, scopes, and what moves a name away from its value: derivatives, limits, expected values.

The evaluator of the attack knows a statement only at single points.  A derivative or a limit also
looks at what is near a point.  So the name in question is given a series for its value, such as
``a + t`` with a small ``t > 0``, the expression is evaluated as usual, and the result is a series
in ``t``.  The n-th derivative is ``n!`` times the coefficient of ``t^n``, and a limit is the
coefficient of ``t^0``.

One series sees one side only.  Where a sign inside the expression depends on the side, as in
``Abs(a)`` at ``a = 0``, the other side is evaluated too, and the two have to agree.  An expected
value of a polynomial of degree two needs nothing but the value and second derivatives at the mean.

Of ``bnproof.symbolic``, this module uses only names of the setting: ``m``, ``x`` and ``g``.  Start
reading at :class:`BoundNames`, then :func:`derivative`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import factorial
from typing import TYPE_CHECKING, Any

import sympy
from flint import fmpq
from sympy import Basic, Indexed, IndexedBase

from bnproof.benchmarks.attack_numbers import (
    TERMS,
    NoValue,
    Number,
    Series,
    Unknown,
    build_variable,
    coefficient,
    limit_at_zero,
    vanishes,
)
from bnproof.symbolic import g, m, x

if TYPE_CHECKING:
    from bnproof.benchmarks.attack_evaluator import AttackEvaluator

Place = tuple[IndexedBase, tuple[int, ...]]
Step = tuple[Basic, int]


@dataclass(frozen=True)
class DrawnPoint:
    """A value for every free symbol of a statement, and the entries of every indexed base.

    Attributes
    ----------
    scalars
        Rational values by symbol.  The batch size ``m`` is always among them.
    entries
        Rational values by base and indices, such as ``(x, (3,))`` for ``x[3]``.  Entries that were
        drawn on demand are added here, so that asking twice gives the same number.
    draw
        Makes the entry that is absent.
    """

    scalars: dict[Basic, fmpq]
    entries: dict[Place, fmpq]
    draw: Callable[[Place], fmpq]

    def read_entry(self, place: Place) -> fmpq:
        """One entry of an indexed base.

        Raises
        ------
        NoValue
            For an entry of ``x`` or ``g`` outside ``1..m``.  Other bases have entries everywhere.
        """
        base, indices = place
        # A statement that names x[m + 1] is undefined. Other bases stand for arbitrary sequences,
        # which have no last entry.
        if base in (x, g) and not all(1 <= index <= self.scalars[m] for index in indices):
            raise NoValue(f"{base}{list(indices)} for m = {self.scalars[m]}")
        if place not in self.entries:
            self.entries[place] = self.draw(place)
        return self.entries[place]


@dataclass
class BoundNames:
    """The names that have another value than at the point: bound names, and names that are moved.

    Attributes
    ----------
    values
        Values by symbol, or by place for an entry such as ``x[3]``.
    level
        How many derivatives and limits this is inside of, which is the level of the newest series.
    known
        Sums that were added up already under these values.  It only saves time.
    """

    values: dict[Any, Number] = field(default_factory=dict)
    level: int = 0
    known: dict[Any, Number] = field(default_factory=dict)

    def bind(self, name: Any, value: Number) -> BoundNames:
        """The scope with one more name bound, as by a sum.

        What is already known stays usable, because the evaluator keeps sums under the values of the
        names that occur in them.
        """
        return BoundNames({**self.values, name: value}, self.level, self.known)

    def move(self, name: Any, value: Number) -> BoundNames:
        """The scope with one name moved away from its value, one level deeper.

        Sums that are known so far were added at the old value, so none of them is kept.
        """
        return BoundNames({**self.values, name: value}, self.level + 1)


def derivative(by: AttackEvaluator, e: Basic, scope: BoundNames) -> Number:
    """The value of a ``Derivative`` node at a point.

    Parameters
    ----------
    by
        The evaluator, which is called back for the function itself.
    e
        The node: a function, and pairs of a variable and an order.
    scope
        The names that are bound or moved around it.

    Raises
    ------
    NoValue
        Where the derivative does not exist, for example at a kink.
    Unknown
        For an order above four, a symbolic order, or a variable that is no free real number.
    """
    # A high order would leave too few of the terms of a series for what cancels. A symbolic order
    # has no coefficient to be read off.
    if not all(count.is_Integer and count <= 4 for _, count in e.args[1:]):
        raise Unknown("a derivative of a high or symbolic order")
    return _slope(by, e.args[0], [(name, int(count)) for name, count in e.args[1:]], scope)


def _slope(by: AttackEvaluator, e: Basic, steps: list[Step], scope: BoundNames) -> Number:
    """The derivative by the last variable of the derivatives by the others, as SymPy nests them.

    ``steps`` are the variables with their orders.  Each one opens a level of its own.
    """
    if not steps:
        return by.evaluate(e, scope)
    *inner, (moving, order) = steps
    name, here = _locate_variable(by, moving, scope)
    # The value at the point itself comes first: what does not exist there has no derivative there.
    # The count of kinks is taken afterwards, so that only those of the right side are seen below.
    value, kinks = _slope(by, e, inner, scope), by.kinks

    def evaluate_side(side: int) -> Number:
        """The inner derivatives as a series, the variable being on one side of its value."""
        moved = scope.move(name, build_variable(scope.level + 1, here, side))
        return _slope(by, e, inner, moved)

    try:
        right = evaluate_side(1)
    # The right side is beyond the series, as sqrt(t) is. The left side may still show that nothing
    # exists, as sqrt(-t) does: NoValue then says more than Unknown.
    except Unknown:
        evaluate_side(-1)  # what does not exist on the left does not exist
        raise
    # no sign depends on the side without a kink, so the left side would be the same series mirrored
    if by.kinks != kinks:
        _check_smooth(evaluate_side(-1), right, value, scope.level + 1, order)
    # Taylor: the coefficient of t^n is the n-th derivative over n!
    return coefficient(right, scope.level + 1, order) * factorial(order)


def _locate_variable(by: AttackEvaluator, name: Basic, scope: BoundNames) -> tuple[Any, Number]:
    """What moves, as a key of a scope, and its value now.

    The default ``Series(0, 0, ())`` stands for a free name.  A name that a sum binds to a rational
    is refused, since a derivative by it has no meaning; one that an outer derivative moves is
    welcome.
    """
    if isinstance(name, Indexed):
        return by.locate(name, scope), by.evaluate(name, scope)
    if name.is_integer or not isinstance(scope.values.get(name, Series(0, 0, ())), Series):
        raise Unknown("a derivative by an integer or a bound name")
    return name, by.evaluate(name, scope)


def _check_smooth(left: Number, right: Number, value: Number, level: int, order: int) -> None:
    """Raise ``NoValue`` unless both sides continue the value and agree up to the order.

    On the left the variable is ``at - t``, so the coefficient of ``t^n`` has the sign ``(-1)^n``
    there.
    """
    for n in range(order + 1):
        mirrored = coefficient(left, level, n) * (-1) ** n
        met = vanishes(mirrored - coefficient(right, level, n))
        # n = 0 asks for continuity: a jump at the point has no derivative, even where both sides
        # rise alike
        if not met or (n == 0 and not vanishes(mirrored - value)):
            raise NoValue("a derivative at a kink")


def limit(by: AttackEvaluator, e: Basic, scope: BoundNames) -> Number:
    """The value of a ``Limit`` node at a point.

    A variable that tends to a number is that number plus or minus ``t``, one that tends to infinity
    is ``1/t``.  A limit from both sides needs both to agree.

    Raises
    ------
    NoValue
        Where the function grows, or the two sides differ.
    Unknown
        Where the series are not known far enough.
    """
    function, name, target, direction = e.args
    level = scope.level + 1
    if target in (sympy.oo, -sympy.oo):
        way = fmpq(1 if target == sympy.oo else -1)
        # t^-1 grows beyond all bounds as t tends to 0
        nears = [Series(level, -1, (way, *[fmpq(0)] * (TERMS - 1)))]
    else:
        here = by.evaluate(target, scope)
        # SymPy writes a limit from both sides "+-"
        sides = {"+": (1,), "-": (-1,)}.get(str(direction), (1, -1))
        nears = [build_variable(level, here, side) for side in sides]
    ends = [limit_at_zero(by.evaluate(function, scope.move(name, near)), level) for near in nears]
    # with one side, this compares an end with itself
    if not vanishes(ends[0] - ends[-1]):
        raise NoValue("a limit from two sides that differ")
    return ends[0]


def expectation(by: AttackEvaluator, e: Basic, scope: BoundNames) -> Number:
    """The value of ``E(f, M, sigma)``, the expected value over uncorrelated entries of ``x``.

    Raises
    ------
    Unknown
        For what is not visibly a polynomial of degree at most two in ``x``, or where ``M`` or
        ``sigma`` is moved by a derivative or limit.

    Notes
    -----
    A polynomial of degree two is its own Taylor polynomial at ``x = (M, ..., M)``.  Under the
    expected value, first-order terms vanish since each entry has the mean ``M``, and mixed terms
    vanish since entries are uncorrelated.  What is left is
    ``f(M, ..., M) + sigma^2/2 sum_p d^2 f/dx_p^2``. The half is not seen in the code: the
    coefficient of ``t^2`` is half the second derivative already.
    """
    function, mean, spread = e.args
    middle, deviation = by.evaluate(mean, scope), by.evaluate(spread, scope)
    if degree(function) > 2 or isinstance(middle, Series) or isinstance(deviation, Series):
        raise Unknown("an expected value beyond degree two, or one that moves")
    size, level = int(by.point.scalars[m].p), scope.level + 1
    places: list[Place] = [(x, (p,)) for p in range(1, size + 1)]
    # every entry of x is the mean, whatever its value at the point; sums known so far used that
    # value
    still = BoundNames({**scope.values, **dict.fromkeys(places, middle)}, scope.level)
    value = by.evaluate(function, still)
    for place in places:
        near = by.evaluate(function, still.move(place, build_variable(level, middle, 1)))
        value = value + coefficient(near, level, 2) * deviation * deviation
    return value


def degree(e: Basic) -> float:
    """The degree of a visible polynomial in the entries of ``x``; infinity for anything else.

    It is an upper bound, because terms that cancel are still counted.
    """
    if not any(entry.base == x for entry in e.atoms(Indexed)):
        return 0
    if isinstance(e, Indexed):
        return 1
    if isinstance(e, sympy.Sum):
        return degree(e.args[0])
    if isinstance(e, sympy.Pow) and e.exp.is_Integer and e.exp > 0:
        return degree(e.base) * int(e.exp)
    if isinstance(e, sympy.Add):
        return max(map(degree, e.args))
    return sum(map(degree, e.args)) if isinstance(e, sympy.Mul) else float("inf")
