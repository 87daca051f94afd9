"""Forty subtly false variants of the book's statements: each one is refuted by exact numbers."""

import pytest
from sympy import (
    Abs,
    Derivative,
    Eq,
    IndexedBase,
    KroneckerDelta,
    Le,
    Limit,
    Ne,
    Sum,
    Symbol,
    exp,
    oo,
    sign,
    sqrt,
    tanh,
)

from bnproof.symbolic import Batch, Refuted, eps, g, gamma, i, j, k, m, mu, prove, s, v, x, xhat, y
from bnproof.symbolic.expectation import E, NormalE
from bnproof.theorems.closed_forms import (
    alpha,
    beta_collapsed,
    dgamma,
    dx,
    gamma_collapsed,
    infer_y,
    jacobian,
    loss,
    mu_r,
    running_average,
    s_r,
    v_r,
)

a, c, z = (Symbol(name, real=True) for name in "acz")
M, sigma = Symbol("M", real=True), Symbol("sigma", positive=True)
T = Symbol("T", integer=True, nonnegative=True)
K, n = (Symbol(name, integer=True, positive=True) for name in "Kn")
h, u, w = (IndexedBase(name, real=True) for name in "huw")
sizes = IndexedBase("n", integer=True, positive=True)
q = v / (v + eps)
scaled, shifted = Batch(lambda r: a * x[r]), Batch(lambda r: x[r] + c)
other, out, twice = Batch(u.__getitem__), Batch(y), Batch(xhat)
alive = v_r + eps > 0
kept = (1 - alpha) ** T
sigmoid = 1 / (1 + exp(-z))


def total(summand, index=j):
    """The sum over the batch."""
    return Sum(summand, (index, 1, m))


def worker_mean(r):
    """The mean of one worker's share."""
    return Sum(u[r, i], (i, 1, sizes[r])) / sizes[r]


def everywhere(summand):
    """The mean over every entry of every worker."""
    return Sum(summand, (i, 1, sizes[k]), (k, 1, K)) / Sum(sizes[k], (k, 1, K))


def direction(target):
    """The derivative of ``target`` along ``h``."""
    return total(Derivative(target, x[j]) * h[j])


