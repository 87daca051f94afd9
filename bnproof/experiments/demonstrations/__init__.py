"""The claims of the thread, seen on real digits data.

A demonstration is a function that yields a few :class:`Number`: each is computed in that run from
real mini-batches, by an implementation or by the proved formulas lowered to floats, and says in one
line what it is.  Its name is its id, by which a claim of the ledger names it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import SupportsFloat

from bnproof.experiments.demonstrations.material import Material
from bnproof.records import Row


@dataclass(frozen=True)
class Number:
    """One measured value; ``what`` says in one line what was computed, ``unit`` is empty for a pure
    number."""

    what: str
    value: SupportsFloat
    unit: str = ""


Shown = Callable[[Material], Iterator[Number]]


@dataclass(frozen=True)
class Demonstration:
    """A function that yields numbers, and the data they come from."""

    data: str
    numbers: Shown


class UnknownDemonstration(LookupError):
    """No demonstration has this id."""


_REGISTERED: dict[str, Demonstration] = {}


def demonstration(data: str) -> Callable[[Shown], Shown]:
    """Register the function that yields the numbers of a claim; its name is the demonstration's
    id."""

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
    return dict(_REGISTERED)


def measure_rows(seed: int, claims: Mapping[str, str]) -> Iterator[Row]:
    """The numbers that show some claims, as rows; ``claims``: the demonstration's id by the
    claim's.

    Raises ``UnknownDemonstration`` for an id that no demonstration has and ``ArithmeticError`` for
    a number that is not finite.
    """
    unknown = sorted(set(claims.values()) - set(list_demonstrations()))
    if unknown:
        raise UnknownDemonstration(
            f"no demonstration {', '.join(unknown)}: known are {', '.join(list_demonstrations())}"
        )
    material = Material(seed)
    for claim, name in claims.items():
        yield from _measure_claim(claim, list_demonstrations()[name], material)


def _measure_claim(claim: str, shown: Demonstration, material: Material) -> Iterator[Row]:
    for number in shown.numbers(material):
        value = float(number.value)
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
