"""Arguments made from a case, where test_answers says nothing: layers, workers, and what is absent
but due."""

from dataclasses import replace

import numpy as np
import pytest

from bnproof.contract import Convention, Weights
from bnproof.laws.arguments import build_arguments, build_prototype, is_available, split
from tests.laws.draws import by_hand

FIRST, LAST = Convention("first"), Convention("last", channel_axis=-1)


@pytest.mark.parametrize("convention", [FIRST, LAST])
def test_a_layer_is_handed_over_as_it_is(convention):
    """Kind, groups, weights and bias keep their axes, wherever the channels of a batch are."""
    weight = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    case = by_hand(layer=Weights(weight, np.array([1.0, 2.0], np.float32), "conv", 2))
    handed = build_arguments("fold", case, convention)
    assert (handed["kind"], handed["groups"]) == ("conv", 2)
    assert np.array_equal(handed["weight"], weight)
    assert handed["bias"].tolist() == [1, 2]
    assert not np.shares_memory(handed["weight"], weight)


def test_a_folded_bias_is_due_where_none_is_handed_in():
    """One value for each output, in the dtype of the weights, which in half precision is not that
    of the batch."""
    case = by_hand("float16")
    case = replace(case, layer=replace(case.layer, bias=None))
    due = build_prototype("folded_bias", case, FIRST)
    assert (due.shape, due.dtype.name) == ((2,), "float32")


def test_workers_get_their_rows_in_the_convention():
    """The second of two workers holds the last three of four samples, channels last."""
    case = by_hand()
    shards = build_arguments("train_shards_vjp", case, LAST)
    for name, whole in (("shards", case.x), ("dys", case.dy)):
        assert [len(part) for part in shards[name]] == [1, 3]
        for sample, channel, place in np.ndindex(3, 2, 2):
            assert shards[name][1][sample, place, channel] == whole[1 + sample, channel, place]


def test_without_workers_there_is_no_shard():
    """No parts, no shards, and nothing to ask of a synchronised step."""
    assert split(np.ones((3, 2)), ()) == []
    assert not is_available("train_shards", by_hand(parts=()))
    assert is_available("train_shards_vjp", by_hand(parts=(4,)))


def test_a_call_cannot_reach_the_case():
    """What is written into the arguments of one call is not in those of the next one."""
    case = by_hand()
    build_arguments("infer", case, FIRST)["running_mean"][:] = 0
    build_arguments("train_shards", case, FIRST)["shards"][0][:] = 0
    again = build_arguments("infer", case, FIRST)
    assert again["running_mean"].tolist() == [2.5, -3.5]
    assert np.array_equal(again["x"], by_hand().x)
