"""Extents: what the failing inputs have in common, found on traits that are made by hand."""

from dataclasses import replace
from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.verification.extents import Extent, Traits, find_extent, find_place
from tests.laws.draws import by_hand

PLAIN = Traits("float32", 3, 4, 16, 1.5, 1e-7, (), 1e-5, constant=False, samples=8)


def vary(count=1, **changed):
    """So many times the traits of an ordinary case, with some of them changed."""
    return [replace(PLAIN, **changed)] * count


def strain(kappa, dtype="float32"):
    """The traits of a case with this ratio of mean to standard deviation."""
    u = {"float32": 2.0**-24, "float64": 2.0**-53}[dtype]
    return replace(PLAIN, dtype=dtype, kappa=kappa, loss=kappa**2 * u)


def test_everything_fails():
    """Without an input on which the law holds there is nothing to tell the failing ones from."""
    assert find_extent(vary(3), []) == Extent("all inputs")
    alone = find_extent([*vary(dtype="float16"), *vary(dtype="bfloat16")], [])
    assert alone == Extent("all inputs (half precision was asked alone)")
    assert find_extent([*vary(dtype="float16"), *vary()], []) == Extent("all inputs")


@pytest.mark.parametrize(
    ("dtypes", "says", "area"),
    [
        (["float16"], "only float16", "half"),
        (["float16", "bfloat16"], "only bfloat16 and float16", "half"),
        (["float64"], "only float64", ""),
        (["float16", "float64"], "only float16 and float64", ""),
    ],
)
def test_a_dtype(dtypes, says, area):
    """The dtypes are named, and half precision alone is an area of its own."""
    failing = [replace(PLAIN, dtype=name) for name in dtypes]
    assert find_extent(failing, vary(6)) == Extent(says, area)


def test_half_precision_is_told_where_it_fails_seldom():
    """One float16 input in ten is enough, one in twenty is not; of float64 it takes most."""
    for dtype, rest, told in (
        ("float16", 9, "only float16"),
        ("float16", 19, "some inputs (1 of 40)"),
        ("float64", 9, "some inputs (1 of 30)"),
    ):
        holding = vary(rest, dtype=dtype) + vary(20)
        assert find_extent(vary(dtype=dtype), holding).says == told


def test_a_dtype_that_nearly_all_inputs_have_says_nothing():
    """What fails has to be a quarter more frequent among them than among all inputs."""
    for count, told in ((8, "only float32"), (9, "nearly all inputs (9 of 10)")):
        holding = vary(10 - count, dtype="float64")
        assert find_extent(vary(count), holding) == Extent(told, "")


def test_a_mean_far_from_zero():
    """The smallest ratio of mean to standard deviation that fails is told, and it is accuracy."""
    failing = [strain(kappa) for kappa in (5e4, 1e3, 2e3)]
    holding = [strain(kappa) for kappa in (0.5, 3.0, 100.0)]
    assert find_extent(failing, holding) == Extent(
        "from mean/std = 1e+03 on in float32", "accuracy"
    )


def test_a_ratio_is_told_in_the_dtype_of_the_sums():
    """float64 holds at a ratio at which float32 fails, and half precision is summed in float32."""
    wide = [strain(1e8, "float64"), strain(3e8, "float64")]
    holding = [strain(100.0), strain(1e3, "float64"), strain(1e6, "float64")]
    assert find_extent(wide, holding).says == "from mean/std = 1e+08 on in float64"
    # The float64 case has lost fewer digits, yet it is float32 whose ratios are met in practice.
    assert wide[0].loss < strain(9e5).loss
    both = find_extent([*wide, strain(9e5)], holding)
    assert both == Extent("from mean/std = 9e+05 on in float32", "accuracy")
    half = replace(strain(9e5), dtype="float16")
    assert find_extent([half, *wide], holding).says == "from mean/std = 9e+05 on in float32"


def test_a_few_inputs_below_the_ratio_are_outliers():
    """One failing input in ten with an ordinary mean makes it "mostly", and two spoil it."""
    strained = [strain(1e3 + n) for n in range(9)]
    holding = [strain(3.0)] * 9 + [strain(3.0, "float64")] * 9
    assert find_extent([strain(2.0), *strained], holding) == Extent(
        "mostly from mean/std = 1e+03 on in float32", "accuracy"
    )
    spoiled = find_extent([strain(2.0)] * 2 + strained, holding)
    assert "mean/std" not in spoiled.says
    assert spoiled.area == ""


