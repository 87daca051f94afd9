"""Statements whose indices and bounds are expressions, and whose conditions are connectives.

Each family is a function of a random generator.  It returns a statement, its conditions, and
whether the statement is true by construction.  A point can still show that it is not.

An index such as ``1 + d(i, k)``, with a Kronecker delta, is an integer that depends on others, and
the entry exists only for some of their values.  A condition built with ``Or`` allows the points of
either part, so a proof has to cover both.

Start reading at :func:`nested`.
"""

from __future__ import annotations

from random import Random

from sympy import (
    Abs,
    And,
    Derivative,
    Eq,
    Ge,
    KroneckerDelta,
    Limit,
    Max,
    Min,
    Ne,
    Not,
    Or,
    Piecewise,
    Sum,
    oo,
)

from bnproof.benchmarks.attack_identities import (
    Drawn,
    T,
    a,
    b,
    draw_ratio,
    equate,
    n,
    p,
    q,
    total,
    u,
    w,
    z,
)
from bnproof.symbolic import Every, eps, g, gamma, i, j, k, m, mu, s, v, x, xhat

# d(i, k) is 1 for i = k, otherwise 0
d = KroneckerDelta


def nested(rng: Random) -> Drawn:
    """Deltas, sums and maxima inside an index or a bound, and bases with two indices.

    A prover that replaces an index by another has to know that both are in ``1..m``.  One that
    reverses, shifts or swaps sums has to carry the bounds along.
    """
    both_heads = total(x[j], j, Min(i, k)) + total(x[j], j, Max(i, k))
    form = Sum(w[i, j] * x[i] * x[j], (i, 1, m), (j, 1, m))
    transposed = Sum(w[j, i] * x[i] * x[j], (i, 1, m), (j, 1, m))
    rows = (
        # the index is the sum, which counts to i
        (equate(x[Sum(1, (j, 1, i))], x[i]), (), True),
        # for i = k this is x[2], which a batch of one does not have
        (equate(x[1 + d(i, k)] + a, a + x[1 + d(i, k)]), (), False),
        (equate(x[1 + d(i, k)] + a, a + x[1 + d(i, k)]), (m >= 2,), True),
        (equate(x[Max(i, k)] + x[Min(i, k)], x[i] + x[k]), (), True),
        (equate(x[Max(i, k)], x[k]), (i <= k,), True),
        (equate(x[Max(i, k)], x[k]), (), False),
        (equate(both_heads, total(x[j], j, i) + total(x[j], j, k)), (), True),
        # x[i + k] need not exist, and 0 times it does not exist either
        (equate(d(i, k) * x[i + k], d(i, k) * x[2 * k]), (), False),
        (equate(d(2 * i, 2 * k), d(i, k)), (), True),
        (equate(d(i + 1, k), d(i, k - 1)), (), True),
        (equate(d(i**2, k**2), d(i, k)), (), True),
        (equate(d(z**2, 1), d(z, 1) + d(z, -1)), (), True),
        # z = -1 has the same square
        (equate(d(z**2, 1), d(z, 1)), (), False),
        (equate(d(z, n) * d(z, T), d(n, T) * d(z, T)), (), True),
        # the left side is 1 for every even m
        (equate(total(d(2 * i, m)), d(m, 2) / 2), (), False),
        (equate(total(d(i, m + 1)), 0), (), True),
        (equate(total(d(i, 0) + d(i, m)), 1), (), True),
        # for k = m there is no x[k + 1], and the sum is 0
        (equate(total(d(i, k + 1) * x[i]), x[k + 1]), (), False),
        (equate(total(d(i, k + 1) * x[i]), x[k + 1]), (k < m,), True),
        (equate(total(d(i, k + 1)), 1 - d(k, m)), (), True),
        (equate(Sum(w[i, j] * d(i, j), (i, 1, m), (j, 1, m)), total(w[i, i])), (), True),
        (equate(form, transposed), (), True),
        # nobody says that the matrix is symmetric
        (equate(w[i, k], w[k, i]), (), False),
        (equate(Sum(w[i, j], (i, 1, m), (j, 1, i)), 0), (), False),
        # the same terms backwards, shifted, and split into even and odd
        (equate(Sum(u[j], (j, 1, T)), Sum(u[T + 1 - j], (j, 1, T))), (), True),
        (equate(Sum(u[j - 1], (j, 1, T)), Sum(u[j], (j, 0, T - 1))), (), True),
        (
            equate(
                Sum(u[2 * j], (j, 1, T)), Sum(u[j], (j, 1, 2 * T)) - Sum(u[2 * j - 1], (j, 1, T))
            ),
            (),
            True,
        ),
        (equate(Sum(Sum(u[q], (q, p, T)), (p, 1, T)), Sum(q * u[q], (q, 1, T))), (), True),
        # the sum binds a, by which the summand is differentiated
        (equate(total(Derivative(a**2, a), a), m * (m + 1)), (), True),
        (equate(Limit(total(x[j], j, i) + 1 / (n + i), n, oo), total(x[j], j, i)), (), True),
        (equate(total(Abs(i - k)), k * (k - 1) / 2 + (m - k) * (m - k + 1) / 2), (), True),
        (equate(total(Abs(i - k)), m * (m - 1) / 2), (), False),
        (equate(total(Max(i, k)), k**2 + Sum(j, (j, k + 1, m))), (), True),
    )
    return rng.choice(rows)


