"""Models of synchronised batch norms: what each exchanges, on two workers of unequal size."""

import numpy as np
import pytest

from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.mutants.catalogue import list_mutants

# one channel: worker 0 has mean 2 and variance 1, worker 1 has mean 8 and variance 0
SHARDS = [np.array([[1.0], [3.0]]), np.full((6, 1), 8.0)]
OPTIONS = {"eps": 0.0, "momentum": 0.5}


def model(name):
    """A new instance of a mutant."""
    return list_mutants()[name].make()


def test_means_of_means_ignore_the_counts():
    """mu = 5 and v = (1 + 9 + 0 + 9)/2, where the whole batch has 6.5 and 7; empty workers count
    not at all."""
    mu, v = model("S01").merge_moments([model("S01").moments(x) for x in SHARDS])
    assert (mu[0], v[0]) == (5, 9.5)
    mu, v = NumpyBatchNorm().merge_moments([NumpyBatchNorm().moments(x) for x in SHARDS])
    assert (mu[0], v[0]) == (6.5, 7)
    empty = [*SHARDS, np.empty((0, 1))]
    mu, _ = model("S01").merge_moments([model("S01").moments(x) for x in empty])
    assert mu[0] == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_gradients_are_as_many_times_too_large_as_there_are_workers(workers):
    """gamma's and beta's are, dx is not; one worker shows nothing."""
    shards = SHARDS[:workers]
    arguments = [np.ones_like(x) for x in shards], shards, np.ones(1), np.ones(1)
    dxs, dgamma, dbeta = model("S04").train_shards_vjp(*arguments, eps=1.0)
    right = NumpyBatchNorm().train_shards_vjp(*arguments, eps=1.0)
    np.testing.assert_array_equal(dgamma, workers * right[1])
    np.testing.assert_array_equal(dbeta, [workers * sum(len(x) for x in shards)])
    for dx, other in zip(dxs, right[0], strict=True):
        np.testing.assert_array_equal(dx, other)


def test_an_empty_worker_reaches_every_other():
    """Its NaN has weight 0, and ``0 * NaN`` is NaN; without it the answer is right."""
    empty = [*SHARDS, np.empty((0, 1))]
    ys, *_ = model("S05").train_shards(empty, None, None, None, None, **OPTIONS)
    assert all(np.all(np.isnan(y)) for y in ys[:2])
    ys, *_ = model("S05").train_shards(SHARDS, None, None, None, None, **OPTIONS)
    assert all(np.all(np.isfinite(y)) for y in ys)


def test_the_variance_comes_back_as_it_was():
    """The mean moves half way from 0 to 6.5, the variance stays 4."""
    old = np.array([4.0])
    _, mean, var = model("S08").train_shards(SHARDS, None, None, np.zeros(1), old, **OPTIONS)
    assert mean[0] == 3.25
    assert var is old


def test_the_first_worker_that_holds_something_is_kept():
    """Statistics follow mean 2 and ``2/(2 - 1) * 1`` of worker 0, also behind an empty one."""
    for shards in (SHARDS, [np.empty((0, 1)), *SHARDS]):
        _, mean, var = model("S09").train_shards(
            shards, None, None, np.zeros(1), np.zeros(1), **OPTIONS
        )
        assert (mean[0], var[0]) == (1, 1)
    ys, *_ = model("S09").train_shards(SHARDS, None, None, None, None, **OPTIONS)
    right, *_ = NumpyBatchNorm().train_shards(SHARDS, None, None, None, None, **OPTIONS)
    np.testing.assert_array_equal(ys[0], right[0])
