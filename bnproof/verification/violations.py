"""From broken laws to violations: each on the smallest failing input, with a program that shows
it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bnproof.contract import QUANTITIES, Case, FailureKind, Measurement, Violation
from bnproof.implementations.conventions import NAMED
from bnproof.implementations.layers import ThroughState
from bnproof.laws.law import Law
from bnproof.verification import replay, reproducer
from bnproof.verification.examining import Examination
from bnproof.verification.residuals import explain_by_factor
from bnproof.verification.session import Broken, Session, method_of
from bnproof.verification.shrinking import shrink
from bnproof.verification.walk_judge import LawBroken
from bnproof.wording import (
    describe_measurement,
    describe_other_convention,
    expected_text,
    got_text,
    quantity_of,
)


def list_violations(examination: Examination, expect: Mapping[str, str]) -> list[Violation]:
    """One violation for each broken law that is not expected to fail, or for each method it is
    broken for.

    Where the target declares no convention and its answers fit another named one exactly, that is
    the one violation.
    """
    settled = _other_convention(examination)
    if settled:
        return [settled]
    found: list[Violation] = []
    for law in examination.plan:
        if law.id in expect:
            continue
        if law.id in examination.walks:
            found.append(_of_walk(law, examination.walks[law.id], examination.name))
        elif law.id in examination.session.broken:
            found += [
                _smallest(law, examination, start) for start in _starts(law, examination.session)
            ]
    return found


def _other_convention(examination: Examination) -> Violation | None:
    session, plan = examination.session, examination.plan
    by_convention = [law for law in plan if law.by_convention]
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


def _starts(law: Law, session: Session) -> list[Broken]:
    """The smallest failing case that was kept, of every method where each counts."""
    kept = sorted(session.broken[law.id], key=lambda broken: broken.case.x.size)
    first: dict[str, Broken] = {}
    for broken in kept:
        first.setdefault(method_of(broken.seen) if law.by_method else "", broken)
    return list(first.values())


def _smallest(law: Law, examination: Examination, start: Broken) -> Violation:
    """The violation on the smallest case that breaks the law in the same way."""
    session, case, seen = examination.session, start.case, start.seen

    def recheck(candidate: Case) -> Measurement | None:
        found = session.recheck(law, candidate)
        return found if found and _same_finding(law, found, start.seen) else None

    blocked = seen.failure is not None and seen.failure.kind is FailureKind.BLOCKED
    if not blocked:  # else it cannot be asked again
        case, seen = shrink(case, seen, recheck)
    kind = "layer" if isinstance(session.target.implementation, ThroughState) else "implementation"
    message = describe_measurement(seen, law.says)
    convention = session.target.convention
    program = reproducer.write_program(examination.name, seen, message, case, convention, kind)
    return Violation(
        law.id,
        quantity_of(seen),
        message,
        program,
        got=got_text(seen),
        expected=expected_text(seen),
        ulp=seen.ulp,
        residual=_common_factor(law, session),
        case=replay.to_json(case),
    )


def _same_finding(law: Law, first: Measurement, second: Measurement) -> bool:
    """Whether two measurements of a law are the same finding: the method where each counts, how it
    fails to answer."""
    if law.by_method and method_of(first) != method_of(second):
        return False
    if law.id != "answers" or first.failure is None or second.failure is None:
        return True
    kinds = [
        (f.kind, f.method, f.subject.partition("[")[0], f.exception)
        for f in (first.failure, second.failure)
    ]
    return kinds[0] == kinds[1]


def _common_factor(law: Law, session: Session) -> str:
    """A named factor between the answers and the exact values that fits every failing case that was
    kept."""
    common: list[str] | None = None
    for broken in session.broken[law.id]:
        seen = broken.seen
        quantity, *others = seen.quantities or ("",)
        if seen.got is None or seen.calls or others or quantity not in QUANTITIES:
            return ""  # no numbers, other arguments, or a relation among several outputs
        answers, oracle = session.prepare(broken.case)
        observed = answers.observe(quantity)
        found = () if observed is None else explain_by_factor(quantity, observed, oracle)
        fitting = list(found)
        common = fitting if common is None else [name for name in common if name in fitting]
    return common[0] if common else ""


def _of_walk(law: Law, broken: LawBroken, target: str) -> Violation:
    """The violation, with the walk as a program."""
    seen = broken.seen
    message = describe_measurement(seen, law.says)
    return Violation(
        law.id,
        ", ".join(seen.quantities) or "state",
        message,
        reproducer.write_walk(target, law.id, message, broken.steps) if broken.steps else "",
        got=got_text(seen),
        expected=expected_text(seen),
        ulp=seen.ulp,
    )
