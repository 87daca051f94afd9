"""What a claim of the thread is, and how its verdict follows.

A claim names the items of the book that say literally what is claimed (``"scale-exact: a > 0"``;
``"~..."`` where the claim is the contrary of the item), those that say it under conditions, and the
theorems its explanation rests on.  The verdict is a function of their outcomes:

- every literal item true without conditions: ``proved``; true under conditions: ``proved with
  conditions``;
- a literal item false, but what is claimed true under the conditions of the repaired items:
  ``proved with conditions``;
- a literal item false and nothing repairs it: ``refuted``;
- nothing literal, but a measurement: ``measured`` where the records bear the claim out, ``refuted``
  where they do not;
- anything undecided, or a theorem it rests on not proved: ``undecided``.

Outcomes come in as rows of records, so that this module imports no prover, and a report settles its
claims from the very rows it shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from bnproof.records import Row, select_rows

# From the strongest to none at all; reports count in this order.
VERDICTS = ("proved", "proved with conditions", "refuted", "measured", "undecided")


@dataclass(frozen=True)
class Deciding:
    """A measurement that decides a claim which no proof can decide.

    Attributes
    ----------
    experiment : str
        The module of :mod:`bnproof.experiments` that measures it.
    kinds : tuple of str
        The kinds of its rows that count.  Each of them has to be there.
    plot : str
        The file name of the picture of them.
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
        Permanent; its first letter tells the speaker: ``Q`` the question and its comments, ``A``
        the first answer, ``B`` the answer from a textbook, ``C`` the third answer.
    who, says, explanation : str
        The speaker, the claim, and what to think of it.
    literal, repaired, formula : tuple of str, or str
        Items of the book as ``"theorem: item"``: what says literally what is claimed, what says it
        under conditions, and the formula to show where nothing does.  A ``~`` in front of a literal
        item means its contrary.
    rests_on : tuple of str
        Theorems that the explanation needs besides.
    scope : str
        Where the repaired items apply, where that is no condition in a formula (training mode).
    measurement : Deciding, optional
        What decides where no proof can.
    demonstration : str
        The numbers on real data that show it, by their id in
        :mod:`bnproof.experiments.demonstrations`.
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
    def stated(self) -> tuple[str, ...]:
        """Every item it names, each once, with a ``~`` in front of a contrary.

        The order is that of a page: what is literally claimed, what repairs it, the formula.
        """
        named = (*self.literal, *self.repaired, self.formula)
        # The same item may be literal and shown as the formula; it appears once.
        return tuple(dict.fromkeys(filter(None, named)))

    @property
    def items(self) -> tuple[str, ...]:
        """Every item it names, each once, without the sign of a contrary."""
        return tuple(dict.fromkeys(name.removeprefix("~") for name in self.stated))

    @property
    def theorems(self) -> tuple[str, ...]:
        """The theorems behind it, each once: those of its items, then those it rests on."""
        return tuple(
            dict.fromkeys((*(name.partition(": ")[0] for name in self.items), *self.rests_on))
        )


@dataclass(frozen=True)
class ClaimVerdict:
    """A settled claim.

    Attributes
    ----------
    claim : Claim
        What was settled.
    verdict : str
        One of ``VERDICTS``.
    items : dict
        The items behind it as they came out, by ``"theorem: item"``.
    open : tuple of str
        What kept it undecided: theorems that are not proved, or kinds of rows that are missing.
    measurement : str
        What was measured, in a sentence; empty where proofs decide.
    """

    claim: Claim
    verdict: str
    items: dict[str, Row] = field(default_factory=dict)
    open: tuple[str, ...] = ()
    measurement: str = ""

    @property
    def conditions(self) -> list[str]:
        """The scope, and the conditions of the repaired (or conditional literal) items, each once,
        as text.

        Empty for every verdict but ``proved with conditions``: what is proved outright has none,
        and what is refuted is not saved by any.
        """
        if self.verdict != "proved with conditions":
            return []
        # Where nothing is repaired, the literal items themselves carry the conditions.
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
        """Build the row of ``bnproof claims --format json``."""
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
    """Load every claim by id, the question first, then the answers in their order.

    Returns
    -------
    dict
        The ``CLAIMS`` of the modules of this package.  The speakers are in the order Q, A, B, C,
        and their claims in the order of the ids.

    Examples
    --------
    >>> from bnproof.claims import load_ledger
    >>> list(load_ledger())[:6]
    ['Q1', 'Q2', 'Q3', 'Q4', 'Q5', 'A1']
    """
    # Listed from the folder, so that a claim is added by one entry and no central list is kept.
    package = import_module("bnproof.claims")
    modules = [
        import_module(f"bnproof.claims.{info.name}") for info in iter_modules(package.__path__)
    ]
    claims = {a.id: a for module in modules for a in getattr(module, "CLAIMS", ())}
    return dict(sorted(claims.items(), key=lambda entry: ("QABC".index(entry[0][0]), entry[0])))


