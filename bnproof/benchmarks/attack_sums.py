"""Statements at the edges of sums: deltas, shadowed names, conditions, empty sums, pairs.

A family is a function of a random generator; it returns the statement, its conditions, and whether
the statement is true by construction (a point can still show that it is not).
"""

from __future__ import annotations

from random import Random

from sympy import (
    Abs,
    Add,
    And,
    Derivative,
    Idx,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Max,
    Mul,
    Ne,
    Or,
    Piecewise,
    Pow,
    Rational,
    Sum,
    Symbol,
    log,
    sign,
    sqrt,
)

from bnproof.benchmarks.attack_identities import (
    Drawn,
    T,
    a,
    b,
    c,
    n,
    of,
    p,
    q,
    ratio,
    total,
    u,
    w,
    z,
)
from bnproof.symbolic import Batch, beta, eps, g, i, j, k, m, mu, s, v, x, xhat, y


def deltas(rng: Random) -> Drawn:
    """Kronecker deltas: free, bound, numbers, declared integers."""
    d = KroneckerDelta
    number = Integer(rng.randint(0, 3))
    return rng.choice(
        (
            (of(total(d(i, k) * x[i]), x[k]), (), True),
            (of(total(d(i, number) * x[i]), x[number]), (), False),
            (of(total(d(i, n)), 1), (), False),
            (of(total(d(i, n)), 1), (n <= m,), True),
            (of(total(d(i, z)), Piecewise((1, And(z >= 1, z <= m)), (0, True))), (), True),
            (of(d(i, k) * x[i], d(i, k) * x[k]), (), True),
            (of(d(i, k) ** 2, d(i, k)), (), True),
            (of(d(i, k) * d(j, k), d(i, k) * d(i, j)), (), True),
            (of(d(i, k) * d(i, j) * d(j, k), d(i, k) * d(j, k)), (), True),
            (of(d(i, k), 0), (Ne(i, k),), True),
            (of(d(i, k), 0), (m >= 2,), False),
            (of(Sum(d(p, q) * x[p] * g[q], (p, 1, m), (q, 1, m)), total(x[i] * g[i])), (), True),
            (of(Sum(d(p, q), (p, 1, m), (q, 1, m)), m), (), True),
            (of(Sum(d(p + 1, q), (p, 1, m), (q, 1, m)), m - 1), (), True),
            (of(Sum(d(p + q, m), (p, 1, m), (q, 1, m)), m - 1), (), True),
            (of(Sum(d(p, 2 * q), (p, 1, m), (q, 1, m)), m / 2), (), False),
            (of(total(d(j, m) * x[j], j), x[m]), (), True),
            (of(total(d(j, 1) * x[j], j, m - 1), x[1]), (m >= 2,), True),
            (of(total(d(j, 1) * x[j], j, m - 1), x[1]), (), False),
            (of(total(d(m + 1 - j, k) * x[j], j), x[m + 1 - k]), (), True),
            (of(total((1 - d(i, k)) * x[i]), m * mu - x[k]), (), True),
            (of((1 - d(i, k)) / (1 - d(i, k)), 1), (), False),
            (of(d(m, number), d(number, m)), (), True),
            (of(d(n, z) * n, d(n, z) * z), (), True),
            (of(total(d(i, T) * w[i], i, T), w[T]), (), False),
            (of(total(d(i, T) * w[i], i, T), w[T]), (T >= 1,), True),
        )
    )


