"""From ``(N, C, *spatial)`` to one column per channel, ``(m, C)``, and back."""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array, Case
from bnproof.formats import NAMES


class BadCase(ValueError):
    """The input is no case of batch normalisation; the message names the mend."""


def validate(case: Case) -> Case:
    """The case, once its shapes, dtypes and values make sense; raises ``BadCase`` with one line
    otherwise."""
    if not 2 <= case.x.ndim <= 5:
        raise BadCase(f"x has shape {case.x.shape}: give (N, C) or (N, C, *spatial), rank 2 to 5")
    for name in ("x", "dy", "gamma", "beta", "running_mean", "running_var"):
        array = getattr(case, name)
        expected = case.x.shape if name in ("x", "dy") else case.x.shape[1:2]
        if array is None:
            continue
        if array.dtype.name not in NAMES:
            raise BadCase(f"{name} has dtype {array.dtype}: convert it with .astype('float64')")
        if array.shape != expected:
            raise BadCase(f"{name} has shape {array.shape}: give {expected}")
        if not np.all(np.isfinite(array)):
            raise BadCase(f"{name} holds NaN or infinity: leave such channels out")
    if case.m == 0:
        raise BadCase(f"x has shape {case.x.shape}, no value per channel: give at least one")
    if not (np.isfinite(case.eps) and case.eps >= 0):
        raise BadCase(f"eps is {case.eps}: give a number >= 0")
    if np.any(case.running_var < 0):
        raise BadCase("running_var is negative: give a variance >= 0")
    return case


def to_columns(x: Array) -> Array:
    """``(N, C, *spatial)`` as ``(m, C)``, ``m = N * prod(spatial)``."""
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def from_columns(values: Array, shape: tuple[int, ...]) -> Array:
    """``(m, C)`` as ``(N, C, *spatial)`` of the given shape: the inverse of ``columns``."""
    return np.moveaxis(values.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


def locate_in_batch(at: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index into ``(N, C, *spatial)`` of row and channel ``at`` of its columns; ``(C,)``
    quantities as they are."""
    if len(at) < 2 or len(shape) < 2:
        return at
    batch, *spatial = np.unravel_index(at[0], (shape[0], *shape[2:]))
    return (int(batch), at[1], *map(int, spatial))
