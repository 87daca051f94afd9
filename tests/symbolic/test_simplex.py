"""Linear programs in fractions: known optima, duality, and programs without an optimum."""

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.symbolic.simplex import maximise

small = st.integers(-4, 4)


def solve(gain, rows, ends):
    """The optimum of a program in integers or fractions of two of them."""
    return maximise(
        [fmpq(one) for one in gain],
        [[fmpq(one) for one in row] for row in rows],
        list(map(fmpq, ends)),
    )


def dot(first, second):
    """The sum of the products."""
    return sum((fmpq(p) * q for p, q in zip(first, second, strict=True)), fmpq(0))


def test_a_textbook_program():
    """``3 x + 5 y`` under ``x <= 4``, ``2 y <= 12``, ``3 x + 2 y <= 18`` is largest at (2, 6)
    (Dantzig's example of Hillier and Lieberman)."""
    assert solve([3, 5], [[1, 0], [0, 2], [3, 2]], [4, 12, 18]) == [2, 6]


def test_a_program_on_which_the_largest_gain_rule_cycles():
    """The example of Chvatal (1983, page 31) comes to its end, at a gain of 1."""
    gain = [fmpq(10), fmpq(-57), fmpq(-9), fmpq(-24)]
    rows = [
        [fmpq(1, 2), fmpq(-11, 2), fmpq(-5, 2), fmpq(9)],
        [fmpq(1, 2), fmpq(-3, 2), fmpq(-1, 2), fmpq(1)],
        [fmpq(1), fmpq(0), fmpq(0), fmpq(0)],
    ]
    found = maximise(gain, rows, [fmpq(0), fmpq(0), fmpq(1)])
    assert dot(found, gain) == 1


def test_negative_right_sides_need_a_first_phase():
    """``x >= 2`` and ``x + y >= 5`` with the least ``2 x + 3 y``: at (5, 0)."""
    assert solve([-2, -3], [[-1, 0], [-1, -1]], [-2, -5]) == [5, 0]
    equal = solve([1, 0], [[1, 1], [-1, -1], [1, -1]], [3, -3, 0])
    assert equal == [fmpq(3, 2), fmpq(3, 2)]


@pytest.mark.parametrize(
    ("gain", "rows", "ends"),
    [
        ([0], [[1], [-1]], [1, -2]),  # x <= 1 and x >= 2
        ([0, 0], [[1, 1]], [-1]),  # x + y <= -1
        ([1, 0], [[-1, 1]], [1]),  # y <= x + 1, x without bound
        ([1], [], []),
    ],
)
def test_without_a_point_or_a_bound_there_is_no_optimum(gain, rows, ends):
    """``None`` for constraints that exclude each other and for a gain without bound."""
    assert solve(gain, rows, ends) is None


def test_without_constraints_a_gain_that_only_falls_is_largest_at_0():
    """No constraint is needed for that."""
    assert solve([-1, 0], [], []) == [0, 0]


@given(st.data(), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=25)
def test_the_optimum_is_that_of_the_dual_program(data, width, height):
    """``max c x, A x <= b`` equals ``min b y, A^T y >= c``, and one exists where the other
    does."""
    gain = data.draw(st.lists(small, min_size=width, max_size=width))
    rows = [data.draw(st.lists(small, min_size=width, max_size=width)) for _ in range(height)]
    ends = data.draw(st.lists(small, min_size=height, max_size=height))
    primal = solve(gain, rows, ends)
    transposed = [[-row[place] for row in rows] for place in range(width)]
    dual = solve([-end for end in ends], transposed, [-one for one in gain])
    assert (primal is None) == (dual is None)
    if primal is not None:
        assert all(one >= 0 for one in primal)
        assert all(dot(row, primal) <= end for row, end in zip(rows, ends, strict=True))
        assert dot(gain, primal) == dot(ends, dual)
