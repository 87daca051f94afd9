"""What a theorem is, and the book: every function decorated with ``@theorem`` in a chapter of this
package.

A theorem is a generator of items.  Its name is its permanent id (underscores become hyphens), its
docstring the plain statement, its module the chapter.  Each item is data;
:mod:`bnproof.theorems.proving` proves it.

There are six kinds of items.

``Assertion``
    An equation or inequality that is proved for every batch size and every value its conditions
    allow.
``Recurrence``
    The closed form of a recurrence, proved by induction.
``Relation``
    A relation among outputs of batch normalisation.  It is proved for the formulas, and a check
    measures it on an implementation.
``Derivation``
    A chain of equal expressions for a reader to follow, with every link proved.
``Corollary``
    A consequence, often a special case with a use of its own.
``Control``
    A false variant, which has to be refuted by an exact counterexample.

Controls guard against a proof that proves too much.  A prover that said yes to everything, or an
assertion that is true for some empty reason, would pass without them; a wrong sign that is refuted
shows that the right sign was really looked at.  A theorem without a control is therefore refused.

To read the book, start with any chapter; to add to it, write a function such as those there.
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
    """An equation as it is written: SymPy neither decides nor rewrites it on the way in.

    SymPy's own ``Eq`` turns ``Eq(a + b, b + a)`` into ``true`` at once.  A statement that has
    become ``true`` can be neither proved step by step nor shown to a reader.  The same holds for
    the inequalities below.
    """
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

    Attributes
    ----------
    says
        What the statement means, in words.
    statement
        The statement, over the names of :mod:`bnproof.symbolic.setting`.
    given
        Its conditions.  Each has to be needed; ``eps >= 0`` and ``v + eps > 0`` are always assumed
        and not listed.
    predicts
        The output of an implementation for which the right-hand side is the formula, so that what
        is proved here is what is executed on arrays; empty for most assertions.
    by
        What the proof rests on where the normal form does not decide, such as the ``Remainder`` of
        an inequality.  It is proved as well.
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

    Attributes
    ----------
    says
        What the recurrence computes, in words.
    T
        The number of steps, a non-negative integer symbol (first 0) or a positive one (first 1).
    start
        The value before the first step.
    step
        ``(T, r) -> `` the value after step ``T + 1``, for the value ``r`` after ``T`` steps.
    closed
        The closed form, a function of the number of steps.
    given
        Conditions of both the base and the step.
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
    (``closed_forms.shift_by``, ``scale_by``), which a check chooses so that the change is exact in
    floating point.

    Attributes
    ----------
    output
        A key of ``formulas.OUTPUTS``, such as ``y``.
    x
        The changed batch as a function of the index; ``None`` leaves the batch as it is.
    gamma, beta, eps
        The changed scalar; ``None`` leaves it as it is.
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

    Attributes
    ----------
    name
        The name of the law that a check reports.
    says
        The relation in words.
    relation
        A function of the quantities that its parameters name, formulas in the proof and observed
        arrays in a check.  Writing it once for both is what makes a law follow from its theorem.
    given
        Its conditions.
    observed
        What a parameter stands for that is no output's own name, such as ``y_shifted``.
    """

    name: str
    says: str
    relation: Callable[..., Basic]
    given: tuple[Basic, ...] = ()
    # a mapping cannot be hashed, and the laws keep relations as keys of their caches
    observed: Mapping[str, Observed] = field(default_factory=dict, hash=False)

    @property
    def quantities(self) -> tuple[str, ...]:
        """The names of what the relation speaks of, read off the parameters of ``relation``."""
        return tuple(inspect.signature(self.relation).parameters)

    def find_observed(self, name: str) -> Observed:
        """What one of those names stands for; an output's own name is the output, unchanged."""
        return self.observed.get(name) or Observed(name)


@dataclass(frozen=True)
class Line:
    """A link of a derivation: the expression reached, by which rule, and why.

    The rule and the reason are words for the reader.  The proof of the link does not rest on them.
    """

    rule: str
    expression: Expr
    why: str


@dataclass(frozen=True)
class Derivation:
    """A chain of equal expressions from ``start`` on; every link is proved on its own, under the
    conditions ``given`` that all of them share."""

    says: str
    start: Expr
    lines: tuple[Line, ...]
    given: tuple[Basic, ...] = ()


