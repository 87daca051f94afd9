"""Formats: what is said of one follows from rounding in it."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
import torch

from bnproof.formats import NAMES, Format, dtype_of, is_half, parameter_dtype

BITS = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_gives_its_dtype(name):
    """bfloat16 is that of ml_dtypes, the rest are NumPy's."""
    own = ml_dtypes.bfloat16 if name == "bfloat16" else getattr(np, name)
    assert dtype_of(name) == np.dtype(own)


@pytest.mark.parametrize(("name", "p"), BITS.items(), ids=BITS)
def test_the_unit_roundoff_is_half_the_spacing_at_one(name, p):
    """1 + u is a tie and rounds to 1; three quarters of the way to the next number round up."""
    form, like = Format.from_dtype(dtype_of(name)), dtype_of(name)
    spacing = float(np.nextafter(like.type(1), like.type(2))) - 1
    assert Fraction(form.u) * 2 == Fraction(spacing) == Fraction(1, 2 ** (p - 1))
    assert form.p == p
    if name != "float64":
        assert float(np.float64(1 + form.u).astype(like)) == 1
        assert float(np.float64(1 + 1.5 * form.u).astype(like)) == 1 + spacing


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_subnormal_is_next_to_zero(name):
    """No number lies between it and 0, and the smallest normal number is 2^emin."""
    form, like = Format.from_dtype(dtype_of(name)), dtype_of(name)
    assert form.eta == float(np.nextafter(like.type(0), like.type(1)))
    assert 2.0**form.emin == float(ml_dtypes.finfo(like).tiny)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "float64"])
def test_overflow_begins_where_rounding_gives_infinity(name):
    """The number named does, and the one just below it in a wider format gives the largest
    number."""
    form, like = Format.from_dtype(dtype_of(name)), dtype_of(name)
    # ml_dtypes rounds a float64 to float32 first, so that a tie would come from there.
    wide = np.float64 if name == "float32" else np.float32
    edge = wide(form.overflow)
    assert float(edge) == form.overflow
    with np.errstate(over="ignore"):
        assert float(edge.astype(like)) == np.inf
        assert float(np.nextafter(edge, wide(0)).astype(like)) == form.largest < np.inf


def test_no_float64_rounds_to_infinity():
    """Nothing lies beyond the largest one."""
    assert Format.from_dtype(np.float64).overflow == np.inf
    assert Format.from_dtype(np.float64).largest == np.finfo(float).max


@pytest.mark.parametrize("dtype", [np.int64, np.bool_, np.longdouble, np.complex64, "U3"])
def test_a_dtype_without_bounds_is_refused(dtype):
    """In one line with those that there are."""
    with pytest.raises(TypeError, match="convert to one of float16, bfloat16") as refused:
        Format.from_dtype(dtype)
    assert "\n" not in str(refused.value)


def test_statistics_of_half_precision_are_kept_in_float32():
    """Others are kept in the dtype of the input; PyTorch's dtypes are told apart like NumPy's."""
    kept = {name: parameter_dtype(dtype_of(name)).name for name in NAMES}
    assert kept == {
        "float16": "float32",
        "bfloat16": "float32",
        "float32": "float32",
        "float64": "float64",
    }
    assert [is_half(getattr(torch, name)) for name in NAMES] == [True, True, False, False]
