"""Variants of a statement that keep it true: more on both sides, another value, two in one."""

from __future__ import annotations

from random import Random

from sympy import Basic, Derivative, Eq, Expr, IndexedBase, Integer, Limit, Ne, Rational, Sum
from sympy.core.relational import Relational

from bnproof.benchmarks.attack_identities import (
    a,
    b,
    combine_identities,
    equate,
    scale_sides,
    shift_sides,
)
from bnproof.benchmarks.attack_points import collect_free_names
from bnproof.symbolic import Every, eps, gamma, i, j, k, m, mu, s, v, x

Parts = tuple[Basic, ...]
Drawn = tuple[Basic, Parts, bool]
SAFE = (
    scale_sides,
    shift_sides,
    combine_identities,
)  # they bind no name that a condition may speak of
VALUES: tuple[Expr, ...] = (mu, v, gamma, x[1], eps, s, b + 1, 2 * a, a + Rational(1, 2), -a)
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
    """An equation with the same done to both sides, once or twice; an order with a term added."""
    if not isinstance(statement, Relational):
        return statement
    if not isinstance(statement, Eq):
        return statement.func(*shift_sides(rng, statement.args), evaluate=False)
    sides = statement.args
    for _ in range(rng.randint(1, 2)):
        sides = rng.choice(SAFE)(rng, sides)
    return equate(*sides)


def substitute_value(rng: Random, parts: Parts) -> Parts:
    """Another real expression for ``a`` wherever it is a free symbol, in all parts alike."""
    moved = any(part.has(Derivative, Limit) for part in parts)
    labels = {base.label for part in parts for base in part.atoms(IndexedBase)}
    bound = {limit[0] for part in parts for node in part.atoms(Sum) for limit in node.limits}
    if moved or a in labels | bound:
        return parts
    return _replace_all(parts, a, rng.choice(VALUES))


def substitute_index(rng: Random, parts: Parts) -> Parts:
    """The first, last or mirrored index for a free one, in all parts alike."""
    old = rng.choice((i, k))
    return _replace_all(parts, old, rng.choice((Integer(1), m, m + 1 - old)))


def _replace_all(parts: Parts, old: Basic, new: Basic) -> Parts:
    replaced = [_replace(part, old, new) for part in parts]
    return parts if None in replaced else tuple(replaced)


def _replace(e: Basic, old: Basic, new: Basic) -> Basic | None:
    """``e`` with a free name replaced; ``None`` where that could bind it, or is not clear."""
    if e == old:
        return new
    if not e.args or old not in collect_free_names(e):
        return e
    if isinstance(e, (Sum, Limit, Every)) and not _keeps_free(e, old, new):
        return None
    arguments = [_replace(part, old, new) for part in e.args]
    if None in arguments:
        return None
    return e.func(*arguments, **({"evaluate": False} if isinstance(e, Relational) else {}))


def _keeps_free(e: Basic, old: Basic, new: Basic) -> bool:
    """Whether a sum binds neither the old name nor one of the new expression."""
    if not isinstance(e, Sum):
        return False
    bound = {limit[0] for limit in e.limits}
    return not bound & ({old} | collect_free_names(new))


def cross_statements(rng: Random, first: Drawn, second: Drawn) -> Drawn:
    """Two equations in one, under the conditions of both: their sum, difference or product."""
    if not isinstance(first[0], Eq) or not isinstance(second[0], Eq):
        return first
    (p, q), (r, t) = first[0].args, second[0].args
    pair = rng.choice(((p + r, q + t), (p - t, q - r), (p * r, q * t), (p * t, q * r)))
    return equate(*pair), (*first[1], *second[1]), first[2] and second[2]
