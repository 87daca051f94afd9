"""Arrays of other libraries: same values, same dtype, or one sentence."""

import ml_dtypes
import numpy as np
import pytest
import torch

from bnproof.arrays.libraries import UnreadableArray, move_channels, read_array, read_channels


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_tensor_is_read_with_its_values_and_dtype(dtype):
    """Also one that wants a gradient, and a view."""
    tensor = torch.randn(4, 6).to(dtype).requires_grad_()[:, ::2]
    array = read_array(tensor, "x")
    assert array.dtype.name == str(dtype).removeprefix("torch.")
    assert np.array_equal(array.astype(float), tensor.detach().double().numpy())


def test_what_has_only_dlpack_is_read():
    """As the array API has it."""

    class Foreign:
        """An array with nothing but the protocol."""

        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **asked):
            return self.array.__dlpack__(**asked)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert np.array_equal(read_array(Foreign(values), "x"), values)


def test_bfloat16_is_read_through_float32():
    """Where a library gives no bfloat16 of NumPy's."""

    class Foreign:
        """Like Paddle's, whose NumPy form is integers."""

        dtype = "paddle.bfloat16"

        def __init__(self, array):
            self.array = array

        def numpy(self):
            return self.array.view(np.uint16)

        def astype(self, name):
            return self.array.astype(name)

    values = np.array([1.0, -2.5, 3.140625], dtype=ml_dtypes.bfloat16)
    array = read_array(Foreign(values), "x")
    assert array.dtype == ml_dtypes.bfloat16
    assert np.array_equal(array, values)


def test_another_byte_order_has_the_same_values():
    """Kernels read the machine's own."""
    values = np.array([1.0, 2.0], dtype=">f4")
    array = read_array(values, "x")
    assert array.dtype.isnative
    assert array.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([1.0], "is a list, which has no dtype"),
        (1.0, "is a float"),
        (None, "is a NoneType"),
        (np.ones(2, int), "has dtype int64"),
        (np.ma.masked_array([1.0, 2.0], [0, 1]), "is a masked array"),
        (object(), "is a object, which cannot be read"),
    ],
)
def test_what_is_no_array_is_refused_by_name(value, words):
    """In one line."""
    with pytest.raises(UnreadableArray, match=f"^gamma {words}"):
        read_array(value, "gamma")


def test_one_number_per_channel_in_any_shape():
    """(C,), (1, C) and (1, C, 1, 1) are the same; two long axes are something else."""
    values = np.arange(3.0)
    for shape in ((3,), (1, 3), (1, 3, 1, 1)):
        assert read_channels(values.reshape(shape), "beta", 3).tolist() == [0, 1, 2]
    assert read_channels(None, "beta", 3) is None
    for wrong in (np.ones((2, 2)), np.ones(3)):
        with pytest.raises(ValueError, match=r"beta has shape .* one entry per channel, \(4,\)"):
            read_channels(wrong, "beta", 4)


def test_channels_move_to_axis_1():
    """From the last axis; an axis that is not there and a vector are refused."""
    x = np.arange(24.0).reshape(2, 3, 4)
    assert move_channels(x, -1, "x").shape == (2, 4, 3)
    with pytest.raises(ValueError, match="channel_axis is 3"):
        move_channels(x, 3, "x")
    with pytest.raises(ValueError, match="rank 2 to 5"):
        move_channels(x[0, 0], 0, "x")
