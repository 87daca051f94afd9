"""Intervals contain their numbers, mix with exact and dual numbers, and never decide what overlaps."""

from fractions import Fraction

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.symbolic.duals import Dual
from bnproof.symbolic.elementary import apply
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.surds import NotExact, Surd

fractions = st.fractions(min_value=-20, max_value=20, max_denominator=50)
functions = st.sampled_from(["exp", "sin", "cos", "tanh", "sinh", "cosh"])


def contains(interval, value):
    """Whether mpmath's value at far more digits lies inside."""
    return mpmath.mpf(interval.ends.a) <= value <= mpmath.mpf(interval.ends.b)


@given(functions, fractions)
def test_functions_are_enclosed(function, at):
    """The value at 600 bits lies in the interval."""
    with mpmath.workprec(600):
        true = getattr(mpmath, function)(mpmath.mpf(at.numerator) / at.denominator)
        assert contains(apply(function, Surd(at)), true)


@given(fractions, fractions.filter(bool))
def test_arithmetic_is_enclosed(first, second):
    """Sums, products, quotients and powers with exact numbers keep the exact value."""
    interval = Interval.around(Surd(first))
    for got, true in (
        (interval + Surd(second), first + second),
        (Surd(second) - interval, second - first),
        (Surd(second) * interval, first * second),
        (interval * Surd(second).inverse(), first / second),
        (interval**3, first**3),
    ):
        with mpmath.workprec(600):
            assert contains(got, mpmath.mpf(true.numerator) / true.denominator)


@given(functions, fractions)
def test_derivatives_are_those_of_mpmath(function, at):
    """A dual number through a function carries the derivative."""
    slope = apply(function, Dual(Surd(at), Surd(1), 1)).derivative
    with mpmath.workprec(200):
        true = mpmath.diff(getattr(mpmath, function), mpmath.mpf(at.numerator) / at.denominator)
        gap = abs(mpmath.mpf(Interval.around(slope).ends.mid) - true)
        assert gap <= mpmath.ldexp(1 + abs(true), -60)


def test_what_overlaps_zero_has_no_sign():
    """Neither a sign nor an inverse, and no rational value."""
    zero = apply("exp", Surd(Fraction(1, 2))) - apply("exp", Surd(Fraction(1, 2)))
    for refused in (zero.sign, zero.inverse, lambda: zero.rational):
        with pytest.raises(NotExact):
            refused()


def test_huge_arguments_are_refused():
    """exp of what has too many digits is no interval but a reason."""
    with pytest.raises(NotExact, match="beyond"):
        apply("exp", Surd(10**6))
