"""What a theorem is, and the book: every function decorated with ``@theorem`` in a chapter of this
package.

A theorem is a generator of items.  Its name is its permanent id (underscores become hyphens), its
docstring the plain statement, its module the chapter.  Each item is data;
:mod:`bnproof.theorems.proving` proves it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import sympy
from sympy import Basic, Expr, Integer, Symbol

from bnproof.symbolic.witnesses import Witness


def Eq(lhs: Expr, rhs: Expr | int) -> Basic:
    """An equation as it is written: SymPy neither decides nor rewrites it on the way in."""
    return sympy.Eq(lhs, rhs, evaluate=False)


def Le(lhs: Expr, rhs: Expr | int) -> Basic:
    """``lhs <= rhs`` as it is written."""
    return sympy.Le(lhs, rhs, evaluate=False)


def Ge(lhs: Expr, rhs: Expr | int) -> Basic:
    """``lhs >= rhs`` as it is written."""
    return sympy.Ge(lhs, rhs, evaluate=False)


def Gt(lhs: Expr, rhs: Expr | int) -> Basic:
    """``lhs > rhs`` as it is written."""
    return sympy.Gt(lhs, rhs, evaluate=False)


def Ne(lhs: Expr, rhs: Expr | int) -> Basic:
    """``lhs != rhs`` as it is written."""
    return sympy.Ne(lhs, rhs, evaluate=False)


@dataclass(frozen=True)
class Assertion:
    """One equation (or inequality) of a theorem, with its conditions.

    ``predicts`` names the output of an implementation for which the right-hand side is the formula,
    so that what is proved here is what is executed on arrays; ``by`` is what the proof rests on
    where the normal form does not decide.
    """

    says: str
    statement: Basic
    given: tuple[Basic, ...] = ()
    predicts: str = ""
    by: Witness | None = None


@dataclass(frozen=True)
class Recurrence:
    """``r_first = start`` and ``r_(T+1) = step(T, r_T)`` have the solution ``closed(T)``: by
    induction, base and step proved.

    ``T`` is a non-negative integer symbol (first 0) or a positive one (first 1).
    """

    says: str
    T: Symbol
    start: Expr
    step: Callable[[Expr, Expr], Expr]
    closed: Callable[[Expr], Expr]
    given: tuple[Basic, ...] = ()

    @property
    def base(self) -> Basic:
        """The closed form at the first value is the start."""
        return Eq(self.closed(Integer(1 if self.T.is_positive else 0)), self.start)

    @property
    def inductive(self) -> Basic:
        """One more step of the closed form is the closed form of one more step."""
        return Eq(self.step(self.T, self.closed(self.T)), self.closed(self.T + 1))


@dataclass(frozen=True)
class Observed:
    """An output asked for with changed arguments: ``Observed("y", x=lambda r: x[r] + c)`` is ``y``
    of the shifted batch.

    Changes are formulas of the setting's own names, and of ``c`` and ``a``
    (``quantities.shift_by``, ``scale_by``), which a check chooses so that the change is exact in
    floating point.
    """

    output: str
    x: Callable[[Expr], Expr] | None = None
    gamma: Expr | None = None
    beta: Expr | None = None
    eps: Expr | None = None


@dataclass(frozen=True)
class Relation:
    """A relation among outputs (``y``, ``dx``, ...) that is proved for the formulas and measured on
    arrays.

    ``relation`` takes the quantities its parameters name: formulas in the proof, observed arrays in
    a check.  A parameter that is no output's name stands for what ``observed`` says.  ``name`` is
    the name of the law in a check.
    """

    name: str
    says: str
    relation: Callable[..., Basic]
    given: tuple[Basic, ...] = ()
    observed: Mapping[str, Observed] = field(default_factory=dict, hash=False)

    @property
    def quantities(self) -> tuple[str, ...]:
        """The names of what the relation speaks of."""
        return tuple(inspect.signature(self.relation).parameters)

    def find_observed(self, name: str) -> Observed:
        """What one of those names stands for."""
        return self.observed.get(name) or Observed(name)


@dataclass(frozen=True)
class Line:
    """A link of a derivation: the expression reached, by which rule, and why."""

    rule: str
    expression: Expr
    why: str


@dataclass(frozen=True)
class Derivation:
    """A chain of equal expressions; every link is proved on its own."""

    says: str
    start: Expr
    lines: tuple[Line, ...]
    given: tuple[Basic, ...] = ()


@dataclass(frozen=True)
class Control:
    """A false variant that has to be refuted; ``common`` marks one that is often stated as true."""

    wrong: str
    statement: Basic
    given: tuple[Basic, ...] = ()
    common: bool = False


@dataclass(frozen=True)
class Corollary:
    """A consequence: a further equation, with the use it has."""

    says: str
    statement: Basic
    given: tuple[Basic, ...] = ()


Item = Assertion | Recurrence | Relation | Derivation | Control | Corollary


@dataclass(frozen=True)
class Theorem:
    """One entry of the book."""

    id: str
    chapter: str
    says: str
    source: str
    items: tuple[Item, ...]
    uses: tuple[str, ...] = ()

    def select_items(self, kind: type[Any]) -> list[Any]:
        """The items of one kind, in order."""
        return [item for item in self.items if isinstance(item, kind)]


Written = Callable[[], Iterator[Item]]
_WRITTEN: dict[str, tuple[str, Written, str, tuple[str, ...]]] = {}


def theorem(*, source: str, uses: tuple[str, ...] = ()) -> Callable[[Written], Written]:
    """Enter a function that yields items into the book.

    ``source`` cites where the statement comes from; ``uses`` names the theorems it rests on or
    continues.
    """

    def enter(items: Written) -> Written:
        chapter = items.__module__.rpartition(".")[2]
        _WRITTEN[items.__name__.replace("_", "-")] = (chapter, items, source, uses)
        return items

    return enter


def build(
    id: str, chapter: str, items: Written, source: str, uses: tuple[str, ...] = ()
) -> Theorem:
    """The theorem a function describes; one without a statement or a negative control is
    refused."""
    book_entry = Theorem(
        id, chapter, inspect.cleandoc(items.__doc__ or ""), source, tuple(items()), uses
    )
    if not book_entry.says:
        raise ValueError(f"theorem {id} has no docstring: say in plain words what it states")
    if (
        not book_entry.select_items(Assertion)
        + book_entry.select_items(Recurrence)
        + book_entry.select_items(Relation)
    ):
        raise ValueError(
            f"theorem {id} claims nothing: yield a Assertion, a Recurrence or a Relation"
        )
    if not book_entry.select_items(Control):
        raise ValueError(
            f"theorem {id} has no negative control: yield a Control that must be refuted"
        )
    return book_entry


def list_chapters() -> list[str]:
    """The chapters, in reading order: the modules of this package whose names start with
    ``chapter``."""
    package = import_module("bnproof.theorems")
    return sorted(
        info.name for info in iter_modules(package.__path__) if info.name.startswith("chapter")
    )


@cache
def list_names() -> tuple[str, ...]:
    """The ids of all theorems, in chapter order and then as written."""
    for chapter in list_chapters():
        import_module(f"bnproof.theorems.{chapter}")
    return tuple(sorted(_WRITTEN, key=lambda name: _WRITTEN[name][0]))


@cache
def _build_entry(id: str) -> Theorem:
    return build(id, *_WRITTEN[id])


@cache
def book() -> dict[str, Theorem]:
    """Every theorem by id, in chapter order and then as written."""
    return {name: _build_entry(name) for name in list_names()}


def list_dependents(id: str) -> list[str]:
    """The theorems that rest on this one or continue it."""
    return [name for name in list_names() if id in _WRITTEN[name][3]]


class UnknownTheorem(LookupError):
    """No theorem has this id; the message suggests near ones."""


def find(id: str) -> Theorem:
    """The theorem with this id, built without the others; raises ``UnknownTheorem`` with
    suggestions."""
    from difflib import get_close_matches

    if id not in list_names():
        near = get_close_matches(id, list_names(), n=3, cutoff=0.4) or list_names()[:3]
        raise UnknownTheorem(f"there is no theorem {id!r}: try {', '.join(near)}")
    return _build_entry(id)
