"""Judging an output against its enclosure: infinities that are right, numbers that are none,
places."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.contract import METHODS, QUANTITIES, Measurement
from bnproof.formats import dtype_of
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers
from bnproof.laws.columns import to_columns
from bnproof.laws.comparing import (
    compare,
    divide_by_bounds,
    find_worst_index,
    is_right,
    measure_errors,
    select_worst,
)
from bnproof.laws.oracle import Oracle
from bnproof.wording import describe_measurement, format_exact
from tests.laws.draws import by_hand, semantic, target

CASE = by_hand()


def answered(case, quantity, implementation=None):
    """An output of the reference, and the oracle of the case."""
    return Answers(target(implementation or NumpyBatchNorm()), case).observe(quantity), Oracle(case)


def judge(quantity, observed, oracle, **options):
    """``compare`` under the unbiased convention."""
    return compare("the law", quantity, observed, oracle, **options)


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_reference_is_held(quantity, dtype):
    """Every output of every method in every dtype."""
    case = by_hand(dtype)
    assert judge(quantity, *answered(case, quantity)).holds


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_a_violation(quantity, value):
    """A single NaN or infinity, found at its place."""
    observed, oracle = answered(CASE, quantity)
    observed = observed.copy()
    observed[(-1,) * observed.ndim] = value
    seen = judge(quantity, observed, oracle)
    assert seen.ratio == np.inf
    assert seen.where == tuple(size - 1 for size in observed.shape)
    assert np.array_equal(seen.got, value, equal_nan=True)


def beyond_half(beta):
    """A case whose outputs in half precision are about beta."""
    return by_hand("float16", beta=np.full(2, beta, np.float32))


def test_an_infinity_is_right_where_the_exact_value_rounds_to_it():
    """float16 ends at 65504; numbers from 65520 on round to infinity."""
    for beta in (1e5, -1e5):
        observed, oracle = answered(beyond_half(beta), "y")
        assert np.all(observed == np.sign(beta) * np.inf)
        assert judge("y", observed, oracle).holds
        assert not judge("y", -observed, oracle).holds
        assert not judge("y", np.full_like(observed, np.sign(beta) * 65504), oracle).holds


def test_an_infinity_is_wrong_where_the_exact_value_is_far_below():
    """60000 is a number in float16, give or take the bound."""
    observed, oracle = answered(beyond_half(6e4), "y")
    assert np.isfinite(observed).all()
    assert judge("y", np.full_like(observed, np.inf), oracle).ratio == np.inf


def test_at_the_end_of_the_range_both_neighbours_are_right():
    """An exact value between 65504 and 65536: the largest number and infinity are both within its
    bound."""
    observed, oracle = answered(beyond_half(65519.0), "y")
    true, bound = oracle.exact("y").mid, oracle.bound("y").total
    near = (abs(true) + bound >= 65520) & (abs(true) - bound < 65520)
    assert near.any()
    for value in (65504, np.inf):
        mixed = np.where(near, value, to_columns(observed)).astype(np.float16)
        error, explained = measure_errors("y", rows(mixed, observed.shape), oracle)
        assert np.all(error[near] <= explained[near])


def rows(values, shape):
    """Columns back in the shape of x."""
    return np.moveaxis(values.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


def test_only_the_channels_asked_for_are_judged():
    """NaN in another one does not count, in the ratio and in the ulp."""
    observed, oracle = answered(CASE, "y")
    observed = observed.copy()
    observed[:, 0] = np.nan
    seen = judge("y", observed, oracle, channels=range(1, 2))
    assert seen.holds
    assert np.isfinite(seen.ulp)
    assert not judge("y", observed, oracle, channels=range(2)).holds


@given(case=semantic(), data=st.data())
def test_a_violation_names_the_entry(case, data):
    """The index into the array as it was returned, the value and the exact one."""
    observed, oracle = answered(case, "y")
    observed = observed.copy()
    at = tuple(data.draw(st.integers(0, size - 1)) for size in observed.shape)
    observed[at] += observed.dtype.type(1024)
    seen = judge("y", observed, oracle)
    assert seen.where == at
    assert seen.got == float(observed[at])
    assert f"y{list(at)} is " in describe_measurement(seen, "")


def test_the_exact_value_has_twenty_digits():
    """The output of x = -1, 1 with eps = 3 is -1/2, 1/2."""
    two = {name: np.array([2.0]) for name in ("running_mean", "running_var")}
    x = np.array([[-1.0], [1.0]])
    case = by_hand(x=x, dy=x, ddx=None, gamma=None, beta=None, eps=3.0, parts=(), layer=None, **two)
    assert format_exact(judge("y", 2 * x, Oracle(case))) == "-0.5"
    third = replace(case, x=np.array([[-0.5], [0.5]]), eps=2.0)
    assert format_exact(judge("y", 2 * x, Oracle(third))) == "-0.33333333333333333333"


def test_a_wrong_output_is_no_news_in_a_variant():
    """``right`` says whether the plain call is within its bound, asked for once per output."""

    class Doubled(NumpyBatchNorm):
        def apply_affine(self, xhat, gamma, beta):
            return 2 * super().apply_affine(xhat, gamma, beta)

    answers, oracle = Answers(target(Doubled()), CASE), Oracle(CASE)
    assert not is_right(answers, oracle, "y")
    assert is_right(answers, oracle, "dx")
    assert {key for key in answers.shared if key[0] == "plain"} == {("plain", "y"), ("plain", "dx")}


def test_an_absent_output_is_right():
    """Where there is no gamma there is no gradient to be wrong."""
    case = by_hand(gamma=None)
    assert is_right(Answers(target(NumpyBatchNorm()), case), Oracle(case), "dgamma")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_one_unit_is_explained_and_a_thousandth_is_not(dtype):
    """The bound is at least a rounding and far below what another formula moves."""
    observed, oracle = answered(by_hand(dtype), "infer_y")
    exact, bound = oracle.exact("infer_y"), oracle.bound("infer_y").total
    like = dtype_of(dtype)
    nearest = rows(exact.mid.astype(like), observed.shape)
    assert judge("infer_y", nearest, oracle).holds
    assert np.all(bound <= np.abs(exact.mid) / 2 + 0.1)
    if like.itemsize > 2:
        assert not judge("infer_y", observed * like.type(1.001), oracle).holds


def test_every_method_has_its_quantities():
    """The table used here is complete."""
    assert set(QUANTITIES) == {name for method in METHODS.values() for name in method.names}


def test_an_error_in_units_of_nothing():
    """No error is 0, also of a bound of 0; an error of a bound of 0, and what is no number, are
    infinite; the sign of an error does not count."""
    errors = np.array([0.0, 0.0, 1.0, np.nan, np.inf, -3.0])
    bounds = np.array([0.0, np.inf, 0.0, 1.0, np.inf, 2.0])
    assert divide_by_bounds(errors, bounds).tolist() == [0, 0, np.inf, np.inf, np.inf, 1.5]


def test_the_worst_measurement_is_the_one_with_the_largest_ratio():
    """What is absent is passed over, and of equal ones the first is taken."""
    seen = [None, *(Measurement(str(n), (), ratio) for n, ratio in enumerate((0.5, 2.0, 2.0)))]
    assert select_worst(iter(seen)) is seen[2]
    assert select_worst([None]) is None
    assert find_worst_index(np.array([[0.5, 2.0], [2.0, 1.0]])) == (0, 1)
