"""Element-wise closeness: tolerances count from the expected value, messages name an entry."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.baselines.baseline import Differs
from bnproof.baselines.closeness import ASSERT_CLOSE, assert_close, assert_similar

ONE = np.ones((2, 3))


@given(st.integers(-64, 64), st.integers(-64, 64), st.integers(0, 8), st.integers(0, 8))
@settings(max_examples=25)
def test_an_entry_is_close_up_to_the_tolerance(got, expected, rtol, atol):
    """``|got - expected| <= atol + rtol |expected|``, in numbers for which all of it is exact."""
    close = abs(got - expected) <= atol + rtol / 8 * abs(expected)
    arrays = np.array([float(got)]), np.array([float(expected)])
    if close:
        assert_similar("y", *arrays, rtol=rtol / 8, atol=float(atol))
    else:
        with pytest.raises(Differs):
            assert_similar("y", *arrays, rtol=rtol / 8, atol=float(atol))


WRONG = {
    "no array": (ONE.tolist(), "y is a list, not an array"),
    "shape": (ONE.T, r"y has shape \(3, 2\), expected \(2, 3\)"),
    "dtype": (ONE.astype(np.float32), "y has dtype float32, expected float64"),
    "NaN": (np.full((2, 3), np.nan), r"y\[0, 0\] is nan, expected 1.0 \(6 of 6 differ\)"),
}


@pytest.mark.parametrize(("got", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_in_one_line(got, message):
    """No array, another shape or dtype, and values."""
    with pytest.raises(Differs, match=message) as differs:
        assert_close("y", got, ONE)
    assert "\n" not in str(differs.value)


def test_the_first_entry_that_differs_is_named():
    """In the order of the indices, with how many there are."""
    got = ONE.copy()
    got[0, 2] = got[1, 1] = 5
    with pytest.raises(Differs, match=r"dx\[0, 2\] is 5.0, expected 1.0 \(2 of 6 differ\)"):
        assert_close("dx", got, ONE)


def test_nan_is_close_to_nothing_and_infinity_to_itself():
    """Also where NaN was expected."""
    nan, infinity = np.array([np.nan]), np.array([np.inf])
    assert_close("y", infinity, infinity)
    for got, expected in ((nan, nan), (-infinity, infinity), (np.array([1e308]), infinity)):
        with pytest.raises(Differs):
            assert_close("y", got, expected)


def test_half_precision_is_compared_without_rounding():
    """In float16 at 2048 the unit is 2: one unit is within 1e-3 of 2048, and two are not."""
    rtol, _ = ASSERT_CLOSE["float16"]
    assert 2 < rtol * 2048 < 4
    expected = np.array([2048], np.float16)
    assert_close("y", np.array([2050], np.float16), expected)
    with pytest.raises(Differs):
        assert_close("y", np.array([2052], np.float16), expected)
