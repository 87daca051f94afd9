"""The catalogue of known bugs: every mutant with its sources, and the bugs that cannot be said in
the contract, with the reason.

A *known bug* stands in ``sources.csv`` with the public threads where it was seen. A *mutant* is a
class that models a known bug, which may have several. A known bug without a model has its reason
in :mod:`bnproof.mutants.unmodelled`.
"""

from __future__ import annotations

import csv
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal, TypeVar

from bnproof.implementations.installed import import_modules

Kind = Literal["semantic", "numerical", "graded", "correct"]
Class = TypeVar("Class", bound=type)


@dataclass(frozen=True)
class KnownBug:
    """A known bug, as ``sources.csv`` has it.

    Attributes
    ----------
    id
        A letter for the family and a number, such as "F03".
    family
        Which part of batch norm it concerns, such as "forward" or "running-stats".
    severity
        From "low" to "critical", or "none" for what is no bug and has to pass.
    year
        When it was seen: a year, or the first and the last one, such as "2019-2024".
    sources
        The addresses of the public threads or files.
    """

    id: str
    family: str
    severity: str
    year: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Mutant:
    """A class that models one known bug, or one variant of it (``F03``, ``F03-square``).

    Attributes
    ----------
    id
        The id of the known bug, for a variant with a hyphen and its name.
    bug
        The known bug that it models.
    kind
        "semantic" (another formula), "numerical" (the formula, so badly computed that a law
        breaks), "graded" (computed badly, but within what rounding explains) or "correct" (has to
        pass).
    mechanism
        The class of its cause, shared by all the mutants that are wrong in the same way.
    says
        What is wrong in one sentence: the docstring of the class.
    make
        The class, to be called for an instance.  A layer takes its number of features and its
        options.
    grade
        What ``accuracy`` has to say of it, and after a comma what it has to say of its sums.  Empty
        where it is not graded.
    """

    id: str
    bug: KnownBug
    kind: Kind
    mechanism: str
    says: str
    make: Callable[..., Any]
    grade: str = ""

    @property
    def mend(self) -> str:
        """What to do about its mechanism; empty where the derivation of the formula says it."""
        return MENDS.get(self.mechanism, "")

    @property
    def combines(self) -> bool:
        """Whether its class can be combined with another one by inheritance.

        Layers and classes with a convention or ``supports`` of their own are left out.
        """
        plain = getattr(self.make, "convention", None) == "torch"
        return plain and hasattr(self.make, "train") and not hasattr(self.make, "supports")


#: What to do about a mechanism, where the derivation of a formula does not say it.
MENDS: Mapping[str, str] = {
    "Bessel's factor at one value": "leave the factor out for one value, or refuse a single value",
    "Bessel's factor in the normalising variance": (
        "divide by m in the variance that normalises, and by m - 1 in the one that is tracked alone"
    ),
    "absent parameter read": "take 1 for an absent gamma and 0 for an absent beta",
    "argument modified": "copy an argument before it is written to",
    "channels left out": "let the last block of channels be smaller than the others",
    "division by gamma": "compute with gamma/s, which needs no division by gamma",
    "empty input not handled": (
        "raise ValueError for a batch without samples, or leave the statistics as they are"
    ),
    "eps counted twice": "add eps to the variance in one place alone",
    "eps ignored or replaced": "use the eps that is handed over, in every branch",
    "eps misplaced": "add eps under the root: sqrt(v + eps)",
    "folded twice": "mark a layer whose batch norm is folded already",
    "half-precision accumulation": (
        "compute and add up in float32, and round to the dtype of x once, at the end"
    ),
    "inference by batch statistics": "normalise by the running statistics at inference",
    "memory order ignored": (
        "go by the shape and the strides of an array, or copy it into contiguous memory first"
    ),
    "momentum on the wrong side": (
        "exchange the two weights, or declare a convention whose momentum weighs the old value"
    ),
    "momentum replaced by a constant": "use the momentum that is handed over",
    "one-pass variance": (
        "compute the variance from the deviations x - mean, in a second pass over x"
    ),
    "overflow of squares": "subtract the mean before anything is squared",
    "parameter gradients reduced twice": "add the gradients up over the workers once",
    "parameters in the wrong order": "hand over arguments by name",
    "parameters rounded to half": "keep gamma, beta and the statistics in float32",
    "state carried between calls": (
        "compute every answer from the arguments of its call, and initialise what is written"
    ),
    "state not loaded as given": "take over every array of an assigned state as it is",
    "statistics never updated": "return the new statistics, or write them where they are read",
    "statistics of one worker": "merge the statistics of all workers",
    "statistics updated at inference": "write the statistics in training alone",
    "statistics updated twice": "update the statistics once in a step",
    "storage offset ignored": "start reading an array at its own offset",
    "workers averaged without counts": "weigh every worker by its number of samples",
    "wrong axis": "reduce over every axis except that of the channels, by its position",
    "wrong initial state": "start from gamma = 1, beta = 0, running mean 0 and running variance 1",
}

