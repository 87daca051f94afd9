"""Proving a theorem: every claim, every link of a derivation, and every negative control."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from sympy import Basic

from bnproof.symbolic.outcomes import Disagreement, Proof, Refuted, Undecided
from bnproof.symbolic.prover import prove
from bnproof.symbolic.rendering import latex, text
from bnproof.symbolic.witnesses import Witness
from bnproof.theorems import book, formulas
from bnproof.theorems.book import (
    Assertion,
    Control,
    Corollary,
    Derivation,
    Eq,
    Recurrence,
    Relation,
    Theorem,
    find,
    list_dependents,
)
from bnproof.theorems.conditions import Needed, find_needed

Verdict = tuple[str, Any, tuple[Needed, ...]]


@dataclass(frozen=True)
class Posed:
    """One statement a theorem wants settled.

    ``part_of`` names the derivation a link belongs to, ``law`` the law of a check that measures the
    statement.
    """

    kind: str
    says: str
    statement: Basic
    given: tuple[Basic, ...]
    common: bool = False
    part_of: str = ""
    by: Witness | None = None
    law: str = ""

    @property
    def wanted(self) -> str:
        """The verdict the book asks for: controls are refuted, all else is proved."""
        return "refuted" if self.kind == "control" else "proved"


@dataclass(frozen=True)
class Settled:
    """A posed statement with its outcome; ``detail`` is the proof, the counterexample or the
    reason."""

    posed: Posed
    verdict: str
    detail: Any
    conditions: tuple[Needed, ...] = ()

    @property
    def as_wanted(self) -> bool:
        """Whether the verdict is the one the book asks for, and every condition of the statement is
        needed."""
        return self.verdict == self.posed.wanted and all(
            condition.shown for condition in self.conditions
        )

    def as_row(self, form: Callable[[Basic], str] = latex) -> dict[str, Any]:
        """Texts of the statement, its conditions, and its proof or counterexample; ``form`` writes
        the LaTeX."""
        posed = self.posed
        steps = self.detail.steps if isinstance(self.detail, Proof) else ()
        return {
            "kind": posed.kind,
            "says": posed.says,
            "part_of": posed.part_of,
            "common": posed.common,
            "law": posed.law,
            "text": text(posed.statement),
            "latex": form(posed.statement),
            "given_text": [text(condition) for condition in posed.given],
            "given_latex": [form(condition) for condition in posed.given],
            "needed": [str(condition) for condition in self.conditions],
            "verdict": self.verdict,
            "detail": "" if isinstance(self.detail, Proof) else str(self.detail),
            "steps": [
                {
                    "rule": step.rule,
                    "text": text(step.expression),
                    "latex": form(step.expression),
                    "why": step.why,
                }
                for step in steps
            ],
        }


@dataclass(frozen=True)
class Outcome:
    """A theorem with everything settled."""

    id: str
    settled: tuple[Settled, ...]
    seconds: float

    @property
    def theorem(self) -> Theorem:
        """The entry of the book."""
        return find(self.id)

    @property
    def assertions(self) -> list[Settled]:
        """What the theorem asserts: all but the controls."""
        return [one for one in self.settled if one.posed.kind != "control"]

    @property
    def controls(self) -> list[Settled]:
        """The negative controls."""
        return [one for one in self.settled if one.posed.kind == "control"]

    @property
    def verdict(self) -> str:
        """``proved`` if every assertion is proved, no condition is idle, and every control refuted;
        else the worst."""
        verdicts = {one.verdict for one in self.assertions}
        verdicts |= {
            "proved" if one.as_wanted else "undecided"
            for one in self.settled
            if one.verdict != "refuted"
        }
        verdicts |= {"proved" if one.verdict == "refuted" else "undecided" for one in self.controls}
        return next(
            verdict for verdict in ("refuted", "undecided", "proved") if verdict in verdicts
        )

    @property
    def independent_check(self) -> str:
        """``agrees`` unless some exact evaluation contradicted a proof."""
        return (
            "disagrees"
            if any(isinstance(one.detail, Disagreement) for one in self.settled)
            else "agrees"
        )

    @property
    def points(self) -> int:
        """Exact evaluations that agreed with the proofs."""
        return sum(one.detail.points for one in self.settled if isinstance(one.detail, Proof))

    def as_json(self) -> dict[str, Any]:
        """The row of ``bnproof prove --format json``."""
        return {
            "id": self.id,
            "chapter": self.theorem.chapter,
            "verdict": self.verdict,
            "seconds": round(self.seconds, 3),
            "negative_controls": [
                {"id": control.posed.says, "verdict": control.verdict} for control in self.controls
            ],
            "independent_check": self.independent_check,
        }


def list_statements(theorem: Theorem) -> Iterator[Posed]:
    """Everything a theorem wants settled, in order."""
    for item in theorem.items:
        match item:
            case Assertion():
                yield Posed("assertion", item.says, item.statement, item.given, by=item.by)
            case Corollary():
                yield Posed("corollary", item.says, item.statement, item.given)
            case Recurrence():
                yield Posed("assertion", f"{item.says}: induction, base", item.base, item.given)
                yield Posed(
                    "assertion", f"{item.says}: induction, step", item.inductive, item.given
                )
            case Relation():
                yield Posed(
                    "law",
                    item.says,
                    item.relation(*formulas.list_formulas(item)),
                    item.given,
                    law=item.name,
                )
            case Derivation():
                reached = item.start
                for line in item.lines:
                    link = Eq(reached, line.expression)
                    yield Posed(
                        "step", f"{line.rule}: {line.why}", link, item.given, part_of=item.says
                    )
                    reached = line.expression
            case Control():
                yield Posed("control", item.wrong, item.statement, item.given, item.common)


def settle(theorem: Theorem) -> Outcome:
    """Prove or refute everything in the theorem."""
    return _build_outcome(theorem.id, *_find_verdicts(theorem.id))


def _build_outcome(name: str, verdicts: list[Verdict], seconds: float) -> Outcome:
    posed = list_statements(find(name))
    return Outcome(
        name, tuple(Settled(p, *found) for p, found in zip(posed, verdicts, strict=True)), seconds
    )


def _find_verdicts(name: str) -> tuple[list[Verdict], float]:
    """Verdicts, details and needed conditions in the order of the statements (which SymPy would
    rewrite on its way between processes)."""
    start = time.perf_counter()
    verdicts = [settle_statement(posed) for posed in list_statements(find(name))]
    return verdicts, time.perf_counter() - start


def as_row(outcome: Outcome, form: Callable[[Basic], str] = latex) -> dict[str, Any]:
    """A settled theorem as a record: what reports are made of (times are kept apart: they do not
    repeat).

    ``form`` writes the LaTeX; a page without formulas need not wait for it.
    """
    entry = outcome.theorem
    return {
        "kind": "theorem",
        "id": outcome.id,
        "chapter": entry.chapter,
        "says": " ".join(entry.says.split()),
        "source": entry.source,
        "uses": list(entry.uses),
        "used_by": list_dependents(outcome.id),
        "predicts": [one.predicts for one in entry.select_items(Assertion) if one.predicts],
        "verdict": outcome.verdict,
        "independent_check": outcome.independent_check,
        "points": outcome.points,
        "items": [one.as_row(form) for one in outcome.settled],
    }


def settle_all(
    names: Sequence[str] = (), progress: Callable[[int, int], None] | None = None
) -> list[Outcome]:
    """Settle theorems on every core, in the order of the book (or of ``names``); raises
    ``UnknownTheorem``."""
    wanted = [find(name).id for name in names] or list(book.list_names())
    workers = min(len(wanted), os.cpu_count() or 1)
    if workers == 1:
        return [settle(find(name)) for name in wanted]
    outcomes: list[Outcome] = []
    with ProcessPoolExecutor(
        workers, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    ) as pool:
        for name, settled in zip(wanted, pool.map(_find_verdicts, wanted), strict=True):
            outcomes.append(_build_outcome(name, *settled))
            if progress:
                progress(len(outcomes), len(wanted))
    return outcomes


def settle_statement(posed: Posed) -> Verdict:
    """Prove or refute one statement; of a proved one, find out what each condition is for."""
    try:
        proof = prove(posed.statement, *posed.given, by=posed.by)
    except Refuted as refuted:
        return "refuted", refuted.counterexample, ()
    except (Undecided, Disagreement) as undecided:
        return "undecided", undecided, ()
    # the links of a derivation share its conditions
    own = posed.kind in ("assertion", "law", "corollary")
    return "proved", proof, find_needed(posed.statement, posed.given) if own else ()
