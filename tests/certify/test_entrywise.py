"""One enclosure per value: outputs and gradients hold the exact one and are as narrow as asked."""

from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq
from hypothesis import assume, given
from hypothesis import strategies as st

from bnproof.certify.channels import build_map, choose_width
from bnproof.certify.enclosure import Enclosure
from bnproof.certify.entrywise import (
    Back,
    compute_threshold,
    enclose_input_gradients,
    enclose_outputs,
    refine,
)
from bnproof.certify.moments import Source, centre_batch, sum_upstream, wrap_statistics
from bnproof.certify.refine import Rooted
from tests.certify.exactly import exact, holds_root, moments

SMALL = st.integers(-4, 4).map(float)
VALUES = SMALL | st.builds(lambda a, b: a * b, SMALL, st.sampled_from([0.1, 1e6, 1e-6, 2.0**300]))
EPS = st.sampled_from([0.0, 1e-5, 2.0**-60, 3.0])
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=7)


def build(x, gamma, beta, eps):
    """The source of one channel and its map."""
    source = Source.from_array(x)
    return source, build_map(centre_batch(source), np.array([gamma]), np.array([beta]), eps)


@given(st.lists(VALUES, min_size=2, max_size=7), VALUES, VALUES, EPS, st.integers(0, 30))
def test_outputs_hold_the_exact_value_and_are_narrow(values, gamma, beta, eps, tighten):
    """``gamma (x - mu)/sqrt(v + eps) + beta`` by squares of fractions; the radius by the width."""
    x = np.array(values)[:, None]
    mean, variance = moments(exact(values))
    w = variance + Fraction(eps)
    source, affine_map = build(x, gamma, beta, eps)
    width = choose_width(x, tighten)
    with np.errstate(all="ignore"):
        found = enclose_outputs(source, affine_map, width)
    if w == 0:
        assert np.all(np.isnan(found.mid))
        return
    for n, value in enumerate(exact(values)):
        z = Fraction(gamma) * (value - mean)
        assert holds_root(found, (n, 0), z, w, Fraction(beta))
        number = Rooted(*(fmpq(q.numerator, q.denominator) for q in (z, w, Fraction(beta))))
        assert found.rad[n, 0] <= width.radius(number.magnitude())
        assert (found.mid[n, 0] == 0) == number.zero


@given(PAIRS, VALUES, EPS)
def test_gradients_hold_the_exact_value_and_are_away_from_zero(pairs, gamma, eps):
    """``gamma/s (g - mean g - (x - mu) T/(m w))``; an entry is exactly zero or certainly not."""
    x, dy = (np.array(column)[:, None] for column in zip(*pairs, strict=True))
    values, g = exact(x[:, 0]), exact(dy[:, 0])
    (mean, variance), (mean_g, _) = moments(values), moments(g)
    w = variance + Fraction(eps)
    assume(w > 0)
    source, affine_map = build(x, gamma, 0.0, eps)
    of_g = Source.from_array(dy, source.lanes)
    with np.errstate(all="ignore"):
        up = sum_upstream(source, of_g, affine_map.place)
        found = enclose_input_gradients(source, of_g, Back(affine_map, up), choose_width(x, 0))
    joint = sum(b * (a - mean) for a, b in zip(values, g, strict=True))
    for n, (value, own) in enumerate(zip(values, g, strict=True)):
        z = Fraction(gamma) * (own - mean_g - joint / (len(g) * w) * (value - mean))
        assert holds_root(found, (n, 0), z, w)
        zero = found.mid[n, 0] == found.rad[n, 0] == 0
        assert zero if z == 0 else abs(found.mid[n, 0]) > found.rad[n, 0]


