"""What certify accepts is taken as it is; everything else is named in one line."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.certify.validation import (
    check_arguments,
    check_array,
    check_eps,
    check_non_empty,
    check_number,
    convert_parameter,
)

NUMBERS = {
    "true": (True, TypeError),
    "text": ("1", TypeError),
    "none": (None, TypeError),
    "array": (np.ones(1), TypeError),
    "NaN": (float("nan"), ValueError),
    "infinity": (-np.inf, ValueError),
    "not a double": (2**53 + 1, ValueError),
    "too large": (10**400, ValueError),
}


@pytest.mark.parametrize(("value", "error"), NUMBERS.values(), ids=NUMBERS)
def test_what_is_no_finite_double_is_refused(value, error):
    """By the name that it was given, in one line."""
    with pytest.raises(error, match=r"^alpha is ") as refused:
        check_number("alpha", value)
    assert "\n" not in str(refused.value)


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53))
def test_a_number_keeps_its_value(value):
    """Python's and NumPy's, as a plain float."""
    for given_ in (value, np.float64(value)):
        found = check_number("alpha", given_)
        assert type(found) is float
        assert found == value


def test_eps_may_be_zero_and_not_negative():
    """Minus zero is zero; the smallest negative double is refused."""
    assert check_eps(0) == check_eps(-0.0) == 0
    with pytest.raises(ValueError, match="number >= 0"):
        check_eps(-5e-324)


@pytest.mark.parametrize("dtype", [np.int64, np.complex128, np.longdouble, bool, object, "U1"])
def test_arrays_of_other_dtypes_are_refused(dtype):
    """Nothing is converted; a subclass with hidden entries is no plain array."""
    with pytest.raises(TypeError, match=r"gamma has dtype .*: convert to one of"):
        check_array("gamma", np.ones(2).astype(dtype))
    with pytest.raises(TypeError, match="gamma is a MaskedArray"):
        check_array("gamma", np.ma.masked_array([1.0], mask=[True]))


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, ">f8"])
def test_supported_arrays_are_returned_themselves(dtype):
    """The very object, in any byte order; as a parameter it becomes float64 without rounding."""
    values = np.array([0.1, -3.0]).astype(dtype)
    assert check_array("x", values) is values
    assert convert_parameter(values, 2, 1.0).tolist() == [float(value) for value in values]


SHAPES = {
    "rank 1": (np.ones(3), {}, "rank 2 to 5"),
    "rank 6": (np.ones((1,) * 6), {}, "rank 2 to 5"),
    "no channels": (np.ones((3, 0)), {}, "C >= 1"),
    "dy": (np.ones((3, 2)), {"dy": np.ones((2, 3))}, r"dy has shape \(2, 3\): give \(3, 2\)"),
    "scalar": (np.ones((3, 2)), {"beta": np.array(1.0)}, r"beta has shape \(\): give \(2,\)$"),
    "channels last": (np.ones((3, 2, 5)), {"beta": np.ones(5)}, r"np\.moveaxis\(x, -1, 1\)"),
}


@pytest.mark.parametrize(("x", "rest", "message"), SHAPES.values(), ids=SHAPES)
def test_shapes_that_do_not_fit_are_refused(x, rest, message):
    """The message names the array; a parameter that fits the last axis gets a hint."""
    with pytest.raises(ValueError, match=message) as refused:
        check_arguments(x, **rest)
    assert "\n" not in str(refused.value)


def test_an_empty_batch_is_a_shape_like_others():
    """It is refused where a value per channel is needed; parameters that are ``None`` are no
    mistake."""
    empty = np.ones((4, 2, 0))
    check_arguments(empty, gamma=None, dy=None)
    with pytest.raises(ValueError, match="no value per channel"):
        check_non_empty(empty)
    assert convert_parameter(None, 3, 1.0).tolist() == [1, 1, 1]