@dataclass(frozen=True)
class Control:
    """A false variant that has to be refuted.

    Attributes
    ----------
    wrong
        The mistake, in words.
    statement
        The false statement.
    given
        Conditions that hold the counterexample to the cases of interest, such as ``v > 0``.  A
        variant that fails only for a constant batch would say little.
    common
        Whether it is often stated as true.
    """

    wrong: str
    statement: Basic
    given: tuple[Basic, ...] = ()
    common: bool = False


@dataclass(frozen=True)
class Corollary:
    """A consequence: a further equation, with the use it has.

    It is proved like an ``Assertion``, with the same meaning of the attributes, and not derived
    from one.
    """

    says: str
    statement: Basic
    given: tuple[Basic, ...] = ()


Item = Assertion | Recurrence | Relation | Derivation | Control | Corollary


@dataclass(frozen=True)
class Theorem:
    """One entry of the book.

    Attributes
    ----------
    id
        The permanent name, such as ``scale-exact``; claims and reports refer to it.
    chapter
        The name of the chapter's module.
    says
        The statement in plain words.
    source
        Where it comes from: a paper with section or equation, or a remark that it is derived here.
    items
        What is stated, derived and refuted, in reading order.
    uses
        The ids of the theorems it rests on or continues.
    """

    id: str
    chapter: str
    says: str
    source: str
    items: tuple[Item, ...]
    uses: tuple[str, ...] = ()

    def select_items(self, kind: type[Any]) -> list[Any]:
        """The items of one kind, such as ``Control``, in order."""
        return [item for item in self.items if isinstance(item, kind)]


Written = Callable[[], Iterator[Item]]
# What the decorator has seen, by id: chapter, function, source, uses.  The function is called only
# when its theorem is asked for, since building the expressions takes SymPy a while.
_WRITTEN: dict[str, tuple[str, Written, str, tuple[str, ...]]] = {}


def theorem(*, source: str, uses: tuple[str, ...] = ()) -> Callable[[Written], Written]:
    """Enter a function that yields items into the book.

    The function itself is returned unchanged.  What it yields is checked when the theorem is built.

    Parameters
    ----------
    source
        Where the statement comes from.
    uses
        The ids of the theorems it rests on or continues.  Each statement is proved from the
        definitions all the same, so that no proof can be circular.
    """

    def enter(items: Written) -> Written:
        chapter = items.__module__.rpartition(".")[2]
        _WRITTEN[items.__name__.replace("_", "-")] = (chapter, items, source, uses)
        return items

    return enter


def build(
    id: str, chapter: str, items: Written, source: str, uses: tuple[str, ...] = ()
) -> Theorem:
    """The theorem a function describes.

    Parameters
    ----------
    id, chapter, source, uses
        As in :class:`Theorem`.
    items
        The function, which is called once.

    Raises
    ------
    ValueError
        For a theorem without a docstring, without anything that it claims, or without a negative
        control; the sentence says what to add.
    """
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
    # by listing the folder: a new chapter is a new file, and no list can forget it
    package = import_module("bnproof.theorems")
    return sorted(
        info.name for info in iter_modules(package.__path__) if info.name.startswith("chapter")
    )


@cache
def list_names() -> tuple[str, ...]:
    """The ids of all theorems, in chapter order and then as written.

    The chapters are imported here, so the first call takes as long as loading SymPy.
    """
    for chapter in list_chapters():
        import_module(f"bnproof.theorems.{chapter}")
    # a chapter may have been imported earlier on its own; the sort is stable, which keeps the order
    # in which its theorems are written
    return tuple(sorted(_WRITTEN, key=lambda name: _WRITTEN[name][0]))


@cache
def _build_entry(id: str) -> Theorem:
    """Each theorem once per process; the book is small, so nothing is ever thrown away."""
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
    """The theorem with this id, built without the others.

    Parameters
    ----------
    id
        Such as ``scale-exact``.

    Raises
    ------
    UnknownTheorem
        With up to three similar ids, or the first three of the book where none is similar.

    Examples
    --------
    >>> from bnproof.theorems.book import Control, find
    >>> entry = find("affine-not-invariant")
    >>> entry.chapter
    'chapter2_invariance'
    >>> [control.wrong for control in entry.select_items(Control)]
    ['invariant like batch normalisation', 'invariant for centred batches']
    """
    from difflib import get_close_matches

    if id not in list_names():
        # 0.4 is below the customary 0.6: ids are short, and a far guess costs the reader nothing
        near = get_close_matches(id, list_names(), n=3, cutoff=0.4) or list_names()[:3]
        raise UnknownTheorem(f"there is no theorem {id!r}: try {', '.join(near)}")
    return _build_entry(id)
