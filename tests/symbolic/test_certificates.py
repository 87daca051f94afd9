"""Signs by certificate: what is found is true, what is false is never certified, and programs are
solved exactly."""

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st
from sympy import Symbol

from bnproof.symbolic.certificates import MOST_SEARCHES
from bnproof.symbolic.equations import Equations
from bnproof.symbolic.signsets import ANY, NEGATIVE, NONNEGATIVE, NONZERO, POSITIVE
from bnproof.symbolic.simplex import maximise

a, b, c = (Symbol(name, real=True) for name in "abc")
small = st.integers(-3, 3)


@pytest.fixture
def form():
    """A ring with three real generators of which nothing is known."""
    return Equations()


def test_chains_of_conditions(form):
    """``a > b``, ``b > c`` give ``a > c``, and not ``c > a``."""
    a_, b_, c_ = (form.atom(symbol) for symbol in (a, b, c))
    form.signs.learn(a_ - b_, POSITIVE)
    form.signs.learn(b_ - c_, POSITIVE)
    assert form.signs.shows(a_ - c_, POSITIVE)
    assert not form.signs.shows(c_ - a_, NONNEGATIVE)


def test_products_of_conditions(form):
    """``a > 1``, ``b > 1`` give ``a b > 1``; without strictness only ``a b >= 1``."""
    a_, b_ = form.atom(a), form.atom(b)
    one = form.number(1)
    form.signs.learn(a_ - one, NONNEGATIVE)
    form.signs.learn(b_ - one, NONNEGATIVE)
    assert form.signs.shows(a_ * b_ - one, NONNEGATIVE)
    assert not form.signs.shows(a_ * b_ - one, POSITIVE)


def test_an_integer_above_0_is_at_least_1(form):
    """True of integers, not of real numbers."""
    n, k = Symbol("n", integer=True), Symbol("k", integer=True)
    n_, k_ = form.atom(n), form.atom(k)
    form.signs.learn(n_ - k_, POSITIVE)
    assert form.signs.shows(n_ - k_ - form.number(1), NONNEGATIVE)
    a_, b_ = form.atom(a), form.atom(b)
    form.signs.learn(a_ - b_, POSITIVE)
    assert not form.signs.shows(a_ - b_ - form.number(1), NONNEGATIVE)


@given(st.lists(st.tuples(small, small, small), min_size=1, max_size=3), small)
def test_sums_of_squares_are_certified(rows, constant):
    """A sum of squares of affine forms is never taken for less, and one with a negative constant
    for more."""
    form = Equations()
    generators = [form.atom(symbol) for symbol in (a, b, c)]
    total = form.number(0)
    for row in rows:
        line = sum(
            (g * form.number(n) for g, n in zip(generators, row, strict=True)),
            form.number(constant),
        )
        total = total + line * line
    assert form.signs.shows(total, NONNEGATIVE)
    if constant == 0:  # every line vanishes at 0
        assert not form.signs.shows(total - form.number(1), NONNEGATIVE)


@given(
    st.lists(st.tuples(small, small, small, st.booleans()), max_size=4),
    st.tuples(small, small, small),
    small,
)
def test_no_certificate_contradicts_a_point(conditions, wanted, at):
    """What is certified holds at every point at which the conditions hold."""
    form = Equations()
    a_, b_ = form.atom(a), form.atom(b)

    def line(row):
        return a_ * form.number(row[0]) + b_ * form.number(row[1]) + form.number(row[2])

    def value(row, x, y):
        return row[0] * x + row[1] * y + row[2]

    for *row, strict in conditions:
        form.signs.learn(line(row), POSITIVE if strict else NONNEGATIVE)
    product = line(wanted) * (a_ + form.number(at))
    for claimed in (POSITIVE, NONNEGATIVE, NEGATIVE, NONZERO):
        if not form.signs.shows(product, claimed):
            continue
        for x in range(-4, 5):
            for y in range(-4, 5):
                allowed = all(
                    value(row, x, y) > 0 if row[3] else value(row, x, y) >= 0 for row in conditions
                )
                got = value(wanted, x, y) * (x + at)
                assert not allowed or (got > 0) - (got < 0) in claimed


@given(
    st.lists(st.integers(-3, 3), min_size=2, max_size=2),
    st.lists(
        st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(-4, 4)),
        min_size=1,
        max_size=5,
    ),
)
def test_programs_are_solved_exactly(gain, constraints):
    """The point found is feasible, and no point of a grid is feasible and better."""
    rows = [[fmpq(p), fmpq(q)] for p, q, _ in constraints] + [[fmpq(1), fmpq(1)]]
    ends = [fmpq(end) for *_, end in constraints] + [fmpq(6)]
    found = maximise([fmpq(one) for one in gain], rows, ends)

    def feasible(point):
        inside = (
            sum(p * q for p, q in zip(row, point, strict=True)) <= end
            for row, end in zip(rows, ends, strict=True)
        )
        return all(one >= 0 for one in point) and all(inside)

    grid = [(fmpq(p, 2), fmpq(q, 2)) for p in range(13) for q in range(13)]
    best = [point for point in grid if feasible(point)]
    if found is None:
        assert not best
    else:
        assert feasible(found)
        assert all(
            sum(p * (x - y) for p, x, y in zip(gain, point, found, strict=True)) <= 0
            for point in best
        )


def test_roots_are_compared_by_their_squares(form):
    """With ``r^2 = a`` and ``a > 0`` the means give ``a + 1 >= 2 r``, and nothing gives
    ``a + 1 >= 3 r``, which is false at ``a = 1``."""
    a_, one = form.atom(Symbol("a", positive=True), POSITIVE), form.number(1)
    root = form.ring.place(Symbol("r", positive=True), POSITIVE)
    form.ring.relations[root] = form.ring.lift(a_.top)
    r_ = form.resolve_place(root)
    assert form.signs.shows(a_ + one - r_ - r_, NONNEGATIVE)
    assert not form.signs.shows(a_ + one - r_ - r_, POSITIVE)
    assert not form.signs.shows(a_ + one - r_ - r_ - r_, NONNEGATIVE)


def test_the_sign_of_a_denominator_counts(form):
    """``(a - b)/(b - a - 1)`` is negative where ``a > b``, and its square is positive."""
    a_, b_ = form.atom(a), form.atom(b)
    form.signs.learn(a_ - b_, POSITIVE)
    quotient = (a_ - b_) * (b_ - a_ - form.number(1)).inverse()
    assert form.signs.shows(quotient, NEGATIVE)
    assert form.signs.shows(quotient * quotient, POSITIVE)
    assert not form.signs.shows(quotient + form.number(1), NEGATIVE)


def test_searches_come_to_an_end(form):
    """Beyond the largest number of searches nothing more is certified."""
    square = (form.atom(a) + form.atom(b)) ** 2 + form.atom(c) ** 2 + form.number(1)
    form.signs.searches = MOST_SEARCHES - 1
    assert form.signs.shows(square, POSITIVE)
    assert not form.signs.shows(square, POSITIVE)


def test_nothing_is_known_of_what_nothing_says(form):
    """Without conditions a generator has any sign."""
    assert form.signs.find_signs(form.atom(a)) == ANY
