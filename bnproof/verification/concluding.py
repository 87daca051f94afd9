"""From what was seen to a verdict: the smallest failing inputs, the likely causes, and which law passed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bnproof.contract import Case, Measurement, Violation
from bnproof.implementations.conventions import NAMED
from bnproof.implementations.layers import ThroughState
from bnproof.laws.law import Law
from bnproof.laws.methods import METHOD_OF
from bnproof.laws.values import NAMES
from bnproof.verification import replay, sequences
from bnproof.verification.diagnosis import causes
from bnproof.verification.examining import ANSWERS, Examination
from bnproof.verification.reproducer import program
from bnproof.verification.residuals import residuals
from bnproof.verification.session import Broken, Session
from bnproof.verification.shrinking import smallest

VALUES = {name for name, _ in NAMES.values()}
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


def conclude(examined: Examination, expect: Mapping[str, str]) -> None:
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
        return [sequences.told(examined.sequences[law.id], examined.name)]
    kept = sorted(session.broken[law.id], key=lambda broken: broken.case.x.size)
    quantities = dict.fromkeys(broken.seen.quantity for broken in kept) if law.each else {"": None}
    starts = [next(b for b in kept if not law.each or b.seen.quantity == quantity) for quantity in quantities]
    return [_smallest(law, session, examined.name, start) for start in starts]


def _smallest(law: Law, session: Session, target: str, start: Broken) -> Violation:
    """The violation on the smallest case that breaks the law in the same way."""
    case, seen = start.case, start.seen

    def fails(candidate: Case) -> Measurement | None:
        found = session.fails(law, candidate)
        return found if found and _finding(law, found) == _finding(law, start.seen) else None

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


def _finding(law: Law, seen: Measurement) -> tuple[str, ...]:
    """What tells findings of one law apart: the quantity where each counts, the method and its exception where none answers."""
    if law.id == ANSWERS:
        return seen.quantity, seen.message.partition(":")[0]
    return (seen.quantity,) if law.each else ()


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
