"""Between NumPy arrays and PyTorch tensors, and what PyTorch 2.13 does not do."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half


def to_tensor(values: Array | None, *, grad: bool = False) -> Any:
    """A copy as a tensor (PyTorch updates running statistics in place), or ``None``; strides are
    kept."""
    import torch

    if values is None:
        return None
    copy = np.array(values)
    # a dtype of ml_dtypes, which PyTorch does not know by that name
    if copy.dtype.name == "bfloat16":
        return torch.from_numpy(copy.view(np.int16)).view(torch.bfloat16).requires_grad_(grad)
    return torch.from_numpy(copy).requires_grad_(grad)


def to_array(values: Any) -> Array | None:
    """A tensor as an array, without its history; ``None`` stays."""
    import torch

    if values is None:
        return None
    plain = values.detach()
    if plain.dtype != torch.bfloat16:
        result: Array = plain.numpy()
        return result
    import ml_dtypes

    return np.asarray(plain.view(torch.int16).numpy().view(ml_dtypes.bfloat16))


def refuse_half_sums(*arrays: Any) -> None:
    """Raise ``NotImplementedError`` where PyTorch 2.13 adds gradients up in half precision: half
    arrays with other strides."""
    for array in arrays:
        contiguous = (
            array.flags.c_contiguous if isinstance(array, np.ndarray) else array.is_contiguous()
        )
        if is_half(array) and not contiguous:
            raise NotImplementedError(
                "PyTorch sums the gradients of strided half-precision arrays in half precision"
            )


def refuse_zero_eps(eps: float) -> None:
    """Raise ``NotImplementedError`` for the eps that PyTorch refuses in training."""
    if eps == 0:
        raise NotImplementedError("PyTorch 2.10 and later refuse eps = 0 in training")


def refuse_half_saves(x: Any) -> None:
    """Raise ``NotImplementedError`` where compiled code keeps what its backward pass reads in half
    precision."""
    if is_half(x):
        raise NotImplementedError(
            "compiled for a processor, PyTorch keeps mu and 1/s for the backward pass in half"
        )


def find_refusal(error: BaseException | None) -> ValueError | None:
    """The ``ValueError`` that led to an error, if one did."""
    while error is not None and not isinstance(error, ValueError):
        error = error.__cause__ or error.__context__
    return error
