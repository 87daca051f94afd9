"""Exact powers: integers and halves, what has no value, and powers that grow in a limit."""

from fractions import Fraction

import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.symbolic.duals import Dual
from bnproof.symbolic.exact_powers import LARGEST_POWER, integer_power, raise_to
from bnproof.symbolic.frames import Frame, Grows, NotEvaluable, Point, Undefined
from bnproof.symbolic.germs import Germ
from bnproof.symbolic.surds import NotExact, exact_root

half = fmpq(1, 2)


def frame(growing=None):
    """A frame at a point without numbers."""
    return Frame(Point({}, lambda base, index: fmpq(0)), {}, growing=growing)


def to_infinity(shift=0, pace=1):
    """The germ of an integer ``pace/t^2 + shift`` that tends to infinity."""
    return Germ({-2: fmpq(pace), 0: fmpq(shift)})


@given(st.fractions(-9, 9, max_denominator=9).filter(bool), st.integers(-12, 12))
@settings(max_examples=25)
def test_powers_are_those_of_plain_fractions(base, power):
    """Integer powers of either sign, and half of them undo a square."""
    number, expected = fmpq(base.numerator, base.denominator), Fraction(base) ** power
    got = integer_power(number, power)
    assert (got.p, got.q) == (expected.numerator, expected.denominator)
    assert raise_to(number, fmpq(power), frame()) == got
    assert raise_to(number**2, fmpq(power, 2), frame()) == abs(number) ** power


def test_powers_of_powers_stay_short():
    """Each exponent is small, and the third power would have millions of digits."""
    number = integer_power(fmpq(7, 5), LARGEST_POWER)
    with pytest.raises(NotExact, match="bits"):
        integer_power(number, LARGEST_POWER)
    with pytest.raises(NotExact, match="bits"):
        integer_power(Dual(number, fmpq(1), 1), -LARGEST_POWER)
    assert integer_power(fmpq(-1), LARGEST_POWER) == 1


def test_half_powers_of_other_numbers_are_surds():
    """``2^(1/2) 2^(1/2) = 2`` and ``2^(-3/2) = sqrt(2)/4``."""
    assert raise_to(fmpq(2), half, frame()) ** 2 == 2
    assert raise_to(fmpq(2), fmpq(-3, 2), frame()) == exact_root(fmpq(2)) * fmpq(1, 4)


@pytest.mark.parametrize(
    ("base", "exponent", "error"),
    [
        (fmpq(0), fmpq(-1), Undefined),
        (fmpq(0), -half, Undefined),
        (fmpq(-2), half, Undefined),
        (fmpq(8), fmpq(1, 3), NotExact),
        (fmpq(2), exact_root(fmpq(2)), NotExact),
        (fmpq(2), Dual(fmpq(2), fmpq(1), 1), NotExact),
        (fmpq(1), fmpq(LARGEST_POWER + 1), NotExact),
        (fmpq(1), fmpq(-LARGEST_POWER - 1), NotExact),
    ],
)
def test_what_has_no_exact_value_is_said(base, exponent, error):
    """Undefined where no real value exists, beyond exact arithmetic where one may."""
    with pytest.raises(error):
        raise_to(base, exponent, frame())


def test_a_small_surd_falls_too():
    """``sqrt(2) - 1`` lies between 0 and 1, and its powers tend to 0."""
    small = exact_root(fmpq(2)) - fmpq(1)
    assert raise_to(small, to_infinity(), frame()).limit() == 0


def test_an_exponent_that_is_zero_all_along_gives_one():
    """Its germ has no term at all."""
    assert raise_to(half, Germ({}), frame()) == 1


def test_a_small_base_falls_faster_than_any_power():
    """``b^n n^20`` tends to 0 for ``|b| < 1``, and 1 stays 1."""
    for base in (half, -half, fmpq(0)):
        falling = raise_to(base, to_infinity(), frame())
        assert (falling * Germ({-40: fmpq(1)})).limit() == 0
    assert raise_to(fmpq(1), to_infinity(3), frame()) == 1


@pytest.mark.parametrize("base", [fmpq(-1), fmpq(2), fmpq(-3, 2)], ids=str)
def test_what_grows_is_named_until_something_stands_for_it(base):
    """``b^(n + 3)`` is ``b^3`` times the stand-in for ``b^n``."""
    with pytest.raises(Grows) as grown:
        raise_to(base, to_infinity(), frame())
    assert grown.value.base == base
    assert raise_to(base, to_infinity(3), frame((base, fmpq(7)))) == base**3 * 7


def test_two_powers_that_grow_are_refused():
    """One stand-in cannot serve for ``2^n`` and ``3^n``, nor for ``2^n`` and ``2^(2 n)``, nor for a
    base that changes or an exponent that falls."""
    for base, exponent in (
        (fmpq(3), to_infinity()),
        (fmpq(2), to_infinity(pace=2)),
        (half, to_infinity(pace=-1)),
        (fmpq(2), Germ({-1: fmpq(1)})),
        (Germ({0: fmpq(2), 2: fmpq(1)}), to_infinity()),
    ):
        with pytest.raises(NotEvaluable):
            raise_to(base, exponent, frame((fmpq(2), fmpq(7))))


def test_a_constant_germ_is_a_number():
    """An exponent that does not change in the limit raises as the number does."""
    assert raise_to(fmpq(3), Germ({0: fmpq(2)}), frame()) == 9
