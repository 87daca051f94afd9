"""Double backward in NumPy: the vector-Jacobian product of ``(dy, x, gamma) -> dx``."""

from __future__ import annotations

from bnproof.contract import Array
from bnproof.implementations.numpy_arrays import batch_axes, expand_parameter, widen
from bnproof.implementations.numpy_formulas import Formulas


class DoubleBackward(Formulas):
    """The gradients of ``phi = sum_k h_k dx_k`` for ``h = ddx``.

    Notes
    ----- Theorem double-backward.  With ``a = mean g``, ``c = mean g xhat`` and ``g^ = g - a - xhat
    c``, and the same for h (``b``, ``d``, ``h^``)::

        dx         =  gamma/s g^
        dphi/dg    =  gamma/s h^
        dphi/dgamma = (1/s) sum g^ h
        dphi/dx    = -gamma/s^2 (d g^ + c h^ + xhat mean(g^ h))
    """

    def project(self, g: Array, xhat: Array) -> tuple[Array, Array]:
        """``(g - mean g - xhat mean(g xhat), mean(g xhat))``.

        The first part is what is left of g after its parts along 1 and along xhat are taken out
        (but for eps); the second is c.
        """
        axes = batch_axes(g)
        c = (g * xhat).mean(axis=axes, keepdims=True)
        return g - g.mean(axis=axes, keepdims=True) - xhat * c, c

    def compute_statistics_term(self, g: Array, h: Array, xhat: Array) -> Array:
        """``d g^ + c h^ + xhat mean(g^ h)``: ``-s`` times the derivative of ``sum h g^`` by x."""
        (g_hat, c), (h_hat, d) = self.project(g, xhat), self.project(h, xhat)
        return d * g_hat + c * h_hat + xhat * (g_hat * h).mean(axis=batch_axes(g), keepdims=True)

    def train_double_vjp(
        self, ddx: Array, dy: Array, x: Array, gamma: Array | None, *, eps: float
    ) -> tuple[Array, Array, Array | None]:
        """The vector-Jacobian product of ``(dy, x, gamma) -> dx``.

        Parameters
        ----------
        ddx
            The upstream gradient of dx, of x's shape.
        dy
            The upstream gradient that dx was computed from, of x's shape.
        x, gamma, eps
            As in training.

        Returns
        -------
        tuple
            ``(d_dy, d_x, d_gamma)``; ``d_gamma`` is ``None`` for a ``None`` gamma.
        """
        xhat, _, _, s = self.normalise(x, eps)
        g, h = widen(dy), widen(ddx)
        scale = expand_parameter(gamma, xhat, 1)
        d_dy = scale / s * self.project(h, xhat)[0]
        d_x = -scale / s**2 * self.compute_statistics_term(g, h, xhat)
        d_gamma = (self.project(g, xhat)[0] * h / s).sum(axis=batch_axes(x))
        return (
            d_dy.astype(x.dtype, copy=False),
            d_x.astype(x.dtype, copy=False),
            None if gamma is None else d_gamma,
        )
