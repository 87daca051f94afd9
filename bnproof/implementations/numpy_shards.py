"""Synchronised batch normalisation in NumPy: one batch in parts, each on its own worker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy_arrays import (
    batch_axes,
    expand_channels,
    expand_parameter,
    values_per_channel,
    widen,
)
from bnproof.implementations.numpy_formulas import Formulas

Moments = tuple[int, Array, Array]  # of one worker: n_k, mu_k, v_k


class Shards(Formulas):
    """One batch in parts, each on its own worker.

    Notes
    ----- Theorem total-variance.  Workers exchange the number, mean and variance of their values,
    ``(n_k, mu_k, v_k)``, and ``mu = sum n_k mu_k/n``, ``v = sum n_k (v_k + (mu_k - mu)^2)/n``.  The
    second part of v is the variance between the workers, which averaging the ``v_k`` would lose.
    """

    def moments(self, x: Array) -> Moments:
        """``(n_k, mu_k, v_k)`` of one worker; zeros where it holds nothing."""
        x = widen(x)
        n = values_per_channel(x)
        if n == 0:
            return 0, np.zeros(x.shape[1], x.dtype), np.zeros(x.shape[1], x.dtype)
        mu = self.mean(x)
        return n, mu.reshape(-1), self.variance(x, mu).reshape(-1)

    def merge_moments(self, parts: Sequence[Moments]) -> tuple[Array, Array]:
        """The mean and the variance of the whole batch.

        Parameters
        ----------
        parts
            Each worker's number of values, mean and variance; the last two have shape ``(C,)``.

        Examples
        --------
        >>> import numpy as np
        >>> from bnproof.implementations.numpy import NumpyBatchNorm
        >>> one = (1, np.array([0.0]), np.array([0.0]))
        >>> other = (1, np.array([2.0]), np.array([0.0]))
        >>> NumpyBatchNorm().merge_moments([one, other])
        (array([1.]), array([1.]))
        """
        n = sum(count for count, _, _ in parts)
        weights = [mean.dtype.type(count / n) for count, mean, _ in parts]
        mu = sum(weight * mean for weight, (_, mean, _) in zip(weights, parts, strict=True))
        v = sum(
            weight * (var + (mean - mu) ** 2)
            for weight, (_, mean, var) in zip(weights, parts, strict=True)
        )
        return np.asarray(mu), np.asarray(v)

    def normalise_shards(
        self, shards: Sequence[Array], eps: float
    ) -> tuple[list[Array], Array, Array, Array]:
        """Normalise every worker's part by the statistics of the whole batch.

        Parameters
        ----------
        shards
            Each worker's part; a part may be empty.
        eps
            Is added to the variance.

        Returns
        -------
        tuple
            ``(list of xhat, mu, v, s)``; the statistics have shape ``(C,)``.

        Raises
        ------
        ValueError
            Where all workers together hold one value per channel, or none.
        """
        n = sum(values_per_channel(x) for x in shards)
        if n < 2:
            raise ValueError(
                f"training needs more than one value per channel, all workers together hold {n}"
            )
        mu, v = self.merge_moments([self.moments(x) for x in shards])
        s = self.std(v, eps)
        return (
            [(widen(x) - expand_channels(x, mu)) / expand_channels(x, s) for x in shards],
            mu,
            v,
            s,
        )

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
        """One synchronised training step.

        Parameters
        ----------
        shards
            Each worker's part of the batch.
        gamma, beta, running_mean, running_var, eps, momentum
            As in training on one machine, the same on every worker.

        Returns
        -------
        tuple
            The outputs of every worker, and the running statistics, which are the same for all.
        """
        xhats, mu, v, _ = self.normalise_shards(shards, eps)
        n = sum(values_per_channel(x) for x in shards)
        mean = None if running_mean is None else self.track(running_mean, mu, momentum)
        var = None if running_var is None else self.track(running_var, self.bessel(v, n), momentum)
        ys = [
            self.apply_affine(xhat, gamma, beta).astype(x.dtype, copy=False)
            for xhat, x in zip(xhats, shards, strict=True)
        ]
        return ys, mean, var

    def train_shards_vjp(
        self,
        dys: Sequence[Array],
        shards: Sequence[Array],
        gamma: Array | None,
        beta: Array | None,
        *,
        eps: float,
    ) -> tuple[list[Array], Array | None, Array | None]:
        """The gradients of a synchronised step.

        Parameters
        ----------
        dys
            The upstream gradient on every worker.
        shards, gamma, beta, eps
            As in :meth:`train_shards`.

        Returns
        -------
        tuple
            ``(list of dx, dgamma, dbeta)``.  The sums over the batch run over all workers before dx
            is formed, since dx on each worker depends on the values of all.
        """
        xhats, _, _, s = self.normalise_shards(shards, eps)
        n = sum(values_per_channel(x) for x in shards)
        gs = [widen(dy) for dy in dys]
        dgamma = np.sum(
            [(g * xhat).sum(axis=batch_axes(g)) for g, xhat in zip(gs, xhats, strict=True)], axis=0
        )
        dbeta = np.sum([g.sum(axis=batch_axes(g)) for g in gs], axis=0)
        dxs = [
            self.shard_gradient(
                g, xhat, gamma, dgamma / s.dtype.type(n), dbeta / s.dtype.type(n), s
            ).astype(x.dtype)
            for g, xhat, x in zip(gs, xhats, shards, strict=True)
        ]
        return dxs, None if gamma is None else dgamma, None if beta is None else dbeta

    def shard_gradient(
        self, g: Array, xhat: Array, gamma: Array | None, c: Array, a: Array, s: Array
    ) -> Array:
        """``gamma/s (g - a - xhat c)`` with the whole batch's ``a = mean g`` and
        ``c = mean g xhat``."""
        centred = g - expand_channels(g, a) - xhat * expand_channels(g, c)
        return expand_parameter(gamma, xhat, 1) / expand_channels(g, s) * centred
