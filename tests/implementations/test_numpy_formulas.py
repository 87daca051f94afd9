"""The formulas of the NumPy reference, exactly: on batches whose every value is a float, against
fractions that are differentiated by arithmetic."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.implementations.numpy_formulas import Formulas, check_input
from tests.implementations import hyperdual
from tests.implementations.hyperdual import (
    FOUR,
    QUARTER,
    column,
    exactly,
    perturb,
    square_eps,
    unit,
)

FORMULAS = Formulas()
few = settings(max_examples=25)


@few
@given(FOUR, QUARTER, QUARTER)
def test_training_is_algorithm_1(x, gamma, beta):
    """The output equals the paper's, in fractions."""
    eps = square_eps(x)
    y, mean, var = FORMULAS.train(
        column(x), np.array([gamma]), np.array([beta]), None, None, eps=eps, momentum=0.5
    )
    expected = hyperdual.train(perturb(x), Fraction(gamma), Fraction(beta), Fraction(eps))
    assert exactly(y) == [one.value for one in expected]
    assert mean is var is None


@few
@given(FOUR, FOUR, QUARTER)
def test_gradients_are_derivatives_of_the_output(x, dy, gamma):
    """dx, dgamma and dbeta are the derivatives of ``sum dy y``, in fractions."""
    eps, beta = square_eps(x), 0.25
    dx, dgamma, dbeta = FORMULAS.train_vjp(
        column(dy), column(x), np.array([gamma]), np.array([beta]), eps=eps
    )

    def slope(x, gamma, beta):
        y = hyperdual.train(x, gamma, beta, Fraction(eps))
        return sum(g * one.a for g, one in zip(dy, y, strict=True))

    here, step = Fraction(gamma), Fraction(1)
    along = [slope(perturb(x, unit(k)), here, Fraction(beta)) for k in range(4)]
    assert exactly(dx) == along
    assert exactly(dgamma) == [slope(perturb(x), hyperdual.Dual(here, step), Fraction(beta))]
    assert exactly(dbeta) == [slope(perturb(x), here, hyperdual.Dual(Fraction(beta), step))]


@few
@given(FOUR, FOUR, QUARTER)
def test_the_input_gradient_sums_to_zero(x, dy, gamma):
    """``sum dx = 0``, exactly: the output does not change when x is shifted."""
    dx, _, _ = FORMULAS.train_vjp(column(dy), column(x), np.array([gamma]), None, eps=square_eps(x))
    assert dx.sum() == 0


@few
@given(FOUR, FOUR, QUARTER, st.booleans())
def test_what_the_input_gradient_has_along_xhat_is_left_by_eps(x, dy, gamma, vanishes):
    """``sum dx xhat = gamma dgamma eps/s^3``, exactly; with eps = 0 it is 0."""
    x = [-4, 4, 4, -4] if vanishes else x
    eps = 0.0 if vanishes else square_eps(x)
    dx, dgamma, _ = FORMULAS.train_vjp(column(dy), column(x), np.array([gamma]), None, eps=eps)
    xhat, _, _, s = FORMULAS.normalise(column(x), eps)
    (root,), (slope,) = exactly(s), exactly(dgamma)
    seen = sum(a * b for a, b in zip(exactly(dx), exactly(xhat), strict=True))
    assert seen == Fraction(gamma) * slope * Fraction(eps) / root**3


def test_running_statistics_by_hand():
    """Channels (0, 2) and (2, 6): means 1 and 4, unbiased variances 2 and 8; momentum 1/4 weighs
    them."""
    x = np.array([[0.0, 2.0], [2.0, 6.0]])
    running = np.array([8.0, -4.0]), np.array([4.0, 16.0])
    _, mean, var = FORMULAS.train(x, None, None, *running, eps=1.0, momentum=0.25)
    assert mean.tolist() == [6.25, -2.0]
    assert var.tolist() == [3.5, 14.0]
    assert running[0].tolist() == [8.0, -4.0]


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 2, 1, 2), (1, 2, 2, 1, 2)], ids=str)
def test_every_axis_but_the_channels_is_one_batch(shape):
    """Positions and samples count alike: the same values in another shape have the same
    statistics."""
    values = np.array([[0.0, 3.0], [1.0, -2.0], [5.0, 7.0], [2.0, 0.0]])
    whole = FORMULAS.normalise(values, 1.0)
    x = np.moveaxis(values.reshape(shape[0], *shape[2:], 2), -1, 1)
    parts = FORMULAS.normalise(x, 1.0)
    assert parts[1].shape == (1, 2, *(1,) * (len(shape) - 2))
    for one, other in zip(whole, parts, strict=True):
        assert np.array_equal(np.moveaxis(other, 1, -1).reshape(-1, 2), one)


