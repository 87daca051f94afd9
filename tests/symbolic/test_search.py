"""The search for counterexamples: the sizes it tries, what it finds, and what it remembers."""

import pytest
from sympy import Eq, Ge, IndexedBase, KroneckerDelta, Ne, Sum, Symbol, sqrt

from bnproof.symbolic import Every, Refuted, i, j, k, m, mu, v, x
from bnproof.symbolic.outcomes import Counterexample
from bnproof.symbolic.reading import read
from bnproof.symbolic.search import (
    LARGEST_BATCH,
    LARGEST_SIZE,
    MOST_TERMS,
    Search,
    nesting_depth,
    suggest_every,
)

a = Symbol("a", real=True)
p, q = Symbol("p", integer=True), Symbol("q", integer=True)
u, B = IndexedBase("u", real=True), IndexedBase("B", real=True)


def search(statement, *given):
    """A search for a statement under conditions."""
    return Search(read(statement, given))


@pytest.mark.parametrize(
    ("e", "depth"),
    [
        (x[1], 0),
        (Sum(x[p], (p, 1, m)) + Sum(u[p], (p, 1, m)), 1),
        (Sum(x[p] * Sum(u[q], (q, 1, m)), (p, 1, m)), 1),
        (Sum(x[p] * Sum(B[p, q], (q, 1, m)), (p, 1, m)), 2),
        (Sum(x[p] * Sum(u[q], (q, 1, p)), (p, 1, m)), 2),
        (Sum(B[p, q], (p, 1, m), (q, 1, m)), 2),
        (v, 1),
    ],
)
def test_depth_counts_sums_that_depend_on_those_around_them(e, depth):
    """A sum that does not is added up once."""
    assert nesting_depth(e) == depth


def test_sizes_are_those_that_the_conditions_allow():
    """The smallest first, and sizes beyond the usual ones where a condition names them."""
    plain = Eq(mu, 0)
    assert search(plain).sizes == list(range(1, LARGEST_SIZE + 1))
    assert search(plain, m > 3, m < 7).sizes == [4, 5, 6]
    assert search(plain, Ne(m, 1), m <= 3).sizes == [2, 3]
    assert search(plain, Eq(m, 500)).sizes == [500]
    assert search(plain, Eq(m, LARGEST_BATCH + 1)).sizes == []
    assert search(plain, m > a).sizes[0] == 1
    assert 80 in search(Eq(KroneckerDelta(m, 80) * mu, 0)).sizes


def test_sizes_that_cost_too_much_are_left_out():
    """A double sum has ``m^2`` terms."""
    double = Sum(x[p] * B[p, q], (p, 1, m), (q, 1, m))
    assert (
        max(search(Eq(double, 0)).sizes) ** 2
        <= MOST_TERMS
        < (max(search(Eq(double, 0)).sizes) + 1) ** 2
    )


def test_a_false_statement_is_refuted_at_a_point():
    """With the values at which the sides differ; a true one is counted at each point."""
    with pytest.raises(Refuted) as refuted:
        search(Eq(Sum(x[p] ** 2, (p, 1, m)), m * v)).run(count=2)
    found = refuted.value.counterexample
    assert sum(entry**2 for entry in found.values["x"]) == found.lhs != found.rhs
    true = search(Eq(Sum((x[p] - mu) ** 2, (p, 1, m)), m * v))
    true.run(count=2)
    assert true.points == len(true.samples) == 2 * 4 + 4
    true.run(count=1, most=2)
    assert true.points == 14


def test_larger_sizes_are_looked_at_on_request():
    """What holds up to ``m = 8`` is refuted among the further sizes."""
    late = Eq(KroneckerDelta(m, 9) * v, 0)
    looking = search(late)
    looking.run(count=1)
    with pytest.raises(Refuted) as refuted:
        looking.run(count=1, further=True)
    assert refuted.value.counterexample.m == 9


def test_a_point_without_a_value_is_remembered():
    """It neither counts nor refutes: ``1/a^2`` has no value at 0."""
    looking = search(Ge(1 / a**2, 0, evaluate=False))
    looking.run(count=4, edges=True)
    assert "a = 0" in looking.undefined
    assert looking.points > 0
    assert looking.obstacle == ""


def test_a_point_out_of_reach_is_an_obstacle():
    """The root of a root has no exact value; points at which a sum is empty do not count then."""
    nested = sqrt(1 + sqrt(3 + 3 * x[p] ** 2))
    looking = search(Ge(Sum(nested, (p, 1, m - 1)), 0, evaluate=False))
    looking.run(count=1, most=3)
    assert "root of a root" in looking.obstacle
    assert looking.samples
    assert looking.points == 0


def test_a_break_is_a_counterexample_or_a_point_without_a_value():
    """Or nothing, which says nothing."""
    false = search(Ge(a, 0)).find_break(range(1, 4), 20)
    assert isinstance(false, Counterexample)
    assert false.values["a"] < 0
    undefined = search(Ge(v, 0, evaluate=False), Ge(1 / a**2, 0, evaluate=False))
    assert "a = 0" in undefined.find_break([2], 20)
    assert search(Ge(v, 0, evaluate=False)).find_break([1, 2], 2) == ""


def test_a_condition_on_one_entry_gets_a_hint():
    """Where the statement does not mention its index."""
    assert suggest_every(read(mu > 0, (x[i] > 0,))).endswith(
        "write Every(x[i] > 0) for all of them"
    )
    for statement, condition in ((x[i] > 0, x[i] > 0), (mu > 0, Every(x[i] > 0)), (mu > 0, a > 0)):
        assert suggest_every(read(statement, (condition,))) == ""
    assert suggest_every(read(Ge(x[j], 0), (x[k] > x[j],))) != ""
