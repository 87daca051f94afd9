"""What an exact evaluation works with: a point, the values of bound symbols, and what was computed
before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flint import fmpq
from sympy import Basic, Expr, IndexedBase, Sum, Symbol

from bnproof.symbolic.duals import Dual, Number
from bnproof.symbolic.setting import g, m, x

BUDGET = 20_000  # terms of sums at one point: fractions grow with each one
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

    Missing entries come from ``draw``, which must give the same value every time: perturbed copies
    share it.
    """

    scalars: dict[Symbol, Any]
    draw: Callable[[IndexedBase, tuple[int, ...]], Any]
    entries: dict[IndexedBase, dict[tuple[int, ...], Any]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """The batch size ``m`` of this point."""
        return int(self.scalars[m].p)

    def perturb(self, variable: Expr, index: tuple[int, ...], level: int) -> Point:
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
class Spent:
    """What one evaluation, with all its perturbed copies, has added up: how many terms, and of
    which sums any or none."""

    terms: int = 0
    added: set[Sum] = field(default_factory=set)
    empty: set[Sum] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        """Whether every summand was evaluated: an empty sum says nothing about its summand."""
        return self.empty <= self.added


@dataclass
class Frame:
    """What an evaluation knows: the point, the values of bound symbols, and what was computed
    before."""

    point: Point
    meaning: Mapping[Basic, Basic]
    bound: dict[Symbol, Any] = field(default_factory=dict)
    known: dict[Any, Number] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    # the base of a power without a limit, and what stands for the power
    growing: tuple[Number, Number] | None = None

    def read(self, name: Basic) -> Any:
        """What a free symbol or base is read as."""
        return self.meaning.get(name, name) if self.meaning else name

    def move_to(self, point: Point) -> Frame:
        """The same evaluation at a perturbed point."""
        return Frame(point, self.meaning, dict(self.bound), {}, self.spent, self.growing)

    def spend(self, terms: int) -> None:
        """Raise ``NotEvaluable`` where more terms would be added up than the budget allows."""
        self.spent.terms += terms
        if self.spent.terms > BUDGET:
            raise NotEvaluable(f"sums of more than {BUDGET} terms")


Code = Callable[[Frame], Number]
