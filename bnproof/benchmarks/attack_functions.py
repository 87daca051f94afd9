"""Statements at the edges of functions: roots, derivatives, powers, logarithms, limits, orders.

Each family here is a function of a random generator.  It returns a statement, its conditions, and
whether the statement is true by construction.  Being marked ``False`` does not say that a statement
is false, only that nobody vouches for it; the evaluator decides at points.  A point can also show
that a statement marked ``True`` is not, which would be an error in this table.

Most rows come in groups: an identity that everybody knows, the same with a condition without which
it fails, and a near miss.  A prover that cancels or rewrites too boldly proves the wrong member.

Start reading at :func:`roots`.
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
    Pow,
    Rational,
    Sum,
    Symbol,
    exp,
    log,
    oo,
    sign,
    sqrt,
)

from bnproof.benchmarks.attack_identities import Drawn, T, a, b, draw_ratio, equate, n, t, total, z
from bnproof.symbolic import Every, eps, g, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.symbolic.expectation import E


def roots(rng: Random) -> Drawn:
    """Square roots: of squares, of products, of what may be negative.

    A root is never negative and exists only of what is not.  Hence ``sqrt(d^2) = |d|``, and
    ``sqrt(a b) = sqrt(a) sqrt(b)`` needs both factors to be non-negative.  Of ``v + eps`` the root
    is ``s``, which the setting presumes to be positive.
    """
    r = abs(draw_ratio(rng))
    d = a - draw_ratio(rng)
    rows = (
        (equate(sqrt(d**2), Abs(d)), (), True),
        # the root of a square is the absolute value
        (equate(sqrt(d**2), d), (), False),
        (equate(sqrt(d**2), d), (Ge(d, 0),), True),
        (equate(sqrt(r**2 * (v + eps)), r * s), (), True),
        (equate(sqrt(a**2 * v + a**2 * eps), Abs(a) * s), (), True),
        # a may still be negative
        (equate(sqrt(a**2 * v + a**2 * eps), a * s), (Ne(a, 0),), False),
        (equate(sqrt(a * b), sqrt(a) * sqrt(b)), (), False),
        (equate(sqrt(a * b), sqrt(a) * sqrt(b)), (a >= 0, b >= 0), True),
        # unevaluated, or SymPy would leave a = a; the left side exists for a >= 0 alone
        (equate(Pow(sqrt(a), 2, evaluate=False), a), (), False),
        (equate(Pow(sqrt(a), 2, evaluate=False), a), (a >= 0,), True),
        # with both negative, the right side exists and the left does not
        (equate(sqrt(a) * sqrt(b), sqrt(a * b)), (a * b >= 0,), False),
        (equate(1 / sqrt(v), sqrt(v) / v), (v > 0,), True),
        # at v = 0 neither side exists
        (equate(1 / sqrt(v), sqrt(v) / v), (), False),
        (equate(sqrt(v + eps + 1) * sqrt(v + eps), sqrt((v + eps) * (v + eps + 1))), (), True),
        (equate((s - 1) * (s + 1), v + eps - 1), (), True),
        # making the denominator rational divides by 0 where s = 1
        (equate(1 / (s + 1), (s - 1) / (v + eps - 1)), (), False),
        (equate(1 / (s + 1), (s - 1) / (v + eps - 1)), (Ne(v + eps, 1),), True),
        (equate(sqrt(x[i] ** 2 - 2 * x[i] * mu + mu**2), Abs(x[i] - mu)), (), True),
        (equate(sqrt(m * v + m * eps), sqrt(m) * s), (), True),
        # the left side is |a|^3
        (equate((a**2) ** Rational(3, 2), a**3), (), False),
        (equate(sqrt(a**4), a**2), (), True),
        # b may be so negative that neither root exists
        (equate(Add(sqrt(a + b) * a, -a * sqrt(a + b), evaluate=False), 0), (Ge(a, 0),), False),
    )
    return rng.choice(rows)


def derivatives(rng: Random) -> Drawn:
    """Derivatives, also ones that need not exist, or cancel before they are looked at.

    A derivative has to exist at the point itself, so a statement with ``Abs(a)`` under a derivative
    is undefined at ``a = 0``, even if the derivative is then subtracted from itself.  A condition
    such as ``a = b`` speaks of one point, and may not be used before differentiating.  The
    gradients of the loss ``sum g y`` are those of the book's theorems ``gradient-orthogonal`` and
    ``euler``.
    """
    f = rng.choice((Abs(a), sqrt(a), a * Abs(a), Max(a, 0), Abs(a) ** 3, sign(a), 1 / a, a**3))
    slope = Derivative(f, a)
    r = draw_ratio(rng)
    loss = total(g[j] * y(j), j)
    rows = (
        # What cancels has to exist first. SymPy would cancel it while building the sum, hence
        # the unevaluated tree.
        (equate(Add(slope, -slope, evaluate=False), 0), (), False),
        (equate(Mul(slope, 0, evaluate=False), 0), (), False),
        (equate(Add(slope, -slope, evaluate=False), 0), (a > 0,), True),
        (equate(slope + b, b + slope), (Ne(a, 0),), False),
        (equate(Derivative(Abs(a), a), sign(a)), (), False),
        (equate(Derivative(Abs(a), a), sign(a)), (Ne(a, 0),), True),
        # a |a| has one derivative at 0, and a^2 |a| has two
        (equate(Derivative(a * Abs(a), a), 2 * Abs(a)), (), True),
        (equate(Derivative(a**2 * Abs(a), a, a), 6 * Abs(a)), (), True),
        (equate(Derivative(Max(a, r), a), 1), (a > r,), True),
        # at a = r there is a kink
        (equate(Derivative(Max(a, r), a), 1), (a >= r,), False),
        (equate(Derivative(sqrt(a), a), 1 / (2 * sqrt(a))), (a > 0,), True),
        (equate(Derivative(sqrt(a), a), 1 / (2 * sqrt(a))), (a >= 0,), False),
        (equate(Derivative(sqrt(v), x[k]), (x[k] - mu) / (m * sqrt(v))), (v > 0,), True),
        # at v = 0 the root has no derivative; s has one, for eps > 0
        (equate(Derivative(sqrt(v), x[k]), (x[k] - mu) / (m * sqrt(v))), (), False),
        (equate(total(Derivative(loss, x[k]), k), 0), (), True),
        (
            equate(
                total(x[k] * Derivative(loss, x[k]), k),
                gamma * eps * total(g[j] * xhat(j), j) / s**2,
            ),
            (),
            True,
        ),
        (equate(total(x[k] * Derivative(loss, x[k]), k), 0), (), False),
        (equate(Derivative(v, x[i], x[k]), 2 * (KroneckerDelta(i, k) - 1 / m) / m), (), True),
        (equate(Derivative(s, eps), 1 / (2 * s)), (), True),
        (equate(Derivative(x[i], x[k]), KroneckerDelta(i, k)), (), True),
        (equate(Derivative(x[i] * a, a), x[i]), (), True),
        (equate(Derivative(x[i] * x[k], x[k]), x[i]), (Ne(i, k),), True),
        (equate(Derivative(x[i] * x[k], x[k]), x[i]), (), False),
        # Conditions hold after differentiating, not before: with b in the place of a, there
        # would be nothing left to differentiate by.
        (equate(Derivative(a**2, a), 2 * b), (equate(a, b),), True),
        (equate(Derivative(a**2, a), 0), (equate(a, 0),), True),
        # the derivative is b; that of a^2 would be 2 a
        (equate(Derivative(a * b, a), 2 * a), (equate(a, b),), False),
        # x[2] exists only in a batch of two or more
        (equate(Derivative(mu**2, x[1], x[2]), 2 / m**2), (m >= 2,), True),
        (equate(Derivative(Piecewise((a, a > 0), (-a, True)), a), 1), (a >= 0,), False),
        (equate(Derivative(total(x[i], i, m - 1), x[m]), 0), (), True),
    )
    return rng.choice(rows)


def powers(rng: Random) -> Drawn:
    """Symbolic powers and geometric sums, with ``0^0`` among them.

    ``0^0`` is 1 in every sum of powers, but a negative power of 0 does not exist.  So ``a^T a^n``
    may be written as ``a^(T + n)`` for all ``a`` when both exponents are at least 0, while
    ``a^(T - n) a^n = a^T`` needs ``a != 0``.  The closed form of a geometric sum needs ``a != 1``.
    """
    r = draw_ratio(rng)
    rows = (
        (equate((1 - a) * Sum(a**j, (j, 0, T)), 1 - a ** (T + 1)), (), True),
        # the closed form does not exist at a = 1, where the sum is T + 1
        (equate(Sum(a**j, (j, 0, T)), (1 - a ** (T + 1)) / (1 - a)), (), False),
        (equate(Sum(a**j, (j, 0, T)), (1 - a ** (T + 1)) / (1 - a)), (Ne(a, 1),), True),
        (equate(Sum(r ** (j + 1), (j, 1, T)), r * Sum(r**j, (j, 1, T))), (), True),
        # with T < n this divides by 0 at a = 0
        (equate(a ** (T - n) * a**n, a**T), (), False),
        (equate(a ** (T - n) * a**n, a**T), (Ne(a, 0),), True),
        (equate(a**T * a**n, a ** (T + n)), (), True),
        (equate((a**T) ** 2, a ** (2 * T)), (), True),
        (equate((a * b) ** T, a**T * b**T), (), True),
        (equate((a + b) ** T, a**T + b**T), (), False),
        (equate((-1) ** (2 * T), 1), (), True),
        (equate((-1) ** T, 1), (), False),
        # T may be 0, and 0^0 is 1; n is at least 1
        (equate(a**T, 0), (equate(a, 0),), False),
        (equate(a**n, 0), (equate(a, 0),), True),
        (equate(a ** (-T), 1 / a**T), (Ne(a, 0),), True),
        (equate(a ** (-T), 1 / a**T), (), False),
        (equate(Sum((1 - a) ** (T - n), (n, 1, T)) * a, 1 - (1 - a) ** T), (), True),
        (
            equate(Sum(j * a**j, (j, 1, m)) * (1 - a), Sum(a**j, (j, 1, m)) - m * a ** (m + 1)),
            (),
            True,
        ),
        (equate(Sum(2**j, (j, 0, T)), 2 ** (T + 1) - 1), (), True),
        (equate(Sum((-1) ** j, (j, 1, 2 * T)), 0), (), True),
        # z may have either sign, so one factor does not exist at a = 0
        (equate(Mul(a**z, a ** (-z), evaluate=False), 1), (), False),
        (equate(Mul(a**z, a ** (-z), evaluate=False), 1), (a > 0,), True),
        (equate(t**a * t**b, t ** (a + b)), (), True),
        (
            equate(
                Sum(a ** (m - j) * x[j], (j, 1, m)),
                a * Sum(a ** (m - 1 - j) * x[j], (j, 1, m - 1)) + x[m],
            ),
            (),
            True,
        ),
    )
    return rng.choice(rows)


def functions(rng: Random) -> Drawn:
    """Logarithms, exponentials, maxima, and conditions on every entry.

    A logarithm exists of positive numbers only, ``sign(0)`` is 0, and a condition on ``x[i]``
    speaks of one entry where ``Every`` speaks of all.
    """
    rows = (
        (equate(log(a * b), log(a) + log(b)), (a > 0, b > 0), True),
        # with both negative, only the left side exists
        (equate(log(a * b), log(a) + log(b)), (), False),
        # a may be negative: the right form has the absolute value
        (equate(log(a**2), 2 * log(a)), (Ne(a, 0),), False),
        (equate(log(a**2), 2 * log(Abs(a))), (Ne(a, 0),), True),
        (equate(log(s**2), 2 * log(s)), (), True),
        (equate(exp(log(t)), t), (), True),
        (equate(log(exp(a)), a), (), True),
        (equate(exp(a) * exp(b), exp(a + b)), (), True),
        # log 0 does not exist, and cancelling does not mend that
        (equate(Add(log(a), -log(a), evaluate=False), 0), (a >= 0,), False),
        (equate(Max(a, b) + Min(a, b), a + b), (), True),
        (equate(Max(a, b), (a + b + Abs(a - b)) / 2), (), True),
        (equate(Max(a, b), a), (a >= b,), True),
        (equate(Max(a, b), a), (a >= b - 1,), False),
        (equate(Max(a, b) * Min(a, b), a * b), (), True),
        (equate(Max(v, 0), v), (), True),
        (equate(Max(x[i], mu), x[i]), (), False),
        (equate(Abs(a) * sign(a), a), (), True),
        # sign(0) is 0
        (equate(sign(a) ** 2, 1), (), False),
        (equate(sign(a) ** 2, 1), (Ne(a, 0),), True),
        (equate(total(Abs(x[i])), m * mu), (Every(x[i] >= 0),), True),
        # one entry is not negative, others may be
        (equate(total(Abs(x[i])), m * mu), (x[i] >= 0,), False),
        (equate(v, 0), (Every(equate(x[i], x[k])),), True),
        (equate(total(log(x[i]) - log(x[i] ** 2) / 2), 0), (Every(x[i] > 0),), True),
        (Gt(mu, x[k], evaluate=False), (Every(x[i] > 0),), False),
        (equate(Piecewise((a, a > b), (b, True)), Max(a, b)), (), True),
        (equate(exp(a) * exp(-a), 1), (), True),
        (Gt(exp(a), 0, evaluate=False), (), True),
        (Ge(exp(a), 1 + a, evaluate=False), (), True),
        (Ge(log(1 + t), t, evaluate=False), (), False),
    )
    return rng.choice(rows)


def limits(rng: Random) -> Drawn:
    """Limits that exist, that do not, and that jump.

    What tends to infinity has no limit here, a limit from both sides has to be the same from both,
    and a limit may take another value than the function has at the end point.
    """
    r = draw_ratio(rng)
    h = Symbol("h")
    rows = (
        (equate(Limit(v / (v + 1 / t), t, oo), 1), (v > 0,), True),
        # for v = 0 the limit is 0
        (equate(Limit(v / (v + 1 / t), t, oo), 1), (), False),
        (equate(Limit(v / (v + eps), eps, 0, "+"), 1), (v > 0,), True),
        # the same with eps, which is bound here and free in the setting
        (equate(Limit(v / (v + eps), eps, 0, "+"), 1), (), False),
        (equate(Limit(((a + h) ** 2 - a**2) / h, h, 0), 2 * a), (), True),
        (equate(Limit(Abs(h) / h, h, 0, "+"), 1), (), True),
        # -1 from the left
        (equate(Limit(Abs(h) / h, h, 0, "+-"), 1), (), False),
        # 0 times what does not exist is not 0
        (equate((a - 1) * Limit(1 / h, h, 0, "+"), 0), (equate(a, 1),), False),
        (equate(Limit(a * n / (n + 1), n, oo), a), (), True),
        (equate(Limit(a * n / (b * n + 1), n, oo), a / b), (Ne(b, 0),), True),
        (equate(Limit(a * n / (b * n + 1), n, oo), a / b), (), False),
        (equate(Limit(sign(h - r), h, r, "+"), 1), (), True),
        (equate(Limit(sign(h - r), h, r, "-"), 1), (), False),
        (equate(Limit(sqrt(v + h), h, 0, "+"), sqrt(v)), (), True),
        # from below, the root of a negative number at v = 0
        (equate(Limit(sqrt(v + h), h, 0, "-"), sqrt(v)), (), False),
        (equate(Limit((h**2 - r**2) / (h - r), h, r), 2 * r), (), True),
        (equate(Limit(xhat(i), eps, oo), 0), (), True),
        # h is bound in the limit and free outside
        (equate(Limit(a + h, h, 0) + h, a + h), (), True),
        (equate(Limit(x[i] + 1 / t, t, oo), x[i]), (), True),
        (
            equate(Add(Limit(1 / h, h, 0, "+"), -Limit(1 / h, h, 0, "+"), evaluate=False), 0),
            (),
            False,
        ),
    )
    return rng.choice(rows)


def inequalities(rng: Random) -> Drawn:
    """Orders, strict and not, of what is a sum of squares or is not.

    Most true rows rest on ``sum (x - mu)^2 >= 0`` or on signs that the conditions give.  Most near
    misses are strict orders that turn into equality somewhere: for equal entries, for ``m = 1``, at
    0.
    """
    r = abs(draw_ratio(rng))
    rows = (
        (Ge(v, 0, evaluate=False), (), True),
        # equal entries, and every batch of one, have v = 0
        (Gt(v, 0, evaluate=False), (), False),
        # the setting presumes this
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
        # one positive entry does not make the mean positive
        (Gt(mu, 0, evaluate=False), (x[i] > 0,), False),
        (Ge(mu, r, evaluate=False), (Every(x[i] >= r),), True),
        (Gt(mu, r, evaluate=False), (Every(x[i] >= r),), False),
        (Ge(a**2 + b**2, 2 * a * b, evaluate=False), (), True),
        (Gt(a**2 + b**2, 2 * a * b, evaluate=False), (Ne(a, b),), True),
        (Ge(a * b, 0, evaluate=False), (a >= 0, b >= 0), True),
        (Gt(a * b, 0, evaluate=False), (a >= 0, b > 0), False),
        # one square against the sum of all: compare the theorem samuelson
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
        # the largest value of (1 - q) q for any real q
        (Le((1 - v) * v, Rational(1, 4), evaluate=False), (), True),
        (Ge(a**2 - a, 0, evaluate=False), (Ge(a, 1),), True),
        # true for integers, false for a = 1/2
        (Ge(z**2 - z, 0, evaluate=False), (), True),
    )
    return rng.choice(rows)


def expectations(rng: Random) -> Drawn:
    """Expected values over uncorrelated entries of mean ``M`` and standard deviation ``sigma``.

    Inside of ``E`` the entries of ``x`` are random, so a condition on their values, such as
    ``a = mu``, may not be used there.  For ``m = 1`` the variance has the expected value 0, and
    Bessel's factor ``m/(m - 1)`` does not exist (the book's theorem ``bessel``).
    """
    M, sigma = Symbol("M", real=True), Symbol("sigma", real=True)
    rows = (
        (equate(E(mu, M, sigma), M), (), True),
        (equate(E(v, M, sigma), (m - 1) * sigma**2 / m), (), True),
        # the biased variance falls short by the factor (m - 1)/m
        (equate(E(v, M, sigma), sigma**2), (), False),
        (equate(E(mu**2, M, sigma), M**2 + sigma**2 / m), (), True),
        (equate(E(x[i] * x[k], M, sigma), M**2 + sigma**2 * KroneckerDelta(i, k)), (), True),
        (equate(E(x[i] * x[k], M, sigma), M**2), (Ne(i, k),), True),
        (equate(E(x[i] * x[k], M, sigma), M**2), (), False),
        (equate(E(m * v / (m - 1), M, sigma), sigma**2), (m >= 2,), True),
        (equate(E(m * v / (m - 1), M, sigma), sigma**2), (), False),
        # equal at this point is not equal as a random variable
        (equate(E(a * x[1], M, sigma), E(mu * x[1], M, sigma)), (equate(a, mu),), False),
        (equate(E(x[i] - M, M, sigma), x[i] - M), (), False),
        # a batch of one has no x[2]
        (equate(E(x[2], M, sigma), M), (), False),
    )
    return rng.choice(rows)
