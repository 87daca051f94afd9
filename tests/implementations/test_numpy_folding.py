"""Folding, exactly: the folded layer does what the layer and the batch norm after it do."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.implementations.numpy_folding import Folding
from bnproof.implementations.numpy_formulas import Formulas

FOLDING, FORMULAS = Folding(), Formulas()
few = settings(max_examples=25)

WHOLE = st.integers(-4, 4).map(float)
PAIR = st.lists(WHOLE, min_size=2, max_size=2).map(np.array)
# with eps = 1 these have the roots 2, 4 and 8, which divide without rounding
VARIANCES = st.lists(st.sampled_from([3.0, 15.0, 63.0]), min_size=2, max_size=2).map(np.array)


@few
@given(st.lists(WHOLE, min_size=6, max_size=6), PAIR, PAIR, PAIR, PAIR, VARIANCES, st.booleans())
def test_a_folded_linear_layer_is_layer_then_batch_norm(
    weights, bias, gamma, beta, mean, var, bare
):
    """``W' u + b' = BN(W u + b)`` exactly; absent parameters included."""
    if bare:
        bias = gamma = beta = None
    weight, u = np.array(weights).reshape(2, 3), np.array([[1.0, -2.0, 3.0], [0.0, 5.0, 1.0]])
    folded, shift = FOLDING.fold(
        weight, bias, gamma, beta, mean, var, eps=1.0, kind="linear", groups=1
    )
    h = u @ weight.T + (0 if bias is None else bias)
    assert np.array_equal(u @ folded.T + shift, FORMULAS.infer(h, gamma, beta, mean, var, eps=1.0))


@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
@pytest.mark.parametrize("groups", [1, 2])
def test_a_folded_convolution_is_layer_then_batch_norm(kind, groups):
    """PyTorch's own convolution on whole numbers, four channels in one group or two, is folded
    exactly."""
    random = np.random.default_rng(5)
    inside = {"conv": (4, 6 // groups, 3), "conv_transpose": (6, 4 // groups, 3)}[kind]
    weight, u = (random.integers(-4, 5, size=size).astype(float) for size in (inside, (2, 6, 5)))
    bias, gamma, beta, mean = random.integers(-4, 5, size=(4, 4)).astype(float)
    var = np.array([3.0, 15.0, 63.0, 255.0])
    convolve = {"conv": torch.nn.functional.conv1d, "conv_transpose": torch.conv_transpose1d}[kind]

    def layer(weight, bias):
        tensors = (torch.tensor(values) for values in (u, weight, bias))
        return convolve(*tensors, groups=groups).numpy()

    folded = FOLDING.fold(weight, bias, gamma, beta, mean, var, eps=1.0, kind=kind, groups=groups)
    expected = FORMULAS.infer(layer(weight, bias), gamma, beta, mean, var, eps=1.0)
    assert np.array_equal(layer(*folded), expected)


def test_the_scale_by_hand():
    """gamma = (3, -2) over the roots 2 and 4 of 3 + 1 and 15 + 1; without gamma, over 1."""
    var = np.array([3.0, 15.0])
    assert FOLDING.compute_fold_scale(np.array([3.0, -2.0]), var, 1.0).tolist() == [1.5, -0.5]
    assert FOLDING.compute_fold_scale(None, var, 1.0).tolist() == [0.5, 0.25]


def test_a_transposed_convolution_has_its_outputs_on_axis_1_of_their_group():
    """Two inputs and two outputs in two groups: row o is scaled by the output of its group."""
    weight = np.ones((2, 1, 3))
    rows = FOLDING.fold_weight(weight, np.array([2.0, 5.0]), "conv_transpose", 2)
    assert rows.tolist() == [[[2.0] * 3], [[5.0] * 3]]
    columns = FOLDING.fold_weight(np.ones((3, 2)), np.array([2.0, 5.0]), "conv_transpose", 1)
    assert columns.tolist() == [[2.0, 5.0]] * 3


def test_the_answer_has_the_dtype_of_the_weight():
    """float32 weights and float64 statistics, and the reverse."""
    for inner, outer in (("float32", "float64"), ("float64", "float32")):
        one = np.ones(2, outer)
        folded = FOLDING.fold(
            np.ones((2, 3), inner), None, one, one, one, one, eps=0.0, kind="linear", groups=1
        )
        assert {values.dtype.name for values in folded} == {inner}
