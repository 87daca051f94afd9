"""The outcomes of a proof attempt: how they print, and which errors they are."""

import pickle

import pytest
from sympy import And, Eq, Gt, Integer, Lt, Ne, Symbol, true

from bnproof.symbolic import (
    Counterexample,
    Disagreement,
    Every,
    Proof,
    Refuted,
    Step,
    Undecided,
    Unreadable,
    i,
    v,
    x,
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


@pytest.mark.parametrize(
    "written",
    [
        Eq(a + 1, a + 1, evaluate=False),
        Lt(v, v + 1, evaluate=False),
        Every(Gt(x[i] ** 2 + 1, 0, evaluate=False)),
        And(Eq(a, 1), Ne(a, 2)),
        true,
    ],
)
def test_a_proof_says_the_same_after_pickling(written):
    """SymPy would evaluate a relation again, and a proved equation would arrive as ``True``."""
    proof = Proof(written, (written, Ne(a, 0)), (Step("left minus right", a - a, "is 0"),), 7)
    again = pickle.loads(pickle.dumps(proof))
    assert again == proof
    assert str(again) == str(proof)
    assert type(again.statement) is type(written)


def test_each_outcome_is_caught_by_what_it_is():
    """Wrong input is a ``ValueError``; a fault of bnproof passes clauses for input and
    arithmetic."""
    with pytest.raises(ValueError, match="mend"):
        raise Unreadable("mend it")
    for outcome in (Undecided, Refuted, Disagreement):
        assert not issubclass(outcome, (ValueError, ArithmeticError))
    assert issubclass(Disagreement, AssertionError)
    assert not issubclass(Undecided, Refuted)
