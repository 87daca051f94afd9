"""How an array of shape ``(N, C, *spatial)`` lies in memory, and which channel each lane of a
kernel belongs to.

Kernels read ``(outer, groups, size)`` in memory order, ``W`` lanes at a time.  With
``S = prod(spatial)`` values in a row, one channel after the other, there are two ways:

- ``S >= W/2``: ``(N, C, S)``, a group is a channel;
- otherwise rows of ``fold C S`` values, every lane with a channel of its own (``spread``); ``fold``
  samples are laid side by side so that a row fills the lanes also where C is small.

Channels-last memory is the second with ``S = 1``.  Any other strides are copied once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from bnproof.certify import compiled
from bnproof.certify.compiled import W

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Lanes:
    """The memory of an array; every array laid out alike has the same positions."""

    shape: tuple[int, ...]
    last: bool  # whether channels lie last in memory
    samples: int
    channels: int
    values: int  # S: neighbours of one channel

    @classmethod
    def from_array(cls, x: Array) -> Lanes:
        """The layout for ``x``: its own where channels come second or last in memory, else the
        first of these."""
        channels, spatial = x.shape[1], int(np.prod(x.shape[2:], dtype=int))
        last = not x.flags.c_contiguous and np.moveaxis(x, 1, -1).flags.c_contiguous
        if channels == 1:
            return cls(x.shape, last, 1, 1, x.size)
        return cls(
            x.shape, last, x.shape[0] * (spatial if last else 1), channels, 1 if last else spatial
        )

    def flatten(self, x: Array) -> Array:
        """The values in memory order, one-dimensional, in native byte order; half precisions as
        float32 (exact)."""
        native = x.astype(np.float64 if x.dtype.name == "float64" else np.float32, copy=False)
        return np.ascontiguousarray(np.moveaxis(native, 1, -1) if self.last else native).reshape(-1)

    def allocate(self, count: int) -> list[tuple[Array, Array]]:
        """``count`` float64 arrays in this memory order, each flat and under the array's own shape;
        one allocation."""
        order = (self.shape[0], *self.shape[2:], self.channels) if self.last else self.shape
        made = np.empty((count, *order))
        return [
            (flat.reshape(-1), np.moveaxis(flat, -1, 1) if self.last else flat) for flat in made
        ]

    @property
    def spread(self) -> bool:
        """Whether neighbouring lanes belong to different channels."""
        return self.values < W // 2

    @cached_property
    def passes(self) -> list[tuple[int, int, int, int]]:
        """``(start, outer, groups, size)`` of each kernel call that together read everything
        once."""
        if not self.spread:
            return [(0, self.samples, self.channels, self.values)]
        row = self.channels * self.values
        fold = min(max(1, W // row), max(1, self.samples)) if row else 1
        rows, rest = divmod(self.samples, fold)
        whole = [(0, rows, 1, fold * row)] if rows else []
        return whole + ([(rows * fold * row, 1, 1, rest * row)] if rest else [])

    @property
    def strips(self) -> int:
        """How many groups of ``W`` lanes have sums of their own."""
        longest = max((size for *_, size in self.passes), default=0)
        return -(-longest // W) if self.spread else self.channels

    @cached_property
    def owners(self) -> tuple[Array, Array]:
        """Every lane in use, and its channel."""
        if self.spread:
            lanes = np.arange(max((size for *_, size in self.passes), default=0))
            return lanes, (lanes // self.values) % self.channels
        used = np.arange(min(W, self.values))
        lanes = (np.arange(self.channels)[:, None] * W + used).reshape(-1)
        return lanes, np.repeat(np.arange(self.channels), len(used))

    def order_parameters(self, *columns: Array) -> Array:
        """Per-channel parameters in the order kernels read them: lane by lane where neighbours
        differ, else by group."""
        table = np.stack([np.broadcast_to(column, (self.channels,)) for column in columns]).astype(
            np.float64
        )
        if not self.spread:
            return np.ascontiguousarray(table.T).reshape(-1)
        lanes, channel = self.owners
        padded = np.zeros((len(columns), self.strips * W))
        padded[:, lanes] = table[:, channel]
        return np.ascontiguousarray(padded.reshape(len(columns), -1, W).swapaxes(0, 1)).reshape(-1)

    def sum_channels(
        self,
        kernel: Callable[..., None],
        arrays: tuple[Array, ...],
        *parameters: Any,
        numbers: int,
        threefold: int,
    ) -> Array:
        """Run a summing kernel and join its lanes: ``(channels, numbers)``, the first
        ``3 threefold`` of them three-fold sums."""
        return self.join_lanes(
            self.sum_lanes(kernel, arrays, *parameters, numbers=numbers), numbers, threefold
        )

    def sum_lanes(
        self, kernel: Callable[..., None], arrays: tuple[Array, ...], *parameters: Any, numbers: int
    ) -> Array:
        """Run a summing kernel; the sums of every lane."""
        lanes = np.zeros(self.strips * numbers * W)
        for part in self.passes:
            kernel(*arrays, *part, self.spread, *parameters, lanes)
        return lanes

    def join_lanes(self, lanes: Array, numbers: int, threefold: int = 0) -> Array:
        """The lanes' sums by channel."""
        result = np.zeros((self.channels, numbers))
        compiled.join_lanes(lanes, *self.owners, threefold, result)
        return result

    def find_channels(self, strips: Array) -> Array:
        """The channels with a lane in one of the marked strips (or, channel by channel, the marked
        ones)."""
        lanes, channel = self.owners
        result = np.zeros(self.channels, dtype=bool)
        np.logical_or.at(result, channel, strips[lanes // W])
        return result

    def depth(self) -> int:
        """The most values that one lane adds up, and the lanes joined after it."""
        if not self.spread:
            return self.samples * -(-self.values // W) + W
        return sum(outer for _, outer, *_ in self.passes) + len(self.owners[0]) // max(
            1, self.channels
        )
