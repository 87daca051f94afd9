"""Columns: there and back, every index, and the edges of what is a case."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.laws.columns import BadCase, from_columns, locate_in_batch, to_columns, validate
from tests.laws.draws import by_hand

SHAPES = st.lists(st.integers(1, 4), min_size=2, max_size=5).map(tuple)


def numbered(shape):
    """An array whose entries all differ."""
    return np.arange(np.prod(shape)).reshape(shape)


@given(SHAPES)
def test_a_column_holds_the_values_of_its_channel(shape):
    """All of them in the order of the batch, and of no other channel."""
    x = numbered(shape)
    columns = to_columns(x)
    assert columns.shape == (x.size // shape[1], shape[1])
    for channel in range(shape[1]):
        assert columns[:, channel].tolist() == [
            int(x[at]) for at in np.ndindex(shape) if at[1] == channel
        ]


@given(SHAPES)
def test_columns_lead_back_to_the_batch(shape):
    """The shape and every entry come back."""
    x = numbered(shape)
    assert np.array_equal(from_columns(to_columns(x), shape), x)


@given(SHAPES)
def test_every_entry_is_located(shape):
    """The index into the columns and the one into the batch name the same number."""
    x = numbered(shape)
    columns = to_columns(x)
    for at in np.ndindex(columns.shape):
        assert x[locate_in_batch(at, shape)] == columns[at]


def test_an_index_of_a_channel_stays():
    """Statistics have one index, and so does a vector that came back in the place of a batch."""
    assert locate_in_batch((1,), (3, 2, 2)) == (1,)
    assert locate_in_batch((5, 1), (6,)) == (5, 1)


CASE = by_hand()
BAD = {
    "one axis": ({"x": CASE.x.reshape(-1)}, "rank 2 to 5"),
    "six axes": ({"x": CASE.x.reshape(4, 2, 2, 1, 1, 1)}, "rank 2 to 5"),
    "long doubles": ({"beta": CASE.beta.astype(np.longdouble)}, "beta has dtype"),
    "a gamma for every entry": (
        {"gamma": np.ones_like(CASE.x)},
        r"gamma .*: give \(2,\)",
    ),
    "a variance for one channel": ({"running_var": CASE.running_var[:1]}, "running_var has shape"),
    "an infinite beta": ({"beta": np.array([1, np.inf], np.float32)}, "beta holds NaN or infinity"),
    "no positions": ({"x": CASE.x[..., :0], "dy": CASE.dy[..., :0]}, "at least one"),
    "an eps that is no number": ({"eps": np.nan}, "number >= 0"),
    "an infinite eps": ({"eps": np.inf}, "number >= 0"),
}


@pytest.mark.parametrize(("changed", "mend"), BAD.values(), ids=BAD)
def test_what_is_no_case_is_refused(changed, mend):
    """In one line that names the argument."""
    with pytest.raises(BadCase, match=mend) as refused:
        validate(replace(CASE, **changed))
    assert "\n" not in str(refused.value)


def test_the_edges_of_a_case_are_admitted():
    """eps = 0, a running variance of 0, absent parameters, and one value per channel."""
    edge = replace(
        CASE,
        x=CASE.x[:1, :, :1],
        dy=CASE.dy[:1, :, :1],
        gamma=None,
        beta=None,
        running_var=np.zeros(2, np.float32),
        eps=0.0,
    )
    assert validate(edge) is edge
