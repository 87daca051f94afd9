"""``check``: the laws of the contract on one implementation, and what is violated, with the smallest input and the likely cause."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bnproof.contract import Case, Convention, Measurement, Violation
from bnproof.implementations.conventions import NAMED, convention_of
from bnproof.implementations.layers import ThroughState
from bnproof.implementations.targets import UnusableTarget, usable
from bnproof.laws.answers import Target
from bnproof.laws.asked import Asked
from bnproof.laws.law import Law, laws
from bnproof.laws.methods import METHOD_OF
from bnproof.laws.values import NAMES
from bnproof.verification import replay, sequences
from bnproof.verification.diagnosis import Evidence, causes
from bnproof.verification.reproducer import program
from bnproof.verification.residuals import residuals
from bnproof.verification.session import Broken, Progress, Session
from bnproof.verification.shrinking import smallest
from bnproof.verification.verdict import Verdict, Worst

VALUES = {name for name, _ in NAMES.values()}
SMALL = 8  # small cases of other laws that are tried first
SEQUENCES = "a sequence of calls"
EFFORTS = {"quick": 15, "standard": 60, "thorough": 500}
CONVENTIONAL = {  # laws a convention decides
    "running-mean",
    "running-variance",
    "one-value",
    "momentum-matters",
    "running-mean-matters",
    "running-var-matters",
    "shards-running-mean",
    "shards-running-variance",
    "untracked",
}


class UnknownLaw(LookupError):
    """No law has this name; the message suggests near ones."""


@dataclass
class Examination:
    """What all laws saw of one target, before it is told as a verdict."""

    name: str
    plan: list[Law]
    session: Session
    sequences: dict[str, Violation]
    verdict: Verdict
    undeclared: bool

    @property
    def evidence(self) -> Evidence:
        """What a diagnosis rests on."""
        s = self.session
        broken = {law: [(b.case, b.seen) for b in kept] for law, kept in s.broken.items()}
        told = {law: violation.message for law, violation in self.sequences.items()}
        shares = {law: worst.violated / max(worst.cases, 1) for law, worst in s.worst.items()}
        return Evidence(s.target, s.seed, s.asked, broken, told, shares, s.clean)

    @property
    def judged(self) -> list[Law]:
        """The laws that something could be judged by."""
        return [law for law in self.plan if law.id in self.verdict.worst or law.measure is None]


def check(implementation: Any, *, expect: Mapping[str, str] | None = None, **options: Any) -> Verdict:
    """Run the laws on an implementation or a layer (contract parts 1 and 2) and say which hold.

    ``expect``: law ids with the reason why they are known to fail (strict: passing is then a violation); ``options`` are those of
    :func:`examine`.  Raises ``UnusableTarget`` without ``train`` or where no case gives a usable answer, ``UnknownLaw``,
    ``UnusableReplay`` and ``ValueError`` for bad requests.
    """
    start = time.perf_counter()
    planned((), (), expect or {})
    examined = examine(implementation, **options)
    _conclude(examined, expect or {})
    examined.verdict.seconds = time.perf_counter() - start
    return examined.verdict


def examine(
    implementation: Any,
    *,
    effort: str = "standard",
    seed: int = 0,
    convention: str | Convention | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    target: str = "",
    progress: Progress = lambda done, total: None,
    replayed: Path | None = None,
    watched: Mapping[str, Any] | None = None,
) -> Examination:
    """Judge every law on every case.

    ``effort``: "quick", "standard" or "thorough" (15, 60, 500 cases, and those at the edges); ``select``/``ignore``: law ids;
    ``replayed``: only the failing inputs of this verdict's JSON; ``watched``: ``watch`` and ``blocked`` of
    :class:`~bnproof.laws.answers.Target`.
    """
    if effort not in EFFORTS:
        raise ValueError(f"there is no effort {effort!r}: use one of {', '.join(EFFORTS)}")
    implementation = usable(implementation, target or type(implementation).__name__)
    declared = convention_of(convention or _read(implementation, "convention", "torch"))
    plan = planned(tuple(select), tuple(ignore), {})
    if not plan:
        raise ValueError("no law is left: everything selected is ignored")
    asked = Asked.by(_read(implementation, "supports", None), declared.momentum)
    session = Session(Target(implementation, declared, constants=asked.constants, **(watched or {})), seed, asked)
    cases = replay.recorded(replayed) if replayed else None
    _judge(session, plan, EFFORTS[effort], cases, progress)
    name = target or _named(implementation)
    if not session.usable:
        raise UnusableTarget(f"{name} gives no usable answer: {session.reason}")
    verdict = Verdict(name, declared.name, effort, seed)
    verdict.cases, verdict.worst, verdict.unjudged = session.count, session.worst, session.unjudged
    found = _sequences(verdict, session, plan, EFFORTS[effort]) if cases is None else {}
    undeclared = convention is None and not hasattr(implementation, "convention")
    return Examination(name, plan, session, found, verdict, undeclared)


def _judge(
    session: Session, plan: list[Law], count: int, cases: Mapping[str, Sequence[Case]] | None, progress: Progress
) -> None:
    if cases is None:
        session.run(plan, count, progress)
        return
    for name in cases:
        if name not in laws():
            raise UnknownLaw(f"the recorded law {name!r} is none of this version: record the verdict again")
    recorded = [(law, case) for law in plan for case in cases.get(law.id, ())]
    if not recorded:
        raise replay.UnusableReplay(f"none of the selected laws is recorded: {', '.join(cases)} are")
    for law, case in recorded:
        session.judge([law], case)


def _sequences(verdict: Verdict, session: Session, plan: list[Law], count: int) -> dict[str, Violation]:
    """The laws of sequences, where the target is a layer."""
    target = session.target
    if not isinstance(target.implementation, ThroughState):
        return {}
    if SEQUENCES in target.blocked:
        reason = target.blocked[SEQUENCES].reason
        verdict.worst["sequence-output"] = Worst("", 1, 1)
        return {"sequence-output": Violation("sequence-output", "state", reason, "")}
    target.watch(SEQUENCES, 1)
    of = target.implementation.make, plan, target.convention, session.asked
    found = sequences.judge(*of, count=count, seed=session.seed, alone=target.alone, verdict=verdict)
    target.watch("", 0)
    return found


def _named(implementation: Any) -> str:
    """``module:Class`` where that can be imported again, else the class's name."""
    made = type(implementation)
    importable = made.__module__ not in ("__main__", "builtins") and made.__qualname__.isidentifier()
    with_state = getattr(implementation, "__dict__", None)  # an instance with state cannot be made anew
    return f"{made.__module__}:{made.__name__}" if importable and not with_state else made.__name__


