"""Quotients of polynomials whose generators are added on the way: field laws, and what growing does
to them."""

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st
from sympy import Rational, Symbol, symbols, together

from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.quotients import MOST_TERMS, ROOM, Ring
from bnproof.symbolic.signsets import ANY, NONNEGATIVE, NONZERO, POSITIVE

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


@given(parts, parts)
def test_what_divides_is_cancelled(first, second):
    """``p q / q`` is ``p``, with no factor left below."""
    ring = Ring()
    p, q = (polynomial(ring, terms) for terms in (first, second))
    if not q.is_zero:
        again = p * q * q.inverse()
        assert again.below == {}
        assert again.top == p.top


@given(parts)
def test_powers_of_a_generator_are_split_off(terms):
    """The coefficients hold no such generator and add up to the polynomial again."""
    ring = Ring()
    p = polynomial(ring, terms)
    place = ring.place(NAMES[0])
    split = ring.split_powers(p.top, place)
    assert all(place not in ring.list_places(part) for part in split.values())
    total = sum((part * ring.variable(place) ** n for n, part in split.items()), ring.constant(0))
    assert total == p.top


def test_a_fork_grows_for_itself():
    """Generators, signs, factors and relations of a copy stay there."""
    ring = Ring()
    a, b = (ring.generator(name) for name in NAMES[:2])
    other = ring.fork()
    other.place(NAMES[0], POSITIVE)
    other.generator(NAMES[2])
    other.register_factor((a + b).top)
    other.relations[0] = a.top
    assert ring.declared[0] == ANY
    assert (len(ring.meaning), ring.factors, ring.relations) == (2, [], {})
    assert ring.find_place(NAMES[2]) is None


def test_signs_of_a_generator_are_narrowed():
    """What is declared later is known besides what was known before."""
    ring = Ring()
    place = ring.place(NAMES[0], NONNEGATIVE)
    assert ring.place(NAMES[0], NONZERO) == place
    assert ring.declared[place] == POSITIVE


def test_equal_factors_are_registered_once():
    """``1/(2 a + 2)`` and ``1/(a + 1)`` share their factor, and the number goes to the top."""
    ring = Ring()
    a = ring.generator(NAMES[0])
    first, second = (a + ring.number(1)).inverse(), (a + a + ring.number(2)).inverse()
    assert first.below == second.below
    assert len(ring.factors) == 1
    assert (first - second - second).is_zero
    assert second.top == fmpq(1, 2)


def test_long_powers_are_refused():
    """A polynomial of three terms to the power 150 would have 11476 of them."""
    ring = Ring()
    total = sum((ring.generator(name) for name in NAMES), ring.number(0))
    assert len((total**12).top) == 91
    assert MOST_TERMS < 152 * 151 // 2
    with pytest.raises(Undecided, match="the power 150 of a polynomial with 3 terms"):
        total**150
