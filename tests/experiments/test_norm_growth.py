"""The growth of a row's norm in one step, by hand and against fractions."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.experiments.norm_growth import Growth, measure_growth, predict_inner_product
from bnproof.implementations.torch_training import TrainingStep

ETA, EPS = 0.5, 3.0


def step_of(weight, gradient, moved=None, **further):
    """A step of rows of W; the rest is only needed for a prediction."""
    weight, gradient = np.array(weight), np.array(gradient)
    moved = weight - ETA * gradient if moved is None else np.array(moved)
    rest = dict.fromkeys(("inputs", "x", "g", "scale"), np.zeros(0))
    return TrainingStep(7.0, weight, gradient, moved, **(rest | further))


# One unit with one input: x = u = (-1, 1, -1, 1), so that mu = 0, v = 1 and, with eps = 3, s = 2.
# With gamma = 2 and g = (1, 0, 0, 0): dx_k = g_k - 1/4 + xhat_k/8 and G = sum_k dx_k u_k = -3/4.
U = np.array([[-1.0], [1.0], [-1.0], [1.0]])
PLAIN = step_of(
    [[1.0]], [[-0.75]], inputs=U, x=U, g=np.array([[1.0], [0.0], [0.0], [0.0]]),
    scale=np.array([2.0]),
)  # fmt: skip


def test_growth_by_hand():
    """W = (3, 4), G = (1, 0), eta = 1/2: |W'|^2 - |W|^2 = 22.25 - 25, whatever normalises."""
    growth = measure_growth(step_of([[3.0, 4.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 0.0]]), ETA, None)
    assert growth.norm.tolist() == [5.0, 1.0]
    assert growth.measured.tolist() == growth.expanded.tolist() == [-2.75, 0.0]
    assert growth.squared.tolist() == [0.25, 0.0]
    # A row without a gradient has the cosine 0.
    assert growth.cosine.tolist() == [3 / 5, 0.0]
    assert growth.loss == 7.0
    assert growth.predicted is None
    assert growth.predicted_rounding is None


# Apart from 0, so that no product underflows: rounding alone is what is bounded.
NUMBERS = st.floats(2.0**-20, 1e3) | st.floats(-1e3, -(2.0**-20))


@settings(max_examples=25)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=4))
def test_rounding_explains_the_difference(pairs):
    """Measured and expanded growth differ by no more than is said, and each is as near to what it
    is in fractions."""
    weight, gradient = ([[pair[part] for pair in pairs]] for part in (0, 1))
    step = step_of(weight, gradient)
    growth = measure_growth(step, ETA, None)
    rounding = Fraction(growth.rounding.item())
    W, G, moved = (
        [Fraction(value) for value in array[0]]
        for array in (step.weight, step.gradient, step.moved)
    )
    exact = sum(value**2 for value in moved) - sum(value**2 for value in W)
    expanded = sum((w - g / 2) ** 2 for w, g in zip(W, G, strict=True)) - sum(w**2 for w in W)
    assert abs(Fraction(growth.measured.item()) - Fraction(growth.expanded.item())) <= rounding
    assert abs(Fraction(growth.measured.item()) - exact) <= rounding
    assert abs(Fraction(growth.expanded.item()) - expanded) <= rounding


def test_the_inner_product_by_hand():
    """``<W, G> = gamma eps/s^2 sum g xhat``, which is 2*3/4*(-1/2); the bound is positive and
    small."""
    product, bound = predict_inner_product(PLAIN, EPS)
    assert product.tolist() == [-0.75]
    assert product.tolist() == (PLAIN.weight * PLAIN.gradient).sum(axis=1).tolist()
    # Some dozens of roundings of numbers up to 1, in units of 2^-53.
    assert 0 < bound.item() < 2.0**-43


def test_the_prediction_has_the_term_of_eps():
    """``eta^2 |G|^2 - 2 eta <W, G>`` is the measured growth; without its second term it is not."""
    growth = measure_growth(PLAIN, ETA, EPS)
    # W' = 1 + 3/8.
    assert growth.measured.tolist() == growth.predicted.tolist() == [(11 / 8) ** 2 - 1]
    assert growth.squared.tolist() == [(3 / 8) ** 2]
    assert growth.rounding_ratio(growth.predicted, growth.predicted_rounding) == 0
    assert growth.rounding_ratio(growth.squared, growth.predicted_rounding) > 1
    assert np.all(growth.predicted_rounding > growth.rounding)


def test_the_ratio_is_that_of_the_worst_row():
    """In units of what rounding explains of each row, either way off."""
    zeros = np.zeros(3)
    growth = Growth(0.0, zeros, np.array([5.0, 1.0, 2.0]), zeros, zeros, zeros, zeros)
    prediction, rounding = np.array([4.0, 4.0, 2.0]), np.array([0.25, 2.0, 1.0])
    assert growth.rounding_ratio(prediction, rounding) == 4
    assert growth.rounding_ratio(prediction, np.array([2.0, 1.0, 1.0])) == 3