def dummies(rng: Random) -> Drawn:
    """Bound names that occur outside, twice, or as the label of a base."""
    label = IndexedBase("a", real=True)
    idx = Idx("r", (1, m))
    plain = Symbol("r")
    return rng.choice(
        (
            (of(total(x[i] * total(x[i])), m**2 * mu**2), (), True),
            (of(total(x[i] * total(x[i])), total(x[i] ** 2)), (), False),
            (of(total(x[i]) * x[i], m * mu * x[i]), (), True),
            (of(total(x[i] + x[k], k), m * x[i] + m * mu), (), True),
            (of(total(x[i] + x[k]), m * x[i] + m * mu), (), False),
            (of(Sum(x[a], (a, 1, m)) + a, m * mu + a), (), True),
            (of(Sum(x[a] + a, (a, 1, m)), m * mu + m * a), (), False),
            (of(Sum(x[a] + a, (a, 1, m)), m * mu + m * (m + 1) / 2), (), True),
            (of(Sum(x[idx], (idx, 1, m)), m * mu), (), True),
            (of(Sum(x[plain], (plain, 1, m)) + plain, m * mu + plain), (), True),
            (of(Sum(label[i], (i, 1, m)) * b, b * Sum(label[k], (k, 1, m))), (), True),
            (of(total(w[k, j], k), total(w[k, k], k)), (), False),
            (of(Sum(w[i, j], (i, 1, m), (j, 1, m)), Sum(w[j, i], (i, 1, m), (j, 1, m))), (), True),
            (of(Sum(Sum(i, (i, 1, i)), (i, 1, m)), m * (m + 1) * (m + 2) / 6), (), True),
            (of(Sum(x[j], (i, 1, j), (j, 1, m)), total(i * x[i])), (), True),
            (of(Sum(x[i], (j, 1, i), (i, 1, m)), total(i * x[i])), (), True),
            (of(Sum(m, (m, 1, i)), i * (i + 1) / 2), (), True),
            (of(Sum(x[m], (m, 1, i)), total(x[j], j, i)), (), True),
            (of(Sum(eps, (eps, 1, m)), m * eps), (), False),
            (
                of(total(x[i] * Sum(g[i], (i, 1, i))), Sum(x[k] * g[j], (j, 1, k), (k, 1, m))),
                (),
                True,
            ),
            (of(total(xhat(i) * total(xhat(i))), 0), (), True),
            (of(total(Derivative(total(x[k] ** 2, k), x[k]), k), 2 * m * mu), (), True),
            (of(Sum(i + k, (i, 1, k), (k, 1, i)), 1), (), False),
        )
    )


def conditions(rng: Random) -> Drawn:
    """Conditions: equations, orders, sizes, a scalar with the name of nothing else."""
    r = ratio(rng)
    scaled, moved = Batch(lambda index: a * x[index]), Batch(lambda index: x[index] + a)
    free = Symbol("u0", real=True)
    return rng.choice(
        (
            (of(scaled.y(i), y(i)), (a > 0, of(eps, 0)), True),
            (of(scaled.y(i), y(i)), (a > 0,), False),
            (of(scaled.xhat(i), sign(a) * xhat(i)), (Ne(a, 0), of(eps, 0)), True),
            (of(scaled.xhat(i), xhat(i)), (Ne(a, 0), of(eps, 0)), False),
            (of(moved.xhat(i), xhat(i)), (), True),
            (of(scaled.mean, a * mu), (), True),
            (of(scaled.variance, r * v), (of(a**2, r),), True),
            (of(a * b / c, a), (of(b, c),), False),
            (of(a * b / c, a), (of(b, c), Ne(c, 0)), True),
            (of(y(i), beta), (of(m, 1),), True),
            (of(y(i), beta), (of(v, 0),), True),
            (of(xhat(1) ** 2, 1), (of(m, 2), of(eps, 0)), True),
            (of(m * v / (m - 1), total((x[i] - mu) ** 2) / (m - 1)), (m >= 2,), True),
            (
                of(m * v / (m - 1), total((x[i] - mu) ** 2) / (m - 1)),
                (m >= rng.choice((0, 1)),),
                False,
            ),
            (of(xhat(i), xhat(k)), (of(x[i], x[k]),), True),
            (of(xhat(i), xhat(k)), (of(x[i], r),), False),
            (of(total(w[i] * x[i]), 0), (of(total(w[i]), 0),), False),
            (of(total(w[i] * (x[i] - mu)), total(w[i] * x[i])), (of(total(w[i]), 0),), True),
            (of(free * u[i] + total(u[k], k), total(u[k], k)), (of(free, 0),), True),
            (of(free * u[i], u[i]), (of(u[i], 0),), True),
            (of(free * u[i], free), (of(u[k], 1),), False),
            (of(mu, 0), (of(total(x[i]), 0),), True),
            (of(total(x[i] ** 2), m * v), (of(mu, 0),), True),
            (of(total(x[i] ** 2), m * v), (of(mu, r),), False),
            (of(mu, (x[1] + x[2]) / 2), (of(m, 2),), True),
            (of(mu, (x[1] + x[2]) / 2), (m <= 2,), False),
            (of(x[1] - mu, mu - x[m]), (m <= 2,), True),
            (of(x[2] - x[2], 0), (m >= 2,), True),
            (of(Add(x[2], -x[2], evaluate=False), 0), (), False),
            (of(v, (x[1] - x[2]) ** 2 / 4), (of(m, 2),), True),
            (of((a - 1) * (a - 2), 0), (Or(of(a, 1), of(a, 2)),), True),
            (of(a, b), (a >= b, a <= b), True),
            (of(Abs(a - b), a - b), (a >= b,), True),
            (of(Abs(a - b), a - b), (a >= b - 1,), False),
        )
    )


