"""What trainings share: digits that nobody can write into, first weights and mini-batches.

Whole batches and bounds of the weights are tested with the other experiments.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnproof.experiments.networks import (
    BATCH,
    draw_layers,
    draw_mini_batches,
    keep_finite,
    load_labelled_digits,
)


@settings(max_examples=25)
@given(st.integers(0, 3 * BATCH), st.integers(0, 3), st.integers(0, 5))
def test_an_epoch_has_as_many_batches_as_are_whole(values, epochs, seed):
    """Fewer values than a batch give none; no index is used twice within an epoch."""
    chosen = list(draw_mini_batches(values, epochs, seed))
    whole = values // BATCH
    assert len(chosen) == epochs * whole
    for epoch in range(epochs):
        used = [*map(int, np.concatenate([*chosen[epoch * whole :][:whole], []]))]
        assert len(set(used)) == len(used) == whole * BATCH
        assert set(used) <= set(range(values))


def test_the_order_follows_the_seed():
    """And is another one in each epoch, so that not always the same values are left over."""
    first, same, other = (list(draw_mini_batches(BATCH + 9, 2, seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
    assert set(first[0]) != set(first[1])


def test_layers_fit_together_and_start_without_shifts():
    """Each has as many inputs as the one before has units; scales of hidden layers are 1."""
    layers = draw_layers((5, 3, 4, 2), 7, scale=True)
    assert [layer.weight.shape for layer in layers] == [(3, 5), (4, 3), (2, 4)]
    assert all(np.array_equal(layer.shift, np.zeros(len(layer.weight))) for layer in layers)
    assert [layer.scale is None for layer in layers] == [False, False, True]
    assert all(np.array_equal(layer.factor, np.ones(len(layer.weight))) for layer in layers)


def test_weights_do_not_depend_on_the_scales():
    """Two networks that are compared have the same first weights; another seed has others."""
    plain, scaled, other = (
        draw_layers((5, 3, 2), seed, scale=scale)
        for seed, scale in ((1, False), (1, True), (2, True))
    )
    for one, same, different in zip(plain, scaled, other, strict=True):
        assert np.array_equal(one.weight, same.weight)
        assert not np.array_equal(one.weight, different.weight)


@pytest.mark.parametrize(
    ("value", "kept"),
    [(math.nan, None), (math.inf, None), (-math.inf, None), (0.0, 0.0), (np.float64(1.5), 1.5)],
)
def test_what_json_cannot_hold_is_none(value, kept):
    """Everything else is a plain float."""
    assert keep_finite(value) == kept
    assert kept is None or type(keep_finite(value)) is float


def test_the_digits_are_between_0_and_1_and_cannot_be_written_into():
    """The arrays are shared by everybody who asks."""
    pixels, classes = load_labelled_digits()
    assert (pixels.min(), pixels.max()) == (0, 1)
    assert pixels.shape == (1797, 64)
    assert set(classes) == set(range(10))
    for array in (pixels, classes):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
