"""Identities of one batch, chains of rewritings that keep them true, and slips that break them.

A statement whose truth is known beforehand is worth most to an attack on a prover.  Here such
statements are made.  ``POOL`` holds identities of batch statistics.  A rewriting turns both sides
of one into another pair that is equal whenever the first is, for example by the same factor or by
differentiating both.  A chain of them gives an equation that is true by construction and looks like
nothing in a book.  A slip is one small error, of the kinds that people make: a wrong coefficient, a
missing term, ``m - 1`` for ``m``, a root left out.

The names of the statements stand here too.  ``a``, ``b`` and ``c`` are free real scalars, ``t`` is
a positive one, ``z`` an integer, ``T`` one that is not negative and ``n`` a positive one.  ``u``
and ``w`` are sequences or matrices apart from the batch, and ``p`` and ``q`` are names for sums to
bind.  The other modules of statements import them from here.

Start reading at :func:`draw_identity` and :func:`insert_slip`.
"""

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

# Plain symbols: the prover takes them as real, and has to do so without being told.
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
    """The sum of a summand over the batch, ``sum_{index=1..last}``.

    Parameters
    ----------
    summand
        An expression, in which the index may occur.
    index
        The name that is bound.
    last
        The upper bound, by default the batch size ``m``.
    """
    return Sum(summand, (index, 1, last))


def draw_ratio(rng: Random) -> Rational:
    """A small rational other than 0, whole numbers more often than not."""
    return Rational(rng.choice((1, -1, 2, -2, 3, -3, 5)), rng.choice((1, 1, 2, 3)))


def equate(lhs: Any, rhs: Any) -> Relational:
    """An equation exactly as it is written, which SymPy neither decides nor rearranges.

    ``Eq(a, a)`` would become ``True`` on its own, and the prover would have nothing to read.
    """
    return Eq(lhs, rhs, evaluate=False)


# An error in this table would accuse the prover wrongly. A test therefore holds every row against
# the evaluator.
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
    """An identity of the pool after some rewritings.

    Parameters
    ----------
    rng
        The source of chance; the same state gives the same identity.
    depth
        The number of rewritings.  Statements grow quickly with it.

    Returns
    -------
    tuple of Expr
        Both sides, which are equal at every point where they exist.

    Examples
    --------
    >>> from random import Random
    >>> from bnproof.benchmarks.attack_identities import draw_identity
    >>> draw_identity(Random(0), depth=1) == draw_identity(Random(0), depth=1)
    True
    """
    sides = rng.choice(POOL)
    for _ in range(depth):
        sides = rng.choice(REWRITINGS)(rng, sides)
    return sides


def scale_sides(rng: Random, sides: Sides) -> Sides:
    """Both sides times the same factor.

    The factor may be 0, which makes the new equation say less but never makes it false.
    """
    # all of them exist everywhere in the setting, since s > 0 and m >= 1
    factor = rng.choice((a, draw_ratio(rng), x[k], gamma, s, 1 / s, mu, 1 / m, x[1], v + eps))
    return factor * sides[0], factor * sides[1]


def shift_sides(rng: Random, sides: Sides) -> Sides:
    """Both sides plus the same term, which may speak of a free index or of the batch."""
    term = rng.choice((b, draw_ratio(rng), x[j] ** 2, beta, xhat(i), total(g[i] * x[i]), v / m))
    return sides[0] + term, sides[1] + term


def _sum_sides(rng: Random, sides: Sides) -> Sides:
    """Both sides with the same weight, summed over one of the free indices."""
    index = rng.choice((i, j, k))
    # the index may be free in the sides, or be bound in them already, which makes one binding hide
    # another
    weight = rng.choice((w[index], Integer(1), x[index], index))
    return total(weight * sides[0], index), total(weight * sides[1], index)


def combine_identities(rng: Random, sides: Sides) -> Sides:
    """Both sides with another identity of the pool mixed in.

    From ``A = B`` and ``C = D`` follow ``A - D = B - C`` and ``A C = B D``.
    """
    first, second = rng.choice(POOL)
    if rng.random() < 0.5:
        return sides[0] - second, sides[1] - first
    return sides[0] * first, sides[1] * second


