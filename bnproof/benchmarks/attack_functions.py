"""Statements at the edges of functions: roots, derivatives, powers, logarithms, limits, orders.

A family is a function of a random generator; it returns the statement, its conditions, and whether
the statement is true by construction (a point can still show that it is not).
"""

from __future__ import annotations

from random import Random

from sympy import (
    Abs,
    Add,
    Derivative,
    Ge,
    Gt,
    KroneckerDelta,
    Le,
    Limit,
    Max,
    Min,
    Mul,
    Ne,
    Piecewise,
    Rational,
    Sum,
    Symbol,
    exp,
    log,
    oo,
    sign,
    sqrt,
)

from bnproof.benchmarks.attack_identities import Drawn, T, a, b, n, of, ratio, t, total, z
from bnproof.symbolic import Every, eps, g, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.symbolic.expectation import E


def roots(rng: Random) -> Drawn:
    """Square roots: of squares, of products, of what may be negative."""
    r = abs(ratio(rng))
    d = a - ratio(rng)
    return rng.choice(
        (
            (of(sqrt(d**2), Abs(d)), (), True),
            (of(sqrt(d**2), d), (), False),
            (of(sqrt(d**2), d), (Ge(d, 0),), True),
            (of(sqrt(r**2 * (v + eps)), r * s), (), True),
            (of(sqrt(a**2 * v + a**2 * eps), Abs(a) * s), (), True),
            (of(sqrt(a**2 * v + a**2 * eps), a * s), (Ne(a, 0),), False),
            (of(sqrt(a * b), sqrt(a) * sqrt(b)), (), False),
            (of(sqrt(a * b), sqrt(a) * sqrt(b)), (a >= 0, b >= 0), True),
            (of(sqrt(a) ** 2, a), (), False),
            (of(sqrt(a) * sqrt(b), sqrt(a * b)), (a * b >= 0,), False),
            (of(1 / sqrt(v), sqrt(v) / v), (v > 0,), True),
            (of(1 / sqrt(v), sqrt(v) / v), (), False),
            (of(sqrt(v + eps + 1) * sqrt(v + eps), sqrt((v + eps) * (v + eps + 1))), (), True),
            (of((s - 1) * (s + 1), v + eps - 1), (), True),
            (of(1 / (s + 1), (s - 1) / (v + eps - 1)), (), False),
            (of(1 / (s + 1), (s - 1) / (v + eps - 1)), (Ne(v + eps, 1),), True),
            (of(sqrt(x[i] ** 2 - 2 * x[i] * mu + mu**2), Abs(x[i] - mu)), (), True),
            (of(sqrt(m * v + m * eps), sqrt(m) * s), (), True),
            (of((a**2) ** Rational(3, 2), a**3), (), False),
            (of(sqrt(a**4), a**2), (), True),
            (of(sqrt(a + b) * a - a * sqrt(a + b), 0), (Ge(a, 0),), False),
        )
    )


