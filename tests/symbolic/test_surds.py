"""Exact numbers of Q(sqrt 2, sqrt 3, ...) and their derivatives."""

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st
from sympy import nextprime

from bnproof.symbolic.duals import Dual, create_level, derivative, inverse, sign, sqrt
from bnproof.symbolic.surds import NotExact, Surd, exact_root, factor_integer, split_square, surd

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


@given(st.integers(1, 10**6))
def test_a_square_is_split_off(n):
    """``n = a^2 d``, and no square but 1 divides d."""
    a, d = split_square(n)
    assert a * a * d == n
    assert all(d % (p * p) for p in range(2, 1001))


def test_what_is_hard_to_factor_is_refused():
    """The square of a large prime needs no factoring; a product of two of them is not tried."""
    first, second = nextprime(10**15), nextprime(10**16)
    assert split_square(first**2) == (first, 1)
    assert factor_integer(12 * first * second) == {2: 2, 3: 1, first * second: 1}
    with pytest.raises(NotExact, match="too large to factor"):
        split_square(first * second)
    with pytest.raises(NotExact):
        exact_root(fmpq(first, second))


def test_numbers_without_a_root_are_rational():
    """Terms of 0 are dropped; equal numbers are equal and hash alike."""
    assert surd({1: fmpq(3, 2), 5: fmpq(0)}) == fmpq(3, 2)
    assert surd({}) == 0
    root = exact_root(fmpq(8))
    assert root == Surd({2: fmpq(2)})
    assert hash(root) == hash(exact_root(fmpq(2)) + exact_root(fmpq(2)))
    assert root != exact_root(fmpq(2))
    assert str(fmpq(1) + root - exact_root(fmpq(3))) == "1 + 2*sqrt(2) - 1*sqrt(3)"


def test_nearly_equal_roots_are_told_apart():
    """``sqrt(n^2 - 1) + 1/(2 n)`` and ``n`` differ by about ``n^-3``, far below a float's
    precision."""
    n = 10**12
    difference = exact_root(fmpq(n * n - 1)) + fmpq(1, 2 * n) - fmpq(n)
    assert sign(difference) == -1
    assert sign(-difference) == 1


def test_roots_of_negative_numbers_do_not_exist():
    """Of a rational, and of an irrational number."""
    for number in (fmpq(-1), fmpq(1) - exact_root(fmpq(2))):
        with pytest.raises(ValueError, match="negative"):
            sqrt(number)
