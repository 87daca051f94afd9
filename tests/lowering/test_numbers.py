"""Three kinds of numbers with the same five operations: rounded, exact, and enclosing."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st

from bnproof.lowering.numbers import Balls, Floats, Rationals, ball, midpoints, precision

KINDS = {"floats": Floats(), "rationals": Rationals(), "balls": Balls()}
RATIONAL = st.fractions(max_denominator=10**9)


def ends(enclosure):
    """The two ends of a ball as fractions."""
    parts = [number.man_exp() for number in (enclosure.mid(), enclosure.rad())]
    mid, rad = (Fraction(int(mantissa)) * Fraction(2) ** int(e) for mantissa, e in parts)
    return mid - rad, mid + rad


@given(RATIONAL.filter(lambda q: q >= 0), st.integers(10, 200))
def test_a_root_of_a_ball_holds_the_root(square, bits):
    """At any precision, by squares; a constant ``p/q`` lies in its ball."""
    with precision(bits):
        number = Balls().rational(square.numerator, square.denominator)
        low, high = ends(Balls().sqrt(number))
        assert ends(number)[0] <= square <= ends(number)[1]
    assert max(low, 0) ** 2 <= square <= high**2


def test_a_ball_is_cut_off_at_zero_and_not_below():
    """A variance whose ball reaches below 0 has a root; one that lies below 0 has none."""
    around, below = Balls().sqrt(np.array([arb(0, 1), arb(-2, 1)], dtype=object))
    low, high = ends(around)
    assert low <= 0
    assert high >= 1
    assert not below.is_finite()


@given(RATIONAL)
def test_the_root_of_a_square_is_exact_and_no_other_is(q):
    """Exact rationals find ``|q|``; twice a square has no rational root."""
    assert Rationals().sqrt(q**2) == abs(q)
    if q:
        with pytest.raises(ArithmeticError, match="no rational square root"):
            Rationals().sqrt(2 * q**2)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_the_binary_fraction_that_it_stores(value):
    """Exact rationals take it digit by digit, in the shape of the array."""
    found = Rationals().array(np.array([[value]]))
    assert found.shape == (1, 1)
    assert found[0, 0] == Fraction(*value.as_integer_ratio())


def test_floats_stay_in_their_dtype():
    """No operation is carried out in a wider one: ``1/3`` of float32 is not that of float64."""
    single = Floats(np.float32)
    third = single.rational(1, 3)
    made = (third, single.array([0.1]), single.identity(2), single.sqrt(single.array([2.0])))
    assert all(one.dtype == np.float32 for one in made)
    assert Fraction(float(third)) == Fraction(11184811, 2**25)


@pytest.mark.parametrize("numbers", KINDS.values(), ids=KINDS)
def test_signs_and_the_identity(numbers):
    """-1, 0 and 1 in the kind's own numbers; the identity has them on its diagonal."""
    signs = numbers.sign(numbers.array(np.array([-2.5, 0.0, 7.0])))
    assert [one == value for one, value in zip(signs, (-1, 0, 1), strict=True)] == [True] * 3
    assert [[int(midpoint) for midpoint in row] for row in read(numbers.identity(2))] == [
        [1, 0],
        [0, 1],
    ]


def read(values):
    """Numbers of any kind as floats."""
    return midpoints(values) if isinstance(values.flat[0], arb) else values.astype(float)


def test_a_sign_that_is_not_known_holds_both_answers():
    """A ball around 0 has a sign from -1 to 1."""
    low, high = ends(Balls().sign(arb(0, 1)))
    assert low <= -1
    assert high >= 1


@pytest.mark.parametrize(("value", "error"), [(np.nan, ValueError), (-np.inf, OverflowError)])
def test_what_is_no_number_has_no_ball(value, error):
    """NaN and infinity are refused, from NumPy and from Python."""
    for own in (value, np.float32(value)):
        with pytest.raises(error):
            ball(own)


def test_a_ball_is_returned_as_it_is_and_other_numbers_are_read():
    """NumPy's scalars and fractions too; a fraction that has no finite expansion has a radius."""
    one = arb(1, 0.5)
    assert ball(one) is one
    assert ball(np.int64(3)) == 3
    assert ball(np.float32(0.1)) == float(np.float32(0.1))
    low, high = ends(ball(Fraction(1, 3)))
    assert low < Fraction(1, 3) < high


def test_the_precision_is_put_back_after_an_error():
    """It is a setting of the whole process."""
    before, inside = ctx.prec, []
    with pytest.raises(ZeroDivisionError):
        read_precision_and_fail(before + 77, inside)
    assert inside == [before + 77]
    assert ctx.prec == before


def read_precision_and_fail(bits, seen):
    """Raise ``ZeroDivisionError`` inside of a block of this precision."""
    with precision(bits):
        seen.append(ctx.prec)
        _ = 1 / 0


def test_midpoints_of_what_is_no_number_are_nan():
    """In the shape of the balls."""
    found = midpoints(np.array([[arb(2, 1), arb("nan")]], dtype=object))
    assert found[0, 0] == 2
    assert np.isnan(found[0, 1])
    assert midpoints(arb(3)) == 3