def derivatives(rng: Random) -> Drawn:
    """Derivatives, also ones that need not exist, or cancel before they are looked at."""
    f = rng.choice((Abs(a), sqrt(a), a * Abs(a), Max(a, 0), Abs(a) ** 3, sign(a), 1 / a, a**3))
    slope = Derivative(f, a)
    r = ratio(rng)
    loss = total(g[j] * y(j), j)
    return rng.choice(
        (
            (of(Add(slope, -slope, evaluate=False), 0), (), False),
            (of(Mul(slope, 0, evaluate=False), 0), (), False),
            (of(Add(slope, -slope, evaluate=False), 0), (a > 0,), True),
            (of(slope + b, b + slope), (Ne(a, 0),), False),
            (of(Derivative(Abs(a), a), sign(a)), (), False),
            (of(Derivative(Abs(a), a), sign(a)), (Ne(a, 0),), True),
            (of(Derivative(a * Abs(a), a), 2 * Abs(a)), (), True),
            (of(Derivative(a**2 * Abs(a), a, a), 6 * Abs(a)), (), True),
            (of(Derivative(Max(a, r), a), 1), (a > r,), True),
            (of(Derivative(Max(a, r), a), 1), (a >= r,), False),
            (of(Derivative(sqrt(a), a), 1 / (2 * sqrt(a))), (a > 0,), True),
            (of(Derivative(sqrt(a), a), 1 / (2 * sqrt(a))), (a >= 0,), False),
            (of(Derivative(sqrt(v), x[k]), (x[k] - mu) / (m * sqrt(v))), (v > 0,), True),
            (of(Derivative(sqrt(v), x[k]), (x[k] - mu) / (m * sqrt(v))), (), False),
            (of(total(Derivative(loss, x[k]), k), 0), (), True),
            (
                of(
                    total(x[k] * Derivative(loss, x[k]), k),
                    gamma * eps * total(g[j] * xhat(j), j) / s**2,
                ),
                (),
                True,
            ),
            (of(total(x[k] * Derivative(loss, x[k]), k), 0), (), False),
            (of(Derivative(v, x[i], x[k]), 2 * (KroneckerDelta(i, k) - 1 / m) / m), (), True),
            (of(Derivative(s, eps), 1 / (2 * s)), (), True),
            (of(Derivative(x[i], x[k]), KroneckerDelta(i, k)), (), True),
            (of(Derivative(x[i] * a, a), x[i]), (), True),
            (of(Derivative(x[i] * x[k], x[k]), x[i]), (Ne(i, k),), True),
            (of(Derivative(x[i] * x[k], x[k]), x[i]), (), False),
            (of(Derivative(a**2, a), 2 * b), (of(a, b),), True),
            (of(Derivative(a**2, a), 0), (of(a, 0),), True),
            (of(Derivative(a * b, a), 2 * a), (of(a, b),), False),
            (of(Derivative(mu**2, x[1], x[2]), 2 / m**2), (m >= 2,), True),
            (of(Derivative(Piecewise((a, a > 0), (-a, True)), a), 1), (a >= 0,), False),
            (of(Derivative(total(x[i], i, m - 1), x[m]), 0), (), True),
        )
    )


def powers(rng: Random) -> Drawn:
    """Symbolic powers and geometric sums, 0^0 among them."""
    r = ratio(rng)
    return rng.choice(
        (
            (of((1 - a) * Sum(a**j, (j, 0, T)), 1 - a ** (T + 1)), (), True),
            (of(Sum(a**j, (j, 0, T)), (1 - a ** (T + 1)) / (1 - a)), (), False),
            (of(Sum(a**j, (j, 0, T)), (1 - a ** (T + 1)) / (1 - a)), (Ne(a, 1),), True),
            (of(Sum(r ** (j + 1), (j, 1, T)), r * Sum(r**j, (j, 1, T))), (), True),
            (of(a ** (T - n) * a**n, a**T), (), False),
            (of(a ** (T - n) * a**n, a**T), (Ne(a, 0),), True),
            (of(a**T * a**n, a ** (T + n)), (), True),
            (of((a**T) ** 2, a ** (2 * T)), (), True),
            (of((a * b) ** T, a**T * b**T), (), True),
            (of((a + b) ** T, a**T + b**T), (), False),
            (of((-1) ** (2 * T), 1), (), True),
            (of((-1) ** T, 1), (), False),
            (of(a**T, 0), (of(a, 0),), False),
            (of(a**n, 0), (of(a, 0),), True),
            (of(a ** (-T), 1 / a**T), (Ne(a, 0),), True),
            (of(a ** (-T), 1 / a**T), (), False),
            (of(Sum((1 - a) ** (T - n), (n, 1, T)) * a, 1 - (1 - a) ** T), (), True),
            (
                of(Sum(j * a**j, (j, 1, m)) * (1 - a), Sum(a**j, (j, 1, m)) - m * a ** (m + 1)),
                (),
                True,
            ),
            (of(Sum(2**j, (j, 0, T)), 2 ** (T + 1) - 1), (), True),
            (of(Sum((-1) ** j, (j, 1, 2 * T)), 0), (), True),
            (of(a**z * a ** (-z), 1), (), False),
            (of(a**z * a ** (-z), 1), (a > 0,), True),
            (of(t**a * t**b, t ** (a + b)), (), True),
            (
                of(
                    Sum(a ** (m - j) * x[j], (j, 1, m)),
                    a * Sum(a ** (m - 1 - j) * x[j], (j, 1, m - 1)) + x[m],
                ),
                (),
                True,
            ),
        )
    )


