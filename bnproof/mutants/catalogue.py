"""The catalogue of known bugs: every mutant with its sources, and the rows that cannot be said in
the contract, with the reason."""

from __future__ import annotations

import csv
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules
from typing import Any, Literal, TypeVar

Kind = Literal["semantic", "numerical", "graded", "correct"]
Class = TypeVar("Class", bound=type)


@dataclass(frozen=True)
class Row:
    """A known bug: ``family``, ``severity`` ("none" for what is no bug), when and where it was
    seen."""

    id: str
    family: str
    severity: str
    year: str
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Mutant:
    """A class that models one row, or one variant of it (``F03``, ``F03-square``).

    ``kind``: "semantic" (another formula), "numerical" (the formula, so badly computed that a law
    breaks), "graded" (badly, but within what rounding explains) or "correct" (has to pass);
    ``mechanism``: the class of its cause; ``grade``: what ``accuracy`` has to say, after a comma of
    its sums.
    """

    id: str
    row: Row
    kind: Kind
    mechanism: str
    says: str
    make: Callable[..., Any]
    grade: str = ""


_REGISTERED: dict[str, tuple[type, Kind, str, str]] = {}


def bug(
    id: str, *, mechanism: str, kind: Kind = "semantic", grade: str = ""
) -> Callable[[Class], Class]:
    """Register a class as the model of a row; its docstring says in one sentence what is wrong."""

    def register(model: Class) -> Class:
        if id in _REGISTERED and _REGISTERED[id][0].__qualname__ != model.__qualname__:
            raise ValueError(
                f"{id} is modelled twice, by {_REGISTERED[id][0].__name__} and {model.__name__}"
            )
        _REGISTERED[id] = (model, kind, mechanism, grade)
        return model

    return register


@cache
def read_bugs() -> dict[str, Row]:
    """Every known bug by id."""
    text = files("bnproof.mutants").joinpath("sources.csv").read_text(encoding="utf-8")
    return {
        row["id"]: Row(
            row["id"], row["family"], row["severity"], row["year"], tuple(row["sources"].split())
        )
        for row in csv.DictReader(text.splitlines())
    }


@cache
def list_mutants() -> dict[str, Mutant]:
    """Every model by id, in the order of the rows."""
    package = import_module("bnproof.mutants")
    for info in iter_modules(package.__path__):
        import_module(f"bnproof.mutants.{info.name}")
    order = list(read_bugs())
    models = {
        name: Mutant(
            name,
            read_bugs()[strip_variant(name)],
            kind,
            mechanism,
            inspect.cleandoc(model.__doc__ or ""),
            model,
            grade,
        )
        for name, (model, kind, mechanism, grade) in _REGISTERED.items()
    }
    return dict(
        sorted(models.items(), key=lambda entry: (order.index(strip_variant(entry[0])), entry[0]))
    )


def strip_variant(id: str) -> str:
    """The row a mutant's id belongs to: ``F03`` for ``F03-square``."""
    return id.partition("-")[0]
