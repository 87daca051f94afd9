"""Edge cases: one sample, one value, and a variance that eps hides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bnproof.contract import Array, Convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import values_per_channel
from bnproof.mutants.catalogue import bug

Trained = tuple[Array, Array | None, Array | None]


@bug("X01", mechanism="normalisation skipped")
class SingleRowPassedThrough(NumpyBatchNorm):
    """A worker (or chunk) that holds one sample returns it as it is: ``y = x`` there."""

    def train_shards(
        self,
        shards: Sequence[Array],
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array | None,
        running_var: Array | None,
        *,
        eps: float,
        momentum: float,
    ) -> tuple[list[Array], Array | None, Array | None]:
        ys, mean, var = super().train_shards(shards, gamma, beta, running_mean, running_var, eps=eps, momentum=momentum)
        return [x.copy() if len(x) == 1 else y for x, y in zip(shards, ys, strict=True)], mean, var


def rounding_of_square(x: Array) -> Array:
    """``fl(x^2) - x^2``, what a fused multiply-add leaves of ``x^2 - x x``: by splitting x into halves."""
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

    def train(
        self,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array | None,
        running_var: Array | None,
        *,
        eps: float,
        momentum: float,
    ) -> Trained:
        if values_per_channel(x) > 1:
            return super().train(x, gamma, beta, running_mean, running_var, eps=eps, momentum=momentum)
        xhat, mu, v, _ = self.normalised(x, eps)
        mean = None if running_mean is None else self.track(running_mean, mu.reshape(-1), momentum)
        var = None if running_var is None else self.track(running_var, v.reshape(-1), momentum)
        return self.affine(xhat, gamma, beta).astype(x.dtype, copy=False), mean, var


@bug("X05", mechanism="none", kind="correct")
class SmallScaleFlattened(NumpyBatchNorm):
    """Right, with eps fixed at 0.001: the variance of xhat is ``v/(v + eps)``, far from 1 for small x, and no bug."""

    supports = {"eps": 1e-3}