VARIANTS = {
    "collapse, the shift's sign": (
        Eq(y(i), gamma_collapsed * x[i] + beta_collapsed + 2 * gamma * mu / s),
    ),
    "collapse, s squared": (
        Eq(y(i), gamma / s**2 * (x[i] - mu) + beta_collapsed + gamma * mu / s),
    ),
    "determinant of the bijection, s for 1/s": (Eq(Derivative(gamma_collapsed, gamma), s),),
    "gamma' follows the batch, without 1/m": (
        Eq(Derivative(gamma_collapsed, x[k]), -gamma * xhat(k) / s**2),
    ),
    "Jacobian, off by 1/m": (
        Eq(Derivative(y(i), x[k]), gamma / s * (KroneckerDelta(i, k) - xhat(i) * xhat(k) / m)),
    ),
    "Jacobian, true off the diagonal only": (
        Eq(Derivative(y(i), x[k]), -gamma / (m * s) * (1 + xhat(i) * xhat(k))),
    ),
    "inference, eps dropped": (
        Eq(infer_y(i), gamma * (x[i] - mu_r) / sqrt(v_r) + Symbol("beta", real=True)),
        v_r > 0,
    ),
    "shift, the variance moves": (Eq(shifted.variance, v + c**2),),
    "scale, eps over |a|": (
        Eq(scaled.xhat(i), sign(a) * Batch(x.__getitem__, eps=eps / Abs(a)).xhat(i)),
        Ne(a, 0),
    ),
    "scale, a < 0 without the sign": (Eq(scaled.y(i), y(i)), a < 0, Eq(eps, 0)),
    "scale defect, upside down": (
        Eq(scaled.xhat(i) ** 2 * (v + eps), xhat(i) ** 2 * (v + eps / a**2)),
        a > 0,
    ),
    "layer scale, 1/a^2": (
        Eq(jacobian(scaled)(i, k), jacobian(Batch(x.__getitem__))(i, k) / a**2),
        a > 0,
        Eq(eps, 0),
    ),
    "euler, s for s^2": (Eq(total(x[k] * dx(k), k), gamma * eps / s * dgamma),),
    "norm growth, eta for eta^2": (
        Eq(Sum((w[j] - a * h[j]) ** 2, (j, 1, n)), Sum(w[j] ** 2 + a * h[j] ** 2, (j, 1, n))),
        Eq(Sum(w[j] * h[j], (j, 1, n)), 0),
    ),
    "negative gamma, about 0": (Eq(Batch(x.__getitem__).y(i, gamma=-gamma), -y(i)),),
    "idempotence with eps": (Eq(twice.xhat(i), xhat(i)), eps > 0, v > 0),
    "variance of the output, eps dropped": (Eq(out.variance, gamma**2), v > 0),
    "variance of the output, Bessel": (Eq(m / (m - 1) * out.variance, gamma**2 * q), m >= 2),
    "samuelson, m - 2": (Le(xhat(i) ** 2, (m - 2) * q, evaluate=False), m >= 2),
    "samuelson, 1 over m": (
        Eq((m - 1) * v - (x[i] - mu) ** 2, Sum((x[j] - x[k]) ** 2, (j, 1, m), (k, 1, m)) / (2 * m)),
    ),
    "true for m = 1 and 2 only": (Eq((x[i] - mu) ** 2, v),),
    "fourth moment, without the 1 - 1/m": (
        Eq(NormalE((x[i] - mu) ** 4, M, sigma), 3 * sigma**4 * (m - 1) / m),
    ),
    "kurtosis of a normal batch": (
        Eq(NormalE((x[i] - mu) ** 4, M, sigma) / NormalE(v**2, M, sigma), 3 * (m - 1) / m),
        m >= 2,
    ),
    "covariance kept": (
        Eq(
            total((y(j) - out.mean) * (u[j] - other.mean)),
            gamma * total((x[j] - mu) * (u[j] - other.mean)),
        ),
    ),
    "spread restored by t": (Eq(Batch(lambda r: a * xhat(r)).variance, a**2), v > 0, eps > 0),
    "gradient, s held constant": (
        Eq(Derivative(loss, x[k]), gamma / s * (g[k] - total(g[j]) / m)),
    ),
    "gradient, m - 1 for m": (Eq(Derivative(loss, x[k]), m / (m - 1) * dx(k)), m >= 2),
    "gradient orthogonal to xhat with eps": (Eq(total(dx(k) * xhat(k), k), 0), eps > 0),
    "gradient norm, the eps term": (
        Eq(
            total(dx(k) ** 2, k),
            (gamma / s) ** 2 * (total(g[j] ** 2) - total(g[j]) ** 2 / m - dgamma**2 / m),
        ),
        eps > 0,
    ),
    "double backward, half": (Eq(direction(s), total(xhat(j) * h[j]) / (2 * m)),),
    "eps sensitivity, s^2": (Eq(Derivative(y(i), eps), -gamma * (x[i] - mu) / (2 * s**2)),),
    "inference gradient, cross terms": (
        Eq(Derivative(infer_y(i), x[k]), gamma / s_r * (KroneckerDelta(i, k) - 1 / m)),
        alive,
    ),
    "moving average, exponent off by one": (
        Eq(running_average(kept * a, c), (1 - alpha) ** (T + 1) * a + alpha * (1 - alpha) * c),
    ),
    "Bessel forgotten": (Eq(E(v, M, sigma), sigma**2),),
    "Bessel inverted": (Eq(E(m / (m - 1) * v, M, sigma), (m - 1) / m * sigma**2), m >= 2),
    "spread of the mean, sigma^2/m^2": (Eq(E((mu - M) ** 2, M, sigma), sigma**2 / m**2),),
    "limit with Bessel": (
        Eq(Limit(kept * a + (1 - kept) * m / (m - 1) * v, T, oo), v),
        m >= 2,
        alpha > 0,
        alpha < 2,
    ),
    "total variance, within only": (
        Eq(
            everywhere((u[k, i] - everywhere(u[k, i])) ** 2),
            everywhere((u[k, i] - worker_mean(k)) ** 2),
        ),
    ),
    "two-pass variance, d for d^2": (Eq(total((x[j] - mu - c) ** 2) / m, v + c),),
    "condition number, mu^2/v": (Eq(total(x[j] ** 2) / (m * v), mu**2 / v), v > 0),
    "curvature without the mean": (Eq(total(x[j] ** 2) / m, v),),
    "one step, without the 1": (Eq(total((x[i] * x[j] + 1) * g[j]), x[i] * total(x[j] * g[j])),),
    "sigmoid, tanh of z": (Eq(sigmoid, (1 + tanh(z)) / 2),),
    "sigmoid's slope, sigma squared": (Eq(Derivative(sigmoid, z), sigmoid**2),),
}


def test_there_are_at_least_forty():
    """The list is as long as it claims to be."""
    assert len(VARIANTS) >= 40


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_variant_is_refuted(variant):
    """The variant comes back with a small exact point at which its two sides differ."""
    with pytest.raises(Refuted) as refuted:
        prove(*variant)
    assert refuted.value.counterexample.lhs != refuted.value.counterexample.rhs
