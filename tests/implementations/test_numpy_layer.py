"""The NumPy layer with state: sequences worked by hand."""

import numpy as np
import pytest

from bnproof.implementations.numpy_layer import NumpyLayer


def column(*values):
    """A batch of one channel."""
    return np.array(values, float).reshape(-1, 1)


def test_a_sequence_by_hand():
    """Two training steps and one at inference: running mean 0, 1, 3.5; variance 1, 5, 6.5."""
    layer = NumpyLayer(1, eps=0.5, momentum=0.5)
    layer.forward(column(-1, 5, 2), training=True)  # mean 2, unbiased variance 9
    assert [layer.state[f].tolist() for f in ("running_mean", "running_var")] == [[1.0], [5.0]]
    layer.forward(column(4, 8), training=True)  # mean 6, unbiased variance 8
    assert [layer.state[f].tolist() for f in ("running_mean", "running_var")] == [[3.5], [6.5]]
    layer.eps = 2.5  # root of 9
    assert layer.forward(column(9.5), training=False).tolist() == [[2.0]]
    assert layer.state["running_mean"].tolist() == [3.5]


def test_backward_belongs_to_its_forward():
    """Neither another state nor a batch that changes afterwards reaches it: gamma 1, and x as it
    was."""
    layer = NumpyLayer(1, eps=3.0, momentum=0.5)
    x = column(0, 2)
    layer.forward(x, training=True)
    layer.state = layer.state | {"gamma": np.array([7.0])}
    x += 1000 * column(1, 2)
    dx, dgamma, dbeta = layer.backward(column(1, 5))
    # xhat = -+1/2, s = 2, c = mean g xhat = 1: dx = (g - 3 - c xhat)/2
    assert dx.ravel().tolist() == [-0.75, 0.75]
    assert (dgamma.tolist(), dbeta.tolist()) == ([2.0], [6.0])


def test_backward_after_inference_has_no_cross_terms():
    """The statistics of that step divide, not those of a later one."""
    layer = NumpyLayer(1, eps=0.0, momentum=0.5)
    layer.state = layer.state | {"running_var": np.array([16.0])}
    layer.forward(column(0, 2), training=False)
    layer.state = layer.state | {"running_var": np.array([4.0])}
    dx, dgamma, _ = layer.backward(column(1, 5))
    assert dx.ravel().tolist() == [0.25, 1.25]
    assert dgamma.tolist() == [2.5]


@pytest.mark.parametrize("training", [True, False])
def test_without_running_statistics_the_batch_normalises(training):
    """In both modes, forwards and backwards; there is nothing to track."""
    layer = NumpyLayer(1, eps=3.0, momentum=0.5, affine=False, track_running_stats=False)
    assert layer.forward(column(0, 2), training=training).ravel().tolist() == [-0.5, 0.5]
    dx, *slopes = layer.backward(column(1, 5))
    assert dx.ravel().tolist() == [-0.75, 0.75]
    assert slopes == [None, None]
    assert set(layer.state.values()) == {None}


def test_the_state_is_given_and_taken_as_copies():
    """Changing what was assigned or read does not change the layer."""
    layer = NumpyLayer(1, eps=1.0, momentum=0.5)
    gamma = np.array([2.0])
    layer.state = layer.state | {"gamma": gamma}
    gamma += 1
    layer.state["gamma"] += 1
    assert layer.state["gamma"].tolist() == [2.0]


def test_a_batch_that_raises_changes_nothing():
    """One value per channel: statistics stay, and backward is still of the forward before."""
    layer = NumpyLayer(1, eps=3.0, momentum=0.5)
    with pytest.raises(RuntimeError, match="needs a forward first"):
        layer.backward(column(1))
    layer.forward(column(0, 2), training=True)
    before, gradients = layer.state, layer.backward(column(1, 5))
    with pytest.raises(ValueError, match="more than one value"):
        layer.forward(column(1), training=True)
    assert layer.state == before
    assert all(map(np.array_equal, layer.backward(column(1, 5)), gradients))
