"""What the Flax adapter reads of a module and whom it takes, without Flax; with it, the layers are
tested in ``test_flax.py``."""

import sys
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

from bnproof.implementations.adapters import UnusableLayer
from bnproof.implementations.flax_module import FlaxLayer, accepts, inspect_module


class Module:
    """In the place of ``flax.nnx.Module``."""


class Norm(Module):
    """A batch norm with three channels; its variables are read by ``[...]``, as Flax's are."""

    def __init__(self, **changed):
        self.scale, self.bias = np.ones(3), np.zeros(3)
        self.mean, self.var = np.zeros(3), np.ones(3)
        vars(self).update(changed)


def test_without_flax_nothing_is_taken(monkeypatch):
    """Neither classes nor instances, and nothing is imported to find out."""
    monkeypatch.delitem(sys.modules, "flax.nnx", raising=False)
    assert not any(map(accepts, (Norm, Norm(), object())))
    assert "flax.nnx" not in sys.modules


def test_modules_of_flax_are_taken(monkeypatch):
    """Classes and instances of its modules alone."""
    monkeypatch.setitem(sys.modules, "flax.nnx", SimpleNamespace(Module=Module))
    taken = [accepts(candidate) for candidate in (Norm, Norm(), Module, object, 3)]
    assert taken == [True, True, True, False, False]


def test_what_the_variables_show():
    """Channels by the running mean, parameters by either of scale and bias, dtypes by what the
    module is made for."""
    wide = ["float32", "float64"]
    for changed, affine, dtypes in (
        ({}, True, wide),
        ({"scale": None}, True, wide),
        ({"scale": None, "bias": None, "dtype": None}, False, wide),
        ({"dtype": ml_dtypes.bfloat16}, True, ["bfloat16"]),
        ({"mean": np.zeros(7)}, True, wide),
    ):
        shown = inspect_module(Norm(**changed))
        width = changed.get("mean", np.zeros(3)).size
        expected = {"num_features": width, "affine": affine, "track_running_stats": True}
        assert shown == expected | {"dtypes": dtypes}


UNUSABLE = {
    "statistics elsewhere": (SimpleNamespace(scale=1, bias=1), "has no mean, no var: keep scale"),
    "statistics that are not kept": (Norm(var=None), "Norm has no mean or var: keep scale"),
    "over devices": (Norm(axis_name="batch"), "Norm averages over the devices of axis 'batch'"),
}


@pytest.mark.parametrize(("module", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_checked_is_refused_in_one_line(module, message):
    """The message says what is missing and names the mend."""
    with pytest.raises(UnusableLayer, match=message) as refused:
        inspect_module(module)
    assert "\n" not in str(refused.value)


def test_the_state_is_read_as_copies_under_the_names_of_the_contract():
    """scale is gamma, bias beta, mean and var the running statistics; an absent one is ``None``."""
    module = Norm(scale=np.array([2.0, 3, 4]), bias=None, mean=np.array([5.0, 6, 7]))
    layer = FlaxLayer(module, follows=False)
    state = layer.state
    assert (layer.name, state["beta"]) == ("Norm", None)
    found = {name: value.tolist() for name, value in state.items() if value is not None}
    expected = {"gamma": [2.0, 3, 4], "running_mean": [5.0, 6, 7], "running_var": [1.0] * 3}
    assert found == expected
    state["gamma"] += 1
    assert module.scale.tolist() == [2.0, 3, 4]
