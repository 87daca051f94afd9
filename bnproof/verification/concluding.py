"""From what was seen to a verdict: the likely causes, and which laws hold.

This is the last step of a check.  It decides nothing about numbers any more.
"""

from __future__ import annotations

from dataclasses import replace

from bnproof.contract import Violation
from bnproof.laws.quantities import FORMULAS
from bnproof.verification.diagnosis import find_causes
from bnproof.verification.examining import Examination
from bnproof.verification.planning import CheckOptions
from bnproof.verification.verdict import Verdict
from bnproof.wording import describe_idle_expectation

# Laws that compare one output with its exact value. Their messages show a number next to the right
# one, so they read best and come first.
VALUE_LAWS = {formula.law for formula in FORMULAS.values()}


def explain(violations: list[Violation], examination: Examination) -> list[Violation]:
    """Give the violations their likely cause, and put those that show a value first.

    Parameters
    ----------
    violations
        One or more for each broken law, as :func:`bnproof.verification.violations.list_violations`
        found them.
    examination
        What all laws saw.

    Returns
    -------
    list of Violation
        The same violations with ``cause`` set.  The order is kept within the laws that compare a
        value with its exact one, and within the others.
    """
    if not any(violation.law in examination.broken for violation in violations):
        # The only violation may be that another convention fits. Then no law is counted as broken,
        # and there is no mechanism to look for.
        return violations
    causes = find_causes(examination)
    explained = [replace(violation, cause=causes.get(violation.law)) for violation in violations]
    return sorted(explained, key=lambda violation: violation.law not in VALUE_LAWS)


def conclude(
    examination: Examination, violations: list[Violation], options: CheckOptions
) -> Verdict:
    """Sort the laws into passed, violated, expected and not offered.

    Parameters
    ----------
    examination
        What all laws saw.
    violations
        The violations that were not expected, with their causes.
    options
        What was asked; ``expect`` says which laws are known to fail.

    Returns
    -------
    Verdict
        Complete except for ``seconds``.

    Notes
    -----
    An expectation is strict: a law that is expected to fail and does not is a violation, so that a
    list of known failures cannot go stale.  A law counts as not offered where no case let it judge
    anything.
    """
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
    # A law that is broken and not expected has its violation already.
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
