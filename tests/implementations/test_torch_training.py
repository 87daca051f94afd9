"""Gradient descent on small networks: a step worked by hand, in powers of two."""

import math

import numpy as np
import pytest
import torch

from bnproof.implementations.torch_training import Layer, Perceptron, use_one_thread

CLASSES = np.array([0, 0])


def column(*values):
    """Numbers as an array with one column."""
    return np.array(values, float).reshape(-1, 1)


def build(eps, *, scale=(3.0,)):
    """One unit ``scale h + shift`` with shift 1, ReLU, and two classes at weights 1 and -1."""
    first = Layer(column(2.0), np.array([1.0]), None if scale is None else np.array(scale))
    last = Layer(column(1.0, -1.0), np.array([-7.0, 7.0]))
    return Perceptron([first, last], nonlinearity="relu", eps=eps)


def test_a_step_by_hand():
    """Both samples have h = 2, z = 7 and equal outputs, so each class has probability 1/2; every
    gradient follows by the chain rule."""
    network = build(None)
    step = network.step(column(1, 1), CLASSES, rate=0.5, weight_rates=(0.25, 2.0))
    assert step.loss == math.log(2)
    seen = {name: getattr(step, name).ravel().tolist() for name in ("weight", "inputs", "x", "g")}
    assert seen == {"weight": [2.0], "inputs": [1.0, 1.0], "x": [2.0, 2.0], "g": [-0.5, -0.5]}
    # dL/dW = sum g scale u
    assert (step.gradient.tolist(), step.moved.tolist()) == ([[-3.0]], [[2.75]])
    assert step.scale.tolist() == [3.0]
    first, last = ({n: t.detach().numpy() for n, t in p.items()} for p in network.parameters)
    assert (first["shift"].tolist(), first["scale"].tolist()) == ([1.5], [4.0])
    assert (last["weight"].tolist(), last["shift"].tolist()) == ([[8.0], [-8.0]], [-6.75, 6.75])


def test_the_next_step_starts_where_this_one_ended():
    """Its weight is the moved one; a rate of 0 moves nothing."""
    network = build(None)
    moved = network.step(column(1, 1), CLASSES, rate=0, weight_rates=(0.25, 0)).moved
    step = network.step(column(1, 1), CLASSES, rate=0, weight_rates=(0, 0))
    assert np.array_equal(step.weight, moved)
    assert np.array_equal(step.moved, moved)


@pytest.mark.parametrize(
    ("eps", "scale", "expected"),
    [
        (12.0, (4.0,), [0.0, 3.0]),
        (12.0, None, [0.5, 1.5]),
        (None, (4.0,), [1.0, 17.0]),
        (None, None, [1.0, 5.0]),
    ],
    ids=["normalised", "without scale", "plain", "plain without scale"],
)
def test_outputs_by_hand(eps, scale, expected):
    """h = (0, 4), or with eps = 12 its normalised values -+1/2; ReLU of ``scale h + 1``, and the
    classes at plus and minus it."""
    outputs = build(eps, scale=scale).compute_outputs(column(0, 2))
    assert outputs.tolist() == [[value - 7, 7 - value] for value in expected]


def test_the_loss_is_a_mean_and_the_accuracy_a_share():
    """Equal outputs cost log 2, and the first class is named; one of two samples has it."""
    loss, accuracy = build(None).loss_and_accuracy(column(1, 1), np.array([0, 1]))
    assert (loss, accuracy) == (math.log(2), 0.5)


@pytest.mark.parametrize("wrong", [math.inf, math.nan])
def test_one_parameter_that_is_no_number_is_noticed(wrong):
    """In the last layer as well."""
    assert build(None).finite
    first, last = Layer(column(2.0), np.zeros(1)), Layer(column(1, -1), np.array([0.0, wrong]))
    for layers in ([first, last], [last, first]):
        assert not Perceptron(layers, nonlinearity="relu", eps=None).finite


def test_a_missing_scale_is_one_per_unit():
    """And a given one is itself."""
    assert Layer(column(1, 2, 3), np.array([5.0, 5.0, 5.0])).factor.tolist() == [1.0] * 3
    scale = np.array([4.0])
    assert Layer(column(1), np.array([0.0]), scale).factor is scale


def test_the_number_of_threads_comes_back():
    """Also where what is inside raises."""

    def fail():
        with use_one_thread():
            seen.append(torch.get_num_threads())
            raise KeyError

    seen, threads = [], torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyError):
            fail()
        assert [*seen, torch.get_num_threads()] == [1, 2]
    finally:
        torch.set_num_threads(threads)