def test_a_small_ratio_is_never_the_cause():
    """Below ten any arithmetic keeps its digits, so something else decides."""
    found = find_extent([strain(5.0), strain(6.0)], [strain(0.5), strain(1.0)])
    assert found == Extent("some inputs (2 of 4)", "")


SIZES = {
    "channels": ({"channels": 64}, {"channels": 63}, "from 64 channels on", "layout"),
    "few channels": ({"channels": 9}, {"channels": 8}, "from 9 channels on", ""),
    "one channel": ({"channels": 1}, {"channels": 2}, "up to 1 channels", ""),
    "values": ({"m": 40}, {"m": 39}, "from 40 values per channel on", "accuracy"),
    "few values": ({"m": 20}, {"m": 19}, "from 20 values per channel on", ""),
    "at most two values": ({"m": 2}, {"m": 3}, "up to 2 values per channel", ""),
    "rank": ({"rank": 4}, {"rank": 3}, "from rank 4 on", "layout"),
    "no positions": ({"rank": 2}, {"rank": 3}, "up to rank 2", ""),
    "samples": ({"samples": 9}, {"samples": 8}, "from 9 samples on", ""),
}


@pytest.mark.parametrize(("fails", "holds", "says", "area"), SIZES.values(), ids=SIZES)
def test_a_size(fails, holds, says, area):
    """The limit is between the last input that holds and the first one that fails."""
    assert find_extent(vary(3, **fails), vary(3, **holds)) == Extent(says, area)


def test_the_smallest_of_several_sizes_is_told():
    """A kernel whose block is 64 channels wide fails on 64, 80 and 200."""
    failing = [replace(PLAIN, channels=count) for count in (200, 64, 80)]
    holding = [replace(PLAIN, channels=count) for count in (1, 3, 32, 63)]
    assert find_extent(failing, holding) == Extent("from 64 channels on", "layout")


def test_a_largest_size_says_little_where_nearly_all_inputs_fail():
    """That the largest batches alone hold is more often chance than a reason."""
    for holding, told in ((2, "up to rank 3"), (1, "nearly all inputs (3 of 4)")):
        assert find_extent(vary(3), vary(holding, rank=5)).says == told
    assert find_extent(vary(3), vary(1, rank=2)).says == "from rank 3 on", "a smallest one does"


REST = {
    "gamma": ({"absent": ("gamma",)}, {}, "only without gamma", ""),
    "beta": ({"absent": ("beta",)}, {"absent": ("gamma",)}, "only without beta", ""),
    "both absent": (
        {"absent": ("gamma", "beta")},
        {"absent": ("gamma",)},
        "only without beta",
        "",
    ),
    "both there": ({}, {"absent": ("beta",)}, "only with gamma and beta", ""),
    "a constant channel": ({"constant": True}, {}, "only a constant channel", "edges"),
    "no eps": ({"eps": 0.0}, {}, "only eps = 0", "edges"),
}


@pytest.mark.parametrize(("fails", "holds", "says", "area"), REST.values(), ids=REST)
def test_another_trait(fails, holds, says, area):
    """Absent parameters, a channel without spread and eps = 0 are named."""
    assert find_extent(vary(3, **fails), vary(3, **holds)) == Extent(says, area)


def test_both_parameters_are_named_where_one_absent_is_not_enough():
    """What fails without both holds without either one."""
    holding = [*vary(2), *vary(2, absent=("gamma",)), *vary(2, absent=("beta",))]
    found = find_extent(vary(2, absent=("gamma", "beta")), holding)
    assert found == Extent("only without gamma and beta")


def test_a_constant_channel_has_an_infinite_ratio():
    """Where only such inputs fail, no finite ratio is told."""
    constant = replace(PLAIN, kappa=inf, loss=inf, constant=True)
    assert find_extent([constant] * 2, [strain(3.0), strain(1e6)]).says == "only a constant channel"


