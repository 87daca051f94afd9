"""The double backward of the NumPy reference, exactly: against second derivatives in fractions."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings

from bnproof.implementations.numpy_double import DoubleBackward
from tests.implementations import hyperdual
from tests.implementations.hyperdual import (
    FOUR,
    QUARTER,
    Dual,
    column,
    exactly,
    perturb,
    square_eps,
    unit,
)

DOUBLE = DoubleBackward()
few = settings(max_examples=25)


@few
@given(FOUR, FOUR, FOUR, QUARTER)
def test_it_is_the_second_derivative_of_the_output(x, dy, ddx, gamma):
    """``sum ddx dx`` is the derivative of ``sum dy y`` along ddx; its derivatives by dy, x and
    gamma are what comes back, in fractions."""
    eps = square_eps(x)
    d_dy, d_x, d_gamma = DOUBLE.train_double_vjp(
        column(ddx), column(dy), column(x), np.array([gamma]), eps=eps
    )
    here = Fraction(gamma)
    by_dy = [one.a for one in hyperdual.train(perturb(x, ddx), here, 0, Fraction(eps))]

    def bend(x, gamma):
        y = hyperdual.train(x, gamma, 0, Fraction(eps))
        return sum(g * one.ab for g, one in zip(dy, y, strict=True))

    assert exactly(d_dy) == by_dy
    assert exactly(d_x) == [bend(perturb(x, ddx, unit(k)), here) for k in range(4)]
    assert exactly(d_gamma) == [bend(perturb(x, ddx), Dual(here, b=Fraction(1)))]


@few
@given(FOUR, FOUR, FOUR, QUARTER)
def test_exchanging_both_upstream_gradients_leaves_what_x_gets(x, dy, ddx, gamma):
    """The form ``sum h dx(g)`` is symmetric in g and h, and so are its derivatives by x and
    gamma."""
    arguments = column(x), np.array([gamma])
    _, one, slope = DOUBLE.train_double_vjp(column(ddx), column(dy), *arguments, eps=square_eps(x))
    _, other, exchanged = DOUBLE.train_double_vjp(
        column(dy), column(ddx), *arguments, eps=square_eps(x)
    )
    assert np.array_equal(one, other)
    assert np.array_equal(slope, exchanged)


def test_projecting_takes_out_the_mean_and_what_lies_along_xhat():
    """By hand: with xhat = (-1, -1, 1, 1), g = (1, 2, 3, 6) has mean 3 and c = 3/2; what is left is
    orthogonal to 1 and to xhat."""
    left, c = DOUBLE.project(column([1, 2, 3, 6]), column([-1, -1, 1, 1]))
    assert c.tolist() == [[1.5]]
    assert left.ravel().tolist() == [-0.5, 0.5, -1.5, 1.5]


def test_channels_do_not_mix():
    """Two channels at once are each as they are alone."""
    batch = [
        np.array(values, float)
        for values in (
            [[1, 2], [3, 1], [0, 5], [2, 4]],
            [[1, 0], [0, 1], [2, -3], [1, 1]],
            [[0, 4], [4, 0], [0, 0], [4, 4]],
        )
    ]
    gamma = np.array([3.0, -1.0])
    together = DOUBLE.train_double_vjp(*batch, gamma, eps=12.0)
    for channel in (0, 1):
        chosen = slice(channel, channel + 1)
        alone = DOUBLE.train_double_vjp(
            *(values[:, chosen] for values in batch), gamma[chosen], eps=12.0
        )
        for one, other in zip(together, alone, strict=True):
            assert np.array_equal(one[..., chosen], other)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_without_gamma_it_counts_as_one_and_half_comes_back_as_half(dtype):
    """d_gamma is ``None``; d_dy and d_x are those of gamma = 1, in x's dtype."""
    ddx, dy, x = (
        column(values).astype(dtype) for values in ([1, 2, 0, 1], [3, 0, 1, 1], [0, 4, 4, 0])
    )
    without = DOUBLE.train_double_vjp(ddx, dy, x, None, eps=0.0)
    ones = DOUBLE.train_double_vjp(ddx, dy, x, np.ones(1, np.float32), eps=0.0)
    assert without[2] is None
    assert ones[2].dtype == np.float32
    for one, other in zip(without[:2], ones[:2], strict=True):
        assert one.dtype == dtype
        assert np.array_equal(one.astype(float), other.astype(float))
