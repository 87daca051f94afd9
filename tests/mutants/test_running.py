"""Models of running statistics: what each one's update makes of exact numbers."""

import numpy as np
import pytest

from bnproof.mutants.catalogue import list_mutants
from tests.mutants.exact_case import MU, V, X, train

OLD_MEAN, OLD_VAR = np.array([10.0, 14.0]), np.array([8.0, 4.0])
UNBIASED = 2 * V  # m/(m - 1) = 2

# momentum 1/4 weighs the new value: the right update is 3/4 old + 1/4 new
UPDATES = {
    "R01": lambda old, new, biased: 0.75 * old + 0.25 * biased,
    "R06": lambda old, new, biased: 0.25 * old + 0.75 * new,
    "R07": lambda old, new, biased: old,
    "R07-one": lambda old, new, biased: new,
    "R09": lambda old, new, biased: old,
    "R13": lambda old, new, biased: 0.5625 * old + 0.4375 * new,
}


@pytest.mark.parametrize("name", UPDATES)
def test_an_update_is_the_wrong_one_that_is_named(name):
    """Weights exchanged, 0, 1 or applied twice, and a variance without Bessel's factor."""
    y, mean, var = train(name, mean=OLD_MEAN, var=OLD_VAR)
    np.testing.assert_array_equal(mean, UPDATES[name](OLD_MEAN, MU, MU))
    np.testing.assert_array_equal(var, UPDATES[name](OLD_VAR, UNBIASED, V))
    np.testing.assert_array_equal(y[:, 0], [-0.5, 0.5])  # the output is right


def test_the_estimator_depends_on_the_rank():
    """The same values as rank 2 and as rank 4 leave variances that differ by m/(m - 1)."""
    _, _, flat = train("R02", var=np.zeros(2), momentum=1.0)
    _, _, image = train("R02", x=X.reshape(2, 2, 1, 1), var=np.zeros(2), momentum=1.0)
    np.testing.assert_array_equal(flat, V)
    np.testing.assert_array_equal(image, UNBIASED)


def test_one_value_poisons_the_variance_alone():
    """The output is beta and the mean is tracked; the variance is NaN from then on."""
    y, mean, var = train(
        "R05", x=X[:1], beta=np.array([5.0, 6.0]), mean=OLD_MEAN, var=OLD_VAR, momentum=0.5
    )
    np.testing.assert_array_equal(y, [[5, 6]])
    np.testing.assert_array_equal(mean, [5.5, 9])
    assert np.all(np.isnan(var))


def test_an_empty_batch_makes_statistics_nan():
    """Where nothing came in, the buffers have to stay, and do not."""
    y, mean, var = train("R23", x=X[:0], mean=OLD_MEAN, var=OLD_VAR)
    assert y.shape == (0, 2)
    assert np.all(np.isnan(mean))
    assert np.all(np.isnan(var))


def layer(name):
    """A layer of two features."""
    return list_mutants()[name].make(2, eps=3.0, momentum=0.25)


def test_layers_move_when_they_should_not_and_stay_when_they_should_move():
    """Inference moves R11, the backward moves R13, and training leaves R09 where it was."""
    moving = layer("R11")
    before = moving.state
    y = moving.forward(X, training=False)
    np.testing.assert_array_equal(y, X / 2)  # by the old statistics (0, 1)
    np.testing.assert_array_equal(moving.state["running_mean"], MU / 4)
    np.testing.assert_array_equal(before["running_mean"], [0, 0])
    twice = layer("R13-layer")
    twice.forward(X, training=True)
    np.testing.assert_array_equal(twice.state["running_mean"], MU / 4)
    twice.backward(X)
    np.testing.assert_array_equal(twice.state["running_mean"], MU * 0.4375)
    still = layer("R09-layer")
    still.forward(X, training=True)
    np.testing.assert_array_equal(still.state["running_mean"], [0, 0])


def test_fresh_layers_start_from_something_else():
    """Variance 0, or NaN; the debiased layer is right from its first step on."""
    assert not np.any(layer("R16").state["running_var"])
    assert np.all(np.isnan(layer("R28").state["running_mean"]))
    debiased = layer("R17")
    assert np.all(np.isnan(debiased.state["running_var"]))
    debiased.forward(X, training=True)
    np.testing.assert_array_equal(debiased.state["running_mean"], MU / 4)
    np.testing.assert_array_equal(debiased.state["running_var"], 0.75 + UNBIASED / 4)


def test_a_loaded_state_is_not_the_one_that_was_given():
    """R21 takes eps off the variance, R26 keeps its own statistics, and both take gamma."""
    given = {"gamma": OLD_VAR, "beta": MU, "running_mean": OLD_MEAN, "running_var": OLD_VAR}
    less, own = layer("R21"), layer("R26")
    less.state, own.state = given, given
    np.testing.assert_array_equal(less.state["running_var"], [5, 1])
    np.testing.assert_array_equal(less.state["running_mean"], OLD_MEAN)
    np.testing.assert_array_equal(own.state["running_mean"], [0, 0])
    np.testing.assert_array_equal(own.state["running_var"], [1, 1])
    for one in (less, own):
        np.testing.assert_array_equal(one.state["gamma"], OLD_VAR)