def connectives(rng: Random) -> Drawn:
    """``Or``, ``Not`` and ``And`` among the conditions, and conditions that hold for every entry.

    Some conditions decide a statement only together with what the setting presumes.  ``s^2 = 1``
    gives ``s = 1`` because ``s > 0``, while ``a^2 = 1`` leaves two values for ``a``.
    """
    r = draw_ratio(rng)
    rows = (
        (equate((a - 1) * (b - 1), 0), (Or(Eq(a, 1), Eq(b, 1)),), True),
        # the second part allows any a
        (equate((a - 1) * (b - 1), 0), (Or(Eq(a, 1), b > 0),), False),
        (equate(a / a + b - b, 1), (Not(Eq(a, 0)),), True),
        (equate(Abs(a), a), (Not(a < 0),), True),
        # a may be negative as long as b is not
        (equate(Abs(a), a), (Not(And(a < 0, b < 0)),), False),
        (equate(xhat(1), -xhat(2)), (And(Eq(m, 2), eps > 0),), True),
        (equate(v, 0), (Or(Eq(m, 1), Every(Eq(x[i], x[k]))),), True),
        # the conditions contradict each other, so no point can show anything
        (equate(v, 0), (Every(Eq(x[i], x[k])), v > 0), False),
        (equate(v, 0), (Every(Eq(x[i], r)),), True),
        (equate(mu, r), (Every(Eq(x[i], r)),), True),
        (equate(mu, x[1]), (Every(Ge(x[i], x[1])),), False),
        (equate(total(g[i] * x[i]), mu * total(g[i])), (Every(Eq(g[i], g[k])),), True),
        (equate(total(g[i] * x[i]), 0), (Every(Eq(g[i] * x[i], 0)),), True),
        # of one index only, unlike the row above
        (equate(total(g[i] * x[i]), 0), (Eq(g[i] * x[i], 0),), False),
        (equate(x[i] * x[k], 0), (Every(Eq(x[i] * x[k], 0)),), True),
        (equate(x[i] - x[j], x[k] - x[j]), (Eq(x[i], x[k]),), True),
        (equate(a * x[i], b * x[i]), (Or(Eq(a, b), Eq(x[i], 0)),), True),
        (equate(gamma * xhat(i), 0), (Or(Eq(gamma, 0), Eq(v, 0)),), True),
        (equate(gamma * xhat(i), 0), (Eq(gamma * v, 0),), True),
        # eps = 0 does not make the product 0
        (equate(gamma * xhat(i), 0), (Eq(gamma * eps, 0),), False),
        (equate(s, 1), (Eq(v + eps, 1),), True),
        # s > 0 in the setting
        (equate(s, 1), (Eq(s**2, 1),), True),
        (equate(a, 1), (Eq(a**2, 1),), False),
        (equate(a, 1), (Eq(a**2, 1), a > 0), True),
        (equate(a, 0), (Eq(a**2 + b**2, 0),), True),
        (equate(x[i], mu), (Eq(v, 0),), True),
        (equate(x[i], 0), (Eq(total(x[i] ** 2), 0),), True),
        (equate(x[i], x[k]), (Eq(i, k),), True),
        (equate(x[i], x[k]), (Ne(i, k),), False),
        (equate(1 / (i - k), 1 / (i - k)), (Ne(i, k),), True),
        # both sides are the same tree, and neither exists for i = k
        (equate(1 / (i - k) + a, a + 1 / (i - k)), (), False),
        (equate(m * mu, x[1] + x[2]), (And(m >= 2, m <= 2),), True),
        # m = 3 has one more entry
        (equate(m * mu, x[1] + x[2]), (Or(Eq(m, 2), Eq(m, 3)),), False),
        (equate(Piecewise((a, m >= 2), (b, True)), a), (Or(m >= 3, Eq(m, 2)),), True),
    )
    return rng.choice(rows)
