"""Typed-in tolerances: closeness by hand at its edge, and bounds from maxima by hand."""

import math
import re
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
import torch

from bnproof.baselines.typed_tolerances import TYPED, TypedTolerance, bound_by_maxima

PAIR = TypedTolerance("made up", "nowhere", {"float64": (0.5, 0.25), "float16": (0.0, 1.0)})


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("edge", "beyond"), [(0.75, 0.75 - 2.0**-52), (3.25, 3.25 + 2.0**-51)], ids=["below", "above"]
)
def test_the_edge_belongs_to_what_is_accepted(sign, edge, beyond):
    """By hand, ``0.25 + 0.5 * 2 = 1.25`` to either side of 2; the next difference is refused."""
    exact = np.array([2.0 * sign])
    assert PAIR.accepts(np.array([edge * sign]), exact) is True
    assert PAIR.accepts(np.array([beyond * sign]), exact) is False


def test_one_entry_that_is_off_refuses_all():
    """Each is measured by its own exact value: 1 away is close to 2 and far from 1."""
    exact = np.array([[1.0, 2.0], [2.0, 2.0]])
    assert PAIR.accepts(exact + np.array([[0.75, 1.0], [1.0, 1.0]]), exact) is True
    assert PAIR.accepts(exact + np.array([[1.0, 0.0], [0.0, 0.0]]), exact) is False


def test_the_relative_part_is_of_the_exact_value():
    """1 is within 1.25 of 2, and 2 is not within 0.75 of 1."""
    assert PAIR.accepts(np.array([1.0]), np.array([2.0])) is True
    assert PAIR.accepts(np.array([2.0]), np.array([1.0])) is False


def test_a_dtype_without_a_pair_is_not_judged():
    """Each dtype has a pair of its own, and it is the dtype of what was returned."""
    exact = np.array([4.0])
    assert PAIR.accepts(np.array([5.0], np.float32), exact) is None
    assert PAIR.accepts(np.array([5.0], ml_dtypes.bfloat16), exact) is None
    assert PAIR.accepts(np.array([5.0], np.float16), exact) is True
    assert PAIR.accepts(np.array([6.0], np.float16), exact) is False
    assert PAIR.accepts(np.array([6.0]), exact) is True


@pytest.mark.parametrize("typed", TYPED, ids=lambda typed: typed.name)
def test_what_is_no_number_is_refused(typed):
    """NaN and infinities, by every pair there is."""
    for name in typed.pairs:
        for value in (np.nan, np.inf, -np.inf):
            got = np.array([0.0, value]).astype(getattr(ml_dtypes, name, name))
            assert typed.accepts(got, np.zeros(2)) is False


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_the_first_pair_is_pytorchs_own(name):
    """As the message of its assertion tells them."""
    one = torch.ones(1, dtype=getattr(torch, name))
    with pytest.raises(AssertionError) as raised:
        torch.testing.assert_close(one, 2 * one)
    absolute, relative = re.findall(r"up to (\S+) allowed", str(raised.value))
    assert TYPED[0].name == "torch.testing.assert_close"
    assert TYPED[0].pairs[name] == (float(relative), float(absolute))


def test_a_short_batch_grows_with_its_length():
    """``m = 4`` by hand: ``2 m e = 2^-20``, which is far below 0.01."""
    e = Fraction(1, 2**23)
    growth = Fraction(1, 2**20) / (1 - Fraction(1, 2**20))
    expected = 3 * (Fraction(3, 2) * growth + 7 * e) + 5 * e
    got = bound_by_maxima(np.ones((4, 2)), np.array([1.0, -3.0]), np.array([-5.0, 2.0]))
    assert abs(Fraction(got) - expected) <= 4 * Fraction(math.ulp(got))


def test_a_long_batch_grows_with_the_root_of_its_length():
    """``m = 2^17`` by hand: ``6 sqrt(2^18) e = 3 2^-13``, and every number is exact."""
    got = bound_by_maxima(np.ones((2**17, 1)), np.array([-2.0]), np.array([3.0]))
    assert got == 2 * (4.5 * 2.0**-13 + 7 * 2.0**-23) + 3 * 2.0**-23


def test_the_regimes_meet_at_a_hundredth():
    """``2 m 2^-23`` reaches 0.01 between 41943 and 41944 values, where the bound falls."""
    one, zero = np.ones(1), np.zeros(1)
    last, first = (bound_by_maxima(np.ones((m, 1)), one, zero) for m in (41943, 41944))
    assert 0.015 < last < 0.0152
    assert first < last / 40


def test_the_size_of_x_cancels():
    """Only its length counts."""
    x = np.linspace(1, 2, 12).reshape(6, 2)
    one = np.ones(2)
    assert bound_by_maxima(x, one, one) == bound_by_maxima(1e6 * x, one, one)
    assert bound_by_maxima(x, one, one) < bound_by_maxima(np.concatenate([x, x]), one, one)