def functions(rng: Random) -> Drawn:
    """Logarithms, exponentials, maxima, and conditions on every entry."""
    return rng.choice(
        (
            (of(log(a * b), log(a) + log(b)), (a > 0, b > 0), True),
            (of(log(a * b), log(a) + log(b)), (), False),
            (of(log(a**2), 2 * log(a)), (Ne(a, 0),), False),
            (of(log(a**2), 2 * log(Abs(a))), (Ne(a, 0),), True),
            (of(log(s**2), 2 * log(s)), (), True),
            (of(exp(log(t)), t), (), True),
            (of(log(exp(a)), a), (), True),
            (of(exp(a) * exp(b), exp(a + b)), (), True),
            (of(Add(log(a), -log(a), evaluate=False), 0), (a >= 0,), False),
            (of(Max(a, b) + Min(a, b), a + b), (), True),
            (of(Max(a, b), (a + b + Abs(a - b)) / 2), (), True),
            (of(Max(a, b), a), (a >= b,), True),
            (of(Max(a, b), a), (a >= b - 1,), False),
            (of(Max(a, b) * Min(a, b), a * b), (), True),
            (of(Max(v, 0), v), (), True),
            (of(Max(x[i], mu), x[i]), (), False),
            (of(Abs(a) * sign(a), a), (), True),
            (of(sign(a) ** 2, 1), (), False),
            (of(sign(a) ** 2, 1), (Ne(a, 0),), True),
            (of(total(Abs(x[i])), m * mu), (Every(x[i] >= 0),), True),
            (of(total(Abs(x[i])), m * mu), (x[i] >= 0,), False),
            (of(v, 0), (Every(of(x[i], x[k])),), True),
            (of(total(log(x[i]) - log(x[i] ** 2) / 2), 0), (Every(x[i] > 0),), True),
            (Gt(mu, x[k], evaluate=False), (Every(x[i] > 0),), False),
            (of(Piecewise((a, a > b), (b, True)), Max(a, b)), (), True),
            (of(exp(a) * exp(-a), 1), (), True),
            (Gt(exp(a), 0, evaluate=False), (), True),
            (Ge(exp(a), 1 + a, evaluate=False), (), True),
            (Ge(log(1 + t), t, evaluate=False), (), False),
        )
    )


def limits(rng: Random) -> Drawn:
    """Limits that exist, that do not, and that jump."""
    r = ratio(rng)
    h = Symbol("h")
    return rng.choice(
        (
            (of(Limit(v / (v + 1 / t), t, oo), 1), (v > 0,), True),
            (of(Limit(v / (v + 1 / t), t, oo), 1), (), False),
            (of(Limit(v / (v + eps), eps, 0, "+"), 1), (v > 0,), True),
            (of(Limit(v / (v + eps), eps, 0, "+"), 1), (), False),
            (of(Limit(((a + h) ** 2 - a**2) / h, h, 0), 2 * a), (), True),
            (of(Limit(Abs(h) / h, h, 0, "+"), 1), (), True),
            (of(Limit(Abs(h) / h, h, 0, "+-"), 1), (), False),
            (of((a - 1) * Limit(1 / h, h, 0, "+"), 0), (of(a, 1),), False),
            (of(Limit(a * n / (n + 1), n, oo), a), (), True),
            (of(Limit(a * n / (b * n + 1), n, oo), a / b), (Ne(b, 0),), True),
            (of(Limit(a * n / (b * n + 1), n, oo), a / b), (), False),
            (of(Limit(sign(h - r), h, r, "+"), 1), (), True),
            (of(Limit(sign(h - r), h, r, "-"), 1), (), False),
            (of(Limit(sqrt(v + h), h, 0, "+"), sqrt(v)), (), True),
            (of(Limit(sqrt(v + h), h, 0, "-"), sqrt(v)), (), False),
            (of(Limit((h**2 - r**2) / (h - r), h, r), 2 * r), (), True),
            (of(Limit(xhat(i), eps, oo), 0), (), True),
            (of(Limit(a + h, h, 0) + h, a + h), (), True),
            (of(Limit(x[i] + 1 / t, t, oo), x[i]), (), True),
            (
                of(Add(Limit(1 / h, h, 0, "+"), -Limit(1 / h, h, 0, "+"), evaluate=False), 0),
                (),
                False,
            ),
        )
    )


