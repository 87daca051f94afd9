"""The outcomes of a proof attempt: how they print, and which errors they are."""

import pickle

import pytest
from sympy import Eq, Integer, Symbol

from bnproof.symbolic import (
    Counterexample,
    Disagreement,
    Proof,
    Refuted,
    Step,
    Undecided,
    Unreadable,
)

a = Symbol("a", real=True)
statement = Eq(a, 1)


def test_a_counterexample_prints_its_point_and_both_sides():
    """A batch stands in brackets; without sides only the point is shown."""
    found = Counterexample(2, {"x": (1, -3), "a": 5}, 7, 0)
    assert found.point == "m = 2, x = (1, -3), a = 5"
    assert str(found) == "m = 2, x = (1, -3), a = 5: left side 7, right side 0"
    assert str(Counterexample(1)) == Counterexample(1).point == "m = 1"
    assert str(Counterexample(1, {}, 0, None)).endswith("left side 0, right side None")


def test_a_proof_numbers_its_steps():
    """Conditions, and exact points where there were any, are named."""
    steps = (Step("first", a - 1, "because"), Step("second", Integer(0), "so"))
    lines = str(Proof(statement, (a > 0,), steps, 12)).splitlines()
    assert lines[0] == "Proved for every batch size m >= 1, given a > 0:"
    assert lines[1] == "  a = 1"
    assert [line.strip() for line in lines[2:]] == [
        "1. first: a - 1",
        "because",
        "2. second: 0",
        "so",
        "Checked independently, in exact arithmetic, at 12 points of small batches.",
    ]
    assert "exact arithmetic" not in str(Proof(statement, (), steps))


def test_a_refutation_is_one_line():
    """With its hint at the end."""
    refuted = Refuted(statement, Counterexample(1, {"a": 0}, 0, 1), "; write more")
    assert str(refuted) == "a = 1 is false at m = 1, a = 0: left side 0, right side 1; write more"


def test_outcomes_survive_pickling():
    """Processes hand them to each other."""
    refuted = pickle.loads(pickle.dumps(Refuted(statement, Counterexample(3, {"a": 0}), "hint")))
    assert (refuted.statement, refuted.counterexample.m, refuted.hint) == (statement, 3, "hint")
    assert pickle.loads(pickle.dumps(Undecided("a reason"))).reason == "a reason"


def test_each_outcome_is_caught_by_what_it_is():
    """Wrong input is a ``ValueError``; a fault of bnproof passes clauses for input and
    arithmetic."""
    with pytest.raises(ValueError, match="mend"):
        raise Unreadable("mend it")
    for outcome in (Undecided, Refuted, Disagreement):
        assert not issubclass(outcome, (ValueError, ArithmeticError))
    assert issubclass(Disagreement, AssertionError)
    assert not issubclass(Undecided, Refuted)
