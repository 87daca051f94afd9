"""A walk on one layer: what it is driven with, and the program it writes down."""

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.contract import Convention
from bnproof.implementations.conventions import NAMED
from bnproof.implementations.numpy_layer import NumpyLayer
from bnproof.implementations.through_state import FIELDS
from bnproof.laws.layers import SAYS
from bnproof.laws.supports import EVERYTHING, Supports
from bnproof.verification.layer_walk import OPERATIONS, LayerWalk, Start
from bnproof.verification.reproducer import write_walk
from bnproof.verification.walk_judge import Walked, WalkEnded

DRAWN = st.integers(0, 2**20 - 1)
TRACKED = Start(5, assigned=True, tracked=True)


def begin(make=NumpyLayer, convention=NAMED["torch"], supports=EVERYTHING, start=TRACKED):
    """A walk at its start, which judges every law."""
    walk = LayerWalk(Walked(make, convention, supports, frozenset(SAYS)))
    walk.begin(start)
    return walk


def choose_unit(eps):
    """The power of two next to the root of eps, whose values show eps best."""
    return 2.0 ** round(np.log2(eps) / 2)


@settings(max_examples=15)
@given(DRAWN, st.booleans(), st.lists(st.tuples(st.sampled_from(OPERATIONS), DRAWN), max_size=6))
def test_the_program_leads_to_where_the_layer_is(drawn, assigned, operations):
    """Run by itself, it leaves a layer whose state has the same bits."""
    walk = begin(start=Start(drawn, assigned=assigned, tracked=True))
    for operation, number in operations:
        walk.perform(operation, number)
    names = {}
    program = write_walk("bnproof.implementations.numpy_layer:NumpyLayer", "", "", walk.steps)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(program, names)
    for name in FIELDS:
        ours, theirs = walk.layer.state[name], names["layer"].state[name]
        if ours is not None:
            assert (ours.dtype, ours.tobytes()) == (theirs.dtype, theirs.tobytes())
        assert (ours is None) == (theirs is None)


@given(DRAWN)
def test_every_part_of_an_assigned_state_matters(drawn):
    """Nothing is what a new layer starts from, so a layer that ignores a part gives itself away."""
    walk = begin(start=Start(drawn, assigned=True, tracked=True))
    unit, state = choose_unit(walk.eps), walk.read()
    assert np.all(np.abs(state["running_mean"]) >= 2 * unit)
    assert np.all((state["running_var"] >= unit**2 / 4) & (state["running_var"] < 5 * unit**2))
    if walk.affine:
        assert np.all((np.abs(state["gamma"]) >= 0.5) & (np.abs(state["gamma"]) <= 2.75))
        assert np.all(state["beta"] != 0)


@given(DRAWN, DRAWN)
def test_a_batch_has_spread_in_every_channel_and_more_than_one_sample(drawn, number):
    """A constant channel or a single value would leave nothing to judge."""
    walk = begin(start=Start(drawn, assigned=True, tracked=True))
    case = walk.draw_case(number)
    columns = np.moveaxis(case.x, 1, -1).reshape(-1, walk.shape[1]).astype(float)
    assert np.all(np.ptp(columns, axis=0) > 0)
    assert len(case.x) >= 2
    assert case.x.shape[1:] == walk.shape[1:]
    assert case.x.dtype == case.dy.dtype == walk.dtype


@pytest.mark.parametrize(("name", "momentum"), [("torch", 0.25), ("keras", 0.75)])
def test_a_layer_gets_momentum_in_its_own_convention(name, momentum):
    """What weighs the new value in one weighs the old value in the other."""
    made = []

    class Recording(NumpyLayer):
        def __init__(self, num_features, **options):
            made.append(options)
            super().__init__(num_features, **options)

    begin(Recording, NAMED[name], replace(EVERYTHING, momentum=0.25))
    assert made[0]["momentum"] == momentum


def test_what_is_fixed_is_not_varied():
    """``supports`` says what a layer can be made with, and no walk asks for anything else."""
    said = {"num_features": 7, "eps": 0.5, "affine": False, "ranks": [3], "dtypes": ["float16"]}
    supports = Supports.from_mapping(said)
    for drawn in range(5):
        walk = begin(supports=supports, start=Start(drawn, assigned=True, tracked=True))
        assert walk.shape[1:] == (7, 2)
        assert (walk.eps, walk.affine, walk.dtype) == (0.5, False, np.float16)
        assert walk.state_dtype == np.float32, "half-precision input has parameters in float32"


def test_what_is_not_possible_is_passed_over():
    """A backward before any forward, and inference without running statistics, do nothing."""
    walk = begin(start=replace(TRACKED, tracked=False))
    before = list(walk.steps)
    walk.perform("backward", 1)
    walk.perform("infer", 1)
    assert walk.steps == before
    walk.perform("train", 1)
    walk.perform("backward", 1)
    assert len(walk.steps) > len(before)
    assert walk.latest.training


def test_channels_lie_where_the_convention_has_them():
    """A layer with its channels last is handed such batches, and breaks no law by that."""
    shapes = []

    class ChannelsLast(NumpyLayer):
        def forward(self, x, *, training):
            shapes.append(x.shape)
            y = super().forward(np.moveaxis(x, -1, 1), training=training)
            return np.moveaxis(y, 1, -1)

        def backward(self, dy):
            dx, *rest = super().backward(np.moveaxis(dy, -1, 1))
            return np.moveaxis(dx, 1, -1), *rest

    last = Convention("mine", one_value="raise", channel_axis=-1)
    supports = Supports.from_mapping({"ranks": [4], "num_features": 3})
    walk = begin(ChannelsLast, last, supports)
    for operation in ("train", "backward", "infer", "backward"):
        walk.perform(operation, 8)
    assert len(shapes) == 2
    assert {shape[1:] for shape in shapes} == {(2, 2, 3)}


@pytest.mark.parametrize(
    ("name", "value"), [("gamma", np.nan), ("running_mean", np.inf), ("running_var", -1.0)]
)
def test_a_state_that_is_none_ends_the_walk(name, value):
    """From a state that is not finite, or a negative variance, nothing follows that can be
    judged."""
    walk = begin(supports=replace(EVERYTHING, affine=True))
    state = walk.read()
    state[name][0] = value
    walk.layer.state = state
    with pytest.raises(WalkEnded):
        walk.draw_case(3)
