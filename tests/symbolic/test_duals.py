"""Dual numbers: the rules of differentiation, levels that are not confused, and no derivative where
there is none."""

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.symbolic.duals import (
    Dual,
    create_level,
    derivative,
    drop_infinitesimals,
    inverse,
    sign,
    sqrt,
)
from bnproof.symbolic.surds import exact_root

fractions = st.builds(fmpq, st.integers(-30, 30), st.integers(1, 9))


@given(fractions.filter(bool), st.integers(-6, 6))
@settings(max_examples=25)
def test_a_power_has_the_slope_of_the_power_rule(at, exponent):
    """``(a^n)' = n a^(n-1)``, for negative powers and the power 0 too."""
    level = create_level()
    power = Dual(at, fmpq(1), level) ** exponent
    assert drop_infinitesimals(power) == at**exponent
    assert derivative(power, level) == exponent * at ** (exponent - 1)


@given(fractions, fractions, fractions.filter(bool), fractions)
@settings(max_examples=25)
def test_quotients_and_differences(value, slope, below, steepness):
    """``(f/g)' = (f' g - f g')/g^2``, and a number of another kind on either side is a constant."""
    level = create_level()
    f, g = Dual(value, slope, level), Dual(below, steepness, level)
    quotient = f * inverse(g)
    assert quotient.value == value / below
    assert quotient.derivative == (slope * below - value * steepness) / below**2
    root = exact_root(fmpq(2))
    for constant in (fmpq(3), root):
        left, right = constant - f, f - constant
        assert (left.value, left.derivative) == (constant - value, -slope)
        assert (right.value, right.derivative) == (value - constant, slope)
        assert (constant * f).derivative == (f * constant).derivative == slope * constant


@given(st.builds(fmpq, st.integers(1, 30), st.integers(1, 9)), fractions)
@settings(max_examples=25)
def test_a_root_squares_back_with_its_slope(value, slope):
    """The square of the root of ``a + b e`` is ``a + b e``, also where the root is irrational."""
    level = create_level()
    root = sqrt(Dual(value, slope, level))
    square = root * root
    assert (square.value, square.derivative) == (value, slope)
    assert sign(root) == 1


def test_directions_inside_one_another_are_not_confused():
    """``d/da (a d/db (a + b)) = 1``: the inner slope is 1, and does not take the infinitesimal of
    a for its own."""
    outer = create_level()
    a = Dual(fmpq(5), fmpq(1), outer)
    inner = create_level()
    total = a + Dual(fmpq(7), fmpq(1), inner)
    assert derivative(a * derivative(total, inner), outer) == 1


def test_what_does_not_depend_has_the_slope_0():
    """A number without a level, and one of a lower level, are constants in a direction."""
    lower, higher = create_level(), create_level()
    for number in (fmpq(3), Dual(fmpq(3), fmpq(1), lower)):
        assert derivative(number, higher) == 0
    nested = Dual(Dual(fmpq(2), fmpq(4), lower), Dual(fmpq(6), fmpq(8), lower), higher)
    assert drop_infinitesimals(nested) == 2
    assert derivative(derivative(nested, higher), lower) == 8


def test_where_there_is_no_slope():
    """Neither a sign nor a root at 0, no inverse there, and no root below."""
    level = create_level()
    zero = Dual(fmpq(0), fmpq(1), level)
    for refused in (zero.sign, zero.sqrt, zero.inverse):
        with pytest.raises(ZeroDivisionError):
            refused()
    with pytest.raises(ValueError, match="negative"):
        sqrt(Dual(fmpq(-1), fmpq(1), level))
    assert sign(Dual(fmpq(-1, 3), fmpq(100), level)) == -1