@given(failing=st.integers(1, 40), holding=st.integers(1, 40))
def test_where_nothing_tells_them_apart_the_inputs_are_counted(failing, holding):
    """They are nearly all above seven in ten, and some up to there."""
    every = failing + holding
    amount = "nearly all" if Fraction(failing, every) > Fraction(7, 10) else "some"
    found = find_extent(vary(failing), vary(holding))
    assert found == Extent(f"{amount} inputs ({failing} of {every})", "")


def test_a_trait_of_all_failing_inputs_with_many_exceptions_is_not_told():
    """Seven of ten inputs without gamma have to fail; with six something else decides."""
    for failing, told in ((7, "only without gamma"), (6, "some inputs (6 of 20)")):
        absent = vary(10, absent=("gamma",))
        holding = [*absent[failing:], *vary(10)]
        assert find_extent(absent[:failing], holding).says == told


def test_the_trait_with_fewest_exceptions_is_told():
    """All failing inputs have float64 and rank 4, but float64 occurs on holding ones as well."""
    failing = vary(8, dtype="float64", rank=4)
    holding = [*vary(3, dtype="float64"), *vary(9)]
    assert find_extent(failing, holding) == Extent("from rank 4 on", "layout")
    swapped = [*vary(3, rank=4), *vary(9)]
    assert find_extent(failing, swapped) == Extent("only float64", "")


# -- the traits of a case --------------------------------------------------------------------------


def test_the_traits_of_a_case():
    """They are those of x, of eps and of the parameters; the ratio is that of the worst channel."""
    x = np.array([[[1.0, 3.0], [10.0, 14.0]], [[1.0, 3.0], [10.0, 14.0]]], np.float32)
    case = by_hand(x=x, dy=x, ddx=None, beta=None, eps=0.5)
    found = Traits.from_case(case)
    assert (found.dtype, found.rank, found.channels, found.m) == ("float32", 3, 2, 4)
    assert (found.samples, found.absent, found.eps) == (2, ("beta",), 0.5)
    # The means are 2 and 12, the deviations 1 and 2.
    assert (found.kappa, found.loss) == (6.0, 36 * 2.0**-24)
    assert (found.constant, found.half) == (False, False)
    bare = Traits.from_case(by_hand(x=-x, dy=x, ddx=None, gamma=None, beta=None))
    assert (bare.absent, bare.kappa) == (("gamma", "beta"), 6.0)


@pytest.mark.parametrize("value", [0.1, -1e30, 3.0])
def test_a_channel_of_one_value_has_an_infinite_ratio(value):
    """Rounding in the mean of equal values does not make it finite."""
    x = np.array([[[1.0, 2.0, 1.5], [value] * 3]] * 7)
    found = Traits.from_case(by_hand("float64", x=x, dy=x, ddx=None))
    assert found.constant
    assert found.kappa == found.loss == inf


def test_a_channel_of_zeros_is_constant_and_has_no_ratio():
    """0/0 is left out, and the ratio is that of the other channel."""
    x = np.array([[1.0, 0.0], [3.0, 0.0]])
    found = Traits.from_case(by_hand("float64", x=x, dy=x, ddx=None))
    assert (found.constant, found.kappa) == (True, 2.0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_summed_in_single(dtype):
    """The traits name the dtype of x, and digits are lost at the roundoff of float32."""
    found = Traits.from_case(by_hand(dtype))
    assert (found.dtype, found.half) == (dtype, True)
    assert found.loss == found.kappa**2 * 2.0**-24


def test_the_ratio_of_large_half_precision_is_finite():
    """Sums of float16 values that overflow in float16 are made in float64."""
    x = np.array([[6e4], [5e4], [6e4]], np.float16)
    found = Traits.from_case(by_hand("float16", x=x, dy=x, ddx=None))
    assert 10 < found.kappa < 20


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({}, "ordinary"),
        ({"kappa": 10.0, "m": 32}, "ordinary"),
        ({"kappa": 11.0}, "accuracy"),
        ({"kappa": inf, "constant": True}, "accuracy"),
        ({"m": 33}, "accuracy"),
        ({"dtype": "float16"}, "half"),
        ({"dtype": "bfloat16", "kappa": 1e4, "m": 1000}, "half"),
    ],
)
def test_the_place_of_a_failing_case(changed, place):
    """Half precision comes before a mean far from zero or many values, and both before the rest."""
    assert find_place(replace(PLAIN, **changed)) == place
