"""Statistics of a batch, from the data or from exact sums: they hold what fractions say."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.certify.moments import (
    Changed,
    Source,
    centre_batch,
    statistics,
    sum_upstream,
    wrap_statistics,
)
from tests.certify.exactly import exact, holds, moments

# Means up to 1e12 spreads from 0, outliers, and values whose squares cancel.
VALUES = st.builds(
    lambda value, scale, offset: value * scale + offset,
    st.integers(-9, 9) | st.floats(-1, 1),
    st.sampled_from([1.0, 0.1, 1e8, 1e-8]),
    st.sampled_from([0.0, 1e4, -1e12]),
)
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=9)


def columns(pairs):
    """x and dy of one channel."""
    return (np.array(values)[:, None] for values in zip(*pairs, strict=True))


def hold_statistics(of_x, x):
    """Whether ``c + r`` and ``v`` hold the mean and the variance of a channel."""
    mean, variance = moments(exact(x))
    return holds(of_x.r, 0, mean - Fraction(float(of_x.c[0]))) and holds(of_x.v, 0, variance)


def hold_gradients(up, x, g, about):
    """Whether ``c + r`` and ``joint`` hold ``mean g`` and ``sum g (x - about)``."""
    mean_g, _ = moments(exact(g))
    joint = sum(b * (a - about) for a, b in zip(exact(x), exact(g), strict=True))
    return holds(up.r, 0, mean_g - Fraction(float(up.c[0]))) and holds(up.joint, 0, joint)


@given(PAIRS)
def test_double_words_hold_the_exact_statistics(pairs):
    """Mean, variance, mean of g, and ``sum g (x - mu)``, straight from the data."""
    x, dy = columns(pairs)
    source, of_g = Source.from_array(x), Source.from_array(dy)
    of_x = centre_batch(source)
    assert hold_statistics(of_x, x[:, 0])
    mean = moments(exact(x[:, 0]))[0]
    assert hold_gradients(sum_upstream(source, of_g, of_x), x[:, 0], dy[:, 0], mean)


@given(PAIRS)
def test_exact_sums_hold_the_same(pairs):
    """The statistics rounded from exact sums, and the exact values that they fall back on."""
    x, dy = columns(pairs)
    sums = statistics(x, dy)
    of_x, up = sums.to_centred(), sums.to_upstream()
    mean, variance = moments(exact(x[:, 0]))
    assert hold_statistics(of_x, x[:, 0])
    assert hold_gradients(up, x[:, 0], dy[:, 0], mean)
    back = of_x.exact(0)
    assert (Fraction(str(back.mean)), Fraction(str(back.variance))) == (mean, variance)


@given(PAIRS, VALUES)
def test_given_statistics_are_not_replaced_by_those_of_the_batch(pairs, running):
    """At inference ``T`` is taken about the mean that is handed in, which is not the batch's."""
    x, dy = columns(pairs)
    of_x = wrap_statistics(len(x), np.array([running]), np.ones(1))
    up = sum_upstream(Source.from_array(x), Source.from_array(dy), of_x, centre=False)
    assert hold_gradients(up, x[:, 0], dy[:, 0], Fraction(running))
    assert up.c[0] == 0


def test_a_mean_far_away_costs_no_digits():
    """The same spread about 0 and about 1e9: the radius of v stays what it was, up to the words of
    the mean."""
    x = np.array([[-3.0], [1.0], [2.0], [5.0]]) * 2.0**-10
    near, far = (centre_batch(Source.from_array(x + offset)) for offset in (0.0, 2.0**30))
    assert far.v.mid == near.v.mid
    assert far.v.rad <= 2 * near.v.rad


def test_a_poor_centre_is_moved():
    """The plain sum of a thousand values near 1e16 gives a centre that is farther from the mean
    than the values are; afterwards ``r^2`` is at most a quarter of the second moment about c."""
    x = 1e16 + 2.0 * (np.arange(1000) % 5)[:, None]
    source = Source.from_array(x)
    of_x = centre_batch(source)
    mean, variance = moments(exact(x[:, 0]))
    assert 3 * (Fraction(float(source.sums[0])) / 1000 - mean) ** 2 > variance
    assert 3 * of_x.r.mid**2 <= of_x.v.mid
    assert hold_statistics(of_x, x[:, 0])


def test_kinds_of_channels_are_told_apart():
    """Constant, spoiled, huge, tiny, and ordinary, from the data and from exact sums."""
    x = np.array([[1e9, np.nan, 2.0**500, 2.0**-600, 1.0], [1e9, 1.0, 0.0, 0.0, 2.0]])
    for of_x in (centre_batch(Source.from_array(x)), statistics(x).to_centred()):
        assert list(of_x.constant & ~of_x.undefined & ~of_x.extreme) == [True, *4 * [False]]
        assert list(of_x.undefined) == [False, True, False, False, False]
        assert list(of_x.extreme) == [False, False, True, True, False]
        assert (of_x.v.mid[0], of_x.v.rad[0]) == (0, 0)


def test_kinds_of_given_statistics_are_told_apart():
    """A negative variance and what is not finite have no exact value; zero is an ordinary one."""
    mean = np.array([0.0, 1.0, np.inf, 1.0, 2.0**401, 1.0])
    variance = np.array([0.0, -1e-300, 1.0, np.nan, 1.0, 2.0**801])
    with np.errstate(invalid="ignore"):
        of_x = wrap_statistics(3, mean, variance)
    assert list(of_x.undefined) == [False, True, True, True, False, False]
    assert list(of_x.extreme) == [False, False, False, False, True, True]
    assert not of_x.v.rad.any()


def test_gradients_of_a_spoiled_channel():
    """NaN in x leaves the mean of g; NaN in g leaves nothing of g; the other channels are whole."""
    x, dy = np.array([[1.0, np.nan, 1.0], [2.0, 1.0, 2.0]]), np.array([[1.0, 1, np.nan], [3, 3, 3]])
    source = Source.from_array(x)
    with np.errstate(invalid="ignore"):
        from_data = sum_upstream(source, Source.from_array(dy), centre_batch(source))
    for up in (from_data, statistics(x, dy).to_upstream()):
        assert list(up.undefined) == [False, False, True]
        assert list(up.joint_undefined) == [False, True, True]
        assert list(up.c[:2] + up.r.mid[:2]) == [2, 2]
    both = statistics(x, dy) + statistics(x[1:], dy[1:])
    assert [own is None for own in both.moments] == [False, True, False]
    assert [own is None for own in both.gradients] == [False, False, True]


def test_dy_is_read_in_the_order_of_x():
    """Whatever its own strides are, corresponding values meet."""
    x = np.random.default_rng(0).integers(-9, 9, size=(4, 3, 5)).astype(float)
    dy = np.moveaxis(np.ascontiguousarray(np.moveaxis(x + 1, 1, -1)), -1, 1)
    source = Source.from_array(x)
    of_g = Source.from_array(dy, source.lanes)
    assert np.array_equal(of_g.flat, source.flat + 1)
    assert list(of_g.sums) == list(dy.sum(axis=(0, 2)))


def test_a_change_is_noticed_and_an_unchanged_array_is_not_refused():
    """One value by one unit in the last place; NaN is a mark like any other."""
    x = np.array([[1.0, np.nan], [2.0, 1.0]])
    source = Source.from_array(x)
    source.verify_unmodified()
    x[0, 0] = np.nextafter(1.0, 2.0)
    with pytest.raises(Changed, match="certify it again") as refused:
        source.verify_unmodified()
    assert "\n" not in str(refused.value)
