"""The numbers of the attack: rationals and balls, and series that know how far they are known."""

from fractions import Fraction
from math import comb, factorial

import pytest
from flint import arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.benchmarks.attack_numbers import (
    TERMS,
    NoValue,
    Series,
    Unknown,
    build_variable,
    coefficient,
    exponential,
    inverse,
    is_zero,
    limit_at_zero,
    logarithm,
    root,
    sign,
    tends_to_zero,
    vanishes,
    whole_power,
)

RATIONALS = st.fractions(min_value=-5, max_value=5, max_denominator=6)
T = build_variable(1, fmpq(0), 1)  # the small variable itself


def rational(value):
    """A fraction as the attack's own kind of number."""
    return fmpq(value.numerator, value.denominator)


def polynomial(values, start=0):
    """A series with these coefficients, and nothing known after them."""
    return Series(1, start, tuple(rational(Fraction(value)) for value in values))


@given(st.lists(RATIONALS, min_size=1, max_size=6), st.lists(RATIONALS, min_size=1, max_size=6))
@settings(max_examples=25)
def test_sums_and_products_know_no_more_than_both_parts(left, right):
    """Coefficients are those of polynomials, up to the power that both factors are known to."""
    known = min(len(left), len(right))
    total = polynomial(left) + polynomial(right)
    product = polynomial(left) * polynomial(right)
    assert total.coefficients == tuple(rational(a + b) for a, b in zip(left, right, strict=False))
    assert product.coefficients == tuple(
        rational(sum(left[n] * right[p - n] for n in range(p + 1))) for p in range(known)
    )


def test_the_series_of_known_functions():
    """``1/(1 - t)``, ``exp t``, ``log(1 + t)``, ``sqrt(1 + t)`` have their Taylor coefficients."""
    assert inverse(1 - T).coefficients == (1,) * TERMS
    assert exponential(T).coefficients == tuple(fmpq(1, factorial(n)) for n in range(TERMS))
    assert logarithm(1 + T).coefficients[1:] == tuple(
        fmpq((-1) ** (n + 1), n) for n in range(1, TERMS)
    )
    # binomial(1/2, n) = (-1)^(n + 1) binomial(2 n, n) / (4^n (2 n - 1))
    assert root(1 + T).coefficients == tuple(
        fmpq((-1) ** (n + 1) * comb(2 * n, n), 4**n * (2 * n - 1)) for n in range(TERMS)
    )


@given(st.lists(RATIONALS, min_size=3, max_size=6), st.integers(-3, 3))
@settings(max_examples=25)
def test_an_inverse_undoes_a_product(values, start):
    """``a (1/a)`` is 1 with no further terms, also where a begins with a pole or a zero."""
    if values[0] == 0:
        values = [Fraction(1), *values]
    series = polynomial(values, start)
    one = series * inverse(series)
    assert one.start == 0
    assert one.coefficients == (1, *[0] * (len(values) - 1))


def test_a_cancelled_zero_is_not_taken_for_zero():
    """What begins beyond the known terms has no sign, and an exact 0 has one."""
    with pytest.raises(Unknown):
        sign(T - T)
    assert vanishes(T - T)
    assert not is_zero(T - T)
    assert is_zero(T * fmpq(0))
    with pytest.raises(Unknown):
        sign(arb(2).sqrt() ** 2 - 2)
    assert sign(-T + T * T * 100) == -1


def test_roots_of_squares_are_exact_and_others_are_balls():
    """``sqrt(4/9) = 2/3`` is a rational; ``sqrt(2)`` encloses what squares to 2; ``sqrt(-1)`` is
    nothing."""
    assert root(fmpq(4, 9)) == fmpq(2, 3)
    assert isinstance(root(fmpq(2)), arb)
    assert (root(fmpq(2)) ** 2).contains(2)
    assert vanishes(root(T * T) - T)
    with pytest.raises(NoValue):
        root(fmpq(-1))
    with pytest.raises(NoValue):
        root(-T * T)
    with pytest.raises(Unknown):
        root(T)


def test_powers_of_zero_follow_the_convention():
    """``0^0`` is 1, a positive power is 0, a negative one does not exist, a huge one is refused."""
    assert [whole_power(fmpq(0), n) for n in (0, 1, 5)] == [1, 0, 0]
    assert whole_power(fmpq(-2, 3), -3) == fmpq(-27, 8)
    with pytest.raises(NoValue):
        whole_power(fmpq(0), -1)
    with pytest.raises(Unknown):
        whole_power(fmpq(1), 401)


def test_the_inner_variable_is_a_constant_for_the_outer_one():
    """``(t + u)^2`` has the outer coefficients ``t^2, 2 t, 1`` in either order of the factors."""
    u = build_variable(2, fmpq(0), 1)
    for square in ((T + u) * (u + T), (u + T) * (T + u)):
        assert square.level == 2
        assert vanishes(coefficient(square, 2, 0) - T * T)
        assert vanishes(coefficient(square, 2, 1) - 2 * T)
        assert coefficient(coefficient(square, 2, 2), 1, 0) == 1
    assert coefficient(fmpq(7), 2, 0) == 7
    assert coefficient(fmpq(7), 2, 1) == 0


def test_limits_are_constant_terms_where_nothing_grows():
    """``(1 + t)/(1 - t)`` tends to 1, ``1/t`` to nothing, and ``t`` to 0."""
    assert limit_at_zero((1 + T) * inverse(1 - T), 1) == 1
    with pytest.raises(NoValue):
        limit_at_zero(inverse(T), 1)
    assert tends_to_zero(T)
    assert not tends_to_zero(1 + T)
    assert not tends_to_zero(inverse(T))


def test_logarithms_and_divisions_stop_where_nothing_exists():
    """``1/0``, ``log 0``, ``log(-1)`` have no value; ``log t`` and ``exp(1/t)`` no series."""
    for function, value in ((inverse, 0), (logarithm, 0), (logarithm, -1)):
        with pytest.raises(NoValue):
            function(fmpq(value))
    with pytest.raises(NoValue):
        logarithm(T - 1)
    for function, value in ((logarithm, T), (exponential, inverse(T))):
        with pytest.raises(Unknown):
            function(value)
    assert is_zero(logarithm(fmpq(1)))
    assert exponential(fmpq(0)) == 1
