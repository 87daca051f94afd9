"""All laws on all cases of one target, and what they saw, before it is concluded as a verdict.

What is judged may be an implementation (functions of arrays) or a layer with a state.  A layer is
judged twice: by the laws of single calls, which set its state, call it and read the state again,
and by the laws about sequences of calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnproof.contract import Case, Failure, FailureKind
from bnproof.formats import HALF
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.targets import UnusableTarget, as_implementation
from bnproof.implementations.through_state import ThroughState
from bnproof.laws.answers import NOBODY, Monitor, Target
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.law import Law, load_laws
from bnproof.laws.supports import Supports
from bnproof.verification import replay
from bnproof.verification.planning import EFFORTS, CheckOptions, UnknownLaw
from bnproof.verification.session import Session
from bnproof.verification.verdict import Tally
from bnproof.verification.walk_judge import LawBroken, Walked
from bnproof.verification.walks import explore

# What the monitor is told while a layer is driven. It stands where the name of a method
# stands else, so that a layer that crashes during a walk is blocked like a method that crashes.
WALKS = "a sequence of calls"
ANSWERS = "answers"  # the law that a call gives an answer at all


@dataclass
class Examination:
    """What all laws saw of one target.

    Attributes
    ----------
    name
        What the target is called.
    plan
        The laws that were judged.
    session
        What they saw, case by case.
    walks
        Law by law what broke a law about layers, with the steps that lead there.
    undeclared
        Whether the target declares no convention, and none was asked for.
    settled
        The name of the convention that would have been assumed, where the target follows another
        one without saying so and is judged by that; else empty.
    half_alone
        Whether half precision alone was asked for, so that whatever fails is told in that area.
    """

    name: str
    plan: list[Law]
    session: Session
    walks: dict[str, LawBroken]
    undeclared: bool
    settled: str = ""
    half_alone: bool = False

    @property
    def broken(self) -> set[str]:
        """The ids of the broken laws."""
        return {*self.session.broken, *self.walks}

    @property
    def shares(self) -> dict[str, float]:
        """In which part of its cases each law is broken, between 0 and 1."""
        tallies = self.session.tallies.items()
        return {law: tally.violated / max(tally.cases, 1) for law, tally in tallies}

    @property
    def judgeable(self) -> list[Law]:
        """The laws that something could be judged by."""
        return [law for law in self.plan if law.id in self.session.tallies or law.measure is None]


def examine(
    implementation: Any, plan: list[Law], options: CheckOptions, monitor: Monitor = NOBODY
) -> Examination:
    """Judge every law on every case, and on every walk where the target is a layer.

    Parameters
    ----------
    implementation
        What :func:`bnproof.verification.run.check` takes.
    plan
        The laws to judge.
    options
        The effort, the seed, the convention, the replay and the name.
    monitor
        Who follows the examination while it runs.

    Returns
    -------
    Examination
        Everything that was seen.  Where recorded cases are replayed, its plan is narrowed to the
        laws that were recorded and to ``answers``.

    Raises
    ------
    UnusableTarget
        Without ``train``, or where no case gives a usable answer.
    UnusableReplay
        Where the file to replay holds no failing input of a law in the plan.
    UnknownLaw
        Where it holds one of a law that is not known.
    """
    implementation = as_implementation(
        implementation, options.target or type(implementation).__name__
    )
    convention = resolve_convention(
        options.convention or _read_attribute(implementation, "convention", "torch")
    )
    supports = Supports.from_mapping(
        _read_attribute(implementation, "supports", None), convention.momentum
    )
    dtypes = options.dtypes or (HALF if "half" in options.select else ())
    supports = supports.narrow(dtypes, options.ranks)
    target = Target(
        implementation,
        convention,
        monitor,
        supports.constants,
        frozenset(options.methods),
        untracked=supports.track_running_stats is False,
    )
    session = Session(target, options.seed, supports)
    recorded = _read_recorded(options.replay, plan) if options.replay else {}
    # Whether a recorded case is answered at all is judged beside the law it was recorded for,
    # because a law says nothing about a malformed answer.
    if recorded:
        plan = [law for law in plan if law.id in (*recorded, ANSWERS)]
        _judge_recorded(session, plan, recorded)
    else:
        session.run(plan, EFFORTS[options.effort], monitor.progress)
    name = options.target or _name_implementation(implementation)
    # A recorded input that gets no answer at all is the violation that was recorded; elsewhere it
    # means that there is nothing to judge.
    if not session.usable and not (recorded and ANSWERS in session.broken):
        raise UnusableTarget(f"{name} gives no usable answer: {session.reason}")
    walks = {} if recorded else _walk(session, plan, EFFORTS[options.effort])
    undeclared = options.convention is None and not hasattr(implementation, "convention")
    half_alone = "half" in options.select
    return Examination(name, plan, session, walks, undeclared, half_alone=half_alone)


def _read_recorded(path: Path, plan: list[Law]) -> dict[str, list[Case]]:
    """The recorded cases of the laws to judge, law by law."""
    cases = replay.read_cases(path)
    for name in cases:
        if name not in load_laws():
            raise UnknownLaw(
                f"the recorded law {name!r} is none of this version: record the verdict again"
            )
    chosen = {law.id: cases[law.id] for law in plan if law.id in cases}
    if not chosen:
        raise replay.UnusableReplay(
            f"none of the selected laws is recorded: {', '.join(cases)} are"
        )
    return chosen


def _judge_recorded(
    session: Session, plan: list[Law], recorded: Mapping[str, Sequence[Case]]
) -> None:
    """Judge each law on its recorded cases, and whether they are answered at all."""
    for name, cases in recorded.items():
        for case in cases:
            session.judge([law for law in plan if law.id in (name, ANSWERS)], case)


def _walk(session: Session, plan: list[Law], count: int) -> dict[str, LawBroken]:
    """Drive the target where it is a layer, and judge the laws about layers.

    A process that ended during the walks is not driven again.  The one violation then says so.
    """
    target = session.target
    if not isinstance(target.implementation, ThroughState):
        return {}
    monitor = target.monitor
    if WALKS in monitor.blocked:
        name = "sequence-output"
        failure = Failure(FailureKind.BLOCKED, WALKS, got=monitor.blocked[WALKS].reason)
        # The steps of the walk died with the process, so the law has one case, which is broken.
        session.tallies[name] = Tally("", 1, 1)
        return {name: LawBroken(name, measure_failure(name, failure), [])}
    monitor.watch(WALKS, 1)
    walked = Walked(
        target.implementation.make,
        target.convention,
        session.supports,
        frozenset(law.id for law in plan if law.measure is None),
        session.seed,
        count,
        monitor.alone,
    )
    broken = explore(walked)
    monitor.watch("", 0)
    for law in plan:
        if law.measure is None and (law.id in walked.judgements or law.id in broken):
            times = walked.judgements.get(law.id, 1)
            session.tallies[law.id] = Tally(law.theorem, times, int(law.id in broken))
    return broken


def _name_implementation(implementation: Any) -> str:
    """``module:Class`` where that can be imported again, else the class's name."""
    made = type(implementation)
    importable = (
        made.__module__ not in ("__main__", "builtins") and made.__qualname__.isidentifier()
    )
    # an instance with state cannot be made anew
    with_state = getattr(implementation, "__dict__", None)
    return f"{made.__module__}:{made.__name__}" if importable and not with_state else made.__name__


def _read_attribute(implementation: Any, name: str, default: Any) -> Any:
    """An optional attribute; one that cannot even be read makes the target unusable."""
    try:
        return getattr(implementation, name, default)
    except Exception as error:
        raise UnusableTarget(
            f"its {name} cannot be read ({type(error).__name__}): make it a plain attribute"
        ) from error
