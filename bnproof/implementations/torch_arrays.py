"""Between NumPy arrays and PyTorch tensors, and what PyTorch 2.13 does not do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half


def to_tensor(values: Array | None, *, grad: bool = False) -> Any:
    """A copy as a tensor with the same strides, or ``None`` for ``None``.

    It is a copy since PyTorch updates running statistics in place.

    Parameters
    ----------
    values
        An array; bfloat16 is a dtype of ml_dtypes.
    grad
        Whether autograd follows it.
    """
    import torch

    if values is None:
        return None
    copy = np.array(values)
    # PyTorch does not know the dtype of ml_dtypes, so the bits are handed over as integers
    if copy.dtype.name == "bfloat16":
        return torch.from_numpy(copy.view(np.int16)).view(torch.bfloat16).requires_grad_(grad)
    return torch.from_numpy(copy).requires_grad_(grad)


def to_array(values: Any) -> Array | None:
    """A tensor as an array of the same dtype, without its history; ``None`` stays."""
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
    """Refuse half-precision arrays that are not contiguous.

    PyTorch 2.13 adds the gradients of such arrays up in half precision, which no bound allows for.

    Raises
    ------
    NotImplementedError
        Where one of the arrays is half and strided.
    """
    for array in arrays:
        contiguous = (
            array.flags.c_contiguous if isinstance(array, np.ndarray) else array.is_contiguous()
        )
        if is_half(array) and not contiguous:
            raise NotImplementedError(
                "PyTorch sums the gradients of strided half-precision arrays in half precision"
            )


def refuse_half_alone(x: Any, *others: Any) -> None:
    """Refuse half precision that nothing in float32 comes with.

    Raises
    ------
    NotImplementedError
        For a half-precision x, where parameters and statistics are all absent.
    """
    if is_half(x) and all(other is None for other in others):
        raise NotImplementedError(
            "with half precision alone PyTorch keeps the batch statistics in half precision"
        )


def refuse_zero_eps(eps: float) -> None:
    """Raise ``NotImplementedError`` for eps = 0, which PyTorch refuses in training."""
    if eps == 0:
        raise NotImplementedError("PyTorch 2.10 and later refuse eps = 0 in training")


def refuse_half_saves(x: Any) -> None:
    """Refuse half precision in compiled code.

    Compiled for a processor, PyTorch keeps what its backward pass reads in half precision.

    Raises
    ------
    NotImplementedError
        For a half-precision x.
    """
    if is_half(x):
        raise NotImplementedError(
            "compiled for a processor, PyTorch keeps mu and 1/s for the backward pass in half"
        )


def differentiate(y: Any, leaves: Iterable[Any], dy: Any) -> Any:
    """The gradients of the leaves that y was computed from, zeros for what it does not depend on.

    The graph is kept, since a second backward of the same forward is allowed.
    """
    import torch

    options = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
    return torch.autograd.grad(y, list(leaves), dy, **options)


def find_refusal(error: BaseException | None) -> ValueError | None:
    """The ``ValueError`` that an error was raised from, directly or further back, if any."""
    while error is not None and not isinstance(error, ValueError):
        error = error.__cause__ or error.__context__
    return error
