"""Algebra in generators: values at points, mean and variance for the first two power sums, and what
is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, Function, Max, Min, Rational, Sum, Symbol, asin, sin, sqrt

from bnproof.symbolic import Undecided, k, m, mu, power_sums, v, x
from bnproof.symbolic.power_sums import MOST_POWER, PowerSums
from bnproof.symbolic.signsets import NONNEGATIVE, NONZERO, POSITIVE
from tests.symbolic.written_out import value_at

a, b = Symbol("a", real=True), Symbol("b", real=True)
n = Symbol("n", integer=True, positive=True)
T, d = (Symbol(name, integer=True, nonnegative=True) for name in "Td")
c = Symbol("c", integer=True)
p, q = Symbol("p", integer=True, positive=True), Symbol("q", integer=True, positive=True)

leaves = st.sampled_from(
    [a, b, x[1], Rational(-3, 2), Sum(x[p], (p, 1, m)), Sum(x[p] ** 2, (p, 1, m))]
)
expressions = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.tuples(parts, parts).map(lambda pair: pair[0] + pair[1]),
        st.tuples(parts, parts).map(lambda pair: pair[0] * pair[1]),
        st.tuples(parts, parts).map(lambda pair: Max(*pair, evaluate=False)),
        st.tuples(parts, parts).map(lambda pair: Min(*pair, evaluate=False)),
        parts.map(lambda e: -e),
        parts.map(lambda e: Abs(e, evaluate=False)),
    ),
    max_leaves=3,
)


@given(expressions)
@settings(max_examples=25)
def test_the_normal_form_keeps_the_value(e):
    """At a batch of three, with absolute values, maxima and quotients inside."""
    normal = PowerSums().normal_form(e).expression()
    here = {"a": -1, "b": Rational(1, 3)}
    assert value_at(normal, 3, **here) == value_at(e, 3, **here)


def test_the_first_two_power_sums_are_written_by_mean_and_variance():
    """``sum x = m mu`` and ``sum x^2 = m (v + mu^2)``, and not with ``mu^2`` left out."""
    form = PowerSums()
    squares = form.normal_form(Sum(x[p] ** 2, (p, 1, m)))
    assert (form.normal_form(Sum(x[p], (p, 1, m))) - form.normal_form(m * mu)).is_zero
    assert (squares - form.normal_form(m * (v + mu**2))).is_zero
    assert not (squares - form.normal_form(m * v)).is_zero
    assert form.signs.find_signs(form.normal_form(v)) == NONNEGATIVE
    cubes = form.normal_form(Sum((x[p] - mu) ** 3, (p, 1, m))).expression()
    assert value_at(cubes, 4) == value_at(Sum((x[p] - mu) ** 3, (p, 1, m)), 4)


def test_a_division_needs_what_is_known_not_to_vanish():
    """``1/a`` is refused until ``a != 0`` is learned; ``1/(a^2 + 1)`` needs no condition."""
    form = PowerSums()
    assert form.normal_form(1 / (a**2 + 1)).below
    with pytest.raises(Undecided, match="division by a, which the conditions allow to be 0"):
        form.normal_form(1 / a)
    form.signs.learn(form.atom(a), NONZERO)
    assert (form.normal_form(1 / a) * form.atom(a)).constant == 1


def test_a_root_needs_what_is_known_not_to_be_negative():
    """A sum of squares is read as it is written; a symbol may be negative."""
    form = PowerSums()
    spread = Sum((x[p] - x[q]) ** 2, (p, 1, m), (q, 1, m))
    root = form.normal_form(sqrt(spread))
    assert form.vanishes(root * root - form.normal_form(spread))
    with pytest.raises(Undecided, match="square root of a, which the conditions allow"):
        form.normal_form(sqrt(a))
    with pytest.raises(Undecided, match="square root of"):
        form.normal_form(sqrt(spread - 1))


def test_exponents_are_halves_or_integers():
    """``b^(3/2) = sqrt(b)^3`` and ``4^(n/2) = 2^n``; cube roots and long powers are refused."""
    form = PowerSums()
    form.signs.learn(form.atom(b), POSITIVE)
    root = form.normal_form(sqrt(b))
    assert form.vanishes(form.normal_form(b ** Rational(3, 2)) - root**3)
    assert form.vanishes(form.normal_form(b ** Rational(-1, 2)) * root - form.number(1))
    half = form.normal_form(b ** (n / 2)).expression()
    assert [half.subs({b: 4, n: value}) for value in (1, 2, 5)] == [2, 4, 32]
    for exponent, sentence in (
        (Rational(1, 3), "no integer exponent"),
        (a, "no integer exponent"),
        (MOST_POWER + 1, f"up to {MOST_POWER}"),
    ):
        with pytest.raises(Undecided, match=sentence):
            form.normal_form((b + 1) ** exponent)


def test_an_exponent_is_split_only_where_0_to_it_allows():
    """``a^(n + 2) = a^2 a^n`` for every a; ``a^(T - 1)`` needs ``a != 0``."""
    form = PowerSums()
    assert (form.normal_form(a ** (n + 2)) - form.normal_form(a**2 * a**n)).is_zero
    assert (
        form.normal_form(a ** (d + T)) - form.normal_form(a**d) * form.normal_form(a**T)
    ).is_zero
    for exponent in (c, T - 1, d - T):
        with pytest.raises(Undecided, match="division by a"):
            form.normal_form(a**exponent)
    together = form.normal_form(a ** (m - k)).expression()
    assert [together.subs({a: 0, m: 3, k: last}) for last in (3, 2)] == [1, 0]
    form.signs.learn(form.atom(a), NONZERO)
    assert (form.normal_form(a ** (c + 1)) - form.atom(a) * form.normal_form(a**c)).is_zero
    apart = form.normal_form(a ** (c + 1)) * form.normal_form(a ** (-c))
    assert [apart.expression().subs({a: 2, c: value}) for value in (3, -3)] == [2, 2]


def test_unknown_functions_are_refused_and_known_ones_compare_their_arguments():
    """``sin((a + b)^2)`` is the sine of the square multiplied out; of ``asin`` nothing is known."""
    form = PowerSums()
    first, second, other = (
        form.normal_form(sin(e)) for e in ((a + b) ** 2, a**2 + 2 * a * b + b**2, a**2 + b**2)
    )
    assert (first - second).is_zero
    assert not (first - other).is_zero
    for unknown in (asin(a), Function("f")(a)):
        with pytest.raises(Undecided, match="beyond the power-sum normal form"):
            form.normal_form(unknown)


def test_too_much_work_is_left_undecided(monkeypatch):
    """A limit on the number of rewritings; what was rewritten before does not count again."""
    monkeypatch.setattr(power_sums, "MOST_REWRITINGS", 3)
    form = PowerSums()
    form.normal_form(a + b)
    form.normal_form(a + b)
    with pytest.raises(Undecided, match="more than 3 rewritings"):
        form.normal_form(a * b)
