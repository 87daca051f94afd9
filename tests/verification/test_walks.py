"""Sequences of calls: each known bug of a layer breaks the law that fits, and correct layers break
none."""

from functools import cache

import numpy as np
import pytest

from bnproof.contract import Convention
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.numpy_layer import NumpyLayer
from bnproof.implementations.targets import as_implementation, load
from bnproof.laws.layers import SAYS
from bnproof.laws.supports import Supports
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification.examining import examine
from bnproof.verification.planning import CheckOptions, plan_laws
from bnproof.verification.walk_judge import Walked
from bnproof.verification.walks import explore
from bnproof.wording import describe_measurement

# Judged where an adapter of a framework can tell.
MODULES = {"sequence-saved"}


def explored(candidate, names=SAYS, seed=0, judged=None, count=6):
    """What each broken law saw, and the steps to it; ``count``: sequences of each length."""
    of = as_implementation(candidate, "the layer")
    convention = resolve_convention(getattr(of, "convention", "torch"))
    judged = {} if judged is None else judged
    supports = Supports.from_mapping(of.supports)
    wanted = frozenset(names)
    return explore(Walked(of.make, convention, supports, wanted, seed, count, judgements=judged))


FITTING = {
    "R09-layer": {"sequence-statistics"},
    "R11": {"sequence-frozen"},
    "R13-layer": {"sequence-frozen"},
    "R16": {"fresh-state"},
    "R17": {"fresh-state"},
    "R21": {"sequence-reload"},
    "R26": {"sequence-reload"},
    "R28": {"fresh-state"},
    "I05": {
        "sequence-statistics",
        "sequence-output",
        "sequence-backward",
    },  # what state shows is not what the layer works with
    "G21": {"sequence-backward"},
}


@pytest.mark.parametrize(("name", "fitting"), FITTING.items(), ids=FITTING)
def test_a_bug_of_a_layer_breaks_the_law_that_fits(name, fitting):
    """That law and no other."""
    assert explored(list_mutants()[name].make, count=15).keys() == fitting


def test_no_layer_of_the_catalogue_is_left_out():
    """The list above is that of the models with state."""
    assert {
        name for name, mutant in list_mutants().items() if not hasattr(mutant.make, "train")
    } == FITTING.keys()


def test_the_reference_breaks_none():
    """Under two seeds; every law was judged."""
    judged = {}
    assert explored(NumpyLayer, judged=judged) == {}
    assert explored(NumpyLayer, seed=1) == {}
    assert judged.keys() == SAYS.keys() - MODULES


def test_a_module_of_pytorch_breaks_none():
    """BatchNorm1d as it is."""
    assert explored(load("torch.nn:BatchNorm1d")) == {}


# -- one fake for each way to break a law ----------------------------------------------------------


class ReadingMoves(NumpyLayer):
    """Looking at the state changes it."""

    @property
    def state(self):
        found = super().state
        if self.running_mean is not None:
            self.running_mean = self.running_mean + 1
        return found

    @state.setter
    def state(self, values):
        NumpyLayer.state.fset(self, values)


class TrainingScalesGamma(NumpyLayer):
    def forward(self, x, *, training):
        y = super().forward(x, training=training)
        if training and self.gamma is not None:
            self.gamma = self.gamma * self.gamma.dtype.type(0.5)
        return y


class BackwardOnce(NumpyLayer):
    """A second backward gives nothing."""

    spent = None

    def backward(self, dy):
        dx, *rest = super().backward(dy)
        first, self.spent = self.spent is not self.latest, self.latest
        return dx if first else 0 * dx, *rest


class BackwardByLatestState(NumpyLayer):
    """Gradients at inference by statistics that training has moved since."""

    def backward(self, dy):
        of = self.latest
        if of.training or of.running_mean is None:
            return super().backward(dy)
        return self.formula.infer_vjp(
            dy, of.x, of.gamma, of.beta, 0 * of.running_mean, of.running_var, eps=self.eps
        )


