"""Quantities with one entry per channel: which balls are good enough, and what replaces the
others."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import given
from hypothesis import strategies as st

from bnproof import certify
from bnproof.certify.channels import build_map, choose_width
from bnproof.certify.moments import Changed, wrap_statistics
from bnproof.certify.refine import Rooted
from tests.certify.exactly import exact, holds, holds_root, moments

VALUES = st.builds(
    lambda value, scale, offset: value * scale + offset,
    st.integers(-9, 9) | st.floats(-1, 1),
    st.sampled_from([1.0, 1e8, 1e-8, 2.0**450]),
    st.sampled_from([0.0, 1e4]),
)
PAIRS = st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=8)


def decided(calls, *, extreme=(False, False, False), undefined=(False, False, False)):
    """Three channels of size 1 whose exact value is 1/3 each, and a list of those asked for."""
    number = lambda j: calls.append(j) or Rooted(b=fmpq(1, 3))  # noqa: E731
    return np.ones(3), number, np.array(undefined), np.array(extreme)


def test_wide_balls_and_those_that_hold_zero_are_replaced():
    """Only they are asked for exactly; a narrow one is kept, even if it is not the number."""
    found, calls = certify.train(np.array([[1.0], [2.0]]), eps=1e-5), []
    balls = lambda: [arb(1), arb(0.5, 1e-3), arb(0, 1e-100)]  # noqa: E731
    result = found.enclose_channels(balls, *decided(calls))
    assert calls == [1, 2]
    assert result.mid[0] == 1
    assert all(holds(result, j, Fraction(1, 3)) for j in (1, 2))
    assert np.all(result.rad <= found.width.radius(1.0))


def test_extreme_channels_are_never_taken_from_balls():
    """However narrow they look; an undefined channel is NaN and its number is never asked for."""
    found, calls = certify.train(np.array([[1.0], [2.0]]), eps=1e-5), []
    options = {"extreme": (True, False, True), "undefined": (False, True, True)}
    result = found.enclose_channels(lambda: [arb(1)] * 3, *decided(calls, **options))
    assert calls == [0]
    assert holds(result, 0, Fraction(1, 3))
    assert all(np.isnan(words[1:]).all() for words in (result.mid, result.low, result.rad))


def test_an_array_is_looked_at_only_where_exact_sums_are_needed():
    """A change is refused there; what double words have settled stays as it was certified."""
    x = np.array([[1.0], [2.0]])
    found = certify.train(x, eps=1e-5)
    x[0, 0] = 5.0
    settled = found.enclose_channels(lambda: [arb(1)] * 3, *decided([]))
    assert list(settled.mid) == [1, 1, 1]
    with pytest.raises(Changed):
        found.enclose_channels(lambda: [arb("nan")] * 3, *decided([]))


@given(PAIRS, st.sampled_from([0.0, 1e-5, 2.0**-60, 7.0]))
def test_root_and_parameter_gradients_hold_the_exact_value(pairs, eps):
    """``s = w/sqrt(w)``, ``dgamma = T/sqrt(w)`` and ``dbeta``; sums that cancel are exactly 0."""
    x, dy = (np.array(column)[:, None] for column in zip(*pairs, strict=True))
    values, g = exact(x[:, 0]), exact(dy[:, 0])
    mean, variance = moments(values)
    w = variance + Fraction(eps)
    found = certify.train(x, eps=eps, dy=dy)
    assert holds(found.dbeta, 0, sum(g))
    if w == 0:
        assert found.s.mid == found.s.rad == 0
        assert np.isnan(found.dgamma.mid)
        return
    joint = sum(b * (a - mean) for a, b in zip(values, g, strict=True))
    assert holds_root(found.s, 0, w, w)
    assert holds_root(found.dgamma, 0, joint, w)
    for quantity, true in ((found.dgamma, joint), (found.dbeta, sum(g))):
        assert (quantity.mid[0] == quantity.rad[0] == 0) == (true == 0)


def test_parameters_that_were_left_out():
    """Stand for 1 and 0 in every channel; half precision is taken as it is; eps is checked."""
    place = wrap_statistics(3, np.zeros(2), np.ones(2))
    plain = build_map(place, None, None, 0.5)
    assert (list(plain.gamma), list(plain.beta), plain.eps) == ([1, 1], [0, 0], 0.5)
    half = build_map(place, np.array([0.1, 2], np.float16), None, 0)
    assert list(half.gamma) == [float(np.float16(0.1)), 2]
    with pytest.raises(ValueError, match="eps is -1"):
        build_map(place, None, None, -1)


@pytest.mark.parametrize(("tighten", "error"), [(-1, "-1"), (33, "33"), (1.0, "1.0")])
def test_the_width_is_twenty_bits_and_what_is_asked_for(tighten, error):
    """In the format of x; other numbers of bits are refused."""
    x = np.ones((2, 1), np.float32)
    assert choose_width(x, 5).radius(1.0) == 2.0**-23 * 2.0**-26
    with pytest.raises(ValueError, match=f"tighten is {error}"):
        choose_width(x, tighten)
