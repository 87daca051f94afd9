"""Elementary functions in exact evaluation: rational values stay rational, slopes follow the chain
rule, and what has no value is said."""

import mpmath
import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.symbolic.duals import Dual
from bnproof.symbolic.elementary import LARGEST, apply
from bnproof.symbolic.germs import Germ
from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.surds import NotExact, exact_root

FUNCTIONS = ["exp", "log", "sin", "cos", "tanh", "sinh", "cosh"]
# below 9, so that the exponential stays below the largest argument of the logarithm
positive = st.builds(fmpq, st.integers(1, 60), st.integers(7, 12))


def test_values_that_are_rational_are_exact():
    """At 0, and for the logarithm at 1; an interval could never show them."""
    at_zero = {"exp": 1, "cosh": 1, "cos": 1, "sin": 0, "tanh": 0, "sinh": 0}
    for function, value in at_zero.items():
        got = apply(function, fmpq(0))
        assert isinstance(got, fmpq)
        assert got == value
    assert apply("log", fmpq(1)) == 0


@given(positive)
@settings(max_examples=25)
def test_functions_fit_together(at):
    """``cosh + sinh = exp``, ``tanh cosh = sinh``, ``cos^2 + sin^2 = 1`` and ``log exp a = a``: no
    difference excludes 0."""
    value = {name: apply(name, at) for name in FUNCTIONS}
    for difference in (
        value["cosh"] + value["sinh"] - value["exp"],
        value["tanh"] * value["cosh"] - value["sinh"],
        value["cos"] ** 2 + value["sin"] ** 2 - fmpq(1),
        apply("log", value["exp"]) - at,
    ):
        assert difference.contains_zero


@given(st.sampled_from(FUNCTIONS), positive, st.integers(-3, 3))
@settings(max_examples=25)
def test_second_derivatives_are_those_of_mpmath(function, at, slope):
    """Two levels through ``f(slope a)`` carry ``slope^2 f''``, within what mpmath's differences
    leave open."""
    inner = Dual(at, fmpq(slope), 1)
    twice = apply(function, Dual(inner, Dual(fmpq(slope), fmpq(0), 1), 2)).derivative.derivative
    with mpmath.workprec(400):
        true = slope**2 * mpmath.diff(
            getattr(mpmath, function), mpmath.mpf(int(at.p)) / int(at.q), 2
        )
        gap = abs(mpmath.mpf(Interval.from_number(twice).ends.mid) - true)
        assert gap <= mpmath.ldexp(1 + abs(true), -60)


def test_the_logarithm_needs_a_positive_number():
    """0 and a negative surd have none; an interval around 0 does not say."""
    for number in (fmpq(0), fmpq(-1), exact_root(fmpq(2)) - exact_root(fmpq(3))):
        with pytest.raises(ValueError, match="not positive"):
            apply("log", number)
    unknown = apply("exp", fmpq(1)) - apply("exp", fmpq(1))
    with pytest.raises(NotExact):
        apply("log", unknown)


def test_arguments_have_a_largest_size():
    """Just inside there is a value, at the end none; a germ has no series here."""
    assert apply("tanh", fmpq(LARGEST - 1)).sign() == 1
    for number in (fmpq(LARGEST), fmpq(-LARGEST), Germ({0: fmpq(1), 1: fmpq(1)})):
        with pytest.raises(NotExact):
            apply("exp", number)
    with pytest.raises(KeyError):
        apply("tan", fmpq(1))
