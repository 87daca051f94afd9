"""What ends a walk, and what only counts."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bnproof.contract import Failure, FailureKind
from bnproof.implementations.conventions import resolve_convention
from bnproof.laws.answers import find_changed
from bnproof.laws.supports import EVERYTHING
from bnproof.verification.walk_judge import (
    LawBroken,
    Walked,
    WalkEnded,
    WalkJudge,
    shorten,
)

LOST = Failure(FailureKind.LOST, "state", "gamma")


def build_judge(*laws, alone=False):
    """A judge of these laws, after one step."""
    walked = Walked(
        None, resolve_convention("torch"), EVERYTHING, frozenset(laws), judgements={}, alone=alone
    )
    return WalkJudge(walked, ["layer = make(2)"])


def fail_with(error):
    """A call of a stranger's layer that raises."""

    def forward(*arguments, **options):
        raise error

    return forward


def test_a_broken_law_ends_the_walk_with_its_steps():
    """What is carried away is the law, what was seen, and the program that leads there."""
    with pytest.raises(LawBroken) as broken:
        build_judge("sequence-reload").expect("sequence-reload", LOST)
    assert (broken.value.law, broken.value.seen.failure) == ("sequence-reload", LOST)
    assert broken.value.steps == ["layer = make(2)"]


def test_a_law_that_is_not_asked_for_counts_and_lets_the_walk_go_on():
    """So several broken laws of one layer can be found, one after the other."""
    judge = build_judge("sequence-output")
    judge.expect("sequence-reload", LOST)
    judge.expect("sequence-reload", None)
    judge.expect("sequence-output", None)
    assert judge.walked.judgements == {"sequence-reload": 2, "sequence-output": 1}


def test_what_is_not_offered_ends_the_walk_without_a_finding():
    """``NotImplementedError`` is an answer, not a violation."""
    with pytest.raises(WalkEnded):
        build_judge("sequence-output").call("sequence-output", fail_with(NotImplementedError()))


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(1), GeneratorExit()], ids=lambda e: type(e).__name__
)
def test_whatever_else_is_raised_breaks_the_law(error):
    """Also what is no ``Exception``; the function and the exception are named."""
    with pytest.raises(LawBroken) as broken:
        build_judge().call("sequence-output", fail_with(error))
    failure = broken.value.seen.failure
    assert (failure.method, failure.exception) == ("forward", type(error).__name__)


def test_interrupting_belongs_to_the_user():
    """In a process of its own nobody can press the keys, so there it is the layer's own doing."""
    with pytest.raises(KeyboardInterrupt):
        build_judge().call("sequence-output", fail_with(KeyboardInterrupt()))
    with pytest.raises(LawBroken):
        build_judge(alone=True).call("sequence-output", fail_with(KeyboardInterrupt()))


@given(arrays(np.float32, 3, elements=st.floats(width=32)), st.integers(0, 2), st.integers(0, 31))
@example(np.zeros(3, np.float32), 1, 31)  # -0 is equal to 0
@example(np.full(3, np.nan, np.float32), 2, 0)  # another NaN
def test_one_bit_is_a_change(value, place, bit):
    """Whatever the number is: a copy is no change, NaN included, and any other bit is one."""
    other = value.copy()
    assert find_changed({"gamma": value}, {"gamma": other}) == ""
    other.view(np.uint32)[place] ^= np.uint32(1 << bit)
    assert find_changed({"gamma": value}, {"gamma": other}) == "gamma"


def test_another_shape_or_dtype_is_a_change():
    """Also where the bytes are the same."""
    zeros = np.zeros(2)
    assert find_changed({"gamma": zeros}, {"gamma": zeros[None]}) == "gamma"
    assert find_changed({"gamma": zeros}, {"gamma": zeros.astype(np.int64)}) == "gamma"


def test_the_first_array_that_changed_is_named():
    """What comes or goes is a change, and what is only there afterwards is free."""
    one = np.ones(2)
    before = {"gamma": one, "beta": None, "running_mean": one}
    assert find_changed(before, before | {"running_var": one}) == ""
    assert find_changed(before, before | {"beta": one, "running_mean": -one}) == "beta"
    assert find_changed(before, before | {"running_mean": None}) == "running_mean"


def test_a_value_takes_part_of_a_line():
    """However long the array is, and ``None`` as the word."""
    assert shorten(None) == "None"
    assert shorten(np.array([[1.0], [2.5]])) == "[[1. ] [2.5]]"
    assert len(shorten(np.arange(500.0))) == 60
