"""Powers, exponentials and logarithms in generators: their laws, each with a law that fails."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Integer, Pow, Rational, Symbol, cosh, exp, log, nextprime, sinh, sqrt, tanh

from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.power_sums import PowerSums
from bnproof.symbolic.powers import (
    LARGEST_EXPONENT,
    exponential,
    hyperbolic_function,
    logarithm,
    symbolic_power,
)
from bnproof.symbolic.signsets import NEGATIVE, NONNEGATIVE, NONZERO, POSITIVE

a, b = Symbol("a", real=True), Symbol("b", real=True)
n = Symbol("n", integer=True, nonnegative=True)


def with_signs(**known):
    """A form in which the signs of a and b are known."""
    form = PowerSums()
    for name, signs in known.items():
        form.signs.learn(form.atom(Symbol(name, real=True)), signs)
    return form


@given(
    st.builds(Rational, st.integers(-30, 30).filter(bool), st.integers(1, 12)),
    st.lists(st.tuples(st.sampled_from([a, b, a - b, a + 1]), st.integers(-2, 3)), max_size=3),
)
@settings(max_examples=25)
def test_a_power_of_a_product_is_the_product_of_powers(number, factors):
    """``(c f g^k)^n`` has the right value for every n at a point where no factor is 0."""
    form = PowerSums()
    base, e = form.number(number), number
    for factor, exponent in factors:
        generator = form.normal_form(factor)
        form.signs.learn(generator, NONZERO)
        power = generator ** abs(exponent)
        base = base * (power if exponent >= 0 else power.inverse())
        e = e * factor**exponent
    power = symbolic_power(form, base, n).expression()
    for exponent in (0, 1, 2, 5):
        put = {a: Rational(3, 2), b: -4, n: exponent}
        assert power.subs(put) == e.subs(put) ** exponent


def test_equal_powers_are_equal_generators():
    """``6^n a^n = (2 a)^n 3^n`` and ``(sqrt(a)^2)^n = a^n``; ``(a + b)^n`` is not ``a^n + b^n``."""
    form = PowerSums()
    root = form.normal_form(sqrt(a**2 + 1))
    squared = symbolic_power(form, root * root, n)
    assert (squared - symbolic_power(form, form.normal_form(a**2 + 1), n)).is_zero
    left = form.normal_form(6**n * a**n)
    right = form.normal_form((2 * a) ** n * 3**n)
    assert (left - right).is_zero
    wrong = form.normal_form(Pow(a + b, n)) - form.normal_form(a**n + b**n)
    assert not form.vanishes(wrong)


def test_zero_to_a_power_is_not_taken_for_0():
    """``0^n`` is 1 at ``n = 0``, so it stays a generator, which is not negative."""
    form = PowerSums()
    power = symbolic_power(form, form.number(0), n)
    assert not power.is_zero
    assert [power.expression().subs(n, value) for value in (0, 1)] == [1, 0]
    assert form.signs.find_signs(power) <= NONNEGATIVE


def test_the_sign_of_a_power_follows_from_its_base():
    """Positive, not negative, or only never 0."""
    for known, expected in ((POSITIVE, POSITIVE), (NONNEGATIVE, NONNEGATIVE), (NEGATIVE, NONZERO)):
        form = with_signs(a=known)
        assert form.signs.find_signs(symbolic_power(form, form.atom(a), n)) == expected


def test_a_denominator_that_may_be_0_is_refused():
    """``(b/(a + 1))^n`` needs ``a + 1 != 0`` in the form that takes it."""
    form = PowerSums()
    with pytest.raises(Undecided, match=r"division by a \+ 1"):
        symbolic_power(form, form.atom(b) * form.normal_form(a + 1).inverse(), n)


def test_exponentials_add_their_arguments():
    """``exp(a + b/2) exp(a - b/2) = exp(2 a)``; half arguments are related to whole ones."""
    form = PowerSums()

    def take(e):
        return exponential(form, form.normal_form(e))

    assert (take(a + b / 2) * take(a - b / 2) - take(2 * a)).is_zero
    assert (take(a / 2) ** 2 - take(a)).is_zero
    assert (take(-a) * take(a)).constant == 1
    assert not (take(a / 2) ** 3 - take(a)).is_zero
    assert form.signs.find_signs(take(a)) == POSITIVE
    with pytest.raises(Undecided, match=f"up to {LARGEST_EXPONENT}"):
        take((LARGEST_EXPONENT + 1) * a)


def test_hyperbolic_functions_are_written_by_exponentials():
    """``cosh^2 - sinh^2 = 1`` and ``tanh cosh = sinh``, and not the same with cosh and sinh
    swapped."""
    form = PowerSums()
    argument = form.normal_form(a - b)
    up, down, ratio = (hyperbolic_function(form, f(a - b), argument) for f in (cosh, sinh, tanh))
    assert (up * up - down * down).constant == 1
    assert (ratio * up - down).is_zero
    assert not (ratio * down - up).is_zero
    assert (up + down - exponential(form, argument)).is_zero


def test_logarithms_add_up_over_factors():
    """``log(12 a^2/b) = 2 log 2 + log 3 + 2 log a - log b``, and half of it for the root."""
    form = with_signs(a=POSITIVE, b=POSITIVE)
    inside = form.normal_form(12 * a**2 / b)
    total = (
        form.number(2) * form.atom(log(Integer(2)))
        + form.atom(log(Integer(3)))
        + form.number(2) * form.atom(log(a))
        - form.atom(log(b))
    )
    assert (logarithm(form, inside, a) - total).is_zero
    root = form.square_root(inside, a)
    assert (logarithm(form, root, a) * form.number(2) - total).is_zero


def test_a_logarithm_needs_a_positive_argument():
    """Of a product of two negative factors it is the sum of the logarithms of their negatives."""
    form = with_signs(a=NEGATIVE, b=NEGATIVE)
    product = form.atom(a) * form.atom(b)
    apart = form.atom(log(-a)) + form.atom(log(-b))
    assert (logarithm(form, product, a * b) - apart).is_zero
    for known in (NONNEGATIVE, NEGATIVE):
        form = with_signs(a=known)
        with pytest.raises(Undecided, match="do not show to be positive"):
            logarithm(form, form.atom(a), a)


def test_exponentials_and_logarithms_undo_each_other():
    """``log(exp(a) exp(b)) = a + b`` and ``exp(3 log a) = a^3`` for positive a."""
    form = with_signs(a=POSITIVE)
    product = form.normal_form(exp(a) * exp(b))
    assert (logarithm(form, product, exp(a)) - form.normal_form(a + b)).is_zero
    power = exponential(form, form.normal_form(3 * log(a)))
    assert (power - form.normal_form(a**3)).is_zero
    assert (exponential(form, form.normal_form(-log(a))) * form.atom(a)).constant == 1


def test_what_is_hard_to_factor_counts_as_a_prime():
    """The product of two large primes is one generator, and the product stays right."""
    form, large = PowerSums(), nextprime(10**20) * nextprime(10**21)
    power = symbolic_power(form, form.number(4 * large), n)
    assert power.expression().subs(n, 3) == (4 * large) ** 3
