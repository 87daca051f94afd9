"""What bounds are computed from: columns in float64, neutral values for what is absent, deviations
that keep their digits."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.contract import Case
from bnproof.laws.columns import BadCase
from bnproof.laws.reference import Reference
from tests.laws.draws import by_hand


def column(values, eps=0.5):
    """A case of one channel with these values in float64."""
    x, one = np.array(values, dtype=float).reshape(-1, 1), np.array([1.0])
    return Case(x, x, one, one, one, one, eps=eps, momentum=0.5)


def test_absent_parameters_count_as_one_and_zero():
    """In float64, one value per channel; present ones are what they are."""
    absent, present = Reference(by_hand(gamma=None, beta=None)), Reference(by_hand())
    assert (absent.gamma.tolist(), absent.beta.tolist()) == ([1, 1], [0, 0])
    assert (present.gamma.tolist(), present.beta.tolist()) == ([1.5, -0.625], [-0.75, 2.25])
    assert {a.dtype.name for a in (absent.gamma, present.gamma, present.x)} == {"float64"}


@settings(max_examples=25)
@given(
    st.integers(2**53, 2**60),
    st.lists(st.integers(-(2**10), 2**10), min_size=2, max_size=7, unique=True),
)
def test_deviations_keep_their_digits_beside_a_large_mean(mean, steps):
    """Where a float64 nearly cannot hold the mean, every ``x - mu`` is still within one unit in its
    last place of the exact one."""
    x = [float(mean + 256 * step) for step in steps]
    exact = [Fraction(value) for value in x]
    mu = sum(exact) / len(exact)
    deviations = Reference(column(x)).batch.deviation.ravel()
    for value, deviation in zip(exact, deviations, strict=True):
        assert abs(Fraction(deviation) - (value - mu)) <= Fraction(
            float(np.spacing(abs(deviation)))
        )


def test_the_variance_of_a_batch_is_the_biased_one():
    """x = -1, 5: mean 2, variance 9, and the least deviation is -3."""
    batch = Reference(column([-1, 5], eps=7.0)).batch
    assert (batch.mu.tolist(), batch.v.tolist(), batch.s.tolist()) == ([2], [9], [4])
    assert batch.deviation.ravel().tolist() == [-3, 3]


@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_bessel_is_the_factor_of_the_tracked_variance(m):
    """``m/(m - 1)`` where the unbiased variance is tracked, infinite for one value; else 1."""
    case = column(range(m))
    assert Reference(case, "biased").bessel == 1
    assert Reference(case).bessel == (m / (m - 1) if m > 1 else np.inf)


def test_merged_statistics_differ_by_their_workers_alone():
    """As many as there are parts, idle ones among them."""
    reference = Reference(by_hand(parts=(1, 0, 3)))
    assert reference.batch.workers == 0
    assert reference.merged == replace(reference.batch, workers=3)


def test_values_at_inference_deviate_from_the_running_mean():
    """A row of biases is normalised like a sample: by 2.5 and -3.5, and 2.75 and 5.5 with eps
    1/4."""
    reference = Reference(by_hand())
    fixed = reference.build_fixed_batch(np.array([[0.5, -1.5]]))
    assert fixed.deviation.tolist() == [[-2.0, 2.0]]
    assert (fixed.s**2).round(12).tolist() == [3.0, 5.75]
    assert np.array_equal(reference.fixed.deviation, reference.x - np.array([2.5, -3.5]))


def test_the_double_backward_without_its_gradient_takes_x():
    """The bounds of an absent ``ddx`` are those of ``ddx = x``, and of no other."""
    case = by_hand("float64")
    absent, as_x, other = (
        Reference(replace(case, ddx=ddx)).double_bounds for ddx in (None, case.x, 3 * case.x)
    )
    for one, two, three in zip(absent, as_x, other, strict=True):
        assert np.array_equal(one.total, two.total)
        assert not np.array_equal(one.total, three.total)


def test_what_is_no_case_has_no_reference():
    """It is refused at once, and not when something is first asked for."""
    with pytest.raises(BadCase, match="number >= 0"):
        Reference(by_hand(eps=-1.0))
