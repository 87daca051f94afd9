"""Derivatives by SymPy's rules: kinked functions of real expressions, against exact slopes, and
what is refused."""

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import (
    Abs,
    Derivative,
    Function,
    IndexedBase,
    KroneckerDelta,
    Limit,
    Max,
    Min,
    Sum,
    Symbol,
    exp,
    oo,
    sign,
    tanh,
)

from bnproof.symbolic.differentiation import differentiate, refuse_limits
from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.expectation import E
from bnproof.symbolic.frames import Point
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.setting import gamma, i, k, m, x

a, b = Symbol("a", real=True), Symbol("b", real=True)
n = Symbol("n", integer=True, positive=True)
p = Symbol("p", integer=True)
odd = st.integers(-9, 9).map(lambda number: fmpq(2 * number + 1, 2))


def by(e, *variables):
    """The derivative, not yet taken."""
    return Derivative(e, *variables, evaluate=False)


@pytest.mark.parametrize(
    "e", [Abs(a + b) * a, Max(a**2, b), Min(a, 3 * b, 2), sign(a) * a**2, Abs(Abs(a) - 3) * b]
)
@given(first=odd, second=st.integers(-5, 5).map(fmpq))
@settings(max_examples=25)
def test_slopes_away_from_kinks_are_those_of_dual_numbers(e, first, second):
    """The derivative has the exact slope wherever there is one: these points hold no kink."""
    evaluator = Evaluator(Point({a: first, b: second}, lambda base, index: fmpq(0)))
    for variables in ((a,), (a, a)):
        expected = evaluator.evaluate(by(e, *variables))
        assert evaluator.evaluate(differentiate(by(e, *variables))) == expected


def test_entries_are_independent():
    """``dx[i]/dx[k]`` is a Kronecker delta, and a scalar does not depend on an entry."""
    assert differentiate(by(x[i], x[k])) == KroneckerDelta(i, k)
    assert differentiate(by(gamma * x[i] ** 2, gamma)) == x[i] ** 2
    assert differentiate(by(gamma, x[k])) == 0


def test_absolute_values_stay_real():
    """``d|x_i|/dx_i`` is a sign, although SymPy does not know that an entry of ``u`` is real; no
    Heaviside step and no Dirac delta is left."""
    u = IndexedBase("u")
    assert differentiate(by(Abs(u[i]), u[i])) == sign(u[i])
    assert differentiate(by(sign(a), a)) == 0
    assert differentiate(by(Abs(a), (a, 2))) == 0


@pytest.mark.parametrize(
    "refused",
    [
        by(a * n, n),
        by(exp(n), n),
        by(a**2, (a, n)),
        by(Function("h")(a), a),
        by(Limit(tanh(a / n), n, oo), a),
        by(E(x[1], a, b), a),
    ],
    ids=str,
)
def test_what_is_no_derivative_by_a_real_number_is_undecided(refused):
    """An integer to differentiate by, a symbolic order, an unknown function, a limit and an
    expected value."""
    with pytest.raises(Undecided):
        differentiate(refused)


def test_a_limit_hides_nowhere():
    """It is found inside a sum too, and the message says what it is."""
    with pytest.raises(Undecided, match="a derivative of a limit"):
        differentiate(by(Limit(a / n, n, oo), a))
    with pytest.raises(Undecided, match="a derivative of a limit"):
        refuse_limits(Sum(x[p] + Limit(a / n, n, oo), (p, 1, m)))
    with pytest.raises(Undecided, match="a derivative of an expected value"):
        refuse_limits(1 + E(x[1], a, b) ** 2)
    refuse_limits(Sum(x[p], (p, 1, m)))
