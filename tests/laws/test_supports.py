"""What ``supports`` narrows, and the slips in it that are named."""

import pytest

from bnproof.laws.supports import Supports
from tests.laws.draws import by_hand

SLIPS = {
    "a list": (["float32"], "give a dictionary"),
    "a key nobody reads": ({"rank": [4]}, "means nothing"),
    "a rank by itself": ({"ranks": 4}, "give a list"),
    "a dtype that is none": ({"dtypes": ["float33"]}, "give names"),
    "no channels": ({"num_features": 0}, "1 or more"),
    "nothing left": ({"ranks": [7]}, "leaves no case"),
}


@pytest.mark.parametrize(("supports", "message"), SLIPS.values(), ids=SLIPS)
def test_slips_are_named(supports, message):
    """In one line that says what to give."""
    with pytest.raises(ValueError, match=message) as refused:
        Supports.from_mapping(supports)
    assert "\n" not in str(refused.value)


def test_what_may_be_asked_is_admitted():
    """By rank, dtype and number of channels."""
    case = by_hand("float32")
    rank, channels = case.x.ndim, case.x.shape[1]
    for supports in (None, {"ranks": [rank]}, {"dtypes": ["float32"]}, {"num_features": channels}):
        assert Supports.from_mapping(supports).admits(case)
    other = (
        {"ranks": [5 if rank < 5 else 2]},
        {"dtypes": ["float64"]},
        {"num_features": channels + 1},
    )
    assert not any(Supports.from_mapping(supports).admits(case) for supports in other)


def test_a_fixed_momentum_of_the_old_value_weighs_the_new_one():
    """``1 - momentum``, where the convention says so."""
    assert (
        Supports.from_mapping({"momentum": 0.75}, "old").momentum
        == Supports.from_mapping({"momentum": 0.25}).momentum
    )
