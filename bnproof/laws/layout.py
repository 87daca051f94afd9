"""From ``(N, C, *spatial)`` to one column per channel, ``(m, C)``, and back."""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array


def columns(x: Array) -> Array:
    """``(N, C, *spatial)`` as ``(m, C)``, ``m = N * prod(spatial)``."""
    return np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])


def position(at: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index into ``(N, C, *spatial)`` of row and channel ``at`` of its columns; ``(C,)`` quantities as they are."""
    if len(at) < 2 or len(shape) < 2:
        return at
    batch, *spatial = np.unravel_index(at[0], (shape[0], *shape[2:]))
    return (int(batch), at[1], *map(int, spatial))
