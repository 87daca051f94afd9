"""Axes, broadcasting and the dtype that is computed in."""

import ml_dtypes
import numpy as np
import pytest

from bnproof.implementations.numpy_arrays import (
    batch_axes,
    expand_channels,
    expand_parameter,
    values_per_channel,
    widen,
)


@pytest.mark.parametrize(
    ("shape", "axes", "m"),
    [
        ((5, 3), (0,), 5),
        ((5, 3, 2), (0, 2), 10),
        ((5, 3, 2, 7), (0, 2, 3), 70),
        ((2, 3, 2, 1, 4), (0, 2, 3, 4), 16),
        ((0, 3, 2), (0, 2), 0),
    ],
    ids=str,
)
def test_all_axes_but_the_channels_are_the_batch(shape, axes, m):
    """Axis 1 is left out, and m is the product of the others."""
    x = np.zeros(shape)
    assert (batch_axes(x), values_per_channel(x)) == (axes, m)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
def test_half_precision_alone_is_widened(dtype):
    """16 bits become float32; wider floats are the same array, not a copy."""
    x = np.ones(2, dtype)
    wide = widen(x)
    assert wide.dtype == (np.float32 if x.itemsize == 2 else dtype)
    assert (wide is x) == (x.itemsize > 2)


@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_values_of_a_channel_reach_that_channel(rank):
    """Broadcast along every rank, entry c is added to channel c alone."""
    x = np.zeros((3, 3, *(3,) * (rank - 2)))
    moved = x + expand_channels(x, np.array([1.0, 2.0, 3.0]))
    for channel in range(3):
        assert np.unique(moved[:, channel]).tolist() == [channel + 1.0]


@pytest.mark.parametrize("absent", [0, 1])
def test_an_absent_parameter_is_what_stands_for_it(absent):
    """One value per channel in x's dtype; a given one is brought to that dtype."""
    x = np.zeros((2, 3, 4), np.float32)
    for parameter, expected in ((None, [absent] * 3), (np.array([0.5, 2, 3]), [0.5, 2, 3])):
        values = expand_parameter(parameter, x, absent)
        assert (values.shape, values.dtype) == ((1, 3, 1), np.float32)
        assert values.ravel().tolist() == expected


@pytest.mark.parametrize("shape", [(1,), (4,), (1, 3), ()], ids=str)
def test_another_shape_is_refused_where_numpy_would_broadcast(shape):
    """The message names the shape that is wanted, in one line."""
    with pytest.raises(ValueError, match=r"one value per channel, \(3,\)") as refused:
        expand_parameter(np.ones(shape), np.zeros((2, 3)), 1)
    assert "\n" not in str(refused.value)
