"""Layouts: every one holds the same numbers, and its source makes the same array; the laws tell a
misreading from none."""

from dataclasses import replace
from functools import cache
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.contract import Convention
from bnproof.formats import dtype_of
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers
from bnproof.laws.law import load_laws
from bnproof.laws.memory import LAWS, LAYOUTS
from bnproof.laws.oracle import Oracle
from bnproof.mutants.layout import ChannelsLast
from tests.laws.draws import by_hand, ratio, target

NAMES = {method: name for method, (name, *_) in LAWS.items()}


@st.composite
def arrays(draw):
    """Rank 2 to 5, also of size 1 along an axis, in every dtype."""
    shape = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    dtype = dtype_of(draw(st.sampled_from(["float16", "bfloat16", "float32", "float64"])))
    return np.arange(1, 1 + np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.says)
@given(x=arrays())
def test_a_layout_holds_the_same_numbers(layout, x):
    """Equal in value, dtype and shape; the original stays as it is."""
    before = x.copy()
    laid = layout.lay(x)
    assert laid.dtype == x.dtype
    assert np.array_equal(laid, before)
    assert np.array_equal(x, before)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.says)
@given(x=arrays())
def test_the_source_makes_the_same_array(layout, x):
    """Evaluated with NumPy alone: equal numbers, equal strides, as writable, and the same memory
    around it, which code that goes by neither shape nor strides reads."""
    laid, made = layout.lay(x), eval(layout.source.format("x"), {"np": np, "x": x})
    assert np.array_equal(made, laid)
    assert made.strides == laid.strides
    assert made.flags.writeable == laid.flags.writeable
    assert read_memory(made) == read_memory(laid)


