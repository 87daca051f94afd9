"""What ``supports`` narrows, and the slips in it that are named."""

from dataclasses import replace

import numpy as np
import pytest

from bnproof.laws.supports import Supports
from tests.laws.draws import by_hand

SLIPS = {
    "a list": (["float32"], "give a dictionary"),
    "a key nobody reads": ({"rank": [4]}, "means nothing"),
    "a rank by itself": ({"ranks": 4}, "give a list"),
    "a dtype that is none": ({"dtypes": ["float33"]}, "give names"),
    "no channels": ({"num_features": 0}, "1 or more"),
    "a dtype that is missing": ({"dtypes": [None]}, "give a list"),
    "an eps that is no number": ({"eps": float("nan")}, "a number >= 0"),
    "an infinite momentum": ({"momentum": float("inf")}, "give a number"),
    "a truth for a number": ({"num_features": True}, "1 or more"),
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


def test_what_is_asked_may_be_narrowed():
    """To some of the dtypes and ranks that are supported, in their own order; all else stays."""
    supports = Supports.from_mapping({"dtypes": ["float64", "float16"], "ranks": [2, 4], "eps": 1})
    narrowed = supports.narrow(("float16", "float32"), (5, 4))
    assert narrowed == replace(supports, dtypes=("float16",), ranks=(4,))
    assert supports.narrow() == supports.narrow((), ()) == supports
    assert supports.narrow(ranks=(4, 2)).ranks == (2, 4)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"dtypes": ("float32",)}, "takes the dtypes float64, float16"),
        ({"ranks": (3, 5)}, "takes the ranks 2, 4"),
        ({"dtypes": ("float64", "single")}, "no dtype 'single': use "),
        ({"ranks": (2, 6)}, "no rank 6: use 2, 3, 4, 5"),
    ],
)
def test_nothing_is_left_to_ask(asked, message):
    """Then the message says what there is."""
    supports = Supports.from_mapping({"dtypes": ["float64", "float16"], "ranks": [2, 4]})
    with pytest.raises(ValueError, match=message):
        supports.narrow(**asked)


def test_a_fixed_momentum_of_the_old_value_weighs_the_new_one():
    """``1 - momentum``, where the convention says so."""
    assert (
        Supports.from_mapping({"momentum": 0.75}, "old").momentum
        == Supports.from_mapping({"momentum": 0.25}).momentum
    )


def test_the_order_of_what_is_supported_does_not_matter():
    """Equal sets give equal cases, so dtypes and ranks always come in one order, each once."""
    names = ["bfloat16", "float16", "float32", "float64"]
    for dtypes, ranks in ((names, [5, 2, 5]), (names[::-1] * 2, [2, 5])):
        narrow = Supports.from_mapping({"dtypes": dtypes, "ranks": ranks})
        assert narrow.dtypes == ("float64", "float32", "float16", "bfloat16")
        assert narrow.ranks == (2, 5)


def test_half_precision_stands_in_where_nothing_else_is_offered():
    """Full precisions are float64 and float32; without them a formula is judged in the others."""
    both, half = (
        Supports.from_mapping({"dtypes": dtypes})
        for dtypes in (["float16", "float32"], ["float16", "bfloat16"])
    )
    assert (both.full, both.half) == (("float32",), ("float16",))
    assert (half.full, half.half) == (("float16", "bfloat16"),) * 2


def test_what_is_fixed_cannot_be_varied():
    """An eps of 0 is as fixed as any other, and a parameter that is there is no constant."""
    assert Supports.from_mapping({"eps": 0, "affine": True}).constants == {"eps"}
    assert Supports.from_mapping({"momentum": 0.1}).constants == {"momentum"}
    assert Supports.from_mapping(None).constants == set()


def test_none_says_as_little_as_nothing():
    """For every key."""
    nothing = dict.fromkeys(("dtypes", "ranks", "num_features", "eps", "momentum", "affine"))
    assert Supports.from_mapping(nothing) == Supports.from_mapping({})


@pytest.mark.parametrize("dtype", ["float64", np.float64, np.dtype("float64")])
def test_a_dtype_may_be_given_as_numpy_has_it(dtype):
    """By name, as a type, or as a dtype, of which NumPy calls float64 equal to ``None``."""
    assert Supports.from_mapping({"dtypes": [dtype]}).dtypes == ("float64",)
