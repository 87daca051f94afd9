"""Edge cases: one sample, one value, and a variance that eps hides.

Sizes like these come up where the number of samples leaves a remainder, which the counts that tests
choose rarely do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.contract import Array, Convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import values_per_channel
from bnproof.implementations.signatures import Arguments, Stepped, Trained, pack_arguments
from bnproof.mutants.catalogue import bug


@bug("X01", mechanism="normalisation skipped")
class SingleRowPassedThrough(NumpyBatchNorm):
    """A worker (or chunk) that holds one sample returns it as it is: ``y = x`` there."""

    @pack_arguments
    def train_shards(self, a: Arguments) -> Stepped:
        """``y = x`` on a worker with one sample, though the statistics of the whole batch are there
        to use.

        Ghost batch norm cuts a batch into chunks of v samples, so that ``N = k v + 1`` leaves one.
        ludwig and tabnet raised there, and a mend that skips the normalisation returns raw values
        among normalised ones.
        """
        ys, mean, var = a.call(super().train_shards)
        return (
            # A copy, since an output that shares memory with its input would break another law.
            [x.copy() if len(x) == 1 else y for x, y in zip(a.shards, ys, strict=True)],
            mean,
            var,
        )


def rounding_of_square(x: Array) -> Array:
    """``fl(x^2) - x^2``: what ``x^2 - x x`` leaves with a fused multiply-add.

    Parameters
    ----------
    x
        Values of a binary floating-point dtype whose square neither overflows nor underflows.

    Returns
    -------
    The rounding error of each square, of the same shape and dtype.

    Notes
    -----
    Veltkamp's splitting writes x as ``high + low`` with half of the bits each.  The products of
    halves are exact, and Dekker's order of subtraction keeps every difference exact (T. J. Dekker,
    "A floating-point technique for extending the available precision", Numerische Mathematik 18,
    1971).

    Examples
    --------
    ``(1 + 2^-30)^2 = 1 + 2^-29 + 2^-60``, and float64 drops the last term:

    >>> float(rounding_of_square(np.array(1 + 2.0**-30))) == -(2.0**-60)
    True
    """
    # Veltkamp's factor 2^ceil(p/2) + 1 with p = nmant + 1 significant bits.
    large = x * x.dtype.type(2.0 ** ((np.finfo(x.dtype).nmant + 2) // 2) + 1)
    high = large - (large - x)
    low = x - high
    # The largest product is taken off first: any other order rounds.
    return np.asarray(((x * x - high * high) - 2 * high * low) - low * low)


@bug("X03", mechanism="one-pass variance", kind="numerical")
class ResidueOfOneValue(NumpyBatchNorm):
    """For m = 1 the variance is the rounding error of ``x^2``, of either sign, instead of 0."""

    convention: Any = Convention("one value gives beta", one_value="beta")

    def variance(self, x: Array, mu: Array) -> Array:
        """``v = fl(x^2) - x^2`` where a channel has one value, whose variance is 0.

        ROCm computed ``E[x^2] - mu^2`` with a fused multiply-add, which returns the rounding error
        of the square. A negative residue below -eps gives NaN, and a positive one changes ``s``.
        For x around 1e4 in float32 the residue is up to 4, against an eps of 1e-5.
        """
        # mu is the one value itself, which makes x unnecessary here.
        return super().variance(x, mu) if values_per_channel(x) > 1 else rounding_of_square(mu)

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        """A training step that accepts one value, as the declared convention does."""
        if values_per_channel(a.x) > 1:
            return a.call(super().train)
        # The reference refuses m = 1, so its training step is written out here without Bessel's
        # factor, which would be 1/0.
        xhat, mu, v, _ = self.normalise(a.x, a.eps)
        mean = (
            None
            if a.running_mean is None
            else self.track(a.running_mean, mu.reshape(-1), a.momentum)
        )
        var = (
            None if a.running_var is None else self.track(a.running_var, v.reshape(-1), a.momentum)
        )
        return self.apply_affine(xhat, a.gamma, a.beta).astype(a.x.dtype, copy=False), mean, var


@bug("X05", mechanism="none", kind="correct")
class SmallScaleFlattened(NumpyBatchNorm):
    """Right, with eps fixed at 0.001: the variance of xhat is ``v/(v + eps)``, far from 1 for small
    x, and no bug."""

    # The eps of the thread, large enough to be seen beside ordinary variances.
    supports = {"eps": 1e-3}
