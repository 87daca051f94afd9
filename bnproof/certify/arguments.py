"""What may be handed to certify, checked in one place: every mistake is one sentence that names the mend."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.certify.enclosure import Array
from bnproof.certify.formats import Format


def checked(x: Array, *, dy: Array | None = None, **per_channel: Array | None) -> None:
    """Raise ``ValueError`` for a shape and ``TypeError`` for a dtype that batch normalisation does not have."""
    if not 2 <= x.ndim <= 5 or x.shape[1] == 0:
        raise ValueError(f"x has shape {x.shape}: give (N, C) or (N, C, *spatial), rank 2 to 5, C >= 1")
    for name, array in (("x", x), ("dy", dy), *per_channel.items()):
        if array is None:
            continue
        expected = x.shape if name in ("x", "dy") else x.shape[1:2]
        if array.shape != expected:
            raise ValueError(f"{name} has shape {array.shape}: give {expected}")
        Format.of(array.dtype)


def at_least_one(x: Array) -> None:
    """Raise ``ValueError`` where a channel has no value."""
    if x.size == 0:
        raise ValueError(f"x has shape {x.shape}, no value per channel: give at least one")


def non_negative(eps: float) -> float:
    """``eps`` as a float; raises ``ValueError`` unless it is a finite number >= 0."""
    if not (np.isfinite(eps) and eps >= 0):
        raise ValueError(f"eps is {eps}: give a number >= 0")
    return float(eps)


def parameter(value: Any, channels: int, absent: float) -> Array:
    """A parameter as float64 (exact), ``absent`` in place of ``None``."""
    return np.full(channels, absent) if value is None else np.asarray(value).astype(np.float64)
