"""Flax NNX modules become layers that agree with NumPy; skipped where Flax is not installed."""

import numpy as np
import pytest

from bnproof.implementations.adapters import UnusableLayer, adapt_candidate
from tests.implementations.test_adapters import errors, made

nnx = pytest.importorskip("flax.nnx")
jnp = pytest.importorskip("jax.numpy")

pytestmark = pytest.mark.flax
SHAPES = [(5, 3), (4, 3, 2), (2, 3, 2, 2), (2, 3, 2, 1, 3)]


def norm(**options):
    """An instance with three channels."""
    return nnx.BatchNorm(3, **options, rngs=nnx.Rngs(0))


class Subclass(nnx.BatchNorm):
    def __init__(self, num_features, epsilon, rngs):
        super().__init__(
            num_features, epsilon=epsilon, momentum=0.5, use_fast_variance=False, rngs=rngs
        )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_class_agrees_with_numpy_at_every_rank(shape, dtype):
    """Output, gradients and running statistics, in training and inference, channels last."""
    factory = adapt_candidate(nnx.BatchNorm)
    assert (factory.convention.channel_axis, factory.supports) == (
        -1,
        {"track_running_stats": True},
    )
    found = errors(factory, shape, dtype)
    assert max(found.values()) < 1, found


CANDIDATES = {
    "instance": norm(epsilon=0.25, momentum=0.75),
    "axis 1": norm(axis=1, use_fast_variance=False),
    "no scale": norm(use_scale=False),
    "no parameters": norm(use_scale=False, use_bias=False),
    "subclass": Subclass,
}


@pytest.mark.parametrize("candidate", CANDIDATES.values(), ids=CANDIDATES)
def test_instances_and_subclasses_agree_with_numpy(candidate):
    """In float64; use_fast_variance stays what it is."""
    factory = adapt_candidate(candidate)
    found = errors(factory, (4, 3, 2))
    assert max(found.values()) < 1, found
    fast = Subclass is not candidate and candidate.use_fast_variance
    assert made(factory)[0].module.use_fast_variance == fast


def test_what_an_object_fixes_is_narrowed():
    """A constructor that does not take momentum and parameters; all options of an instance; an axis
    of one rank."""
    fixed = {"momentum": 0.5, "affine": True, "track_running_stats": True}
    assert adapt_candidate(Subclass).supports == fixed
    supports = adapt_candidate(norm(epsilon=0.25, momentum=0.75, axis=3)).supports
    assert supports == {
        "num_features": 3,
        "eps": 0.25,
        "momentum": 0.75,
        "affine": True,
        "track_running_stats": True,
        "dtypes": ["float32", "float64"],
        "ranks": [4],
    }
    assert adapt_candidate(norm(dtype=jnp.float16)).supports["dtypes"] == ["float16"]


def test_backward_is_of_its_forward_however_often():
    """Neither a second call nor a new state changes it."""
    layer, _ = made(adapt_candidate(nnx.BatchNorm))
    x, dy = np.random.default_rng(2).normal(size=(2, 4, 3))
    layer.forward(x, training=True)
    first = layer.backward(dy)
    layer.state = {field: value + 1 for field, value in layer.state.items()}
    for again in (layer.backward(dy), layer.backward(dy)):
        assert all((a == b).all() for a, b in zip(first, again, strict=True))


def test_float64_stays_inside_and_half_precision_comes_back_as_half():
    """JAX's default precision is left as it was; y and dx have x's dtype, statistics are
    float32."""
    layer, _ = made(adapt_candidate(nnx.BatchNorm))
    x = np.random.default_rng(2).normal(size=(4, 3))
    assert layer.forward(x, training=True).dtype == layer.state["gamma"].dtype == np.float64
    assert jnp.ones(1).dtype == jnp.asarray(x).dtype == np.float32
    layer, _ = made(adapt_candidate(nnx.BatchNorm))
    assert layer.forward(x.astype("float16"), training=True).dtype == np.float16
    dx, dgamma, _ = layer.backward(x.astype("float16"))
    assert (dx.dtype, dgamma.dtype, layer.state["running_var"].dtype) == (
        np.float16,
        np.float32,
        np.float32,
    )


def test_an_instance_keeps_the_dtype_it_was_made_for():
    """Half precision comes back as Flax returns it, in float32, or in the module's own dtype."""
    x = np.array([[0.0, 1, 2], [2.0, 3, 4]], "float16")
    for dtype, expected in ((None, np.float32), (jnp.float16, np.float16)):
        layer, _ = made(adapt_candidate(norm(dtype=dtype, epsilon=3.0)))
        y = layer.forward(x, training=True)
        assert (y.dtype, y.tolist()) == (expected, [[-0.5] * 3, [0.5] * 3])


def test_a_step_does_not_train_the_instance_itself():
    """Every layer is a clone: another one starts where the instance is."""
    instance = norm(momentum=0.5)
    factory = adapt_candidate(instance)
    layer, _ = made(factory)
    layer.forward(np.full((2, 3), 4.0, "float32"), training=True)
    assert layer.state["running_mean"].tolist() == [2.0] * 3
    assert made(factory)[0].state["running_mean"].tolist() == [0.0] * 3
    assert np.array(instance.mean[...]).tolist() == [0.0] * 3


def test_a_forward_that_raises_leaves_the_state_as_it_was():
    """Input with another number of channels."""
    layer, _ = made(adapt_candidate(nnx.BatchNorm))
    before = layer.state
    with pytest.raises((TypeError, ValueError)):
        layer.forward(np.ones((4, 5)), training=True)
    assert all((before[field] == value).all() for field, value in layer.state.items())


UNUSABLE = {
    "another module": (
        nnx.Linear(2, 3, rngs=nnx.Rngs(0)),
        "Linear has no scale, no mean, no var: keep scale",
    ),
    "a class of another kind": (
        nnx.Linear,
        "Linear.num_features, .* cannot be made .TypeError: .*: name an instance",
    ),
    "the batch axis": (norm(axis=0), "BatchNorm has axis = 0: give the one axis of the channels"),
    "devices": (norm(axis_name="i"), "averages over the devices of axis 'i': leave axis_name out"),
}


@pytest.mark.parametrize(("candidate", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_checked_is_refused_in_one_line(candidate, message):
    """The message says what is missing and names the mend."""
    with pytest.raises(UnusableLayer, match=message) as refused:
        adapt_candidate(candidate)
    assert "\n" not in str(refused.value)
