"""Statements at the edges of cases: case distinctions inside derivatives, limits, sums and powers.

A family is a function of a random generator; it returns the statement, its conditions, and whether
the statement is true by construction (a point can still show that it is not).
"""

from __future__ import annotations

from random import Random

from sympy import (
    Abs,
    Basic,
    Derivative,
    Eq,
    Expr,
    Ge,
    Gt,
    KroneckerDelta,
    Le,
    Limit,
    Lt,
    Max,
    Ne,
    Piecewise,
    Sum,
    Symbol,
    exp,
    log,
    oo,
    sign,
    sqrt,
)

from bnproof.benchmarks.attack_identities import (
    Drawn,
    T,
    a,
    b,
    c,
    draw_ratio,
    equate,
    n,
    p,
    q,
    t,
    total,
    w,
    z,
)
from bnproof.symbolic import eps, g, gamma, i, k, m, mu, s, v, x, xhat

h = Symbol("h")


def _split_cases(rng: Random, name: Expr, at: Expr, right: Expr, left: Expr) -> Expr:
    """One expression where the name is above a value, another below."""
    relation = rng.choice((Gt, Ge))
    return Piecewise((right, relation(name, at, evaluate=False)), (left, True))


def _draw_region(rng: Random, name: Expr, at: Expr) -> tuple[tuple[Basic, ...], int, bool]:
    """A condition on the side, the side, and whether it keeps away from the value itself."""
    return rng.choice(
        (
            ((Ge(name, at),), 1, False),
            ((Gt(name, at),), 1, True),
            ((Le(name, at),), -1, False),
            ((Lt(name, at),), -1, True),
            ((Eq(name, at),), 1, False),
            ((Eq(at, name),), -1, False),
        )
    )


def kinks(rng: Random) -> Drawn:
    """Derivatives of what is defined by cases, where the cases meet and beside it."""
    name = rng.choice((a, x[i], x[1], gamma))
    at = rng.choice((b, draw_ratio(rng), c + 1, mu if name == a else b))
    given, side, apart = _draw_region(rng, name, at)
    f, rises, falls = rng.choice(
        (
            (_split_cases(rng, name, at, name - at, at - name), 1, -1),
            (_split_cases(rng, name, at, name, at), 1, 0),
            (_split_cases(rng, name, at, name, 2 * at - name), 1, -1),
            (Abs(name - at), 1, -1),
            (Max(name, at), 1, 0),
        )
    )
    slope = rises if side > 0 else falls
    smooth = _split_cases(rng, name, at, (name - at) ** 2, -((name - at) ** 2))
    step = _split_cases(rng, name, at, b + 1, b)
    return rng.choice(
        (
            (equate(Derivative(f, name), slope), given, apart),
            (equate(Derivative(f, name) * w[k], slope * w[k]), given, apart),
            (equate(Derivative(f + v, name) - Derivative(v, name), slope), given, apart),
            (equate(Derivative(smooth, name), 2 * Abs(name - at)), given, True),
            (equate(Derivative(smooth, name, name), 2 * side), given, apart),
            (equate(Derivative(step, name), 0), given, apart),
            (equate(Derivative(f**3, name), 3 * f**2 * slope), given, apart),
            (equate(Derivative(exp(f), name), slope * exp(f)), given, apart),
            (equate(Derivative(f, name), 2 * slope + 1), given, False),
        )
    )


