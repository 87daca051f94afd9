"""Statements at the edges of cases: case distinctions inside derivatives, limits, sums and powers.

Each family is a function of a random generator.  It returns a statement, its conditions, and
whether the statement is true by construction.  A point can still show that it is not.

Where two cases meet, a function may have a value and no derivative, or one derivative and no
second, or no limit from both sides.  The place of the meeting is drawn: a number, a free symbol, an
expression, even the mean of the batch.  A prover has to compare it with the conditions and may not
take one case for both.

Start reading at :func:`kinks`.
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
    """One expression where the name is above a value, another below.

    The value itself belongs to the right side or to the left, by chance.  A statement that depends
    on which of them it is must not be taken for true.
    """
    # which branch the value itself belongs to makes a difference at that one point only
    relation = rng.choice((Gt, Ge))
    return Piecewise((right, relation(name, at, evaluate=False)), (left, True))


def _draw_region(rng: Random, name: Expr, at: Expr) -> tuple[tuple[Basic, ...], int, bool]:
    """Where the name is, seen from the value at which two cases meet.

    Returns
    -------
    tuple
        A condition; the side that it allows, 1 for above and -1 for below; and whether it keeps
        away from the value itself.  For a condition that allows only the value, the side means
        nothing.
    """
    rows = (
        ((Ge(name, at),), 1, False),
        ((Gt(name, at),), 1, True),
        ((Le(name, at),), -1, False),
        ((Lt(name, at),), -1, True),
        # exactly where the cases meet, written either way round
        ((Eq(name, at),), 1, False),
        ((Eq(at, name),), -1, False),
    )
    return rng.choice(rows)


def kinks(rng: Random) -> Drawn:
    """Derivatives of what is defined by cases, where the cases meet and beside it.

    The function ``f`` has one slope above the value and another below, as ``|name - at|`` has.  Its
    derivative is known where the condition keeps away from the value.  The function ``smooth`` is
    ``(name - at)^2`` above and its negative below, so it has the derivative ``2 |name - at|``
    everywhere and a second derivative everywhere but at the value.
    """
    name = rng.choice((a, x[i], x[1], gamma))
    # mu for the scalar a only: it depends on the entries of x, and would move along with one of
    # them
    at = rng.choice((b, draw_ratio(rng), c + 1, mu if name == a else b))
    given, side, apart = _draw_region(rng, name, at)
    bent = (
        (_split_cases(rng, name, at, name - at, at - name), 1, -1),
        (_split_cases(rng, name, at, name, at), 1, 0),
        (_split_cases(rng, name, at, name, 2 * at - name), 1, -1),
        (Abs(name - at), 1, -1),
        (Max(name, at), 1, 0),
    )
    f, rises, falls = rng.choice(bent)
    # the slope that holds if the condition keeps away from the value
    slope = rises if side > 0 else falls
    # both branches are 0 at the value, with slope 0, whichever of them it belongs to
    smooth = _split_cases(rng, name, at, (name - at) ** 2, -((name - at) ** 2))
    # a jump by 1: beside the value its derivative is 0
    step = _split_cases(rng, name, at, b + 1, b)
    rows = (
        (equate(Derivative(f, name), slope), given, apart),
        (equate(Derivative(f, name) * w[k], slope * w[k]), given, apart),
        (equate(Derivative(f + v, name) - Derivative(v, name), slope), given, apart),
        (equate(Derivative(smooth, name), 2 * Abs(name - at)), given, True),
        (equate(Derivative(smooth, name, name), 2 * side), given, apart),
        (equate(Derivative(step, name), 0), given, apart),
        (equate(Derivative(f**3, name), 3 * f**2 * slope), given, apart),
        (equate(Derivative(exp(f), name), slope * exp(f)), given, apart),
        # a wrong slope: 2 s + 1 = s only for s = -1
        (equate(Derivative(f, name), 2 * slope + 1), given, False),
    )
    return rng.choice(rows)


def jumps(rng: Random) -> Drawn:
    """Limits of what is defined by cases, and derivatives and sums around limits.

    A function that jumps has a limit from each side and none from both, unless both happen to be
    equal. Its value at the point itself has no influence on any of them.
    """
    at = rng.choice((b, draw_ratio(rng), mu))
    # hat has a value of its own at the one point where no limit looks
    step, hat = _split_cases(rng, h, at, a, c), Piecewise((a, Eq(h, at)), (c, True))
    turn = _split_cases(rng, h, at, h - at, at - h)
    rows = (
        (equate(Limit(step, h, at, "+"), a), (), True),
        (equate(Limit(step, h, at, "-"), c), (), True),
        (equate(Limit(step, h, at, "+"), c), (), False),
        (equate(Limit(step, h, at, "+-"), a), (), False),
        # with a = c there is no jump
        (equate(Limit(step, h, at, "+-"), a), (Eq(a, c),), True),
        (equate(Limit(hat, h, at, "+-"), c), (), True),
        (equate(Limit(hat, h, at, "+"), a), (), False),
        (equate(Limit(turn, h, at, "+-"), 0), (), True),
        (equate(Limit(turn / (h - at), h, at, "-"), -1), (), True),
        (equate(Limit(sign(h - at) * a, h, at, "-"), -a), (), True),
        (equate(Limit(_split_cases(rng, t, at, a, c), t, oo), a), (), True),
        # eps is bound by the limit here, while it is free in the setting
        (equate(Limit(_split_cases(rng, eps, 0 * at, a, c), eps, 0, "+"), a), (), True),
        (equate(Limit(KroneckerDelta(i, k) + 1 / t, t, oo), KroneckerDelta(i, k)), (), True),
        (equate(total(Limit(x[i] + h, h, 0)), m * mu), (), True),
        (equate(Limit(total(x[i] * h), h, 1), m * mu), (), True),
        # derivatives and limits inside each other
        (equate(Derivative(Limit(a * h**2, h, 3), a), 9), (), True),
        (equate(Limit(Derivative(h**3, h), h, 2), 12), (), True),
        (equate(Limit(Derivative(Abs(h), h), h, 0, "+"), 1), (), True),
        (equate(Limit((Max(h, at) - at) / (h - at), h, at, "+"), 1), (), True),
        (equate(Limit(sqrt(h**2 - 2 * h * at + at**2) / (h - at), h, at, "-"), -1), (), True),
        (equate(Limit(xhat(i), eps, 0, "+"), (x[i] - mu) / sqrt(v)), (v > 0,), True),
        (equate(Limit(log(h) * a, h, 1), 0), (), True),
    )
    return rng.choice(rows)


def slopes_of_powers(rng: Random) -> Drawn:
    """Derivatives of symbolic powers, geometric sums and roots, where they stop existing.

    For example, ``a^z`` with any integer ``z`` has a derivative where ``a != 0``, and
    ``sqrt(a^2 + b^2)`` has one where ``(a, b) != (0, 0)``.  Multiplying by something that is 0
    there mends the formula but not the derivative, unless the factor is inside of it.
    """
    rows = (
        (equate(Derivative(a**n, a), n * a ** (n - 1)), (), True),
        # for T = 0 and a = 0 the right side does not exist
        (equate(Derivative(a**T, a), T * a ** (T - 1)), (), False),
        (equate(Derivative(a**T, a), T * a ** (T - 1)), (Ne(a, 0),), True),
        # z may be negative, where a = 0 is a pole
        (equate(Derivative(a**z, a), z * a ** (z - 1)), (a > 0,), True),
        (equate(Derivative(a**z, a) * a, z * a**z), (), False),
        (equate(Derivative(Sum(a**p, (p, 0, T)), a), Sum(p * a ** (p - 1), (p, 1, T))), (), True),
        # t > 0, so every real exponent is welcome
        (equate(Derivative(t**b, t), b * t ** (b - 1)), (), True),
        (equate(Derivative(sqrt(a**2 + b**2), a), a / sqrt(a**2 + b**2)), (Ne(b, 0),), True),
        # a cone has no derivative at its tip
        (equate(Derivative(sqrt(a**2 + b**2), a), a / sqrt(a**2 + b**2)), (), False),
        (equate(Derivative(sqrt(a**2 + b**2) * (b - 1), a), 0), (Eq(b, 1),), True),
        # with b = 0, the function that is differentiated is 0 for every a: the kink is gone
        (equate(Derivative(sqrt(a**2 + b**2) * b, a), 0), (Eq(b, 0),), True),
        (equate(Derivative(b * Abs(a), a), 0), (Eq(b, 0),), True),
        (equate(Derivative(Abs(a * b), a), b * sign(a)), (b >= 0, Ne(a, 0)), True),
        (equate(Derivative(a * sqrt(v), x[k]), 0), (Eq(a, 0),), True),
        (equate(Derivative(v ** (n + 1), x[k]), 2 * (n + 1) * v**n * (x[k] - mu) / m), (), True),
        # undefined as soon as one entry is 0
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
    return rng.choice(rows)
