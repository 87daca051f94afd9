"""The claims of the thread, seen on real digits data.

A demonstration is a function that yields a few :class:`Number`. Each of them is computed in that
run from real mini-batches, by an implementation or by the proved formulas lowered to floats, and
says in one line what it is. The function's name is its id, by which a claim of the ledger names it.
No verdict depends on these numbers, which only let a reader see the size of what is proved.

Modules are named after the parts of the thread. Start reading at
:mod:`bnproof.experiments.demonstrations.question`; what they share is in
:mod:`bnproof.experiments.demonstrations.material`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, SupportsFloat

from bnproof.experiments.demonstrations.material import Material, max_magnitude
from bnproof.records import Row


@dataclass(frozen=True)
class Number:
    """One measured value.

    Attributes
    ----------
    what : str
        What was computed, in one line. It is different for every number of a claim.
    value : number
        The value; it has to be finite.
    unit : str
        The unit, empty for a pure number.
    """

    what: str
    value: SupportsFloat
    unit: str = ""


def largest(what: str, values: Any) -> Number:
    """The largest absolute value, as a number."""
    return Number(what, max_magnitude(values))


Shown = Callable[[Material], Iterator[Number]]


@dataclass(frozen=True)
class Demonstration:
    """A function that yields numbers, and the data they come from.

    Attributes
    ----------
    data : str
        The data in words, as a page shows them.
    numbers : callable
        Takes a :class:`Material` and yields numbers.
    """

    data: str
    numbers: Shown


class UnknownDemonstration(LookupError):
    """No demonstration has this id."""


# Filled while the modules of this package are imported.
_REGISTERED: dict[str, Demonstration] = {}


def demonstration(data: str) -> Callable[[Shown], Shown]:
    """Register the function that yields the numbers of a claim.

    Parameters
    ----------
    data : str
        The data that the numbers come from, in words.

    Returns
    -------
    callable
        A decorator that returns the function as it is. The function's name becomes the id.

    Raises
    ------
    ValueError
        By the decorator, where another function has this name already.
    """

    def register(numbers: Shown) -> Shown:
        name = numbers.__name__
        if name in _REGISTERED:
            raise ValueError(f"there are two demonstrations {name}: give one another name")
        _REGISTERED[name] = Demonstration(data, numbers)
        return numbers

    return register


@cache
def list_demonstrations() -> dict[str, Demonstration]:
    """Every demonstration by its id, found by listing this package."""
    for info in iter_modules(__path__):
        import_module(f"{__name__}.{info.name}")
    # A copy, so that what is registered later does not appear in an answer that is cached.
    return dict(_REGISTERED)


def measure_rows(seed: int, claims: Mapping[str, str]) -> Iterator[Row]:
    """The numbers that show some claims, as rows.

    Parameters
    ----------
    seed : int
        Determines the mini-batches and all random weights.
    claims : mapping of str to str
        The demonstration's id by the claim's id.

    Yields
    ------
    Row
        Of the kind ``demonstration``, in the order of ``claims``.

    Raises
    ------
    UnknownDemonstration
        For an id that no demonstration has. It is raised before anything is computed.
    ArithmeticError
        For a number that is not finite.
    """
    # Checked for all claims first: an experiment of minutes must not end in a name that was
    # mistyped.
    unknown = sorted(set(claims.values()) - set(list_demonstrations()))
    if unknown:
        raise UnknownDemonstration(
            f"no demonstration {', '.join(unknown)}: known are {', '.join(list_demonstrations())}"
        )
    # One for all claims: what several of them need is computed once.
    material = Material(seed)
    for claim, name in claims.items():
        yield from _measure_claim(claim, list_demonstrations()[name], material)


def _measure_claim(claim: str, shown: Demonstration, material: Material) -> Iterator[Row]:
    for number in shown.numbers(material):
        value = float(number.value)
        # JSON has no word for it, and a page with "nan" in it would look as if something had been
        # measured.
        if not math.isfinite(value):
            raise ArithmeticError(
                f"claim {claim}: {number.what} is {value}: choose data where it exists"
            )
        yield {
            "kind": "demonstration",
            "claim": claim,
            "data": shown.data,
            "what": number.what,
            "value": value,
            "unit": number.unit,
        }
