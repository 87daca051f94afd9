"""Sums of polynomials from a few terms: the same as adding up, and the degree is never too
small."""

from fractions import Fraction

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import IndexedBase, Poly, Symbol, sqrt

from bnproof.symbolic.exact import compile_expression
from bnproof.symbolic.frames import Frame, Point
from bnproof.symbolic.long_sums import degree_in, sum_by_differences

p, q = Symbol("p", integer=True), Symbol("q", integer=True)
x = IndexedBase("x", real=True)


def frame():
    """A frame at a point without numbers."""
    return Frame(Point({}, lambda base, index: fmpq(0)), {})


@given(
    st.lists(st.fractions(-5, 5, max_denominator=5), min_size=1, max_size=5),
    st.integers(-20, 20),
    st.integers(0, 60),
    st.integers(0, 2),
)
@settings(max_examples=25)
def test_a_few_terms_give_the_whole_sum(coefficients, start, length, surplus):
    """The sum is that of all terms, also where the degree was overestimated."""
    polynomial = sum((c * p**power for power, c in enumerate(coefficients)), p * 0)
    term = compile_expression(polynomial, (p,))
    end = start + length
    degree = len(coefficients) - 1 + surplus
    total = sum(
        c * at**power for at in range(start, end + 1) for power, c in enumerate(coefficients)
    )
    expected = Fraction(total)
    got = sum_by_differences(frame(), term, p, start, end, degree)
    assert got == fmpq(expected.numerator, expected.denominator)


def test_only_a_few_terms_are_paid_for():
    """A million squares cost three terms, and the index is free again afterwards."""
    at = frame()
    total = sum_by_differences(at, compile_expression(p**2, (p,)), p, 1, 10**6, 2)
    assert total == 10**6 * (10**6 + 1) * (2 * 10**6 + 1) // 6
    assert (at.spent.terms, at.bound) == (3, {})


@given(st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 3)), min_size=1, max_size=3))
@settings(max_examples=25)
def test_the_degree_is_never_too_small(factors):
    """For a product of powers of linear factors, as written, it is at least the true degree."""
    e = q
    for slope, power in factors:
        e = e * (slope * p + q) ** power
    assert degree_in(e, p) >= max(Poly(e, p).degree(), 0)


@pytest.mark.parametrize("e", [x[p], 1 / p, 2**p, sqrt(p + 1), p * x[p] + p**2, p**q], ids=str)
def test_what_is_no_polynomial_is_looked_at_term_by_term(e):
    """An entry, a quotient, a root or a symbolic power has no degree."""
    assert degree_in(e, p) is None


def test_degrees_by_hand():
    """``(p + q)^3 p`` has the degree 4 in p and 3 in q; what does not hold p has 0."""
    assert degree_in((p + q) ** 3 * p, p) == 4
    assert degree_in((p + q) ** 3 * p, q) == 3
    assert degree_in(p**2 + p + 1, p) == 2
    assert degree_in(x[q] / q, p) == 0
