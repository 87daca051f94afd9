"""How an array of shape ``(N, C, *spatial)`` lies in memory, and which channel a kernel's lane is
of.

Kernels read ``(outer, groups, size)`` in memory order, ``W`` lanes at a time. With
``S = prod(spatial)`` values in a row, one channel after the other, there are two ways:

- ``S >= W/2``: the array is read as ``(N, C, S)``, and a group is a channel. All lanes belong to
  it, and their sums are joined at the end.
- otherwise rows of ``fold C S`` values are read, and every lane has a channel of its own
  (``spread``). ``fold`` samples are laid side by side, so that a row fills the lanes also where C
  is small.

Channels-last memory is the second way with ``S = 1``. Any other strides are copied once. Reading in
memory order matters because a kernel is limited by memory: a strided pass over a large array would
read every cache line many times.

Start reading at :attr:`Lanes.passes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bnproof.certify import compiled
from bnproof.certify.compiled import W
from bnproof.certify.enclosure import Array


@dataclass(frozen=True)
class Lanes:
    """The memory layout of an array; arrays of one shape that are laid out alike share it.

    Attributes
    ----------
    shape
        The array's shape, ``(N, C, *spatial)``.
    last
        Whether channels lie last in memory.
    samples
        The length of the outermost loop: N, or ``N prod(spatial)`` where channels lie last.
    channels
        C.
    values
        ``S``: how many neighbours of one channel follow each other.
    """

    shape: tuple[int, ...]
    # Both orders have the same shape: only strides tell them apart.
    last: bool
    samples: int
    channels: int
    # With one channel everything is a neighbour, and ``values`` is the size of the array.
    values: int

    @classmethod
    def from_array(cls, x: Array) -> Lanes:
        """The layout for ``x``.

        It is x's own where channels come second or last in memory; otherwise it is the former, and
        :meth:`flatten` copies.
        """
        # The empty product of rank 2 is 1, and an integer: NumPy's own would be a float.
        channels, spatial = x.shape[1], int(np.prod(x.shape[2:], dtype=int))
        # An array may be both, with one channel or one value per channel; then channels come
        # second.
        last = not x.flags.c_contiguous and np.moveaxis(x, 1, -1).flags.c_contiguous
        if channels == 1:
            return cls(x.shape, last, 1, 1, x.size)
        return cls(
            x.shape, last, x.shape[0] * (spatial if last else 1), channels, 1 if last else spatial
        )

    def flatten(self, x: Array) -> Array:
        """The values in memory order, one-dimensional and in native byte order.

        A view where that is possible. Half precisions become float32, which is exact; kernels then
        convert each value to float64.
        """
        # Also swaps bytes where they are in the other order; without need it copies nothing.
        native = x.astype(np.float64 if x.dtype.name == "float64" else np.float32, copy=False)
        return np.ascontiguousarray(np.moveaxis(native, 1, -1) if self.last else native).reshape(-1)

    def allocate(self, count: int) -> list[tuple[Array, Array]]:
        """``count`` float64 arrays in this memory order, each flat and under the array's own shape.

        They share one allocation, and the two forms of an array share their memory: kernels write
        the flat one, callers see the other.
        """
        order = (self.shape[0], *self.shape[2:], self.channels) if self.last else self.shape
        # Not initialised: kernels write every entry, those of undefined channels included.
        made = np.empty((count, *order))
        return [
            (flat.reshape(-1), np.moveaxis(flat, -1, 1) if self.last else flat) for flat in made
        ]

    @property
    def spread(self) -> bool:
        """Whether neighbouring lanes belong to different channels."""
        # With fewer values in a row more than half of the lanes would be idle.
        return self.values < W // 2

    @cached_property
    def passes(self) -> list[tuple[int, int, int, int]]:
        """``(start, outer, groups, size)`` of the kernel calls that together read everything once.

        One call where a group is a channel. Where lanes are spread, a second call takes the samples
        that do not fill a row of ``fold`` samples.
        """
        if not self.spread:
            return [(0, self.samples, self.channels, self.values)]
        row = self.channels * self.values
        # At least one sample, and no more than there are; an empty row or an empty batch has one.
        fold = min(max(1, W // row), max(1, self.samples)) if row else 1
        rows, rest = divmod(self.samples, fold)
        whole = [(0, rows, 1, fold * row)] if rows else []
        return whole + ([(rows * fold * row, 1, 1, rest * row)] if rest else [])

    @property
    def strips(self) -> int:
        """How many groups of ``W`` lanes have sums of their own."""
        # No pass at all for an empty batch.
        longest = max((size for *_, size in self.passes), default=0)
        return -(-longest // W) if self.spread else self.channels

    @cached_property
    def owners(self) -> tuple[Array, Array]:
        """The numbers of the lanes in use, and the channel of each."""
        if self.spread:
            lanes = np.arange(max((size for *_, size in self.passes), default=0))
            return lanes, (lanes // self.values) % self.channels
        used = np.arange(min(W, self.values))
        lanes = (np.arange(self.channels)[:, None] * W + used).reshape(-1)
        return lanes, np.repeat(np.arange(self.channels), len(used))

    def order_parameters(self, *columns: Array) -> Array:
        """Parameters in the order in which kernels read them, one-dimensional.

        Parameters
        ----------
        *columns
            One array ``(C,)`` for each parameter, or a number.

        Returns
        -------
        array
            Float64, by group; or, where lanes are spread, by strip, then parameter, then lane.
            Lanes that are not in use have zeros.
        """
        table = np.stack([np.broadcast_to(column, (self.channels,)) for column in columns]).astype(
            np.float64
        )
        if not self.spread:
            return np.ascontiguousarray(table.T).reshape(-1)
        lanes, channel = self.owners
        # The last strip may be wider than the row: zeros keep its idle lanes harmless.
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
        """Run a summing kernel and join its lanes.

        Parameters
        ----------
        kernel
            One of the ``sum_*`` functions of :mod:`bnproof.certify.compiled`.
        arrays
            What it reads, each flattened by :meth:`flatten`.
        *parameters
            What it takes besides, ordered by :meth:`order_parameters`.
        numbers
            How many sums it keeps in a lane.
        threefold
            How many of them, from the first on, come in three levels each.

        Returns
        -------
        array
            ``(channels, numbers)``.
        """
        return self.join_lanes(
            self.sum_lanes(kernel, arrays, *parameters, numbers=numbers), numbers, threefold
        )

    def sum_lanes(
        self, kernel: Callable[..., None], arrays: tuple[Array, ...], *parameters: Any, numbers: int
    ) -> Array:
        """Run a summing kernel; the sums of every lane, one-dimensional."""
        # Kernels add to what is there, so that a second pass goes on with the sums of the first.
        lanes = np.zeros(self.strips * numbers * W)
        for part in self.passes:
            kernel(*arrays, *part, self.spread, *parameters, lanes)
        return lanes

    def join_lanes(self, lanes: Array, numbers: int, threefold: int = 0) -> Array:
        """The lanes' sums by channel, ``(channels, numbers)``."""
        result = np.zeros((self.channels, numbers))
        compiled.join_lanes(lanes, *self.owners, threefold, result)
        return result

    def find_channels(self, strips: Array) -> Array:
        """The channels that have a lane in one of the marked strips.

        Where a group is a channel, strips are channels, and these are the marked ones.
        """
        lanes, channel = self.owners
        result = np.zeros(self.channels, dtype=bool)
        # A channel may have lanes in several strips; plain indexing would keep the last assignment
        # only.
        np.logical_or.at(result, channel, strips[lanes // W])
        return result

    def depth(self) -> int:
        """The most values that one lane adds up, and the lanes joined after it: ``n`` of the
        error bounds."""
        # ``W`` lanes are joined, whether or not all are in use; more only widens a bound.
        if not self.spread:
            return self.samples * -(-self.values // W) + W
        return sum(outer for _, outer, *_ in self.passes) + len(self.owners[0]) // max(
            1, self.channels
        )
