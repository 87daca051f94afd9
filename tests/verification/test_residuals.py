"""Residuals: every named factor is recognised on values that carry it, and none on values that do
not."""

from dataclasses import replace

import numpy as np
import pytest

from bnproof.contract import Weights
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers
from bnproof.laws.oracle import Oracle
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification.residuals import explain_by_factor, list_factors
from tests.laws.draws import by_hand, target

CASE = by_hand("float64")
ORACLE = Oracle(CASE)
NAMES = list(list_factors(ORACLE, "y"))


def found(quantity, observed, oracle=ORACLE):
    """The sentences that fit."""
    return list(explain_by_factor(quantity, observed, oracle))


def spread(factor, quantity, shape):
    """A factor with a value per channel, on the axis of the channels."""
    values = np.asarray(factor, dtype=float)
    return (
        values
        if values.ndim == 0 or quantity in ("dgamma", "dbeta")
        else values.reshape(1, -1, *(1,) * (len(shape) - 2))
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("quantity", ["dx", "dgamma", "infer_dx"])
def test_a_factor_of_a_gradient_is_recognised(name, quantity):
    """By its name, whatever else fits on this case."""
    exact = Answers(target(NumpyBatchNorm()), CASE).observe(quantity)
    factor = spread(list_factors(ORACLE, quantity)[name], quantity, exact.shape)
    assert f"{quantity} is {name} the exact one" in found(quantity, exact * factor)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("quantity", ["y", "infer_y"])
def test_a_factor_of_an_output_leaves_beta_aside(name, quantity):
    """The part that is not beta carries it."""
    exact, beta = (
        Answers(target(NumpyBatchNorm()), CASE).observe(quantity),
        spread(CASE.beta, "y", CASE.x.shape),
    )
    factor = spread(list_factors(ORACLE, quantity)[name], quantity, exact.shape)
    assert f"the part of the output that is not beta is {name} the exact one" in found(
        quantity, beta + factor * (exact - beta)
    )


@pytest.mark.parametrize("name", [name for name in NAMES if "alpha" in name or "(m - 1)" in name])
@pytest.mark.parametrize("quantity", ["running_mean", "running_var"])
def test_a_factor_of_a_statistic_leaves_the_old_value_aside(name, quantity):
    """The new value's share carries it."""
    exact = Answers(target(NumpyBatchNorm()), CASE).observe(quantity)
    kept = (1 - CASE.momentum) * getattr(CASE, quantity)
    factor = list_factors(ORACLE, quantity)[name]
    assert f"the new statistic's share is {name} the exact one" in found(
        quantity, kept + factor * (exact - kept)
    )


@pytest.mark.parametrize("kind", ["linear", "conv_transpose"])
def test_a_factor_of_a_folded_weight_goes_by_its_output(kind):
    """A value per output, wherever the outputs lie."""
    weight = np.random.default_rng(2).normal(size=(2, 3) if kind == "linear" else (4, 1, 3))
    case = by_hand("float64", layer=Weights(weight, None, kind, 1 if kind == "linear" else 2))
    oracle = Oracle(case)
    factor = list_factors(oracle, "folded_weight")["1/s times"]
    spread = factor[:, None] if kind == "linear" else np.repeat(factor, 2).reshape(4, 1, 1)
    observed = Answers(target(NumpyBatchNorm()), case).observe("folded_weight") * spread
    assert "folded_weight is 1/s times the exact one" in found("folded_weight", observed, oracle)


MECHANISMS = {
    "F01": ("y", "eps outside the root"),
    "F04": ("infer_y", "eps = 1e-5"),
    "F07": ("y", "Bessel's factor in the normalising variance"),
    "F10": ("dx", "1/gamma times"),
    "G03": ("dx", "1/gamma times"),
    "G04": ("dgamma", "s^2 times"),
    "G06": ("dgamma", "eps left out"),
    "R01": ("running_var", "(m - 1)/m times"),
    "I02": ("infer_y", "eps counted twice"),
    "O22": ("folded_weight", "eps left out"),
}


@pytest.mark.parametrize(
    ("name", "quantity", "says"), [(n, *rest) for n, rest in MECHANISMS.items()], ids=MECHANISMS
)
def test_known_bugs_leave_a_factor_with_a_name(name, quantity, says):
    """On the case made by hand, in float64."""
    observed = Answers(target(list_mutants()[name].make), CASE).observe(quantity)
    assert any(says in sentence for sentence in found(quantity, observed))


@pytest.mark.parametrize(
    "quantity", ["y", "dx", "dgamma", "dbeta", "running_mean", "running_var", "infer_y", "d_x"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_right_values_have_no_residual(quantity, dtype):
    """A factor of 1 is none."""
    case = by_hand(dtype)
    observed = Answers(target(NumpyBatchNorm()), case).observe(quantity)
    assert found(quantity, observed, Oracle(case)) == []


def test_what_fits_no_factor_has_no_residual():
    """A constant, noise, and one entry alone that is wrong."""
    exact = Answers(target(NumpyBatchNorm()), CASE).observe("dx")
    noise = np.random.default_rng(3).normal(size=exact.shape)
    alone = exact.copy()
    alone[0, 0, 0] *= 2
    for observed in (exact + 1, exact * noise, alone):
        assert found("dx", observed) == []
    # gamma/s has no name
    twice = Answers(target(list_mutants()["O17"].make), CASE).observe("folded_weight")
    assert found("folded_weight", twice) == []


def test_what_is_not_finite_is_told_as_that():
    """NaN is times nothing."""
    exact = Answers(target(NumpyBatchNorm()), CASE).observe("dx")
    assert found("dx", exact * np.nan) == ["dx is not finite everywhere"]


def test_factors_are_finite_and_fit_the_case():
    """No Bessel's factor for one value, no 1/gamma where gamma is 0, no (1 - alpha)/alpha without
    alpha."""
    one = replace(CASE, x=CASE.x[:1, :, :1], dy=CASE.dy[:1, :, :1], ddx=None, parts=())
    assert not any("(m - 1)" in name for name in list_factors(Oracle(one), "y"))
    no_gamma = replace(CASE, gamma=np.array([0.0, 1.5]))
    assert "1/gamma times" not in list_factors(Oracle(no_gamma), "y")
    still = replace(CASE, momentum=0.0)
    assert not any("alpha" in name for name in list_factors(Oracle(still), "running_mean"))


def test_the_biased_variance_is_judged_by_its_own_formula():
    """What is right under one convention is (m - 1)/m times the other."""
    observed = Answers(target(list_mutants()["R01"].make), CASE).observe("running_var")
    assert found("running_var", observed, Oracle(CASE, "biased")) == []
    assert "the new statistic's share is (m - 1)/m times the exact one" in found(
        "running_var", observed
    )
