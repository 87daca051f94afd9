"""The tables and the data that everything agrees on: what they promise of themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.contract import AREAS, METHODS, QUANTITIES, Case, Failure, FailureKind, Measurement


def test_a_quantity_is_like_an_argument_of_its_method():
    """Shapes and dtypes are read off it.  A folded bias alone is like no argument, since it is
    there without an old bias too."""
    unlike = {name for name, q in QUANTITIES.items() if q.like not in METHODS[q.method].parameters}
    assert unlike == {"folded_bias"}


def test_the_table_finds_every_quantity_in_its_method():
    """By its own name, and in the method that it names."""
    for name, quantity in QUANTITIES.items():
        assert quantity.name == name
        assert name in METHODS[quantity.method].names
    for name, method in METHODS.items():
        assert method.name == name
        assert all(QUANTITIES[returned].method == name for returned in method.names)


def test_a_wrong_quantity_belongs_to_an_area():
    """Running statistics of a training step are a matter of their own, everything else goes by its
    method, and no area is listed twice."""
    assert len(set(AREAS)) == len(AREAS)
    by_method = {
        method.name: {quantity.area for quantity in method.returns} for method in METHODS.values()
    }
    assert by_method == {
        "train": {"formula", "statistics"},
        "infer": {"inference"},
        "train_vjp": {"formula"},
        "infer_vjp": {"inference"},
        "fold": {"folding"},
        "train_double_vjp": {"formula"},
        "train_shards": {"workers"},
        "train_shards_vjp": {"workers"},
    }
    statistics = [name for name, quantity in QUANTITIES.items() if quantity.area == "statistics"]
    assert statistics == ["running_mean", "running_var"]


@given(st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_m_counts_the_values_of_a_channel(shape):
    """As many as one channel of the batch has, in every rank."""
    x, one = np.zeros(shape, np.float32), np.ones(shape[1])
    case = Case(x, x, None, None, one, one, eps=1.0, momentum=0.5)
    assert case.m == x[:, 0].size
    assert case.dtype == np.float32


@pytest.mark.parametrize(
    ("ratio", "holds"),
    [
        (0.0, True),
        (1.0, True),
        (float(np.nextafter(1, 2)), False),
        (float("inf"), False),
        (float("nan"), False),
    ],
)
def test_a_law_holds_up_to_its_bound(ratio, holds):
    """At the bound it does, beyond it and without a number it does not."""
    assert Measurement("law", ("y",), ratio).holds is holds


RAISED = Failure(FailureKind.RAISED, "train", "y", "ValueError", "m = 3", "nothing")
OTHERS = {
    "kind": FailureKind.BLOCKED,
    "method": "infer",
    "subject": "dx",
    "exception": "TypeError",
    "expected": "ValueError",
}


@pytest.mark.parametrize(("name", "value"), OTHERS.items(), ids=OTHERS)
def test_failures_that_differ_in_kind_do_not_resemble(name, value):
    """Every field counts, apart from what was seen."""
    other = Failure(**{**vars(RAISED), "got": "m = 4", name: value})
    assert not RAISED.resembles(other)
    assert not other.resembles(RAISED)
    assert RAISED.resembles(Failure(**{**vars(RAISED), "got": "m = 4"}))


def test_a_refusal_and_a_crash_fail_alike():
    """Whether an exception was meant decides nothing but how it is told."""
    refused = Failure(**{**vars(RAISED), "refusal": True})
    assert refused == RAISED
    assert refused.resembles(RAISED)
