"""Numbers ``z/sqrt(w) + b``: zeros are decided exactly, everything else is narrow and away from
zero."""

from fractions import Fraction
from math import inf, isnan, isqrt, nan

import ml_dtypes
import numpy as np
import pytest
from flint import ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from bnproof.certify.enclosure import Enclosure
from bnproof.certify.refine import Rooted, Width, enclose_number
from bnproof.formats import Format
from tests.certify.exactly import holds_root

WIDTH = Width(Format.from_dtype(np.float64), 20)
RATIONAL = st.fractions(max_denominator=10**6)
POSITIVE = RATIONAL.filter(lambda value: value > 0)


def rooted(z, w, b):
    """The number of three fractions."""
    return Rooted(*(fmpq(value.numerator, value.denominator) for value in map(Fraction, (z, w, b))))


def enclosed(number, width=WIDTH):
    """Its enclosure, as an array of one entry."""
    return Enclosure(*(np.array([word]) for word in enclose_number(number, width)))


@given(RATIONAL, POSITIVE, st.none() | RATIONAL)
def test_zero_is_decided_where_the_root_is_rational(z, root, b):
    """``z/r + b`` with a rational r; without a b of its own it cancels, up to the sign."""
    b = -z / root if b is None else b
    for offset in (b, -b, b + Fraction(1, 10**9)):
        assert rooted(z, root**2, offset).zero == (z / root + offset == 0)


@given(RATIONAL, POSITIVE, RATIONAL, st.integers(0, 52))
def test_an_enclosure_holds_its_number_and_is_narrow(z, w, b, bits):
    """The exact number lies inside by squares; the radius is what the width allows at
    ``|z|/sqrt(w) + |b|``, and zero lies outside."""
    width = Width(WIDTH.format, bits)
    number = rooted(z, w, b)
    found = enclosed(number, width)
    assert holds_root(found, 0, z, w, b)
    assert found.rad[0] <= width.radius(number.magnitude())
    assert number.zero or abs(found.mid[0]) > found.rad[0]


@pytest.mark.parametrize("bits", [100, 700, 3000])
@pytest.mark.parametrize("side", [0, 1])
def test_a_difference_far_below_double_words_has_its_sign(bits, side):
    """``1/sqrt(2)`` minus a rational number that agrees with it in so many bits, from either
    side."""
    near = Fraction(isqrt(2 ** (2 * bits - 1)) + side, 2**bits)
    found = enclosed(rooted(1, 2, -near))
    assert holds_root(found, 0, Fraction(1), Fraction(2), -near)
    if bits < 1000:
        assert np.sign(found.mid[0]) == (-1 if side else 1)
        assert abs(found.mid[0]) > found.rad[0]
    else:
        # below the smallest double: the radius cannot be smaller than that
        assert (found.mid[0], found.rad[0]) == (0, 2.0**-1074)


def test_without_a_root_the_number_is_rational():
    """``w = 0`` has no number; without z the two words of b are enough; a zero has no radius."""
    assert all(map(isnan, enclose_number(rooted(1, 0, 1), WIDTH)))
    assert enclose_number(rooted(0, 2, Fraction(3, 4)), WIDTH) == (0.75, 0.0, 0.0)
    assert enclose_number(rooted(-3, Fraction(9, 4), 2), WIDTH) == (0.0, 0.0, 0.0)


def test_the_precision_is_put_back():
    """Whatever precision a number took, the setting of python-flint is what it was."""
    before = ctx.prec
    enclose_number(rooted(1, 2, -Fraction(isqrt(2**1399), 2**700)), WIDTH)
    assert ctx.prec == before


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32, np.float64])
@given(st.floats(min_value=0, allow_infinity=False))
def test_a_share_is_never_more_than_the_radius(dtype, magnitude):
    """What kernels multiply by is on the safe side at every magnitude, below the subnormals too."""
    width = Width(Format.from_dtype(dtype), 20)
    allowed = width.radius(magnitude)
    assert width.share * magnitude <= allowed
    assert allowed >= 2.0**-1074


def test_the_radius_is_half_of_the_width():
    """Two bits narrower than a unit of float32 at 1: a radius of an eighth of it."""
    width = Width(Format.from_dtype(np.float32), 2)
    assert width.radius(1.5) == 2.0**-23 / 8
    assert width.radius(2.0) == 2.0**-22 / 8
    assert [width.radius(value) for value in (inf, nan)] == [inf, inf]
