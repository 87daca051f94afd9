"""Models of edge cases: the rounding error of a square, one value, one sample."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.mutants.catalogue import list_mutants
from bnproof.mutants.edge_cases import rounding_of_square


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(mantissa=st.integers(2**23, 2**24 - 1), exponent=st.integers(-20, 20))
@settings(max_examples=25)
def test_the_rounding_error_of_a_square_is_exact(dtype, mantissa, exponent):
    """``fl(x^2) - x^2`` by fractions, for every float32 far from the ends of its range."""
    wide = mantissa * 2**29 + 12345 if dtype is np.float64 else mantissa
    x = dtype(wide) * dtype(2.0) ** dtype(exponent - 40)
    exact = Fraction(float(x * x)) - Fraction(float(x)) ** 2
    assert Fraction(float(rounding_of_square(np.array(x)))) == exact


def test_a_square_that_is_a_float_has_no_rounding_error():
    """Small integers and powers of two."""
    assert not np.any(rounding_of_square(np.array([0.0, 1.0, -3.0, 2.0**30, 2.0**-30])))


def test_one_value_has_the_residue_for_a_variance():
    """The variance of 1 + 2^-30 is ``-2^-60`` where it has to be 0, and it is tracked."""
    x = np.array([[1 + 2.0**-30]])
    formula = list_mutants()["X03"].make()
    y, mean, var = formula.train(
        x, None, np.array([7.0]), np.zeros(1), np.zeros(1), eps=1.0, momentum=1.0
    )
    assert var[0] == -(2.0**-60)
    assert mean[0] == x[0, 0]
    assert y[0, 0] == 7


def test_more_values_have_the_right_variance():
    """For m = 2 the model is the reference."""
    y, *_ = (
        list_mutants()["X03"]
        .make()
        .train(np.array([[1.0], [3.0]]), None, None, None, None, eps=3.0, momentum=0.5)
    )
    np.testing.assert_array_equal(y[:, 0], [-0.5, 0.5])


def test_a_single_sample_passes_through_a_worker():
    """A worker with one row hands back its input, in memory of its own; the others normalise."""
    shards = [np.array([[1.0], [5.0]]), np.array([[3.0]])]
    ys, *_ = (
        list_mutants()["X01"]
        .make()
        .train_shards(shards, None, None, None, None, eps=0.0, momentum=0.5)
    )
    np.testing.assert_array_equal(ys[1], shards[1])
    assert not np.shares_memory(ys[1], shards[1])
    assert ys[0][0, 0] == -ys[0][1, 0] != 1.0
