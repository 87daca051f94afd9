"""Synchronised workers: what they exchange, and what they keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import values_per_channel, widen
from bnproof.implementations.numpy_shards import Moments
from bnproof.mutants.catalogue import bug

Stepped = tuple[list[Array], Array | None, Array | None]


@bug("S01", mechanism="workers averaged without counts")
class CountsIgnored(NumpyBatchNorm):
    """Every worker that holds something weighs the same: ``mu`` is the plain mean of the ``mu_k``,
    and v likewise."""

    def merge_moments(self, parts: Sequence[Moments]) -> tuple[Array, Array]:
        return super().merge_moments([(1, mean, var) for count, mean, var in parts if count])


@bug("S04", mechanism="parameter gradients reduced twice")
class GradientsReducedTwice(NumpyBatchNorm):
    """Gradients of gamma and beta that are sums already are summed over the R workers again: R
    times too large."""

    def train_shards_vjp(self, dys: Sequence[Array], *arguments: Any, **options: Any) -> Stepped:
        dxs, *gradients = super().train_shards_vjp(dys, *arguments, **options)
        dgamma, dbeta = (None if whole is None else whole * len(dys) for whole in gradients)
        return dxs, dgamma, dbeta


@bug("S05", mechanism="empty input not handled")
class EmptyWorkerCounted(NumpyBatchNorm):
    """A worker without samples sends 0/0 for its mean and variance, and ``0 * NaN`` reaches every
    other."""

    def moments(self, x: Array) -> Moments:
        if values_per_channel(x) != 0:
            return super().moments(x)
        nothing = np.full(x.shape[1], np.nan, dtype=widen(x).dtype)
        return 0, nothing, nothing


@bug("S08", mechanism="statistics never updated")
class VarianceLost(NumpyBatchNorm):
    """The synchronised step hands back the running variance it was given; the running mean
    moves."""

    def train_shards(
        self,
        shards: Sequence[Array],
        gamma: Any,
        beta: Any,
        running_mean: Any,
        running_var: Any,
        **options: Any,
    ) -> Stepped:
        ys, mean, _ = super().train_shards(
            shards, gamma, beta, running_mean, running_var, **options
        )
        return ys, mean, running_var


@bug("S09", mechanism="statistics of one worker")
class FirstWorkerKept(NumpyBatchNorm):
    """All normalise by the whole batch, but the running statistics follow the first worker's own
    mean and variance."""

    def train_shards(
        self, shards: Sequence[Array], *arguments: Any, momentum: float, **options: Any
    ) -> Stepped:
        ys, *_ = super().train_shards(shards, *arguments, momentum=momentum, **options)
        n, mu, v = self.moments(next(x for x in shards if values_per_channel(x)))
        new = (mu, self.bessel(v, max(n, 2)))  # of a single value v is 0, whatever the factor
        mean, var = (
            None if old is None else self.track(old, value, momentum)
            for old, value in zip(arguments[2:], new, strict=True)
        )
        return ys, mean, var
