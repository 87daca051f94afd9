"""Cases: what is drawn has the promised form, and what is no case is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from bnproof.laws.cases import cases, semantic
from bnproof.laws.layout import BadCase, columns, position, validated


@given(cases())
def test_drawn_cases_are_valid(case):
    """At least two values per channel, finite, and no constant channel where eps = 0."""
    assert validated(case) is case
    assert case.m >= 2
    if case.eps == 0:
        assert np.all(np.ptp(columns(case.x), axis=0) > 0)


@given(semantic())
def test_positions_lead_back(case):
    """The index into the columns and the index into x name the same entry."""
    flat = columns(case.x)
    at = (case.m - 1, 0)
    assert case.x[position(at, case.x.shape)] == flat[at]


BAD = {
    "rank": (lambda c: replace(c, x=c.x.reshape(-1)), "rank 2 to 5"),
    "integers": (lambda c: replace(c, x=np.ones(c.x.shape, int)), "astype"),
    "gradient's shape": (lambda c: replace(c, dy=c.dy[:1, :1]), "dy has shape"),
    "NaN": (lambda c: replace(c, x=np.full_like(c.x, np.nan)), "NaN"),
    "negative eps": (lambda c: replace(c, eps=-1.0), "number >= 0"),
    "m = 0": (lambda c: replace(c, x=c.x[:0], dy=c.dy[:0]), "no value per channel"),
    "negative variance": (lambda c: replace(c, running_var=-c.running_var), "variance >= 0"),
}


@pytest.mark.parametrize(("spoil", "mend"), BAD.values(), ids=BAD)
@given(case=semantic().filter(lambda case: case.x.shape[1] > 1))
def test_bad_cases_are_refused_in_one_line(spoil, mend, case):
    """The message names what is wrong and what to give."""
    with pytest.raises(BadCase, match=mend) as refused:
        validated(spoil(case))
    assert "\n" not in str(refused.value)
