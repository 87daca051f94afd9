"""Bounds of the compiled tier: what they answer at their edges, and that they are upper bounds.

That every term of every stage is needed is shown in ``tests/meta/test_error_terms.py``.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.certify import errors
from bnproof.certify.enclosure import Enclosure

POSITIVE = st.floats(1e-100, 1e100)


@given(st.lists(st.floats(0, 1e300), min_size=1, max_size=9))
def test_a_total_is_not_below_the_exact_sum(values):
    """Whatever rounds on the way."""
    terms = {str(n): np.array([value]) for n, value in enumerate(values)}
    assert Fraction(float(errors.total(terms)[0])) >= sum(map(Fraction, values))


def test_a_term_that_is_no_number_leaves_no_bound():
    """0 times infinity is NaN, and counts as infinite; other channels keep their bound."""
    found = errors.total({"a": np.array([np.nan, 1.0]), "b": np.array([1.0, np.inf])})
    assert list(found) == [np.inf, np.inf]
    assert errors.total({"a": np.array([1.0]), "b": np.array([np.nan])})[0] == np.inf


ORDINARY = {
    "zero": (0.0, True),
    "smallest": (2.0**-400, True),
    "below": (np.nextafter(2.0**-400, 0), False),
    "largest": (-(2.0**400), True),
    "beyond": (np.nextafter(2.0**400, np.inf), False),
    "NaN": (np.nan, False),
    "infinite": (np.inf, False),
    "subnormal": (5e-324, False),
}


@pytest.mark.parametrize(("value", "ordinary"), ORDINARY.values(), ids=ORDINARY)
def test_the_admitted_range(value, ordinary):
    """Zero, and magnitudes of ``2^-400`` to ``2^400``; every one of several has to be there."""
    assert errors.is_ordinary(np.array([value]))[0] == ordinary
    assert errors.is_ordinary(np.array([1.0]), np.array([value]))[0] == ordinary


@given(POSITIVE, st.just(0.0) | st.floats(1e-200, 0.999))
def test_the_error_of_an_inverse_root_reaches_the_nearer_end(w, share):
    """``1/sqrt(w - rad)`` and ``1/sqrt(w + rad)`` are within it, relative to ``1/sqrt(w)``."""
    v = Enclosure.from_floats(np.array([w]))
    v.rad[:] = share * w
    bound = errors.total({"": errors.inverse_root(v, v.mid)})[0]
    exact, rad = Fraction(w), Fraction(float(v.rad[0]))
    for end in (exact - rad, exact + rad):
        # (1 - e)^2 <= w/end <= (1 + e)^2
        reach = Fraction(float(bound))
        assert max(1 - reach, 0) ** 2 <= exact / end <= (1 + reach) ** 2


def test_without_a_radius_there_is_no_error_to_carry_over():
    """Also where the number is 0; with a radius as large as the number there is no bound."""
    exact = Enclosure(np.array([0.0, 2.0, 2.0, 0.0]), np.zeros(4), np.array([0.0, 0.0, 2.0, 1.0]))
    with np.errstate(all="raise"):
        carried = errors.inverse_root(exact, exact.mid)
        relative = errors.relative_radius(exact.rad, exact.mid)
    assert list(carried) == [0, 0, np.inf, np.inf]
    assert list(relative) == [0, 0, 1, np.inf]


@given(st.integers(2, 2**34))
def test_longer_sums_lose_more(n):
    """The bound grows with the number of values; up to ``2^17`` of them it is below the ``31u^2``
    that a variance rounds by anyway."""
    assert errors.threefold_error(n) < errors.threefold_error(n + 1)
    assert (errors.threefold_error(n) <= 31 * errors.U**2) or n > 2**17