@given(
    *3 * [st.floats(0, 1e10) | st.integers(-80, 2).map(lambda n: 2.0**n)],
    st.integers(-100, -30).map(lambda n: 2.0**n),
    st.floats(1e-20, 1e20),
)
def test_above_the_threshold_an_entry_is_narrow_and_away_from_zero(rho, delta, b, share, mid):
    """For every way in which the radius ``rho |mid| + delta`` may be made up."""
    threshold = compute_threshold(*map(np.array, (rho, delta, b, share)))
    for size in (mid, max(0.0, float(np.nextafter(threshold, np.inf)))):
        if not threshold < size < np.inf:
            continue
        radius = Fraction(rho) * Fraction(size) + Fraction(delta)
        assert radius <= Fraction(share) * max(Fraction(size), Fraction(b))
        assert radius < Fraction(size) or radius == 0


def test_without_a_radius_nothing_is_doubtful():
    """Not even zero, which is exact then; with too wide a scale everything is."""
    assert compute_threshold(np.zeros(1), np.zeros(1), np.zeros(1), 2.0**-40)[0] == -1
    assert compute_threshold(np.ones(1), np.zeros(1), np.ones(1), 2.0**-40)[0] == np.inf


KINDS = {
    "ordinary": (1.0, 1.0, 0.0, 1.0, "fine"),
    "no spread": (0.0, 1.0, 0.0, 0.0, "undefined"),
    "gamma is NaN": (1.0, np.nan, 0.0, 1.0, "undefined"),
    "beta is infinite": (1.0, 1.0, np.inf, 1.0, "scale only"),
    "huge gamma": (1.0, 2.0**500, 0.0, 1.0, "extreme"),
    "huge beta": (1.0, 1.0, 2.0**500, 1.0, "extreme output"),
    "tiny variance": (2.0**-900, 1.0, 0.0, 0.0, "extreme"),
    "tiny variance, ordinary eps": (2.0**-700, 1.0, 0.0, 1.0, "fine"),
    "negative variance": (-1.0, 1.0, 0.0, 3.0, "undefined"),
}


@pytest.mark.parametrize(("v", "gamma", "beta", "eps", "kind"), KINDS.values(), ids=KINDS)
def test_kinds_of_maps_are_told_apart(v, gamma, beta, eps, kind):
    """No exact scale, no exact output alone, or left to balls."""
    place = wrap_statistics(3, np.zeros(1), np.array([v]))
    with np.errstate(all="ignore"):
        found = build_map(place, np.array([gamma]), np.array([beta]), eps)
        told = [bool(mask[0]) for mask in (found.scaleless, found.undefined, found.extreme)]
        scale_extreme = bool(found.scale_extreme[0])
    assert told == [kind == "undefined", kind in ("undefined", "scale only"), "extreme" in kind]
    assert scale_extreme == (kind == "extreme")


def test_only_doubtful_entries_are_done_again():
    """The others stay as they are; an entry that is not finite becomes NaN; other channels are left
    alone."""
    x = np.array([[1.0, 9.0], [2.0, 9.0], [np.inf, 9.0], [4.0, 9.0]])
    result = Enclosure(*np.full((3, 4, 2), 7.0))
    doubtful = np.array([True, False, True, True])
    number = lambda a, b: Rooted(fmpq(int(a)), fmpq(4), fmpq(0))  # noqa: E731
    refine(result, x, x, 0, doubtful, number, choose_width(x, 0))
    assert list(result.mid[:, 0][[0, 1, 3]]) == [0.5, 7, 2]
    assert list(result.rad[:, 0][[0, 1, 3]]) == [0, 7, 0]
    assert np.isnan(result.mid[2, 0])
    assert np.all(result.mid[:, 1] == 7)


def test_an_extreme_channel_without_a_spread_has_no_gradient():
    """``v + eps = 0`` is only found by exact sums there, and gives NaN instead of a division by
    zero."""
    x = np.full((3, 1), 2.0**500)
    source, affine_map = build(x, 1.0, 0.0, 0.0)
    of_g = Source.from_array(np.array([[1.0], [2.0], [4.0]]), source.lanes)
    with np.errstate(all="ignore"):
        up = sum_upstream(source, of_g, affine_map.place)
        found = enclose_input_gradients(source, of_g, Back(affine_map, up), choose_width(x, 0))
    assert np.all(np.isnan(found.mid))
