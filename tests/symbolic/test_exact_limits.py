"""Limits in exact evaluation: known ones, sides that differ, powers that grow, and what is
refused."""

from fractions import Fraction

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, Derivative, Limit, Max, Symbol, exp, oo, sqrt

from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.surds import NotExact

a, b, t = (Symbol(name, real=True) for name in "abt")
n = Symbol("n", integer=True, positive=True)
fractions = st.fractions(-9, 9, max_denominator=9)


def evaluate(e, **scalars):
    """The value at a point that has no entries."""
    values = {Symbol(name, real=True): Fraction(value) for name, value in scalars.items()}
    numbers = {symbol: fmpq(q.numerator, q.denominator) for symbol, q in values.items()}
    return Evaluator(Point(numbers, lambda base, index: fmpq(0))).evaluate(e)


@given(fractions, fractions)
@settings(max_examples=25)
def test_a_hole_is_filled_from_every_side(first, second):
    """``(t^2 - a^2)/(t - a) - b`` has no value at ``t = a``, and tends to ``2 a - b`` there."""
    expected = 2 * first - second
    for direction in ("+", "-", "+-"):
        limit = Limit((t**2 - a**2) / (t - a) - b, t, a, direction)
        got = evaluate(limit, a=first, b=second)
        assert got == fmpq(expected.numerator, expected.denominator)


@given(st.integers(-6, 6), st.integers(-6, 6).filter(bool), st.integers(-6, 6))
@settings(max_examples=25)
def test_quotients_at_infinity(top, below, shift):
    """``(p n^2 + n)/(q n^2 + r)`` tends to ``p/q``, and ``sqrt(n^2 + c n) - n`` to ``c/2``;
    below 0 it is ``sqrt(t^2 + c t) + t`` that has a limit, ``-c/2``."""
    assert evaluate(Limit((top * n**2 + n) / (below * n**2 + shift), n, oo)) == fmpq(top, below)
    assert evaluate(Limit(sqrt(n**2 + shift * n) - n, n, oo)) == fmpq(shift, 2)
    assert evaluate(Limit(sqrt(t**2 + shift * t) + t, t, -oo)) == fmpq(-shift, 2)


def test_the_side_matters():
    """``t/|t|`` is 1 above 0 and -1 below, so there is no limit from both sides; ``sqrt(t)`` has
    one from above alone."""
    step = t / Abs(t)
    assert evaluate(Limit(step, t, 0, "+")) == 1
    assert evaluate(Limit(step, t, 0, "-")) == -1
    assert evaluate(Limit(sqrt(t) + 3, t, 0, "+")) == 3
    for nowhere in (Limit(step, t, 0, "+-"), Limit(sqrt(t), t, 0, "-"), Limit(1 / t, t, 0, "+")):
        with pytest.raises(Undefined):
            evaluate(nowhere)


def test_a_function_without_a_series_has_its_value():
    """``exp`` is continuous at 0; ``(exp(t) - 1)/t`` would need its series."""
    assert evaluate(Limit(exp(t) + a, t, 0), a=2) == 3
    with pytest.raises(NotExact):
        evaluate(Limit((exp(t) - 1) / t, t, 0))


def test_powers_that_fall_and_grow():
    """``a^n`` tends to 0, to 1 or to nothing, as ``a`` lies inside (-1, 1), is 1, or neither."""
    power = Limit(a**n, n, oo)
    for value, expected in ((Fraction(1, 2), 0), (Fraction(-2, 3), 0), (0, 0), (1, 1)):
        assert evaluate(power, a=value) == expected
    for value in (-1, 2, Fraction(-5, 3)):
        with pytest.raises(Undefined):
            evaluate(power, a=value)


def test_a_power_that_grows_may_have_no_effect():
    """``a 2^n - b 2^n`` tends to 0 where ``a = b`` alone, ``(-1)^n/n`` tends to 0, and ``2^n/n``
    does not."""
    difference = Limit((a - b) * 2**n + a, n, oo)
    assert evaluate(difference, a=3, b=3) == 3
    with pytest.raises(Undefined):
        evaluate(difference, a=3, b=2)
    quotient = Limit(a**n / n + 5, n, oo)
    assert evaluate(quotient, a=-1) == 5
    with pytest.raises(Undefined):
        evaluate(quotient, a=2)


def test_a_stand_in_never_passes_a_case_distinction():
    """A power that grows inside a maximum, to a power, or beside another one is refused, not
    guessed."""
    for function in (
        Max(a**n, 0) * b,
        Abs(a**n),
        (a**n + 1) ** 2,
        1 / (a**n + 7),
        a**n + b**n,
    ):
        with pytest.raises(NotEvaluable):
            evaluate(Limit(function, n, oo), a=2, b=3)


def test_a_limit_that_needs_a_series_is_not_differentiated():
    """A derivative through a continuous limit is exact; through a series it is refused."""
    smooth = Derivative(Limit(t * a**2, t, 3), a, evaluate=False)
    assert evaluate(smooth, a=5) == 30
    for hole in (Limit((t**2 - t) / t * a, t, 0, "+"), Limit((t**2 - a**2) / (t - a), t, a)):
        with pytest.raises(NotEvaluable, match="derivative of a limit"):
            evaluate(Derivative(hole, a, evaluate=False), a=5)
