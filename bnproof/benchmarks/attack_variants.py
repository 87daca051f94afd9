"""Variants of a statement that keep it true: more on both sides, another value, two in one.

The tables of statements are finite, and a prover could have met each of their rows before.
Variants make them many.  What is true stays true under each of them, as long as no name is caught
by a sum, limit or condition that binds it.  Most of the care here is for that.

Start reading at :func:`vary_statement`.
"""

from __future__ import annotations

from random import Random

from sympy import Basic, Derivative, Eq, Expr, IndexedBase, Integer, Limit, Ne, Rational, Sum
from sympy.core.relational import Relational

from bnproof.benchmarks.attack_identities import (
    Drawn,
    a,
    b,
    combine_identities,
    equate,
    scale_sides,
    shift_sides,
)
from bnproof.benchmarks.attack_points import Parts, collect_free_names
from bnproof.symbolic import Every, eps, gamma, i, j, k, m, mu, s, v, x

SAFE = (
    scale_sides,
    shift_sides,
    combine_identities,
)  # they bind no name that a condition may speak of
# all of these are real numbers at every point of the setting, as a itself is
VALUES: tuple[Expr, ...] = (mu, v, gamma, x[1], eps, s, b + 1, 2 * a, a + Rational(1, 2), -a)
# conditions that have nothing to do with the statement: equations the prover solves, sizes, orders,
# and conditions on every entry
GIVEN: Parts = (
    Eq(eps, 0),
    Eq(eps, 1),
    Eq(mu, 0),
    Eq(m, 1),
    Eq(m, 2),
    Eq(m, 3),
    Eq(x[i], x[k]),
    Eq(x[k], 0),
    Eq(x[1], x[m]),
    Eq(i, k),
    Ne(i, k),
    Eq(i, 1),
    Eq(k, m),
    i < k,
    Eq(a, 0),
    Eq(a, b),
    Eq(gamma, 0),
    m >= 2,
    v > 0,
    a > 0,
    x[i] > 0,
    Every(x[i] >= 0),
    Every(Eq(x[j], x[k])),
)


def vary_statement(rng: Random, statement: Basic) -> Basic:
    """A statement with the same done to both sides.

    Parameters
    ----------
    rng
        The source of chance.
    statement
        An equation, which is scaled, shifted or mixed with an identity once or twice; an order,
        which gets one term added on both sides; anything else is returned as it is.

    Returns
    -------
    Basic
        A statement that is true wherever the first is, and exists.
    """
    if not isinstance(statement, Relational):
        return statement
    if not isinstance(statement, Eq):
        # a factor could be negative and turn an order round, so only a term is added
        return statement.func(*shift_sides(rng, statement.args), evaluate=False)
    sides = statement.args
    for _ in range(rng.randint(1, 2)):
        sides = rng.choice(SAFE)(rng, sides)
    return equate(*sides)


def substitute_value(rng: Random, parts: Parts) -> Parts:
    """Another real expression for ``a`` wherever it is a free symbol, in all parts alike.

    Parameters
    ----------
    rng
        The source of chance.
    parts
        The statement and its conditions, which have to change together.

    Returns
    -------
    tuple of Basic
        The new parts, or the old ones where ``a`` is bound, is the label of a base, or may be what
        a derivative or limit moves.
    """
    # Derivative(f, a) with mu for a would be a derivative by an expression, which SymPy does not
    # read
    moved = any(part.has(Derivative, Limit) for part in parts)
    # IndexedBase('a') has the symbol a as its label: replacing that would make another base
    labels = {base.label for part in parts for base in part.atoms(IndexedBase)}
    bound = {limit[0] for part in parts for node in part.atoms(Sum) for limit in node.limits}
    if moved or a in labels | bound:
        return parts
    return _replace_all(parts, a, rng.choice(VALUES))


def substitute_index(rng: Random, parts: Parts) -> Parts:
    """The first, last or mirrored index for a free one, in all parts alike.

    Where the new index could be bound by a sum, the parts are returned as they are.
    """
    # j is left alone: many rows sum over it
    old = rng.choice((i, k))
    return _replace_all(parts, old, rng.choice((Integer(1), m, m + 1 - old)))


def _replace_all(parts: Parts, old: Basic, new: Basic) -> Parts:
    """The parts with a free name replaced, or as they are where one of them cannot be."""
    replaced = [_replace(part, old, new) for part in parts]
    return parts if None in replaced else tuple(replaced)


def _replace(e: Basic, old: Basic, new: Basic) -> Basic | None:
    """An expression with a free name replaced; ``None`` where that could bind it, or is not clear.

    Only free occurrences change, so a name that a sum binds stays as it is inside of that sum.
    """
    if e == old:
        return new
    # nothing free to replace here, also where the name occurs bound
    if not e.args or old not in collect_free_names(e):
        return e
    if isinstance(e, (Sum, Limit, Every)) and not _keeps_free(e, old, new):
        return None
    arguments = [_replace(part, old, new) for part in e.args]
    if None in arguments:
        return None
    # a relation that SymPy decided would be no statement any more
    return e.func(*arguments, **({"evaluate": False} if isinstance(e, Relational) else {}))


def _keeps_free(e: Basic, old: Basic, new: Basic) -> bool:
    """Whether a sum binds neither the old name nor one of the new expression.

    Limits and ``Every`` count as binding: what moves inside of them is not looked into.
    """
    if not isinstance(e, Sum):
        return False
    bound = {limit[0] for limit in e.limits}
    return not bound & ({old} | collect_free_names(new))


def cross_statements(rng: Random, first: Drawn, second: Drawn) -> Drawn:
    """Two equations in one, under the conditions of both: their sum, difference or product.

    Parameters
    ----------
    rng
        The source of chance.
    first, second
        Each a statement, its conditions, and whether it is true by construction.

    Returns
    -------
    tuple
        The same three of the crossing, which is true by construction if both are.  Where one of
        them is no equation, the first is returned as it is.
    """
    if not isinstance(first[0], Eq) or not isinstance(second[0], Eq):
        return first
    (p, q), (r, t) = first[0].args, second[0].args
    # each of the four follows from p = q and r = t
    pair = rng.choice(((p + r, q + t), (p - t, q - r), (p * r, q * t), (p * t, q * r)))
    return equate(*pair), (*first[1], *second[1]), first[2] and second[2]
