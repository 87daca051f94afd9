"""Synchronised workers, exactly: what they compute together is what one machine computes."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.implementations.numpy_shards import Shards
from tests.implementations.hyperdual import square_eps

SHARDS = Shards()
few = settings(max_examples=25)
# 8 values in parts of 1, 2 or 4, in any order: every mean and every weight is an exact float
PARTS = st.sampled_from([(8,), (4, 4), (4, 2, 2), (4, 2, 1, 1), (2, 2, 2, 2), (1,) * 8]).flatmap(
    st.permutations
)
EIGHT = st.lists(st.integers(-8, 8), min_size=8, max_size=8).map(
    lambda values: np.array(values, float).reshape(8, 1)
)


def cut(x, parts):
    """x in parts, and a worker that holds nothing."""
    return [*np.split(x, np.cumsum(parts)[:-1]), x[:0]]


def moments(x):
    """Mean and biased variance in fractions."""
    values = [Fraction(value) for value in x.ravel().tolist()]
    mean = sum(values) / len(values)
    return mean, sum((value - mean) ** 2 for value in values) / len(values)


@few
@given(EIGHT, PARTS)
def test_merged_moments_are_those_of_the_whole(x, parts):
    """However the batch is cut, mean and variance are exactly those in fractions."""
    mu, v = SHARDS.merge_moments([SHARDS.moments(part) for part in cut(x, parts)])
    assert (mu.shape, v.shape) == ((1,), (1,))
    assert (Fraction(mu.item()), Fraction(v.item())) == moments(x)


def test_the_variance_between_workers_counts():
    """Two workers with constant values 0 and 4 have no variance each, and 4 together; three values
    weigh three times one."""
    still = np.zeros(1)
    parts = [(1, np.array([0.0]), still), (3, np.array([4.0]), still)]
    assert [values.tolist() for values in SHARDS.merge_moments(parts)] == [[3.0], [3.0]]


@few
@given(EIGHT, EIGHT, PARTS)
def test_a_cut_batch_trains_as_the_whole_one(x, dy, parts):
    """Outputs, running statistics and gradients of all workers, put together, are those of one
    machine."""
    gamma, beta = np.array([1.5]), np.array([-0.25])
    statistics = np.array([2.0]), np.array([4.0])
    eps = square_eps(x.ravel().tolist())
    whole = SHARDS.train(x, gamma, beta, *statistics, eps=eps, momentum=0.5)
    ys, *moved = SHARDS.train_shards(cut(x, parts), gamma, beta, *statistics, eps=eps, momentum=0.5)
    for one, other in zip(whole, (np.concatenate(ys), *moved), strict=True):
        assert np.array_equal(one, other)
    whole = SHARDS.train_vjp(dy, x, gamma, beta, eps=eps)
    dxs, *slopes = SHARDS.train_shards_vjp(cut(dy, parts), cut(x, parts), gamma, beta, eps=eps)
    for one, other in zip(whole, (np.concatenate(dxs), *slopes), strict=True):
        assert np.array_equal(one, other)


def test_an_idle_worker_has_moments_of_no_weight():
    """No value: number 0, zeros of the dtype that is computed in, one per channel."""
    n, mu, v = SHARDS.moments(np.ones((0, 3, 2), np.float16))
    assert n == 0
    assert (mu.tolist(), v.tolist(), mu.dtype) == ([0.0] * 3, [0.0] * 3, np.float32)


@pytest.mark.parametrize("sizes", [(1, 0), (0, 0)])
def test_fewer_than_two_values_in_all_are_refused(sizes):
    """One value on one worker has no variance, and neither has none; the number is told."""
    shards = [np.ones((size, 2)) for size in sizes]
    with pytest.raises(ValueError, match=f"all workers together hold {sum(sizes)}"):
        SHARDS.train_shards(shards, None, None, None, None, eps=1.0, momentum=0.5)


def test_one_value_each_is_enough_together():
    """Workers with 0 and 2: mean 1, s = 2 with eps = 3; absent parameters and statistics stay
    ``None``."""
    shards, dys = [np.array([[0.0]]), np.array([[2.0]])], [np.array([[1.0]]), np.array([[5.0]])]
    ys, mean, var = SHARDS.train_shards(shards, None, None, None, None, eps=3.0, momentum=0.5)
    assert (ys[0].item(), ys[1].item(), mean, var) == (-0.5, 0.5, None, None)
    # c = mean g xhat = 1, so that dx is (g - 3 -+ xhat)/2
    dxs, dgamma, dbeta = SHARDS.train_shards_vjp(dys, shards, None, None, eps=3.0)
    assert (dxs[0].item(), dxs[1].item(), dgamma, dbeta) == (-0.75, 0.75, None, None)
