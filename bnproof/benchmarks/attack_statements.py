"""The statements that attack the prover: number ``n`` is a pure function of ``(seed, n)``.

Because of that, a statement that found something can be made again from two numbers, in any process
and in any order.  Families take turns, so that every run of some dozens has all of them: identities
and slips, rows of the tables and variants of them, two statements crossed, witnesses, and what is
no statement at all.

From ``bnproof.symbolic`` come names of the setting, and the witnesses ``Remainder``, ``Increasing``
and ``Induction``, which are data that the prover is handed.

Start reading at :func:`draw_claim`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from sympy import Basic, Ge, Gt, Idx, IndexedBase, Integer, KroneckerDelta, Le, Ne, Sum, Symbol

from bnproof.benchmarks import attack_cases, attack_functions, attack_indices, attack_sums
from bnproof.benchmarks.attack_identities import (
    T,
    a,
    b,
    draw_identity,
    draw_ratio,
    equate,
    insert_slip,
    total,
    w,
    z,
)
from bnproof.benchmarks.attack_variants import (
    GIVEN,
    cross_statements,
    substitute_index,
    substitute_value,
    vary_statement,
)
from bnproof.symbolic import (
    Every,
    Increasing,
    Induction,
    Remainder,
    eps,
    i,
    j,
    k,
    m,
    mu,
    s,
    v,
    x,
    xhat,
)

Witness = Remainder | Increasing | Induction


@dataclass(frozen=True)
class AttackClaim:
    """One statement for the prover, and what is known of it beforehand.

    Attributes
    ----------
    family
        Which family made it.
    statement
        The statement; for a malformed one, anything at all.
    given
        Its conditions.
    by
        A witness that the prover is handed, if there is one.
    known
        Whether the statement is true by construction.  ``False`` says nothing about it.
    malformed
        Whether it has to be refused, because it is no statement or cannot be read as it is written.
    """

    family: str
    statement: Any
    given: tuple[Any, ...] = ()
    by: Witness | None = None
    known: bool = False
    malformed: bool = False


def identities(rng: Random) -> AttackClaim:
    """An identity made true by a chain of up to three rewritings."""
    statement = equate(*draw_identity(rng, rng.randint(0, 3)))
    return AttackClaim("identities", statement, _draw_conditions(rng), known=True)


def slips(rng: Random) -> AttackClaim:
    """The same after at most two rewritings, with one slip in it, so usually false."""
    return AttackClaim(
        "slips",
        insert_slip(rng, equate(*draw_identity(rng, rng.randint(0, 2)))),
        _draw_conditions(rng),
    )


def _draw_conditions(rng: Random) -> tuple[Basic, ...]:
    """Conditions that have nothing to do with the statement, in one case of three."""
    return tuple(rng.sample(GIVEN, rng.randint(1, 2))) if rng.random() < 1 / 3 else ()


def witnesses(rng: Random) -> AttackClaim:
    """Witnesses that show what they should, and witnesses that lie.

    A witness may only help: a true statement stays true with a wrong one, and a false statement
    must not be proved whatever the witness says.  Therefore the mark ``True`` speaks of the
    statement alone.
    """
    W, r = Symbol("W", nonnegative=True), draw_ratio(rng)
    difference = (a - r) ** 2
    choices: tuple[tuple[Any, tuple[Any, ...], Witness, bool], ...] = (
        (Ge(a**2 + r**2, 2 * a * r), (), Remainder(difference), True),
        # the statement is true and the witness wrong
        (Ge(a**2 + r**2, 2 * a * r), (), Remainder(difference + 1), True),
        # the remainder is 0 at a = r, which a strict order does not allow
        (Gt(a**2 + r**2, 2 * a * r), (), Remainder(difference), False),
        (Ge(a**2, a), (), Remainder(a**2 - a), False),
        (Ge(a**2, a), (a >= 1,), Remainder(a * (a - 1)), True),
        # never negative, but not the difference of the sides
        (Ge(a, b), (), Remainder((a - b) ** 2), False),
        (Le(xhat(i) ** 2, m), (), Remainder(m - xhat(i) ** 2), True),
        (Ge(s, eps), (), Remainder(v), False),
        # the sides do not exist at a = 0
        (Ge(1 / a + a**2, 1 / a), (), Remainder(a**2), False),
        (Ne(2 * a, a), (), Remainder(a), False),
        (Ne(2 * a, a), (Ne(a, 0),), Remainder(a), True),
        # the derivative is 2 W - 1
        (Ge(W**2, W), (), Increasing(W, 2 * W), False),
        (Ge(W**3 + W, W), (), Increasing(W, 3 * W**2), True),
        (Ge(W, 2 * W), (), Increasing(W, Integer(1)), False),
        # at W = 0 the difference is r, not 0
        (Ge(W**2 + r, 0), (), Increasing(W, 2 * W), bool(r > 0)),
        (Ge(a**2, a), (a >= 0,), Increasing(a, 2 * a), False),
        (equate(Sum(2 * j - 1, (j, 1, T)), T**2), (), Induction(T), True),
        # the step holds, the start does not
        (equate(Sum(2 * j - 1, (j, 1, T)), T**2 + 1), (), Induction(T), False),
        (equate(Sum(j**2, (j, 1, T)), T**3), (), Induction(T), False),
        (Ge(2**T, T), (), Induction(T, 2**T - 1), True),
        # false for T = 3 alone
        (Ge(2**T, T**2), (), Induction(T, 2**T - 2 * T - 1), False),
        # true for T = 0 and T = 1
        (equate((T - 1) * T, 0), (), Induction(T), False),
        (equate(Sum(z, (j, 1, T)), T * z), (), Induction(T), True),
        (Ge(T * (T - 1) * (T - 2), 0), (), Induction(T, 3 * T * (T - 1)), True),
        (Ge(T**2, 3 * T), (), Induction(T, 2 * T - 2), False),
    )
    statement, given, by, known = rng.choice(choices)
    return AttackClaim("witnesses", statement, given, by, known)


def malformed(rng: Random) -> AttackClaim:
    """What cannot be read exactly as it is written, or is no statement at all.

    A prover that guesses what was meant proves something else than what was asked.  The rows have
    indices that need not be integers, ranges of their own, complex numbers, symbols that print like
    those of the setting but are others, floats, and answers of SymPy such as ``True``.
    """
    # a real symbol is no index, and an eps without its assumption is not that of the setting
    plain, own = Symbol("r", real=True), Symbol("eps")
    ranged, idx = KroneckerDelta(i, k, (1, 3)), Idx("r", (1, 5))
    choices: tuple[tuple[Any, tuple[Any, ...]], ...] = (
        (equate(x[plain], x[plain] + 0 * a), ()),
        (equate(x[plain] + a, a + x[plain]), ()),
        (equate(total(x[i], i, plain), 0), ()),
        (equate(KroneckerDelta(plain, i) * a, a * KroneckerDelta(i, plain)), ()),
        (equate(x[idx] + a, a + x[idx]), ()),
        (equate(Sum(x[idx], (idx, 1, m)), m * mu), ()),
        (equate(IndexedBase("h", complex=True)[i] + 1, 1), ()),
        (equate(Symbol("h", complex=True) ** 2, 1), ()),
        (equate(Symbol("h", imaginary=True) ** 2, 1), ()),
        (equate(own + v, v + eps), ()),
        (equate(Symbol("m") * mu, m * mu), ()),
        (equate(IndexedBase("x")[i], x[i]), ()),
        (equate(Symbol("gamma") + a, a), ()),
        # these two are Python's answers False and True
        (x[i] == x[k], ()),
        (mu == mu, ()),
        (mu, ()),
        (3, ()),
        ("mu", ()),
        (None, ()),
        # conditions that are no relations
        (equate(v, v), ([m >= 2],)),
        (equate(v, v), ((m >= 2, a > 0),)),
        (equate(v, v), (True,)),
        (equate(v, v), (a,)),
        (equate(v, v), ({a: 1},)),
        # a float is not exactly what was meant
        (equate(v * 0.5, v / 2), ()),
        (Every(x[i] > 0), ()),
        (equate(ranged + a, a + ranged), ()),
        (equate(x[i, k] + a, a + x[i, k]), ()),
        (equate(IndexedBase("h", shape=(3,))[i] + a, 1 + a), ()),
        (equate(Sum(x[j], (j, 1, Symbol("oo_"))), 0), ()),
        (equate(w[a] + b, b + w[a]), ()),
        (equate(w[i / 2] + b, b + w[i / 2]), ()),
        (equate(Symbol("h", positive=True) + Symbol("h"), 0), ()),
    )
    statement, given = rng.choice(choices)
    return AttackClaim("malformed", statement, given, malformed=True)


def _wrap_family(family: Callable[[Random], Any]) -> Callable[[Random], AttackClaim]:
    """A family of the tables: as it stands, varied, for another value of a, or with a slip."""

    def draw_variant(rng: Random) -> AttackClaim:
        """One statement of the family: a row, a variant of it, or the row with a slip."""
        statement, given, known = family(rng)
        # 0 and 7 leave the row as it is; 2 varies it and puts a value in
        kind = rng.randrange(8)
        if kind in (1, 2):
            statement = vary_statement(rng, statement)
        if kind in (2, 3):
            statement, *given = substitute_value(rng, (statement, *given))
        if kind == 4:
            statement, *given = substitute_index(rng, (statement, *given))
        if kind in (5, 6):
            # a slip may leave a statement true, so nothing is known of it
            statement, known = insert_slip(rng, statement), False
        return AttackClaim(family.__name__, statement, tuple(given), known=known)

    return draw_variant


def crossings(rng: Random) -> AttackClaim:
    """Two statements of the tables in one, or one of them under conditions of no concern to it."""
    # rows themselves, without variants: a crossing is variation enough
    first, second = (rng.choice(TABLES)(rng) for _ in range(2))
    if rng.random() < 0.3:
        return AttackClaim(
            "crossings", first[0], (*first[1], *rng.sample(GIVEN, 2)), known=first[2]
        )
    statement, given, known = cross_statements(rng, first, second)
    return AttackClaim("crossings", statement, given, known=known)


TABLES = (
    attack_functions.roots,
    attack_sums.deltas,
    attack_functions.derivatives,
    attack_sums.dummies,
    attack_sums.conditions,
    attack_functions.inequalities,
    attack_sums.trees,
    attack_sums.bounds,
    attack_sums.pairs,
    attack_functions.powers,
    attack_functions.functions,
    attack_functions.limits,
    attack_functions.expectations,
    attack_indices.nested,
    attack_indices.connectives,
    attack_cases.kinks,
    attack_cases.jumps,
    attack_cases.slopes_of_powers,
)
FAMILIES = (
    identities,
    slips,
    # each table has one turn in a round; slips and crossings, which differ most, have two
    *map(_wrap_family, TABLES),
    witnesses,
    malformed,
    slips,
    crossings,
    crossings,
)


def draw_claim(seed: int, number: int) -> AttackClaim:
    """Statement number ``number`` of a seed.

    Parameters
    ----------
    seed
        Which attack.
    number
        Which statement of it, from 0 on.

    Returns
    -------
    AttackClaim
        The same for the same two numbers.

    Examples
    --------
    >>> from bnproof.benchmarks.attack_statements import draw_claim
    >>> str(draw_claim(3, 7)) == str(draw_claim(3, 7))
    True
    """
    # a generator for each statement, seeded by text, which gives the same numbers on every machine
    rng = Random(f"bnproof/{seed}/{number}")
    return FAMILIES[number % len(FAMILIES)](rng)