# Filled by the decorator as the modules are imported, so that there is no list to keep.
_REGISTERED: dict[str, Mutant] = {}


def bug(
    id: str, *, mechanism: str, kind: Kind = "semantic", grade: str = ""
) -> Callable[[Class], Class]:
    """Register a class as the model of a known bug.

    The docstring of the class becomes ``says``.  It is one sentence that says what is wrong, since
    it is printed in one line as the likely cause of a violation.

    Parameters
    ----------
    id
        The id of the known bug, or of a variant of it (``"F03-square"``).
    mechanism
        The class of its cause, in the words of the other mutants where one fits; "none" for what is
        correct.
    kind
        What the model is: see :class:`Mutant`.
    grade
        What ``accuracy`` has to say of it.

    Returns
    -------
    A decorator that returns the class as it is.

    Raises
    ------
    ValueError
        If another class models this id already.
    """

    def register(model: Class) -> Class:
        """Keep the class under its id and hand it back."""
        # The same class again is a module that was imported twice (reloaded, or run by doctest).
        before = _REGISTERED[id].make if id in _REGISTERED else model
        if before.__qualname__ != model.__qualname__:
            raise ValueError(f"{id} is modelled twice, by {before.__name__} and {model.__name__}")
        known, says = read_bugs()[strip_variant(id)], inspect.cleandoc(model.__doc__ or "")
        _REGISTERED[id] = Mutant(id, known, kind, mechanism, says, model, grade)
        return model

    return register


@cache
def read_bugs() -> dict[str, KnownBug]:
    """Every known bug by id, in the order of ``sources.csv``.

    Examples
    --------
    >>> known = read_bugs()["F01"]
    >>> known.family, known.severity, known.year
    ('forward', 'high', '2015-2018')
    """
    rows = read_rows("sources.csv")
    return {row["id"]: KnownBug(**row | {"sources": tuple(row["sources"].split())}) for row in rows}


def read_rows(table: str) -> list[dict[str, Any]]:
    """The rows of a table in this folder, by the names of its columns."""
    text = files("bnproof.mutants").joinpath(table).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def list_mutants() -> dict[str, Mutant]:
    """Every model by id, in the order of ``sources.csv``, and variants after the bug's own model.

    Examples
    --------
    >>> from bnproof.mutants.catalogue import list_mutants
    >>> mutants = list_mutants()
    >>> mutants["F03-square"].bug.id, mutants["F03-square"].mechanism
    ('F03', 'square root misplaced')
    >>> [name for name in mutants if name.startswith("F03")]
    ['F03', 'F03-own', 'F03-square']
    """
    for _ in import_modules("bnproof.mutants"):
        pass  # importing a module registers its mutants
    # Modules register in alphabetical order; pages and diagnoses want the order of the table.
    order = list(read_bugs())
    places = {name: (order.index(strip_variant(name)), name) for name in _REGISTERED}
    return {name: _REGISTERED[name] for name in sorted(_REGISTERED, key=places.__getitem__)}


def strip_variant(id: str) -> str:
    """The known bug that a mutant's id belongs to.

    Examples
    --------
    >>> strip_variant("F03-square"), strip_variant("F03")
    ('F03', 'F03')
    """
    return id.partition("-")[0]
