"""What an exact evaluation works with: a point, the values of bound symbols, earlier results.

A :class:`Point` says where to evaluate, a :class:`Frame` belongs to one evaluation there.
Derivatives, limits and expected values evaluate at other points, each in a frame of its own, and
all of them draw on one budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flint import fmpq
from sympy import Basic, Expr, IndexedBase, Sum, Symbol

from bnproof.symbolic.duals import Dual, Number
from bnproof.symbolic.setting import g, m, x

# Terms that may be added up at one point. Fractions grow with each term, so without a limit a
# statement with nested sums could take minutes at a single large batch.
BUDGET = 20_000
# the bound symbols around an expression, the innermost last
Scope = tuple[Symbol, ...]


class Undefined(ArithmeticError):
    """The statement has no real value at this point; the message names the operation."""


class NotEvaluable(ArithmeticError):
    """The expression holds something exact evaluation does not know, or would take too long.

    It says nothing about the statement, unlike :class:`Undefined`.
    """


class Grows(Exception):
    """A power with this base tends to no number, and nothing stands for it yet."""

    def __init__(self, base: Number) -> None:
        self.base = base


@dataclass
class Point:
    """Concrete exact values: scalars by symbol, entries by base.

    Attributes
    ----------
    scalars
        The value of every scalar, the batch size ``m`` among them.
    draw
        What makes the entries that are missing. It must give the same value every time, because
        perturbed copies of a point share it.
    entries
        The entries known so far, by base and indices, which count from 1.
    """

    scalars: dict[Symbol, Any]
    draw: Callable[[IndexedBase, tuple[int, ...]], Any]
    entries: dict[IndexedBase, dict[tuple[int, ...], Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The batch size ``m`` of this point."""
        return int(self.scalars[m].p)

    def perturb(self, variable: Expr, index: tuple[int, ...], level: int) -> Point:
        """Add a dual unit to one coordinate of the point.

        Parameters
        ----------
        variable
            A scalar, or the base of an entry.
        index
            The indices of the entry; empty for a scalar.
        level
            The level of the unit.

        Returns
        -------
        Point
            A new point. This one stays as it is.

        Raises
        ------
        NotEvaluable
            For a symbol that is no scalar of the point.
        """
        if not isinstance(variable, IndexedBase):
            if variable not in self.scalars:
                raise NotEvaluable(f"a derivative by {variable}, which is no scalar here")
            moved = Dual(self.scalars[variable], fmpq(1), level)
            return Point({**self.scalars, variable: moved}, self.draw, self.entries)
        moved = Dual(self.entry(variable, index), fmpq(1), level)
        # only this entry changes; the others are shared with the point itself
        entries = {**self.entries, variable: {**self.entries[variable], index: moved}}
        return Point(self.scalars, self.draw, entries)

    def entry(self, base: IndexedBase, index: tuple[int, ...]) -> Number:
        """Read an entry, and draw it where it is not known yet.

        Raises
        ------
        Undefined
            For an entry of ``x`` or ``g`` outside ``1..m``. Other bases have entries everywhere.
        """
        known = self.entries.get(base)
        value = None if known is None else known.get(index)
        # an entry may be 0, which counts as false
        if value is not None:
            return value
        # these two are batches of the setting; any other base may be indexed as a statement likes
        if base in (x, g) and not 1 <= index[0] <= self.size:
            raise Undefined(f"{base}[{index[0]}] is not an entry of a batch of {self.size}")
        value = self.entries.setdefault(base, {})[index] = self.draw(base, index)
        return value


@dataclass
class Spent:
    """What one evaluation, with all its perturbed copies, has added up.

    Attributes
    ----------
    terms
        The number of terms.
    added
        The sums that had at least one term.
    empty
        The sums that were empty at least once.
    """

    terms: int = 0
    added: set[Sum] = field(default_factory=set)
    empty: set[Sum] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        """Whether every summand was evaluated: an empty sum says nothing about its summand."""
        return self.empty <= self.added


@dataclass
class Frame:
    """What one evaluation knows.

    Attributes
    ----------
    point
        Where it evaluates.
    meaning
        What free symbols and bases are read as.
    bound
        The values of the bound symbols: integers for summation indices, a germ or a dual number for
        the variable of a limit.
    known
        Values that were computed before, by a mark of the expression and the bound symbols in it.
    spent
        What was added up, shared with all perturbed copies.
    growing
        The base of a power without a limit, and what stands for the power.
    """

    point: Point
    meaning: Mapping[Basic, Basic]
    bound: dict[Symbol, Any] = field(default_factory=dict)
    known: dict[Any, Number] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    growing: tuple[Number, Number] | None = None

    def read(self, name: Basic) -> Any:
        """Tell what a free symbol or base is read as."""
        return self.meaning.get(name, name) if self.meaning else name

    def move_to(self, point: Point) -> Frame:
        """Go on at another point: bound symbols keep their values, earlier results do not."""
        # known values belong to the old point; a copy of the bindings, which sums change
        return Frame(point, self.meaning, dict(self.bound), {}, self.spent, self.growing)

    def spend(self, terms: int) -> None:
        """Count terms of sums.

        Raises
        ------
        NotEvaluable
            Where that is more than ``BUDGET`` in all.
        """
        self.spent.terms += terms
        if self.spent.terms > BUDGET:
            raise NotEvaluable(f"sums of more than {BUDGET} terms")


# what an expression is compiled into
Code = Callable[[Frame], Number]
