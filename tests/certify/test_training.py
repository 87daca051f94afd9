"""Training mode: statistics, running statistics and gradients hold the exact values."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof import certify
from tests.certify.exactly import exact, holds, holds_root, moments

VALUES = st.builds(
    lambda value, scale: value * scale,
    st.integers(-9, 9) | st.floats(-1, 1),
    st.sampled_from([1.0, 0.1, 1e8, 1e-8, 2.0**300]),
)
COLUMNS = st.lists(VALUES, min_size=1, max_size=8)
# Rounded weights, those that leave one value alone, and weights that nobody forbids.
MOMENTA = st.sampled_from([0.1, 0.0, 1.0, 0.9, 1e-300, 2.5, -0.5])


@given(COLUMNS, VALUES, st.floats(0, 1e6), MOMENTA, st.booleans())
def test_running_statistics_hold_the_exact_ones(values, old_mean, old_var, momentum, unbiased):
    """``(1 - alpha) r + alpha b`` in fractions, where alpha is the float itself; for one value
    there is no unbiased variance."""
    x, m = np.array(values)[:, None], len(values)
    running = (np.array([old_mean]), np.array([old_var]))
    found = certify.train(x, eps=1e-5, running=running, momentum=momentum, unbiased=unbiased)
    mean, variance = moments(exact(values))
    alpha = Fraction(momentum)
    assert holds(found.running_mean, 0, (1 - alpha) * Fraction(old_mean) + alpha * mean)
    if unbiased and m == 1:
        assert np.isnan(found.running_var.mid[0])
        return
    moved = variance * (Fraction(m, m - 1) if unbiased else 1)
    assert holds(found.running_var, 0, (1 - alpha) * Fraction(old_var) + alpha * moved)


@given(COLUMNS)
def test_mean_and_variance_hold_the_exact_ones(values):
    """Zero has no radius, and any other value that a double can tell from 0 does not hold zero."""
    found = certify.train(np.array(values)[:, None], eps=1.0)
    for quantity, true in zip((found.mu, found.v), moments(exact(values)), strict=True):
        assert holds(quantity, 0, true)
        zero = quantity.mid[0] == quantity.rad[0] == 0
        apart = abs(quantity.mid[0]) > quantity.rad[0] or abs(true) < Fraction(2) ** -1074
        assert zero if true == 0 else apart


@given(COLUMNS, VALUES, VALUES)
def test_normalised_values_know_nothing_of_the_affine_parameters(values, gamma, beta):
    """``xhat = (x - mu)/s``, whatever gamma and beta are."""
    x = np.array(values)[:, None]
    found = certify.train(x, np.array([gamma]), np.array([beta]), eps=0.25)
    mean, variance = moments(exact(values))
    for n, value in enumerate(exact(values)):
        assert holds_root(found.xhat, (n, 0), value - mean, variance + Fraction(1, 4))
        z = Fraction(gamma) * (value - mean)
        assert holds_root(found.y, (n, 0), z, variance + Fraction(1, 4), Fraction(beta))


def test_running_statistics_that_cancel_are_zero():
    """``0.5 * 3 + 0.5 * (-3)`` is decided to be 0; without a batch's weight the old value stays."""
    x, three = np.array([[-5.0], [-1.0]]), np.array([3.0])
    half, none = (
        certify.train(x, eps=1e-5, running=(three, three), momentum=alpha) for alpha in (0.5, 0.0)
    )
    assert half.running_mean.mid == half.running_mean.rad == 0
    assert (none.running_mean.mid, none.running_mean.rad) == (3, 0)
    # v = 4, Bessel's factor 2
    assert holds(half.running_var, 0, Fraction(11, 2))


def test_what_was_not_handed_over_is_said():
    """One line for a quantity without its input; NaN in an old value spoils its own channel."""
    x = np.array([[1.0, 2.0], [3.0, 5.0]])
    plain = certify.train(x, eps=1e-5)
    for name in ("dx", "dgamma", "dbeta", "running_mean", "running_var"):
        with pytest.raises(AttributeError, match="hand") as refused:
            getattr(plain, name)
        assert "\n" not in str(refused.value)
    old = np.array([np.nan, 1.0])
    spoiled = certify.train(x, eps=1e-5, running=(old, np.ones(2)), momentum=0.5)
    assert list(np.isnan(spoiled.running_mean.mid)) == [True, False]
    assert not np.isnan(spoiled.running_var.mid).any()


def test_running_statistics_of_another_shape_are_refused():
    """Also a momentum that is no finite number."""
    x, one, two = np.ones((2, 2)), np.ones(1), np.ones(2)
    with pytest.raises(ValueError, match=r"give \(2,\)"):
        certify.train(x, eps=1.0, running=(one, two), momentum=0.1)
    with pytest.raises(ValueError, match="momentum is nan"):
        certify.train(x, eps=1.0, running=(two, two), momentum=float("nan"))


def test_a_part_is_normalised_by_the_statistics_of_the_whole():
    """``xhat`` of the first two values of four, and the gradient with the sums of all four."""
    x, dy = np.array([[1.0], [3.0], [7.0], [9.0]]), np.array([[2.0], [0.0], [1.0], [0.0]])
    whole = certify.statistics(x, dy)
    found = certify.train(x[:2], eps=6.0, dy=dy[:2], statistics=whole)
    # mu = 5, v = 10, w = 16, T = 2 (-4) + 1 (2) = -6, mean g = 3/4
    assert found.xhat.mid.tolist() == [[-1], [-0.5]]
    k = Fraction(-6, 4 * 16)
    for n, (value, g) in enumerate([(1, 2), (3, 0)]):
        assert holds(found.dx, (n, 0), (g - Fraction(3, 4) - k * (value - 5)) / 4)
