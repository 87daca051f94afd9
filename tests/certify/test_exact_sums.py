"""Exact sums and what follows from them: no bit of any double is lost."""

import math
from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from bnproof.certify.exact_sums import (
    ExactGradients,
    ExactMoments,
    exact_dot,
    exact_sum,
    round_to_double,
    split_rational,
)
from tests.certify.exactly import exact, moments

ANY = st.floats(allow_nan=False, allow_infinity=False)
ORDINARY = st.floats(-1e100, 1e100).filter(lambda value: value == 0 or abs(value) > 1e-100)


def as_fraction(value):
    """The same rational number as a fraction."""
    return Fraction(int(value.p), int(value.q))


@given(st.lists(ANY, max_size=12))
def test_a_sum_of_any_doubles_is_exact(values):
    """From the smallest subnormal to the largest number, of both signs, none left out."""
    assert as_fraction(exact_sum(np.array(values, dtype=float))) == sum(exact(values))


@pytest.mark.parametrize("entries", [ORDINARY, ANY], ids=["compiled", "any"])
@given(data=st.data())
def test_a_sum_of_products_is_exact(entries, data):
    """Also where a product under- or overflows as a double, so that integers have to take over."""
    pairs = data.draw(st.lists(st.tuples(entries, entries), max_size=8))
    left, right = (np.array([pair[n] for pair in pairs], dtype=float) for n in (0, 1))
    expected = sum(a * b for a, b in zip(exact(left), exact(right), strict=True))
    assert as_fraction(exact_dot(left, right)) == expected


@given(st.lists(st.tuples(ANY, ANY), min_size=2, max_size=8), st.integers(1, 7))
def test_moments_of_parts_are_those_of_the_whole(pairs, cut):
    """Mean, variance and ``sum g (x - mu)`` by their definitions, from two parts added up."""
    x, g = (np.array(column) for column in zip(*pairs, strict=True))
    cut = min(cut, len(x) - 1)
    own = ExactMoments.from_values(x[:cut]) + ExactMoments.from_values(x[cut:])
    up = ExactGradients.from_values(g[:cut], x[:cut]) + ExactGradients.from_values(g[cut:], x[cut:])
    mean, variance = moments(exact(x))
    joint = sum(b * (a - mean) for a, b in zip(exact(x), exact(g), strict=True))
    found = (own.mean, own.variance, up.covariance(own.mean))
    assert (own.m, *map(as_fraction, found)) == (len(x), mean, variance, joint)


def test_a_spoiled_x_leaves_the_sum_of_g():
    """NaN in x takes ``sum g x`` away, here and in every sum it enters, and leaves ``sum g``."""
    g = np.array([1.5, 2.0])
    spoiled = ExactGradients.from_values(g, np.array([1.0, np.nan]))
    whole = ExactGradients.from_values(g, g)
    assert (spoiled.total, spoiled.joint) == (fmpq(7, 2), None)
    for both in (spoiled + whole, whole + spoiled):
        assert (both.total, both.joint) == (7, None)


@given(st.fractions(), st.integers(-1100, 1100))
def test_no_double_is_nearer_than_the_rounded_one(fraction, exponent):
    """Over the whole range, subnormals included: both neighbours are at least as far away."""
    value = fraction * Fraction(2) ** exponent
    rounded = round_to_double(fmpq(value.numerator, value.denominator))
    if math.isinf(rounded):
        assert abs(value) >= Fraction(2) ** 1024 - Fraction(2) ** 970
        return
    off = abs(value - Fraction(rounded))
    for neighbour in (math.nextafter(rounded, -math.inf), math.nextafter(rounded, math.inf)):
        assert math.isinf(neighbour) or off <= abs(value - Fraction(neighbour))


def test_ties_and_numbers_beyond_the_range():
    """A tie goes to the even neighbour; half a unit past the largest double is infinite."""
    assert round_to_double(fmpq(2**53 + 1)) == 2.0**53
    assert round_to_double(fmpq(2**53 + 3)) == 2.0**53 + 4
    assert round_to_double(fmpq(1, 2**1075)) == 0
    assert round_to_double(fmpq(3, 2**1076)) == 2.0**-1074
    assert round_to_double(fmpq(-(2**1024))) == -math.inf
    assert split_rational(fmpq(2**1024)) == (math.inf, 0.0, math.inf)


@given(st.fractions(), st.integers(-1100, 900))
def test_two_words_and_a_radius_hold_a_rational_number(fraction, exponent):
    """The radius is 0 exactly where two words are enough, and then they are the number."""
    value = fraction * Fraction(2) ** exponent
    mid, low, rad = map(Fraction, split_rational(fmpq(value.numerator, value.denominator)))
    assert abs(value - mid - low) <= rad
    assert (rad == 0) == (value == mid + low)
    # the second word is the double nearest to what the first one misses
    assert low == Fraction(float(value - mid))
