"""Edge cases: one sample, one value, and a variance that eps hides."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.contract import Array, Convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import values_per_channel
from bnproof.implementations.signatures import Arguments, pack_arguments
from bnproof.mutants.catalogue import bug

Trained = tuple[Array, Array | None, Array | None]


@bug("X01", mechanism="normalisation skipped")
class SingleRowPassedThrough(NumpyBatchNorm):
    """A worker (or chunk) that holds one sample returns it as it is: ``y = x`` there."""

    @pack_arguments
    def train_shards(self, a: Arguments) -> tuple[list[Array], Array | None, Array | None]:
        ys, mean, var = a.call(super().train_shards)
        return (
            [x.copy() if len(x) == 1 else y for x, y in zip(a.shards, ys, strict=True)],
            mean,
            var,
        )


def rounding_of_square(x: Array) -> Array:
    """``fl(x^2) - x^2``, what a fused multiply-add leaves of ``x^2 - x x``: by splitting x into
    halves."""
    large = x * x.dtype.type(2.0 ** ((np.finfo(x.dtype).nmant + 2) // 2) + 1)
    high = large - (large - x)
    low = x - high
    return np.asarray(((x * x - high * high) - 2 * high * low) - low * low)


@bug("X03", mechanism="one-pass variance", kind="numerical")
class ResidueOfOneValue(NumpyBatchNorm):
    """For m = 1 the variance is the rounding error of ``x^2``, of either sign, instead of 0."""

    convention: Any = Convention("one value gives beta", one_value="beta")

    def variance(self, x: Array, mu: Array) -> Array:
        return super().variance(x, mu) if values_per_channel(x) > 1 else rounding_of_square(mu)

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        if values_per_channel(a.x) > 1:
            return a.call(super().train)
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

    supports = {"eps": 1e-3}
