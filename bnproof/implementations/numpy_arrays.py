"""Shapes and dtypes of the NumPy reference: axes of a batch, parameters per channel, the dtype that
is computed in."""

from __future__ import annotations

import math

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half


def batch_axes(x: Array) -> tuple[int, ...]:
    """All axes but the channels'."""
    return (0, *range(2, x.ndim))


def values_per_channel(x: Array) -> int:
    """``m = N * prod(spatial)``."""
    return math.prod(x.shape[axis] for axis in batch_axes(x))


def widen(x: Array) -> Array:
    """``x`` in the dtype that is computed in: float32 for float16 and bfloat16, else its own."""
    return x.astype(np.float32) if is_half(x.dtype) else x


def expand_channels(x: Array, values: Array) -> Array:
    """``(C,)`` as ``(1, C, 1, ...)``."""
    return values.reshape(1, -1, *(1,) * (x.ndim - 2))


def expand_parameter(parameter: Array | None, x: Array, absent: int) -> Array:
    """A parameter of shape ``(C,)`` as ``(1, C, 1, ...)`` in x's dtype; ``absent`` stands for
    ``None``."""
    values = (
        np.full(x.shape[1], absent, dtype=x.dtype)
        if parameter is None
        else parameter.astype(x.dtype)
    )
    if values.shape != x.shape[1:2]:
        raise ValueError(
            f"a parameter has shape {values.shape}: give one value per channel, {x.shape[1:2]}"
        )
    return expand_channels(x, values)
