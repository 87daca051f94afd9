"""Double-word operations keep the error bounds of their sources, and exact sums lose no bit."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.certify import compiled, errors
from tests.certify.exactly import exact, square

U = Fraction(1, 2**53)


@st.composite
def double_words(draw, positive=False):
    """A normalised double word away from both ends of the range, often with a full mantissa."""
    mantissa = draw(st.integers(2**52, 2**53 - 1))
    high = float(mantissa) * 2.0 ** draw(st.integers(-120, 20))
    low = draw(st.integers(-(2**53), 2**53)) * high * 2.0**-107 * draw(st.sampled_from([0, 1]))
    sign = 1.0 if positive else draw(st.sampled_from([1.0, -1.0]))
    return compiled.two_sum(sign * high, sign * low)


def value(word):
    """The number that a double word stands for."""
    return sum(exact(word))


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300))
def test_a_sum_and_its_error_are_the_exact_sum(a, b):
    """For any two magnitudes; the cheaper one needs the larger operand first."""
    larger, smaller = sorted((a, b), key=abs, reverse=True)
    for s, e in (compiled.two_sum(a, b), compiled.fast_two_sum(larger, smaller)):
        assert s == a + b
        assert value((s, e)) == value((a, b))


@given(*3 * [st.floats(-1e100, 1e100).filter(lambda a: a == 0 or abs(a) > 1e-100)])
def test_a_fused_product_rounds_once(a, b, c):
    """``a b + c`` is the double nearest to the exact value, which Python's division finds."""
    none = np.zeros((0, 2))
    found = compiled.probe_arithmetic(none, none, np.array([[a, b, c], [a, b, -a * b]]))[2]
    products = Fraction(a) * Fraction(b)
    assert list(found) == [float(products + Fraction(c)), float(products - Fraction(a * b))]


@given(double_words(), double_words(), st.booleans())
def test_sums_products_and_quotients_keep_their_bounds(a, b, near):
    """The relative error of each, with the bound that its docstring cites, also where a sum
    cancels."""
    if near:
        b = compiled.two_sum(-a[0] * (1 + 2.0**-51), a[1] / 3)
    x, y = value(a), value(b)
    cases = [
        (compiled.add(*a, *b), x + y, 3 * U**2 + 13 * U**3),
        (compiled.add_float(*a, b[0]), x + Fraction(b[0]), 2 * U**2),
        (compiled.multiply(*a, *b), x * y, 6 * U**2),
        (compiled.divide(*a, *b), x / y, 16 * U**2),
    ]
    for found, true, bound in cases:
        assert abs(value(found) - true) <= bound * abs(true)


@given(double_words(), double_words(), st.booleans())
def test_the_cheap_difference_keeps_its_bound_where_it_cancels(a, b, near):
    """``4u^2 (|a - b| + |b|)``, for operands that are close to each other as well."""
    if near:
        b = compiled.two_sum(a[0] * (1 + 2.0**-51), -a[1])
    x, y = value(a), value(b)
    assert abs(value(compiled.subtract(*a, *b)) - (x - y)) <= 4 * U**2 * (abs(x - y) + abs(y))


@given(double_words(positive=True))
def test_a_root_keeps_its_bound(a):
    """``25/8 u^2``, decided by squares."""
    root, bound = value(compiled.root(*a)), Fraction(25, 8) * U**2
    assert square(root / (1 + bound)) <= value(a) <= square(root / (1 - bound))


@given(st.lists(st.sampled_from([1.0, -1.0, 2.0**-60, 2.0**-120, 0.1, -1 / 3, 1e10]), max_size=40))
def test_a_threefold_sum_keeps_its_bound(values):
    """Sums that cancel across three words, relative to the sum of the terms' magnitudes."""
    sums = np.zeros(3 * compiled.W)
    for term in values:
        compiled.accumulate(sums, 5, term)
    found = value(sums[5 :: compiled.W])
    bound = Fraction(errors.threefold_error(max(2, len(values)))) * sum(map(abs, exact(values)))
    assert abs(found - sum(exact(values))) <= bound


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=6))
def test_digits_hold_every_double_exactly(values):
    """The sum of the digits, each in units of ``2^(32 n - 1152)``, is the sum of the values."""
    limbs = np.zeros(compiled.LIMBS, dtype=np.int64)
    compiled.deposit_sum(np.array(values, dtype=float), limbs)
    read = sum(int(limb) * Fraction(2) ** (32 * n - 1152) for n, limb in enumerate(limbs))
    assert read == sum(exact(values))


PAIRS = {
    "ordinary": (1.1, -1 / 3, True),
    "zero": (0.0, 1e308, True),
    "underflows to zero": (2.0**-600, 2.0**-600, False),
    "remainder underflows": (2.0**-500 * 1.1, 2.0**-500 * 1.1, False),
    "overflows": (1e200, 1e200, False),
}


@pytest.mark.parametrize(("a", "b", "fits"), PAIRS.values(), ids=PAIRS)
def test_a_product_that_two_words_may_not_hold_is_told(a, b, fits):
    """Where the answer is true the digits are the exact product."""
    limbs = np.zeros(compiled.LIMBS, dtype=np.int64)
    assert compiled.deposit_products(np.array([a]), np.array([b]), limbs) is fits
    if fits:
        read = sum(int(limb) * Fraction(2) ** (32 * n - 1152) for n, limb in enumerate(limbs))
        assert read == Fraction(a) * Fraction(b)


def test_what_is_not_certainly_narrow_is_counted():
    """Values at or below the threshold, NaN, and those beyond the range; other strips stay at 0."""
    x = np.array([2.0, 1.0, -1.0, 0.5, np.nan, -3.0, 2.0**1001])
    words = [np.full(7, np.inf) for _ in range(3)]
    # c, r, a and b so that y = x; radius 2^-10 |y| + 2^-5; threshold 1
    parameters = np.array([0, 0, 0, 1, 0, 0, 2.0**-10, 2.0**-5, 1.0])
    doubtful = np.zeros(1, dtype=np.int64)
    compiled.compute_affine(x, 0, 1, 1, 7, False, parameters, *words, doubtful)
    assert doubtful[0] == 5
    assert np.array_equal(words[0], x, equal_nan=True)
    assert list(words[2][[0, 5]]) == [2.0**-9 + 2.0**-5, 3 * 2.0**-10 + 2.0**-5]
