"""Moving a point until equations hold: what is met, what is kept, and what is left alone."""

from fractions import Fraction
from statistics import mean, pvariance

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import IndexedBase, Sum, Symbol, exp

from bnproof.symbolic import eps, m, mu, v, x
from bnproof.symbolic.frames import Point
from bnproof.symbolic.solving import solve_conditions
from bnproof.symbolic.surds import NotExact, Surd
from tests.symbolic.written_out import fraction

a = Symbol("a", real=True)
w = IndexedBase("w", real=True)
p = Symbol("p", integer=True)
entries = st.lists(st.fractions(-9, 9, max_denominator=5), min_size=3, max_size=5).filter(
    lambda values: len(set(values)) > 1
)


def at(values, others=()):
    """A point with these entries of x and of w."""
    point = Point({m: fmpq(len(values)), a: fmpq(2), eps: fmpq(1)}, lambda base, index: fmpq(7))
    for base, batch in ((x, values), (w, others)):
        if batch:
            point.entries[base] = {
                (place,): fmpq(e.numerator, e.denominator) for place, e in enumerate(batch, 1)
            }
    return point


def batch(point, base=x):
    """The entries as fractions."""
    return [fraction(point.entries[base][number,]) for number in range(1, point.size + 1)]


@given(entries)
@settings(max_examples=10)
def test_a_mean_is_met_by_a_shift(values):
    """``mu = a`` moves every entry alike, so all differences stay."""
    point = at(values)
    solve_conditions([mu - a], point)
    moved = batch(point)
    assert mean(moved) == 2
    assert {after - before for after, before in zip(moved, values, strict=True)} == {
        2 - mean(values)
    }


@given(entries)
@settings(max_examples=10)
def test_a_spread_is_met_by_a_scale(values):
    """``v = 1`` holds exactly afterwards, with irrational entries where need be; the mean stays."""
    point = at(values)
    solve_conditions([v - 1], point)
    moved = [point.entries[x][number,] for number in range(1, point.size + 1)]
    center = mean(values)
    exact = fmpq(center.numerator, center.denominator)
    assert sum(moved, fmpq(0)) == exact * len(moved)
    assert sum(((e - exact) ** 2 for e in moved), fmpq(0)) == len(moved)
    squares = pvariance(values)
    rational = all((n**0.5).is_integer() for n in (squares.numerator, squares.denominator))
    assert rational or any(isinstance(e, Surd) for e in moved)


@given(entries)
@settings(max_examples=10)
def test_mean_and_spread_are_met_together(values):
    """The scale comes first and the shift keeps it."""
    point = at(values)
    solve_conditions([mu, 4 * v - 9 * pvariance(values)], point)
    moved = batch(point)
    assert mean(moved) == 0
    assert 4 * pvariance(moved) == 9 * pvariance(values)


@given(entries, st.fractions(-3, 3, max_denominator=4))
@settings(max_examples=10)
def test_affine_equations_are_solved_for_the_last_entries(values, end):
    """``sum w = 0`` and ``sum w x = c`` change two entries of w at most, and none of x."""
    others = [value + place for place, value in enumerate(reversed(values))]
    point = at(values, others)
    total = Sum(w[p] * x[p], (p, 1, m))
    solve_conditions([Sum(w[p], (p, 1, m)), total - end], point)
    solved = batch(point, w)
    assert sum(solved) == 0
    assert sum(q * r for q, r in zip(solved, values, strict=True)) == end
    assert batch(point) == values
    assert sum(q != r for q, r in zip(solved, others, strict=True)) <= 2


def test_what_cannot_be_met_is_left():
    """Neither a negative spread nor another degree gives a scale; contradictions are not met."""
    point = at([1, 2, 6])
    solve_conditions([v + 1], point)
    solve_conditions([v**2 - 16], point)  # of degree 4 in the scale
    assert batch(point) == [1, 2, 6]
    point = at([1, 2, 6], [1, 1, 1])
    solve_conditions([w[1] - 1, w[1] - 2], point)
    assert batch(point, w)[0] in (1, 2)
    assert batch(point, w)[1:] == [1, 1]


def test_what_no_shift_meets_is_solved_entry_by_entry():
    """``mu = 0`` and ``x_1 = 5`` hold together, and the second entry keeps its value."""
    point = at([1, 2, 6])
    solve_conditions([mu, x[1] - 5], point)
    assert batch(point) == [5, 2, -7]


def test_first_entries_keep_their_values():
    """``sum w = 0`` and ``sum w x = 0`` leave ``w_1 = 3``: ``w_2 + w_3 = -3``,
    ``2 w_2 + 6 w_3 = -3``."""
    point = at([1, 2, 6], [3, 4, 5])
    solve_conditions([Sum(w[p], (p, 1, m)), Sum(w[p] * x[p], (p, 1, m))], point)
    assert batch(point, w) == [3, Fraction(-15, 4), Fraction(3, 4)]


def test_entries_that_are_missing_are_drawn_before():
    """An equation for one entry leaves the others as they are drawn."""
    point = at([1, 2, 6])
    solve_conditions([w[2] - x[3]], point)
    assert batch(point, w) == [7, 6, 7]


def test_an_interval_is_nothing_to_solve():
    """A residual with ``exp(a)`` is known as an interval only."""
    with pytest.raises(NotExact, match="residual"):
        solve_conditions([mu - exp(a)], at([1, 2, 6]))