def find(id: str) -> Claim:
    """Find a claim by its id, whatever the case of its letters.

    Parameters
    ----------
    id
        Such as ``"A5b"`` or ``"a5b"``.

    Returns
    -------
    Claim
        The entry of the ledger, which nothing has settled yet.

    Raises
    ------
    UnknownClaim
        For an id that no claim has; the message names near ones.

    Examples
    --------
    >>> from bnproof.claims import find
    >>> find("a4").says
    'A plain affine map lacks this invariance.'
    >>> find("a4").theorems
    ('affine-not-invariant',)
    """
    from difflib import get_close_matches

    by_name = {name.lower(): claim for name, claim in load_ledger().items()}
    if id.lower() not in by_name:
        # Ids are two or three letters, so a low cutoff is needed for one wrong letter to find
        # anything.
        near = get_close_matches(id.upper(), load_ledger(), n=3, cutoff=0.3) or list(load_ledger())
        raise UnknownClaim(f"there is no claim {id!r}: try {', '.join(near)}")
    return by_name[id.lower()]


def settle(claim: Claim, rows: Sequence[Row]) -> ClaimVerdict:
    """Settle a claim.

    Parameters
    ----------
    claim
        The claim.
    rows
        Rows of records: those of the kind ``theorem``, and the measurements it asks for.  Others
        may be among them.

    Returns
    -------
    ClaimVerdict
        Undecided where a theorem behind the claim is not proved, or where measured rows are
        missing.  ``open`` then names them.

    Raises
    ------
    LookupError
        Where a theorem has no item of a name that the claim uses, or a theorem with such an item is
        not among the rows.

    Examples
    --------
    A claim that one item of the book says literally, and what becomes of it when that item comes
    out the other way round:

    >>> from bnproof.claims import Claim, settle
    >>> claim = Claim("X1", "somebody", "It is so.", "It is.", literal=("made-up: so it is",))
    >>> item = {"says": "so it is", "text": "a = a", "given_text": [], "detail": "m = 2"}
    >>> row = {"kind": "theorem", "id": "made-up", "verdict": "proved"}
    >>> [
    ...     settle(claim, [row | {"items": [item | {"verdict": verdict}]}]).verdict
    ...     for verdict in ("proved", "refuted", "undecided")
    ... ]
    ['proved', 'refuted', 'undecided']
    """
    theorems = {row["id"]: row for row in select_rows(rows, kind="theorem")}
    items = {name: _find_item(name, theorems) for name in claim.items}
    unproved = [
        name
        for name in claim.theorems
        if name not in theorems or theorems[name]["verdict"] != "proved"
    ]
    # A verdict rests on whole theorems: one that is not proved is open, even if the named item came
    # out.
    if unproved:
        return ClaimVerdict(claim, "undecided", items, tuple(unproved))
    if claim.measurement:
        return _settle_by_measurement(claim, claim.measurement, rows, items)
    return ClaimVerdict(claim, _decide_verdict(claim, items), items)


def read_loss(value: float | None) -> float:
    """A loss of a row; ``None`` stands for one that is not finite, which is worse than any other.

    Examples
    --------
    >>> from bnproof.claims.claim import read_loss
    >>> read_loss(0.5), read_loss(None)
    (0.5, inf)
    """
    return math.inf if value is None else value


def _find_item(name: str, theorems: dict[str, Row]) -> Row:
    """The row of an item, by ``"theorem: item"``."""
    theorem, _, says = name.partition(": ")
    if theorem in theorems:
        for item in theorems[theorem]["items"]:
            if item["says"] == says:
                return item
    raise LookupError(f"no item {says!r} in the theorem {theorem!r}")


def _is_true(name: str, items: dict[str, Row]) -> bool | None:
    """Whether what the claim says with this item is true; ``None`` where the item came out
    undecided."""
    verdict = items[name.removeprefix("~")]["verdict"]
    if verdict not in ("proved", "refuted"):
        return None
    # Refuting an item proves its contrary, because a refutation is an exact counterexample.
    return (verdict == "proved") != name.startswith("~")


def _decide_verdict(claim: Claim, items: dict[str, Row]) -> str:
    """The verdict by proofs, as the module's docstring lists the cases."""
    literal = [_is_true(name, items) for name in claim.literal]
    repaired = [_is_true(name, items) for name in claim.repaired]
    # A repaired item that is false repairs nothing, and was thought to: that is a mistake in the
    # ledger.
    if None in (*literal, *repaired) or False in repaired or not literal:
        return "undecided"
    if all(literal):
        # A contrary needs no conditions: one counterexample settles it.
        conditional = any(
            items[name]["given_text"] for name in claim.literal if not name.startswith("~")
        )
        return "proved with conditions" if conditional else "proved"
    return "proved with conditions" if repaired else "refuted"


def _settle_by_measurement(
    claim: Claim, deciding: Deciding, rows: Sequence[Row], items: dict[str, Row]
) -> ClaimVerdict:
    """The verdict by measured rows, of which every kind has to be there."""
    own = [row for row in rows if row["kind"] in deciding.kinds]
    missing = [kind for kind in deciding.kinds if not select_rows(own, kind=kind)]
    if missing:
        return ClaimVerdict(claim, "undecided", items, tuple(missing))
    verdict = "measured" if deciding.holds(own) else "refuted"
    return ClaimVerdict(claim, verdict, items, measurement=deciding.says(own))
