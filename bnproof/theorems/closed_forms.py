"""The closed forms the book proves, as functions of an index: what an implementation has to return.

``y`` and ``xhat`` are those of the setting; the gradients are the compact forms of the theorem
``gradient-x`` and ``gradient-affine``, the running statistics those of ``ema-closed-form``,
inference that of ``inference-collapse``, and the second derivatives those of ``double-backward``.

Nothing here is true by being written here.  Each closed form stands on the right-hand side of an
assertion in one of the chapters, whose left-hand side is the definition, usually a derivative that
SymPy takes.  Several chapters, and the laws, speak of the same closed form; this module lets them
share one copy of it.
"""

from __future__ import annotations

from collections.abc import Callable

from sympy import Expr, IndexedBase, KroneckerDelta, Sum, Symbol, sqrt

from bnproof.symbolic.setting import Batch, beta, eps, g, gamma, j, m, mu, s, v, x, xhat, y

# Running statistics are symbols of their own: at inference they are constants that know nothing of
# the batch.  v_r may be 0, so what divides by s_r needs v_r + eps > 0 among its conditions.
mu_r = Symbol("mu_r", real=True)
v_r = Symbol("v_r", nonnegative=True)
s_r = sqrt(v_r + eps)
# The momentum as the weight of the new value.  It is any real number; a limit needs a condition.
alpha = Symbol("alpha", real=True)
# How relations change the batch.  A check chooses the numbers, such that the change is exact in
# floating point; a is positive because scaling by a negative number is another law.
shift_by = Symbol("c", real=True)
scale_by = Symbol("a", positive=True)

h = IndexedBase("h", real=True)  # the upstream gradient of dx

# gamma' and beta' of the theorem collapse: from the batch's statistics, and from the running ones
gamma_collapsed, beta_collapsed = gamma / s, beta - gamma * mu / s
gamma_inference, beta_inference = gamma / s_r, beta - gamma * mu_r / s_r
# A loss that is linear in the outputs has any upstream gradient g that one likes, and its gradients
# are vector-Jacobian products.  With g a symbol nothing is lost by that; with g = 1 nearly
# everything would be (see the theorem vacuous-loss).
loss = Sum(g[j] * y(j), (j, 1, m))


def dx(k: Expr) -> Expr:
    """``dL/dx_k = gamma/(m s) (m g_k - sum g - xhat_k sum g xhat)``, the theorem ``gradient-x``."""
    return gamma / (m * s) * (m * g[k] - Sum(g[j], (j, 1, m)) - xhat(k) * dgamma)


def jacobian(batch: Batch) -> Callable[[Expr, Expr], Expr]:
    """``dy_i/dx_k = gamma/s (delta_ik - 1/m - xhat_i xhat_k/m)`` at a batch, as a function of both
    indices.

    Parameters
    ----------
    batch
        Where the Jacobian is taken, such as the batch ``x`` itself or a scaled one.  The derivative
        is by the entries of this batch, not by those of an ``x`` it may be made from.

    Returns
    -------
    callable
        The entry in row ``i`` and column ``k``; the theorem ``jacobian`` proves it.
    """

    def entry(i: Expr, k: Expr) -> Expr:
        """Row ``i``, column ``k``."""
        return (
            gamma / batch.std * (KroneckerDelta(i, k) - 1 / m - batch.xhat(i) * batch.xhat(k) / m)
        )

    return entry


# the theorem gradient-affine: one number each, since all values of a batch share gamma and beta
dgamma = Sum(g[j] * xhat(j), (j, 1, m))
dbeta = Sum(g[j], (j, 1, m))

# The double backward pass: a second loss sum h dx, linear in dx, of which the gradients by g, x and
# gamma are wanted.  ds_along is how s moves when x moves along h.
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
    """``gamma (value - mu_r)/s_r + beta``, inference with running statistics (Algorithm 2, line
    11)."""
    return gamma * (value - mu_r) / s_r + beta


def infer_y(i: Expr) -> Expr:
    """``gamma (x_i - mu_r)/s_r + beta``, the theorem ``inference-collapse``."""
    return inference(x[i])


infer_loss = Sum(g[j] * infer_y(j), (j, 1, m))


def infer_dx(k: Expr) -> Expr:
    """``dL/dx_k = gamma/s_r g_k`` at inference, the theorem ``inference-gradient``."""
    return gamma / s_r * g[k]


infer_dgamma = Sum(g[j] * (x[j] - mu_r) / s_r, (j, 1, m))


def running_average(old: Expr, new: Expr) -> Expr:
    """``(1 - alpha) old + alpha new``, one step of a running statistic.

    ``alpha`` weighs the new value, as PyTorch's momentum does.  Keras, Flax, ONNX and Paddle weigh
    the old one (the theorem ``momentum-conventions``).
    """
    return (1 - alpha) * old + alpha * new


running_mean = running_average(mu_r, mu)
# the two conventions for what is tracked: the batch's own variance, or Bessel's correction of it
running_var_biased = running_average(v_r, v)
running_var_unbiased = running_average(v_r, m / (m - 1) * v)