class MovesThenRefuses(NumpyLayer):
    def forward(self, x, *, training):
        if x.shape[1] != self.num_features:
            self.running_mean = None if self.running_mean is None else self.running_mean + 1
            raise ValueError("another number of channels")
        return super().forward(x, training=training)


class ForgetsBeta(NumpyLayer):
    @property
    def state(self):
        return super().state

    @state.setter
    def state(self, values):
        NumpyLayer.state.fset(self, values | {"beta": self.beta})


class HalfOutput(NumpyLayer):
    def forward(self, x, *, training):
        return super().forward(x, training=training).astype(np.float16)


class EvalTrains(NumpyLayer):
    """Inference by the batch's statistics, without an update."""

    def forward(self, x, *, training):
        if training:
            return super().forward(x, training=True)
        mean, var = self.running_mean, self.running_var
        y = super().forward(x, training=True)
        self.running_mean, self.running_var = mean, var
        return y


class FirstStepCopies(NumpyLayer):
    """The first training step of a new layer takes the batch's statistics whole."""

    started = False

    def run_training(self, of):
        y, mean, var = super().run_training(of)
        fresh, self.started = not self.started, True
        if fresh and of.running_mean is not None and self.momentum < 1:
            mean = of.running_mean + (mean - of.running_mean) / mean.dtype.type(
                max(self.momentum, 0.001)
            )
        return y, mean, var

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        if name == "state":
            self.started = True


class StopsMoving(NumpyLayer):
    """After twenty training steps the statistics stay."""

    steps = 0

    def run_training(self, of):
        self.steps += 1
        y, mean, var = super().run_training(of)
        return (y, mean, var) if self.steps <= 20 else (y, of.running_mean, of.running_var)


FAKES = {
    FirstStepCopies: "sequence-statistics",
    StopsMoving: "sequence-statistics",
    ReadingMoves: "sequence-frozen",
    TrainingScalesGamma: "sequence-frozen",
    BackwardOnce: "sequence-backward",
    BackwardByLatestState: "sequence-backward",
    MovesThenRefuses: "sequence-refused",
    ForgetsBeta: "sequence-reload",
    HalfOutput: "sequence-output",
    EvalTrains: "sequence-output",
}