def _differentiate_sides(rng: Random, sides: Sides) -> Sides:
    """Both sides under a ``Derivative`` that is not carried out.

    An identity holds near every point too, so its derivatives agree.  The scalars are only those
    that occur in it, since the rest would give ``0 = 0``.
    """
    there = sides[0].free_symbols | sides[1].free_symbols
    by = rng.choice((x[k], x[1], *(name for name in (gamma, a, eps) if name in there)))
    return Derivative(sides[0], by), Derivative(sides[1], by)


def _expand_left(rng: Random, sides: Sides) -> Sides:
    """The left side multiplied out by SymPy, which is trusted in this."""
    return sides[0].expand(), sides[1]


def _swap_sides(rng: Random, sides: Sides) -> Sides:
    return sides[1], sides[0]


def _rewrite_sum(rng: Random, sides: Sides) -> Sides:
    """One sum of the left side backwards, under another name, or with its last term apart.

    A left side with a derivative in it stays as it is.
    """
    # only simple sums: reversing the order of one whose bounds depend on it would need more care
    sums = [node for node in sides[0].atoms(Sum) if _is_simple(node)]
    if not sums:
        return sides
    # atoms come in no fixed order, and the same seed has to give the same statement
    node = rng.choice(sorted(sums, key=str))
    index, _, last = node.limits[0]
    f = node.function
    # no identity of the pool has this symbol, so nothing is captured
    other = Symbol("r", integer=True)
    rewritten = (
        Sum(f.xreplace({index: last + 1 - index}), (index, 1, last)),
        Sum(f.xreplace({index: other}), (other, 1, last)),
        Sum(f, (index, 1, last - 1)) + f.xreplace({index: last}),
    )
    new = rng.choice(rewritten)
    return sides if sides[0].has(Derivative) else (sides[0].xreplace({node: new}), sides[1])


def _is_simple(node: Sum) -> bool:
    """Whether a node is one sum over ``1..m`` without a sum or derivative inside."""
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
    """The statement with one slip: a coefficient, term, sign, size, eps, root or index.

    Parameters
    ----------
    rng
        The source of chance.
    statement
        A relation.  It is not changed itself, since SymPy's expressions are immutable.

    Returns
    -------
    Basic
        Another statement, or the same one where no slip was found in thirty tries.  It is usually
        false but need not be, so its truth is for the evaluator to find.
    """
    # many walks end at a node that has no typical error, or build what SymPy refuses
    for _ in range(30):
        try:
            changed = _change_at_random(rng, statement)
        except (TypeError, ValueError, ZeroDivisionError):  # SymPy does not build it
            continue
        if changed is not None and changed != statement:
            return changed
    return statement


def _change_at_random(rng: Random, e: Basic) -> Basic | None:
    """Walk down at random, change what is met at the end, and build the tree again.

    ``None`` says that there was nothing to change on this way.  Variables of a derivative, whole
    limits and the labels of bases stay as they are, since changing them would seldom leave a
    statement.
    """
    own = _change_node(rng, e)
    # Three times in ten the walk stops here, so that slips near the root and deep inside both
    # occur.
    if not e.args or (own is not None and rng.random() < 0.3):
        return own
    # the first argument is the function; the others say by what it is differentiated
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
    # a relation that SymPy decided would be no statement any more; other nodes may simplify as they
    # are built
    return e.func(*arguments, **({"evaluate": False} if isinstance(e, Relational) else {}))


def _is_limits(e: Basic, place: int) -> bool:
    """Whether this argument of a sum is a bound index with its limits."""
    return isinstance(e, Sum) and place > 0


def _change_bounds(rng: Random, limits: Basic) -> Basic:
    """The limits of a sum with one end moved, or as they are."""
    index, low, high = limits
    return rng.choice(((index, low, high - 1), (index, low + 1, high), (index, low, high)))


def _change_node(rng: Random, e: Basic) -> Basic | None:
    """One node with its typical error, or ``None`` for a node that has none.

    A sum loses a term or gets it with the wrong sign, a root is forgotten, a product gets a factor,
    and ``m`` becomes ``m - 1``, ``eps`` becomes ``2 eps``, an index becomes another, an integer
    grows by 1.
    """
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
