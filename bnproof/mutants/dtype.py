"""Dtypes: half precision where float32 has to carry the sums."""

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
from bnproof.implementations.signatures import Arguments, pack_arguments
from bnproof.mutants.catalogue import bug

Gradients = tuple[Array, Array | None, Array | None]
Trained = tuple[Array, Array | None, Array | None]
Normalised = tuple[Array, Array, Array, Array]


def normalise_with(
    formula: NumpyBatchNorm, x: Array, mu: Array, v: Array, eps: float
) -> Normalised:
    """``(xhat, mu, v, s)`` for a mean and a variance, in the dtype that is computed in."""
    mu, v = mu.astype(widen(x).dtype), v.astype(widen(x).dtype)
    s = formula.std(v, eps)
    return (widen(x) - mu) / s, mu, v, s


def pairwise_sum(values: Array) -> Array:
    """The sum over axis 0 in the values' own dtype, neighbours first; shape ``(1, ...)``."""
    while len(values) > 1:
        even = len(values) // 2 * 2
        values = np.concatenate([values[0:even:2] + values[1:even:2], values[even:]])
    return values


@bug("D01", mechanism="half-precision accumulation", kind="numerical")
class SquaresInHalf(NumpyBatchNorm):
    """For float16 x, ``sum (x - mu)^2`` is kept in float16: coarse, and infinite above 65504."""

    def normalise(self, x: Array, eps: float) -> Normalised:
        if x.dtype != np.float16 or x.size == 0:
            return super().normalise(x, eps)
        mu = self.mean(widen(x))
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
        xhats, mu, v, s = super().normalise_shards(shards, eps)
        if not is_half(shards[0].dtype):
            return xhats, mu, v, s
        counts = np.array([values_per_channel(x) for x in shards]).astype(shards[0].dtype)
        total = np.add.reduce(counts, dtype=counts.dtype).astype(np.float32)
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
        if x.dtype != ml_dtypes.bfloat16 or x.size == 0:
            return super().normalise(x, eps)
        total = pairwise_sum(np.moveaxis(x, 1, -1).reshape(-1, x.shape[1]))
        mu = expand_channels(x, total * x.dtype.type(1 / values_per_channel(x))).astype(np.float32)
        return normalise_with(self, x, mu, self.variance(widen(x), mu), eps)


class SumsInOwnDtype(NumpyBatchNorm):
    """mu and v are summed in x's dtype, half precision too."""

    def normalise(self, x: Array, eps: float) -> Normalised:
        if not is_half(x.dtype) or x.size == 0:
            return super().normalise(x, eps)
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
        formula = SumsInOwnDtype() if a.gamma is None else NumpyBatchNorm()
        return a.call(formula.train)

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        formula = SumsInOwnDtype() if a.gamma is None else NumpyBatchNorm()
        return a.call(formula.train_vjp)