@pytest.mark.parametrize(
    ("fake", "law"), FAKES.items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_every_way_to_break_a_law_is_found(fake, law):
    """Among what is broken is the law that speaks of it."""
    assert law in explored(fake)


class LastLayer(NumpyLayer):
    """The reference with channels on the last axis."""

    convention = Convention("last", channel_axis=-1, one_value="raise")

    def forward(self, x, *, training):
        return np.moveaxis(super().forward(np.moveaxis(x, -1, 1), training=training), 1, -1)

    def backward(self, dy):
        dx, *rest = super().backward(np.moveaxis(dy, -1, 1))
        return np.moveaxis(dx, 1, -1), *rest


class OldLayer(NumpyLayer):
    """The reference with a momentum that weighs the old value."""

    convention = Convention("old", momentum="old", one_value="raise")

    def __init__(self, num_features, *, momentum, **options):
        super().__init__(num_features, momentum=1 - momentum, **options)


class OnlyAffine(NumpyLayer):
    """The reference, always with parameters, and never without statistics."""

    def __init__(self, num_features, *, affine=True, track_running_stats=True, **options):
        if not (affine and track_running_stats):
            raise NotImplementedError("gamma, beta and running statistics are always there")
        super().__init__(num_features, **options)


class FixedLayer(NumpyLayer):
    """The reference where it says it works."""

    supports = {
        "dtypes": ["float32"],
        "ranks": [4],
        "num_features": 3,
        "eps": 1e-3,
        "momentum": 0.2,
        "affine": False,
    }

    def forward(self, x, *, training):
        if (x.dtype, x.shape[1], x.ndim) not in [(np.float32, 3, 4), (np.float32, 4, 4)]:
            raise TypeError("not what was promised")
        if (self.eps, self.momentum, self.gamma) != (1e-3, 0.2, None):
            raise TypeError("nor this")
        return super().forward(x, training=training)


@pytest.mark.parametrize("correct", [LastLayer, OldLayer, OnlyAffine, FixedLayer])
def test_correct_layers_in_other_styles_break_none(correct):
    """Another axis, another convention, less that is offered."""
    assert explored(correct) == {}


# -- how it is told --------------------------------------------------------------------------------


@cache
def found():
    """A layer that breaks a law in few steps."""
    return explored(list_mutants()["R11"].make)["sequence-frozen"]


def test_the_sequence_is_short_and_the_same_every_time():
    """A layer, a state, one inference."""
    broken, again = found(), explored(list_mutants()["R11"].make)["sequence-frozen"]
    steps = broken.steps
    assert (broken.seen, steps) == (again.seen, again.steps)
    assert sum("forward" in step for step in steps) <= 2
    assert steps[0].startswith("layer = make(")


def test_only_the_laws_asked_for_are_judged():
    """--select, in the middle of a sequence."""
    assert explored(list_mutants()["R11"].make, ["sequence-output"]) == {}
    assert explored(list_mutants()["I05"].make, ["sequence-output"]).keys() == {"sequence-output"}


class BackwardRaises(NumpyLayer):
    def backward(self, dy):
        raise RuntimeError("no gradient today")


class TwoGradients(NumpyLayer):
    def backward(self, dy):
        return super().backward(dy)[:2]


class NoGradients(NumpyLayer):
    def backward(self, dy):
        return None


class OtherShape(NumpyLayer):
    def backward(self, dy):
        dx, *rest = super().backward(dy)
        return dx[:1], *rest


class RaisesInState(NumpyLayer):
    """Its state cannot be read once it was trained."""

    @property
    def state(self):
        if self.latest is not None:
            raise LookupError("no state today")
        return super().state

    @state.setter
    def state(self, values):
        NumpyLayer.state.fset(self, values)


class StatisticsGrow(NumpyLayer):
    """Training gives the statistics another axis."""

    def forward(self, x, *, training):
        y = super().forward(x, training=training)
        if training and self.running_mean is not None:
            self.running_mean = self.running_mean[None]
        return y


@pytest.mark.parametrize(
    ("wrong", "step"),
    [
        (BackwardRaises, "layer.backward("),
        (TwoGradients, "layer.backward("),
        (NoGradients, "layer.backward("),
        (OtherShape, "layer.backward("),
        (RaisesInState, "layer.forward("),
        (StatisticsGrow, "layer.forward("),
    ],
)
def test_what_has_no_usable_form_is_a_violation_with_its_steps(wrong, step):
    """An exception, or an answer of another form, never ends the check; the call that goes wrong is
    among the steps."""
    steps = [shown for broken in explored(wrong).values() for shown in broken.steps]
    assert any(step in shown for shown in steps)


class ForwardRaises(NumpyLayer):
    def forward(self, x, *, training):
        if not training:
            raise OverflowError("inference is out of order")
        return super().forward(x, training=training)


def test_what_a_forward_raises_is_a_violation_with_its_steps():
    """The exception is named, and the call that raises it is among the steps."""
    broken = explored(ForwardRaises)["sequence-output"]
    assert "OverflowError: inference is out of order" in describe_measurement(broken.seen, "")
    assert any("training=False" in step for step in broken.steps)


def test_an_examination_learns_what_was_judged():
    """Per law how often, and what is broken."""
    options = CheckOptions("quick", select=tuple(SAYS))
    seen = examine(list_mutants()["R11"].make, plan_laws(options), options)
    assert seen.walks.keys() == {"sequence-frozen"}
    assert seen.session.tallies.keys() == SAYS.keys() - MODULES
    assert {
        law: tally.violated for law, tally in seen.session.tallies.items() if tally.violated
    } == {"sequence-frozen": 1}
    assert all(tally.cases > 0 for tally in seen.session.tallies.values())
