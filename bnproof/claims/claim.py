"""What a claim of the thread is, and how its verdict follows.

A claim names the items of the book that say literally what is claimed (``"scale-exact: a > 0"``;
``"~..."`` where the claim is the contrary of the item), those that say it under conditions, and the
theorems its explanation rests on.  The verdict is a function of their outcomes:

- every literal item true without conditions: ``proved``; true under conditions:
  ``proved with conditions``;
- a literal item false, but what is claimed true under the conditions of the repaired items:
  ``proved with conditions``;
- a literal item false and nothing repairs it: ``refuted``;
- nothing literal, but a measurement: ``measured`` where the records bear the claim out,
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
class Deciding:
    """A measurement that decides a claim.

    Attributes
    ----------
    experiment : str
        The module of :mod:`bnproof.experiments` that measures it.
    kinds : tuple of str
        The kinds of its rows that count.
    plot : str
        The picture of them.
    holds, says : callable
        Whether such rows bear the claim out, and what they come to in a sentence.
    """

    experiment: str
    kinds: tuple[str, ...]
    plot: str
    holds: Callable[[Sequence[Row]], bool]
    says: Callable[[Sequence[Row]], str]


@dataclass(frozen=True)
class Claim:
    """One row of the ledger, and all that is known of it before anything runs.

    Attributes
    ----------
    id : str
        Permanent; its first letter tells the speaker (``Q``: the question and its comments).
    who, says, explanation : str
        The speaker, the claim, and what to think of it.
    literal, repaired, formula : tuple of str, or str
        Items of the book as ``"theorem: item"``: what says literally what is claimed, what says it
        under conditions, and the formula to show where nothing does.
    rests_on : tuple of str
        Theorems that the explanation needs besides.
    scope : str
        Where the repaired items apply, where that is no condition in a formula (training mode).
    demonstration : str
        The numbers on real data that show it, by their id in
        :mod:`bnproof.experiments.demonstrations`.
    measurement : Deciding, optional
        What decides where no proof can.
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
    measurement: Deciding | None = None
    demonstration: str = ""

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
    """A settled claim: its verdict, the items behind it as they came out, and what was measured."""

    claim: Claim
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
        named = self.claim.repaired or self.claim.literal
        scope = [self.claim.scope] if self.claim.scope else []
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
            "id": self.claim.id,
            "verdict": self.verdict,
            "theorems": list(self.claim.theorems),
            "counterexamples": self.counterexamples,
        }


class UnknownClaim(LookupError):
    """No claim has this id; the message names near ones."""


@cache
def load_ledger() -> dict[str, Claim]:
    """Every claim by id: the ``CLAIMS`` of the modules of this package, the question
    first."""
    package = import_module("bnproof.claims")
    modules = [
        import_module(f"bnproof.claims.{info.name}") for info in iter_modules(package.__path__)
    ]
    claims = {a.id: a for module in modules for a in getattr(module, "CLAIMS", ())}
    return dict(sorted(claims.items(), key=lambda entry: ("QABC".index(entry[0][0]), entry[0])))


def find(id: str) -> Claim:
    """The claim with this id, in either case; raises ``UnknownClaim``."""
    from difflib import get_close_matches

    by_name = {name.lower(): claim for name, claim in load_ledger().items()}
    if id.lower() not in by_name:
        near = get_close_matches(id.upper(), load_ledger(), n=3, cutoff=0.3) or list(load_ledger())
        raise UnknownClaim(f"there is no claim {id!r}: try {', '.join(near)}")
    return by_name[id.lower()]


def settle(claim: Claim, rows: Sequence[Row]) -> ClaimVerdict:
    """The verdict, from rows of theorems and of measurements; raises ``LookupError`` for an item
    that is not there."""
    theorems = {row["id"]: row for row in rows if row["kind"] == "theorem"}
    items = {name: _find_item(name, theorems) for name in claim.items}
    unproved = [
        name
        for name in claim.theorems
        if name not in theorems or theorems[name]["verdict"] != "proved"
    ]
    if unproved:
        return ClaimVerdict(claim, "undecided", items, tuple(unproved))
    if claim.measurement:
        return _settle_by_measurement(claim, claim.measurement, rows, items)
    return ClaimVerdict(claim, _decide_verdict(claim, items), items)


def _find_item(name: str, theorems: dict[str, Row]) -> Row:
    theorem, _, says = name.partition(": ")
    if theorem in theorems:
        for item in theorems[theorem]["items"]:
            if item["says"] == says:
                return item
    raise LookupError(f"no item {says!r} in the theorem {theorem!r}")


def _is_true(name: str, items: dict[str, Row]) -> bool | None:
    verdict = items[name.removeprefix("~")]["verdict"]
    if verdict not in ("proved", "refuted"):
        return None
    return (verdict == "proved") != name.startswith("~")


def _decide_verdict(claim: Claim, items: dict[str, Row]) -> str:
    literal = [_is_true(name, items) for name in claim.literal]
    repaired = [_is_true(name, items) for name in claim.repaired]
    if None in (*literal, *repaired) or False in repaired or not literal:
        return "undecided"
    if all(literal):
        conditional = any(
            items[name]["given_text"] for name in claim.literal if not name.startswith("~")
        )
        return "proved with conditions" if conditional else "proved"
    return "proved with conditions" if repaired else "refuted"


def _settle_by_measurement(
    claim: Claim, deciding: Deciding, rows: Sequence[Row], items: dict[str, Row]
) -> ClaimVerdict:
    own = [row for row in rows if row["kind"] in deciding.kinds]
    missing = tuple(kind for kind in deciding.kinds if not any(row["kind"] == kind for row in own))
    if missing:
        return ClaimVerdict(claim, "undecided", items, missing)
    verdict = "measured" if deciding.holds(own) else "refuted"
    return ClaimVerdict(claim, verdict, items, measurement=deciding.says(own))
