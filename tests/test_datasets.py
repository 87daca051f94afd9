"""Mini-batches: no row is lost or taken twice, and the data cannot be changed by a caller."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof import datasets
from bnproof.datasets import cut_batches, load_datasets, load_pixels


@given(st.integers(0, 30), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_batches_are_whole_and_share_no_row(rows, size, seed):
    """As many as fit, all of one size; every row is one of the data, and none occurs twice."""
    data = np.stack([np.arange(rows), -np.arange(rows)], axis=1)
    batches = cut_batches(data, size, seed)
    assert [batch.shape for batch in batches] == [(size, 2)] * (rows // size)
    taken = [tuple(row) for batch in batches for row in batch.tolist()]
    assert len(set(taken)) == len(taken)
    assert set(taken) <= {(n, -n) for n in range(rows)}


def test_the_order_is_random_and_the_seed_decides():
    """Equal seeds cut alike, other seeds otherwise, and no seed leaves the order as it is."""
    data = np.arange(40.0).reshape(20, 2)
    first, again, other = (np.concatenate(cut_batches(data, 5, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, data)


def test_a_batch_is_a_copy():
    """It can be written to, also where the data cannot, and the data stays."""
    data = np.arange(12.0).reshape(6, 2)
    data.setflags(write=False)
    for batch in cut_batches(data, 3, seed=0):
        batch[:] = -1
    assert data.ravel().tolist() == list(range(12))


def test_pixels_are_the_digits_as_they_are():
    """1,797 digits of 8 by 8 whole numbers from 0 to 16, some of them the same in every digit."""
    pixels = load_pixels()
    assert (pixels.shape, pixels.dtype.name) == ((1797, 64), "float64")
    assert np.array_equal(pixels, np.round(pixels))
    assert (pixels.min(), pixels.max()) == (0, 16)
    assert np.any(np.ptp(pixels, axis=0) == 0)


def test_what_is_shared_cannot_be_written_to(monkeypatch):
    """Pixels and activations are kept between callers; a network of any other kind would do."""
    seen = []

    def train(inputs, labels, *, width, epochs, seed):
        seen.append((inputs.max(), len(labels), width, seed))
        return np.zeros((len(inputs), width))

    monkeypatch.setattr(datasets, "train_activations", train)
    datasets.compute_activations.cache_clear()
    try:
        found = load_datasets()
        assert [values.shape for values in found.values()] == [(1797, 64), (1797, 32)]
        assert seen == [(1.0, 1797, 32, 0)]
        for values in found.values():
            with pytest.raises(ValueError, match="read-only"):
                values[0, 0] = 1
    finally:
        datasets.compute_activations.cache_clear()
