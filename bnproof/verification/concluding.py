"""From what was seen to a verdict: the likely causes, and which laws hold."""

from __future__ import annotations

from dataclasses import replace

from bnproof.contract import Violation
from bnproof.laws.quantities import FORMULAS
from bnproof.verification.diagnosis import find_causes
from bnproof.verification.examining import Examination
from bnproof.verification.planning import CheckOptions
from bnproof.verification.verdict import Verdict
from bnproof.wording import describe_idle_expectation

VALUE_LAWS = {formula.law for formula in FORMULAS.values()}


def explain(violations: list[Violation], examination: Examination) -> list[Violation]:
    """The violations with their likely cause, those that show a value first."""
    if not any(violation.law in examination.broken for violation in violations):
        return violations
    causes = find_causes(examination.evidence, examination.judgeable)
    explained = [replace(violation, cause=causes.get(violation.law)) for violation in violations]
    return sorted(explained, key=lambda violation: violation.law not in VALUE_LAWS)


def conclude(
    examination: Examination, violations: list[Violation], options: CheckOptions
) -> Verdict:
    """Sort the laws into passed, violated, expected and not offered."""
    session = examination.session
    verdict = Verdict(
        examination.name,
        session.target.convention.name,
        options.effort,
        options.seed,
        violations=violations,
        tallies=session.tallies,
        unjudged=session.unjudged,
        options={
            "select": list(options.select),
            "ignore": list(options.ignore),
            "expect": dict(options.expect),
            "replay": str(options.replay) if options.replay else None,
        },
        cases=session.count,
    )
    for law in examination.plan:
        reason = options.expect.get(law.id)
        if law.id in examination.broken:
            if reason is not None:
                verdict.expected[law.id] = reason
        elif reason is not None:
            message = describe_idle_expectation(law.id, reason)
            verdict.violations.append(Violation(law.id, ", ".join(law.quantities), message, ""))
        else:
            (verdict.passed if law.id in session.tallies else verdict.not_offered).append(law.id)
    return verdict
