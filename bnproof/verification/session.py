"""Laws over many cases, deterministic for a seed: per law the worst it saw, and what broke it.

A session is the loop of a check.  It draws a case, and lets every law look at the target's answers.
A plain call of a method is made once for a case, and its answer is shared by all laws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from bnproof.certify.bounds import NoBound
from bnproof.contract import METHODS, Case, Measurement
from bnproof.laws.answers import NOBODY, Answers, Failed, NotOffered, Target
from bnproof.laws.cases import draw_case
from bnproof.laws.extreme_cases import draw_extreme_cases
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import Supports
from bnproof.verification.extents import Traits, find_place
from bnproof.verification.verdict import Tally

# Cases without a violation that are kept, and how many entries of x they may have. Every
# model of a known bug is judged on each of them during a diagnosis, so more or longer ones make it
# slow.
CLEAN, SMALL = 6, 200
# Failing cases a law keeps for shrinking and diagnosis, in each place where it fails. They are the
# first ones; a few show what they have in common, and a thorough check must not hold hundreds of
# batches.
KEPT = 6


@dataclass(frozen=True)
class Broken:
    """A failing case and what the law saw on it.

    Attributes
    ----------
    case, seen
        The case, and the measurement.
    place
        Where a defect shows that fails here: see :func:`bnproof.verification.extents.find_place`.
    """

    case: Case
    seen: Measurement
    place: str = "ordinary"


@dataclass(frozen=True, order=True)
class Spot:
    """A broken law where it is broken: what one cause explains or does not.

    Attributes
    ----------
    law
        The law's id.
    place
        Where it fails: see :func:`bnproof.verification.extents.find_place`.
    method
        The method that failed, where each one counts; else empty.
    """

    law: str
    place: str
    method: str = ""


@dataclass
class Session:
    """Judges laws on cases, and remembers what they saw.

    ``run`` judges drawn cases and ``judge`` a given one; afterwards ``tallies``, ``broken`` and
    ``unjudged`` tell law by law what was seen.

    Attributes
    ----------
    target
        The implementation under its convention.
    seed
        What cases are drawn from.
    supports
        What may be asked of the target.
    count, usable
        How many cases were judged, and how many of them had an answer to at least one method.
    answered
        The methods that gave an answer to some case.
    reason
        Why the first case without a usable answer has none.
    tallies
        Per law, what it saw over all cases.
    broken
        Per law, the first failing cases.
    traits
        What may decide whether a case fails, case by case.
    outcomes
        Per law, the numbers of the cases it judged, and whether it holds there.
    unjudged
        Per law, in how many cases no bound exists because the batch is too long for the precision.
    clean
        A few small cases on which no law was broken.
    """

    target: Target
    seed: int
    supports: Supports
    count: int = 0
    usable: int = 0
    answered: set[str] = field(default_factory=set)
    reason: str = ""
    tallies: dict[str, Tally] = field(default_factory=dict)
    broken: dict[str, list[Broken]] = field(default_factory=dict)
    traits: list[Traits] = field(default_factory=list)
    outcomes: dict[str, dict[int, bool]] = field(default_factory=dict)
    unjudged: dict[str, int] = field(default_factory=dict)
    clean: list[Case] = field(default_factory=list)

    def run(
        self,
        plan: list[Law],
        count: int,
        progress: Callable[[int, int], None] = NOBODY.progress,
        enough: Callable[[], bool] = lambda: False,
    ) -> None:
        """Draw cases and let every law judge each; those at the extremes come last.

        Parameters
        ----------
        plan
            The laws to judge.
        count
            How many cases are drawn.  Case ``n`` depends on the seed and on ``n`` alone, so a
            higher effort judges the cases of a lower one first.
        progress
            Is told after each case how many of how many are judged.
        enough
            Is asked after each case whether nothing more needs to be known.
        """
        extremes = list(draw_extreme_cases(self.supports, self.seed))
        total = count + len(extremes)
        # Drawn one by one as they are judged: a thorough check must not hold all its batches at
        # once.
        drawn = (draw_case(self.supports, self.seed, number) for number in range(count))
        for case in chain(drawn, extremes):
            self.judge(plan, case)
            progress(min(self.count, total), total)
            if enough():
                return

    def judge(self, plan: Iterable[Law], case: Case) -> None:
        """Judge laws on one case.

        Parameters
        ----------
        plan
            The laws to judge.  Those for which the batch is too long are passed over.
        case
            The input.
        """
        self.count += 1
        self.traits.append(Traits.from_case(case))
        answers, oracle = self.prepare(case)
        broken = [self._judge(law, answers, oracle) for law in plan if case.x.size <= law.most]
        if not any(broken) and len(self.clean) < CLEAN and case.x.size <= SMALL:
            self.clean.append(case)
        # Last, because it asks for the training step, and the gradients have to come first: an
        # implementation that keeps statistics from its latest call would else be caught by none.
        self._note(answers)

    def prepare(self, case: Case) -> tuple[Answers, Oracle]:
        """Make fresh answers to the case, and the oracle they are held to."""
        return Answers(self.target, case), Oracle.from_convention(self.target.convention, case)

    def _note(self, answers: Answers) -> None:
        """Count the case as usable if the target answers any of the methods."""
        given = {method: answers.answer(method) for method in METHODS}
        answered = {name for name, one in given.items() if not isinstance(one, Exception)}
        self.answered |= answered
        if answered:
            self.usable += 1
        elif not self.reason:
            self.reason = str(given["train"])

    def _judge(self, law: Law, answers: Answers, oracle: Oracle) -> bool:
        """Whether a law is broken on one case.

        Failing cases are kept up to ``KEPT`` in each place, and for every method that failed where
        each one counts.
        """
        try:
            seen = measure(law, answers, oracle)
        except NoBound:
            self.unjudged[law.id] = self.unjudged.get(law.id, 0) + 1
            return False
        if seen is None:
            return False
        self.tallies.setdefault(law.id, Tally(law.theorem)).add(seen)
        self.outcomes.setdefault(law.id, {})[self.count - 1] = seen.holds
        if not seen.holds:
            if law.id not in self.broken:
                self.target.monitor.broken(law.id)
            for one in (seen, *seen.also):
                self._keep(law, Broken(answers.case, one, self.find_place(law, self.count - 1)))
        return not seen.holds

    def find_place(self, law: Law, number: int) -> str:
        """Find where a case shows a defect of its own.

        It is the area of a law that has one, since such a law asks for a special input.
        """
        return law.area or find_place(self.traits[number])

    def _keep(self, law: Law, broken: Broken) -> None:
        """Keep a failing case, unless there are enough of its kind."""
        kept, spot = self.broken.setdefault(law.id, []), find_spot(law, broken)
        if sum(find_spot(law, other) == spot for other in kept) < KEPT:
            kept.append(broken)

    def group_broken(self, plan: Iterable[Law]) -> dict[Spot, list[Broken]]:
        """Group the failing cases that were kept by law, place and method, in the order of the
        plan."""
        grouped: dict[Spot, list[Broken]] = {}
        for law in plan:
            for broken in self.broken.get(law.id, ()):
                grouped.setdefault(find_spot(law, broken), []).append(broken)
        return grouped

    def recheck(self, law: Law, case: Case) -> Measurement | None:
        """Judge a law on another case, without counting it.

        Returns
        -------
        Measurement or None
            What the law saw where the case breaks it.  ``None`` where the law holds, where there is
            no bound, and where ``supports`` does not allow the case.
        """
        if not self.supports.admits(case):
            return None
        answers, oracle = self.prepare(case)
        return measure_broken(answers, oracle, {law.id: law}).get(law.id)


def find_spot(law: Law, broken: Broken) -> Spot:
    """Find where a failing case belongs."""
    method = find_failed_method(broken.seen) if law.by_method else ""
    return Spot(law.id, broken.place, method)


def find_like(seen: Measurement, law: Law, method: str) -> Measurement | None:
    """Find what a measurement says of a method, for a law where every method counts.

    Returns
    -------
    Measurement or None
        The measurement itself for any other law; ``None`` where that method did not fail.
    """
    if not law.by_method:
        return seen
    failed = (one for one in (seen, *seen.also) if find_failed_method(one) == method)
    return next(failed, None)


def find_failed_method(seen: Measurement) -> str:
    """Find the method that failed; empty where numbers were compared."""
    return seen.failure.method if seen.failure else ""


def measure(law: Law, answers: Answers, oracle: Oracle) -> Measurement | None:
    """Let a law look at the answers.

    Parameters
    ----------
    law
        The law to judge.
    answers
        The target's answers on the case; they are asked for as the law needs them.
    oracle
        What the answers are held to.

    Returns
    -------
    Measurement or None
        What the law saw.  ``None`` where there is nothing to judge: the law is about sequences of
        calls, the target does not offer the method, or its answer is malformed.  A malformed answer
        is left to the law ``answers``, so that it is told once.

    Raises
    ------
    NoBound
        For a batch too long for its precision.
    """
    if law.measure is None:
        return None
    try:
        return law.measure(answers, oracle)
    except (NotOffered, Failed):
        return None


def measure_broken(
    answers: Answers, oracle: Oracle, laws: Mapping[str, Law]
) -> dict[str, Measurement]:
    """Find what a target breaks on a case.

    Parameters
    ----------
    answers
        The answers of the target on the case: each method is called once for all laws.
    oracle
        What the answers are held to.
    laws
        The laws to judge by, by id.

    Returns
    -------
    dict
        By the id of the law, what each broken law saw.  A law without a bound for this case, or
        with nothing to judge, is left out.
    """
    broken = {}
    for name, law in laws.items():
        try:
            seen = measure(law, answers, oracle)
        except NoBound:
            continue
        if seen is not None and not seen.holds:
            broken[name] = seen
    return broken
