"""Models of badly computed statistics: orders of summation, and what is lost where."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from bnproof.mutants.catalogue import list_mutants
from bnproof.mutants.variance import serial_mean
from tests.mutants.exact_case import train


@given(
    st.sampled_from([1, 2]).flatmap(
        lambda c: arrays(np.float32, (7, c, 3), elements=st.floats(-8, 8, width=32))
    )
)
@settings(max_examples=25)
def test_a_serial_mean_adds_one_value_after_the_other(x):
    """It has the bits of a loop over samples and positions, rounded after every addend."""
    mean = serial_mean(x)
    assert mean.shape == (1, x.shape[1], 1)
    for channel in range(x.shape[1]):
        total = np.float32(0)
        for value in x[:, channel].reshape(-1):
            total = np.float32(total + value)
        assert mean[0, channel, 0] == np.float32(total / np.float32(21))


@pytest.mark.parametrize("name", ["V01", "V02", "V10"])
def test_one_pass_loses_the_variance_of_a_large_mean(name):
    """At mean 2^14 and deviation 1/4 the squares differ by less than float32 keeps, so v is 0."""
    x = (2.0**14 + np.array([[-0.25], [0.25]])).astype(np.float32)
    formula = list_mutants()[name].make()
    mu = formula.mean(x)
    assert mu[0, 0] == 2.0**14
    assert formula.variance(x, mu)[0, 0] == 0
    assert Fraction(0.25) ** 2 == Fraction(1, 16)  # what two passes give, exactly


def test_only_the_bare_formula_can_be_negative():
    """``mean x^2 - mu^2`` rounds below 0 for some batch, and the clamped one never does."""
    random = np.random.default_rng(0)
    batches = [(1000 + random.normal(size=(5, 1)) / 1e4).astype(np.float32) for _ in range(60)]
    bare, clamped = (list_mutants()[name].make() for name in ("V01", "V02"))
    values = [
        [float(one.variance(x, one.mean(x))[0, 0]) for x in batches] for one in (bare, clamped)
    ]
    assert min(values[0]) < 0
    assert min(values[1]) == 0
    assert all(c == max(b, 0) for b, c in zip(*values, strict=True))


def test_two_passes_are_used_where_they_are_asked_for():
    """The slow way of the model with a default is the reference's."""
    x = np.array([[1.0], [3.0], [8.0]])
    slow = list_mutants()["V10"].make(fast=False)
    assert slow.variance(x, slow.mean(x))[0, 0] == np.mean((x - 4.0) ** 2)


def test_a_rounded_reciprocal_moves_the_mean_of_a_constant():
    """For m = 9 some constant's mean is another number; for m = 8 none's is."""
    mean = list_mutants()["V04"].make().mean
    constants = np.random.default_rng(0).normal(size=200)
    moved = {m: sum(float(mean(np.full((m, 1), c))[0, 0]) != c for c in constants) for m in (8, 9)}
    assert moved[8] == 0
    assert moved[9] > 0


def test_squares_in_single_precision_overflow():
    """A deviation of 2^65 has an infinite square in float32, so y is beta; 2^60 has not."""
    for exponent, expected in ((60, [-1.0, 1.0]), (65, [0.0, 0.0])):
        x = np.array([[-(2.0**exponent)], [2.0**exponent]])
        with np.errstate(over="ignore"):
            y = train("V05", x, eps=0.0)[0]
        np.testing.assert_array_equal(y[:, 0], expected)


@pytest.mark.parametrize(
    ("channels", "processed"), [(1, 1), (2, 2), (3, 2), (4, 4), (7, 4), (8, 8)]
)
def test_channels_above_a_power_of_two_stay_zero(channels, processed):
    """The first ``2^floor(log2 C)`` channels are normalised."""
    x = np.arange(3.0 * channels).reshape(3, channels)
    y = train("V08", x)[0]
    assert [bool(np.any(y[:, c])) for c in range(channels)] == [
        c < processed for c in range(channels)
    ]
