"""The ONNX node tests are read as they are written, and each difference is one of its outputs."""

import numpy as np
import pytest

from bnproof.baselines import onnx_node_tests
from bnproof.baselines.onnx_node_tests import NodeTest, collect_node_tests, run
from bnproof.implementations.numpy import NumpyBatchNorm

X = np.array([[1.0, 4.0], [3.0, 8.0]], np.float32)
ONE, ZERO = np.ones(2, np.float32), np.zeros(2, np.float32)


def make_test(*, training, outputs, momentum=0.75):
    """A node test on two channels with mu = (2, 6), v = (1, 4) and eps = 3."""
    inputs = (X, ONE, ZERO, ZERO, ONE)
    outputs = tuple(np.array(values, np.float32) for values in outputs)
    return NodeTest("case", inputs, outputs, training, 3.0, momentum, 0.0, 0.0)


@pytest.fixture
def judge(monkeypatch):
    """Run an implementation on one node test."""

    def run_on(case, implementation):
        monkeypatch.setattr(onnx_node_tests, "collect_node_tests", lambda: [case])
        return run(implementation, None)

    return run_on


class Biased(NumpyBatchNorm):
    """ONNX's own convention."""

    convention = "onnx"

    def bessel(self, v, m):
        return v

    def track(self, running, new, momentum):
        return super().track(running, new, 1 - momentum)


def test_inference_has_the_statistics_of_the_test(judge):
    """``x/sqrt(1 + 3)``, exactly; another value is flagged by its name."""
    right = make_test(training=False, outputs=[X / 2])
    assert not judge(right, NumpyBatchNorm()).flagged
    wrong = make_test(training=False, outputs=[X / 2 + 1])
    assert judge(wrong, NumpyBatchNorm()).reason.startswith("case: y[0, 0] is 0.5, expected 1.5")


def test_momentum_weighs_the_old_value(judge):
    """0.75 for the old one leaves a quarter of the batch's mean, in either convention."""
    first = np.array([-0.5, 0.5])
    second = np.array([-2.0, 2.0]) / np.sqrt(np.float32(7))
    y = np.stack([first, second], axis=1)
    case = make_test(training=True, outputs=[y, [0.5, 1.5], [1.0, 1.75]])
    assert not judge(case, Biased()).flagged
    assert not judge(case, NumpyBatchNorm()).flagged
    inverted = make_test(training=True, outputs=[y, [0.5, 1.5], [1.0, 1.75]], momentum=0.25)
    assert "running_mean" in judge(inverted, Biased()).reason


def test_a_running_variance_counts_only_where_it_is_biased(judge):
    """It is left out for PyTorch's convention, while the running mean counts for both."""
    y = NumpyBatchNorm().train(X, ONE, ZERO, None, None, eps=3.0, momentum=0.25)[0]
    case = make_test(training=True, outputs=[y, [0.5, 1.5], [9.0, 9.0]])
    assert "running_var[0]" in judge(case, Biased()).reason
    assert not judge(case, NumpyBatchNorm()).flagged
    other = make_test(training=True, outputs=[y, [7.0, 7.0], [9.0, 9.0]])
    assert "running_mean[0]" in judge(other, NumpyBatchNorm()).reason


def test_a_case_outside_of_supports_is_not_offered(judge):
    """An implementation for another eps is not asked."""

    class Fixed(NumpyBatchNorm):
        supports = {"eps": 1e-5}

    assert not judge(make_test(training=False, outputs=[X / 2]), Fixed()).offered


def test_outputs_have_the_names_of_the_contract():
    """One at inference, three in training."""
    assert make_test(training=False, outputs=[X]).names == ("y",)
    assert len(make_test(training=True, outputs=[X, ONE, ONE]).names) == 3


def test_the_package_has_four_tests_with_decimal_attributes():
    """Two with the default eps and two with 1e-2, two of them in training; attributes are the
    numbers that were written, not float32's."""
    pytest.importorskip("onnx")
    cases = {case.name: case for case in collect_node_tests()}
    assert sorted(case.eps for case in cases.values()) == [1e-5, 1e-5, 1e-2, 1e-2]
    assert sum(case.training for case in cases.values()) == 2
    assert {case.momentum for case in cases.values()} == {0.9}
    assert all(len(case.inputs) == 5 for case in cases.values())
