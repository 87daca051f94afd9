"""Roots, absolute values and signs as generators: their values at points, and what is known of
them."""

import pytest
from flint import fmpq
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import Abs, Pow, Rational, Symbol, nextprime, sqrt
from sympy import sign as sympy_sign

from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.power_sums import PowerSums
from bnproof.symbolic.roots import absolute_value, sign, square_root
from bnproof.symbolic.signsets import NEGATIVE, NONNEGATIVE, NONZERO, POSITIVE, ZERO

a, b = Symbol("a", real=True), Symbol("b", real=True)
forms = st.sampled_from([a, b, a - b, a + 2, a * b - 3, a**2 + 1])
exponents = st.integers(-3, 3)
products = st.lists(st.tuples(forms, exponents), min_size=1, max_size=3)
numbers = st.builds(Rational, st.integers(-12, 12).filter(bool), st.integers(1, 12))
# no form above is 0 at any of these
VALUES = [(Rational(p), Rational(q)) for p, q in ((1, -1), (-3, 2), (5, 7), (-4, -5), (4, 3))]


def build(form, number, factors):
    """A product of powers in generators, each factor known to differ from 0, and its value."""
    q, e = form.number(number), number
    for factor, exponent in factors:
        generator = form.normal_form(factor)
        form.signs.learn(generator, NONZERO)
        power = generator ** abs(exponent)
        q = q * (power if exponent >= 0 else power.inverse())
        e = e * factor**exponent
    return q, e


def at(e, values):
    """The value of an expression where a and b have these values."""
    return e.subs(dict(zip((a, b), values, strict=True)))


@given(numbers, products)
@settings(max_examples=25)
def test_the_root_of_a_square_is_an_absolute_value(number, factors):
    """``sqrt(q^2) = |q|`` at every point, whatever the signs of the factors."""
    form = PowerSums()
    q, e = build(form, number, factors)
    root = square_root(form, q * q).expression()
    assert all(at(root, values) == abs(at(e, values)) for values in VALUES)


@given(numbers, products)
@settings(max_examples=25)
def test_a_root_squares_to_its_radicand(number, factors):
    """Also with odd and negative powers, and with a negative number in front."""
    form = PowerSums()
    radicand, _ = build(form, number, factors)
    # what is known not to be positive has no root but 0, and nobody asks for another one
    assume(not form.signs.shows(radicand, NEGATIVE | ZERO))
    root = square_root(form, radicand)
    assert form.vanishes(root * root - radicand)
    assert not form.vanishes(root * root + radicand)


@given(numbers, products)
@settings(max_examples=25)
def test_absolute_values_and_signs_have_the_right_values(number, factors):
    """``|q|`` and ``sign(q)`` of a product, with factors of every sign in even and odd powers."""
    form = PowerSums()
    q, e = build(form, number, factors)
    magnitude, sense = absolute_value(form, q).expression(), sign(form, q).expression()
    for values in VALUES:
        assert at(magnitude, values) == abs(at(e, values))
        assert at(sense, values) == sympy_sign(at(e, values))


@given(st.integers(1, 400), st.integers(1, 60))
@settings(max_examples=25)
def test_numbers_leave_the_root_squarefree(p, q):
    """``sqrt(p/q)`` is a rational times the root of a squarefree integer, as SymPy has it."""
    form = PowerSums()
    root = square_root(form, form.number(Rational(p, q)))
    assert root.expression() == sqrt(Rational(p, q))
    assert (root * root).reduce_roots().constant == fmpq(p, q)


def test_a_root_is_taken_apart_where_the_signs_are_known():
    """``sqrt(a b)`` for positive factors, ``sqrt(-a) sqrt(-b)`` for negative ones, else whole."""
    for known, parts in (
        ([POSITIVE, POSITIVE], {sqrt(a), sqrt(b)}),
        ([NEGATIVE, NEGATIVE], {sqrt(-a), sqrt(-b)}),
        ([NONNEGATIVE, NONNEGATIVE], {sqrt(a), sqrt(b)}),
    ):
        form = PowerSums()
        for symbol, signs in zip((a, b), known, strict=True):
            form.signs.learn(form.atom(symbol), signs)
        root = square_root(form, form.atom(a) * form.atom(b))
        assert {form.ring.meaning[place] for place in root.list_places()} == parts
    form = PowerSums()
    root = square_root(form, form.atom(a) * form.atom(b))
    assert {form.ring.meaning[place] for place in root.list_places()} == {sqrt(a * b)}


def test_a_root_is_positive_where_its_radicand_is():
    """Otherwise it is only known not to be negative."""
    form = PowerSums()
    form.signs.learn(form.atom(a), POSITIVE)
    form.signs.learn(form.atom(b), NONNEGATIVE)
    assert form.signs.find_signs(square_root(form, form.atom(a))) == POSITIVE
    assert form.signs.find_signs(square_root(form, form.atom(b))) == NONNEGATIVE


def test_a_sign_that_shows_is_a_number_and_another_keeps_its_identities():
    """``sign(a) a = |a|`` and ``sign(a) |a| = a`` hold for ``a = 0`` too, ``sign(a)^2 = 1``
    not."""
    form = PowerSums()
    generator = form.atom(a)
    sense, magnitude = sign(form, generator), absolute_value(form, generator)
    assert form.vanishes(sense * generator - magnitude)
    assert form.vanishes(sense * magnitude - generator)
    assert not form.vanishes(sense * sense - form.number(1))
    form.signs.learn(form.atom(b), NEGATIVE)
    assert sign(form, form.atom(b)).constant == -1
    assert absolute_value(form, form.atom(b)).expression() == -b


def test_an_absolute_value_is_at_least_its_argument():
    """``|f| >= f`` and ``|f| >= -f``; of a square it is the square itself."""
    form = PowerSums()
    difference = form.normal_form(a - b)
    magnitude = absolute_value(form, difference)
    for side in (difference, -difference):
        assert form.signs.shows(magnitude - side, NONNEGATIVE)
        assert not form.signs.shows(magnitude - side, POSITIVE)
    square = difference * difference
    assert not absolute_value(form, square).expression().has(Abs)


def test_a_number_that_is_hard_to_factor_is_refused():
    """The root of a product of two large primes is left undecided."""
    form = PowerSums()
    with pytest.raises(Undecided, match="too large to factor"):
        square_root(form, form.number(nextprime(10**20) * nextprime(10**21)))


def test_a_factor_that_may_be_0_stays_with_one_of_unknown_sign():
    """Of ``a b >= 0`` and ``a >= 0`` it does not follow that b has a root; of ``a > 0`` it does."""
    for known, parts in ((NONNEGATIVE, 1), (POSITIVE, 2)):
        form = PowerSums()
        product = form.normal_form(a) * form.normal_form(b)
        form.signs.learn(form.normal_form(a), known)
        form.signs.learn(product, NONNEGATIVE)
        root = square_root(form, product).expression()
        assert len(root.atoms(Pow)) == parts
        assert root.subs({a: 4, b: 9}) == 6


def test_what_is_neither_positive_nor_negative_is_0():
    """``a >= 0``, ``b <= 0`` and ``a b >= 0``."""
    form = PowerSums()
    form.signs.learn(form.normal_form(a), NONNEGATIVE)
    form.signs.learn(form.normal_form(b), NEGATIVE | ZERO)
    assert square_root(form, form.normal_form(a * b)).is_zero
