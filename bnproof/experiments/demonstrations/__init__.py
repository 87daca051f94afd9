"""Every claim of the thread, seen on real digits data: one function a claim, found by listing this
package.

A demonstration yields a few :class:`Number`: each is computed in that run from real mini-batches,
by an implementation or by the proved formulas lowered to floats, and says in one line what it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import SupportsFloat

from bnproof.experiments.demonstrations.material import Material
from bnproof.records import Row

SPEAKERS = "QABC"  # the question, the first answer, the textbook answer, the third answer


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
    """The numbers that show one claim, and the data they come from unless a number says
    otherwise."""

    claim: str
    data: str
    numbers: Shown


class UnknownDemonstration(LookupError):
    """No demonstration is registered for this claim."""


_REGISTERED: dict[str, Demonstration] = {}


def demonstration(claim: str, data: str) -> Callable[[Shown], Shown]:
    """Register the function that yields the numbers of a claim; a claim has one demonstration."""

    def register(numbers: Shown) -> Shown:
        if claim in _REGISTERED:
            raise ValueError(
                f"claim {claim} is demonstrated twice: give {numbers.__name__} another claim"
            )
        _REGISTERED[claim] = Demonstration(claim, data, numbers)
        return numbers

    return register


@cache
def demonstrations() -> dict[str, Demonstration]:
    """Every demonstration by claim id, in the order of the thread."""
    for info in iter_modules(__path__):
        import_module(f"{__name__}.{info.name}")
    return {claim: _REGISTERED[claim] for claim in sorted(_REGISTERED, key=_place)}


def _place(claim: str) -> tuple[int, str]:
    return SPEAKERS.index(claim[0]), claim


def rows(seed: int, claims: Collection[str] = ()) -> Iterator[Row]:
    """The numbers of the given claims (of every claim, if none is named) as rows, in the order of
    the thread.

    Raises ``UnknownDemonstration`` for an id without a demonstration and ``ArithmeticError`` for a
    number that is not finite.
    """
    unknown = sorted(set(claims) - set(demonstrations()))
    if unknown:
        raise UnknownDemonstration(
            f"no demonstration of {', '.join(unknown)}: known are {', '.join(demonstrations())}"
        )
    material = Material(seed)
    for shown in demonstrations().values():
        if not claims or shown.claim in claims:
            yield from _rows(shown, material)


def _rows(shown: Demonstration, material: Material) -> Iterator[Row]:
    for number in shown.numbers(material):
        value = float(number.value)
        if not math.isfinite(value):
            raise ArithmeticError(
                f"claim {shown.claim}: {number.what} is {value}: choose data where it exists"
            )
        yield {
            "kind": "demonstration",
            "claim": shown.claim,
            "data": shown.data,
            "what": number.what,
            "value": value,
            "unit": number.unit,
        }