def _read(implementation: Any, name: str, default: Any) -> Any:
    """An optional attribute; one that cannot even be read makes the target unusable."""
    try:
        return getattr(implementation, name, default)
    except Exception as error:
        raise UnusableTarget(
            f"its {name} cannot be read ({type(error).__name__}): make it a plain attribute"
        ) from error


def planned(select: tuple[str, ...], ignore: tuple[str, ...], expect: Mapping[str, str]) -> list[Law]:
    """The laws to judge; raises ``UnknownLaw`` for a name that is none."""
    for name in (*select, *ignore, *expect):
        if name not in laws():
            near = get_close_matches(name, laws(), n=3, cutoff=0.4) or list(laws())
            raise UnknownLaw(f"there is no law {name!r}: try {', '.join(near)}")
    return [law for law in laws().values() if (not select or law.id in select) and law.id not in ignore]


def _conclude(examined: Examination, expect: Mapping[str, str]) -> None:
    """Sort the laws into passed, violated, expected and not offered."""
    session, verdict, plan = examined.session, examined.verdict, examined.plan
    broken = session.broken.keys() | examined.sequences.keys()
    by_convention = examined.undeclared and session.broken and broken <= CONVENTIONAL
    settled = _other_convention(session, plan) if by_convention else None
    if settled:
        verdict.violations.append(settled)
    else:
        unexpected = [law for law in plan if law.id in broken and law.id not in expect]
        verdict.violations += _explained([v for law in unexpected for v in _violations(law, examined)], examined)
    for law in plan:
        if law.id in expect and law.id in broken:
            verdict.expected[law.id] = expect[law.id]
        elif law.id in expect:
            message = f"{law.id} was expected to fail ({expect[law.id]}) and does not: drop the expectation"
            verdict.violations.append(Violation(law.id, law.quantity, message, ""))
        elif law.id not in broken:
            (verdict.passed if law.id in session.worst or law.id in verdict.worst else verdict.not_offered).append(
                law.id
            )


