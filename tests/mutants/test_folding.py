"""Models of folding bugs: weights and biases worked by hand, with scales that are powers of two."""

import numpy as np
import pytest

from bnproof.mutants.catalogue import list_mutants

WEIGHT = np.array([[1.0, 2.0], [3.0, 5.0]])
BIAS = np.array([10.0, 20.0])
GAMMA, BETA = np.array([1.0, 8.0]), np.array([7.0, 9.0])
MEAN, VAR, EPS = np.array([1.0, 2.0]), np.array([1.0, 13.0]), 3.0
SCALE = np.array([0.5, 2.0])  # gamma/sqrt(v_r + eps)
SHIFT = SCALE * (BIAS - MEAN) + BETA  # (11.5, 45)


def fold(name, weight=WEIGHT, bias=BIAS, gamma=GAMMA, kind="linear", groups=1):
    """A fold by a new instance of a mutant, on copies."""
    implementation = list_mutants()[name].make() if isinstance(name, str) else name
    bias = None if bias is None else bias.copy()
    return implementation.fold(
        weight, bias, gamma, BETA, MEAN, VAR, eps=EPS, kind=kind, groups=groups
    )


BIASES = {
    "O01": BIAS + BETA - SCALE * MEAN,
    "O10": SHIFT,
    "O17": SCALE * (SHIFT - MEAN) + BETA,
    "O24": SHIFT,
}


@pytest.mark.parametrize("name", BIASES)
def test_a_bias_is_the_one_that_is_named(name):
    """Not scaled, right for gamma other than 0, folded twice, and right in another order."""
    np.testing.assert_array_equal(fold(name)[1], BIASES[name])


def test_a_layer_without_bias_gets_none_or_zeros():
    """O02 returns ``None`` and O03 zeros where ``beta - gamma' mu_r`` belongs; with a bias both are
    right."""
    assert fold("O02", bias=None)[1] is None
    np.testing.assert_array_equal(fold("O03", bias=None)[1], [0, 0])
    for name in ("O02", "O03"):
        np.testing.assert_array_equal(fold(name)[1], SHIFT)


def test_a_gamma_of_zero_makes_one_bias_nan():
    """The other output keeps its bias."""
    _, bias = fold("O10", gamma=np.array([0.0, 8.0]))
    assert np.isnan(bias[0])
    assert bias[1] == SHIFT[1]


def test_transposed_weights_are_scaled_along_the_wrong_axis():
    """Row by row instead of column by column; with three inputs the scale is repeated to fit."""
    wide = np.array([[1.0, 2.0], [3.0, 5.0], [7.0, 11.0]])
    kernel = wide[:, :, None]
    folded = fold("O04", weight=kernel, kind="conv_transpose")[0][:, :, 0]
    np.testing.assert_array_equal(folded, wide * np.array([[0.5], [2.0], [0.5]]))
    np.testing.assert_array_equal(fold("O04")[0], WEIGHT * SCALE[:, None])


def test_weights_are_scaled_where_they_lie():
    """O14 changes the caller's array, so that a second fold scales again."""
    weight = WEIGHT.copy()
    fold("O14", weight=weight)
    np.testing.assert_array_equal(weight, WEIGHT * SCALE[:, None])
    np.testing.assert_array_equal(fold("O14", weight=weight)[0], WEIGHT * SCALE[:, None] ** 2)


def test_weights_in_another_memory_order_are_misread():
    """A transposed array is read by its bytes, a contiguous one by its indices."""
    np.testing.assert_array_equal(fold("O21")[0], WEIGHT * SCALE[:, None])
    view = np.ascontiguousarray(WEIGHT.T).T
    np.testing.assert_array_equal(fold("O21", weight=view)[0], WEIGHT.T * SCALE[:, None])


def test_eps_is_zero_in_the_scale():
    """With ``v_r = 1`` the first scale is gamma itself."""
    assert fold("O22")[0][0, 0] == WEIGHT[0, 0] * GAMMA[0]


def test_the_weight_of_the_call_before_is_scaled():
    """The first call is right, the second scales the first one's weight, another shape its own."""
    model = list_mutants()["O23"].make()
    np.testing.assert_array_equal(fold(model)[0], WEIGHT * SCALE[:, None])
    np.testing.assert_array_equal(fold(model, weight=WEIGHT + 1)[0], WEIGHT * SCALE[:, None])
    other = np.ones((2, 3))
    np.testing.assert_array_equal(fold(model, weight=other)[0], other * SCALE[:, None])
