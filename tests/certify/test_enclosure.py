"""Intervals as double words: every end, distance and conversion lies on the safe side."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import example, given
from hypothesis import strategies as st

from bnproof.certify.enclosure import Enclosure, map_entries, split_ball
from bnproof.lowering.numbers import precision

LARGEST = np.finfo(np.float64).max
MIDDLES = st.floats(-1e300, 1e300)


@st.composite
def intervals(draw):
    """A double word whose second word is at most half a unit, and a radius of a few units."""
    # below a power of two the spacing is half of that above it
    mid = draw(MIDDLES | st.integers(-900, 900).map(lambda n: 2.0**n))
    unit = np.spacing(abs(mid))
    low = (
        draw(st.floats(-0.5, 0.5) | st.sampled_from([-0.5, 0.5]))
        * unit
        * draw(st.sampled_from([0.0, 1.0, 2.0**-30]))
    )
    rad = draw(st.floats(0, 4)) * unit * draw(st.sampled_from([0.0, 1.0, 2.0**-52, 2.0**-90]))
    return Enclosure(*(np.array([word]) for word in (mid, low, rad)))


def ends(enclosure):
    """The exact ends of a single interval."""
    mid, low, rad = (
        Fraction(float(words[0])) for words in (enclosure.mid, enclosure.low, enclosure.rad)
    )
    return mid + low - rad, mid + low + rad


# Without its radius the upper end would be a double, which is then too small.
TIGHT = Enclosure(np.array([1.0]), np.array([-(2.0**-53)]), np.array([2.0**-120]))


@example(TIGHT)
@given(intervals())
def test_both_ends_are_rounded_outwards_by_one_unit_at_most(enclosure):
    """``lower`` and ``upper`` are on the safe side of the exact ends, and two doubles further in
    they are no longer."""
    low, high = ends(enclosure)
    lower, upper = enclosure.lower[0], enclosure.upper[0]
    assert Fraction(float(lower)) <= low
    assert Fraction(float(upper)) >= high
    inward = np.nextafter(np.nextafter(lower, np.inf), np.inf)
    outward = np.nextafter(np.nextafter(upper, -np.inf), -np.inf)
    assert Fraction(float(inward)) > low
    assert Fraction(float(outward)) < high


@given(intervals(), MIDDLES | st.integers(-8, 8))
def test_the_distance_bounds_that_to_the_farther_end(enclosure, value):
    """An upper bound for every number of the interval, also for values some units away, and exact
    for an exact number."""
    mid = float(enclosure.mid[0])
    got = mid + value * float(np.spacing(abs(mid))) if isinstance(value, int) else value
    farther = max(abs(Fraction(got) - end) for end in ends(enclosure))
    found = enclosure.distance(np.array([got]))[0]
    assert found == np.inf or Fraction(float(found)) >= farther
    if enclosure.rad[0] == enclosure.low[0] == 0 and farther == Fraction(float(farther)):
        assert Fraction(float(found)) == farther


def test_the_distance_of_what_is_not_finite():
    """Infinite for NaN and infinity against a number, and where the difference overflows; NaN where
    nothing is exact."""
    exact = Enclosure.from_floats([1.0, 1.0, -1e308, np.nan, np.inf])
    found = exact.distance(np.array([np.nan, np.inf, 1e308, 1.0, 1.0]))
    assert list(found[:3]) == [np.inf] * 3
    assert np.isnan(found[3])
    assert found[4] == np.inf


def test_zero_is_possible_without_being_certain():
    """Also where an end is just zero; not where the number is zero exactly, or is none."""
    mid = np.array([0.0, 1.0, -1.0, 1.0, 0.0, np.nan])
    rad = np.array([1.0, 1.0, 2.0, 0.5, 0.0, np.nan])
    found = Enclosure(mid, np.zeros(6), rad).holds_zero
    assert list(found) == [True, True, True, False, False, False]


def test_beyond_the_largest_double_one_end_is_finite():
    """The value is past the largest double: that is a valid end, and the other is infinite."""
    both = Enclosure(np.array([np.inf, -np.inf]), np.zeros(2), np.full(2, np.inf))
    assert list(both.lower) == [LARGEST, -np.inf]
    assert list(both.upper) == [np.inf, -LARGEST]
    assert split_ball(arb(2) ** 1100) == (np.inf, 0.0, np.inf)


@given(
    st.fractions(max_denominator=10**9),
    st.integers(-900, 900),
    st.floats(0, 1e-3),
    st.integers(20, 300),
)
def test_a_ball_lies_inside_its_double_word(middle, exponent, share, bits):
    """Both ends of a ball of any precision, with a radius of its own or none."""
    with precision(bits):
        ball = arb(fmpq(middle.numerator, middle.denominator)) * arb(2) ** exponent
        ball = arb(ball, abs(ball).upper() * share)
        mid, low, rad = map(Fraction, split_ball(ball))
    for end in (1, -1):
        assert abs(to_fraction(ball.mid()) + end * to_fraction(ball.rad()) - mid - low) <= rad


def to_fraction(number):
    """An exact ball as a fraction."""
    mantissa, exponent = number.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


@given(intervals())
def test_balls_and_back_lose_nothing(enclosure):
    """The ball holds both ends, and two words are enough to come back from an exact one; only a gap
    between the words that 192 bits cannot span is rounded."""
    (ball,) = enclosure.to_balls()
    left, right = ends(enclosure)
    middle, radius = to_fraction(ball.mid()), to_fraction(ball.rad())
    assert middle - radius <= left <= right <= middle + radius
    mid, low, rad = (float(words[0]) for words in (enclosure.mid, enclosure.low, enclosure.rad))
    if rad == 0 and (low == 0 or abs(low) >= 2.0**-130 * abs(mid)):
        again = Enclosure.from_balls([ball])
        assert again.rad[0] == 0
        assert ends(again) == ends(enclosure)


def test_a_ball_that_is_no_number_becomes_nan():
    """All three words, and its neighbours stay, in the shape of the balls."""
    found = Enclosure.from_balls(np.array([[arb(1), arb("nan")]], dtype=object))
    assert found.shape == (1, 2)
    assert found.mid[0, 0] == 1
    assert all(np.isnan(words[0, 1]) for words in (found.mid, found.low, found.rad))


def test_entries_are_mapped_in_their_common_shape():
    """Broadcast against each other, results kept as objects; a change of shape reaches all three
    words."""
    found = map_entries(lambda a, b: [a, b], np.array([[1], [2]]), np.array([3, 4]))
    assert found.shape == (2, 2)
    assert found[1, 0] == [2, 3]
    words = Enclosure(*np.arange(12.0).reshape(3, 4)).reshape(lambda values: values[2:])
    assert [list(own) for own in (words.mid, words.low, words.rad)] == [[2, 3], [6, 7], [10, 11]]
    with pytest.raises(ValueError, match="broadcast"):
        map_entries(lambda a, b: a, np.ones(2), np.ones(3))
