"""Batch normalisation in NumPy, line by line Algorithm 1 of Ioffe and Szegedy (2015) and its
gradients.

Channels on axis 1; ``x`` of shape ``(N, C, *spatial)``, rank 2 to 5.  float32 and float64 are
computed in their own dtype, half precisions in float32 and stored in half.  Each formula is one
method, so that each can be replaced on its own.
"""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy_arrays import (
    batch_axes,
    expand_parameter,
    values_per_channel,
    widen,
)


class Formulas:
    """Training, gradients and inference.

    Running statistics follow PyTorch's convention: momentum ``alpha`` weighs the new value, and the
    unbiased variance is tracked.  Every formula of the paper is a method of its own, so that a
    model of a bug overrides the one formula that it gets wrong.

    Notes
    ----- Algorithms 1 and 2 of Ioffe and Szegedy, "Batch Normalization" (2015), arXiv:1502.03167.
    The input's gradient is the compact form of the theorem gradient-x.
    """

    # -- Algorithm 1 -------------------------------------------------------------------------------

    def mean(self, x: Array) -> Array:
        """``mu = (1/m) sum_i x_i``, shape ``(1, C, 1, ...)``."""
        return x.mean(axis=batch_axes(x), keepdims=True)

    def variance(self, x: Array, mu: Array) -> Array:
        """``v = (1/m) sum_i (x_i - mu)^2``, the biased variance, in two passes."""
        return ((x - mu) ** 2).mean(axis=batch_axes(x), keepdims=True)

    def std(self, v: Array, eps: float) -> Array:
        """``s = sqrt(v + eps)``."""
        return np.sqrt(v + v.dtype.type(eps))

    def apply_affine(self, xhat: Array, gamma: Array | None, beta: Array | None) -> Array:
        """``y_i = gamma xhat_i + beta``; a missing gamma is 1, a missing beta 0."""
        return xhat * expand_parameter(gamma, xhat, 1) + expand_parameter(beta, xhat, 0)

    def normalise(self, x: Array, eps: float) -> tuple[Array, Array, Array, Array]:
        """Normalise a batch by its own statistics.

        Parameters
        ----------
        x
            ``(N, C, *spatial)``.
        eps
            Is added to the variance.

        Returns
        -------
        tuple
            ``(xhat, mu, v, s)``: xhat of x's shape, the others ``(1, C, 1, ...)``, all in the dtype
            that is computed in.

        Raises
        ------
        TypeError, ValueError
            For an x or an eps that has no batch norm.
        """
        check_input(x, eps)
        x = widen(x)
        mu = self.mean(x)
        v = self.variance(x, mu)
        s = self.std(v, eps)
        return (x - mu) / s, mu, v, s

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
    ) -> tuple[Array, Array | None, Array | None]:
        """One training step.

        Parameters
        ----------
        x
            ``(N, C, *spatial)``.
        gamma, beta
            ``(C,)``; ``None`` stands for 1 and 0.
        running_mean, running_var
            ``(C,)``; ``None`` where they are not tracked.
        eps
            Is added to the variance.
        momentum
            ``alpha``, the weight of the new statistics.

        Returns
        -------
        tuple
            The output in x's dtype, and the updated running statistics (``None`` if not tracked).

        Raises
        ------
        ValueError
            Where a channel has a single value, whose variance says nothing.
        """
        m = values_per_channel(x)
        if m == 1:
            raise ValueError(f"training needs more than one value per channel, got shape {x.shape}")
        xhat, mu, v, _ = self.normalise(x, eps)
        mean = None if running_mean is None else self.track(running_mean, mu.reshape(-1), momentum)
        var = (
            None
            if running_var is None
            else self.track(running_var, self.bessel(v, m).reshape(-1), momentum)
        )
        return self.apply_affine(xhat, gamma, beta).astype(x.dtype, copy=False), mean, var

    # -- running statistics ------------------------------------------------------------------------

    def bessel(self, v: Array, m: int) -> Array:
        """``m/(m - 1) v``, the unbiased estimate that is tracked."""
        return v * v.dtype.type(m / (m - 1))

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        """``(1 - alpha) running + alpha new``."""
        alpha = running.dtype.type(momentum)
        return (1 - alpha) * running + alpha * new.astype(running.dtype)

    # -- gradients ---------------------------------------------------------------------------------

    def train_vjp(
        self, dy: Array, x: Array, gamma: Array | None, beta: Array | None, *, eps: float
    ) -> tuple[Array, Array | None, Array | None]:
        """The vector-Jacobian product of training.

        ``dx_k = gamma/(m s) (m g_k - sum g - xhat_k sum g xhat)``, ``dgamma = sum g xhat``,
        ``dbeta = sum g``, with g the upstream gradient.

        Parameters
        ----------
        dy
            The upstream gradient, of x's shape.
        x, gamma, beta, eps
            As in :meth:`train`.

        Returns
        -------
        tuple
            ``(dx, dgamma, dbeta)``, with ``None`` for an absent parameter.

        Notes
        ----- Theorems gradient-x and gradient-affine.  dx has the paths through mu and through s in
        it, so its sum over a channel is 0.
        """
        xhat, _, _, s = self.normalise(x, eps)
        like, dy = x.dtype, widen(dy)
        dgamma = (dy * xhat).sum(axis=batch_axes(x))
        dbeta = dy.sum(axis=batch_axes(x))
        centred = self.remove_mean(dy, dbeta)
        dx = expand_parameter(gamma, xhat, 1) / s * (centred - self.compute_std_term(xhat, dgamma))
        return (
            dx.astype(like, copy=False),
            None if gamma is None else dgamma,
            None if beta is None else dbeta,
        )

    def remove_mean(self, dy: Array, dbeta: Array) -> Array:
        """``g_k - (1/m) sum g``: what is left of g after the path through mu."""
        return dy - expand_parameter(dbeta, dy, 0) / dy.dtype.type(values_per_channel(dy))

    def compute_std_term(self, xhat: Array, dgamma: Array) -> Array:
        """``xhat_k (1/m) sum g xhat``: the path through s."""
        return xhat * (
            expand_parameter(dgamma, xhat, 0) / xhat.dtype.type(values_per_channel(xhat))
        )

    # -- inference ---------------------------------------------------------------------------------

    def infer(
        self,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array,
        running_var: Array,
        *,
        eps: float,
    ) -> Array:
        """``y = gamma (x - mu_r)/sqrt(v_r + eps) + beta``: the same map for every input.

        Parameters
        ----------
        x
            ``(N, C, *spatial)``; it may hold one sample.
        gamma, beta
            ``(C,)``; ``None`` stands for 1 and 0.
        running_mean, running_var
            ``(C,)``: ``mu_r`` and ``v_r``.
        eps
            Is added to the variance.

        Returns
        -------
        Array
            The output in x's dtype.
        """
        check_input(x, eps)
        like, x = x.dtype, widen(x)
        s = self.std(expand_parameter(running_var, x, 1), eps)
        return self.apply_affine(
            (x - expand_parameter(running_mean, x, 0)) / s, gamma, beta
        ).astype(like, copy=False)

    def infer_vjp(
        self,
        dy: Array,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array,
        running_var: Array,
        *,
        eps: float,
    ) -> tuple[Array, Array | None, Array | None]:
        """The vector-Jacobian product of inference.

        ``dx = gamma/s_r g``, ``dgamma = sum g (x - mu_r)/s_r``, ``dbeta = sum g``.  There are no
        cross terms, since the running statistics do not depend on x (theorem inference-gradient).

        Parameters
        ----------
        dy
            The upstream gradient, of x's shape.
        x, gamma, beta, running_mean, running_var, eps
            As in :meth:`infer`.

        Returns
        -------
        tuple
            ``(dx, dgamma, dbeta)``, with ``None`` for an absent parameter.
        """
        like, x, dy = x.dtype, widen(x), widen(dy)
        s = self.std(expand_parameter(running_var, x, 1), eps)
        dgamma = (dy * ((x - expand_parameter(running_mean, x, 0)) / s)).sum(axis=batch_axes(x))
        dbeta = dy.sum(axis=batch_axes(x))
        dx = dy * (expand_parameter(gamma, x, 1) / s)
        return (
            dx.astype(like, copy=False),
            None if gamma is None else dgamma,
            None if beta is None else dbeta,
        )


def check_input(x: Array, eps: float) -> None:
    """Refuse what has no batch norm, in one line that names the mend.

    Raises
    ------
    TypeError
        For an x that holds no floating-point numbers.
    ValueError
        For another rank than 2 to 5, an eps below 0 or NaN, or a batch without values.
    """
    if not 2 <= x.ndim <= 5:
        raise ValueError(f"x has shape {x.shape}: give (N, C) or (N, C, *spatial), rank 2 to 5")
    if x.dtype.kind != "f" and x.dtype.name != "bfloat16":
        raise TypeError(f"x has dtype {x.dtype}: convert it with .astype('float64')")
    if not eps >= 0:
        raise ValueError(f"eps is {eps}: give a number >= 0")
    if values_per_channel(x) == 0:
        raise ValueError(f"x has shape {x.shape}, no value per channel: give at least one")
