"""What an assertion of the thread is, and how its verdict follows.

An assertion names the items of the book that say literally what is asserted
(``"scale-exact: a > 0"``; ``"~..."`` where the assertion is the contrary of the item), those that
say it under conditions, and the theorems its explanation rests on. The verdict is a function of
their outcomes:

- every literal item true without conditions: ``proved``; true under conditions:
  ``proved with conditions``;
- a literal item false, but what is asserted true under the conditions of the repaired items:
  ``proved with conditions``;
- a literal item false and nothing repairs it: ``refuted``;
- nothing literal, but a measurement: ``measured`` where the records bear the assertion out,
  ``refuted`` where they do not;
- anything undecided, or a theorem it rests on not proved: ``undecided``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from bnproof.records import Row

VERDICTS = ("proved", "proved with conditions", "refuted", "measured", "undecided")


@dataclass(frozen=True)
class Measured:
    """A measurement that decides: the kinds of its rows, its plot, what it comes to, and sentences
    that say so."""

    kinds: tuple[str, ...]
    plot: str
    holds: Callable[[Sequence[Row]], bool]
    says: Callable[[Sequence[Row]], str]


@dataclass(frozen=True)
class Assertion:
    """One row of the ledger; ``literal`` and ``repaired`` name items of the book as
    ``"theorem: item"``.

    ``scope`` says in words where the repaired items apply, where that is no condition in a formula
    (training mode).
    """

    id: str
    who: str
    says: str
    explanation: str
    literal: tuple[str, ...] = ()
    repaired: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()
    formula: str = ""
    scope: str = ""
    measured: Measured | None = None

    @property
    def items(self) -> tuple[str, ...]:
        """Every item it names, each once, without the sign of a contrary."""
        named = (*self.literal, *self.repaired, *((self.formula,) if self.formula else ()))
        return tuple(dict.fromkeys(name.removeprefix("~") for name in named))

    @property
    def theorems(self) -> tuple[str, ...]:
        """The theorems behind it, each once."""
        return tuple(
            dict.fromkeys((*(name.partition(": ")[0] for name in self.items), *self.rests_on))
        )


@dataclass(frozen=True)
class ClaimVerdict:
    """An assertion settled: its verdict, the items behind it as they came out, and what was
    measured."""

    assertion: Assertion
    verdict: str
    items: dict[str, Row] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    measurement: str = ""

    @property
    def conditions(self) -> list[str]:
        """The scope, and the conditions of the repaired (or conditional literal) items, each once,
        as text."""
        if self.verdict != "proved with conditions":
            return []
        named = self.assertion.repaired or self.assertion.literal
        scope = [self.assertion.scope] if self.assertion.scope else []
        return scope + list(
            dict.fromkeys(given for name in named for given in self.items[name]["given_text"])
        )

    @property
    def counterexamples(self) -> list[str]:
        """The exact points that refute what is false of it, each once."""
        refuted = [item for item in self.items.values() if item["verdict"] == "refuted"]
        return list(dict.fromkeys(f"{item['text']}: {item['detail']}" for item in refuted))

    def as_json(self) -> dict[str, Any]:
        """The row of ``bnproof claims --format json``."""
        return {
            "id": self.assertion.id,
            "verdict": self.verdict,
            "theorems": list(self.assertion.theorems),
            "counterexamples": self.counterexamples,
        }


class UnknownClaim(LookupError):
    """No claim has this id; the message names near ones."""


@cache
def ledger() -> dict[str, Assertion]:
    """Every assertion by id: the ``ASSERTIONS`` of the modules of this package, the question
    first."""
    package = import_module("bnproof.claims")
    modules = [
        import_module(f"bnproof.claims.{info.name}") for info in iter_modules(package.__path__)
    ]
    found = {a.id: a for module in modules for a in getattr(module, "ASSERTIONS", ())}
    return dict(sorted(found.items(), key=lambda entry: ("QABC".index(entry[0][0]), entry[0])))


def find(id: str) -> Assertion:
    """The assertion with this id, in either case; raises ``UnknownClaim``."""
    from difflib import get_close_matches

    by_name = {name.lower(): assertion for name, assertion in ledger().items()}
    if id.lower() not in by_name:
        near = get_close_matches(id.upper(), ledger(), n=3, cutoff=0.3) or list(ledger())
        raise UnknownClaim(f"there is no claim {id!r}: try {', '.join(near)}")
    return by_name[id.lower()]


def settle(assertion: Assertion, rows: Sequence[Row]) -> ClaimVerdict:
    """The verdict, from rows of theorems and of measurements; raises ``LookupError`` for an item
    that is not there."""
    theorems = {row["id"]: row for row in rows if row["kind"] == "theorem"}
    items = {name: _item(name, theorems) for name in assertion.items}
    unproved = [
        name
        for name in assertion.theorems
        if name not in theorems or theorems[name]["verdict"] != "proved"
    ]
    if unproved:
        return ClaimVerdict(assertion, "undecided", items, tuple(unproved))
    if assertion.measured:
        return _measure(assertion, assertion.measured, rows, items)
    return ClaimVerdict(assertion, _verdict(assertion, items), items)


def _item(name: str, theorems: dict[str, Row]) -> Row:
    theorem, _, says = name.partition(": ")
    if theorem in theorems:
        for item in theorems[theorem]["items"]:
            if item["says"] == says:
                return item
    raise LookupError(f"no item {says!r} in the theorem {theorem!r}")


def _true(name: str, items: dict[str, Row]) -> bool | None:
    verdict = items[name.removeprefix("~")]["verdict"]
    if verdict not in ("proved", "refuted"):
        return None
    return (verdict == "proved") != name.startswith("~")


def _verdict(assertion: Assertion, items: dict[str, Row]) -> str:
    literal = [_true(name, items) for name in assertion.literal]
    repaired = [_true(name, items) for name in assertion.repaired]
    if None in (*literal, *repaired) or False in repaired or not literal:
        return "undecided"
    if all(literal):
        conditional = any(
            items[name]["given_text"] for name in assertion.literal if not name.startswith("~")
        )
        return "proved with conditions" if conditional else "proved"
    return "proved with conditions" if repaired else "refuted"


def _measure(
    assertion: Assertion, measured: Measured, rows: Sequence[Row], items: dict[str, Row]
) -> ClaimVerdict:
    own = [row for row in rows if row["kind"] in measured.kinds]
    missing = tuple(kind for kind in measured.kinds if not any(row["kind"] == kind for row in own))
    if missing:
        return ClaimVerdict(assertion, "undecided", items, missing)
    verdict = "measured" if measured.holds(own) else "refuted"
    return ClaimVerdict(assertion, verdict, items, measurement=measured.says(own))
