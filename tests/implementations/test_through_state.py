"""A layer behind the contract's functions: what it is made with, what it is given, what comes
back."""

import ml_dtypes
import numpy as np
import pytest

from bnproof.contract import Convention
from bnproof.implementations.through_state import ThroughState

ONE, TWO = np.ones(3), np.full(3, 2.0)


class Recording:
    """A layer that computes nothing and notes what happens to it."""

    supports = None

    def __init__(self, num_features, **options):
        self.made = {"num_features": num_features, **options}
        self.state, self.calls = {}, []
        latest.append(self)

    def forward(self, x, *, training):
        self.calls.append(("forward", x, training))
        self.start = self.state
        self.state = self.state | {"running_mean": "moved mean", "running_var": "moved var"}
        return "y"

    def backward(self, dy):
        self.calls.append(("backward", dy))
        return "dx", "dgamma", "dbeta"


latest = []


def recording(**attributes):
    """A class of recording layers that declares these."""
    return type("Declaring", (Recording,), attributes)


def test_training_makes_a_layer_sets_its_state_and_reads_it_afterwards():
    """With the options asked for; the statistics are those after the step."""
    x = np.zeros((2, 3))
    answer = ThroughState(Recording).train(x, ONE, TWO, TWO, ONE, eps=0.5, momentum=0.125)
    assert answer == ("y", "moved mean", "moved var")
    layer = latest[-1]
    assert layer.made == {
        "num_features": 3,
        "eps": 0.5,
        "momentum": 0.125,
        "affine": True,
        "track_running_stats": True,
    }
    given = [layer.start[f] for f in ("gamma", "beta", "running_mean", "running_var")]
    assert all(a is b for a, b in zip(given, (ONE, TWO, TWO, ONE), strict=True))
    assert layer.calls == [("forward", x, True)]


@pytest.mark.parametrize("method", ["infer", "infer_vjp"])
def test_inference_gets_the_running_statistics(method):
    """In inference mode, and backwards after it; without gamma and beta the layer has none."""
    x = np.zeros((2, 3))
    of, statistics = ThroughState(Recording), (TWO, ONE)
    if method == "infer":
        assert of.infer(x, None, None, *statistics, eps=0.5) == "y"
    else:
        gradients = of.infer_vjp("dy", x, None, None, *statistics, eps=0.5)
        assert gradients == ("dx", "dgamma", "dbeta")
    layer = latest[-1]
    assert layer.calls == [("forward", x, False), ("backward", "dy")][: 1 + (method != "infer")]
    assert (layer.made["affine"], layer.made["track_running_stats"]) == (False, True)
    assert layer.start["running_mean"] is TWO
    assert layer.start["gamma"] is layer.start["beta"] is None


@pytest.mark.parametrize(
    ("dtype", "gamma", "expected"),
    [
        (np.float64, None, np.float64),
        (np.float16, None, np.float32),
        (ml_dtypes.bfloat16, None, np.float32),
        (np.float16, np.ones(3), np.float64),
    ],
    ids=["float64", "float16", "bfloat16", "gamma's"],
)
def test_a_gradient_in_training_starts_from_fresh_statistics(dtype, gamma, expected):
    """(0, 1) in gamma's dtype, or in the dtype that parameters of x have."""
    x = np.zeros((2, 3), dtype)
    ThroughState(Recording).train_vjp("dy", x, gamma, gamma, eps=0.5)
    layer = latest[-1]
    mean, var = layer.start["running_mean"], layer.start["running_var"]
    assert (mean.tolist(), var.tolist()) == ([0.0] * 3, [1.0] * 3)
    assert mean.dtype == var.dtype == expected
    assert layer.calls == [("forward", x, True), ("backward", "dy")]


def test_a_layer_that_tracks_nothing_gets_no_statistics():
    """``track_running_stats`` in ``supports``: its gradient in training is asked without."""
    kind = recording(supports={"track_running_stats": False})
    ThroughState(kind).train_vjp("dy", np.zeros((2, 3)), ONE, TWO, eps=0.5)
    assert latest[-1].made["track_running_stats"] is False
    assert latest[-1].start["running_mean"] is latest[-1].start["running_var"] is None


def test_what_the_layer_declares_is_respected():
    """The only momentum it has where momentum does not matter, its channels on the last axis; both
    declarations become the implementation's."""
    last = Convention("mine", channel_axis=-1)
    of = ThroughState(recording(supports={"momentum": 0.75}, convention=last))
    assert (of.supports, of.convention) == ({"momentum": 0.75}, last)
    x = np.zeros((2, 5, 3))
    of.train_vjp("dy", x, None, None, eps=0.5)
    assert latest[-1].start["running_mean"].shape == (3,)
    of.infer(x, None, None, TWO, ONE, eps=0.5)
    of.infer_vjp("dy", x, None, None, TWO, ONE, eps=0.5)
    made = [layer.made for layer in latest[-3:]]
    assert [one["momentum"] for one in made] == [0.75] * 3
    assert [one["num_features"] for one in made] == [3] * 3
    assert not hasattr(ThroughState(Recording), "convention")


@pytest.mark.parametrize("pair", [(ONE, None), (None, ONE)], ids=["gamma alone", "beta alone"])
def test_one_parameter_without_the_other_is_not_offered(pair):
    """Layers have both or neither."""
    with pytest.raises(NotImplementedError, match="together or not at all"):
        ThroughState(Recording).infer(np.zeros((2, 3)), *pair, ONE, ONE, eps=0.5)


@pytest.mark.parametrize("state", [None, [1], "absent"])
def test_a_layer_without_a_state_is_refused_in_one_line(state):
    """``None``, a list, and no attribute at all are no dictionary; the message names the fields."""

    class Stateless(Recording):
        def __init__(self, num_features, **options):
            super().__init__(num_features, **options)
            self.state = state
            if state == "absent":
                del self.state

    with pytest.raises(TypeError, match=r"Stateless has no state: .*running_var") as refused:
        ThroughState(Stateless).infer(np.zeros((2, 3)), None, None, ONE, ONE, eps=0.5)
    assert "\n" not in str(refused.value)
