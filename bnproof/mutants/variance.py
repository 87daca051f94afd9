"""Mean and variance: formulas that are right on paper and lose digits, overflow, or leave channels
out.

``kind`` tells how far it goes: a "numerical" mutant leaves what rounding explains and breaks a law,
a "graded" one is within it and can only be told by its accuracy.
"""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import batch_axes, values_per_channel, widen
from bnproof.implementations.signatures import Arguments, Gradients, Trained, pack_arguments
from bnproof.mutants.catalogue import bug


def serial_mean(x: Array) -> Array:
    """``(1/m) sum_i x_i``, one addend after the other, shape ``(1, C, 1, ...)``.

    Parameters
    ----------
    x
        ``(N, C, *spatial)``, summed in its own dtype.

    Notes
    -----
    The error of this order is bounded by about ``m u`` times the sum of magnitudes, that of NumPy's
    pairwise sums by about ``u log2 m`` times it, where ``u`` is half an ulp of 1 (N. J. Higham,
    "Accuracy and Stability of Numerical Algorithms", 2002, section 4.2).

    Examples
    --------
    Above ``2^24`` float32 cannot count in ones:

    >>> x = np.array([[2.0**24], [1], [1], [1]], np.float32)
    >>> float(serial_mean(x)[0, 0]) * 4 == 2**24
    True
    """
    # ``accumulate`` keeps every partial sum, which forces the order; ``sum`` would add in pairs.
    columns = np.moveaxis(x, 1, -1).reshape(-1, x.shape[1])
    total = np.add.accumulate(columns, axis=0)[-1]
    return (total / x.dtype.type(len(columns))).reshape(1, -1, *(1,) * (x.ndim - 2))


@bug("V01", mechanism="one-pass variance", kind="numerical", grade="one-pass")
class OnePass(NumpyBatchNorm):
    """``v = mean x^2 - mu^2``: cancels where mu is large against s, down to negative values and
    NaN."""

    def variance(self, x: Array, mu: Array) -> Array:
        """``mean x^2 - mu^2``, two numbers that agree in their leading digits where mu is large
        against s.

        The error is about ``u mu^2``, half an ulp of the squares: 6 % of v at ``mu/s = 1000`` in
        float32, and at 50 in bfloat16 nothing is left. A difference below -eps gives NaN.
        TensorFlow, objax, Flax, Haiku, Keras 3, XLA and tt-metal found it anew from 2016 to 2026.
        """
        return self.mean(x * x) - mu * mu


@bug("V02", mechanism="one-pass variance", kind="numerical", grade="one-pass")
class OnePassClamped(NumpyBatchNorm):
    """``v = max(0, mean x^2 - mu^2)``: cancels like the bare formula, and is 0 where that is
    negative."""

    def variance(self, x: Array, mu: Array) -> Array:
        """``max(0, mean x^2 - mu^2)``: no NaN any more, but 0 where the variance is small.

        The usual mend, in Flax, equinox and others. A variance of 0 divides by ``sqrt(eps)``, so
        that outputs are up to 316 times too large. With float32 values around 10000 the deviation
        of the output is not 1.
        """
        return np.maximum(self.mean(x * x) - mu * mu, 0)


@bug("V10", mechanism="one-pass variance", kind="numerical", grade="one-pass")
class FastByDefault(NumpyBatchNorm):
    """``v = max(0, mean x^2 - mu^2)`` unless two passes are asked for, which nobody does."""

    def __init__(self, *, fast: bool = True) -> None:
        self.fast = fast

    def variance(self, x: Array, mu: Array) -> Array:
        """``max(0, mean x^2 - mu^2)`` by default.

        Flax defaults to it. Keras followed, because nobody had complained, and reports of NaN came
        within weeks.
        """
        # The slow way is kept, since the row is about which of the two is the default.
        return np.maximum(self.mean(x * x) - mu * mu, 0) if self.fast else super().variance(x, mu)


@bug("V04", mechanism="rounded reciprocal of the count", kind="graded", grade="two-pass")
class MeanByReciprocal(NumpyBatchNorm):
    """``mu = sum x_i (1/m)`` with 1/m rounded first: the mean of a constant is not that constant,
    and y is not beta."""

    def mean(self, x: Array) -> Array:
        """``sum x_i fl(1/m)``, which is off by up to an ulp of mu even for equal values.

        In Caffe and PyTorch a constant channel c gave ``x - mu != 0``. Divided by ``sqrt(eps)``
        that is seen: for large c the output is some number instead of beta. m = 9 has a rounded
        reciprocal, m = 8 has not.
        """
        # Rounded to x's dtype, as 1/m is where it is a constant of the kernel.
        share = x.dtype.type(1) / x.dtype.type(values_per_channel(x))
        return np.asarray((x * share).sum(axis=batch_axes(x), keepdims=True))


@bug("V05", mechanism="overflow of squares", kind="numerical", grade="broken")
class SquaresInSingle(NumpyBatchNorm):
    """The squares ``(x_i - mu)^2`` are float32 whatever x is: infinite for deviations above 2e19;
    then y is beta."""

    def variance(self, x: Array, mu: Array) -> Array:
        """``fl32((x - mu)^2)``, which overflows at a deviation of 1.8e19.

        For ``|x|`` around 1e30 PyTorch returned zeros on a CPU and NaN on CUDA, though batch norm
        does not depend on the scale of its input.
        """
        squares = (x - mu).astype(np.float32) ** 2
        return squares.mean(axis=batch_axes(x), keepdims=True).astype(x.dtype)


@bug("V06", mechanism="serial summation", kind="graded", grade="two-pass, naive")
class SerialSums(NumpyBatchNorm):
    """mu and v are summed one value after the other: the error grows with m instead of log m."""

    def mean(self, x: Array) -> Array:
        """The mean of serial sums.

        MIOpen's float32 sums over a million values per channel drifted. Its mean was moved to
        float64, and the inputs of its tests were made easier.
        """
        return serial_mean(x)

    def variance(self, x: Array, mu: Array) -> Array:
        """The variance of serial sums."""
        return serial_mean((x - mu) ** 2)


@bug("V08", mechanism="channels left out")
class PowerOfTwoChannels(NumpyBatchNorm):
    """Normalises as many channels as the largest power of two up to C: y is 0 in the others."""

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        """``y = 0`` in channel c for ``c >= 2^floor(log2 C)``.

        A launch grid in PyTorch, and the same code in apex, was rounded down to a power of two: of
        65 channels the last was not processed. Channel counts are mostly powers of two.
        """
        y, mean, var = a.call(super().train)
        # The shift is the largest power of two up to C, by integers: log2 may round up to the next.
        y[:, 1 << (a.x.shape[1].bit_length() - 1) :] = 0
        return y, mean, var


@bug("V09", mechanism="reordered sum", kind="graded", grade="two-pass")
class ScaledAfterSumming(NumpyBatchNorm):
    """``dgamma = (1/s) sum g (x - mu)`` instead of ``sum g xhat``: the same number, rounded
    elsewhere."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """``dgamma = (1/s) sum g (x - mu)``.

        A thread at PyTorch reports worse gradients for large tensors. On paper it is the same sum,
        and its error is of the same order: a check must not call it wrong.
        """
        dx, _, dbeta = a.call(super().train_vjp)
        _, mu, _, s = self.normalise(a.x, a.eps)
        # The products keep the scale of x, and one division per channel follows the sum.
        products = widen(a.dy) * (widen(a.x) - mu)
        return (
            dx,
            None if a.gamma is None else products.sum(axis=batch_axes(a.x)) / s.reshape(-1),
            dbeta,
        )
