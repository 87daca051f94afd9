"""Mean and variance: formulas that are right on paper and lose digits, overflow, or leave channels
out."""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import batch_axes, values_per_channel, widen
from bnproof.implementations.signatures import Arguments, pack_arguments
from bnproof.mutants.catalogue import bug

Gradients = tuple[Array, Array | None, Array | None]
Trained = tuple[Array, Array | None, Array | None]


def serial_mean(x: Array) -> Array:
    """``(1/m) sum_i x_i``, one addend after the other, shape ``(1, C, 1, ...)``."""
    columns = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
    total = np.add.accumulate(columns, axis=0)[-1]
    return (total / x.dtype.type(len(columns))).reshape(1, -1, *(1,) * (x.ndim - 2))


@bug("V01", mechanism="one-pass variance", kind="numerical", grade="one-pass")
class OnePass(NumpyBatchNorm):
    """``v = mean x^2 - mu^2``: cancels where mu is large against s, down to negative values and
    NaN."""

    def variance(self, x: Array, mu: Array) -> Array:
        return self.mean(x * x) - mu * mu


@bug("V02", mechanism="one-pass variance", kind="numerical", grade="one-pass")
class OnePassClamped(NumpyBatchNorm):
    """``v = max(0, mean x^2 - mu^2)``: cancels like the bare formula, and is 0 where that is
    negative."""

    def variance(self, x: Array, mu: Array) -> Array:
        return np.maximum(self.mean(x * x) - mu * mu, 0)


@bug("V10", mechanism="one-pass variance", kind="numerical", grade="one-pass")
class FastByDefault(NumpyBatchNorm):
    """``v = max(0, mean x^2 - mu^2)`` unless two passes are asked for, which nobody does."""

    def __init__(self, *, fast: bool = True) -> None:
        self.fast = fast

    def variance(self, x: Array, mu: Array) -> Array:
        return np.maximum(self.mean(x * x) - mu * mu, 0) if self.fast else super().variance(x, mu)


@bug("V04", mechanism="rounded reciprocal of the count", kind="graded", grade="two-pass")
class MeanByReciprocal(NumpyBatchNorm):
    """``mu = sum x_i (1/m)`` with 1/m rounded first: the mean of a constant is not that constant,
    and y is not beta."""

    def mean(self, x: Array) -> Array:
        share = x.dtype.type(1) / x.dtype.type(values_per_channel(x))
        return np.asarray((x * share).sum(axis=batch_axes(x), keepdims=True))


@bug("V05", mechanism="overflow of squares", kind="numerical", grade="broken")
class SquaresInSingle(NumpyBatchNorm):
    """The squares ``(x_i - mu)^2`` are float32 whatever x is: infinite for deviations above 2e19;
    then y is beta."""

    def variance(self, x: Array, mu: Array) -> Array:
        squares = (x - mu).astype(np.float32) ** 2
        return squares.mean(axis=batch_axes(x), keepdims=True).astype(x.dtype)


@bug("V06", mechanism="serial summation", kind="graded", grade="two-pass, naive")
class SerialSums(NumpyBatchNorm):
    """mu and v are summed one value after the other: the error grows with m instead of log m."""

    def mean(self, x: Array) -> Array:
        return serial_mean(x)

    def variance(self, x: Array, mu: Array) -> Array:
        return serial_mean((x - mu) ** 2)


@bug("V08", mechanism="channels left out")
class PowerOfTwoChannels(NumpyBatchNorm):
    """Normalises as many channels as the largest power of two up to C: y is 0 in the others."""

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        y, mean, var = a.call(super().train)
        y[:, 1 << (a.x.shape[1].bit_length() - 1) :] = 0
        return y, mean, var


@bug("V09", mechanism="reordered sum", kind="graded", grade="two-pass")
class ScaledAfterSumming(NumpyBatchNorm):
    """``dgamma = (1/s) sum g (x - mu)`` instead of ``sum g xhat``: the same number, rounded
    elsewhere."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        dx, _, dbeta = a.call(super().train_vjp)
        _, mu, _, s = self.normalise(a.x, a.eps)
        products = widen(a.dy) * (widen(a.x) - mu)
        return (
            dx,
            None if a.gamma is None else products.sum(axis=batch_axes(a.x)) / s.reshape(-1),
            dbeta,
        )
