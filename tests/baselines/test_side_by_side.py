"""One batch through two implementations: what is drawn, what is handed over, what is compared."""

import numpy as np
import pytest

from bnproof.baselines import allclose_forward, allclose_full
from bnproof.baselines.baseline import Differs
from bnproof.baselines.declared import Declared
from bnproof.baselines.side_by_side import (
    assert_agrees,
    call_reference,
    draw_batches,
    prepare_side,
)
from bnproof.contract import Convention
from bnproof.implementations.numpy import NumpyBatchNorm

LAST = Convention("last", momentum="old", running_var="biased", channel_axis=-1, eps_min=0.5)


class Recording:
    """Keeps the arguments of its calls and answers like the reference."""

    def __init__(self):
        self.calls = {}

    def __getattr__(self, name):
        def call(*arguments, **options):
            self.calls[name] = (arguments, options)
            return getattr(NumpyBatchNorm(), name)(*arguments, **options)

        return call


def draw(convention=LAST, seed=0, state=allclose_full.draw_state, **supports):
    """The cases for a declaration."""
    return list(draw_batches(Declared(convention, supports), seed, state))


def test_batches_repeat_and_differ_by_seed():
    """Two shapes in float32, the same for the same seed, another for another."""
    first, again, other = draw(), draw(), draw(seed=1)
    assert [case.x.shape for case in first] == [(8, 16, 4, 4), (32, 16)]
    assert {case.x.dtype for case in first} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(first[0].x, again[0].x)
    assert not np.array_equal(first[0].x, other[0].x)
    assert not np.array_equal(first[0].x, first[0].dy)


def test_parameters_of_half_precision_are_kept_in_single():
    """x and dy are float16, everything else float32."""
    for case in draw(dtypes=["float16"]):
        assert case.x.dtype == case.dy.dtype == np.float16
        assert case.gamma.dtype == case.running_var.dtype == np.float32
    assert draw(dtypes=["int8"]) == []


def test_states_are_those_of_new_and_of_used_layers():
    """(1, 0, 0, 1), and random ones with a variance that is not negative."""
    random = np.random.default_rng(0)
    fresh = allclose_forward.start_state(random, 3)
    np.testing.assert_array_equal(fresh, [[1] * 3, [0] * 3, [0] * 3, [1] * 3])
    used = allclose_full.draw_state(random, 50)
    assert all(values.shape == (50,) for values in used)
    assert min(used[3]) >= 0
    assert all(min(values) < 0 for values in used[:3])


def test_an_implementation_gets_its_own_layout_and_momentum():
    """Channels last and the weight of the old value; the case keeps the common sense."""
    (case, _), target = draw(), Recording()
    side = prepare_side(target, Declared(LAST, {}), case)
    assert side.case.x.shape == (8, 4, 4, 16)
    assert side.momentum == 0.9
    assert case.momentum == 0.1
    assert case.x.shape == (8, 16, 4, 4)


def test_the_reference_gets_what_it_is_used_to_and_answers_as_declared():
    """Its layout, its momentum and the least eps; outputs are moved, the variance is biased."""
    (case, _), target = draw(), Recording()
    answer = call_reference(target, Declared(LAST, {}), case, "train")
    (x, *_), options = target.calls["train"]
    assert x is case.x
    assert options == {"eps": 0.5, "momentum": 0.1}
    y, mean, var = NumpyBatchNorm().train(
        case.x, case.gamma, case.beta, case.running_mean, case.running_var, eps=0.5, momentum=0.1
    )
    np.testing.assert_array_equal(answer["y"], np.moveaxis(y, 1, -1))
    np.testing.assert_array_equal(answer["running_mean"], mean)
    assert np.all(answer["running_var"] < var)  # (m - 1)/m of what was taken in


@pytest.mark.parametrize("call", ["train", "infer", "train_vjp", "infer_vjp"])
def test_every_call_is_made_with_the_arguments_of_its_method(call):
    """The answers have the names of the contract, and agree with a direct call."""
    case = draw(Convention("torch"))[1]
    side = prepare_side(NumpyBatchNorm(), Declared(Convention("torch"), {}), case)
    parts = {
        "train": ("y", "running_mean", "running_var"),
        "infer": ("y",),
        "train_vjp": ("dx", "dgamma", "dbeta"),
        "infer_vjp": ("dx", "dgamma", "dbeta"),
    }
    answer = side.call(call)
    assert tuple(answer) == parts[call]
    assert_agrees(lambda: side.call(call), answer)


def test_what_the_reference_does_not_offer_is_not_compared():
    """``NotImplementedError`` is no answer."""

    class Missing:
        pass

    case = draw()[0]
    assert call_reference(Missing(), Declared(LAST, {}), case, "infer") is None


def test_only_values_of_the_answer_are_compared():
    """Another value may be anything; one that is off is named."""
    one = np.ones(2, np.float32)
    assert_agrees(lambda: {"y": one, "running_mean": None}, {"y": one})
    with pytest.raises(Differs, match=r"running_mean\[0\] is 1.0, expected 2.0"):
        assert_agrees(lambda: {"y": one, "running_mean": one}, {"y": one, "running_mean": 2 * one})
