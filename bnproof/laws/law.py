"""What a law is, and the list of all laws.

A law is a property and a function that measures it on one case.  The list has no central place: it
is found by asking every module of this package for its ``list_laws``, so a new law is one function
and one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from bnproof.contract import QUANTITIES, Measurement
from bnproof.laws.answers import Answers
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import FEW


@dataclass(frozen=True)
class Law:
    """One property of an implementation.

    Attributes
    ----------
    id
        Its permanent name.
    theorem
        The theorem it follows from; empty where it is a promise of the contract.
    says
        The property in words.
    quantities
        What it is about: names of :data:`bnproof.contract.QUANTITIES`, or what a relation calls its
        observations.
    measure
        Takes the answers on one case and the oracle of that case, and returns what it saw
        (``None``: nothing to judge).  It raises ``NotOffered``, or ``Failed`` if the answer has no
        usable form, which is a violation of the law "answers".  A law about sequences of calls on a
        layer has none: it is judged while a layer is driven.
    most
        Up to how many entries of x it is judged.  Some laws run in balls, at microseconds an entry,
        others ask many times.
    by_method
        Whether every method it is broken for is a violation of its own.
    families
        The families of bugs that break it.  Where all broken laws share one, that is the one named.
    by_convention
        Whether another convention may explain that it is broken.
    area
        The one of :data:`bnproof.contract.AREAS` that it belongs to.  Empty for a law about
        numbers, which belongs where the quantity does that is wrong.
    extent
        On which inputs alone it can be broken, such as "a batch without samples"; empty where on
        any.
    mend
        What to do where it is broken, in one sentence; empty where its theorem says it.
    follows
        Laws about single calls whose violation shows in this law as well.  Where one of them is
        broken, this one is no news.
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
    area: str = ""
    extent: str = ""
    mend: str = ""
    follows: tuple[str, ...] = ()

    @property
    def areas(self) -> frozenset[str]:
        """The areas in which it can be broken."""
        if self.area:
            return frozenset({self.area})
        return frozenset(QUANTITIES[name].area for name in self.quantities if name in QUANTITIES)


# The relations are read from the whole book, which takes a while.
@cache
def load_laws() -> dict[str, Law]:
    """Return every law by its id.

    The laws are what the functions ``list_laws`` of this package's modules yield, module by module
    in alphabetical order.

    Examples
    --------
    >>> from bnproof.laws.law import load_laws
    >>> load_laws()["output"].says
    'the training output is gamma xhat + beta'
    """
    # By name, since a module cannot import its own package at the top without going in circles.
    package = import_module("bnproof.laws")
    listed: list[Law] = []
    for info in iter_modules(package.__path__):
        module = import_module(f"bnproof.laws.{info.name}")
        listed += module.list_laws() if hasattr(module, "list_laws") else []
    return {law.id: law for law in listed}


def list_law_rows() -> Iterator[dict[str, Any]]:
    """Yield what each law says and the theorem behind it, for the records of a run."""
    for law in load_laws().values():
        yield {"kind": "law", "law": law.id, "says": law.says, "theorem": law.theorem}
