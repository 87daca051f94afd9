"""Statements at the edges of sums: deltas, shadowed names, conditions, empty sums, pairs.

Each family is a function of a random generator.  It returns a statement, its conditions, and
whether the statement is true by construction.  A point can still show that it is not.

Sums over a symbolic range are where a prover works hardest, and where it is easily wrong.  A
Kronecker delta may pick an index outside of the range.  A bound name may occur outside too, and
mean something else there.  A range may be empty for small ``m``, or run backwards, in which case
the sum does not exist in this setting.

Start reading at :func:`deltas`.
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
from bnproof.symbolic import Batch, beta, eps, g, i, j, k, m, mu, s, v, x, xhat, y


def deltas(rng: Random) -> Drawn:
    """Kronecker deltas: of free indices, bound ones, numbers and declared integers.

    ``sum_i d(i, n) x[i]`` is ``x[n]`` only if ``n`` is in the range; otherwise it is 0, while
    ``x[n]`` does not exist.
    """
    d = KroneckerDelta
    # 0 is outside of every batch, 1 is inside, and 2 and 3 depend on m
    number = Integer(rng.randint(0, 3))
    rows = (
        (equate(total(d(i, k) * x[i]), x[k]), (), True),
        (equate(total(d(i, number) * x[i]), x[number]), (), False),
        # n may be larger than m
        (equate(total(d(i, n)), 1), (), False),
        (equate(total(d(i, n)), 1), (n <= m,), True),
        (equate(total(d(i, z)), Piecewise((1, And(z >= 1, z <= m)), (0, True))), (), True),
        (equate(d(i, k) * x[i], d(i, k) * x[k]), (), True),
        (equate(d(i, k) ** 2, d(i, k)), (), True),
        (equate(d(i, k) * d(j, k), d(i, k) * d(i, j)), (), True),
        (equate(d(i, k) * d(i, j) * d(j, k), d(i, k) * d(j, k)), (), True),
        (equate(d(i, k), 0), (Ne(i, k),), True),
        # i and k may still be equal
        (equate(d(i, k), 0), (m >= 2,), False),
        (equate(Sum(d(p, q) * x[p] * g[q], (p, 1, m), (q, 1, m)), total(x[i] * g[i])), (), True),
        (equate(Sum(d(p, q), (p, 1, m), (q, 1, m)), m), (), True),
        (equate(Sum(d(p + 1, q), (p, 1, m), (q, 1, m)), m - 1), (), True),
        (equate(Sum(d(p + q, m), (p, 1, m), (q, 1, m)), m - 1), (), True),
        # the integer part of m/2
        (equate(Sum(d(p, 2 * q), (p, 1, m), (q, 1, m)), m / 2), (), False),
        (equate(total(d(j, m) * x[j], j), x[m]), (), True),
        (equate(total(d(j, 1) * x[j], j, m - 1), x[1]), (m >= 2,), True),
        (equate(total(d(j, 1) * x[j], j, m - 1), x[1]), (), False),
        (equate(total(d(m + 1 - j, k) * x[j], j), x[m + 1 - k]), (), True),
        (equate(total((1 - d(i, k)) * x[i]), m * mu - x[k]), (), True),
        # 0/0 for i = k
        (equate(Mul(1 - d(i, k), 1 / (1 - d(i, k)), evaluate=False), 1), (), False),
        (equate(d(m, number), d(number, m)), (), True),
        (equate(d(n, z) * n, d(n, z) * z), (), True),
        # T = 0 sums nothing
        (equate(total(d(i, T) * w[i], i, T), w[T]), (), False),
        (equate(total(d(i, T) * w[i], i, T), w[T]), (T >= 1,), True),
    )
    return rng.choice(rows)


def dummies(rng: Random) -> Drawn:
    """Bound names that occur outside, twice, or as the label of a base.

    In ``sum_i x_i sum_i x_i`` the inner sum binds its own ``i``.  In a sum with several limits,
    bounds see the indices of the limits after them, which are further out.  Any symbol may be
    bound, even ``m`` or ``a``.
    """
    # a base whose label prints like the scalar a, an index with a range of its own, and a symbol of
    # which nothing is declared
    label = IndexedBase("a", real=True)
    idx = Idx("r", (1, m))
    plain = Symbol("r")
    rows = (
        (equate(total(x[i] * total(x[i])), m**2 * mu**2), (), True),
        # taking both i for one gives this
        (equate(total(x[i] * total(x[i])), total(x[i] ** 2)), (), False),
        (equate(total(x[i]) * x[i], m * mu * x[i]), (), True),
        (equate(total(x[i] + x[k], k), m * x[i] + m * mu), (), True),
        # the sum is over i, and k is free
        (equate(total(x[i] + x[k]), m * x[i] + m * mu), (), False),
        (equate(Sum(x[a], (a, 1, m)) + a, m * mu + a), (), True),
        # inside of the sum, a is the index
        (equate(Sum(x[a] + a, (a, 1, m)), m * mu + m * a), (), False),
        (equate(Sum(x[a] + a, (a, 1, m)), m * mu + m * (m + 1) / 2), (), True),
        (equate(Sum(x[idx], (idx, 1, m)), m * mu), (), True),
        (equate(Sum(x[plain], (plain, 1, m)) + plain, m * mu + plain), (), True),
        (equate(Sum(label[i], (i, 1, m)) * b, b * Sum(label[k], (k, 1, m))), (), True),
        # j is free: renaming it to k would let the sum capture it
        (equate(total(w[k, j], k), total(w[k, k], k)), (), False),
        (equate(Sum(w[i, j], (i, 1, m), (j, 1, m)), Sum(w[j, i], (i, 1, m), (j, 1, m))), (), True),
        # the inner bound is the outer i
        (equate(Sum(Sum(i, (i, 1, i)), (i, 1, m)), m * (m + 1) * (m + 2) / 6), (), True),
        (equate(Sum(x[j], (i, 1, j), (j, 1, m)), total(i * x[i])), (), True),
        (equate(Sum(x[i], (j, 1, i), (i, 1, m)), total(i * x[i])), (), True),
        # m is bound here and is no batch size
        (equate(Sum(m, (m, 1, i)), i * (i + 1) / 2), (), True),
        (equate(Sum(x[m], (m, 1, i)), total(x[j], j, i)), (), True),
        # eps is bound on the left and free on the right
        (equate(Sum(eps, (eps, 1, m)), m * eps), (), False),
        (
            equate(total(x[i] * Sum(g[i], (i, 1, i))), Sum(x[k] * g[j], (j, 1, k), (k, 1, m))),
            (),
            True,
        ),
        (equate(total(xhat(i) * total(xhat(i))), 0), (), True),
        (equate(total(Derivative(total(x[k] ** 2, k), x[k]), k), 2 * m * mu), (), True),
        # the outer bound is a free i of the same name
        (equate(Sum(i + k, (i, 1, k), (k, 1, i)), 1), (), False),
    )
    return rng.choice(rows)


def conditions(rng: Random) -> Drawn:
    """Conditions: equations, orders, sizes, a scalar with the name of nothing else.

    An equation may decide a statement, may do so only where a denominator is not 0, or may have
    nothing to do with it.  The rows about ``scaled`` and ``moved`` batches are the book's theorems
    ``shift`` and ``scale-exact``, with and without the condition ``eps = 0``.
    """
    r = draw_ratio(rng)
    scaled, moved = Batch(lambda index: a * x[index]), Batch(lambda index: x[index] + a)
    # its name must not be taken for the entry u[0]
    free = Symbol("u0", real=True)
    rows = (
        (equate(scaled.y(i), y(i)), (a > 0, equate(eps, 0)), True),
        # with eps > 0 the scale is seen
        (equate(scaled.y(i), y(i)), (a > 0,), False),
        (equate(scaled.xhat(i), sign(a) * xhat(i)), (Ne(a, 0), equate(eps, 0)), True),
        (equate(scaled.xhat(i), xhat(i)), (Ne(a, 0), equate(eps, 0)), False),
        (equate(moved.xhat(i), xhat(i)), (), True),
        (equate(scaled.mean, a * mu), (), True),
        (equate(scaled.variance, r * v), (equate(a**2, r),), True),
        # for c = 0 the left side does not exist
        (equate(a * b / c, a), (equate(b, c),), False),
        (equate(a * b / c, a), (equate(b, c), Ne(c, 0)), True),
        (equate(y(i), beta), (equate(m, 1),), True),
        (equate(y(i), beta), (equate(v, 0),), True),
        (equate(xhat(1) ** 2, 1), (equate(m, 2), equate(eps, 0)), True),
        (equate(m * v / (m - 1), total((x[i] - mu) ** 2) / (m - 1)), (m >= 2,), True),
        (
            equate(m * v / (m - 1), total((x[i] - mu) ** 2) / (m - 1)),
            # a size that is no restriction: m = 1 divides by 0
            (m >= rng.choice((0, 1)),),
            False,
        ),
        (equate(xhat(i), xhat(k)), (equate(x[i], x[k]),), True),
        (equate(xhat(i), xhat(k)), (equate(x[i], r),), False),
        (equate(total(w[i] * x[i]), 0), (equate(total(w[i]), 0),), False),
        (equate(total(w[i] * (x[i] - mu)), total(w[i] * x[i])), (equate(total(w[i]), 0),), True),
        (equate(free * u[i] + total(u[k], k), total(u[k], k)), (equate(free, 0),), True),
        (equate(free * u[i], u[i]), (equate(u[i], 0),), True),
        # another entry is 1
        (equate(free * u[i], free), (equate(u[k], 1),), False),
        (equate(mu, 0), (equate(total(x[i]), 0),), True),
        (equate(total(x[i] ** 2), m * v), (equate(mu, 0),), True),
        (equate(total(x[i] ** 2), m * v), (equate(mu, r),), False),
        (equate(mu, (x[1] + x[2]) / 2), (equate(m, 2),), True),
        (equate(mu, (x[1] + x[2]) / 2), (m <= 2,), False),
        # true for one entry and for two
        (equate(x[1] - mu, mu - x[m]), (m <= 2,), True),
        (equate(x[2] - x[2], 0), (m >= 2,), True),
        # the tree keeps x[2], which need not exist; the row above lost it when it was built
        (equate(Add(x[2], -x[2], evaluate=False), 0), (), False),
        (equate(v, (x[1] - x[2]) ** 2 / 4), (equate(m, 2),), True),
        (equate((a - 1) * (a - 2), 0), (Or(equate(a, 1), equate(a, 2)),), True),
        (equate(a, b), (a >= b, a <= b), True),
        (equate(Abs(a - b), a - b), (a >= b,), True),
        (equate(Abs(a - b), a - b), (a >= b - 1,), False),
    )
    return rng.choice(rows)


def trees(rng: Random) -> Drawn:
    """Unevaluated trees, which SymPy would cancel when it builds them again.

    SymPy turns ``a/a`` into 1 as soon as it builds the product, and with it goes the division by
    0.  A prover that rebuilds a statement before it reads the denominators proves too much.  Here
    ``part`` is something that need not exist, and ``gap`` a condition that helps with some of these
    parts only.
    """
    r = draw_ratio(rng)
    # runs backwards for m = 1
    back = Sum(1, (i, 1, m - 2))
    part = rng.choice((1 / a, 1 / (m - 1), log(a), sqrt(a), x[2], 1 / v, back, 1 / (a - r), g[3]))
    gap = rng.choice((a > 3, m >= 3, v > 0, Ne(a, 0)))
    rows = (
        (equate(Add(part, -part, evaluate=False), 0), (), False),
        (equate(Mul(0, part, evaluate=False), 0), (), False),
        # a power 0 of what does not exist
        (equate(Pow(part, 0, evaluate=False), 1), (), False),
        (equate(Add(part, b, evaluate=False), Add(b, part, evaluate=False)), (gap,), False),
        (equate(Mul(a, 1 / a, evaluate=False), 1), (), False),
        (equate(Mul(a, 1 / a, evaluate=False), 1), (Ne(a, 0),), True),
        # s > 0, so nothing is lost here
        (equate(Mul(s, 1 / s, evaluate=False), 1), (), True),
        (equate(Add(Mul(2, v, evaluate=False), -v, evaluate=False), v), (), True),
        (equate(Pow(Pow(a, 2, evaluate=False), Rational(1, 2), evaluate=False), Abs(a)), (), True),
        (equate(Pow(Pow(a, 2, evaluate=False), Rational(1, 2), evaluate=False), a), (), False),
        (And(equate(b, b), equate(Mul(0, part, evaluate=False), 0), evaluate=False), (), False),
        (equate(Piecewise((0, a > 0), (0, True), evaluate=False), 0), (), True),
        # the branch that does not apply need not exist
        (equate(Piecewise((1, a > 0), (1 / a, a < 0), evaluate=False), 1), (a > 0,), True),
        # at a = 0 no branch applies
        (equate(Piecewise((1, a > 0), (2, a < 0), evaluate=False), 1), (a >= 0,), False),
        (equate(Sum(Add(part, -part, evaluate=False), (i, 1, m)), 0), (), False),
        (equate(Max(a, a, evaluate=False), a), (), True),
        (equate(Mul(Pow(a, -1), Pow(a, 2), evaluate=False), a), (), False),
        (equate(Mul(Pow(v + eps, -1), Pow(v + eps, 2), evaluate=False), v + eps), (), True),
    )
    return rng.choice(rows)


def bounds(rng: Random) -> Drawn:
    """Empty sums, and ones that run backwards.

    A sum from 1 to 0 is empty and 0.  One from 1 to -1 does not exist in this setting, so
    ``sum_{i=1..m-2}`` is undefined for ``m = 1``.  What is summed in an empty sum need not exist.
    """
    # m - 1 is never below 0, so shifts 0 and 1 are safe for every m
    shift = rng.randint(0, 4)
    first = Sum(x[i], (i, 1, m - shift))
    rows = (
        (equate(first + total(x[i]), total(x[i]) + first), (), shift <= 1),
        (equate(Sum(1, (i, 1, m - shift)), m - shift), (), shift <= 1),
        (equate(Sum(1, (i, 1, m - shift)), m - shift), (m >= shift,), True),
        (equate(Sum(1, (i, shift, T)), T - shift + 1), (), shift <= 1),
        (equate(Sum(x[i], (i, 2, m)), m * mu - x[1]), (), True),
        # for m = 1 the sum runs backwards, and x[2] does not exist
        (equate(Sum(x[i], (i, 3, m)), m * mu - x[1] - x[2]), (), False),
        (equate(Sum(x[i], (i, 3, m)), m * mu - x[1] - x[2]), (m >= 2,), True),
        (equate(Sum(x[j], (j, i, m)), m * mu - Sum(x[j], (j, 1, i - 1))), (), True),
        (equate(Sum(x[j], (j, i + 1, m)), m * mu - Sum(x[j], (j, 1, i))), (), True),
        (equate(Sum(x[j], (j, i, k)), Sum(x[j], (j, 1, k)) - Sum(x[j], (j, 1, i - 1))), (), False),
        (
            equate(Sum(x[j], (j, i, k)), Sum(x[j], (j, 1, k)) - Sum(x[j], (j, 1, i - 1))),
            (i <= k,),
            True,
        ),
        (equate(Sum(x[j], (j, m + 1, m)), 0), (), True),
        # an empty sum does not look at its terms
        (equate(Sum(1 / (j - 1), (j, 1, m - 1)), 0), (equate(m, 1),), True),
        (equate(Sum(x[0], (j, 1, m - 1)), 0), (equate(m, 1),), True),
        (equate(Sum(x[j], (j, 0, m)), m * mu + x[0]), (), False),
        # for T = 0 the sum runs from 1 to -1
        (equate((a - 1) * Sum(1, (i, 1, T - 1)), 0), (equate(a, 1),), False),
        (equate(Sum(j, (j, 1, z)), z * (z + 1) / 2), (), False),
        (equate(Sum(j, (j, 1, z)), z * (z + 1) / 2), (z >= 0,), True),
        (equate(Sum(j, (j, -T, T)), 0), (), True),
        (equate(Sum(w[j], (j, 1, T + 1)), Sum(w[j], (j, 1, T)) + w[T + 1]), (), True),
        (equate(Sum(w[j], (j, 1, T)), Sum(w[j], (j, 1, T - 1)) + w[T]), (), False),
        # with m = 2, the bound is an integer
        (equate(Sum(j, (j, 1, m / 2)), 1), (equate(m, 2),), True),
    )
    return rng.choice(rows)


def pairs(rng: Random) -> Drawn:
    """Sums over ``p < q`` with summands that are not symmetric, and entries from the end.

    The sum over all pairs is the sum below the diagonal, the one above it, and the diagonal.  Only
    for a symmetric summand are the first two equal.
    """
    # none of these is symmetric in p and q
    f = rng.choice((x[p] * g[q], x[p] ** 2 * x[q], p * x[q]))
    # both at once: one after the other would give p = q
    h = f.xreplace({p: q, q: p})
    diagonal = f.xreplace({q: p})
    below, above = Sum(f, (p, 1, q - 1), (q, 1, m)), Sum(h, (p, 1, q - 1), (q, 1, m))
    everything = Sum(f, (p, 1, m), (q, 1, m))
    rows = (
        (equate(below + above, everything - total(diagonal, p)), (), True),
        (equate(2 * below, everything - total(diagonal, p)), (), False),
        (equate(below, Sum(f, (q, p + 1, m), (p, 1, m))), (), True),
        (equate(below, above), (), False),
        (equate(Sum((x[p] - x[q]) ** 2, (p, 1, q - 1), (q, 1, m)), m**2 * v), (), True),
        (
            equate(
                Sum(x[p] * x[q], (p, 1, q - 1), (q, 1, m)), (m**2 * mu**2 - total(x[i] ** 2)) / 2
            ),
            (),
            True,
        ),
        (
            equate(Sum(x[p] - x[q], (p, 1, q - 1), (q, 1, m)), total((m + 1 - 2 * i) * x[i])),
            (),
            True,
        ),
        (equate(Sum(1, (p, 1, q - 1), (q, 1, m)), m * (m - 1) / 2), (), True),
        # q = 1 adds nothing, so it may be left out
        (equate(Sum(1, (p, 1, q - 1), (q, 2, m)), m * (m - 1) / 2), (), True),
        (equate(Sum(1, (p, 1, q - 2), (q, 2, m)), (m - 1) * (m - 2) / 2), (m >= 2,), True),
        (equate(Sum(f, (p, 1, q), (q, 1, m)), below + total(diagonal, p)), (), True),
        (equate(total(x[m + 1 - j] * x[j], j), total(x[j] ** 2, j)), (), False),
        (equate(total(x[m + 1 - j] * g[j], j), total(x[j] * g[m + 1 - j], j)), (), True),
        (equate(total(j * x[m + 1 - j], j), (m + 1) * m * mu - total(j * x[j], j)), (), True),
        (equate(x[m - 1] + x[m], 2 * mu), (equate(m, 2),), True),
        (equate(x[m - 1] + b, b + x[m - 1]), (), False),
        # for m = 1 this is x[0]
        (equate(Add(x[m - 1], -x[m - 1], evaluate=False), 0), (), False),
        (equate(total(x[j + 1] - x[j], j, m - 1), x[m] - x[1]), (), True),
        # the last term reaches beyond the batch
        (equate(total(x[j + 1] - x[j], j), x[m + 1] - x[1]), (), False),
        (equate(total(x[j] * x[j + 1], j, m - 1), Sum(x[j] * x[j - 1], (j, 2, m))), (), True),
    )
    return rng.choice(rows)
