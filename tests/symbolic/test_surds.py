"""Exact numbers of Q(sqrt 2, sqrt 3, ...) and their derivatives."""

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from bnproof.symbolic.duals import Dual, create_level, derivative, inverse, sign, sqrt
from bnproof.symbolic.surds import NotExact, exact_root

fractions = st.builds(fmpq, st.integers(-200, 200), st.integers(1, 12))


@st.composite
def surds(draw):
    """A sum of a rational and two square roots."""
    roots = [exact_root(fmpq(draw(st.integers(1, 30)))) for _ in range(2)]
    return draw(fractions) + draw(fractions) * roots[0] + draw(fractions) * roots[1]


def terms(number):
    """Its rational coefficients by what is under the root."""
    return {1: number} if isinstance(number, fmpq) else number.terms


@given(surds(), surds(), surds())
def test_field_laws(p, q, r):
    """Multiplication distributes and division undoes it."""
    assert p * (q + r) == p * q + p * r
    if q != 0:
        assert p * q * inverse(q) == p


@given(surds())
def test_sign_agrees_with_floating_point(p):
    """The sign is that of the value wherever floating point can tell."""
    value = sum(float(q) * d**0.5 for d, q in terms(p).items())
    if abs(value) > 1e-9:
        assert sign(p) == (value > 0) - (value < 0)


@given(fractions.filter(lambda q: q >= 0))
def test_square_roots_square_back(q):
    """The root of a non-negative rational squares to it."""
    assert exact_root(q) * exact_root(q) == q


def test_nested_roots_leave_the_field():
    """The root of a root is refused, not approximated."""
    with pytest.raises(NotExact):
        sqrt(exact_root(fmpq(2)))


def test_mixed_derivatives_keep_directions_apart():
    """d2(x y)/dx dy = 1 and d2(x y)/dx dx = 0."""
    first, second = create_level(), create_level()
    p, q = Dual(fmpq(3), fmpq(1), first), Dual(fmpq(5), fmpq(1), second)
    assert derivative(derivative(p * q, second), first) == 1
    assert derivative(derivative(p * p, second), first) == 0
