"""From findings to a verdict: which areas and which laws hold, and what was expected.

This is the last step of a check.  It decides nothing about numbers any more.
"""

from __future__ import annotations

from collections.abc import Sequence

from bnproof.contract import AREAS, METHODS, QUANTITIES, Cause, Finding, Violation
from bnproof.formats import HALF
from bnproof.laws.law import Law, load_laws
from bnproof.verification.examining import ANSWERS, Examination
from bnproof.verification.findings import Explained
from bnproof.verification.planning import CheckOptions, names_finding, tells
from bnproof.verification.session import Session
from bnproof.verification.verdict import Verdict
from bnproof.wording import describe_idle_expectation

# Nothing went wrong but the expectation.
EXPECTATION = Cause("expectation", "", "unknown")


def conclude(
    examination: Examination, explained: Sequence[Explained], options: CheckOptions
) -> Verdict:
    """Sort findings and laws into what holds, is wrong, was expected, and is not offered.

    Parameters
    ----------
    examination
        What all laws saw.
    explained
        The findings, with their violations.
    options
        What was asked; ``expect`` says what is known to fail.

    Returns
    -------
    Verdict
        Complete except for ``seconds``.

    Notes
    -----
    An expectation is strict: what is expected to fail and does not is a violation, so that a list
    of known failures cannot go stale.  A law counts as not offered where no case let it judge
    anything.
    """
    session = examination.session
    verdict = Verdict(
        examination.name,
        session.target.convention.name,
        options.effort,
        options.seed,
        tallies=session.tallies,
        unjudged=session.unjudged,
        options={
            "select": list(options.select),
            "ignore": list(options.ignore),
            "expect": dict(options.expect),
            "dtypes": list(options.dtypes),
            "ranks": list(options.ranks),
            "methods": list(options.methods),
            "replay": str(options.replay) if options.replay else None,
        },
        cases=session.count,
    )
    shown = [one for one in explained if tells(options, one.finding)]
    met: set[str] = set()
    for one in shown:
        remaining = [v for v in one.violations if v.law not in options.expect]
        names = [name for name in options.expect if names_finding(name, one.finding)]
        met |= set(names)
        whole = [name for name in names if name in (one.finding.id, one.finding.area)]
        if whole:
            verdict.expected[whole[0]] = options.expect[whole[0]]
        elif remaining:
            verdict.findings.append(one.finding)
            verdict.violations += remaining
    for name, reason in options.expect.items():
        if name in examination.broken:
            verdict.expected[name] = reason
        elif name not in met:
            finding, violation = _tell_idle_expectation(name, reason)
            verdict.findings.append(finding)
            verdict.violations.append(violation)
    failed = {
        broken.seen.failure.method
        for broken in session.broken.get(ANSWERS, ())
        if broken.seen.failure is not None
    } - session.answered
    for law in examination.plan:
        if law.id in examination.broken or law.id in options.expect:
            continue
        if law.id in session.tallies:
            verdict.passed.append(law.id)
        elif failed & {QUANTITIES[name].method for name in law.quantities if name in QUANTITIES}:
            verdict.unanswered.append(law.id)
        else:
            verdict.not_offered.append(law.id)
    verdict.areas = {
        area: "finding"
        if any(area in (one.finding.area, *one.finding.touches) for one in explained)
        else "holds"
        if _is_judged(area, examination.plan, session)
        else "not offered"
        for area in AREAS
    }
    verdict.accounted = _account(explained, verdict, examination)
    if verdict.findings:
        verdict.affected = _find_affected(examination)
    return verdict


def _account(
    explained: Sequence[Explained], verdict: Verdict, examination: Examination
) -> dict[str, str]:
    """The broken laws without a violation, and why they have none: "expected" or "ignored"."""
    violated = {violation.law for violation in verdict.violations}
    expected = set(verdict.expected)
    return {
        law: "expected"
        if law in expected or expected & {one.finding.id, one.finding.area}
        else "ignored"
        for one in explained
        for law in one.finding.laws
        if law in examination.broken and law not in violated
    }


def _find_affected(examination: Examination) -> str:
    """The one dtype in which laws fail, or half precision; empty where others fail as well, or
    where no other one was asked."""
    session = examination.session
    failing = {
        session.traits[number].dtype
        for cases in session.outcomes.values()
        for number, holds in cases.items()
        if not holds
    }
    drawn = {traits.dtype for traits in session.traits}
    if examination.walks or not failing or drawn <= failing:
        return ""
    if len(failing) == 1:
        return failing.pop()
    return "half precision" if failing <= set(HALF) else ""


def _is_judged(area: str, plan: Sequence[Law], session: Session) -> bool:
    """Whether anything was judged that could have shown a finding of this area."""
    numeric = [law for law in plan if not law.area and law.id in session.outcomes]
    if area in ("accuracy", "half"):
        numbers = {number for law in numeric for number in session.outcomes[law.id]}
        return any(session.traits[number].half == (area == "half") for number in numbers)
    # A law about several methods says nothing about one that was not called or gave no answer.
    answered = {q.area for name in session.answered for q in METHODS[name].returns}
    return (area in answered and any(area in law.areas for law in numeric)) or any(
        law.area == area and law.id in session.tallies for law in plan
    )


def _tell_idle_expectation(name: str, reason: str) -> tuple[Finding, Violation]:
    """What was expected to fail holds."""
    law = load_laws().get(name)
    area = min(law.areas, key=AREAS.index) if law else name.partition("/")[0]
    says = describe_idle_expectation(name, reason)
    finding = Finding(
        f"{area}/expectation-{name.rpartition('/')[2]}",
        area,
        says,
        (name,) if law else (),
        "all inputs",
        EXPECTATION,
        "drop the expectation",
    )
    quantities = ", ".join(law.quantities) if law else ""
    message = f"{says}: {finding.mend}"
    return finding, Violation(name, quantities, message, "", finding=finding.id)
