"""Models of half-precision sums: pairs are added first, and every partial sum is rounded."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.mutants.catalogue import list_mutants
from bnproof.mutants.dtype import normalise_with, pairwise_sum


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=20))
@settings(max_examples=25)
def test_a_pairwise_sum_is_a_sum(values):
    """Of integers, which float64 adds without rounding, for any number of them."""
    total = pairwise_sum(np.array(values, float))
    assert total.shape == (1,)
    assert total[0] == sum(values)


def test_neighbours_are_added_first_and_rounded():
    """In bfloat16, with 8 bits: ``(256 + 1) + (1 + 1)`` is 256 + 2, while one by one stays at
    256."""
    values = np.array([256, 1, 1, 1], ml_dtypes.bfloat16)
    assert float(pairwise_sum(values)[0]) == 258
    # (256 + 1) + (0 + 1): both ones are lost, which (256 + 0) + (1 + 1) would keep
    assert float(pairwise_sum(np.array([256, 1, 0, 1], ml_dtypes.bfloat16))[0]) == 256
    one_by_one = values[0]
    for value in values[1:]:
        one_by_one = one_by_one + value
    assert float(one_by_one) == 256


def test_other_axes_are_kept():
    """Rows are summed for every column, an odd one out last."""
    np.testing.assert_array_equal(pairwise_sum(np.arange(6.0).reshape(3, 2)), [[6, 9]])


def test_normalising_with_given_statistics():
    """``(x - 1)/sqrt(1 + 3)`` in float32 for half-precision x, whatever x's own mean is."""
    x = np.array([[1.0], [5.0]], np.float16)
    mu, v = np.ones((1, 1), np.float16), np.ones((1, 1), np.float16)
    xhat, mean, var, s = normalise_with(NumpyBatchNorm(), x, mu, v, 3.0)
    np.testing.assert_array_equal(xhat, [[0], [2]])
    assert {a.dtype for a in (xhat, mean, var, s)} == {np.dtype(np.float32)}
    assert float(s[0, 0]) == 2


def test_squares_in_half_overflow_in_float16_alone():
    """``sum (x - mu)^2 = 2 * 256^2`` is beyond 65504: y is beta in float16, and right in
    float32."""
    x = np.array([[-256.0], [256.0]])
    formula = list_mutants()["D01"].make()
    options = {"eps": 0.0, "momentum": 0.1}
    for dtype, expected in ((np.float16, [0, 0]), (np.float32, [-1, 1])):
        with np.errstate(over="ignore"):
            y = formula.train(x.astype(dtype), None, None, None, None, **options)[0]
        np.testing.assert_array_equal(y[:, 0].astype(float), expected)


def test_workers_counts_in_bfloat16_are_rounded():
    """256 and 3 values are 259 in all, which bfloat16 rounds to 260."""
    shards = [np.ones((256, 1), ml_dtypes.bfloat16), np.ones((3, 1), ml_dtypes.bfloat16)]
    mu = list_mutants()["D04"].make().normalise_shards(shards, 1.0)[1]
    assert mu.reshape(-1)[0] == np.float32(259) / np.float32(260)


@pytest.mark.parametrize("gamma", [None, np.ones(1, np.float32)])
def test_gamma_decides_the_precision_of_the_sums(gamma):
    """Without gamma, four float16 values of 30000 sum to infinity; with gamma they do not."""
    x = np.full((4, 1), 30000.0, np.float16)
    formula = list_mutants()["D06"].make()
    with np.errstate(over="ignore", invalid="ignore"):
        y = formula.train(x, gamma, None, None, None, eps=1.0, momentum=0.1)[0]
    assert bool(np.all(np.isfinite(y))) == (gamma is not None)
