"""Laws over many cases, deterministic for a seed: per law the worst it saw, and what broke it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bnproof.certify.bounds import NoBound
from bnproof.contract import Case, Measurement
from bnproof.laws.answers import Answers, Failed, NotOffered, Target
from bnproof.laws.cases import draw_case
from bnproof.laws.extreme_cases import draw_extreme_cases
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import Supports
from bnproof.verification.planning import ignore_progress
from bnproof.verification.verdict import Tally

# cases without a violation that are kept, and how many entries of x they may have
CLEAN, SMALL = 6, 200
KEPT = 6  # failing cases a law keeps for shrinking and diagnosis


@dataclass(frozen=True)
class Broken:
    """A failing case and what the law saw on it."""

    case: Case
    seen: Measurement


@dataclass
class Session:
    """``run`` judges; afterwards ``tallies``, ``broken`` and ``unjudged`` tell law by law what was
    seen.

    Parameters
    ----------
    target
        The implementation under its convention.
    seed
        What cases are drawn from.
    supports
        What may be asked of it.
    """

    target: Target
    seed: int
    supports: Supports
    count: int = 0
    usable: int = 0
    reason: str = ""  # why the first case without a usable answer has none
    tallies: dict[str, Tally] = field(default_factory=dict)
    broken: dict[str, list[Broken]] = field(default_factory=dict)
    unjudged: dict[str, int] = field(default_factory=dict)
    clean: list[Case] = field(default_factory=list)  # a few on which no law broke

    def run(
        self, plan: list[Law], count: int, progress: Callable[[int, int], None] = ignore_progress
    ) -> None:
        """Draw cases, and the few at the extremes, and let every law judge each; a case is asked
        for once."""
        extremes = list(draw_extreme_cases(self.supports, self.seed))
        total = count + len(extremes)
        drawn = (draw_case(self.supports, self.seed, number) for number in range(count))
        for cases in (drawn, extremes):
            for case in cases:
                self.judge(plan, case)
                progress(min(self.count, total), total)

    def judge(self, plan: Iterable[Law], case: Case) -> None:
        """Every law on one case."""
        self.count += 1
        answers, oracle = self.prepare(case)
        before = self._count_violations()
        for law in plan:
            if case.x.size <= law.most:
                self._judge(law, answers, oracle)
        if self._count_violations() == before and len(self.clean) < CLEAN and case.x.size <= SMALL:
            self.clean.append(case)
        # last: it asks for the training step, and the gradients must come first
        self._note(answers)

    def _count_violations(self) -> int:
        return sum(tally.violated for tally in self.tallies.values())

    def prepare(self, case: Case) -> tuple[Answers, Oracle]:
        """Fresh answers to the case, and what to hold them to."""
        return Answers(self.target, case), Oracle.from_convention(self.target.convention, case)

    def _note(self, answers: Answers) -> None:
        given = [answers.answer(method) for method in ("train", "infer", "train_vjp")]
        if not all(isinstance(answer, Exception) for answer in given):
            self.usable += 1
        elif not self.reason:
            self.reason = str(given[0])

    def _judge(self, law: Law, answers: Answers, oracle: Oracle) -> None:
        try:
            seen = measure(law, answers, oracle)
        except NoBound:
            self.unjudged[law.id] = self.unjudged.get(law.id, 0) + 1
            return
        if seen is None:
            return
        self.tallies.setdefault(law.id, Tally(law.theorem)).add(seen)
        if not seen.holds:
            kept = self.broken.setdefault(law.id, [])
            if len(kept) < KEPT or (
                law.by_method
                and all(find_failed_method(b.seen) != find_failed_method(seen) for b in kept)
            ):
                kept.append(Broken(answers.case, seen))

    def recheck(self, law: Law, case: Case) -> Measurement | None:
        """What the law sees on another case, if that may be asked and breaks it."""
        if not self.supports.admits(case):
            return None
        try:
            seen = measure(law, *self.prepare(case))
        except NoBound:
            return None
        return seen if seen is not None and not seen.holds else None


def find_failed_method(seen: Measurement) -> str:
    """The method that failed; empty where numbers were compared."""
    return seen.failure.method if seen.failure else ""


def measure(law: Law, answers: Answers, oracle: Oracle) -> Measurement | None:
    """What the law saw, or ``None`` where there is nothing to judge; a malformed answer is left to
    ``answers``.

    Raises ``NoBound`` for a batch too long for its precision.
    """
    if law.measure is None:
        return None
    try:
        return law.measure(answers, oracle)
    except (NotOffered, Failed):
        return None
