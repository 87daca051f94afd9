"""Running laws over generated cases, deterministic for a seed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Flaky, HypothesisWarning

from bnproof.certify.bounds import NoBound
from bnproof.contract import Case, Convention, Measurement, Violation
from bnproof.implementations.conventions import NAMED, convention_of
from bnproof.implementations.targets import UnusableTarget, usable
from bnproof.laws.answers import Answers, Failed, NotOffered
from bnproof.laws.cases import Asked, cases
from bnproof.laws.law import Law, laws
from bnproof.laws.oracle import Oracle
from bnproof.verification.reproducer import program
from bnproof.verification.verdict import Verdict, Worst

EFFORTS = {"quick": 15, "standard": 60, "thorough": 500}
CONVENTIONAL = {"running-mean", "running-variance", "one-value"}  # laws a convention decides
Progress = Callable[[int, int], None]


class UnknownLaw(LookupError):
    """No law has this name; the message suggests near ones."""


def check(
    implementation: Any,
    *,
    effort: str = "standard",
    seed: int = 0,
    convention: str | Convention | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    expect: Mapping[str, str] | None = None,
    target: str = "",
    progress: Progress | None = None,
) -> Verdict:
    """Run the laws on an implementation (contract part 1) and say which hold.

    ``effort``: "quick", "standard" or "thorough" (15, 60, 500 cases); ``select``/``ignore``: law ids; ``expect``: law
    ids with the reason why they are known to fail (strict: passing is then a violation).  Raises ``UnusableTarget``
    without ``train`` or where no case gives a usable answer, ``UnknownLaw`` and ``ValueError`` for bad requests.
    """
    if effort not in EFFORTS:
        raise ValueError(f"there is no effort {effort!r}: use one of {', '.join(EFFORTS)}")
    start = time.perf_counter()
    implementation = usable(implementation, target or type(implementation).__name__)
    declared = convention_of(convention or _read(implementation, "convention", "torch"))
    plan = _planned(tuple(select), tuple(ignore), expect or {})
    asked = Asked.by(_read(implementation, "supports", None))
    session = Session(implementation, declared, target or _named(implementation), seed, asked)
    session.run(plan, EFFORTS[effort], progress)
    verdict = Verdict(
        session.target, declared.name, effort, seed, cases=session.count, worst=session.worst, unjudged=session.unjudged
    )
    undeclared = convention is None and not hasattr(implementation, "convention")
    _conclude(verdict, session, plan, expect or {}, undeclared=undeclared)
    verdict.seconds = time.perf_counter() - start
    return verdict


def _named(implementation: Any) -> str:
    """``module:Class`` where that can be imported again, else the class's name."""
    made = type(implementation)
    importable = made.__module__ not in ("__main__", "builtins") and made.__qualname__.isidentifier()
    importable = importable and not getattr(
        implementation, "__dict__", None
    )  # an instance with state cannot be made anew
    return f"{made.__module__}:{made.__name__}" if importable else made.__name__


def _read(implementation: Any, name: str, default: Any) -> Any:
    """An optional attribute; one that cannot even be read makes the target unusable."""
    try:
        return getattr(implementation, name, default)
    except Exception as error:
        raise UnusableTarget(
            f"its {name} cannot be read ({type(error).__name__}): make it a plain attribute"
        ) from error


def _planned(select: tuple[str, ...], ignore: tuple[str, ...], expect: Mapping[str, str]) -> list[Law]:
    for name in (*select, *ignore, *expect):
        if name not in laws():
            near = get_close_matches(name, laws(), n=3, cutoff=0.4) or list(laws())
            raise UnknownLaw(f"there is no law {name!r}: try {', '.join(near)}")
    return [law for law in laws().values() if (not select or law.id in select) and law.id not in ignore]


