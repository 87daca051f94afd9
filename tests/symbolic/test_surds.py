"""Exact numbers of Q(sqrt 2, sqrt 3, ...) and their derivatives."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.symbolic.duals import Dual, derivative, new_level
from bnproof.symbolic.surds import NotExact, Surd

fractions = st.fractions(min_value=-20, max_value=20, max_denominator=12)


@st.composite
def surds(draw):
    """A sum of a rational and two square roots."""
    roots = [Surd(Fraction(draw(st.integers(1, 30)))).sqrt() for _ in range(2)]
    return Surd(draw(fractions)) + Surd(draw(fractions)) * roots[0] + Surd(draw(fractions)) * roots[1]


@given(surds(), surds(), surds())
def test_field_laws(p, q, r):
    """Multiplication distributes and division undoes it."""
    assert p * (q + r) == p * q + p * r
    if q.terms:
        assert p * q / q == p


@given(surds())
def test_sign_agrees_with_floating_point(p):
    """The sign is that of the value wherever floating point can tell."""
    value = sum(float(q) * d**0.5 for d, q in p.terms.items())
    if abs(value) > 1e-9:
        assert p.sign() == (value > 0) - (value < 0)


@given(st.fractions(min_value=0, max_value=50, max_denominator=20))
def test_square_roots_square_back(q):
    """The root of a non-negative rational squares to it."""
    root = Surd(q).sqrt()
    assert root * root == Surd(q)


def test_nested_roots_leave_the_field():
    """The root of a root is refused, not approximated."""
    with pytest.raises(NotExact):
        Surd(2).sqrt().sqrt()


def test_mixed_derivatives_keep_directions_apart():
    """d2(x y)/dx dy = 1 and d2(x y)/dx dx = 0."""
    first, second = new_level(), new_level()
    p, q = Dual(Surd(3), Surd(1), first), Dual(Surd(5), Surd(1), second)
    assert derivative(derivative(p * q, second), first) == Surd(1)
    assert derivative(derivative(p * p, second), first) == Surd(0)
