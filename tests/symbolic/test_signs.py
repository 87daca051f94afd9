"""Signs that can be read off: never one that a point contradicts, and those that have to show."""

from itertools import product

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Symbol

from bnproof.symbolic.quotients import Ring
from bnproof.symbolic.signs import Signs, find_number_sign
from bnproof.symbolic.signsets import ANY, NEGATIVE, NONNEGATIVE, NONZERO, POSITIVE, ZERO

a, b = Symbol("a", real=True), Symbol("b", real=True)
n = Symbol("n", integer=True)
small = st.integers(-2, 2)
polynomials = st.lists(st.tuples(small, *[st.integers(0, 2)] * 3), min_size=1, max_size=3)
signsets = st.sampled_from([POSITIVE, NEGATIVE, NONNEGATIVE, NEGATIVE | ZERO, NONZERO, ZERO])
POINTS = [
    (fmpq(p, 2), fmpq(q, 2), fmpq(r))
    for p, q, r in product((-3, -1, 0, 1, 4), (-2, 0, 1), range(-2, 4))
]


def of_number(value):
    """The sign of a number: -1, 0 or 1."""
    return (value > 0) - (value < 0)


def evaluate(terms, point):
    """The value of a polynomial at a point, by its terms."""
    return sum(
        (fmpq(c) * point[0] ** d * point[1] ** e * point[2] ** f for c, d, e, f in terms), fmpq(0)
    )


def build(signs, terms):
    """A polynomial in a, b and the integer n as a quotient."""
    ring = signs.ring
    total = ring.number(0)
    for c, *exponents in terms:
        term = ring.number(c)
        for symbol, exponent in zip((a, b, n), exponents, strict=True):
            term = term * ring.generator(symbol) ** exponent
        total = total + term
    return total


@given(st.lists(st.tuples(polynomials, signsets), max_size=3), polynomials, st.data())
@settings(max_examples=25)
def test_no_sign_is_contradicted_by_a_point(conditions, wanted, data):
    """Wherever the learned conditions hold, the sign lies in the set that is found."""
    signs = Signs(Ring())
    for terms, known in conditions:
        signs.learn(build(signs, terms), known)
    asked = [wanted, *(terms for terms, _ in conditions)]
    terms = data.draw(st.sampled_from(asked))
    found = signs.find_signs(build(signs, terms))
    for point in POINTS:
        if all(of_number(evaluate(one, point)) in known for one, known in conditions):
            assert of_number(evaluate(terms, point)) in found


@pytest.mark.parametrize(
    ("terms", "known", "least"),
    [
        ([(2, 0, 0, 1), (-3, 0, 0, 0)], POSITIVE, 2),  # 2 n > 3
        ([(1, 0, 0, 1), (-2, 0, 0, 0)], POSITIVE, 3),  # n > 2
        ([(1, 0, 0, 1), (-2, 0, 0, 0)], NONNEGATIVE, 2),  # n >= 2
        ([(-1, 0, 0, 1), (2, 0, 0, 0)], NEGATIVE, 3),  # 2 - n < 0
        ([(1, 0, 0, 1), (-2, 0, 0, 0)], NEGATIVE, None),  # n < 2
        ([(1, 0, 0, 1), (1, 0, 0, 0)], NONNEGATIVE, -1),  # n >= -1
    ],
)
def test_conditions_bound_integers_from_below(terms, known, least):
    """A strict one by the next integer above; one from above gives no lower bound."""
    signs = Signs(Ring())
    signs.learn(build(signs, terms), known)
    assert signs.lower_bound(n) == least


def test_an_integer_that_differs_from_its_bound_exceeds_it():
    """``n >= 2`` and ``n != 2`` give ``n >= 3``; ``n != 5`` alone says nothing of a bound."""
    signs = Signs(Ring())
    two = build(signs, [(1, 0, 0, 1), (-2, 0, 0, 0)])
    signs.learn(two, NONNEGATIVE)
    signs.learn(build(signs, [(1, 0, 0, 1), (-5, 0, 0, 0)]), NONZERO)
    assert signs.lower_bound(n) == 2
    signs.learn(two, NONZERO)
    assert signs.lower_bound(n) == 3


def test_integers_are_counted_from_their_bound():
    """``n^2 - n`` is positive for ``n >= 2``, and may be 0 for ``n >= 1``; for a real number
    nothing shows."""
    parabola = [(1, 0, 0, 2), (-1, 0, 0, 1)]
    for least, expected in ((2, POSITIVE), (1, NONNEGATIVE)):
        signs = Signs(Ring())
        signs.learn(build(signs, [(1, 0, 0, 1), (-least, 0, 0, 0)]), NONNEGATIVE)
        assert signs.find_signs(build(signs, parabola)) == expected
    signs = Signs(Ring())
    signs.learn(build(signs, [(1, 1, 0, 0), (-2, 0, 0, 0)]), NONNEGATIVE)
    assert signs.find_signs(build(signs, [(1, 2, 0, 0), (-1, 1, 0, 0)])) == ANY


