"""Dtypes: half precision where float32 has to carry the sums.

float16 ends at 65504 and has 11 significant bits, bfloat16 has 8. A sum of m values needs about
log2(m) bits more than its addends, which is why every correct kernel adds half-precision values in
float32. The bugs here add in half precision, and only inputs of half precision show them.
"""

from __future__ import annotations

from collections.abc import Sequence

import ml_dtypes
import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import (
    batch_axes,
    expand_channels,
    values_per_channel,
    widen,
)
from bnproof.implementations.signatures import Arguments, Gradients, Trained, pack_arguments
from bnproof.mutants.catalogue import bug

Normalised = tuple[Array, Array, Array, Array]


def normalise_with(
    formula: NumpyBatchNorm, x: Array, mu: Array, v: Array, eps: float
) -> Normalised:
    """``((x - mu)/s, mu, v, s)`` for a mean and a variance that were computed elsewhere.

    Parameters
    ----------
    formula
        Whose ``std`` makes ``s`` of ``v``.
    x
        ``(N, C, *spatial)`` of any dtype.
    mu, v
        ``(1, C, 1, ...)``, of any dtype: they are rounded where they were summed, not here.
    eps
        What is added to the variance.

    Returns
    -------
    Four arrays in the dtype that is computed in, which is float32 for half precision.
    """
    mu, v = mu.astype(widen(x).dtype), v.astype(widen(x).dtype)
    s = formula.std(v, eps)
    return (widen(x) - mu) / s, mu, v, s


def pairwise_sum(values: Array) -> Array:
    """The sum over axis 0 in the values' own dtype, neighbours first; shape ``(1, ...)``.

    An accelerator adds in this order, as a tree.  Every partial sum is rounded to the dtype.

    Examples
    --------
    The spacing of float16 above 2048 is 2, so that single ones are lost there:

    >>> float(pairwise_sum(np.array([2048, 1, 1, 0], np.float16))[0])
    2048.0
    >>> float(pairwise_sum(np.array([1, 1, 2048], np.float16))[0])
    2050.0
    """
    while len(values) > 1:
        even = len(values) // 2 * 2
        values = np.concatenate([values[0:even:2] + values[1:even:2], values[even:]])
    return values


@bug("D01", mechanism="half-precision accumulation", kind="numerical")
class SquaresInHalf(NumpyBatchNorm):
    """For float16 x, ``sum (x - mu)^2`` is kept in float16: coarse, and infinite above 65504."""

    def normalise(self, x: Array, eps: float) -> Normalised:
        """``v = fl16(sum (x - mu)^2)/m``: infinite as soon as ``m v > 65504``.

        PyTorch kept this sum in half precision on a CPU, and DirectML did so in mixed precision.
        With m = 4096 a standard deviation of 8 is enough for infinity: then ``s`` is infinite and
        every output is beta. Users saw NaN or a loss that did not fall until they forced the layer
        to float32.
        """
        # bfloat16 reaches as far as float32, so only float16 shows what this row is about.
        if x.dtype != np.float16 or x.size == 0:
            return super().normalise(x, eps)
        mu = self.mean(widen(x))
        # The mean stays in float32: the row is about the sum of squares alone.
        squares = ((widen(x) - mu) ** 2).astype(np.float16)
        total = np.add.reduce(squares, axis=batch_axes(x), dtype=np.float16, keepdims=True)
        return normalise_with(
            self, x, mu, total.astype(np.float32) / np.float32(values_per_channel(x)), eps
        )


