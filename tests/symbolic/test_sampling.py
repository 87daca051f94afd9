"""Points that satisfy conditions: every one that is drawn does, by arithmetic of its own."""

from random import Random
from statistics import pvariance

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Eq, Ge, Gt, IndexedBase, Le, Ne, Sum, Symbol, exp

from bnproof.symbolic import Every, eps, i, k, m, mu, v, x
from bnproof.symbolic.frames import Point
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.reading import read
from bnproof.symbolic.sampling import Sampler, batch_variance, find_assignment, suits
from bnproof.symbolic.surds import NotExact, exact_root
from tests.symbolic.written_out import fraction

a, b = Symbol("a", real=True), Symbol("b", real=True)
c = Symbol("c", positive=True)
n = Symbol("n", integer=True, positive=True)
w = IndexedBase("w", real=True)
p = Symbol("p", integer=True)


def draw(*conditions, size=4, count=6, edges=False, seed=0, statement=None):
    """Points for a statement that mentions a, b, c, n, x and w, under conditions."""
    mentioned = Ge(a + b + c + n + x[1] + Sum(w[p], (p, 1, m)), 0, evaluate=False)
    sampler = Sampler(
        read(mentioned if statement is None else statement, conditions), Random(seed), edges
    )
    return sampler, list(sampler.draw_points(size, count))


def batch(point, base=x):
    """The entries of a batch as fractions."""
    return [fraction(point.entry(base, (number,))) for number in range(1, point.size + 1)]


CONDITIONS = {
    "bounds of a scalar": ((a > 2, a <= 5), lambda at: 2 < at["a"] <= 5),
    "a bound by another scalar": ((Gt(a, 2 * b), Gt(b, 3)), lambda at: at["a"] > 2 * at["b"] > 6),
    "an equation": ((Eq(a, b**2 + 1),), lambda at: at["a"] == at["b"] ** 2 + 1),
    "equations that rest on each other": (
        (Eq(a, b + 1), Eq(b, 2 * c)),
        lambda at: at["a"] - 1 == at["b"] == 2 * at["c"],
    ),
    "an integer": ((n > 2, n < 4), lambda at: at["n"] == 3),
    "an inequation": ((Ne(a, 0), Ne(a, 1)), lambda at: at["a"] not in (0, 1)),
    "all entries": ((Every(x[i] >= a), a > 1), lambda at: min(at["x"]) >= at["a"] > 1),
    "a mean": ((Eq(mu, 0),), lambda at: sum(at["x"]) == 0),
    "a spread": ((Ge(v, 1),), lambda at: pvariance(at["x"]) >= 1),
    "equal entries": ((Eq(v, 0),), lambda at: len(set(at["x"])) == 1 and at["eps"] > 0),
    "no eps": ((Eq(eps, 0),), lambda at: at["eps"] == 0 and pvariance(at["x"]) > 0),
    "two linear equations": (
        (Eq(Sum(w[p], (p, 1, m)), 0), Eq(Sum(w[p] * x[p], (p, 1, m)), 0)),
        lambda at: sum(at["w"]) == sum(q * r for q, r in zip(at["w"], at["x"], strict=True)) == 0,
    ),
}


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize(("conditions", "holds"), CONDITIONS.values(), ids=CONDITIONS)
def test_points_satisfy_the_conditions(conditions, holds, edges):
    """As many as were asked for are found, and the conditions hold at each of them."""
    _, points = draw(*conditions, edges=edges)
    assert len(points) == 6
    for point in points:
        at = {symbol.name: fraction(value) for symbol, value in point.scalars.items()}
        at |= {"x": batch(point), "w": batch(point, w)}
        assert point.size == at["m"] == 4
        assert at["c"] > 0 < at["n"]
        assert at["n"].denominator == 1
        assert at["eps"] >= 0 < at["eps"] + pvariance(at["x"])
        assert holds(at)