def _violations(law: Law, examined: Examination) -> list[Violation]:
    """A law's violations: one, or one for every quantity."""
    session = examined.session
    if law.id in examined.sequences:
        return [examined.sequences[law.id]]
    kept = sorted(session.broken[law.id], key=lambda broken: broken.case.x.size)
    quantities = dict.fromkeys(broken.seen.quantity for broken in kept) if law.each else {"": None}
    starts = [next(b for b in kept if not law.each or b.seen.quantity == quantity) for quantity in quantities]
    return [_smallest(law, session, examined.name, start) for start in starts]


def _smallest(law: Law, session: Session, target: str, start: Broken) -> Violation:
    """The violation on the smallest case that breaks the law for the same quantity."""
    case, seen = start.case, start.seen

    def fails(candidate: Case) -> Measurement | None:
        found = session.fails(law, candidate)
        return found if found and (not law.each or found.quantity == start.seen.quantity) else None

    if not any(
        blocked.reason in seen.message for blocked in session.target.blocked.values()
    ):  # they cannot be asked again
        case, seen = smallest(case, seen, fails)
    kind = "layer" if isinstance(session.target.implementation, ThroughState) else "implementation"
    return Violation(
        law.id,
        seen.quantity,
        seen.message,
        program(target, seen, case, session.target.convention, kind),
        got=seen.got,
        expected=seen.expected,
        ulp=seen.ulp,
        residual=_residual(law, session),
        case=replay.as_json(case),
    )


def _known(session: Session, fails: Callable[[Case], Measurement | None]) -> tuple[Case, Measurement] | None:
    """A case that is known to be small, from another law, and breaks this one too."""
    for case in session.small[-SMALL:]:
        seen = fails(case)
        if seen is not None:
            return case, seen
    return None


def _residual(law: Law, session: Session) -> str:
    """A named factor between the answers and the exact values that fits every failing case that was kept."""
    common: list[str] | None = None
    for broken in session.broken[law.id]:
        if not broken.seen.got or broken.seen.calls or broken.seen.quantity not in METHOD_OF:
            return ""
        answers, oracle = session.asked_on(broken.case)
        observed, of = answers.observe(broken.seen.quantity), answers.convention.running_var
        found = [] if observed is None else list(residuals(broken.seen.quantity, observed, broken.case, oracle, of))
        common = found if common is None else [name for name in common if name in found]
    return common[0] if common else ""


def _explained(found: list[Violation], examined: Examination) -> list[Violation]:
    """The violations with their likely cause, those that show a value first."""
    if not found:
        return []
    likely = causes(examined.evidence, examined.judged)
    explained = [replace(violation, cause=likely.get(violation.law)) for violation in found]
    return sorted(explained, key=lambda violation: violation.law not in VALUES)


def _other_convention(session: Session, plan: list[Law]) -> Violation | None:
    """Where the answers fit another named convention exactly, the one violation that says so."""
    for convention in NAMED.values() if session.broken else ():
        target = replace(session.target, convention=convention)
        trial = Session(target, session.seed, session.asked)
        trial.run([law for law in plan if law.id in CONVENTIONAL], session.count)
        if not trial.broken:
            message = (
                f"the running statistics follow the convention {convention.name!r}, not {session.target.convention.name!r}: "
                f"declare convention = {convention.name!r}, or check with --convention {convention.name}"
            )
            return Violation("convention", "running_mean, running_var", message, "")
    return None
