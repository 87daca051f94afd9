"""A prover that computes wrongly is caught by the independent check."""

import pytest
from sympy import Eq, Sum

from bnproof.symbolic import i, m, prove, summation
from bnproof.symbolic.outcomes import Disagreement
from bnproof.theorems.book import Assertion, Control, build
from bnproof.theorems.proving import Outcome, Settled, list_statements, settle_statement

DOUBLED = Eq(2 * Sum(i, (i, 1, m)), Sum(2 * i, (i, 1, m)), evaluate=False)


@pytest.fixture
def wrong_sums(monkeypatch):
    """``1 + 2 + ... + N`` off by one: both sides of an identity are wrong in the same way."""
    right = summation._faulhaber
    monkeypatch.setattr(summation, "_faulhaber", lambda size, degree: right(size, degree) + 1)


def test_a_wrong_normal_form_is_an_error(wrong_sums):
    """The sides agree with each other, but not with the statement evaluated exactly."""
    with pytest.raises(Disagreement, match="normal form differ"):
        prove(DOUBLED)


def test_a_theorem_whose_checks_disagree_is_not_proved(wrong_sums):
    """The outcome says so, and the verdict is not proved."""

    def doubled():
        """Twice the sum is the sum of the doubles."""
        yield Assertion("doubled", DOUBLED)
        yield Control("not doubled", Eq(Sum(i, (i, 1, m)), Sum(2 * i, (i, 1, m)), evaluate=False))

    entry = build("doubled", "chapter", doubled, "")
    outcome = Outcome(
        entry.id,
        tuple(Settled(posed, *settle_statement(posed)) for posed in list_statements(entry)),
        0.0,
    )
    assert outcome.independent_check == "disagrees"
    assert outcome.verdict != "proved"
