"""The doors for somebody's own test-suite: assertions about arrays, and one pytest test per law.

A unit test that has arrays calls :func:`assert_forward` and its siblings; nothing has to be
wrapped::

    from bnproof.testing import assert_forward

    def test_my_kernel():
        y = my_kernel(x, gamma, beta, eps=1e-5)
        assert_forward(y, x, gamma, beta, eps=1e-5)

An implementation is checked by all the laws::

    from bnproof.testing import parametrize_with_laws

    @parametrize_with_laws(
        MyBatchNorm(), expected_failures={"running-variance": "tracks the biased one"}
    )
    def test_batch_norm(law):
        law()

All the tests of one decorator share a single check, which runs when the first of them does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pytest

from bnproof.arrays.asserting import (
    assert_backward,
    assert_folded,
    assert_forward,
    assert_inference,
    assert_inference_gradient,
    assert_statistics,
)
from bnproof.contract import AREAS, Convention
from bnproof.implementations.targets import UnusableTarget, as_implementation
from bnproof.verification.planning import CheckOptions, UnknownLaw, plan_laws
from bnproof.verification.run import check
from bnproof.verification.verdict import Verdict
from bnproof.wording import describe_violation

__all__ = [
    "LawTest",
    "Suite",
    "assert_backward",
    "assert_folded",
    "assert_forward",
    "assert_inference",
    "assert_inference_gradient",
    "assert_statistics",
    "parametrize_with_laws",
]


@dataclass(frozen=True)
class Suite:
    """One check, run when its first law is asked for, and shared by all of them.

    Attributes
    ----------
    implementation
        What is checked.
    options
        How it is checked.
    """

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
    """A law as a test.

    Calling it runs the check if that has not happened yet.  It raises ``AssertionError`` if the law
    is violated, and skips if the implementation does not offer what the law is about.

    Attributes
    ----------
    law
        The law's id.
    suite
        The check that decides.
    """

    law: str
    suite: Suite

    def __call__(self) -> None:
        """Raise ``AssertionError`` with every violation of this law in full."""
        # The violation says all there is to say; frames of bnproof would hide it.
        __tracebackhide__ = True
        verdict = self.suite.verdict
        if isinstance(verdict, UnusableTarget):
            pytest.fail(str(verdict), pytrace=False)
        violations = [
            violation
            for violation in verdict.violations
            # A wrong convention is one violation that stands for all the laws it breaks, so every
            # law reports it.
            if violation.law in (self.law, "convention")
        ]
        if violations:
            raise AssertionError("\n\n".join(map(describe_violation, violations)))
        if self.law in verdict.unanswered:
            pytest.skip(f"{verdict.target} fails in the method that {self.law} is about")
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
    """Return a decorator that runs a test once for every law, with the law as the argument ``law``.

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
        Its parameters are named after the laws, so ``-k running-mean`` selects one.

    Raises
    ------
    UnknownLaw
        For a name that is no law's.
    UnusableTarget
        For what is no batch norm.
    TypeError
        If ``expected_failures`` is no mapping.
    ValueError
        For an effort that there is not, or where no law is left.

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
    # Areas and findings are no tests, so an expectation of one would go unheard.
    for name in known:
        if name in AREAS or "/" in name:
            raise UnknownLaw(f"expected_failures: {name!r} is no law; there is one test for each")
    # The check itself knows of no expectation: pytest judges those, one test at a time.
    options = CheckOptions(effort, seed, convention, tuple(select), tuple(ignore))
    # With the expectations, so that a slip in one of them is named when the tests are collected.
    plan = plan_laws(replace(options, expect=known))
    implementation = as_implementation(implementation, type(implementation).__name__)
    suite = Suite(implementation, options)
    cases = [
        pytest.param(LawTest(law.id, suite), id=law.id, marks=_list_marks(known.get(law.id)))
        for law in plan
    ]
    return pytest.mark.parametrize("law", cases)


def _list_marks(reason: str | None) -> tuple[pytest.MarkDecorator, ...]:
    """A strict expected failure for a law with a reason.

    Only ``AssertionError`` is expected, which a violation raises: an unusable target is not hidden.
    """
    return (
        ()
        if reason is None
        else (pytest.mark.xfail(reason=reason, strict=True, raises=AssertionError),)
    )
