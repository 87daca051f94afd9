"""What the Keras adapter asks of a layer and whom it takes, without Keras; with it, the layers are
tested in ``test_keras.py``."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from bnproof.implementations.adapters import UnusableLayer
from bnproof.implementations.keras_layer import (
    KerasLayer,
    accepts,
    check_usable,
    copy_layer,
    differentiate_by_torch,
)


class Layer:
    """In the place of ``keras.layers.Layer``."""


class Norm(Layer):
    """A batch norm that notes what it is made of and built for."""

    def __init__(self, axis=-1, momentum=0.5, dtype="float32"):
        self.axis, self.momentum, self.dtype, self.trainable = axis, momentum, dtype, True
        self.gamma = self.beta = self.moving_mean = self.moving_variance = None
        self.shapes = []

    def build(self, shape):
        self.shapes.append(shape)

    def get_config(self):
        return {"axis": self.axis, "momentum": self.momentum, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Forgetful(Norm):
    """Its configuration has something that its constructor does not take."""

    def get_config(self):
        return super().get_config() | {"color": "red"}


def test_without_keras_nothing_is_taken(monkeypatch):
    """Neither classes nor instances, and nothing is imported to find out."""
    monkeypatch.delitem(sys.modules, "keras.layers", raising=False)
    assert not any(map(accepts, (Norm, Norm(), object())))
    assert "keras.layers" not in sys.modules


def test_layers_of_keras_are_taken(monkeypatch):
    """Classes and instances of its layers alone."""
    monkeypatch.setitem(sys.modules, "keras.layers", SimpleNamespace(Layer=Layer))
    taken = [accepts(candidate) for candidate in (Norm, Norm(), Layer, object, 3)]
    assert taken == [True, True, True, False, False]


def test_a_layer_that_can_be_checked_is_handed_on():
    """Whatever else it has; one that is frozen or names its variables otherwise is refused in one
    line."""
    norm, frozen = Norm(), Norm()
    assert check_usable(norm) is norm
    frozen.trainable = False
    renamed = Norm()
    del renamed.moving_variance, renamed.axis
    for layer, message in (
        (frozen, "Norm is frozen, and then always infers: set its trainable = True"),
        (renamed, "Norm has no axis, no moving_variance: name these as"),
    ):
        with pytest.raises(UnusableLayer, match=message) as refused:
            check_usable(layer)
        assert "\n" not in str(refused.value)


def test_a_copy_has_the_configuration_and_another_dtype():
    """The template stays as it is."""
    norm = Norm(axis=1, momentum=0.75)
    copy = copy_layer(norm, "mixed_float16")
    assert (type(copy), copy.axis, copy.momentum, copy.dtype) == (Norm, 1, 0.75, "mixed_float16")
    assert norm.dtype == "float32"


def test_a_configuration_that_makes_no_layer_is_refused_in_one_line():
    """The message names the class and the reason."""
    with pytest.raises(UnusableLayer, match=r"Forgetful .*get_config\(\): .*color") as refused:
        copy_layer(Forgetful(), "float32")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("axis", "shape"),
    [
        (-1, (None, 3)),
        (1, (None, 3)),
        (2, (None, None, 3)),
    ],
)
def test_a_layer_is_built_for_the_least_rank_that_its_axis_has(axis, shape, monkeypatch):
    """Channels at its axis, every other size open."""
    backend = SimpleNamespace(backend=lambda: "torch")
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(backend=backend))
    layer = KerasLayer(lambda policy: Norm(axis, dtype=policy), 3)
    assert (layer.layer.shapes, layer.rank, layer.policy) == ([shape], len(shape), "float32")


def test_pytorch_as_a_backend_is_differentiated_more_than_once():
    """Gradients of ``x^2 w``, of a tensor that is not used, and the new values without their
    history; the tensors that were handed in stay plain."""
    torch = pytest.importorskip("torch")
    x, w, unused = (torch.tensor([value]) for value in (3.0, 5.0, 7.0))
    y, rest, pullback = differentiate_by_torch(
        lambda x, w, unused: (x * x * w, [x + 1]), [x, w, unused]
    )
    for dy in (1.0, 2.0):
        found = [value.tolist() for value in pullback(torch.tensor([dy]))]
        assert found == [[30 * dy], [9 * dy], [0.0]]
    assert (y.tolist(), rest[0].tolist(), rest[0].requires_grad) == ([45.0], [4.0], False)
    assert not x.requires_grad
    assert np.all([tensor.grad is None for tensor in (x, w, unused)])
