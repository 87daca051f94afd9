"""Between arrays and tensors: the same bits, copied, and what PyTorch is not asked for."""

import ml_dtypes
import numpy as np
import pytest
import torch

from bnproof.implementations.torch_arrays import (
    find_refusal,
    refuse_half_saves,
    refuse_half_sums,
    refuse_zero_eps,
    to_array,
    to_tensor,
)

DTYPES = {
    np.float16: torch.float16,
    ml_dtypes.bfloat16: torch.bfloat16,
    np.float32: torch.float32,
    np.float64: torch.float64,
}


@pytest.mark.parametrize(("dtype", "other"), DTYPES.items())
def test_values_arrive_in_the_same_format_and_come_back(dtype, other):
    """Numbers with few digits, the smallest and the largest one, infinity and -0, bit by bit."""
    info = ml_dtypes.finfo(dtype)
    numbers = [1.5, -0.0, np.inf, float(info.smallest_subnormal), float(info.max)]
    values = np.array(numbers, np.float64).astype(dtype)
    tensor = to_tensor(values)
    assert tensor.dtype == other
    assert tensor.double().tolist() == numbers
    back = to_array(tensor)
    assert back.dtype == dtype
    assert back.tobytes() == values.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16])
def test_a_tensor_is_a_copy_with_the_same_strides(dtype):
    """What PyTorch writes in place does not reach the caller; a transposed array stays
    transposed."""
    values = np.arange(6).reshape(2, 3).astype(dtype).T
    tensor = to_tensor(values)
    tensor += 1
    assert values[0, 0] == 0
    assert not tensor.is_contiguous()
    assert [step * values.itemsize for step in tensor.stride()] == list(values.strides)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("grad", [True, False])
def test_autograd_follows_where_it_is_asked_to(dtype, grad):
    """The tensor is a leaf; as an array it has no history."""
    tensor = to_tensor(np.ones(2, dtype), grad=grad)
    assert (tensor.requires_grad, tensor.is_leaf) == (grad, True)
    assert to_array(tensor * 2).astype(float).tolist() == [2.0, 2.0]


def test_nothing_stays_nothing():
    """An absent parameter is ``None`` on both sides."""
    assert to_tensor(None) is to_tensor(None, grad=True) is to_array(None) is None


def test_strided_half_precision_is_refused_on_both_sides():
    """One such array among others is enough; contiguous ones and wider floats pass."""
    half, wide = np.ones((2, 3), np.float16), np.ones((2, 3), np.float32)
    refuse_half_sums(half, wide, wide.T, to_tensor(half), to_tensor(wide).T)
    for strided in (half.T, half.astype(ml_dtypes.bfloat16).T, to_tensor(half).T):
        with pytest.raises(NotImplementedError, match="strided half-precision"):
            refuse_half_sums(wide, strided)


def test_half_precision_is_refused_in_compiled_code_alone():
    """Arrays and tensors; eps = 0 is refused, the smallest float is not."""
    refuse_half_saves(np.ones(2, np.float32))
    for half in (np.ones(2, np.float16), torch.ones(2, dtype=torch.bfloat16)):
        with pytest.raises(NotImplementedError, match="compiled for a processor"):
            refuse_half_saves(half)
    refuse_zero_eps(5e-324)
    for zero in (0.0, -0.0, 0):
        with pytest.raises(NotImplementedError, match="refuse eps = 0"):
            refuse_zero_eps(zero)


def test_the_refusal_behind_an_error_is_found():
    """The error itself, its cause, or what was being handled, at any depth; otherwise nothing."""
    refusal = ValueError("refused")

    def raised(cause=None, context=None):
        error = RuntimeError("wrapped")
        error.__cause__, error.__context__ = cause, context
        return error

    assert find_refusal(refusal) is refusal
    assert find_refusal(raised(raised(context=refusal))) is refusal
    assert find_refusal(raised(refusal, ValueError("handled"))) is refusal
    assert find_refusal(raised(KeyError())) is find_refusal(None) is None
