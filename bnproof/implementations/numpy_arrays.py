"""What the NumPy reference knows of shapes and dtypes.

These are the axes of a batch, parameters that are broadcast along them, and the dtype that is
computed in.
"""

from __future__ import annotations

import math

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half


def batch_axes(x: Array) -> tuple[int, ...]:
    """All axes but the channels' axis 1: those that are normalised over.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.implementations.numpy_arrays import batch_axes, values_per_channel
    >>> x = np.zeros((8, 3, 4, 4))
    >>> batch_axes(x), values_per_channel(x)
    ((0, 2, 3), 128)
    """
    return (0, *range(2, x.ndim))


def values_per_channel(x: Array) -> int:
    """``m = N * prod(spatial)``, the number of values that are normalised together."""
    return math.prod(x.shape[axis] for axis in batch_axes(x))


def widen(x: Array) -> Array:
    """``x`` in the dtype that is computed in: float32 for half precision, else its own."""
    return x.astype(np.float32) if is_half(x.dtype) else x


def expand_channels(x: Array, values: Array) -> Array:
    """``(C,)`` as ``(1, C, 1, ...)``, which NumPy broadcasts along the batch axes of x."""
    return values.reshape(1, -1, *(1,) * (x.ndim - 2))


def expand_parameter(parameter: Array | None, x: Array, absent: int) -> Array:
    """A parameter of shape ``(C,)`` as ``(1, C, 1, ...)`` in x's dtype.

    Parameters
    ----------
    parameter
        One value per channel, or ``None``.
    x
        The array it is broadcast along.
    absent
        The value that stands for ``None``: 1 for a scale, 0 for a shift.

    Raises
    ------
    ValueError
        For another shape.  NumPy would broadcast a parameter of one value in silence.
    """
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
