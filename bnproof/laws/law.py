"""What a law is, and the list of all laws, found by listing the modules of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from bnproof.contract import Measurement
from bnproof.laws.answers import Answers
from bnproof.laws.oracle import Oracle


@dataclass(frozen=True)
class Law:
    """One property of an implementation.

    ``measure`` gets the answers on one case and the oracle of that case; it returns what it saw, or raises
    ``NotOffered`` (nothing to judge) or ``Failed`` (the answer has no usable form: a violation of ``answers``).  A law of sequences
    of calls on a layer has none: a state machine judges it.  ``most``: entries of x up to which it is judged (those that run in balls
    cost microseconds an entry, others ask many times); ``each``: every quantity it is broken for is a violation of its own.
    """

    id: str
    theorem: str
    says: str
    quantity: str
    measure: Callable[[Answers, Oracle], Measurement | None] | None
    most: int = 1000
    each: bool = False


@cache
def laws() -> dict[str, Law]:
    """Every law by id: what the ``laws()`` functions of this package's modules yield."""
    package = import_module("bnproof.laws")
    found: list[Law] = []
    for info in iter_modules(package.__path__):
        listed: Callable[[], Iterable[Law]] | None = getattr(import_module(f"bnproof.laws.{info.name}"), "listed", None)
        found += listed() if listed else []
    return {law.id: law for law in found}
