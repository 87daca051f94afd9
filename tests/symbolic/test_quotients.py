"""Quotients of polynomials whose generators are added on the way: field laws, and what growing does
to them."""

from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational, Symbol, symbols, together

from bnproof.symbolic.quotients import ROOM, Ring

NAMES = symbols("a b c")
parts = st.lists(st.tuples(st.integers(-3, 3), *[st.integers(0, 2)] * 3), min_size=1, max_size=3)


def polynomial(ring, terms):
    """A polynomial in three generators."""
    total = ring.number(0)
    for coefficient, *exponents in terms:
        term = ring.number(coefficient)
        for name, exponent in zip(NAMES, exponents, strict=True):
            term = term * ring.generator(name) ** exponent
        total = total + term
    return total


@given(parts, parts, parts)
def test_field_laws(first, second, third):
    """Multiplication distributes, division undoes it, and both are what SymPy's arithmetic
    gives."""
    ring = Ring()
    p, q, r = (polynomial(ring, terms) for terms in (first, second, third))
    assert (p * (q + r) - p * q - p * r).is_zero
    if not r.is_zero:
        quotient = (p + q) * r.inverse()
        assert (quotient * r - p - q).is_zero
        shown = quotient.expression() * r.expression() - p.expression() - q.expression()
        assert together(shown).expand() == 0


def test_a_ring_grows():
    """Elements from before the ring grew take part in arithmetic as before."""
    ring = Ring()
    first = ring.generator(Symbol("first"))
    half = (first + ring.number(1)).inverse()
    others = [ring.generator(Symbol(f"g{number}")) for number in range(ROOM + 5)]
    total = sum(others, half)
    assert (
        total * (first + ring.number(1))
        - ring.number(1)
        - sum(others, ring.number(0)) * (first + ring.number(1))
    ).is_zero


def test_roots_are_reduced():
    """``r^3`` with ``r^2 = a + 1`` is ``(a + 1) r``."""
    ring = Ring()
    a, r = ring.generator(Symbol("a")), ring.generator(Symbol("r"))
    ring.relations[ring.find_place(Symbol("r"))] = (a + ring.number(1)).top
    assert ((r**3).reduce_roots() - (a + ring.number(1)) * r).is_zero


def test_constants():
    """A number knows that it is one."""
    ring = Ring()
    a = ring.generator(Symbol("a"))
    assert (a - a + ring.number(Rational(2, 3))).constant * 3 == 2
    assert a.constant is None


def test_powers_of_nothing():
    """``0^0`` is 1, as SymPy has it, and ``0^2`` is 0."""
    zero = Ring().number(0)
    assert (zero**0).constant == 1
    assert (zero**2).is_zero