def test_what_no_point_satisfies_gives_none():
    """Contradictions, ``a = exp(a)``, a spread of one value, another size than was asked for."""
    for conditions, size in (
        ((a > 1, a < 1), 3),
        ((Eq(a, b), Eq(b, exp(a))), 3),
        ((Eq(eps, 0),), 1),
        ((Eq(m, 5),), 4),
    ):
        sampler, points = draw(*conditions, size=size)
        assert points == []
        assert list(sampler.draw_points(size, 1)) == []
        assert sampler.undefined == ""
    assert len(draw(Eq(m, 5), size=5)[1]) == 6


def test_free_indices_lie_in_the_batch():
    """``i`` and ``k`` are drawn from ``1..m``, and take every value."""
    statement = Ge(x[i] ** 2 + x[k], 0, evaluate=False)
    _, points = draw(size=3, count=40, statement=statement)
    for index in (i, k):
        assert {int(point.scalars[index].p) for point in points} == {1, 2, 3}


def test_a_seed_gives_the_same_points():
    """Counterexamples are the same on every run, and another seed gives others."""

    def shown(seed):
        _, points = draw(a > 0, seed=seed)
        return [(str(point.scalars), batch(point), batch(point, w)) for point in points]

    assert shown(3) == shown(3)
    assert shown(3) != shown(4)


def test_edges_are_drawn_on_request():
    """Scalars of -1, 0 or 1 most of the time, and now and then a constant batch."""
    shares = []
    for edges in (False, True):
        _, points = draw(count=30, edges=edges)
        plain = sum(abs(point.scalars[symbol]) <= 1 for point in points for symbol in (a, b))
        shares.append((plain, sum(len(set(batch(point))) == 1 for point in points)))
    assert shares[0][0] < shares[1][0] > 30
    assert shares[0][1] < shares[1][1]


def test_a_condition_without_a_value_is_reported():
    """The first point at which a condition divides by 0 is kept in words."""
    sampler, points = draw(Gt(1 / a, 0, evaluate=False), edges=True, count=40)
    assert all(point.scalars[a] > 0 for point in points)
    assert "in a condition" in sampler.undefined
    assert "a = 0" in sampler.undefined


@given(st.lists(st.fractions(-20, 20, max_denominator=9), min_size=1, max_size=6))
@settings(max_examples=25)
def test_the_variance_is_the_biased_one(entries):
    """That of the standard library, for the population."""
    known = {(place,): fmpq(e.numerator, e.denominator) for place, e in enumerate(entries, 1)}
    point = Point({m: fmpq(len(entries))}, lambda base, index: fmpq(0), {x: known})
    assert fraction(batch_variance(point)) == pvariance(entries)


def test_assignments_are_equations_of_a_symbol_alone():
    """On either side; not where the symbol stands on both sides, and no inequality."""
    assert find_assignment(Eq(a, b + 1)) == (a, b + 1)
    assert find_assignment(Eq(b + c, a, evaluate=False)) == (a, b + c)
    assert find_assignment(Eq(a, Sum(a, (a, 1, m)), evaluate=False)) == (a, Sum(a, (a, 1, m)))
    for condition in (Eq(a, a**2), Eq(2 * a, 3 * b), Le(a, b), Every(Eq(x[i], 0))):
        assert find_assignment(condition) is None


def test_values_suit_the_assumptions_of_their_symbols():
    """Of an irrational number only the sign is compared, and no more may be assumed."""
    prime, odd = Symbol("p", prime=True), Symbol("o", odd=True)
    root = exact_root(fmpq(2))
    for symbol, good, bad in (
        (a, fmpq(-7, 2), None),
        (c, fmpq(1, 3), fmpq(0)),
        (n, fmpq(4), fmpq(1, 2)),
        (prime, fmpq(7), fmpq(9)),
        (odd, fmpq(-3), fmpq(4)),
        (Symbol("z", nonzero=True), fmpq(1), fmpq(0)),
        (c, root, -root),
        (Symbol("q", nonpositive=True), -root, root),
    ):
        assert suits(symbol, good)
        assert bad is None or not suits(symbol, bad)
    assert not suits(n, root)
    assert not suits(Symbol("r", rational=True), root)
    with pytest.raises(NotExact):
        suits(c, Interval.from_number(fmpq(0)))
