"""Where a PyTorch module keeps its state, and which modules are taken; how they compute is tested
with the adapters."""

import sys

import numpy as np
import pytest
import torch

from bnproof.implementations.adapters import UnusableLayer, adapt_candidate
from bnproof.implementations.torch_module import (
    TorchLayer,
    accepts,
    inspect_module,
    locate_fields,
    unwrap,
)


class Wrapper(torch.nn.Module):
    """A module around another, which shows the inner one's tensors as its own."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("inner"), name)

    def forward(self, x):
        return self.inner(x)


class Renamed(torch.nn.Module):
    """``weight`` is there and ``None``; the scale is called gamma, and there are no statistics."""

    def __init__(self):
        super().__init__()
        self.weight = None
        self.gamma = torch.nn.Parameter(torch.ones(3))


class Dragging(torch.nn.BatchNorm1d):
    """Its running mean follows the batch with its history."""

    def forward(self, x):
        self.running_mean = x.mean(0)
        return x * self.weight


def test_modules_are_taken_as_classes_and_instances():
    """Not a tensor, not a function, and nothing at all while PyTorch has not been imported."""
    assert accepts(torch.nn.BatchNorm1d)
    assert accepts(torch.nn.Linear(1, 1))
    assert not any(map(accepts, (torch.ones(1), torch.relu, "BatchNorm1d", None, object)))


def test_without_pytorch_no_module_is_taken(monkeypatch):
    """An object whose framework has not been imported cannot be of its kind."""
    monkeypatch.delitem(sys.modules, "torch.nn")
    assert not accepts(torch.nn.BatchNorm1d)


def test_tensors_are_found_inside_a_wrapper():
    """By identity, under the dotted name."""
    names = locate_fields(Wrapper(torch.nn.BatchNorm1d(3)))
    assert names == {
        "gamma": "inner.weight",
        "beta": "inner.bias",
        "running_mean": "inner.running_mean",
        "running_var": "inner.running_var",
    }


def test_a_wrapped_module_keeps_its_state_inside():
    """Assigned values arrive in the inner module, and a step moves its statistics."""
    inner = torch.nn.BatchNorm1d(1, momentum=0.5, eps=3.0)
    layer = TorchLayer(Wrapper(inner))
    layer.state = layer.state | {"gamma": np.array([4.0], np.float32)}
    y = layer.forward(np.array([[0.0], [2.0]], np.float32), training=True)
    assert y.ravel().tolist() == [-2.0, 2.0]
    assert inner.weight.tolist() == [4.0]
    assert (inner.running_mean.tolist(), inner.running_var.tolist()) == ([0.5], [1.5])


def test_the_other_name_counts_where_the_first_is_none():
    """gamma for weight; what is not there is left out."""
    module = Renamed()
    assert locate_fields(module) == {"gamma": "gamma"}
    shown = {"affine": True, "track_running_stats": False, "num_features": 3}
    assert inspect_module(module) == shown


def test_a_module_without_tensors_has_any_number_of_channels():
    """Neither parameters nor statistics."""
    bare = torch.nn.BatchNorm2d(5, affine=False, track_running_stats=False)
    assert inspect_module(bare) == {"affine": False, "track_running_stats": False}
    assert set(TorchLayer(bare).state.values()) == {None}


def test_half_precision_alone_is_not_offered():
    """PyTorch's own module without a float32 tensor; a module of somebody else may do it."""
    x = np.array([[0.0], [2.0]], np.float16)
    own = torch.nn.BatchNorm1d(1, affine=False, track_running_stats=False)
    with pytest.raises(NotImplementedError, match="half precision alone"):
        TorchLayer(own).forward(x, training=True)
    assert TorchLayer(torch.nn.Identity()).forward(x, training=True).dtype == np.float16


def test_strided_upstream_gradients_in_half_are_refused_to_pytorch_alone():
    """The sums of a module of somebody else are its own affair."""
    x = np.ones((2, 2), np.float16)
    layer = TorchLayer(torch.nn.BatchNorm1d(2))
    layer.forward(x, training=False)
    with pytest.raises(NotImplementedError, match="strided half-precision"):
        layer.backward(x.T)
    other = TorchLayer(torch.nn.Identity())
    other.forward(x, training=False)
    assert np.array_equal(other.backward(x.T)[0], x)


def test_a_step_leaves_the_module_without_history():
    """No graph hangs on a statistic that was computed from the batch, and no gradient is left on a
    parameter."""
    module = Dragging(2)
    layer = TorchLayer(module)
    layer.forward(np.array([[0.0, 1.0], [2.0, 5.0]]), training=True)
    layer.backward(np.ones((2, 2)))
    assert module.running_mean.tolist() == [1.0, 3.0]
    assert not module.running_mean.requires_grad
    assert module.weight.grad is None


def test_torchscript_is_refused_in_one_line():
    """Its parameters cannot be reached."""
    with pytest.raises(UnusableLayer, match="ScriptModule is TorchScript") as refused:
        adapt_candidate(torch.jit.ScriptModule)
    assert "\n" not in str(refused.value)


def test_unwrapping_leaves_what_is_not_wrapped():
    """The module inside what ``torch.compile`` made, and any other module itself."""
    inner = torch.nn.BatchNorm1d(3)
    assert unwrap(torch.compile(inner, backend="eager")) is inner
    assert unwrap(inner) is inner
