"""The first answer's numbers about values, on small batches whose numbers are known by hand."""

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.experiments.demonstrations import first_answer
from bnproof.experiments.demonstrations.first_answer import (
    excess_kurtosis,
    many_factors,
    not_a_must,
    not_mostly_near_zero,
    sigmoid_near_zero,
)
from bnproof.experiments.demonstrations.material import EPS

# Mean 0 and variance 2: all but two of the sixteen values are 0, and xhat = -+4/sqrt(2 + eps).
RARE = np.array([[-4.0], [4.0], *[[0.0]] * 14])
# Half of the values lie on each of two points.
PAIR = np.array([[-1.0], [1.0]] * 8)
ROUNDING = 16 * math.ulp(1.0)


def numbers(demonstration, **data):
    """What is shown of such data."""
    return [float(one.value) for one in demonstration(SimpleNamespace(**data))]


def agree(found, expected):
    """Whether all but a few roundings of numbers up to 4 is the same."""
    return all(abs(a - b) <= ROUNDING for a, b in zip(found, expected, strict=True))


def test_the_kurtosis_is_that_above_a_normal_distribution():
    """-2 for two points; for RARE ``m_4/v^2 = 32/4``; each feature by itself."""
    # A variance of 4, so that its root is exact.
    wide = np.array([[-4.0], [4.0], *[[0.0]] * 6])
    assert excess_kurtosis(np.hstack([PAIR[:8], wide])).tolist() == [-2, 1]
    assert agree(excess_kurtosis(RARE), [5])


@settings(max_examples=25)
@given(st.lists(st.integers(-9, 9), min_size=8, max_size=8).filter(lambda one: len({*one}) > 1))
def test_the_kurtosis_has_no_unit(values):
    """Four times the values and a shift leave it as it is, to the last bit, since nothing there is
    rounded."""
    batch = np.array(values, dtype=float)[:, None]
    assert excess_kurtosis(4 * batch - 16).tolist() == excess_kurtosis(batch).tolist()


def test_shares_and_bounds_by_hand():
    """14 of 16 values are near 0, and 2 beyond 2, which is half of Chebyshev's q/4; the pixel that
    is most often near 0 counts."""
    shown = numbers(not_mostly_near_zero, hidden=RARE, varying=np.hstack([PAIR, RARE]))
    q = 2 / (2 + EPS)
    # 16 = 4^2 is to be compared with m - 1 = 15 times v = 2.
    assert agree(shown, [math.sqrt(q), 14 / 16, 14 / 16, 1 / (2 * q), 4 / math.sqrt(30)])
    # One value far from fifteen equal ones attains Samuelson's bound.
    alone = numbers(not_mostly_near_zero, hidden=np.eye(16)[:, :1], varying=PAIR)
    assert agree(alone[2:3] + alone[4:], [0, 1])


@pytest.mark.parametrize(("gamma", "missed"), [(2.0, 0.0), (-2.0, 1 + 2 / math.sqrt(1 + EPS))])
def test_relu_lets_a_positive_gamma_through_alone(gamma, missed):
    """With gamma = -2, beta = 1 and weights 1, xhat = -+1 give 3, 0 before and 0, -1 after; where
    no ReLU stands between, any gamma is absorbed."""
    random = SimpleNamespace(normal=lambda size: np.ones(size))
    fitted = np.array([gamma]), np.array([1.0])
    direct, positive, signed = numbers(not_a_must, hidden=PAIR, fitted=fitted, random=random)
    # What is missed is 1 + 2 |xhat|, and eps makes xhat a little smaller than 1.
    assert agree([direct, positive, signed], [0, 0, missed])


def test_values_that_are_near_zero_are_compared():
    """The sigmoid of 0 is 1/2, and so is its distance from the identity; its tangent and tanh do
    not miss there, where values of 2.8 would."""
    assert numbers(sigmoid_near_zero, hidden=RARE) == [0.5, 0.5, 0, 0, 0]


def test_independent_pixels_have_the_predicted_cumulant(monkeypatch):
    """Two pixels that take all pairs of signs, with weights 3 and 4: ``-2 (3^4 + 4^4)/5^4``; a
    constant pixel is left out."""
    signs = np.array([[-1.0, 7.0, -1.0], [-1.0, 7.0, 1.0], [1.0, 7.0, -1.0], [1.0, 7.0, 1.0]])
    monkeypatch.setattr(first_answer, "load_pixels", lambda: signs)
    monkeypatch.setattr(first_answer, "compute_activations", lambda: RARE)

    def permuted(pixels, axis):
        """Each column shuffled by itself: both in the same order, so that they are equal."""
        assert axis == 0
        return pixels[:, [0, 0]]

    random = SimpleNamespace(normal=lambda size: np.tile([3.0, 4.0], (size[0], 1)))
    random.permuted = permuted
    alone, together, predicted, shuffled, activations = numbers(many_factors, random=random)
    cumulant = float(Fraction(2 * (3**4 + 4**4), 5**4))
    # Equal pixels add up to one of two points again.
    assert agree([alone, together, predicted, shuffled, activations], [2, cumulant, cumulant, 2, 5])
