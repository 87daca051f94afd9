"""Formulas in balls: they hold values worked by hand, and the case goes into them exactly."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpq

from bnproof.contract import Case
from bnproof.laws import balls
from tests.laws.draws import by_hand

ONE = np.array([1.0])
# mu = 2, v = 9 and s = 4; g has mean -1/2, and g xhat has mean -9/8.
SMALL = Case(
    np.array([[-1.0], [5.0]]),
    np.array([[1.0], [-2.0]]),
    -2 * ONE,
    -5 * ONE,
    -8 * ONE,
    9 * ONE,
    eps=7.0,
    momentum=0.25,
)
VALUES = {
    "y": ("-7/2", "-13/2"),
    "dx": ("-21/64", "21/64"),
    "dgamma": ("-9/4",),
    "dbeta": ("-1",),
    "running_mean": ("-11/2",),
    "running_var_unbiased": ("45/4",),
    "infer_y": ("-17/2", "-23/2"),
}


@pytest.mark.parametrize(("quantity", "values"), VALUES.items(), ids=VALUES)
def test_a_formula_holds_the_value_worked_by_hand(quantity, values):
    """Entry by entry, where s is rational."""
    found = np.ravel(balls.evaluate(quantity, SMALL))
    for entry, value in zip(found, map(Fraction, values), strict=True):
        assert entry.contains(arb(fmpq(value.numerator, value.denominator)))


def test_balls_stay_narrow_beside_a_large_mean():
    """Where s is irrational and the mean is a billion times the spread, there are still more bits
    than the two words of an enclosure have."""
    case = by_hand("float64")
    far = replace(case, x=case.x + 2.0**32)
    for quantity in ("y", "dx", "running_var_unbiased"):
        for entry in np.ravel(balls.evaluate(quantity, far)):
            assert not entry.is_exact()
            assert entry.rel_accuracy_bits() > 2 * 53


def test_a_quantity_of_the_batch_has_columns():
    """An entry for every entry of x, else one for every channel."""
    case = by_hand()
    assert balls.evaluate("dx", case).shape == (case.m, 2)
    assert balls.evaluate("d_gamma", case).shape == (2,)


def test_the_precision_is_left_as_it_was():
    """The bits of the balls are a global setting of python-flint, which others use too."""
    before = ctx.prec
    balls.evaluate("y", SMALL)
    assert ctx.prec == before


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_a_case_goes_into_balls_exactly(dtype):
    """Every ball is one number, that of the entry, in every dtype; x and g are columns."""
    case = by_hand(dtype)
    values = balls.convert_case(case)
    assert all(entry.is_exact() for value in values.values() for entry in np.ravel(value))
    for name, array in {"x": case.x, "g": case.dy, "h": case.ddx}.items():
        for sample, channel, place in np.ndindex(case.x.shape):
            row = sample * case.x.shape[2] + place
            assert values[name][row, channel] == arb(float(array[sample, channel, place]))
    assert values["mu_r"].tolist() == [arb(2.5), arb(-3.5)]
    assert values["v_r"].tolist() == [arb(2.75), arb(5.5)]
    assert (values["eps"], values["alpha"]) == (arb(0.25), arb(0.3))


def test_what_is_absent_has_a_neutral_ball():
    """gamma counts as 1, beta as 0, and the upstream gradient of dx as x."""
    values = balls.convert_case(by_hand(gamma=None, beta=None, ddx=None))
    assert values["gamma"].tolist() == [1, 1]
    assert values["beta"].tolist() == [0, 0]
    assert values["h"].tolist() == values["x"].tolist()
