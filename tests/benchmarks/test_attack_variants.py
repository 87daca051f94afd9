"""Variants of a statement keep it true, and never let a name be caught."""

from random import Random

import pytest
from sympy import Derivative, Eq, Gt, IndexedBase, Limit, Sum, Symbol, expand

from bnproof.benchmarks.attack_evaluator import judge_statement
from bnproof.benchmarks.attack_identities import a, b, equate, total, w
from bnproof.benchmarks.attack_points import collect_free_names, draw_points
from bnproof.benchmarks.attack_variants import (
    VALUES,
    cross_statements,
    substitute_index,
    substitute_value,
    vary_statement,
)
from bnproof.symbolic import Every, i, j, k, m, mu, x

SEEDS = range(8)


def is_contradicted(statement, seed=0):
    """Whether one of some points shows that a statement is false."""
    points = draw_points(Random(seed), (statement,), (), 3)
    return any(judge_statement(statement, point) is False for point in points)


def test_a_varied_equation_is_another_true_one():
    """Scaling, shifting and mixing keep ``sum x = m mu`` true and do not leave it as it was."""
    statement = equate(total(x[i]), m * mu)
    for seed in SEEDS:
        varied = vary_statement(Random(seed), statement)
        assert varied != statement
        assert not is_contradicted(varied, seed)


def test_a_varied_order_gets_the_same_term_on_both_sides():
    """An order is never multiplied, since a negative factor would turn it round."""
    for seed in SEEDS:
        varied = vary_statement(Random(seed), Gt(a, b, evaluate=False))
        assert isinstance(varied, Gt)
        assert expand(varied.lhs - varied.rhs) == a - b
    conjunction = Gt(a, 0) & Gt(b, 0)
    assert vary_statement(Random(0), conjunction) == conjunction


def test_a_value_goes_into_the_conditions_too():
    """``a = b`` under ``a > 0`` becomes the same expression in both places."""
    statement, condition = substitute_value(Random(1), (equate(a, b), a > 0))
    assert statement.lhs in VALUES
    assert condition == (statement.lhs > 0)
    assert statement.rhs == b


@pytest.mark.parametrize(
    "part",
    [
        equate(Derivative(a**2, a), 2 * a),
        equate(Limit(a * b, b, 0), 0),
        equate(Sum(a, (a, 1, m)) + a, b),
        equate(IndexedBase(a)[1], a),
    ],
    ids=["derivative", "limit", "bound by a sum", "label of a base"],
)
def test_a_value_is_not_put_where_it_would_mean_something_else(part):
    """Where a is moved, bound or a label, all the parts stay as they are."""
    parts = (part, a > 0)
    assert all(substitute_value(Random(seed), parts) == parts for seed in SEEDS)


def test_an_index_is_replaced_where_it_is_free():
    """``x[i]`` becomes the first, last or mirrored entry, inside of a sum over another name too."""
    statement = equate(total(x[i] * x[j], j), m * mu * x[i])
    found = {substitute_index(Random(seed), (statement,))[0] for seed in range(40)}
    wanted = {
        equate(total(x[new] * x[j], j), m * mu * x[new]) for new in (i, 1, m, m + 1 - i)
    }  # i itself where k was drawn, which does not occur
    assert found == wanted


def test_no_sum_catches_an_index():
    """Where a sum binds the old name or one of the new, and in limits and ``Every``, nothing
    changes."""
    inside = Sum(x[m] * x[i] * w[k], (m, 1, 3))  # m is bound, and two of three new indices have it
    for seed in range(40):
        (changed,) = substitute_index(Random(seed), (equate(inside, b),))
        assert changed in (
            equate(inside, b),
            equate(inside.xreplace({i: 1}), b),
            equate(inside.xreplace({k: 1}), b),
        )
        assert m not in collect_free_names(changed)
    for closed in (Every(x[i] > x[k]), equate(Limit(x[i] * x[k] * a, a, 0), 0)):
        assert all(substitute_index(Random(seed), (closed,)) == (closed,) for seed in SEEDS)


def test_a_crossing_has_both_conditions_and_is_true_if_both_are():
    """Two true equations give a true one, a doubtful one makes it doubtful, an order stays out."""
    first = equate(total(x[i]), m * mu), (a > 0,), True
    second = equate((a + 1) ** 2, a**2 + 2 * a + 1), (b > 0,), True
    for seed in SEEDS:
        statement, given, known = cross_statements(Random(seed), first, second)
        assert isinstance(statement, Eq)
        assert (given, known) == ((a > 0, b > 0), True)
        assert not is_contradicted(statement, seed)
    doubtful = (*second[:2], False)
    assert cross_statements(Random(0), first, doubtful)[2] is False
    order = Gt(a, b, evaluate=False), (), True
    assert cross_statements(Random(0), first, order) == first


def test_a_crossing_shows_an_error_in_either_part():
    """A false part makes the sum and the difference false."""
    true = equate(total(x[i]), m * mu), (), True
    false = equate(Symbol("a"), Symbol("a") + 1), (), False
    crossed = [cross_statements(Random(seed), true, false)[0] for seed in SEEDS]
    assert sum(map(is_contradicted, crossed)) > len(SEEDS) / 2