def jumps(rng: Random) -> Drawn:
    """Limits of what is defined by cases; derivatives and sums around limits."""
    at = rng.choice((b, draw_ratio(rng), mu))
    step, hat = _split_cases(rng, h, at, a, c), Piecewise((a, Eq(h, at)), (c, True))
    turn = _split_cases(rng, h, at, h - at, at - h)
    return rng.choice(
        (
            (equate(Limit(step, h, at, "+"), a), (), True),
            (equate(Limit(step, h, at, "-"), c), (), True),
            (equate(Limit(step, h, at, "+"), c), (), False),
            (equate(Limit(step, h, at, "+-"), a), (), False),
            (equate(Limit(step, h, at, "+-"), a), (Eq(a, c),), True),
            (equate(Limit(hat, h, at, "+-"), c), (), True),
            (equate(Limit(hat, h, at, "+"), a), (), False),
            (equate(Limit(turn, h, at, "+-"), 0), (), True),
            (equate(Limit(turn / (h - at), h, at, "-"), -1), (), True),
            (equate(Limit(sign(h - at) * a, h, at, "-"), -a), (), True),
            (equate(Limit(_split_cases(rng, t, at, a, c), t, oo), a), (), True),
            (equate(Limit(_split_cases(rng, eps, 0 * at, a, c), eps, 0, "+"), a), (), True),
            (equate(Limit(KroneckerDelta(i, k) + 1 / t, t, oo), KroneckerDelta(i, k)), (), True),
            (equate(total(Limit(x[i] + h, h, 0)), m * mu), (), True),
            (equate(Limit(total(x[i] * h), h, 1), m * mu), (), True),
            (equate(Derivative(Limit(a * h**2, h, 3), a), 9), (), True),
            (equate(Limit(Derivative(h**3, h), h, 2), 12), (), True),
            (equate(Limit(Derivative(Abs(h), h), h, 0, "+"), 1), (), True),
            (equate(Limit((Max(h, at) - at) / (h - at), h, at, "+"), 1), (), True),
            (equate(Limit(sqrt(h**2 - 2 * h * at + at**2) / (h - at), h, at, "-"), -1), (), True),
            (equate(Limit(xhat(i), eps, 0, "+"), (x[i] - mu) / sqrt(v)), (v > 0,), True),
            (equate(Limit(log(h) * a, h, 1), 0), (), True),
        )
    )


def slopes_of_powers(rng: Random) -> Drawn:
    """Derivatives of symbolic powers, geometric sums and roots, where they stop existing."""
    return rng.choice(
        (
            (equate(Derivative(a**n, a), n * a ** (n - 1)), (), True),
            (equate(Derivative(a**T, a), T * a ** (T - 1)), (), False),
            (equate(Derivative(a**T, a), T * a ** (T - 1)), (Ne(a, 0),), True),
            (equate(Derivative(a**z, a), z * a ** (z - 1)), (a > 0,), True),
            (equate(Derivative(a**z, a) * a, z * a**z), (), False),
            (
                equate(Derivative(Sum(a**p, (p, 0, T)), a), Sum(p * a ** (p - 1), (p, 1, T))),
                (),
                True,
            ),
            (equate(Derivative(t**b, t), b * t ** (b - 1)), (), True),
            (equate(Derivative(sqrt(a**2 + b**2), a), a / sqrt(a**2 + b**2)), (Ne(b, 0),), True),
            (equate(Derivative(sqrt(a**2 + b**2), a), a / sqrt(a**2 + b**2)), (), False),
            (equate(Derivative(sqrt(a**2 + b**2) * (b - 1), a), 0), (Eq(b, 1),), True),
            (equate(Derivative(sqrt(a**2 + b**2) * b, a), 0), (Eq(b, 0),), True),
            (equate(Derivative(b * Abs(a), a), 0), (Eq(b, 0),), True),
            (equate(Derivative(Abs(a * b), a), b * sign(a)), (b >= 0, Ne(a, 0)), True),
            (equate(Derivative(a * sqrt(v), x[k]), 0), (Eq(a, 0),), True),
            (
                equate(Derivative(v ** (n + 1), x[k]), 2 * (n + 1) * v**n * (x[k] - mu) / m),
                (),
                True,
            ),
            (equate(total(Derivative(Abs(x[i]), x[i])), total(sign(x[i]))), (), False),
            (equate(Derivative(log(s), x[k]), (x[k] - mu) / (m * s**2)), (), True),
            (equate(Derivative(total(g[p] * x[p], p), x[k]), g[k]), (), True),
            (
                equate(Derivative(Sum(x[p] * x[q], (p, 1, q - 1), (q, 1, m)), x[k]), m * mu - x[k]),
                (),
                True,
            ),
            (equate(total(Piecewise((x[i], i <= k), (0, True))), total(x[p], p, k)), (), True),
            (equate(total(Piecewise((x[i], Ne(i, k)), (0, True))), m * mu - x[k]), (), True),
            (equate(total(Piecewise((x[i + 1], i < m), (0, True))), m * mu - x[1]), (), True),
        )
    )
