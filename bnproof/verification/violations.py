"""From broken laws to violations: each on the smallest failing input, with a program that shows it.

A law is broken by the numbers of a session.  A violation is what a reader gets to see of that: one
input, as small as it was found, what came back and what should have, and a program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bnproof.contract import QUANTITIES, Case, FailureKind, Measurement, Violation
from bnproof.implementations.conventions import NAMED
from bnproof.implementations.through_state import ThroughState
from bnproof.laws.law import Law
from bnproof.verification import replay, reproducer
from bnproof.verification.examining import Examination
from bnproof.verification.residuals import explain_by_factor
from bnproof.verification.session import Broken, Session, find_failed_method
from bnproof.verification.shrinking import shrink
from bnproof.verification.walk_judge import LawBroken
from bnproof.wording import (
    describe_measurement,
    describe_other_convention,
    format_expected,
    format_got,
    name_quantity,
)


def list_violations(examination: Examination, expect: Mapping[str, str]) -> list[Violation]:
    """Make one violation for each broken law, or for each method it is broken for.

    Parameters
    ----------
    examination
        What all laws saw.
    expect
        Laws that are expected to fail, by id; they get no violation.

    Returns
    -------
    list of Violation
        In the order of the plan, without causes.

    Notes
    -----
    Where the target declares no convention and its answers fit another named one exactly, that is
    the one violation, of the law "convention".  A list of broken laws would blame a correct
    implementation for following the custom of its framework.
    """
    settled = _find_other_convention(examination)
    if settled:
        return [settled]
    violations: list[Violation] = []
    for law in examination.plan:
        if law.id in expect:
            continue
        if law.id in examination.walks:
            violations.append(
                _build_walk_violation(law, examination.walks[law.id], examination.name)
            )
        elif law.id in examination.session.broken:
            violations += [
                _build_violation(law, examination, start)
                for start in _choose_starts(law, examination.session)
            ]
    return violations


def _find_other_convention(examination: Examination) -> Violation | None:
    """The violation that another convention fits, if that explains every broken law.

    All laws that depend on a convention are judged again, on the same cases, under each named one.
    A convention that leaves a single law broken does not fit.
    """
    session, plan = examination.session, examination.plan
    by_convention = [law for law in plan if law.by_convention]
    # A broken law that no convention has a say in is a bug, whatever the statistics follow.
    explained = examination.broken <= {law.id for law in by_convention}
    if not (examination.undeclared and session.broken and explained):
        return None
    declared = session.target.convention
    for convention in NAMED.values():
        trial = Session(
            replace(session.target, convention=convention), session.seed, session.supports
        )
        trial.run(by_convention, session.count)
        if not trial.broken:
            message = describe_other_convention(convention.name, declared.name)
            return Violation("convention", "running_mean, running_var", message, "")
    return None


def _choose_starts(law: Law, session: Session) -> list[Broken]:
    """The smallest failing case that was kept; where every method counts, the smallest of each."""
    # Shrinking from the smallest needs fewest tries, and it may be the only one that is small
    # enough to print.
    kept = sorted(session.broken[law.id], key=lambda broken: broken.case.x.size)
    first: dict[str, Broken] = {}
    for broken in kept:
        first.setdefault(find_failed_method(broken.seen) if law.by_method else "", broken)
    return list(first.values())


def _build_violation(law: Law, examination: Examination, start: Broken) -> Violation:
    """The violation on the smallest case that breaks the law in the same way."""
    session, case, seen = examination.session, start.case, start.seen

    def recheck(candidate: Case) -> Measurement | None:
        measurement = session.recheck(law, candidate)
        return (
            measurement if measurement and _is_same_finding(law, measurement, start.seen) else None
        )

    # A method that ended the process must not be called again, so this case cannot be shrunk.
    blocked = seen.failure is not None and seen.failure.kind is FailureKind.BLOCKED
    if not blocked:
        case, seen = shrink(case, seen, recheck)
    kind = "layer" if isinstance(session.target.implementation, ThroughState) else "implementation"
    message = describe_measurement(seen, law.says)
    convention = session.target.convention
    program = reproducer.write_program(examination.name, seen, message, case, convention, kind)
    return Violation(
        law.id,
        name_quantity(seen),
        message,
        program,
        got=format_got(seen),
        expected=format_expected(seen),
        ulp=seen.ulp,
        residual=_find_common_factor(law, session),
        case=replay.to_json(case),
    )


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


def _find_common_factor(law: Law, session: Session) -> str:
    """A named factor between the answers and the exact values that fits every failing case that was
    kept.

    One case alone is often explained by several factors; those that are accidents of one case drop
    out.  Empty where none is left.
    """
    common: list[str] | None = None
    for broken in session.broken[law.id]:
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


def _build_walk_violation(law: Law, broken: LawBroken, target: str) -> Violation:
    """The violation of a law about layers, with the walk as a program.

    It has no case: a walk is several calls, and its program is what repeats it.
    """
    seen = broken.seen
    message = describe_measurement(seen, law.says)
    return Violation(
        law.id,
        ", ".join(seen.quantities) or "state",
        message,
        # A layer that ended its process left no steps behind.
        reproducer.write_walk(target, law.id, message, broken.steps) if broken.steps else "",
        got=format_got(seen),
        expected=format_expected(seen),
        ulp=seen.ulp,
    )
