"""Intervals contain their numbers, mix with exact and dual numbers, and never decide what
overlaps."""

import mpmath
import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from bnproof.symbolic.duals import Dual
from bnproof.symbolic.elementary import apply
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.surds import NotExact

fractions = st.builds(fmpq, st.integers(-400, 400), st.integers(1, 20))
functions = st.sampled_from(["exp", "sin", "cos", "tanh", "sinh", "cosh"])


def contains(interval, value):
    """Whether mpmath's value at far more digits lies inside."""
    return mpmath.mpf(interval.ends.a) <= value <= mpmath.mpf(interval.ends.b)


def exactly(number):
    """A rational at the precision of mpmath's context."""
    return mpmath.mpf(int(number.p)) / int(number.q)


@given(functions, fractions)
def test_functions_are_enclosed(function, at):
    """The value at 600 bits lies in the interval."""
    with mpmath.workprec(600):
        assert contains(
            Interval.from_number(apply(function, at)), getattr(mpmath, function)(exactly(at))
        )


@given(fractions.filter(lambda at: at > 0))
def test_logarithms_are_enclosed(at):
    """The logarithm at 600 bits lies in the interval; of what is not positive there is none."""
    with mpmath.workprec(600):
        assert contains(Interval.from_number(apply("log", at)), mpmath.log(exactly(at)))
    with pytest.raises(ValueError, match="not positive"):
        apply("log", -at)


@given(fractions, fractions.filter(bool))
def test_arithmetic_is_enclosed(first, second):
    """Sums, products, quotients and powers with exact numbers keep the exact value."""
    interval = Interval.from_number(first)
    for got, true in (
        (interval + second, first + second),
        (second - interval, second - first),
        (second * interval, first * second),
        (interval * (1 / second), first / second),
        (interval**3, first**3),
    ):
        with mpmath.workprec(600):
            assert contains(got, exactly(true))


@given(functions, fractions)
def test_derivatives_are_those_of_mpmath(function, at):
    """A dual number through a function carries the derivative."""
    slope = apply(function, Dual(at, fmpq(1), 1)).derivative
    with mpmath.workprec(200):
        true = mpmath.diff(getattr(mpmath, function), exactly(at))
        gap = abs(mpmath.mpf(Interval.from_number(slope).ends.mid) - true)
        assert gap <= mpmath.ldexp(1 + abs(true), -60)


def test_what_overlaps_zero_has_no_sign():
    """Neither a sign nor an inverse."""
    zero = apply("exp", fmpq(1, 2)) - apply("exp", fmpq(1, 2))
    for refused in (zero.sign, zero.inverse):
        with pytest.raises(NotExact):
            refused()


def test_huge_arguments_are_refused():
    """exp of what has too many digits is no interval but a reason."""
    with pytest.raises(NotExact, match="beyond"):
        apply("exp", fmpq(10**6))
