"""However an array lies in memory, every value is read once and belongs to its own channel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.certify import compiled
from bnproof.certify.compiled import W
from bnproof.certify.lanes import Lanes

LAYOUTS = {
    "as it is": lambda x: x,
    "channels last": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1),
    "Fortran": np.asfortranarray,
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "foreign bytes": lambda x: x.astype(x.dtype.newbyteorder()),
}
DTYPES = st.sampled_from([np.float16, np.float32, np.float64])


@st.composite
def arrays(draw, least=0):
    """Whole numbers of 1 to 9, so that every sum is exact, in any shape and memory order."""
    spatial = draw(st.sampled_from([(), (3,), (31,), (32,), (5, 13), (2, 2, 2)]))
    shape = (draw(st.integers(least, 70)), draw(st.sampled_from([1, 2, 3, 63, 64, 65])), *spatial)
    x = np.arange(np.prod(shape)).reshape(shape) % 9 + 1
    return LAYOUTS[draw(st.sampled_from(list(LAYOUTS)))](x.astype(draw(DTYPES)))


@given(arrays())
def test_sums_by_lanes_are_sums_by_channel(x):
    """Every value enters the sum of its own channel, once."""
    lanes = Lanes.from_array(x)
    found = lanes.sum_channels(compiled.sum_plain, (lanes.flatten(x),), numbers=1, threefold=0)
    axes = (0, *range(2, x.ndim))
    assert np.array_equal(found[:, 0], x.astype(np.float64).sum(axis=axes))


@given(arrays())
def test_every_lane_gets_the_parameters_of_its_channel(x):
    """With each channel's own values as the centres of x and dy, nothing is left of any
    deviation."""
    channels = np.arange(1.0, x.shape[1] + 1)
    shape = (1, -1, *(1,) * (x.ndim - 2))
    values = np.broadcast_to(channels.reshape(shape), x.shape)
    lanes = Lanes.from_array(x)
    other = np.empty_like(x, dtype=np.float64)
    other[...] = values
    sums = lanes.sum_channels(
        compiled.sum_gradients,
        (lanes.flatten(other), lanes.flatten(-other)),
        lanes.order_parameters(channels, -channels),
        numbers=10,
        threefold=2,
    )
    # the sums of h, of h d, and of the magnitudes of both; then that of |g|
    assert not sums[:, :8].any()
    assert np.array_equal(sums[:, 8], channels * (x.size // x.shape[1]))


@given(arrays(least=1))
def test_what_a_kernel_writes_lands_where_it_was_read(x):
    """The flat and the shaped form of an allocation are the same entries, as those of x are."""
    lanes = Lanes.from_array(x)
    (flat, shaped), (other, _) = lanes.allocate(2)
    other[:] = 0
    flat[:] = lanes.flatten(x)
    assert shaped.shape == x.shape
    assert np.array_equal(shaped, x)
    assert not other.any()


@given(arrays(least=1), st.data())
def test_the_channels_of_a_strip_are_all_of_them(x, data):
    """Those with a lane in a marked strip, found by marking values one by one."""
    lanes = Lanes.from_array(x)
    used, owner = lanes.owners
    marked = np.zeros(lanes.strips, dtype=bool)
    marked[data.draw(st.integers(0, lanes.strips - 1))] = True
    expected = {int(c) for lane, c in zip(used, owner, strict=True) if marked[lane // W]}
    assert set(np.flatnonzero(lanes.find_channels(marked)).tolist()) == expected


@given(arrays(least=1))
def test_the_depth_covers_the_longest_lane_and_the_lanes_joined(x):
    """Counted by summing ones: the values of the fullest lane, and the lanes of a channel."""
    lanes = Lanes.from_array(x)
    counts = lanes.sum_lanes(compiled.sum_plain, (np.ones(x.size),), numbers=1)
    assert counts.sum() == x.size
    assert lanes.depth() >= counts.max() + np.bincount(lanes.owners[1]).max()


@pytest.mark.parametrize(("values", "spread"), [(31, True), (32, False)])
def test_half_a_strip_of_neighbours_is_enough_for_a_channel_of_its_own(values, spread):
    """From 32 values on a group is a channel; below, lanes belong to different ones."""
    lanes = Lanes.from_array(np.ones((2, 3, values)))
    assert lanes.spread is spread
    # 93 lanes of a row fill two strips; otherwise each of the three channels has its own
    assert lanes.strips == (2 if spread else 3)


def test_values_are_a_view_where_that_is_possible():
    """Channels second or last are read in place; half precision is widened to float32."""
    for layout in ("as it is", "channels last"):
        x = LAYOUTS[layout](np.ones((4, 3, 5)))
        assert np.shares_memory(Lanes.from_array(x).flatten(x), x)
    assert Lanes.from_array(x).flatten(x.astype(np.float16)).dtype == np.float32
