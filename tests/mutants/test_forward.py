"""The models of forward bugs compute the formulas that they say, worked by hand in exact floats."""

import numpy as np
import pytest

from bnproof.mutants.catalogue import list_mutants
from tests.mutants.exact_case import EPS, MU, V, X, infer, train

DEVIATIONS = X - MU  # (-1, -2) and (1, 2)
SCALES = {
    "F01": np.sqrt(V) + EPS,
    "F03": V + EPS,
    "F03-square": 1 / (V + EPS) ** 2,
}


@pytest.mark.parametrize("name", SCALES)
def test_the_scale_is_the_wrong_one_that_is_named(name):
    """The output is the deviation over ``sqrt(v) + eps``, ``v + eps``, or times a square."""
    np.testing.assert_array_equal(train(name)[0], DEVIATIONS / SCALES[name])


def test_the_unbiased_variance_normalises_and_what_is_tracked_stays_right():
    """With m = 2 and eps = 2, ``s = sqrt(2 * 1 + 2) = 2``; the running variance takes in 2 v."""
    y, _, var = train("F07", eps=2.0, mean=np.zeros(2), var=np.zeros(2), momentum=0.5)
    np.testing.assert_array_equal(y[:, 0], [-0.5, 0.5])
    np.testing.assert_array_equal(var, V)


def test_a_constant_eps_does_not_hear_what_is_asked():
    """The outputs for eps = 0 and for eps = 1000 are the same."""
    np.testing.assert_array_equal(train("F04", eps=0.0)[0], train("F04", eps=1000.0)[0])


def test_a_buffer_that_is_also_the_bias_is_overwritten_first():
    """beta is the running mean's memory: the output has the new mean in it, and the old one with a
    copy."""
    shared = np.zeros(2)
    y, mean, _ = train("F12", beta=shared, mean=shared, var=np.ones(2), momentum=0.5)
    assert mean is shared
    np.testing.assert_array_equal(mean, MU / 2)
    np.testing.assert_array_equal(y[:, 0], [0.5, 1.5])
    y, *_ = train("F12", beta=np.zeros(2), mean=np.zeros(2), var=np.ones(2), momentum=0.5)
    np.testing.assert_array_equal(y[:, 0], [-0.5, 0.5])


def test_exchanged_parameters_are_read_in_the_other_order():
    """``mu_r (x - gamma)/sqrt(beta + eps) + v_r``, with gamma = 1, beta = 4."""
    ones = np.ones(2)
    y = infer("F15", gamma=ones, beta=4 * ones, mean=6 * ones, var=9 * ones)
    np.testing.assert_array_equal(y, 6 * (X - 1) / 2 + 9)


def test_virtual_batches_refuse_other_numbers_of_samples():
    """Four samples are answered, and two raise in one line that names both numbers."""
    np.testing.assert_array_equal(infer("F17", np.concatenate([X, X]))[:2, 0], [-1, 1])
    with pytest.raises(ValueError, match="2 samples into virtual batches of 4"):
        infer("F17")


def test_every_other_inference_uses_its_own_batch():
    """The first call of an instance is right, the second normalises by mu and v, the third is
    right."""
    layer = list_mutants()["F18"].make()
    statistics = np.zeros(2), np.ones(2)
    answers = [layer.infer(X, None, None, *statistics, eps=0.0) for _ in range(3)]
    np.testing.assert_array_equal(answers[0], X)
    np.testing.assert_array_equal(answers[1], DEVIATIONS / np.sqrt(V))
    np.testing.assert_array_equal(answers[2], X)
