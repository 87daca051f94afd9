"""One run of laws over many cases, deterministic for a seed: per law the worst it saw, and what broke it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from bnproof.certify.bounds import NoBound
from bnproof.contract import Case, Measurement
from bnproof.laws.answers import Answers, Failed, NotOffered, Target
from bnproof.laws.asked import Asked
from bnproof.laws.cases import numbered
from bnproof.laws.edge_cases import edge_cases
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.verification.verdict import Worst

Progress = Callable[[int, int], None]
CLEAN, SMALL = 6, 200
KEPT = 6  # failing cases a law keeps for shrinking and diagnosis


@dataclass
class Broken:
    """A failing case and what the law saw on it."""

    case: Case
    seen: Measurement


@dataclass
class Session:
    """``run`` judges; afterwards ``worst``, ``broken`` and ``unjudged`` tell law by law what was seen."""

    target: Target
    seed: int
    asked: Asked
    count: int = 0
    usable: int = 0
    reason: str = ""
    worst: dict[str, Worst] = field(default_factory=dict)
    broken: dict[str, list[Broken]] = field(default_factory=dict)
    unjudged: dict[str, int] = field(default_factory=dict)
    clean: list[Case] = field(default_factory=list)  # a few on which no law broke

    def run(self, plan: list[Law], count: int, progress: Progress = lambda done, total: None) -> None:
        """Draw cases, and the few at the edges, and let every law judge each; a case is asked for once."""
        edges = list(edge_cases(self.asked, self.seed))
        total = count + len(edges)

        def judge(case: Case) -> None:
            self.judge(plan, case)
            progress(min(self.count, total), total)

        for number in range(count):
            judge(numbered(self.asked, self.seed, number))
        for case in edges:
            judge(case)

    def judge(self, plan: Iterable[Law], case: Case) -> None:
        """Every law on one case."""
        self.count += 1
        answers, oracle = self.asked_on(case)
        before = sum(worst.violated for worst in self.worst.values())
        for law in plan:
            if case.x.size <= law.most:
                self._judge(law, answers, oracle)
        broken = sum(worst.violated for worst in self.worst.values()) > before
        if not broken and len(self.clean) < CLEAN and case.x.size <= SMALL:
            self.clean.append(case)
        self._note(answers)  # last: it asks for the training step, and the gradients must come first

    def asked_on(self, case: Case) -> tuple[Answers, Oracle]:
        """Fresh answers and what to hold them to: an eps below the convention's least counts as that one."""
        raised = replace(case, eps=max(case.eps, self.target.convention.eps_min))
        return Answers(self.target, case), Oracle(raised)

    def _note(self, answers: Answers) -> None:
        if all(isinstance(answers.answer(method), Exception) for method in ("train", "infer", "train_vjp")):
            self.reason = self.reason or str(answers.answer("train"))
        else:
            self.usable += 1

    def _judge(self, law: Law, answers: Answers, oracle: Oracle) -> None:
        try:
            seen = measured(law, answers, oracle)
        except NoBound:
            self.unjudged[law.id] = self.unjudged.get(law.id, 0) + 1
            return
        if seen is None:
            return
        worst = self.worst.setdefault(law.id, Worst(law.theorem))
        worst.cases += 1
        worst.ratio = max(worst.ratio, seen.ratio)
        if seen.ulp is not None:
            worst.ulp = max(worst.ulp or 0.0, seen.ulp)
        if not seen.holds:
            worst.violated += 1
            kept = self.broken.setdefault(law.id, [])
            if len(kept) < KEPT or (law.each and all(known.seen.quantity != seen.quantity for known in kept)):
                kept.append(Broken(answers.case, seen))

    def fails(self, law: Law, case: Case) -> Measurement | None:
        """What the law sees on another case, if that may be asked and breaks it."""
        if not self.asked.admits(case):
            return None
        try:
            seen = measured(law, *self.asked_on(case))
        except NoBound:
            return None
        return seen if seen is not None and not seen.holds else None


def measured(law: Law, answers: Answers, oracle: Oracle) -> Measurement | None:
    """What the law saw, or ``None`` where there is nothing to judge; a malformed answer is left to ``answers``.

    Raises ``NoBound`` for a batch too long for its precision.
    """
    if law.measure is None:
        return None
    try:
        return law.measure(answers, oracle)
    except (NotOffered, Failed):
        return None
