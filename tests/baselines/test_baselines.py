"""Baselines accept correct batch norms in every convention, see what they can see, and are blind to
the rest."""

import sys
import warnings

import numpy as np
import pytest

from bnproof.baselines.baseline import BaselineResult, list_baselines, run_checks
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.targets import load
from tests.baselines.specimens import (
    ChannelsLast,
    EpsOutsideRoot,
    FoldsWrongly,
    Half,
    InPlace,
    Keras,
    LeastEps,
    MomentumSwapped,
    Narrow,
    NoMeanPath,
    NoMeanPathTwice,
    OnePass,
    SampleVariance,
)

NAMES = ("allclose-forward", "allclose-full", "finite-differences", "onnx-node-tests")


def found(name, implementation):
    """What a baseline says; the ONNX one only where its package is installed."""
    if name == "onnx-node-tests":
        pytest.importorskip("onnx")
    return list_baselines()[name].run(implementation, load("torch"))


def test_baselines_are_listed_with_their_sources():
    """Four, each with a sentence and an address."""
    assert sorted(list_baselines()) == sorted(NAMES)
    assert all(b.says and b.source.startswith("https://") for b in list_baselines().values())


CORRECT = [NumpyBatchNorm, Keras, ChannelsLast, LeastEps, Narrow, Half]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", CORRECT)
def test_no_correct_one_is_blamed(name, make):
    """Conventions and supports are kept to; only what they rule out altogether is not offered."""
    ruled_out = {
        (Narrow, "onnx-node-tests"),
        (Half, "onnx-node-tests"),
        (Half, "finite-differences"),
    }
    assert found(name, make()) == BaselineResult(
        flagged=False, offered=(make, name) not in ruled_out
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", ["torch", "torch-modules"])
def test_pytorch_passes(name, target):
    """The reference agrees with itself, its gradients and the ONNX data."""
    assert found(name, load(target)) == BaselineResult(flagged=False)


# forward, full, finite differences, ONNX
SEEN = {
    NoMeanPath: (False, True, True, False),
    EpsOutsideRoot: (True, True, False, True),
    SampleVariance: (True, True, False, True),
    MomentumSwapped: (False, True, False, True),
    OnePass: (False, False, False, False),
    NoMeanPathTwice: (False, False, True, False),
    InPlace: (False, True, True, False),
    FoldsWrongly: (False, False, False, False),
}


@pytest.mark.parametrize("position", range(4), ids=NAMES)
@pytest.mark.parametrize("make", SEEN, ids=lambda c: c.__name__)
def test_each_sees_what_it_can_and_is_blind_to_the_rest(position, make):
    """A bug is flagged with a reason in one line, or it passes although it is there."""
    outcome = found(NAMES[position], make())
    assert outcome.offered
    assert outcome.flagged == SEEN[make][position]
    assert bool(outcome.reason) == outcome.flagged
    assert "\n" not in outcome.reason


def test_eps_outside_the_root_is_seen_only_where_eps_is_large_in_the_node_tests():
    """It passes the tests with eps = 1e-5 and fails the one with 1e-2."""
    assert found("onnx-node-tests", EpsOutsideRoot()).reason.startswith(
        "test_batchnorm_epsilon: y["
    )


def test_onnx_does_not_judge_an_unbiased_running_variance_but_a_wrong_biased_one():
    """The running variance of the training tests counts where the convention is ONNX's."""

    class Unbiased(Keras):
        bessel = NumpyBatchNorm.bessel

    assert "running_var" in found("onnx-node-tests", Unbiased()).reason
    assert not found("onnx-node-tests", NumpyBatchNorm()).flagged


class TrainsOnly:
    """Offers the least there is."""

    def train(self, *state, **options):
        return NumpyBatchNorm().train(*state, **options)


class Raises(NumpyBatchNorm):
    """Neither method works."""

    def train(self, *state, **options):
        raise KeyError("weight\nand more")

    infer = train


class Refuses(TrainsOnly):
    """Does not offer any case."""

    def train(self, *state, **options):
        raise NotImplementedError


def test_what_is_missing_is_not_offered():
    """Without gradients there is nothing to differentiate; the output alone is compared."""
    assert [found(name, TrainsOnly()).offered for name in NAMES] == [True, True, False, True]


@pytest.mark.parametrize("name", NAMES)
def test_exceptions_are_findings_unless_they_say_not_implemented(name):
    """A crash is flagged with its type; NotImplementedError is not."""
    crash = found(name, Raises())
    assert crash.flagged
    assert "raised KeyError: 'weight" in crash.reason
    assert found(name, Refuses()) == BaselineResult(flagged=False, offered=False)


def test_without_onnx_its_node_tests_are_not_offered(monkeypatch):
    """The finding says what is missing."""
    for module in ("onnx", "onnx.defs", "onnx.backend.test.case.node"):
        monkeypatch.setitem(sys.modules, module, None)
    outcome = list_baselines()["onnx-node-tests"].run(NumpyBatchNorm(), None)
    assert outcome == BaselineResult(flagged=False, reason="onnx is not installed", offered=False)


def test_the_global_generator_is_left_alone():
    """The node tests draw from NumPy's global generator, and put it back."""
    pytest.importorskip("onnx")
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    found("onnx-node-tests", NumpyBatchNorm())
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("name", NAMES)
def test_findings_repeat(name):
    """Seeds are fixed: the same finding, word for word."""
    assert found(name, NoMeanPath()) == found(name, NoMeanPath())


def test_warnings_are_not_judged():
    """An implementation may warn."""
    assert run_checks([("case", lambda: warnings.warn("hot", stacklevel=1))]) == BaselineResult(
        flagged=False
    )