def trees(rng: Random) -> Drawn:
    """Unevaluated trees, which SymPy would cancel when it builds them again."""
    r = ratio(rng)
    back = Sum(1, (i, 1, m - 2))
    part = rng.choice((1 / a, 1 / (m - 1), log(a), sqrt(a), x[2], 1 / v, back, 1 / (a - r), g[3]))
    gap = rng.choice((a > 3, m >= 3, v > 0, Ne(a, 0)))
    return rng.choice(
        (
            (of(Add(part, -part, evaluate=False), 0), (), False),
            (of(Mul(0, part, evaluate=False), 0), (), False),
            (of(Pow(part, 0, evaluate=False), 1), (), False),
            (of(Add(part, b, evaluate=False), Add(b, part, evaluate=False)), (gap,), False),
            (of(Mul(a, 1 / a, evaluate=False), 1), (), False),
            (of(Mul(a, 1 / a, evaluate=False), 1), (Ne(a, 0),), True),
            (of(Mul(s, 1 / s, evaluate=False), 1), (), True),
            (of(Add(Mul(2, v, evaluate=False), -v, evaluate=False), v), (), True),
            (of(Pow(Pow(a, 2, evaluate=False), Rational(1, 2), evaluate=False), Abs(a)), (), True),
            (of(Pow(Pow(a, 2, evaluate=False), Rational(1, 2), evaluate=False), a), (), False),
            (And(of(b, b), of(Mul(0, part, evaluate=False), 0), evaluate=False), (), False),
            (of(Piecewise((0, a > 0), (0, True), evaluate=False), 0), (), True),
            (of(Piecewise((1, a > 0), (1 / a, a < 0), evaluate=False), 1), (a > 0,), True),
            (of(Piecewise((1, a > 0), (2, a < 0), evaluate=False), 1), (a >= 0,), False),
            (of(Sum(Add(part, -part, evaluate=False), (i, 1, m)), 0), (), False),
            (of(Max(a, a, evaluate=False), a), (), True),
            (of(Mul(Pow(a, -1), Pow(a, 2), evaluate=False), a), (), False),
            (of(Mul(Pow(v + eps, -1), Pow(v + eps, 2), evaluate=False), v + eps), (), True),
        )
    )


