"""The closed forms on numbers: batches of two and four values, worked by hand in fractions.

A batch of two values has a spread d, half their difference, and ``s = sqrt(d^2 + eps)``.  Its
outputs are ``beta -+ gamma d/s``, and ``d/s`` has the derivative ``eps/s^3``.  Every gradient of
two values follows from that alone.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.lowering.numbers import Rationals
from bnproof.lowering.program import lower
from bnproof.symbolic.setting import Batch, batch, i, k, x
from bnproof.theorems import closed_forms
from tests.implementations.hyperdual import perturb, train, unit

RATIONALS = Rationals()
# Four values with mean 4 and variance 5, so that eps = 4 gives s = 3.
FOUR = {"x": [1, 3, 5, 7], "g": [3, 0, -1, 2], "h": [1, 4, -2, 6], "eps": 4, "gamma": 2, "beta": 1}


def at(formula, inputs, *free):
    """The exact values of a formula, as fractions in nested lists, for one channel."""
    arrays = {
        name: RATIONALS.array([[one] for one in value])
        if isinstance(value, list)
        else Fraction(value)
        for name, value in inputs.items()
    }
    found = lower(formula, *free)(RATIONALS, arrays)
    return found[..., 0].tolist() if free else np.ravel(found)[0]


@st.composite
def two_values(draw):
    """Two values of each array, with a rational s, and what the formulas by hand need."""
    number = st.fractions(-4, 4, max_denominator=4)
    d = draw(number)
    s = abs(d) + draw(st.fractions(Fraction(1, 4), 4, max_denominator=4))
    mean, gamma, beta = draw(number), draw(number), draw(number)
    g, h = (draw(st.lists(number, min_size=2, max_size=2)) for _ in "gh")
    values = {"x": [mean - d, mean + d], "eps": s**2 - d**2, "gamma": gamma, "beta": beta}
    return values | {"g": g, "h": h}, d, s


@settings(max_examples=20)
@given(two_values())
def test_first_gradients_of_two_values(drawn):
    """L = (g_2 - g_1) gamma d/s + (g_1 + g_2) beta has the gradients that the rules for d/s
    give."""
    values, d, s = drawn
    (g1, g2), gamma = values["g"], values["gamma"]
    # d rises by half of what x_2 rises by, and falls by half of what x_1 does.
    half = gamma * (g2 - g1) * values["eps"] / s**3 / 2
    assert at(closed_forms.dx(k), values, k) == [-half, half]
    assert at(closed_forms.dgamma, values) == (g2 - g1) * d / s
    assert at(closed_forms.dbeta, values) == g1 + g2
    assert at(closed_forms.loss, values) == gamma * (g2 - g1) * d / s + (g1 + g2) * values["beta"]


@settings(max_examples=20)
@given(two_values())
def test_second_gradients_of_two_values(drawn):
    """L = (h_2 - h_1)/2 (g_2 - g_1) gamma eps/s^3, the second loss, is differentiated once more."""
    values, d, s = drawn
    (g1, g2), (h1, h2) = values["g"], values["h"]
    gamma, eps = values["gamma"], values["eps"]
    along, across = (h2 - h1) / 2, g2 - g1
    assert at(closed_forms.dx_loss, values) == along * across * gamma * eps / s**3
    assert at(closed_forms.d_gamma, values) == along * across * eps / s**3
    by_g = along * gamma * eps / s**3
    assert at(closed_forms.d_dy(k), values, k) == [-by_g, by_g]
    # s^-3 falls by 3 d/s^5 as d rises.
    by_x = -3 * along * across * gamma * eps * d / s**5 / 2
    assert at(closed_forms.d_x(k), values, k) == [-by_x, by_x]


def test_first_gradients_of_four_values():
    """Entry by entry, as the arithmetic of Algorithm 1 carries a change of one value along."""
    g = FOUR["g"]
    expected = [
        sum(
            weight * y.a
            for weight, y in zip(g, train(perturb(FOUR["x"], unit(n)), 2, 1, 4), strict=True)
        )
        for n in range(4)
    ]
    # x - mu = -3, -1, 1, 3 and s = 3, so that sum g xhat = -3 + 0 - 1/3 + 2.
    assert at(closed_forms.dgamma, FOUR) == Fraction(-4, 3)
    assert at(closed_forms.dx(k), FOUR, k) == expected


def test_second_gradients_of_four_values():
    """By x they are the mixed second derivatives along h and each value; by g and gamma, in which
    dx is linear, they are dx itself for other arguments."""
    mixed = [train(perturb(FOUR["x"], FOUR["h"], unit(n)), 2, 1, 4) for n in range(4)]
    expected = [
        sum(weight * y.ab for weight, y in zip(FOUR["g"], row, strict=True)) for row in mixed
    ]
    assert at(closed_forms.d_x(k), FOUR, k) == expected
    changed = train(perturb(FOUR["x"], FOUR["h"]), 2, 1, 4)
    assert at(closed_forms.d_dy(k), FOUR, k) == [y.a for y in changed]
    by_gamma = sum(weight * y.a for weight, y in zip(FOUR["g"], changed, strict=True)) / 2
    assert at(closed_forms.d_gamma, FOUR) == by_gamma


@pytest.mark.parametrize("factor", [1, 2])
def test_the_jacobian_is_that_by_the_entries_of_the_batch(factor):
    """Row i, column k of the scaled batch is how output i moves with its own entry k, and not with
    the entry k of the x that it is made from."""
    # The variance is 5 factor^2; this eps makes s = 3 factor.
    inputs = FOUR | {"eps": 4 * factor**2}
    scaled = [factor * one for one in inputs["x"]]
    columns = [train(perturb(scaled, unit(n)), 2, 1, inputs["eps"]) for n in range(4)]
    entry = closed_forms.jacobian(batch if factor == 1 else Batch(lambda r: factor * x[r]))
    found = at(entry(i, k), inputs, i, k)
    assert found == [[column[row].a for column in columns] for row in range(4)]


def test_both_collapsed_maps_give_the_outputs():
    """gamma' x + beta' with the statistics of the batch, or with the running ones."""
    values = FOUR | {"mu_r": 2, "v_r": 21}
    # xhat = -1, -1/3, 1/3, 1 in training; s_r = 5 at inference.
    third = Fraction(1, 3)
    training = [-1, third, 5 * third, 3]
    inference = [Fraction(n, 5) for n in (3, 7, 11, 15)]
    for slope, offset, expected in (
        (closed_forms.gamma_collapsed, closed_forms.beta_collapsed, training),
        (closed_forms.gamma_inference, closed_forms.beta_inference, inference),
    ):
        assert at(slope * x[i] + offset, values, i) == expected
    assert at(closed_forms.infer_y(i), values, i) == inference


def test_inference_has_the_gradients_of_an_affine_map():
    """With mu_r = 2, v_r = 21 and eps = 4 the map is 2 (x - 2)/5 + 1."""
    values = FOUR | {"mu_r": 2, "v_r": 21}
    assert at(closed_forms.infer_dx(k), values, k) == [Fraction(2 * one, 5) for one in FOUR["g"]]
    # (3 (1 - 2) + 0 - (5 - 2) + 2 (7 - 2))/5.
    assert at(closed_forms.infer_dgamma, values) == Fraction(4, 5)
    # Twice that, and once the sum of g.
    assert at(closed_forms.infer_loss, values) == Fraction(8, 5) + 4


def test_running_statistics_move_by_alpha():
    """From mean 10 and variance 1 a quarter of the way to mean 4 and variance 5, or 20/3 with
    Bessel's correction."""
    values = {"x": FOUR["x"], "mu_r": 10, "v_r": 1, "alpha": Fraction(1, 4)}
    by_hand = {
        closed_forms.running_mean: Fraction(17, 2),
        closed_forms.running_var_biased: Fraction(2),
        closed_forms.running_var_unbiased: Fraction(29, 12),
    }
    assert [at(formula, values) for formula in by_hand] == list(by_hand.values())
    # Where it has no weight the old mean is kept, and where it has all of it the new one is taken.
    means = [at(closed_forms.running_mean, values | {"alpha": alpha}) for alpha in (0, 1)]
    assert means == [10, 4]
