"""Points, scopes, and what moves a name away from its value: derivatives, limits, expected values.

Derivatives and limits are read off truncated series on either side of the point, and an expected
value comes from second derivatives at the mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import factorial
from typing import Any, Protocol

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

Place = tuple[IndexedBase, tuple[int, ...]]
Step = tuple[Basic, int]


@dataclass(frozen=True)
class DrawnPoint:
    """A value for every free symbol; entries by base and indices, drawn on demand where absent."""

    scalars: dict[Basic, fmpq]
    entries: dict[Place, fmpq]
    draw: Callable[[Place], fmpq]

    def read_entry(self, place: Place) -> fmpq:
        """One entry; those of ``x`` and ``g`` exist for ``1..m`` only."""
        base, indices = place
        if base in (x, g) and not all(1 <= index <= self.scalars[m] for index in indices):
            raise NoValue(f"{base}{list(indices)} for m = {self.scalars[m]}")
        if place not in self.entries:
            self.entries[place] = self.draw(place)
        return self.entries[place]


@dataclass
class BoundNames:
    """Bound names, and free ones that a derivative or limit moves; ``known``: sums added so far."""

    values: dict[Any, Number] = field(default_factory=dict)
    level: int = 0
    known: dict[Any, Number] = field(default_factory=dict)

    def bind(self, name: Any, value: Number) -> BoundNames:
        """One name bound; the numbers are still those of the same point."""
        return BoundNames({**self.values, name: value}, self.level, self.known)

    def move(self, name: Any, value: Number) -> BoundNames:
        """One name moved away from its value: nothing known so far can be used."""
        return BoundNames({**self.values, name: value}, self.level + 1)


class Evaluating(Protocol):
    """What is needed of the evaluator; ``kinks`` counts the signs that change at the point."""

    point: DrawnPoint
    kinks: int

    def evaluate(self, e: Basic, scope: BoundNames) -> Number:
        """The value of an expression."""

    def locate(self, e: Indexed, scope: BoundNames) -> Place:
        """Which entry is meant."""


def derivative(by: Evaluating, e: Basic, scope: BoundNames) -> Number:
    """The value of a ``Derivative`` node."""
    if not all(count.is_Integer and count <= 4 for _, count in e.args[1:]):
        raise Unknown("a derivative of a high or symbolic order")
    return _slope(by, e.args[0], [(name, int(count)) for name, count in e.args[1:]], scope)


def _slope(by: Evaluating, e: Basic, steps: list[Step], scope: BoundNames) -> Number:
    """The last variable is the outermost, as SymPy has it."""
    if not steps:
        return by.evaluate(e, scope)
    *inner, (moving, order) = steps
    name, here = _locate_variable(by, moving, scope)
    value, kinks = _slope(by, e, inner, scope), by.kinks

    def evaluate_side(side: int) -> Number:
        moved = scope.move(name, build_variable(scope.level + 1, here, side))
        return _slope(by, e, inner, moved)

    try:
        right = evaluate_side(1)
    except Unknown:
        evaluate_side(-1)  # what does not exist on the left does not exist
        raise
    if by.kinks != kinks:
        _check_smooth(evaluate_side(-1), right, value, scope.level + 1, order)
    return coefficient(right, scope.level + 1, order) * factorial(order)


def _locate_variable(by: Evaluating, name: Basic, scope: BoundNames) -> tuple[Any, Number]:
    if isinstance(name, Indexed):
        return by.locate(name, scope), by.evaluate(name, scope)
    if name.is_integer or not isinstance(scope.values.get(name, Series(0, 0, ())), Series):
        raise Unknown("a derivative by an integer or a bound name")
    return name, by.evaluate(name, scope)


def _check_smooth(left: Number, right: Number, value: Number, level: int, order: int) -> None:
    """Both sides have to continue the value and to agree up to the order."""
    for n in range(order + 1):
        mirrored = coefficient(left, level, n) * (-1) ** n
        met = vanishes(mirrored - coefficient(right, level, n))
        if not met or (n == 0 and not vanishes(mirrored - value)):
            raise NoValue("a derivative at a kink")


def limit(by: Evaluating, e: Basic, scope: BoundNames) -> Number:
    """The value of a ``Limit`` node."""
    function, name, target, direction = e.args
    level = scope.level + 1
    if target in (sympy.oo, -sympy.oo):
        way = fmpq(1 if target == sympy.oo else -1)
        nears = [Series(level, -1, (way, *[fmpq(0)] * (TERMS - 1)))]
    else:
        here = by.evaluate(target, scope)
        sides = {"+": (1,), "-": (-1,)}.get(str(direction), (1, -1))
        nears = [build_variable(level, here, side) for side in sides]
    ends = [limit_at_zero(by.evaluate(function, scope.move(name, near)), level) for near in nears]
    if not vanishes(ends[0] - ends[-1]):
        raise NoValue("a limit from two sides that differ")
    return ends[0]


def expectation(by: Evaluating, e: Basic, scope: BoundNames) -> Number:
    """``f(M, ..., M) + sigma^2/2 sum_p d^2 f/dx_p^2`` for a polynomial of degree two at most."""
    function, mean, spread = e.args
    middle, deviation = by.evaluate(mean, scope), by.evaluate(spread, scope)
    if degree(function) > 2 or isinstance(middle, Series) or isinstance(deviation, Series):
        raise Unknown("an expected value beyond degree two, or one that moves")
    size, level = int(by.point.scalars[m].p), scope.level + 1
    places: list[Place] = [(x, (p,)) for p in range(1, size + 1)]
    still = BoundNames({**scope.values, **dict.fromkeys(places, middle)}, scope.level)
    value = by.evaluate(function, still)
    for place in places:
        near = by.evaluate(function, still.move(place, build_variable(level, middle, 1)))
        value = value + coefficient(near, level, 2) * deviation * deviation
    return value


def degree(e: Basic) -> float:
    """The degree of a visible polynomial in the entries of ``x``; infinity for anything else."""
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