def bounds(rng: Random) -> Drawn:
    """Empty sums, and ones that run backwards."""
    shift = rng.randint(0, 4)
    return rng.choice(
        (
            (
                of(
                    Sum(x[i], (i, 1, m - shift)) + total(x[i]),
                    total(x[i]) + Sum(x[i], (i, 1, m - shift)),
                ),
                (),
                shift <= 1,
            ),
            (of(Sum(1, (i, 1, m - shift)), m - shift), (), shift <= 1),
            (of(Sum(1, (i, 1, m - shift)), m - shift), (m >= shift,), True),
            (of(Sum(1, (i, shift, T)), T - shift + 1), (), shift <= 1),
            (of(Sum(x[i], (i, 2, m)), m * mu - x[1]), (), True),
            (of(Sum(x[i], (i, 3, m)), m * mu - x[1] - x[2]), (), False),
            (of(Sum(x[i], (i, 3, m)), m * mu - x[1] - x[2]), (m >= 2,), True),
            (of(Sum(x[j], (j, i, m)), m * mu - Sum(x[j], (j, 1, i - 1))), (), True),
            (of(Sum(x[j], (j, i + 1, m)), m * mu - Sum(x[j], (j, 1, i))), (), True),
            (of(Sum(x[j], (j, i, k)), Sum(x[j], (j, 1, k)) - Sum(x[j], (j, 1, i - 1))), (), False),
            (
                of(Sum(x[j], (j, i, k)), Sum(x[j], (j, 1, k)) - Sum(x[j], (j, 1, i - 1))),
                (i <= k,),
                True,
            ),
            (of(Sum(x[j], (j, m + 1, m)), 0), (), True),
            (of(Sum(1 / (j - 1), (j, 1, m - 1)), 0), (of(m, 1),), True),
            (of(Sum(x[0], (j, 1, m - 1)), 0), (of(m, 1),), True),
            (of(Sum(x[j], (j, 0, m)), m * mu + x[0]), (), False),
            (of((a - 1) * Sum(1, (i, 1, T - 1)), 0), (of(a, 1),), False),
            (of(Sum(j, (j, 1, z)), z * (z + 1) / 2), (), False),
            (of(Sum(j, (j, 1, z)), z * (z + 1) / 2), (z >= 0,), True),
            (of(Sum(j, (j, -T, T)), 0), (), True),
            (of(Sum(w[j], (j, 1, T + 1)), Sum(w[j], (j, 1, T)) + w[T + 1]), (), True),
            (of(Sum(w[j], (j, 1, T)), Sum(w[j], (j, 1, T - 1)) + w[T]), (), False),
            (of(Sum(j, (j, 1, m / 2)), 1), (of(m, 2),), True),
        )
    )


def pairs(rng: Random) -> Drawn:
    """Sums over p < q with summands that are not symmetric; entries from the end."""
    f = rng.choice((x[p] * g[q], x[p] ** 2 * x[q], p * x[q]))
    h = f.xreplace({p: q, q: p})
    diagonal = f.xreplace({q: p})
    below, above = Sum(f, (p, 1, q - 1), (q, 1, m)), Sum(h, (p, 1, q - 1), (q, 1, m))
    everything = Sum(f, (p, 1, m), (q, 1, m))
    return rng.choice(
        (
            (of(below + above, everything - total(diagonal, p)), (), True),
            (of(2 * below, everything - total(diagonal, p)), (), False),
            (of(below, Sum(f, (q, p + 1, m), (p, 1, m))), (), True),
            (of(below, above), (), False),
            (of(Sum((x[p] - x[q]) ** 2, (p, 1, q - 1), (q, 1, m)), m**2 * v), (), True),
            (
                of(
                    Sum(x[p] * x[q], (p, 1, q - 1), (q, 1, m)),
                    (m**2 * mu**2 - total(x[i] ** 2)) / 2,
                ),
                (),
                True,
            ),
            (
                of(Sum(x[p] - x[q], (p, 1, q - 1), (q, 1, m)), total((m + 1 - 2 * i) * x[i])),
                (),
                True,
            ),
            (of(Sum(1, (p, 1, q - 1), (q, 1, m)), m * (m - 1) / 2), (), True),
            (of(Sum(1, (p, 1, q - 1), (q, 2, m)), m * (m - 1) / 2), (), True),
            (of(Sum(1, (p, 1, q - 2), (q, 2, m)), (m - 1) * (m - 2) / 2), (m >= 2,), True),
            (of(Sum(f, (p, 1, q), (q, 1, m)), below + total(diagonal, p)), (), True),
            (of(total(x[m + 1 - j] * x[j], j), total(x[j] ** 2, j)), (), False),
            (of(total(x[m + 1 - j] * g[j], j), total(x[j] * g[m + 1 - j], j)), (), True),
            (of(total(j * x[m + 1 - j], j), (m + 1) * m * mu - total(j * x[j], j)), (), True),
            (of(x[m - 1] + x[m], 2 * mu), (of(m, 2),), True),
            (of(x[m - 1] + b, b + x[m - 1]), (), False),
            (of(Add(x[m - 1], -x[m - 1], evaluate=False), 0), (), False),
            (of(total(x[j + 1] - x[j], j, m - 1), x[m] - x[1]), (), True),
            (of(total(x[j + 1] - x[j], j), x[m + 1] - x[1]), (), False),
            (of(total(x[j] * x[j + 1], j, m - 1), Sum(x[j] * x[j - 1], (j, 2, m))), (), True),
        )
    )
