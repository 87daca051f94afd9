"""All laws on all cases of one target, and what they saw, before it is told as a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bnproof.contract import Case, Convention
from bnproof.implementations.conventions import convention_of
from bnproof.implementations.layers import ThroughState
from bnproof.implementations.targets import UnusableTarget, usable
from bnproof.laws.answers import Target
from bnproof.laws.asked import Asked
from bnproof.laws.behaviour import outcome
from bnproof.laws.law import Law, laws
from bnproof.verification import replay, sequences
from bnproof.verification.diagnosis import Evidence
from bnproof.verification.judge import LawBroken
from bnproof.verification.session import Progress, Session
from bnproof.verification.verdict import Verdict, Worst

EFFORTS = {"quick": 10, "standard": 60, "thorough": 500}  # cases drawn at random
SEQUENCES = "a sequence of calls"
ANSWERS = "answers"  # the law that a call gives an answer at all


class UnknownLaw(LookupError):
    """No law has this name; the message suggests near ones."""


@dataclass
class Examination:
    """What all laws saw of one target, before it is told as a verdict."""

    name: str
    plan: list[Law]
    session: Session
    sequences: dict[str, LawBroken]
    verdict: Verdict
    undeclared: bool

    @property
    def evidence(self) -> Evidence:
        """What a diagnosis rests on."""
        s = self.session
        broken = {law: [(b.case, b.seen) for b in kept] for law, kept in s.broken.items()}
        told = {law: broken.seen for law, broken in self.sequences.items()}
        shares = {law: worst.violated / max(worst.cases, 1) for law, worst in s.worst.items()}
        return Evidence(s.target, s.seed, s.asked, broken, told, shares, s.clean)

    @property
    def judged(self) -> list[Law]:
        """The laws that something could be judged by."""
        return [law for law in self.plan if law.id in self.verdict.worst or law.measure is None]


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

    ``effort``: "quick", "standard" or "thorough" (10, 60, 500 cases, and those at the edges); ``select``/``ignore``: law ids;
    ``replayed``: only the failing inputs of this verdict's JSON; ``watched``: ``watch`` and ``blocked`` of
    :class:`~bnproof.laws.answers.Target`.
    """
    requested(effort, convention)
    implementation = usable(implementation, target or type(implementation).__name__)
    declared = convention_of(convention or _read(implementation, "convention", "torch"))
    plan = planned(tuple(select), tuple(ignore), {})
    if not plan:
        raise ValueError("no law is left: everything selected is ignored")
    asked = Asked.by(_read(implementation, "supports", None), declared.momentum)
    session = Session(Target(implementation, declared, constants=asked.constants, **(watched or {})), seed, asked)
    cases = _recorded(replayed, plan) if replayed else None
    if cases is None:
        session.run(plan, EFFORTS[effort], progress)
    else:
        plan = [law for law in plan if law.id in (*cases, ANSWERS)]
        _again(session, plan, cases)
    name = target or _named(implementation)
    if not session.usable and not (cases and ANSWERS in session.broken):
        raise UnusableTarget(f"{name} gives no usable answer: {session.reason}")
    verdict = Verdict(name, declared.name, effort, seed)
    verdict.cases, verdict.worst, verdict.unjudged = session.count, session.worst, session.unjudged
    found = _sequences(verdict, session, plan, EFFORTS[effort]) if cases is None else {}
    undeclared = convention is None and not hasattr(implementation, "convention")
    return Examination(name, plan, session, found, verdict, undeclared)


def requested(effort: str, convention: str | Convention | None) -> None:
    """Raise ``ValueError`` for an effort, ``UnknownConvention`` for a convention that there is not."""
    if effort not in EFFORTS:
        raise ValueError(f"there is no effort {effort!r}: use one of {', '.join(EFFORTS)}")
    if convention is not None:
        convention_of(convention)


def _recorded(path: Path, plan: list[Law]) -> dict[str, list[Case]]:
    """The recorded cases of the laws to judge."""
    cases = replay.recorded(path)
    for name in cases:
        if name not in laws():
            raise UnknownLaw(f"the recorded law {name!r} is none of this version: record the verdict again")
    chosen = {law.id: cases[law.id] for law in plan if law.id in cases}
    if not chosen:
        raise replay.UnusableReplay(f"none of the selected laws is recorded: {', '.join(cases)} are")
    return chosen


def _again(session: Session, plan: list[Law], cases: Mapping[str, Sequence[Case]]) -> None:
    """Judge each law on its recorded cases, and whether they are answered at all."""
    for name, recorded in cases.items():
        for case in recorded:
            session.judge([law for law in plan if law.id in (name, ANSWERS)], case)


def _sequences(verdict: Verdict, session: Session, plan: list[Law], count: int) -> dict[str, LawBroken]:
    """The laws of sequences, where the target is a layer."""
    target = session.target
    if not isinstance(target.implementation, ThroughState):
        return {}
    if SEQUENCES in target.blocked:
        law, reason = "sequence-output", target.blocked[SEQUENCES].reason
        verdict.worst[law] = Worst("", 1, 1)
        return {law: LawBroken(law, outcome(law, "state", reason), [])}
    target.watch(SEQUENCES, 1)
    of = target.implementation.make, plan, target.convention, session.asked
    found = sequences.judge(*of, count=count, seed=session.seed, alone=target.alone, verdict=verdict)
    target.watch("", 0)
    return found


def planned(select: tuple[str, ...], ignore: tuple[str, ...], expect: Mapping[str, str]) -> list[Law]:
    """The laws to judge; raises ``UnknownLaw`` for a name that is none, or an expectation of one that is not judged."""
    for name in (*select, *ignore, *expect):
        if name not in laws():
            near = get_close_matches(name, laws(), n=3, cutoff=0.4) or list(laws())
            raise UnknownLaw(f"there is no law {name!r}: try {', '.join(near)}")
    plan = [law for law in laws().values() if (not select or law.id in select) and law.id not in ignore]
    for name in expect:
        if laws()[name] not in plan:
            raise UnknownLaw(f"{name} is expected to fail, but is not judged: select it, or drop the expectation")
    return plan


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