@bug("D04", mechanism="half-precision accumulation", kind="numerical")
class CountsInHalf(NumpyBatchNorm):
    """For half-precision x the workers' counts are summed in x's dtype: rounded, in float16
    infinite above 65504."""

    def normalise_shards(
        self, shards: Sequence[Array], eps: float
    ) -> tuple[list[Array], Array, Array, Array]:
        """``n = fl16(sum n_k)``: 150 workers with 500 values each have 75000, which is infinite in
        float16.

        PyTorch sent the counts in the dtype of the running buffers. The division by infinity made
        the combined mean 0. Below 65504 the count is merely rounded, and the mean is wrong by the
        same factor.
        """
        xhats, mu, v, s = super().normalise_shards(shards, eps)
        if not is_half(shards[0].dtype):
            return xhats, mu, v, s
        counts = np.array([values_per_channel(x) for x in shards]).astype(shards[0].dtype)
        total = np.add.reduce(counts, dtype=counts.dtype).astype(np.float32)
        # The numerators are right; only what they are divided by is in half precision.
        parts = [self.moments(x) for x in shards]
        mu = np.asarray(sum(np.float32(n) * mean for n, mean, _ in parts) / total)
        v = np.asarray(
            sum(np.float32(n) * (var + (mean - mu) ** 2) for n, mean, var in parts) / total
        )
        s = self.std(v, eps)
        return (
            [(widen(x) - expand_channels(x, mu)) / expand_channels(x, s) for x in shards],
            mu,
            v,
            s,
        )


@bug("D05", mechanism="half-precision accumulation", kind="numerical", grade="broken")
class MeanInBfloat16(NumpyBatchNorm):
    """For bfloat16 x, mu is summed pairwise and multiplied by 1/m in bfloat16: not exact even for a
    constant."""

    def normalise(self, x: Array, eps: float) -> Normalised:
        """``mu = fl(fl(sum x_i) fl(1/m))``, every step rounded to 8 bits.

        On tt-metal the mean of a large tensor of ones was not 1. The error of mu is up to some 2^-8
        of its size and is multiplied by ``1/s``, so that a channel whose mean is far above its
        standard deviation moves visibly.
        """
        if x.dtype != ml_dtypes.bfloat16 or x.size == 0:
            return super().normalise(x, eps)
        # One row per value of a channel, so that the sum runs over axis 0 alone.
        total = pairwise_sum(np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]))
        mu = expand_channels(x, total * x.dtype.type(1 / values_per_channel(x))).astype(np.float32)
        # The squares are summed in float32, so that the mean alone is to blame.
        return normalise_with(self, x, mu, self.variance(widen(x), mu), eps)


class SumsInOwnDtype(NumpyBatchNorm):
    """The reference, but mu and v are summed in x's dtype, half precision too."""

    def normalise(self, x: Array, eps: float) -> Normalised:
        """Sums, the division by m and the squares are all rounded to x's dtype."""
        if not is_half(x.dtype) or x.size == 0:
            return super().normalise(x, eps)
        # ``dtype=`` below is needed: NumPy adds float16 in float32 unless told otherwise.
        m, axes = x.dtype.type(values_per_channel(x)), batch_axes(x)
        mu = np.add.reduce(x, axis=axes, dtype=x.dtype, keepdims=True) / m
        v = np.add.reduce((x - mu) ** 2, axis=axes, dtype=x.dtype, keepdims=True) / m
        return normalise_with(self, x, mu, v, eps)


@bug("D06", mechanism="half-precision accumulation", kind="numerical")
class PrecisionByGamma(NumpyBatchNorm):
    """gamma's dtype decides what sums are kept in: without gamma x's own, half precision
    included."""

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        """Sums in half precision where gamma is ``None``, in float32 where it is there.

        PyTorch looked at the dtype of the weights to tell whether precisions are mixed. A layer
        without affine parameters has none, so float16 input with float32 buffers took the kernel
        for pure float16, or none at all.
        """
        formula = SumsInOwnDtype() if a.gamma is None else NumpyBatchNorm()
        return a.call(formula.train)

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """The backward makes the same choice, so it fits its forward and finite differences see
        nothing."""
        formula = SumsInOwnDtype() if a.gamma is None else NumpyBatchNorm()
        return a.call(formula.train_vjp)
