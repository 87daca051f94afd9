"""Units in the last place: one definition, across zero, signs, powers of two and subnormals."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof import certify
from bnproof.certify import Enclosure
from bnproof.formats import Format

DTYPES = [np.float16, ml_dtypes.bfloat16, np.float32, np.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_unit_is_the_spacing_of_the_format(dtype):
    """At every kind of number the unit is the distance to the next larger one."""
    form = Format.from_dtype(dtype)
    info = ml_dtypes.finfo(dtype)
    for value in (0.0, form.eta, float(info.tiny), 1.0, 1.5, -2.0, 3.0, form.largest / 2):
        here = np.asarray(abs(value), dtype=dtype)
        above = np.nextafter(here, np.asarray(np.inf, dtype=dtype))
        assert form.ulp(np.float64(value)) == float(above) - float(here)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_neighbour_is_one_unit_away(value):
    """In float64 the next number is one ulp off, or half of one below a power of two."""
    error = certify.ulp_error(np.nextafter(np.array([value]), 0), Enclosure.from_floats([value]))[0]
    assert error == 0 if value == 0 else 0.5 <= error <= 1 + 2**-40


def test_around_zero_the_smallest_subnormal_counts():
    """An enclosure that holds zero is measured by the smallest subnormal, whatever the sign of the
    answer."""
    around = Enclosure(np.zeros(2), np.zeros(2), np.full(2, 1e-300))
    error = certify.ulp_error(np.array([1.0, -1.0], dtype=np.float32), around)
    assert np.all((error >= 2.0**149) & (error <= 2.0**149 * (1 + 2**-40)))
    assert np.all(certify.ulp_error(np.zeros(2), Enclosure.from_floats(np.zeros(2))) == 0)


def test_at_a_power_of_two_the_smaller_end_decides():
    """An interval reaching below 1 is measured by the unit below 1."""
    below = Enclosure(np.array([1.0]), np.zeros(1), np.array([1e-20]))
    assert certify.ulp_error(np.array([1 + 2.0**-52]), below)[0] >= 2
    assert (
        certify.ulp_error(np.array([1 + 2.0**-52]), Enclosure.from_floats([1.0]))[0] <= 1 + 2**-40
    )


def test_the_radius_is_part_of_the_error():
    """An upper bound: the farther end counts."""
    wide = Enclosure(np.array([1.0]), np.zeros(1), np.array([2.0**-53]))
    assert certify.ulp_error(np.array([1.0]), wide)[0] >= 1


def test_infinities_and_nan():
    """Infinity is right where the exact value rounds to it; NaN never; without an exact value there
    is no error."""
    exact = Enclosure.from_floats([1e39, 1e39, 1.0, -1e39])
    error = certify.ulp_error(np.array([np.inf, np.nan, np.inf, -np.inf], dtype=np.float32), exact)
    assert error[0] == error[3] == 0
    assert np.all(np.isinf(error[1:3]))
    nothing = Enclosure(*np.full((3, 1), np.nan))
    assert np.isnan(certify.ulp_error(np.array([1.0]), nothing)[0])


def test_magnitude_measures_where_terms_cancel():
    """With a sum of magnitudes 4 an error of 2^-52 is a quarter of a unit."""
    error = certify.ulp_error(
        np.array([2.0**-52]), Enclosure.from_floats([0.0]), magnitude=np.array([4.0])
    )
    assert 0.25 <= error[0] <= 0.25 * (1 + 2**-40)


def test_the_table_says_where_and_what():
    """Median, 99th percentile, maximum, its place, both values in hexadecimal."""
    exact = Enclosure.from_floats(np.linspace(1, 2, 200).reshape(20, 10)[:, :])
    computed = exact.mid.copy()
    computed[7, 3] += 3 * 2.0**-52
    (row,) = certify.ulp_table({"y": (computed, exact)})
    assert (row.quantity, row.median, row.at) == ("y", 0, (7, 3))
    assert 3 <= row.max <= 3 + 2**-40
    assert float.fromhex(row.got) == computed[7, 3]


def test_shapes_and_dtypes_are_checked():
    """One line that says what to give."""
    with pytest.raises(ValueError, match="give the same"):
        certify.ulp_error(np.ones(2), Enclosure.from_floats([1.0]))
    with pytest.raises(TypeError, match="convert to one of"):
        certify.ulp_error(np.array([1]), Enclosure.from_floats([1.0]))


@pytest.mark.parametrize("dtype", DTYPES[:3])
def test_infinity_is_right_from_half_a_unit_past_the_largest(dtype):
    """Half a unit past the largest number rounds to infinity; just below it does not."""
    form = Format.from_dtype(dtype)
    edge = form.largest + float(form.ulp(form.largest)) / 2
    exact = Enclosure.from_floats([edge, np.nextafter(edge, 0)])
    assert list(certify.ulp_error(np.array([np.inf, np.inf]).astype(dtype), exact)) == [0, np.inf]


def test_differences_beyond_the_largest_float_are_infinite():
    """Not NaN: an entry that is wrong by more than a float64 holds must not drop out of a table."""
    assert certify.ulp_error(np.array([1.7e308]), Enclosure.from_floats([-1.7e308]))[0] == np.inf
    beyond = certify.infer(
        np.array([[1.7e308]]), np.array([10.0]), None, np.zeros(1), np.ones(1), eps=0.0
    )
    assert certify.ulp_error(np.array([[np.inf]]), beyond.y)[0, 0] == 0


def test_a_magnitude_that_is_no_number_does_not_help():
    """NaN or infinity leave the error as it is without."""
    exact = Enclosure.from_floats([2.0])
    plain = certify.ulp_error(np.array([1.0]), exact)
    for magnitude in (np.nan, np.inf):
        assert certify.ulp_error(np.array([1.0]), exact, np.array([magnitude])) == plain
