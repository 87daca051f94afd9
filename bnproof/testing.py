"""The laws in somebody's own test-suite: one pytest test per law.

::

    from bnproof.testing import parametrize_with_laws

    @parametrize_with_laws(MyBatchNorm(), expected_failures={"running-variance": "tracks the biased
    one"}) def test_batch_norm(law):
        law()
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pytest

from bnproof.contract import Convention
from bnproof.implementations.targets import UnusableTarget, as_implementation
from bnproof.verification.planning import CheckOptions, plan_laws
from bnproof.verification.run import check
from bnproof.verification.verdict import Verdict
from bnproof.wording import describe_violation


@dataclass(frozen=True)
class Suite:
    """One check, run when its first law is asked for, and shared by all of them."""

    implementation: Any
    options: CheckOptions = field(hash=False)

    @cached_property
    def verdict(self) -> Verdict | UnusableTarget:
        """What the check says, or why there is nothing to say."""
        try:
            return check(self.implementation, self.options)
        except UnusableTarget as unusable:
            return unusable


@dataclass(frozen=True)
class LawTest:
    """A law as a test: call it; it raises ``AssertionError`` where the law is violated and skips
    where it is not offered."""

    law: str
    suite: Suite

    def __call__(self) -> None:
        __tracebackhide__ = True
        verdict = self.suite.verdict
        if isinstance(verdict, UnusableTarget):
            pytest.fail(str(verdict), pytrace=False)
        violations = [
            violation
            for violation in verdict.violations
            if violation.law in (self.law, "convention")
        ]
        if violations:
            raise AssertionError("\n\n".join(map(describe_violation, violations)))
        if self.law in verdict.not_offered:
            pytest.skip(f"{verdict.target} does not offer what {self.law} is about")


def parametrize_with_laws(
    implementation: Any,
    *,
    effort: str = "standard",
    seed: int = 0,
    convention: str | Convention | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """A decorator that runs a test once for every law, with the law as the argument ``law``.

    Parameters
    ----------
    implementation
        What is checked, as for :func:`bnproof.check`.
    effort, seed, convention, select, ignore
        As for :func:`bnproof.check`.
    expected_failures
        Ids of laws and why they fail.  They are strict: a law that holds again fails its test.

    Returns
    -------
    pytest.MarkDecorator
        Its parameters are named after the laws.

    Raises
    ------
    UnknownLaw
        For a name that is no law's.
    UnusableTarget
        For what is no batch norm.

    Examples
    --------
    >>> from bnproof.implementations.numpy import NumpyBatchNorm
    >>> from bnproof.testing import parametrize_with_laws
    >>> @parametrize_with_laws(NumpyBatchNorm(), effort="quick", select=["output"])
    ... def test_batch_norm(law):
    ...     law()
    """
    if not isinstance(expected_failures, Mapping | None):
        raise TypeError(
            f"expected_failures is {expected_failures!r}: give a dictionary of laws and reasons"
        )
    known = dict(expected_failures or {})
    options = CheckOptions(effort, seed, convention, tuple(select), tuple(ignore))
    plan = plan_laws(replace(options, expect=known))
    implementation = as_implementation(implementation, type(implementation).__name__)
    suite = Suite(implementation, options)
    cases = [
        pytest.param(LawTest(law.id, suite), id=law.id, marks=_list_marks(known.get(law.id)))
        for law in plan
    ]
    return pytest.mark.parametrize("law", cases)


def _list_marks(reason: str | None) -> tuple[pytest.MarkDecorator, ...]:
    return (
        ()
        if reason is None
        else (pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError),)
    )
