"""Inputs have the condition, length and magnitude that they say they have."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.accuracy.inputs import (
    DTYPES,
    EFFORTS,
    LAYOUTS,
    Effort,
    Input,
    Scope,
    draw_halves,
    draw_inputs,
    draw_standardised,
)
from bnproof.formats import Format
from bnproof.laws.columns import to_columns
from bnproof.laws.supports import Supports
from tests.certify.exactly import exact, moments

SMALL = Effort(1, 6, 2, 0)


@pytest.mark.parametrize(
    ("dtype", "decades"), [("float32", 7), ("float64", 15), ("float16", 3), ("bfloat16", 2)]
)
def test_kappa_reaches_as_far_as_the_digits(dtype, decades):
    """A point for each decade; up to the sixth digit of float64 the condition is what it says, by
    fractions, to one part in a thousand."""
    drawn = [one for one in draw_inputs(dtype, SMALL, 0) if one.sweep == "kappa"]
    assert [round(np.log10(one.kappa)) for one in drawn] == list(range(decades + 1))
    if dtype == "float64":
        for one in drawn[:7]:
            mean, variance = moments(exact(one.x[:, 0]))
            true = 1 + mean**2 / variance
            assert abs(true / Fraction(one.kappa) ** 2 - 1) < Fraction(1, 1000)


@pytest.mark.parametrize("dtype", DTYPES)
def test_all_inputs_are_finite_and_in_their_dtype(dtype):
    """Also at the largest magnitude, which is a sixteenth of the largest number; the spread of a
    channel is never 1."""
    drawn = list(draw_inputs(dtype, SMALL, 3))
    assert {one.sweep for one in drawn} == {"kappa", "values", "magnitude"}
    assert all(one.x.dtype.name == dtype for one in drawn)
    assert all(np.isfinite(one.x.astype(float)).all() for one in drawn)
    largest = max(one.magnitude for one in drawn)
    assert largest <= Format.from_dtype(np.dtype(dtype)).largest / 8
    assert 4 * largest > Format.from_dtype(np.dtype(dtype)).largest / 16
    spread = drawn[0].x.astype(float).std(axis=0)
    assert np.all((spread > 1.1) & (spread < 4.1))


def test_lengths_are_powers_of_two_up_to_the_longest():
    """Every second exponent; half precision ends at ``2^16``, whatever is asked for."""
    lengths = [one.m for one in draw_inputs("float32", SMALL, 0) if one.sweep == "values"]
    assert lengths == [4, 16, 64]
    half = draw_inputs("float16", Effort(1, 99, 8, 0), 0)
    assert [one.m for one in half if one.sweep == "values"] == [2**8, 2**16]


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_halves_lie_on_either_side_of_zero(seed):
    """Two standard deviations of a half away, so that the mean is near 0 and the sum on the way to
    it is not."""
    x = draw_halves(np.random.default_rng(seed), 256, "float64", Scope(channels=3)).x
    first, second = x[:128].mean(axis=0), x[128:].mean(axis=0)
    inside = x[:128].std(axis=0)
    assert np.all((first > 1.5 * inside) & (second < -1.5 * inside))
    assert np.all(np.abs(x.mean(axis=0)) < inside)


def test_standardised_values_have_mean_0_and_variance_1():
    """In every channel, up to the rounding of sums of 50 values."""
    x = draw_standardised(np.random.default_rng(0), 50, 4)
    assert x.shape == (50, 4)
    assert np.all(np.abs(x.mean(axis=0)) <= 50 * 2.0**-52)
    assert np.all(np.abs(x.var(axis=0) - 1) <= 50 * 2.0**-52)


@pytest.mark.parametrize("m", [64, 65])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_holds_the_same_columns(layout, m):
    """In planes of 8 by 8 where m allows it; channels last are last in memory alone."""
    on = Input("values", np.arange(3.0 * m).reshape(m, 3), 1.0)
    laid = on.lay_out(layout)
    assert np.array_equal(to_columns(laid), on.x)
    if layout != "2-d":
        side = 8 if m == 64 else 1
        assert laid.shape == (m // side**2, 3, side, side)
        last = np.moveaxis(laid, 1, -1).flags.c_contiguous
        assert last or layout == "4-d"
        assert laid.flags.c_contiguous or layout == "4-d channels-last"


def test_supports_narrow_the_scope():
    """Layouts by rank, dtypes in our order, channels and eps as they are fixed."""
    said = {"dtypes": ["float64", "float32"], "ranks": [3, 4], "num_features": 5, "eps": 0.5}
    scope = Scope.from_supports(Supports.from_mapping(said))
    assert scope == Scope(("float32", "float64"), LAYOUTS[1:], 5, 0.5, True)
    (first, *_) = draw_inputs("float32", SMALL, 0, scope)
    assert (first.x.shape[1], first.eps) == (5, 0.5)
    assert not Scope.from_supports(Supports.from_mapping({"ranks": [2]})).searched
    with pytest.raises(ValueError, match="leaves nothing to measure"):
        Scope.from_supports(Supports.from_mapping({"ranks": [5]}))


def test_efforts_rise():
    """Each looks at least as closely as the one before."""
    quick, standard, thorough = EFFORTS.values()
    for less, more in ((quick, standard), (standard, thorough)):
        assert less.per_decade < more.per_decade
        assert less.longest < more.longest
        assert less.generations <= more.generations
