"""Models of inference bugs: which statistics, which eps, and what a state shows."""

import ml_dtypes
import numpy as np
import pytest

from bnproof.mutants.catalogue import list_mutants
from bnproof.mutants.inference import narrow
from tests.mutants.exact_case import MU, X, infer

GAMMA, BETA = np.array([4.0, 1.0]), np.array([1.0, 0.0])
# channel 0 of each answer, for statistics (0, 9) and eps 3.5
STATISTICS = np.zeros(2), np.full(2, 9.0)
ANSWERS = {
    # by the batch: (x - 2)/sqrt(1 + 3) with eps 3
    "I01": (3.0, [4 * -0.5 + 1, 4 * 0.5 + 1]),
    # eps twice: x/sqrt(9 + 2 * 3.5)
    "I02": (3.5, [4 * 1 / 4 + 1, 4 * 3 / 4 + 1]),
    # gamma x + beta
    "I08": (3.0, [4 * 1 + 1, 4 * 3 + 1]),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_inference_is_the_wrong_map_that_is_named(name):
    """By the batch's statistics, with eps twice, or without statistics."""
    eps, expected = ANSWERS[name]
    y = infer(name, gamma=GAMMA, beta=BETA, mean=STATISTICS[0], var=STATISTICS[1], eps=eps)
    np.testing.assert_array_equal(y[:, 0], expected)


@pytest.mark.parametrize(("name", "slope"), [("I02", 4 / 4), ("I08", 4.0)])
def test_the_backward_fits_the_wrong_forward(name, slope):
    """Its gradient is that of the same map, so that finite differences see nothing."""
    dy = np.array([[1.0, 0.0], [3.0, 0.0]])
    dx, _, dbeta = list_mutants()[name].make().infer_vjp(dy, X, GAMMA, BETA, *STATISTICS, eps=3.5)
    np.testing.assert_array_equal(dx, dy * [slope, 0])
    assert dbeta[0] == 4


def test_one_sample_is_beta_by_its_own_statistics():
    """I01 depends on the batch: a single row is its own mean."""
    y = infer("I01", x=X[:1], gamma=GAMMA, beta=BETA, eps=3.0)
    np.testing.assert_array_equal(y, [BETA])


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16])
def test_parameters_are_narrowed_for_half_precision_alone(dtype):
    """Values are rounded to the nearest of x's dtype, float16's overflow included."""
    values = np.array([1.0, 1 + 2.0**-12, 1e5], np.float32)
    half = narrow(np.zeros(1, dtype), values)
    assert half.dtype == dtype
    np.testing.assert_array_equal(half.astype(float)[:2], [1, 1])
    assert np.isinf(half.astype(float)[2]) == (dtype is np.float16)
    assert narrow(np.zeros(1, np.float32), values) is values


def test_an_infinite_variance_makes_a_channel_beta():
    """``v_r = 2^17`` is infinite in float16, so that a channel of large values is silent."""
    x = np.array([[512.0]], np.float16)
    var = np.array([2.0**18], np.float32)
    zero = np.zeros(1, np.float32)
    arguments = (None, np.ones(1, np.float32), zero, var)
    model = list_mutants()["I06"].make()
    assert float(model.infer(x, *arguments, eps=0.0)[0, 0]) == 1
    wide = x.astype(np.float32)
    assert float(model.infer(wide, *arguments, eps=0.0)[0, 0]) == 2


def test_a_state_shows_sums_and_takes_means():
    """After two steps the weight is ``1 + 3/4 (1 + 3/4) = 37/16``; what is loaded comes back as it
    was."""
    layer = list_mutants()["I05"].make(2, eps=3.0, momentum=0.25)
    np.testing.assert_array_equal(layer.state["running_var"], [1, 1])
    for _ in range(2):
        layer.forward(X, training=True)
    mean = MU * (1 - 0.75**2)
    np.testing.assert_array_equal(layer.state["running_mean"], mean * 37 / 16)
    y = layer.forward(X, training=False)
    var = 0.75**2 + (1 - 0.75**2) * 2 * np.array([1.0, 4.0])
    np.testing.assert_array_equal(y, (X - mean) / np.sqrt(var + 3))
    given = {"gamma": GAMMA, "beta": BETA, "running_mean": MU, "running_var": MU}
    layer.state = given
    for name, values in given.items():
        np.testing.assert_array_equal(layer.state[name], values)