@dataclass
class Session:
    """One run over many cases: per law the worst it saw, and what broke it."""

    implementation: Any
    convention: Convention
    target: str
    seed: int
    asked: Asked = field(default_factory=Asked)
    count: int = 0
    usable: int = 0
    reason: str = ""
    worst: dict[str, Worst] = field(default_factory=dict)
    broken: dict[str, tuple[Answers, Measurement]] = field(default_factory=dict)
    unjudged: dict[str, int] = field(default_factory=dict)

    def run(self, plan: list[Law], count: int, progress: Progress | None) -> None:
        """Draw cases and let every law judge each; a case is asked for once."""

        def judge_all(case: Case) -> None:
            self.count += 1
            answers, oracle = self._asked(case)
            self._note(answers)
            for law in plan:
                self._judge(law, answers, oracle)
            if progress:
                progress(min(self.count, count), count)

        _over_cases(judge_all, self.asked, self.seed, count, shrink=False)
        if not self.usable:
            raise UnusableTarget(f"{self.target} gives no usable answer: {self.reason}")

    def _asked(self, case: Case) -> tuple[Answers, Oracle]:
        """Fresh answers and what to hold them to: an eps below the convention's least counts as that one."""
        raised = replace(case, eps=max(case.eps, self.convention.eps_min))
        return Answers(self.implementation, self.convention, case), Oracle(raised)

    def _note(self, answers: Answers) -> None:
        if isinstance(answers.train, (Failed, NotOffered)):
            self.reason = self.reason or str(answers.train)
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
            self.broken.setdefault(law.id, (answers, seen))

    def violation(self, law: Law) -> Violation:
        """The law's violation on the smallest case that Hypothesis finds."""
        found = [self.broken[law.id]]  # kept in case the failure does not happen again

        def fails(case: Case) -> None:
            answers, oracle = self._asked(case)
            try:
                seen = measured(law, answers, oracle)
            except NoBound:
                return
            if seen is not None and not seen.holds:
                found.append((answers, seen))
                raise AssertionError(law.id)

        with suppress(AssertionError, Flaky):
            _over_cases(fails, self.asked, self.seed, max(self.count, 30), shrink=True)
        answers, seen = found[-1]
        return Violation(law.id, seen.quantity, seen.message, program(self.target, answers, seen))


def measured(law: Law, answers: Answers, oracle: Oracle) -> Measurement | None:
    """What the law saw, or ``None`` where there is nothing to judge; a malformed answer is left to ``answers``.

    Raises ``NoBound`` for a batch too long for its precision.
    """
    try:
        return law.measure(answers, oracle)
    except (NotOffered, Failed):
        return None


def _over_cases(body: Callable[[Case], None], asked: Asked, seed: int, count: int, *, shrink: bool) -> None:
    phases = (Phase.generate, Phase.shrink) if shrink else (Phase.generate,)
    run = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=phases,
        derandomize=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )(given(cases(asked))(body))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # about the length of a failing case it would print
        seeded(seed)(run)()


def _conclude(
    verdict: Verdict, session: Session, plan: list[Law], expect: Mapping[str, str], *, undeclared: bool
) -> None:
    """Sort the laws into passed, violated, expected and not offered."""
    settled = _other_convention(session, plan) if undeclared and session.broken.keys() <= CONVENTIONAL else None
    if settled and session.broken:
        verdict.violations.append(settled)
    for law in plan:
        if law.id in expect and law.id in session.broken:
            verdict.expected[law.id] = expect[law.id]
        elif law.id in expect:
            message = f"{law.id} was expected to fail ({expect[law.id]}) and does not: drop the expectation"
            verdict.violations.append(Violation(law.id, law.quantity, message, ""))
        elif law.id in session.broken:
            if not settled:
                verdict.violations.append(session.violation(law))
        else:
            (verdict.passed if law.id in session.worst else verdict.not_offered).append(law.id)


def _other_convention(session: Session, plan: list[Law]) -> Violation | None:
    """Where the answers fit another named convention exactly, the one violation that says so."""
    for convention in NAMED.values() if session.broken else ():
        trial = replace(session, convention=convention, count=0, usable=0, worst={}, broken={}, unjudged={})
        trial.run([law for law in plan if law.id in CONVENTIONAL], session.count, None)
        if not trial.broken:
            message = (
                f"the running statistics follow the convention {convention.name!r}, not {session.convention.name!r}: "
                f"declare convention = {convention.name!r}, or check with --convention {convention.name}"
            )
            return Violation("convention", "running_mean, running_var", message, "")
    return None
