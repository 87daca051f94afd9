"""Columns, one per channel, in the place of batches; and what makes a valid case.

Batch normalisation treats every channel for itself, so exact values, bounds and formulas are
written for columns: ``(N, C, *spatial)`` becomes ``(m, C)``.  Only an implementation sees the shape
of the batch.
"""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array, Case
from bnproof.formats import NAMES


class BadCase(ValueError):
    """The input is no case of batch normalisation; the message says how to mend it."""


def validate(case: Case) -> Case:
    """Return the case, once its shapes, dtypes and values make sense.

    Raises
    ------
    BadCase
        With one line that names the argument and what to give instead: for a rank, dtype or shape
        that does not fit, NaN or infinity, an empty batch, a negative eps or running variance.
    """
    if not 2 <= case.x.ndim <= 5:
        raise BadCase(f"x has shape {case.x.shape}: give (N, C) or (N, C, *spatial), rank 2 to 5")
    if not case.x.shape[1]:
        raise BadCase(f"x has shape {case.x.shape}, no channel: give at least one")
    for name in ("x", "dy", "gamma", "beta", "running_mean", "running_var"):
        array = getattr(case, name)
        expected = case.x.shape if name in ("x", "dy") else case.x.shape[1:2]
        if array is None:
            continue
        if array.dtype.name not in NAMES:
            raise BadCase(f"{name} has dtype {array.dtype}: convert it with .astype('float64')")
        if array.shape != expected:
            raise BadCase(f"{name} has shape {array.shape}: give {expected}")
        # NaN in one channel is a law of its own; a case as such is finite.
        if not np.all(np.isfinite(array)):
            raise BadCase(f"{name} holds NaN or infinity: leave such channels out")
    # After the shapes: m is only defined for a batch with channels.
    if case.m == 0:
        raise BadCase(f"x has shape {case.x.shape}, no value per channel: give at least one")
    if not (np.isfinite(case.eps) and case.eps >= 0):
        raise BadCase(f"eps is {case.eps}: give a number >= 0")
    if np.any(case.running_var < 0):
        raise BadCase("running_var is negative: give a variance >= 0")
    return case


def to_columns(x: Array) -> Array:
    """Return ``(N, C, *spatial)`` as ``(m, C)``, ``m = N * prod(spatial)``.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.laws.columns import to_columns
    >>> to_columns(np.arange(8).reshape(2, 2, 2))
    array([[0, 2],
           [1, 3],
           [4, 6],
           [5, 7]])
    """
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def has_constant_channel(x: Array) -> bool:
    """Whether some channel of x has no spread; with eps = 0 nothing is defined there."""
    return bool(np.any(np.ptp(to_columns(x).astype(float), axis=0) == 0))


def from_columns(values: Array, shape: tuple[int, ...]) -> Array:
    """Return ``(m, C)`` as ``(N, C, *spatial)``: the inverse of :func:`to_columns`.

    Parameters
    ----------
    values
        ``(m, C)``.
    shape
        The shape ``(N, C, *spatial)`` to give it.
    """
    return np.moveaxis(values.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


def locate_in_batch(at: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Turn an index into columns into one into the batch.

    Parameters
    ----------
    at
        Row and channel, ``(row, channel)``; an index with less than two parts stays as it is.
    shape
        The shape of the array that was returned; ``(C,)`` leaves the index as it is.

    Returns
    -------
    tuple of int
        The index of the same entry in ``(N, C, *spatial)``.
    """
    if len(at) < 2 or len(shape) < 2:
        return at
    batch, *spatial = np.unravel_index(at[0], (shape[0], *shape[2:]))
    return (int(batch), at[1], *map(int, spatial))
