"""Models of layout bugs: which entries are read where, by arrays of distinct numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.mutants.catalogue import list_mutants
from bnproof.mutants.layout import (
    looks_channels_last,
    misread,
    read_from_start,
    read_memory_order,
    undo_misread,
)

SHAPES = st.lists(st.integers(1, 4), min_size=2, max_size=5)


@given(SHAPES, st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_memory_order_is_that_of_the_bytes(shape, random):
    """A permuted view of a contiguous array is read as that array, in the view's shape."""
    base = np.arange(np.prod(shape)).reshape(shape)
    axes = random.sample(range(len(shape)), len(shape))
    view = base.transpose(axes)
    read = read_memory_order(view)
    assert read.shape == view.shape
    assert read.reshape(-1).tolist() == list(range(base.size))


def test_what_is_contiguous_is_read_as_it_is():
    """The same object comes back, with no copy."""
    x = np.arange(6).reshape(2, 3)
    assert read_memory_order(x) is x


def test_an_offset_is_dropped_and_strides_are_kept():
    """``base[1:, 1:]`` becomes ``base[:-1, :-1]``, and every other entry begins at the first."""
    base = np.arange(12).reshape(3, 4).copy()
    np.testing.assert_array_equal(read_from_start(base[1:, 1:]), base[:-1, :-1])
    np.testing.assert_array_equal(read_from_start(base[:, 1::2]), base[:, ::2])
    np.testing.assert_array_equal(read_from_start(base[1:].T), base[:-1].T)
    assert not read_from_start(base[1:]).flags.writeable


def test_nothing_outside_of_an_array_is_read():
    """Without a base, backwards, of another dtype or of foreign memory, the view stays as it is."""
    base = np.arange(12.0).reshape(3, 4).copy()
    for x in (base, base[::-1], base.view(np.int64)[1:], np.frombuffer(bytes(16), np.float64)[1:]):
        assert read_from_start(x) is x


@given(SHAPES)
@settings(max_examples=25)
def test_a_misreading_is_undone(shape):
    """Both ways round, no entry is lost."""
    x = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(undo_misread(misread(x)), x)
    np.testing.assert_array_equal(misread(undo_misread(x)), x)
    assert misread(x).shape == x.shape


def test_channels_last_is_told_by_the_stride_of_the_channels():
    """Moved channels look like it; contiguous, sliced and two-dimensional arrays do not."""
    x = np.zeros((2, 3, 4))
    assert looks_channels_last(np.moveaxis(x, -1, 1))
    assert not looks_channels_last(x)
    assert not looks_channels_last(x[:, ::2])
    assert not looks_channels_last(np.zeros((3, 2)).T)


@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_a_constant_axis_is_right_up_to_rank_four(rank):
    """L12 finds the channels last on rank 2 to 4, and takes the wrong ones on rank 5."""
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5, 6)[5 - rank :])
    model = list_mutants()["L12"].make()
    moved = np.moveaxis(x, -1, 1)
    statistics = np.zeros(x.shape[-1]), np.ones(x.shape[-1])
    y = model.infer(x, None, None, *statistics, eps=0.0)
    np.testing.assert_array_equal(y, x)  # a map entry by entry, whatever the axis is called
    gamma = np.arange(1.0, 1 + x.shape[-1])
    right = NumpyBatchNorm().infer(moved, gamma, None, *statistics, eps=0.0)
    same = np.array_equal(
        model.infer(x, gamma, None, *statistics, eps=0.0), np.moveaxis(right, 1, -1)
    )
    assert same == (rank < 5)


def test_the_last_axis_is_normalised_instead_of_the_channels():
    """Per column the mean is 0 over samples and channels; per channel it is not."""
    x = np.arange(24.0).reshape(2, 3, 4) ** 2
    y = list_mutants()["L01"].make().train(x, None, None, None, None, eps=1.0, momentum=0.1)[0]
    shifted = x - x.mean(axis=(0, 1), keepdims=True)
    assert np.all(np.sign(y) == np.sign(shifted))
    flat = x.reshape(6, 4)
    plain = NumpyBatchNorm().train(flat, None, None, None, None, eps=1.0, momentum=0.1)[0]
    np.testing.assert_array_equal(y.reshape(6, 4), plain)