def test_inference_and_its_gradients_by_hand():
    """One sample, ``mu_r = (1, -2)``, ``s_r = (2, 4)``: the statistics are constants, so dx is
    ``gamma/s_r dy``."""
    x, dy = np.array([[5.0, 6.0]]), np.array([[1.0, -3.0]])
    gamma, beta = np.array([3.0, -2.0]), np.array([0.5, 1.0])
    statistics = np.array([1.0, -2.0]), np.array([3.0, 15.0])
    assert FORMULAS.infer(x, gamma, beta, *statistics, eps=1.0).tolist() == [[6.5, -3.0]]
    dx, dgamma, dbeta = FORMULAS.infer_vjp(dy, x, gamma, beta, *statistics, eps=1.0)
    assert dx.tolist() == [[1.5, 1.5]]
    assert (dgamma.tolist(), dbeta.tolist()) == ([2.0, -6.0], [1.0, -3.0])


def test_absent_parameters_are_one_and_zero_and_have_no_gradient():
    """Each of gamma and beta alone, in training and at inference."""
    x, dy = np.array([[0.0], [2.0]]), np.array([[1.0], [5.0]])
    one, zero = np.ones(1), np.zeros(1)
    statistics = np.array([1.0]), np.array([1.0])
    for gamma, beta in ((None, zero), (one, None), (None, None)):
        y, _, _ = FORMULAS.train(x, gamma, beta, None, None, eps=3.0, momentum=0.5)
        assert y.tolist() == [[-0.5], [0.5]]
        assert np.array_equal(FORMULAS.infer(x, gamma, beta, *statistics, eps=3.0), y)
        for gradients in (
            FORMULAS.train_vjp(dy, x, gamma, beta, eps=3.0),
            FORMULAS.infer_vjp(dy, x, gamma, beta, *statistics, eps=3.0),
        ):
            present = [gradient is not None for gradient in gradients]
            assert present == [True, gamma is not None, beta is not None]


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    """0 and 512 have squares beyond float16 and sums beyond bfloat16's digits; y and dx come back
    in half, dgamma in float32."""
    x, dy = np.array([[0], [512]]).astype(dtype), np.array([[1], [2.0**-7 + 1]]).astype(dtype)
    y, _, _ = FORMULAS.train(x, None, None, None, None, eps=0.0, momentum=0.5)
    assert (y.dtype, y.astype(float).tolist()) == (dtype, [[-1.0], [1.0]])
    dx, dgamma, dbeta = FORMULAS.train_vjp(dy, x, np.ones(1, np.float32), np.ones(1), eps=0.0)
    assert dx.dtype == dtype
    assert (dgamma.dtype, dgamma.tolist()) == (np.float32, [2.0**-7])
    assert dbeta.tolist() == [2 + 2.0**-7]


@pytest.mark.parametrize(
    ("x", "eps", "error"),
    [
        (np.ones((1,) * 6), 0.0, ValueError),
        (np.ones((2, 2), complex), 0.0, TypeError),
        (np.ones((2, 3, 0)), 0.0, ValueError),
    ],
    ids=["rank 6", "complex", "no positions"],
)
def test_what_has_no_batch_norm_is_refused_in_one_line(x, eps, error):
    """Too many axes, numbers that are not real, and axes without positions."""
    with pytest.raises(error) as refused:
        check_input(x, eps)
    assert "\n" not in str(refused.value)


def test_the_edges_that_are_accepted():
    """Ranks 2 and 5, eps = 0, one value, and bfloat16 pass."""
    check_input(np.ones((1, 1)), 0.0)
    check_input(np.ones((1, 1, 1, 1, 1), ml_dtypes.bfloat16), 0.0)
