"""What a law is, and the list of all laws, found by listing the modules of this package."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from bnproof.contract import Measurement
from bnproof.laws.answers import Answers
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import FEW


@dataclass(frozen=True)
class Law:
    """One property of an implementation.

    Parameters ---------- id
        Its permanent name.
    theorem
        The theorem it follows from; empty where it is a promise of the contract.
    says
        The property in words.
    quantities
        What it is about: names of :data:`bnproof.contract.QUANTITIES`, or what a relation calls its
        observations.
    measure
        Takes the answers on one case and the oracle of that case; returns what it saw (``None``:
        nothing to judge), or raises ``NotOffered``, or ``Failed`` (the answer has no usable form,
        which is a violation of ``answers``).  A law about sequences of calls on a layer has none:
        it is judged while a layer is driven.
    most
        Entries of x up to which it is judged: some laws run in balls, at microseconds an entry,
        others ask many times.
    by_method
        Whether every method it is broken for is a violation of its own.
    families
        The families of bugs that break it: where all broken laws share one, that is what is told.
    by_convention
        Whether another convention may explain that it is broken.
    """

    id: str
    theorem: str
    says: str
    quantities: tuple[str, ...]
    measure: Callable[[Answers, Oracle], Measurement | None] | None
    most: int = FEW
    by_method: bool = False
    families: frozenset[str] = frozenset()
    by_convention: bool = False


@cache
def load_laws() -> dict[str, Law]:
    """Every law by id: what the functions ``list_laws`` of this package's modules yield."""
    package = import_module("bnproof.laws")
    listed: list[Law] = []
    for info in iter_modules(package.__path__):
        module = import_module(f"bnproof.laws.{info.name}")
        listed += module.list_laws() if hasattr(module, "list_laws") else []
    return {law.id: law for law in listed}