def inequalities(rng: Random) -> Drawn:
    """Orders, strict and not, of what is a sum of squares or is not."""
    r = abs(ratio(rng))
    return rng.choice(
        (
            (Ge(v, 0, evaluate=False), (), True),
            (Gt(v, 0, evaluate=False), (), False),
            (Gt(v + eps, 0, evaluate=False), (), True),
            (Gt(s, 0, evaluate=False), (), True),
            (Ge(total(x[i] ** 2), m * mu**2, evaluate=False), (), True),
            (Gt(total(x[i] ** 2), m * mu**2, evaluate=False), (), False),
            (Le(v / (v + eps), 1, evaluate=False), (), True),
            (Ge(s, sqrt(v), evaluate=False), (), True),
            (Ge(s, 1, evaluate=False), (Ge(eps, 1),), True),
            (Ge(eps * x[i], 0, evaluate=False), (x[i] > 0,), True),
            (Ge(x[i] * x[k], 0, evaluate=False), (x[i] > 0,), False),
            (Gt(mu, 0, evaluate=False), (Every(x[i] > 0),), True),
            (Gt(mu, 0, evaluate=False), (x[i] > 0,), False),
            (Ge(mu, r, evaluate=False), (Every(x[i] >= r),), True),
            (Gt(mu, r, evaluate=False), (Every(x[i] >= r),), False),
            (Ge(a**2 + b**2, 2 * a * b, evaluate=False), (), True),
            (Gt(a**2 + b**2, 2 * a * b, evaluate=False), (Ne(a, b),), True),
            (Ge(a * b, 0, evaluate=False), (a >= 0, b >= 0), True),
            (Gt(a * b, 0, evaluate=False), (a >= 0, b > 0), False),
            (Ge(m * v, (x[i] - mu) ** 2, evaluate=False), (), True),
            (Ge(v, (x[i] - mu) ** 2, evaluate=False), (), False),
            (Ge(1 / a, 0, evaluate=False), (a >= 0,), False),
            (Gt(1 / a, 0, evaluate=False), (a > 0,), True),
            (Ne(a, b, evaluate=False), (a > b,), True),
            (Ne(v, 0, evaluate=False), (m >= 2,), False),
            (Ge(m, 1, evaluate=False), (), True),
            (Ge(m, i, evaluate=False), (), True),
            (Gt(m, i, evaluate=False), (), False),
            (Ge(Abs(a) + Abs(b), Abs(a + b), evaluate=False), (), True),
            (Le((1 - v) * v, Rational(1, 4), evaluate=False), (), True),
            (Ge(a**2 - a, 0, evaluate=False), (Ge(a, 1),), True),
            (Ge(z**2 - z, 0, evaluate=False), (), True),
        )
    )


def expectations(rng: Random) -> Drawn:
    """Expected values over uncorrelated entries."""
    M, sigma = Symbol("M", real=True), Symbol("sigma", real=True)
    return rng.choice(
        (
            (of(E(mu, M, sigma), M), (), True),
            (of(E(v, M, sigma), (m - 1) * sigma**2 / m), (), True),
            (of(E(v, M, sigma), sigma**2), (), False),
            (of(E(mu**2, M, sigma), M**2 + sigma**2 / m), (), True),
            (of(E(x[i] * x[k], M, sigma), M**2 + sigma**2 * KroneckerDelta(i, k)), (), True),
            (of(E(x[i] * x[k], M, sigma), M**2), (Ne(i, k),), True),
            (of(E(x[i] * x[k], M, sigma), M**2), (), False),
            (of(E(m * v / (m - 1), M, sigma), sigma**2), (m >= 2,), True),
            (of(E(m * v / (m - 1), M, sigma), sigma**2), (), False),
            (of(E(a * x[1], M, sigma), E(mu * x[1], M, sigma)), (of(a, mu),), False),
            (of(E(x[i] - M, M, sigma), x[i] - M), (), False),
            (of(E(x[2], M, sigma), M), (), False),
        )
    )