def read_memory(array):
    """Everything that lies in the memory of an array, also outside of it."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array.ravel(order="K").tobytes()


def test_the_layouts_differ():
    """On one array no two have the same strides and offset, and none is contiguous."""
    x = np.arange(120.0).reshape(2, 3, 4, 5)
    seen = {(laid.strides, offset(laid)) for laid in (layout.lay(x) for layout in LAYOUTS)}
    assert len(seen) == len(LAYOUTS)
    assert not any(layout.lay(x).flags.c_contiguous for layout in LAYOUTS)


def offset(x):
    """Bytes from the start of the array a view looks into."""
    return (
        0
        if x.base is None
        else x.__array_interface__["data"][0] - x.base.__array_interface__["data"][0]
    )


@cache
def variants():
    """A case in versions whose bits choose all the layouts, with their oracles."""
    moved = [by_hand(x=by_hand().x + np.float32(0.125 * n)) for n in range(8)]
    return [(case, Oracle(case)) for case in moved]


def in_every_layout(law, implementation):
    """The largest ratio over the versions."""
    of = target(implementation)
    return max(
        load_laws()[law].measure(Answers(of, case), oracle).ratio for case, oracle in variants()
    )


def test_the_versions_meet_every_layout():
    """Two are chosen by the bits of x, in turn from all five."""
    bits = [crc32(case.x.tobytes()) for case, _ in variants()]
    assert {n for b in bits for n in (b % len(LAYOUTS), b // len(LAYOUTS) % len(LAYOUTS))} == set(
        range(len(LAYOUTS))
    )


@pytest.mark.parametrize("law", NAMES.values())
def test_reading_by_the_strides_passes(law):
    """The reference reads any layout, with channels on axis 1 and on the last."""
    assert in_every_layout(law, NumpyBatchNorm()) <= 1
    assert in_every_layout(law, ChannelsLast()) <= 1


def flat(value):
    """Misread: memory taken for a C-contiguous array."""
    if isinstance(value, list):
        return [flat(part) for part in value]
    if not isinstance(value, np.ndarray) or value.flags.c_contiguous:
        return value
    return np.ravel(value, order="K").reshape(value.shape)


def misread(method):
    """The reference with one method that ignores strides."""

    class Misreads(NumpyBatchNorm):
        pass

    plain = getattr(NumpyBatchNorm, method)
    setattr(
        Misreads,
        method,
        lambda self, *arguments, **options: plain(self, *map(flat, arguments), **options),
    )
    return Misreads()


@pytest.mark.parametrize("method", NAMES)
def test_reading_by_the_memory_breaks_the_law_of_its_method(method):
    """That law and no other."""
    broken = {law for law in NAMES.values() if in_every_layout(law, misread(method)) > 1}
    assert broken == {NAMES[method]}


class RefusesViews(NumpyBatchNorm):
    def train(self, x, *arguments, **options):
        if not x.flags.c_contiguous:
            raise BufferError("give a contiguous array")
        return super().train(x, *arguments, **options)


class WritesIntoViews(NumpyBatchNorm):
    def infer(self, x, *arguments, **options):
        y = super().infer(x, *arguments, **options)
        if not x.flags.c_contiguous and x.flags.writeable:
            x[...] = y
        return y


def test_refusing_a_layout_or_writing_into_it_breaks_the_law():
    """An exception, and an argument that changes, in words."""
    assert in_every_layout("layout", RefusesViews()) == np.inf
    assert in_every_layout("layout-inference", WritesIntoViews()) == np.inf


class TakesUpstreamAsFull(NumpyBatchNorm):
    """Takes one number for a gradient that is a broadcast view, where there is one per channel."""

    def train_vjp(self, dy, x, *arguments, **options):
        if 0 in dy.strides:
            dy = np.resize(dy.ravel()[:1], dy.shape)
        return super().train_vjp(dy, x, *arguments, **options)


@pytest.mark.parametrize("axis", [1, -1])
def test_a_broadcast_gradient_is_handed_over_as_a_view(axis):
    """With strides 0, whose values are those of the source; who reads it right passes."""
    correct = NumpyBatchNorm() if axis == 1 else ChannelsLast()
    assert ratio("broadcast-gradient", correct, by_hand()) <= 1
    calls = []

    class Listens(type(correct)):
        convention = Convention("listens", channel_axis=axis)

        def train_vjp(self, dy, *arguments, **options):
            calls.append(dy)
            return super().train_vjp(dy, *arguments, **options)

    ratio("broadcast-gradient", Listens(), by_hand())
    assert any(0 in dy.strides for dy in calls)


def test_a_broadcast_gradient_that_is_misread_breaks_the_law():
    """All channels get the first one's gradient."""
    assert ratio("broadcast-gradient", TakesUpstreamAsFull(), by_hand()) > 1


@pytest.mark.parametrize("axis", [1, -1])
def test_the_source_of_a_broadcast_gradient_makes_the_view(axis):
    """What a reproducer prints is a broadcast view along the same axes."""

    class Misreads(TakesUpstreamAsFull if axis == 1 else ChannelsLast):
        def train_vjp(self, dy, *arguments, **options):
            dx, *rest = super().train_vjp(dy, *arguments, **options)
            return (dx + 1 if 0 in dy.strides else dx), *rest

    of, case = target(Misreads()), by_hand()
    call = load_laws()["broadcast-gradient"].measure(Answers(of, case), Oracle(case)).calls[0]
    view = call.arguments["dy"]
    made = eval(call.views["dy"].format("dy"), {"np": np, "dy": np.array(view, order="C")})
    assert np.array_equal(made, view)
    assert [stride == 0 for stride in made.strides] == [stride == 0 for stride in view.strides]


def test_one_sample_has_layouts_too():
    """An axis of size 1 is laid out like any other, and read by strides."""
    case = by_hand()
    one = replace(case, x=case.x[:1], dy=case.dy[:1], ddx=case.ddx[:1], parts=(1,))
    assert max(ratio(law, NumpyBatchNorm(), one) for law in NAMES.values()) <= 1
