"""Identities of one batch, chains of rewritings that keep them true, and slips that break them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from sympy import (
    Add,
    Basic,
    Derivative,
    Eq,
    Expr,
    Indexed,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Limit,
    Mul,
    Pow,
    Rational,
    Sum,
    Symbol,
)
from sympy.core.relational import Relational

from bnproof.symbolic import beta, eps, g, gamma, i, j, k, m, mu, s, v, x, xhat, y

a, b, c = Symbol("a"), Symbol("b"), Symbol("c")
u, w = IndexedBase("u", real=True), IndexedBase("w", real=True)
p, q = Symbol("p", integer=True), Symbol("q", integer=True)
T = Symbol("T", integer=True, nonnegative=True)
n = Symbol("n", integer=True, positive=True)
z = Symbol("z", integer=True)
t = Symbol("t", positive=True)
Drawn = tuple[Basic, tuple[Basic, ...], bool]
Sides = tuple[Expr, Expr]
Rewriting = Callable[[Random, Sides], Sides]


def total(summand: Expr, index: Symbol = i, last: Expr = m) -> Expr:
    """A sum over the batch."""
    return Sum(summand, (index, 1, last))


def draw_ratio(rng: Random) -> Rational:
    """A small rational other than 0."""
    return Rational(rng.choice((1, -1, 2, -2, 3, -3, 5)), rng.choice((1, 1, 2, 3)))


def equate(lhs: Any, rhs: Any) -> Relational:
    """An equation that SymPy does not decide."""
    return Eq(lhs, rhs, evaluate=False)


POOL: tuple[Sides, ...] = (
    (total(xhat(i)), Integer(0)),
    (total(x[i]), m * mu),
    (total((x[i] - mu) ** 2), m * v),
    (total(xhat(i) ** 2), m * v / (v + eps)),
    (v, total(x[i] ** 2) / m - mu**2),
    (total(g[i] * xhat(i)), total(g[i] * x[i]) / s - mu * total(g[i]) / s),
    (total((x[i] - mu) * g[i]), total((g[i] - total(g[j], j) / m) * x[i])),
    (Sum((x[i] - x[j]) ** 2, (i, 1, m), (j, 1, m)), 2 * m**2 * v),
    (Sum(x[i] * x[j], (i, 1, m), (j, 1, m)), m**2 * mu**2),
    (Sum(x[i] * g[j], (i, 1, m), (j, 1, m)), m * mu * total(g[k], k)),
    (Derivative(mu, x[k]), 1 / m),
    (Derivative(v, x[k]), 2 * (x[k] - mu) / m),
    (Derivative(s, x[k]), xhat(k) / m),
    (Derivative(xhat(i), x[k]), (KroneckerDelta(i, k) - (1 + xhat(i) * xhat(k)) / m) / s),
    (Derivative(y(i), gamma), xhat(i)),
    (total(KroneckerDelta(i, k) * g[i]), g[k]),
    (total(KroneckerDelta(i, k) * KroneckerDelta(i, j)), KroneckerDelta(j, k)),
    (total(i**2), m * (m + 1) * (2 * m + 1) / 6),
    (s**2, v + eps),
    (s**3, s * (v + eps)),
    (xhat(k) * s, x[k] - mu),
    (y(k) - beta, gamma * (x[k] - mu) / s),
    (total(x[m + 1 - j], j), m * mu),
    (total(x[j], j, m - 1), m * mu - x[m]),
    (total(x[i] * total(x[i])), m**2 * mu**2),
    (total((x[i] - mu) ** 3), total(x[i] ** 3) - 3 * mu * total(x[i] ** 2) + 2 * m * mu**3),
    (total((w[i] - a) ** 2), total(w[i] ** 2) - 2 * a * total(w[i]) + m * a**2),
    (total(y(i)), m * beta),
    (total(total(x[p] * x[q], p, q - 1), q), (m**2 * mu**2 - total(x[i] ** 2)) / 2),
)


def draw_identity(rng: Random, depth: int) -> Sides:
    """An identity of the pool after so many rewritings."""
    sides = rng.choice(POOL)
    for _ in range(depth):
        sides = rng.choice(REWRITINGS)(rng, sides)
    return sides


def scale_sides(rng: Random, sides: Sides) -> Sides:
    """Both sides times the same."""
    factor = rng.choice((a, draw_ratio(rng), x[k], gamma, s, 1 / s, mu, 1 / m, x[1], v + eps))
    return factor * sides[0], factor * sides[1]


def shift_sides(rng: Random, sides: Sides) -> Sides:
    """The same added to both sides."""
    term = rng.choice((b, draw_ratio(rng), x[j] ** 2, beta, xhat(i), total(g[i] * x[i]), v / m))
    return sides[0] + term, sides[1] + term


def _sum_sides(rng: Random, sides: Sides) -> Sides:
    index = rng.choice((i, j, k))
    weight = rng.choice((w[index], Integer(1), x[index], index))
    return total(weight * sides[0], index), total(weight * sides[1], index)


def combine_identities(rng: Random, sides: Sides) -> Sides:
    """Another identity, subtracted or multiplied crosswise."""
    first, second = rng.choice(POOL)
    if rng.random() < 0.5:
        return sides[0] - second, sides[1] - first
    return sides[0] * first, sides[1] * second


def _differentiate_sides(rng: Random, sides: Sides) -> Sides:
    there = sides[0].free_symbols | sides[1].free_symbols
    by = rng.choice((x[k], x[1], *(name for name in (gamma, a, eps) if name in there)))
    return Derivative(sides[0], by), Derivative(sides[1], by)


def _expand_left(rng: Random, sides: Sides) -> Sides:
    return sides[0].expand(), sides[1]


def _swap_sides(rng: Random, sides: Sides) -> Sides:
    return sides[1], sides[0]


def _rewrite_sum(rng: Random, sides: Sides) -> Sides:
    """One sum of the left side backwards, under another name, or with its last term apart."""
    sums = [node for node in sides[0].atoms(Sum) if _is_simple(node)]
    if not sums:
        return sides
    node = rng.choice(sorted(sums, key=str))
    index, _, last = node.limits[0]
    f = node.function
    other = Symbol("r", integer=True)
    new = rng.choice(
        (
            Sum(f.xreplace({index: last + 1 - index}), (index, 1, last)),
            Sum(f.xreplace({index: other}), (other, 1, last)),
            Sum(f, (index, 1, last - 1)) + f.xreplace({index: last}),
        )
    )
    free = not sides[0].has(Derivative)
    return (sides[0].xreplace({node: new}) if free else sides[0]), sides[1]


def _is_simple(node: Sum) -> bool:
    """One sum over ``1..m`` without sums, deltas or derivatives in it, of entries that exist."""
    own = len(node.limits) == 1 and node.limits[0][1:] == (1, m)
    return bool(own and not node.function.has(Sum, Derivative))


REWRITINGS: tuple[Rewriting, ...] = (
    scale_sides,
    shift_sides,
    _sum_sides,
    combine_identities,
    _differentiate_sides,
    _expand_left,
    _swap_sides,
    _rewrite_sum,
)


# -- slips -----------------------------------------------------------------------------------------


def insert_slip(rng: Random, statement: Basic) -> Basic:
    """The statement with one slip: a coefficient, term, sign, size, eps, root or index."""
    for _ in range(30):
        try:
            changed = _change_at_random(rng, statement)
        except (TypeError, ValueError, ZeroDivisionError):  # SymPy does not build it
            continue
        if changed is not None and changed != statement:
            return changed
    return statement


def _change_at_random(rng: Random, e: Basic) -> Basic | None:
    """Walk down at random, change what is met at the end, and build the tree again."""
    own = _change_node(rng, e)
    if not e.args or (own is not None and rng.random() < 0.3):
        return own
    place = 0 if isinstance(e, Derivative) else rng.randrange(len(e.args))
    if isinstance(e, (IndexedBase, Limit)) or (isinstance(e, Indexed) and place == 0):
        return None
    inside = (
        _change_bounds(rng, e.args[place])
        if _is_limits(e, place)
        else _change_at_random(rng, e.args[place])
    )
    if inside is None:
        return own
    arguments = [*e.args[:place], inside, *e.args[place + 1 :]]
    return e.func(*arguments, **({"evaluate": False} if isinstance(e, Relational) else {}))


def _is_limits(e: Basic, place: int) -> bool:
    return isinstance(e, Sum) and place > 0


def _change_bounds(rng: Random, limits: Basic) -> Basic:
    index, low, high = limits
    return rng.choice(((index, low, high - 1), (index, low + 1, high), (index, low, high)))


def _change_node(rng: Random, e: Basic) -> Basic | None:
    if isinstance(e, Add):
        rest = list(e.args)
        dropped = rest.pop(rng.randrange(len(rest)))
        return rng.choice((Add(*rest), Add(*rest, -dropped)))
    if isinstance(e, Pow) and e.exp in (Rational(1, 2), Rational(-1, 2)):
        return e.base ** (2 * e.exp)
    if isinstance(e, Mul):
        return e * rng.choice((2, -1, Rational(1, 2)))
    if e == m:
        return m - 1
    if e == eps:
        return 2 * eps
    if e in (i, j, k):
        return rng.choice([index for index in (i, j, k) if index != e])
    return e + 1 if isinstance(e, Integer) else None
