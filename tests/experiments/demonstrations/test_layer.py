"""Gradients and steps of a linear layer in front of batch normalisation, by hand."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from bnproof.experiments.demonstrations.layer import descend, layer_gradients
from bnproof.experiments.demonstrations.material import BATCH

# W u is -1 or 1, so that mu = 0, v = 1 and, with eps = 0, xhat = x. Two inputs that differ.
INPUTS = np.array([[1.0, 2.0], [2.0, 1.0], [0.0, 1.0], [3.0, 2.0]])
WEIGHT = np.array([[1.0, -1.0]])
XHAT = (-1, 1, -1, 1)
WANTED = np.array([[1.0], [0.0], [0.0], [0.0]])
DATA = SimpleNamespace(layer_batches=[(INPUTS, WANTED)] * 3, weight=WEIGHT)


def derive():
    """``dx_k = (m g_k - sum g - xhat_k sum g xhat)/(m s)`` in fractions, with gamma = s = 1."""
    g = [Fraction(h) - Fraction(int(t)) for h, (t,) in zip(XHAT, WANTED, strict=True)]
    aligned = sum(a * b for a, b in zip(g, XHAT, strict=True))
    return [(4 * a - sum(g) - h * aligned) / 4 / BATCH for a, h in zip(g, XHAT, strict=True)]


def test_gradients_by_hand():
    """Of the squared loss: dx W for the inputs, and the sum of dx u for W."""
    of_inputs, of_weight = layer_gradients(DATA, WEIGHT, 0.0)
    dx = derive()
    assert any(dx)
    assert of_inputs.tolist() == [[float(d), float(-d)] for d in dx]
    columns = INPUTS.T.astype(int).tolist()
    assert of_weight.tolist() == [
        [float(sum(d * u for d, u in zip(dx, column, strict=True))) for column in columns]
    ]


def test_the_weights_gradient_is_orthogonal_to_them():
    """Exactly where eps is 0, and no longer with an eps of 3."""
    assert (layer_gradients(DATA, WEIGHT, 0.0)[1] * WEIGHT).sum() == 0
    assert (layer_gradients(DATA, WEIGHT, 3.0)[1] * WEIGHT).sum() != 0


@pytest.mark.parametrize("normalising", [True, False])
def test_steps_follow_each_other(normalising):
    """One for each mini-batch, each from where the last one ended, against the gradient."""
    steps = list(descend(DATA, 0.5, normalising=normalising))
    assert len(steps) == 3
    assert np.array_equal(steps[0].before, WEIGHT)
    for step, later in zip(steps, [*steps[1:], None], strict=True):
        assert np.array_equal(step.after, step.before - 0.5 * step.gradient)
        assert np.array_equal(step.x, INPUTS @ step.before.T)
        assert later is None or np.array_equal(later.before, step.after)
    assert np.array_equal(DATA.weight, WEIGHT)


def test_without_normalising_the_loss_is_that_of_the_plain_layer():
    """Its gradient is ``(W u - t)/m`` times u."""
    (first, *_) = descend(DATA, 0.5, normalising=False)
    g = [[float(Fraction(h - int(t), BATCH))] for h, (t,) in zip(XHAT, WANTED, strict=True)]
    assert first.g.tolist() == g
    # -2 (1, 2) + 1 (2, 1) - 1 (0, 1) + 1 (3, 2) = (3, -2).
    assert first.gradient.tolist() == [[3 / BATCH, -2 / BATCH]]
