"""Proving a theorem: every claim, every link of a derivation, and every negative control."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sympy import Basic, Eq

from bnproof.symbolic.outcomes import Disagreement, Proof, Refuted, Undecided
from bnproof.symbolic.prover import prove
from bnproof.theorems import formulas
from bnproof.theorems.book import Claim, Control, Corollary, Derivation, Law, Theorem


@dataclass(frozen=True)
class Settled:
    """One statement of a theorem and its outcome; ``detail`` is the proof, the counterexample or the reason."""

    kind: str
    says: str
    statement: Basic
    given: tuple[Basic, ...]
    verdict: str
    detail: Any
    common: bool = False


@dataclass(frozen=True)
class Outcome:
    """A theorem with everything settled."""

    theorem: Theorem
    settled: tuple[Settled, ...]
    seconds: float

    @property
    def claims(self) -> list[Settled]:
        """What the theorem asserts: all but the controls."""
        return [one for one in self.settled if one.kind != "control"]

    @property
    def controls(self) -> list[Settled]:
        """The negative controls."""
        return [one for one in self.settled if one.kind == "control"]

    @property
    def verdict(self) -> str:
        """``proved`` if every claim is proved and every control refuted; else the worst that happened."""
        verdicts = {one.verdict for one in self.claims}
        verdicts |= {"proved" if one.verdict == "refuted" else "undecided" for one in self.controls}
        return next(verdict for verdict in ("refuted", "undecided", "proved") if verdict in verdicts)

    @property
    def independent_check(self) -> str:
        """``agrees`` unless some exact evaluation contradicted a proof."""
        return "disagrees" if any(isinstance(one.detail, Disagreement) for one in self.settled) else "agrees"

    @property
    def points(self) -> int:
        """Exact evaluations that agreed with the proofs."""
        return sum(one.detail.points for one in self.settled if isinstance(one.detail, Proof))


def statements(theorem: Theorem) -> Iterator[tuple[str, str, Basic, tuple[Basic, ...], bool]]:
    """``(kind, says, statement, given, common)`` of everything a theorem wants settled, in order."""
    for item in theorem.items:
        match item:
            case Claim() | Corollary():
                kind = type(item).__name__.lower()
                yield kind, item.says, item.statement, item.given, False
            case Law():
                yield "law", item.says, item.relation(*formulas.of(item.quantities)), item.given, False
            case Derivation():
                reached = item.start
                for line in item.lines:
                    yield "step", f"{line.rule}: {line.why}", Eq(reached, line.expression), item.given, False
                    reached = line.expression
            case Control():
                yield "control", item.wrong, item.statement, item.given, item.common


def settle(theorem: Theorem) -> Outcome:
    """Prove or refute everything in the theorem."""
    start = time.perf_counter()
    settled = []
    for kind, says, statement, given, common in statements(theorem):
        verdict, detail = _verdict(statement, given)
        settled.append(Settled(kind, says, statement, given, verdict, detail, common))
    return Outcome(theorem, tuple(settled), time.perf_counter() - start)


def _verdict(statement: Basic, given: tuple[Basic, ...]) -> tuple[str, Any]:
    try:
        return "proved", prove(statement, *given)
    except Refuted as refuted:
        return "refuted", refuted.counterexample
    except (Undecided, Disagreement) as undecided:
        return "undecided", undecided
