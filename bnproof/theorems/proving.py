"""Proving a theorem: every claim, every link of a derivation, and every negative control.

A theorem of the book is turned into a flat list of statements (:func:`list_statements`), each of
which is posed to the prover on its own.  The prover (:func:`bnproof.symbolic.prover.prove`) looks
for an exact counterexample first, and decides by a normal form for every batch size otherwise.
There are three verdicts: ``proved``, ``refuted`` and ``undecided``, and undecided never counts as a
pass.

A theorem passes as a whole if three things hold.  Every assertion is proved.  Every control is
refuted, since a control that came out true would show that the prover, or the theorem, does not
distinguish right from wrong.  Every condition of an assertion is shown to be needed, by a point
where the statement fails without it (:mod:`bnproof.theorems.conditions`).

Start reading at :func:`settle`.
"""

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

# The verdict in one word, the proof or counterexample or reason, and what each condition is for.
Decision = tuple[str, Any, tuple[Needed, ...]]


@dataclass(frozen=True)
class Posed:
    """One statement a theorem wants settled.

    Attributes
    ----------
    kind
        ``assertion``, ``law`` (of a ``Relation``), ``corollary``, ``step`` or ``control``.
    says
        The statement in words, or the mistake of a control.
    statement
        The statement.
    given
        Its conditions.
    common
        Whether it is a control that is often stated as true.
    part_of
        The derivation a link belongs to; empty for all else.
    by
        The witness handed to the prover.
    law
        The law of a check that measures the statement; empty where none does.
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
    """A posed statement with its outcome.

    Attributes
    ----------
    posed
        The statement.
    verdict
        ``proved``, ``refuted`` or ``undecided``.
    detail
        The ``Proof``, the ``Counterexample``, or the exception that says why it is undecided.
    conditions
        What each condition of a proved assertion is for.
    """

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
        the LaTeX.

        The row holds words and formulas as text and no SymPy objects, so that it can be written to
        a file as it is.
        """
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
    """A theorem with everything settled.

    Attributes
    ----------
    id
        The id of the theorem.
    settled
        Its statements in the order of the book.
    seconds
        How long the proofs took in the process that made them.
    """

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
        else the worst.

        A refuted assertion makes the theorem ``refuted``.  A control that is not refuted, and a
        condition that nothing speaks for, make it ``undecided``.
        """
        verdicts = {one.verdict for one in self.assertions}
        verdicts |= {
            "proved" if one.as_wanted else "undecided"
            for one in self.settled
            if one.verdict != "refuted"
        }
        # the worst first: next() finds the first one that occurs
        return next(
            verdict for verdict in ("refuted", "undecided", "proved") if verdict in verdicts
        )

    @property
    def independent_check(self) -> str:
        """``agrees`` unless some exact evaluation contradicted a proof.

        The exact evaluation shares no code with the normal form that proofs go through, so that a
        fault in either of the two shows here.
        """
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
    """Everything a theorem wants settled, in order.

    Parameters
    ----------
    theorem
        An entry of the book.

    Yields
    ------
    Posed
        One for each assertion, relation, corollary and control, two for a recurrence (base and
        step), and one for each link of a derivation.
    """
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
                # each link against the one before it, not against the start: a reader follows them
                # one by one, and so does the proof
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
    """Prove or refute everything in the theorem.

    Parameters
    ----------
    theorem
        An entry of the book; another theorem with the same id would not be looked at.

    Returns
    -------
    Outcome
        With the verdict of the theorem and of each of its statements.

    Examples
    --------
    >>> from bnproof.theorems.book import find
    >>> from bnproof.theorems.proving import settle
    >>> outcome = settle(find("affine-not-invariant"))
    >>> outcome.verdict
    'proved'
    >>> for control in outcome.controls:
    ...     print(control.posed.says, "->", control.verdict)
    invariant like batch normalisation -> refuted
    invariant for centred batches -> refuted
    """
    return _build_outcome(theorem.id, *_find_verdicts(theorem.id))


def _build_outcome(name: str, verdicts: list[Decision], seconds: float) -> Outcome:
    """Verdicts joined with the statements they belong to, which this process builds for itself."""
    posed = list_statements(find(name))
    return Outcome(
        name, tuple(Settled(p, *result) for p, result in zip(posed, verdicts, strict=True)), seconds
    )


def _find_verdicts(name: str) -> tuple[list[Decision], float]:
    """Verdicts, details and needed conditions in the order of the statements.

    This runs in a worker process.  The statements themselves do not travel back, because SymPy
    evaluates an equation again when it is unpickled, and a proved one would arrive as ``true``.
    """
    start = time.perf_counter()
    verdicts = [settle_statement(posed) for posed in list_statements(find(name))]
    return verdicts, time.perf_counter() - start


def as_row(outcome: Outcome, form: Callable[[Basic], str] = latex) -> dict[str, Any]:
    """A settled theorem as a record, which reports are made of.

    Parameters
    ----------
    outcome
        The settled theorem.
    form
        Writes the LaTeX of a statement.  A page without formulas can pass a function that returns
        an empty text, since LaTeX takes a while.

    Returns
    -------
    dict
        Plain texts, numbers and lists.  The seconds are left out: they differ from run to run, and
        the same book is to give the same record.
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
    """Settle theorems on every core, in the order of the book (or of ``names``).

    Parameters
    ----------
    names
        Ids of theorems; none means the whole book.
    progress
        Called with the number of theorems done and wanted after each of them, where more than one
        process is at work.

    Returns
    -------
    list of Outcome
        In the order of ``names`` or of the book, whichever process was first.

    Raises
    ------
    UnknownTheorem
        For an id that is not in the book, before anything is proved.
    """
    # Every theorem is built before the workers start: where they are forked, they inherit it, and
    # this process, which needs the statements too, has nothing left to do beside them.
    wanted = [find(name).id for name in names or book.list_names()]
    workers = min(len(wanted), os.cpu_count() or 1)
    if workers == 1:  # a process of its own would only have to load SymPy once more
        return [settle(find(name)) for name in wanted]
    outcomes: list[Outcome] = []
    # Ctrl-C reaches every process of the terminal. The workers ignore it, so that this process
    # alone answers it, and not each of them with a traceback.
    with ProcessPoolExecutor(
        workers, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    ) as pool:
        for name, settled in zip(wanted, pool.map(_find_verdicts, wanted), strict=True):
            outcomes.append(_build_outcome(name, *settled))
            if progress:
                progress(len(outcomes), len(wanted))
    return outcomes


def settle_statement(posed: Posed) -> Decision:
    """Prove or refute one statement; of a proved one, find out what each condition is for.

    Parameters
    ----------
    posed
        The statement with its conditions.

    Returns
    -------
    tuple
        The verdict, the proof or counterexample or reason, and the needed conditions.  A
        disagreement between the normal form and the exact evaluation counts as ``undecided``.
    """
    try:
        proof = prove(posed.statement, *posed.given, by=posed.by)
    except Refuted as refuted:
        return "refuted", refuted.counterexample, ()
    except (Undecided, Disagreement) as undecided:
        return "undecided", undecided, ()
    # The links of a derivation share its conditions, which not every link needs; and the conditions
    # of a control are there to make the counterexample a telling one.
    own = posed.kind in ("assertion", "law", "corollary")
    return "proved", proof, find_needed(posed.statement, posed.given) if own else ()
