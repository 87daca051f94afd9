"""Points that satisfy conditions: values suit what is declared, and equations are solved."""

from fractions import Fraction
from random import Random
from statistics import pvariance

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import And, Eq, IndexedBase, Rational, Symbol

from bnproof.benchmarks.attack_calculus import DrawnPoint
from bnproof.benchmarks.attack_points import (
    draw_batch,
    draw_points,
    draw_scalar,
    render_point,
    suits,
    variance,
)
from bnproof.symbolic import eps, g, i, k, m, mu, v, x

a, b = Symbol("a"), Symbol("b")
RATIONALS = st.fractions(min_value=-9, max_value=9, max_denominator=7)


@given(st.lists(RATIONALS, min_size=1, max_size=7))
@settings(max_examples=25)
def test_the_variance_is_that_of_a_population(values):
    """It agrees with the standard library's, exactly."""
    exact = variance([fmpq(value.numerator, value.denominator) for value in values])
    assert Fraction(int(exact.p), int(exact.q)) == pvariance(values)


def test_batches_have_edge_cases_among_them():
    """Equal entries, positive ones, and pairs around a mean all come up, each of the size asked."""
    batches = [draw_batch(Random(seed), 4) for seed in range(60)]
    assert {len(batch) for batch in batches} == {4}
    assert any(len({str(value) for value in batch}) == 1 for batch in batches)
    assert any(all(value > 0 for value in batch) and variance(batch) > 0 for batch in batches)
    assert any(batch[0] == batch[2] != batch[1] == batch[3] for batch in batches)


SUITING = {
    "positive": ([fmpq(1, 2)], [fmpq(0), fmpq(-1)]),
    "nonnegative": ([fmpq(0), fmpq(1, 2)], [fmpq(-1, 2)]),
    "integer": ([fmpq(-3), fmpq(0)], [fmpq(1, 2)]),
    "even": ([fmpq(-4), fmpq(0)], [fmpq(3), fmpq(2, 3)]),
    "odd": ([fmpq(3)], [fmpq(2), fmpq(1, 3)]),
    "nonzero": ([fmpq(-1, 3)], [fmpq(0)]),
}


@pytest.mark.parametrize("declared", SUITING)
def test_what_is_declared_of_a_symbol_has_to_suit(declared):
    """Values on either side of each assumption are told apart."""
    good, bad = SUITING[declared]
    symbol = Symbol("q", **{declared: True})
    assert all(suits(symbol, value) for value in good)
    assert not any(suits(symbol, value) for value in bad)
    assert all(suits(a, value) for value in good + bad)  # of a plain symbol nothing is declared


@given(st.integers(0, 10**6), st.sampled_from(["positive", "nonnegative", "integer", "real"]))
@settings(max_examples=25)
def test_scalars_are_drawn_to_suit(seed, declared):
    """The common assumptions hold at once, and an index lies in the batch."""
    symbol = Symbol("q", **{declared: True})
    assert suits(symbol, draw_scalar(Random(seed), symbol, 3))
    assert 1 <= draw_scalar(Random(seed), i, 3) <= 3


def test_equations_among_the_conditions_are_solved():
    """Scalars, entries, the mean and several equations at once, which no chance would meet."""
    conditions = (
        And(Eq(a, Rational(7, 11)), Eq(b, 2 * a)),
        Eq(mu, Rational(5, 11)),
        Eq(x[1], 0),
        m >= 3,
    )
    points = list(draw_points(Random(0), (v,), conditions, 6))
    assert points
    for point in points:
        assert point.scalars[a] == fmpq(7, 11)
        assert point.scalars[b] == fmpq(14, 11)
        size = int(point.scalars[m].p)
        entries = [point.entries[x, (p,)] for p in range(1, size + 1)]
        assert size >= 3
        assert entries[0] == 0
        assert sum(entries, fmpq(0)) / size == fmpq(5, 11)


def test_every_point_lies_in_the_setting():
    """``eps >= 0`` and ``v + eps > 0``, sizes from 1 on, and indices in the batch."""
    points = list(draw_points(Random(1), (x[i] + x[k] + g[1] + eps,), (), 60))
    sizes = set()
    for point in points:
        size = int(point.scalars[m].p)
        sizes.add(size)
        spread = variance([point.entries[x, (p,)] for p in range(1, size + 1)])
        assert point.scalars[eps] >= 0
        assert spread + point.scalars[eps] > 0
        assert 1 <= point.scalars[i] <= size
    assert len(points) == 60
    assert {1, 2} <= sizes


def test_the_same_seed_gives_the_same_points():
    """Also of entries that are drawn when they are first asked for, in any order."""
    other = IndexedBase("other", real=True)
    first, second = (next(draw_points(Random(4), (x[1] + a,), (), 1)) for _ in range(2))
    forward = [first.read_entry((other, (p,))) for p in (1, 2, 3)]
    backward = [second.read_entry((other, (p,))) for p in (3, 2, 1)]
    assert render_point(first) == render_point(second)
    assert forward == backward[::-1]


def test_contradictions_have_no_point():
    """Conditions that nothing satisfies end the search, of sizes and of scalars."""
    for contrary in ((a > 0, a < 0), (Eq(m, 2), m >= 3), (Eq(v, 0), v > 0)):
        assert list(draw_points(Random(0), (a,), contrary, 3)) == []


def test_a_point_is_one_line_in_a_fixed_order():
    """Scalars by name, then entries by base and index."""
    point = DrawnPoint(
        {m: fmpq(2), a: fmpq(1, 3)},
        {(x, (2,)): fmpq(5), (x, (1,)): fmpq(4), (g, (1,)): fmpq(0)},
        lambda place: fmpq(0),
    )
    assert render_point(point) == "a = 1/3, m = 2, g[1] = 0, x[1] = 4, x[2] = 5"
