"""Derivatives, limits and expected values of the attack, against other ways of finding them."""

from fractions import Fraction
from itertools import product
from math import perm

import pytest
import sympy
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, Derivative, IndexedBase, Limit, Sum, Symbol, exp, oo

from bnproof.benchmarks.attack_calculus import BoundNames, DrawnPoint, degree
from bnproof.benchmarks.attack_evaluator import AttackEvaluator
from bnproof.benchmarks.attack_numbers import NoValue, Unknown
from bnproof.symbolic import g, i, m, mu, v, x
from bnproof.symbolic.expectation import E

a, b, h = Symbol("a"), Symbol("b"), Symbol("h")
n = Symbol("n", integer=True, positive=True)
RATIONALS = st.fractions(min_value=-3, max_value=3, max_denominator=4)


def evaluate(e, size=2, **values):
    """The value of an expression for the batch ``(1, 2, ...)``."""
    scalars = {m: fmpq(size), i: fmpq(1), n: fmpq(2)}
    scalars |= {Symbol(name): value for name, value in values.items()}
    entries = {(x, (p,)): fmpq(p) for p in range(1, size + 1)}
    return AttackEvaluator(DrawnPoint(scalars, entries, draw=lambda place: fmpq(7))).evaluate(
        e, BoundNames()
    )


def as_rational(value):
    """A fraction as the attack's number."""
    return fmpq(value.numerator, value.denominator)


@given(st.lists(RATIONALS, min_size=1, max_size=6), RATIONALS, st.integers(1, 4))
@settings(max_examples=25)
def test_derivatives_of_polynomials(coefficients, at, order):
    """The derivatives up to the fourth are sums of ``p!/(p - order)! c_p a^(p - order)``."""
    terms = [sympy.Rational(c.numerator, c.denominator) for c in coefficients]
    polynomial = sum((c * a**p for p, c in enumerate(terms)), sympy.Integer(0)) + a * b
    exact = sum(
        perm(p, order) * c * at ** (p - order) for p, c in enumerate(coefficients) if p >= order
    )
    value = evaluate(Derivative(polynomial, (a, order)), a=as_rational(at), b=fmpq(5))
    assert value == as_rational(Fraction(exact) + (5 if order == 1 else 0))


def test_what_cannot_be_differentiated_here():
    """A fifth or symbolic order, an integer, and a name that a sum binds are Unknown."""
    for e in (
        Derivative(a**7, (a, 5)),
        Derivative(a**7, (a, n)),
        Derivative(2**n, n),
        Sum(Derivative(a**2, a), (a, 1, m)),
    ):
        with pytest.raises(Unknown):
            evaluate(e, a=fmpq(1))


def test_a_derivative_sees_both_sides_of_its_point():
    """``|a|^3`` has two derivatives at 0 and no third; beside 0 it has all."""
    cube = Abs(a) ** 3
    assert evaluate(Derivative(cube, (a, 2)), a=fmpq(0)) == 0
    with pytest.raises(NoValue):
        evaluate(Derivative(cube, (a, 3)), a=fmpq(0))
    assert evaluate(Derivative(cube, (a, 3)), a=fmpq(-2)) == -6


def test_limits_from_one_side_both_sides_and_infinity():
    """``|h|/h`` has limits 1 and -1 at 0 and none from both; ``(1 + a/n)`` tends to 1."""
    ratio = Abs(h) / h
    assert evaluate(Limit(ratio, h, 0, "+")) == 1
    assert evaluate(Limit(ratio, h, 0, "-")) == -1
    with pytest.raises(NoValue):
        evaluate(Limit(ratio, h, 0, "+-"))
    assert evaluate(Limit(1 + a / n, n, oo), a=fmpq(3)) == 1
    assert evaluate(Limit((exp(2 * h) - 1) / h, h, 0)) == 2
    with pytest.raises(NoValue):
        evaluate(Limit(h**2, h, oo))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("name", ["mu", "v", "square of mu", "product"])
def test_expected_values_are_means_over_all_signs(size, name):
    """Entries ``M + sigma`` and ``M - sigma`` with equal chances give the mean over all signs."""
    functions = {
        "mu": (mu, lambda xs: mean(xs)),
        "v": (v, lambda xs: mean([(one - mean(xs)) ** 2 for one in xs])),
        "square of mu": (mu**2, lambda xs: mean(xs) ** 2),
        "product": (x[1] * x[m] + x[1], lambda xs: xs[0] * xs[-1] + xs[0]),
    }
    e, function = functions[name]
    middle, spread = Fraction(2, 3), Fraction(5, 2)
    every = [
        function([middle + sign * spread for sign in signs])
        for signs in product((1, -1), repeat=size)
    ]
    value = evaluate(E(e, a, b), size, a=as_rational(middle), b=as_rational(spread))
    assert value == as_rational(mean(every))


def mean(values):
    """The arithmetic mean of fractions."""
    return sum(values, Fraction(0)) / len(values)


def test_an_expected_value_beyond_degree_two_is_refused():
    """A third power, a root, and a mean that a derivative moves are Unknown."""
    for e in (
        E(x[1] ** 3, a, b),
        E(sympy.sqrt(v), a, b),
        Derivative(E(x[1] ** 2, a, b), a),
    ):
        with pytest.raises(Unknown):
            evaluate(e, a=fmpq(1), b=fmpq(1))


def test_degrees_are_upper_bounds_in_the_batch():
    """Sums take the largest, products add, other bases count nothing, functions are infinite."""
    assert degree(a**5 * g[1]) == 0
    assert degree(x[1] ** 2 * x[2] + x[1]) == 3
    assert degree(v) == 2
    assert degree(Abs(x[1])) == float("inf")
    assert degree(x[1] ** -1) == float("inf")


def test_entries_outside_of_the_batch_do_not_exist():
    """``x[0]`` and ``x[m + 1]`` have no value; an arbitrary sequence has, and always the same."""
    drawn = []
    point = DrawnPoint({m: fmpq(2)}, {}, lambda place: drawn.append(place) or fmpq(len(drawn)))
    for index in (0, 3):
        for base in (x, g):
            with pytest.raises(NoValue):
                point.read_entry((base, (index,)))
    w = IndexedBase("w", real=True)
    assert [point.read_entry((w, (at,))) for at in (0, 3, 0)] == [1, 2, 1]
    assert drawn == [(w, (0,)), (w, (3,))]


def test_moving_a_name_forgets_sums_and_binding_one_keeps_them():
    """A sum that was added up at the old value must not be used at the new one."""
    scope = BoundNames({}, 0, {"sum": fmpq(1)})
    assert scope.bind(a, fmpq(2)).known == {"sum": 1}
    assert scope.bind(a, fmpq(2)).level == 0
    moved = scope.move(a, fmpq(2))
    assert (moved.known, moved.level, moved.values) == ({}, 1, {a: 2})
    assert scope.values == {}
