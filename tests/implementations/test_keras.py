"""Keras layers become layers that agree with NumPy, on Keras's backend; skipped where Keras is not
installed."""

import os

import numpy as np
import pytest

from bnproof.implementations.adapters import UnusableLayer, adapt_candidate
from tests.implementations.test_adapters import errors, made

os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

pytestmark = pytest.mark.keras
SHAPES = [(5, 3), (4, 3, 2), (2, 3, 2, 2), (2, 3, 2, 1, 3)]
FLOAT64 = keras.backend.result_type(
    "float64", "float32"
)  # what Keras 3 computes a float64 batch norm in: float32 without TensorFlow
Layer = keras.layers.BatchNormalization


class Subclass(Layer):
    def __init__(self, epsilon=0.5, **options):
        super().__init__(epsilon=epsilon, scale=False, **options)


@pytest.mark.parametrize(("dtype", "precision"), [("float64", FLOAT64), ("float32", "float32")])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_class_agrees_with_numpy_at_every_rank(shape, dtype, precision):
    """Output, gradients and running statistics, in training and inference, channels last."""
    factory = adapt_candidate(Layer)
    assert (factory.convention.channel_axis, factory.supports) == (
        -1,
        {"track_running_stats": True},
    )
    found = errors(factory, shape, dtype, precision)
    assert max(found.values()) < 1, found


@pytest.mark.parametrize(
    "options",
    [{"epsilon": 0.25, "momentum": 0.75}, {"axis": 1}, {"axis": 2}, {"center": False}],
    ids=str,
)
def test_instances_agree_with_numpy(options):
    """A template keeps its axis, epsilon, momentum and parameters."""
    factory = adapt_candidate(Layer(**options))
    assert factory.convention.channel_axis == (1 if options.get("axis") == 1 else -1)
    assert factory.supports["eps"] == options.get("epsilon", 1e-3)
    assert factory.supports["momentum"] == options.get("momentum", 0.99)
    assert factory.supports.get("ranks") == ([3] if options.get("axis") == 2 else None)
    found = errors(factory, (4, 3, 2), "float32")
    assert max(found.values()) < 1, found


def test_a_subclass_that_shuts_a_keyword_away_is_refused():
    """It takes every keyword and hands one on twice: name an instance."""
    with pytest.raises(
        UnusableLayer, match=r"multiple values for keyword argument 'scale'.*: name an instance"
    ):
        adapt_candidate(Subclass)


def test_a_built_layer_hands_its_values_on():
    """Its weights are the first state; rank and channels are what it was built for; it is not
    trained itself."""
    built = Layer(momentum=0.5)
    built(keras.ops.convert_to_tensor(np.full((2, 2, 3), 4.0, "float32")), training=True)
    factory = adapt_candidate(built)
    layer, _ = made(factory)
    assert (factory.supports["num_features"], factory.supports["ranks"]) == (3, [3])
    assert (layer.state["running_mean"] == 2).all()
    layer.forward(np.ones((2, 2, 3), "float32"), training=True)
    assert (layer.state["running_mean"] == 1.5).all()
    assert (made(factory)[0].state["running_mean"] == 2).all()


def test_the_state_moves_on_to_another_rank_and_dtype():
    """Keras builds a layer for one of each; the values stay."""
    layer, _ = made(adapt_candidate(Layer))
    layer.state = {field: value + 0.5 for field, value in layer.state.items()}
    before = layer.state
    for x in (np.ones((2, 3)), np.ones((2, 4, 3), "float16"), np.ones((2, 1, 1, 3), "float32")):
        layer.forward(x, training=False)
        assert all((before[field] == value).all() for field, value in layer.state.items())


def test_the_dtype_of_the_state_decides_what_is_built():
    """float64 comes and goes with an assigned state, at the rank the layer has."""
    layer, _ = made(adapt_candidate(Layer))
    layer.forward(np.ones((2, 4, 3), "float32"), training=False)
    for dtype in ("float64", "float32"):
        layer.state = {field: value.astype(dtype) for field, value in layer.state.items()}
        assert {value.dtype.name for value in layer.state.values()} == {dtype}
        assert (layer.policy, layer.rank) == (dtype, 3)


def test_backward_is_of_its_forward_however_often():
    """Neither a second call nor a new state changes it."""
    layer, _ = made(adapt_candidate(Layer))
    x, dy = np.random.default_rng(2).normal(size=(2, 4, 3))
    layer.forward(x, training=True)
    first = layer.backward(dy)
    layer.state = {field: value + 1 for field, value in layer.state.items()}
    for again in (layer.backward(dy), layer.backward(dy)):
        assert all((a == b).all() for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_keeps_variables_in_float32(dtype):
    """The mixed policy: y and dx in x's dtype, gradients of parameters and statistics in
    float32."""
    layer, _ = made(adapt_candidate(Layer))
    x, dy = np.random.default_rng(2).normal(size=(2, 4, 3)).astype(dtype)
    y = layer.forward(x, training=True)
    dx, dgamma, dbeta = layer.backward(dy)
    assert (y.dtype, dx.dtype) == (x.dtype, x.dtype)
    assert {value.dtype.name for value in (dgamma, dbeta, *layer.state.values())} == {"float32"}


def test_a_forward_that_raises_leaves_the_state_as_it_was():
    """Input with another number of channels."""
    layer, _ = made(adapt_candidate(Layer))
    before = layer.state
    with pytest.raises((ValueError, RuntimeError, TypeError)):
        layer.forward(np.ones((4, 5), "float32"), training=True)
    assert all((before[field] == value).all() for field, value in layer.state.items())


UNUSABLE = {
    "another layer": (keras.layers.Dense(3), "Dense has no axis, no gamma, .*: name these as"),
    "frozen": (
        Layer(trainable=False),
        "BatchNormalization is frozen, and then always infers: set its trainable",
    ),
    "the batch axis": (
        Layer(axis=0),
        "BatchNormalization has axis = 0: give the one axis of the channels",
    ),
    "a class of another kind": (
        keras.layers.Dense,
        "Dense.epsilon=.* cannot be made .TypeError: .*: name an instance",
    ),
}


@pytest.mark.parametrize(("candidate", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_checked_is_refused_in_one_line(candidate, message):
    """The message says what is missing and names the mend."""
    with pytest.raises(UnusableLayer, match=message) as refused:
        adapt_candidate(candidate)
    assert "\n" not in str(refused.value)
