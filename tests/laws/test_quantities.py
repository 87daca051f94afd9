"""The table of quantities: values and magnitudes worked by hand, and bounds in the right
precision."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bnproof.contract import QUANTITIES, Case
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import FORMULAS, name_theorem
from tests.laws.draws import by_hand


def small(dtype="float64", **changed):
    """Two values of one channel: mu = 2, v = 9, s = 4, xhat = -3/4 and 3/4; s_r = 4 too, and x
    normalised by the running statistics is 7/4 and 13/4."""
    like = np.dtype(dtype)
    case = Case(
        x=np.array([[-1], [5]], like),
        dy=np.array([[1], [-2]], like),
        gamma=np.array([-2], like),
        beta=np.array([-5], like),
        running_mean=np.array([-8], like),
        running_var=np.array([9], like),
        eps=7.0,
        momentum=0.25,
    )
    return replace(case, **changed)


# With mean(g) = -1/2 and mean(g xhat) = -9/8, dx is -1/2 (g + 1/2 + 9/8 xhat).
EXACT = {
    "y": ("-7/2", "-13/2"),
    "dx": ("-21/64", "21/64"),
    "dgamma": ("-9/4",),
    "dbeta": ("-1",),
    "running_mean": ("-11/2",),
    "infer_y": ("-17/2", "-23/2"),
    "infer_dx": ("-1/2", "1"),
    "infer_dgamma": ("-19/4",),
    "infer_dbeta": ("-1",),
}
# Every term with its absolute value: in dx mean |g| = 3/2 and mean |g xhat| = 9/8.
MAGNITUDES = {
    "y": (6.5, 6.5),
    "dx": (1.671875, 2.171875),
    "dgamma": (2.25,),
    "dbeta": (3.0,),
    "running_mean": (6.75,),
    "infer_y": (8.5, 11.5),
    "infer_dx": (0.5, 1.0),
    "infer_dgamma": (8.25,),
    "infer_dbeta": (3.0,),
}


def encloses(enclosure, values):
    """Whether an enclosure holds fractions, entry by entry."""
    mid, low, rad = (
        [Fraction(float(entry)) for entry in np.ravel(part)]
        for part in (enclosure.mid, enclosure.low, enclosure.rad)
    )
    return all(
        abs(a + b - value) <= r for a, b, r, value in zip(mid, low, rad, values, strict=True)
    )


@pytest.mark.parametrize(("quantity", "values"), EXACT.items(), ids=EXACT)
def test_an_exact_value_is_that_of_the_formula(quantity, values):
    """The enclosure holds the fraction worked by hand, and is narrower than the bound."""
    oracle = Oracle(small())
    exact = oracle.exact(quantity)
    assert encloses(exact, map(Fraction, values))
    assert np.all(exact.rad <= oracle.bound(quantity).total)


@pytest.mark.parametrize(("quantity", "values"), MAGNITUDES.items(), ids=MAGNITUDES)
def test_a_magnitude_adds_up_without_cancelling(quantity, values):
    """No term is taken away from another, though the signs of gamma, beta, g and x differ."""
    magnitude = Oracle(small()).magnitude(quantity)
    assert magnitude.ravel().tolist() == list(values)
    if quantity in ("y", "dx", "dgamma", "dbeta", "running_mean"):
        assert Oracle(small()).magnitude(f"shards_{quantity}").ravel().tolist() == list(values)


@pytest.mark.parametrize(("kind", "value"), [("unbiased", "45/4"), ("biased", "9")])
def test_the_running_variance_has_the_factor_of_its_convention(kind, value):
    """3/4 of 9 and 1/4 of 18, or of 9: value and magnitude, since no term is negative."""
    oracle = Oracle(small(), kind)
    assert encloses(oracle.exact("running_var"), [Fraction(value)])
    assert oracle.magnitude("running_var").tolist() == [float(Fraction(value))]


def test_the_offset_is_what_a_wrong_factor_leaves_alone():
    """beta for outputs, three quarters of the old value for statistics, nothing for gradients."""
    oracle = Oracle(small())
    offsets = {name: float(np.ravel(FORMULAS[name].offset(oracle))[0]) for name in EXACT}
    assert offsets == dict.fromkeys(EXACT, 0.0) | {"y": -5, "infer_y": -5, "running_mean": -6}
    assert FORMULAS["running_var"].offset(oracle).tolist() == [6.75]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_bound_goes_with_the_unit_roundoff(quantity):
    """float32 has 2^29 times the roundoff of float64, and its bounds are larger by half of that to
    twice that, wherever there is a value to round."""
    single, double = (Oracle(by_hand(dtype)) for dtype in ("float32", "float64"))
    there = single.exact(quantity).mid != 0
    growth = (single.bound(quantity).total / double.bound(quantity).total)[there]
    assert growth.size
    assert np.all((growth > 2.0**28) & (growth < 2.0**30))


def test_a_fold_is_bounded_in_the_precision_of_the_weights():
    """A half-precision batch leaves the layer in front in float32, and its bounds as they were."""
    half, single = (Oracle(by_hand(dtype)) for dtype in ("float16", "float32"))
    for name in ("folded_weight", "folded_bias"):
        assert np.array_equal(half.bound(name).total, single.bound(name).total)
        assert np.all(half.bound(name).total < np.abs(half.exact(name).mid))
    assert np.all(half.bound("infer_y").total > single.bound("infer_y").total)


def test_more_workers_round_more():
    """Merged statistics of four workers have a larger bound than those of two; one machine's
    quantities do not know of workers."""
    two, four = (Oracle(by_hand("float64", parts=parts)) for parts in ((1, 3), (1, 1, 1, 1)))
    for name in ("y", "dx", "dgamma", "dbeta", "running_mean", "running_var"):
        merged = [oracle.bound(f"shards_{name}").total for oracle in (two, four)]
        assert np.all(merged[0] < merged[1]), name
        assert np.array_equal(two.bound(name).total, four.bound(name).total), name


def test_one_value_has_no_unbiased_variance():
    """There is no exact running variance then, unless the biased one is tracked, which is 0."""
    case = small(x=np.array([[5.0]]), dy=np.array([[1.0]]))
    assert np.all(np.isnan(Oracle(case).exact("running_var").mid))
    assert np.all(np.isfinite(Oracle(case, "biased").bound("running_var").total))
    assert encloses(Oracle(case, "biased").exact("running_var"), [Fraction(27, 4)])


def test_theorems_are_those_that_predict_the_formula():
    """A synchronised step rests on the decomposition of the variance, and gradients on their own
    theorem, in training and at inference."""
    assert {name_theorem(name) for name in QUANTITIES if name.startswith("shards_")} == {
        "total-variance"
    }
    assert name_theorem("dx") != name_theorem("infer_dx")
    assert name_theorem("running_var") == name_theorem("running_mean") == "ema-closed-form"
