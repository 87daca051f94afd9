"""Identities of one batch: the pool is true, rewritings keep it so, a slip is one small error."""

from random import Random

import pytest
from sympy import Derivative, Eq, Indexed, Integer, Sum

from bnproof.benchmarks.attack_evaluator import judge_statement
from bnproof.benchmarks.attack_identities import (
    POOL,
    REWRITINGS,
    a,
    b,
    draw_identity,
    draw_ratio,
    equate,
    insert_slip,
    total,
    w,
)
from bnproof.benchmarks.attack_points import draw_points
from bnproof.symbolic import i, j, m, x


def answers(statement, count=3, seed=0):
    """What the evaluator says of a statement at some points."""
    return {
        judge_statement(statement, p) for p in draw_points(Random(seed), (statement,), (), count)
    }


@pytest.mark.parametrize("number", range(len(POOL)))
def test_every_identity_of_the_pool_holds(number):
    """At points without an irrational number the sides are equal, and nowhere are they unequal."""
    said = answers(equate(*POOL[number]), 8)
    assert True in said
    assert said <= {True, "unknown"}


@pytest.mark.parametrize("rewriting", REWRITINGS, ids=lambda one: one.__name__)
def test_a_rewriting_keeps_identities(rewriting):
    """Whatever is drawn, equal sides stay equal wherever they exist."""
    for seed in range(6):
        sides = rewriting(Random(seed), POOL[5 * seed % len(POOL)])
        assert False not in answers(equate(*sides), seed=seed)


def test_a_rewriting_does_not_make_false_sides_equal():
    """What adds the same to both sides leaves an error visible."""
    shift = next(one for one in REWRITINGS if one.__name__ == "shift_sides")
    assert answers(equate(*shift(Random(0), (a, a + 1)))) == {False}


def test_a_slip_changes_one_place_and_is_usually_false():
    """It is another statement, and for most seeds some point shows that it is false."""
    statement = equate(total((x[i] - w[i]) ** 2), total(x[i] ** 2 - 2 * w[i] * x[i] + w[i] ** 2))
    slips = [insert_slip(Random(seed), statement) for seed in range(12)]
    assert all(isinstance(slip, Eq) and slip != statement for slip in slips)
    assert sum(answers(slip) != {True} for slip in slips) > 6
    assert answers(statement) == {True}


def test_a_slip_leaves_alone_what_would_be_no_statement():
    """The variable of a derivative and the label of a base stay, and single names have no slip."""
    statement = equate(Derivative(a**3 * w[1], a), 3 * a**2 * w[1])
    for seed in range(30):
        slip = insert_slip(Random(seed), statement)
        assert all(node.args[1] == (a, 1) for node in slip.atoms(Derivative))
        assert {entry.base for entry in slip.atoms(Indexed)} <= {w}
    assert insert_slip(Random(0), equate(a, b)) == equate(a, b)


def test_small_parts_are_what_they_say():
    """A ratio is never 0, a total runs from 1 to its end, and an equation is not decided."""
    ratios = {draw_ratio(Random(seed)) for seed in range(60)}
    assert 0 not in ratios
    assert any(not ratio.is_integer for ratio in ratios)
    assert total(j**2, j, Integer(4)).doit() == 30
    assert total(x[i]) == Sum(x[i], (i, 1, m))
    assert isinstance(equate(a, a), Eq)


def test_an_identity_is_a_function_of_seed_and_depth():
    """The same seed gives the same sides, depth 0 gives a row of the pool, and 3 does not."""
    assert draw_identity(Random(3), 0) in POOL
    assert draw_identity(Random(3), 3) == draw_identity(Random(3), 3)
    assert draw_identity(Random(3), 3) not in POOL