def test_the_last_unknown_factor_of_a_product_has_a_sign():
    """``a^2 b > 0`` gives ``b > 0`` and ``a != 0``; ``a b > 0`` gives no sign of either."""
    signs = Signs(Ring())
    signs.learn(build(signs, [(1, 2, 1, 0)]), POSITIVE)
    found = [signs.find_signs(build(signs, [term])) for term in ((1, 1, 0, 0), (1, 0, 1, 0))]
    assert found == [NONZERO, POSITIVE]
    signs = Signs(Ring())
    signs.learn(build(signs, [(1, 1, 1, 0)]), POSITIVE)
    found = [signs.find_signs(build(signs, [term])) for term in ((1, 1, 0, 0), (1, 0, 1, 0))]
    assert found == [NONZERO, NONZERO]


def test_an_even_power_says_nothing_of_its_base():
    """``a b^2 >= 0`` with ``a > 0`` holds for every b."""
    signs = Signs(Ring())
    signs.learn(build(signs, [(1, 1, 0, 0)]), POSITIVE)
    signs.learn(build(signs, [(1, 1, 2, 0)]), NONNEGATIVE)
    assert signs.find_signs(build(signs, [(1, 0, 1, 0)])) == ANY


def test_a_condition_speaks_of_its_multiples():
    """``a > b`` gives ``2 b - 2 a < 0``, and nothing of ``a - 2 b``."""
    signs = Signs(Ring())
    signs.learn(build(signs, [(1, 1, 0, 0), (-1, 0, 1, 0)]), POSITIVE)
    assert signs.find_signs(build(signs, [(-2, 1, 0, 0), (2, 0, 1, 0)])) == NEGATIVE
    assert signs.find_signs(build(signs, [(1, 1, 0, 0), (-2, 0, 1, 0)])) == ANY


def test_a_quotient_says_as_much_as_its_denominator_is_known():
    """``a/b > 0`` gives ``a > 0`` where ``b > 0``, and nothing of a sign where only ``b != 0``."""
    for below, expected in ((POSITIVE, POSITIVE), (NEGATIVE, NEGATIVE), (NONZERO, ANY)):
        signs = Signs(Ring())
        top, bottom = (signs.ring.generator(symbol) for symbol in (a, b))
        signs.learn(bottom, below)
        signs.learn(top * bottom.inverse(), POSITIVE)
        assert signs.find_signs(top) == expected


def test_terms_that_cannot_all_vanish_are_positive():
    """``a^2 + b^2 != 0`` makes ``a^2 + 3 b^2`` positive, and not ``a^2 + 3 a^2 b^2``."""
    signs = Signs(Ring())
    signs.learn(build(signs, [(1, 2, 0, 0), (1, 0, 2, 0)]), POSITIVE)
    assert signs.find_signs(build(signs, [(1, 2, 0, 0), (3, 0, 2, 0)])) == POSITIVE
    assert signs.find_signs(build(signs, [(1, 2, 0, 0), (3, 2, 2, 0)])) == NONNEGATIVE


def test_near_0_the_lowest_power_decides():
    """``t^2 - t`` is negative for small positive t; ``a t + t^2`` has any sign where a may be
    0."""
    signs = Signs(Ring())
    t = signs.ring.generator(Symbol("t", positive=True), POSITIVE)
    signs.near = signs.ring.find_place(Symbol("t", positive=True))
    coefficient = signs.ring.generator(a)
    assert signs.find_signs(t**2 - t) == NEGATIVE
    assert signs.find_signs(coefficient * t + t**2) == ANY
    signs.learn(coefficient, NONNEGATIVE)
    assert signs.find_signs(coefficient * t - t**2) == ANY
    signs.learn(coefficient, POSITIVE)
    assert signs.find_signs(coefficient * t - t**2) == POSITIVE


def test_a_fork_learns_for_itself():
    """What is supposed in a copy does not reach the original."""
    ring = Ring()
    signs = Signs(ring)
    build(signs, [(1, 1, 1, 1)])
    other = signs.fork(ring)
    other.learn(ring.generator(a), POSITIVE)
    other.learn(ring.generator(n), POSITIVE)
    assert other.find_signs(ring.generator(a)) == POSITIVE
    assert signs.find_signs(ring.generator(a)) == ANY
    assert (other.lower_bound(n), signs.lower_bound(n)) == (1, None)


def test_numbers_have_one_sign():
    """That of the number."""
    signs = [find_number_sign(fmpq(p, 7)) for p in (-3, 0, 5)]
    assert signs == [NEGATIVE, ZERO, POSITIVE]
