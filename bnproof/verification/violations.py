"""From broken laws to violations: each on the smallest failing input, with a program that shows it.

A law is broken by the numbers of a session.  A violation is what a reader gets to see of that: one
input, as small as it was found, what came back and what should have, and a program.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bnproof.contract import (
    QUANTITIES,
    Call,
    Case,
    Cause,
    Convention,
    FailureKind,
    Measurement,
    Violation,
)
from bnproof.implementations.conventions import NAMED
from bnproof.implementations.through_state import ThroughState
from bnproof.laws.law import Law
from bnproof.verification import replay, reproducer
from bnproof.verification.examining import Examination
from bnproof.verification.extents import Traits, find_place
from bnproof.verification.residuals import explain_by_factor
from bnproof.verification.session import Broken, Session, Spot, find_failed_method, find_like
from bnproof.verification.shrinking import shrink
from bnproof.wording import (
    describe_measurement,
    format_expected,
    format_got,
    name_quantity,
)


@dataclass(frozen=True)
class Shown:
    """A violation, with what was seen on the input that shows it.

    Attributes
    ----------
    violation
        What a user gets to read.
    seen
        What the law saw on the smallest input.
    call
        The call that shows it; ``None`` for a sequence of calls.
    """

    violation: Violation
    seen: Measurement
    call: Call | None


def list_shown(spots: Iterable[Spot], examination: Examination, cause: Cause) -> list[Shown]:
    """Make one violation for each broken law of a group, or for each method it is broken for.

    Parameters
    ----------
    spots
        The broken laws, each where it fails.
    examination
        What all laws saw.
    cause
        What they have in common.

    Returns
    -------
    list of Shown
        In the order of the spots.
    """
    laws = {law.id: law for law in examination.plan}
    broken = examination.session.group_broken(examination.plan)
    # A law that fails in several places is shown once, in the place that shrinks best.
    together: dict[tuple[str, str], list[Spot]] = {}
    for spot in spots:
        together.setdefault((spot.law, spot.method), []).append(spot)
    shown = []
    for (name, _), of_law in together.items():
        law = laws[name]
        kept = [one for spot in of_law for one in broken.get(spot, ())]
        if kept:
            # From the smallest fewest tries are needed, and it may be the only one that is small
            # enough to print. A law without half precision in it reads best.
            start = min(kept, key=lambda one: (one.place == "half", one.case.x.size))
            places = frozenset(spot.place for spot in of_law)
            shown.append(_show(law, examination, start, kept, places))
        else:
            shown.append(_show_walk(law, examination))
    return [replace(one, violation=replace(one.violation, cause=cause)) for one in shown]


def find_other_convention(examination: Examination) -> Convention | None:
    """Find the convention that the target follows without saying so.

    Returns
    -------
    Convention or None
        ``None`` where the target declares one, or where :func:`fit_convention` finds none.
    """
    return fit_convention(examination) if examination.undeclared else None


def fit_convention(examination: Examination) -> Convention | None:
    """Find another named convention that the running statistics follow.

    All laws that depend on a convention are judged again, on the same cases, under each named one.

    Returns
    -------
    Convention or None
        The first convention under which every law about running statistics holds on ordinary
        inputs; one that also says what the target does with a single value is preferred.  ``None``
        where the statistics are right as they are, or where none fits.
    """
    session = examination.session
    statistics = [
        law for law in examination.plan if law.by_convention and law.areas & {"statistics"}
    ]
    if not any(_is_broken(law, session) for law in statistics):
        return None
    by_convention = [law for law in examination.plan if law.by_convention]
    fitting: list[tuple[int, Convention]] = []
    for convention in NAMED.values():
        trial = Session(
            replace(session.target, convention=convention), session.seed, session.supports
        )

        def fails(trial: Session = trial) -> bool:
            return any(_is_broken(law, trial) for law in statistics)

        # Nearly all conventions fail on the first few cases.
        trial.run(by_convention, session.count, enough=fails)
        if not fails():
            fitting.append((len(trial.broken), convention))
    return min(fitting, key=lambda one: one[0], default=(0, None))[1]


def _is_broken(law: Law, session: Session) -> bool:
    """Whether a law is broken on an ordinary input: half precision has defects of its own."""
    return any(broken.place == "ordinary" for broken in session.broken.get(law.id, ()))


def _show(
    law: Law,
    examination: Examination,
    start: Broken,
    kept: Sequence[Broken],
    places: frozenset[str],
) -> Shown:
    """The violation on the smallest case that breaks the law in the same way and place."""
    session, case, seen = examination.session, start.case, start.seen
    method = find_failed_method(seen)

    def recheck(candidate: Case) -> Measurement | None:
        # Another place may be the matter of another finding.
        if not law.area and find_place(Traits.from_case(candidate)) not in places:
            return None
        measurement = session.recheck(law, candidate)
        like = measurement and find_like(measurement, law, method)
        return like if like and _is_same_finding(law, like, start.seen) else None

    # A method that ended the process must not be called again, so this case cannot be shrunk.
    blocked = seen.failure is not None and seen.failure.kind is FailureKind.BLOCKED
    if not blocked:
        case, seen = shrink(case, seen, recheck, session.target.constants)
    kind = "layer" if isinstance(session.target.implementation, ThroughState) else "implementation"
    message = describe_measurement(seen, law.says)
    convention = session.target.convention
    calls = reproducer.list_calls(seen, case, convention)
    program = reproducer.write_program(examination.name, seen, message, calls, kind, convention)
    violation = Violation(
        law.id,
        name_quantity(seen),
        message,
        program,
        got=format_got(seen),
        expected=format_expected(seen),
        ulp=seen.ulp,
        residual=_find_common_factor(kept, session),
        case=replay.to_json(case),
    )
    return Shown(violation, seen, calls[-1])


def _is_same_finding(law: Law, first: Measurement, second: Measurement) -> bool:
    """Whether two measurements of a law are the same finding.

    Shrinking must not slip from one bug to another.  For a law where every method counts, the
    method has to be the same; for ``answers``, also how the call fails, about what, and the
    exception's type. The number in ``y[0]`` is dropped, because a smaller case may have fewer
    shards.
    """
    if law.by_method and find_failed_method(first) != find_failed_method(second):
        return False
    if law.id != "answers" or first.failure is None or second.failure is None:
        return True
    kinds = [
        (f.kind, f.method, f.subject.partition("[")[0], f.exception)
        for f in (first.failure, second.failure)
    ]
    return kinds[0] == kinds[1]


def _find_common_factor(kept: Sequence[Broken], session: Session) -> str:
    """A named factor between the answers and the exact values that fits every failing case that was
    kept.

    One case alone is often explained by several factors; those that are accidents of one case drop
    out.  Empty where none is left.
    """
    common: list[str] | None = None
    # Elsewhere rounding hides a factor.
    ordinary = [broken for broken in kept if broken.place == "ordinary"]
    for broken in ordinary or kept:
        seen = broken.seen
        quantity, *others = seen.quantities or ("",)
        if seen.got is None or seen.calls or others or quantity not in QUANTITIES:
            # A factor is sought between one output of the case itself and its exact value. There is
            # none to seek where no numbers were seen, where the law changed the arguments, or where
            # it relates several outputs.
            return ""
        answers, oracle = session.prepare(broken.case)
        observed = answers.observe(quantity)
        factors = () if observed is None else explain_by_factor(quantity, observed, oracle)
        fitting = list(factors)
        common = fitting if common is None else [name for name in common if name in fitting]
    return common[0] if common else ""


def _show_walk(law: Law, examination: Examination) -> Shown:
    """The violation of a law about layers, with the walk as a program.

    It has no case: a walk is several calls, and its program is what repeats it.
    """
    broken = examination.walks[law.id]
    seen, axis = broken.seen, examination.session.target.convention.channel_axis
    message = describe_measurement(seen, law.says)
    program = reproducer.write_walk(examination.name, law.id, message, broken.steps, seen, axis)
    violation = Violation(
        law.id,
        ", ".join(seen.quantities) or "state",
        message,
        # A layer that ended its process left no steps behind.
        program if broken.steps else "",
        got=format_got(seen),
        expected=format_expected(seen),
        ulp=seen.ulp,
    )
    return Shown(violation, seen, None)
