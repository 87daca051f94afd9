"""The closed forms the book proves, as functions of an index: what an implementation has to return.

``y`` and ``xhat`` are those of the setting; the gradients are the compact forms of the theorem
``gradient-x`` and ``gradient-affine``, the running statistics those of ``ema-closed-form``,
inference that of ``inference-collapse``.
"""

from __future__ import annotations

from collections.abc import Callable

from sympy import Expr, IndexedBase, KroneckerDelta, Sum, Symbol, sqrt

from bnproof.symbolic.setting import Batch, beta, eps, g, gamma, j, m, mu, s, v, x, xhat, y

mu_r = Symbol("mu_r", real=True)
v_r = Symbol("v_r", nonnegative=True)
s_r = sqrt(v_r + eps)
alpha = Symbol("alpha", real=True)
shift_by = Symbol("c", real=True)
scale_by = Symbol("a", positive=True)

h = IndexedBase("h", real=True)  # the upstream gradient of dx

gamma_collapsed, beta_collapsed = gamma / s, beta - gamma * mu / s
gamma_inference, beta_inference = gamma / s_r, beta - gamma * mu_r / s_r
loss = Sum(g[j] * y(j), (j, 1, m))


def dx(k: Expr) -> Expr:
    """``dL/dx_k = gamma/(m s) (m g_k - sum g - xhat_k sum g xhat)``."""
    return gamma / (m * s) * (m * g[k] - Sum(g[j], (j, 1, m)) - xhat(k) * dgamma)


def jacobian(batch: Batch) -> Callable[[Expr, Expr], Expr]:
    """``dy_i/dx_k = gamma/s (delta_ik - 1/m - xhat_i xhat_k/m)`` at a batch, as a function of both
    indices."""

    def entry(i: Expr, k: Expr) -> Expr:
        return (
            gamma / batch.std * (KroneckerDelta(i, k) - 1 / m - batch.xhat(i) * batch.xhat(k) / m)
        )

    return entry


dgamma = Sum(g[j] * xhat(j), (j, 1, m))
dbeta = Sum(g[j], (j, 1, m))

dx_loss = Sum(h[j] * dx(j), (j, 1, m))
ds_along = Sum(h[j] * xhat(j), (j, 1, m)) / m


def dxhat_along(k: Expr) -> Expr:
    """How ``xhat_k`` moves when x moves along h: ``(h_k - mean h - xhat_k ds)/s`` with
    ``ds = mean h xhat``."""
    return (h[k] - Sum(h[j], (j, 1, m)) / m - xhat(k) * ds_along) / s


def d_dy(k: Expr) -> Expr:
    """``gamma/(m s) (m h_k - sum h - xhat_k sum h xhat)``: the gradient of ``sum h dx`` by g."""
    return gamma / (m * s) * (m * h[k] - Sum(h[j], (j, 1, m)) - xhat(k) * m * ds_along)


def d_x(k: Expr) -> Expr:
    """``-dx_k ds/s - gamma/(m s) (dxhat_k sum g xhat + xhat_k sum g dxhat)``: the gradient of
    ``sum h dx`` by x."""
    moved = Sum(g[j] * dxhat_along(j), (j, 1, m))
    return -dx(k) * ds_along / s - gamma / (m * s) * (dxhat_along(k) * dgamma + xhat(k) * moved)


d_gamma = Sum(h[j] * (m * g[j] - dbeta - xhat(j) * dgamma), (j, 1, m)) / (m * s)


def inference(value: Expr) -> Expr:
    """``gamma (value - mu_r)/s_r + beta``, inference with running statistics."""
    return gamma * (value - mu_r) / s_r + beta


def infer_y(i: Expr) -> Expr:
    """``gamma (x_i - mu_r)/s_r + beta``."""
    return inference(x[i])


infer_loss = Sum(g[j] * infer_y(j), (j, 1, m))


def infer_dx(k: Expr) -> Expr:
    """``dL/dx_k = gamma/s_r g_k`` at inference."""
    return gamma / s_r * g[k]


infer_dgamma = Sum(g[j] * (x[j] - mu_r) / s_r, (j, 1, m))


def running_average(old: Expr, new: Expr) -> Expr:
    """``(1 - alpha) old + alpha new``."""
    return (1 - alpha) * old + alpha * new


running_mean = running_average(mu_r, mu)
running_var_biased = running_average(v_r, v)
running_var_unbiased = running_average(v_r, m / (m - 1) * v)
