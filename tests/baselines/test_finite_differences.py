"""Central differences and Jacobians, on functions whose derivatives are known."""

import numpy as np
import pytest

from bnproof.baselines.baseline import Differs
from bnproof.baselines.finite_differences import (
    STEP,
    central_differences,
    compute_jacobians,
    copy_gradients,
    gradcheck,
    run,
)
from bnproof.implementations.numpy import NumpyBatchNorm

MATRIX = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def test_differences_of_a_constant_are_zero_and_of_a_step_are_huge():
    """Rows are outputs, columns entries, and every entry gets both its sides."""
    x = np.zeros(3)
    jumps = central_differences(lambda: np.array([5.0, float(x[1] > 0)]), x)
    assert jumps.shape == (2, 3)
    np.testing.assert_array_equal(jumps, [[0, 0, 0], [0, 1 / (2 * STEP), 0]])


def test_entries_are_put_back():
    """Bit by bit, also where adding and subtracting the step would not lead back."""
    x = np.array([1 / 3, 1e9, 1e-20])
    before = x.copy()
    seen = []
    central_differences(lambda: seen.append(x.copy()) or np.zeros(1), x)
    np.testing.assert_array_equal(x, before)
    # two calls for every entry, in each of which one entry alone is off
    assert [int(np.sum(values != before)) for values in seen] == [1] * 6


def test_a_function_that_returns_its_buffer_is_copied():
    """Both sides of a difference are kept, though the same array comes back each time."""
    x, buffer = np.array([2.0]), np.zeros(1)

    def forward():
        buffer[0] = x[0] > 2
        return buffer

    assert central_differences(forward, x)[0, 0] == 1 / (2 * STEP)


def test_a_jacobian_has_a_row_for_every_output():
    """Of a linear map it is the matrix, whatever shapes output and input have."""
    x = np.zeros((3, 1))

    def vjp(dy):
        return ((MATRIX.T @ dy.reshape(2)).reshape(3, 1),)

    (jacobian,) = compute_jacobians(vjp, np.zeros((1, 2)), {"x": x})
    np.testing.assert_array_equal(jacobian, MATRIX)


def test_a_missing_gradient_is_zero_and_a_wrong_one_is_named():
    """``None`` has the shape of its input; another shape or dtype is a difference."""
    inputs = {"x": np.zeros((2, 1)), "gamma": np.zeros(2)}
    zero, _ = copy_gradients(lambda dy: (None, np.ones(2)), np.ones(1), inputs)
    np.testing.assert_array_equal(zero, [[0], [0]])
    for wrong in (np.ones(2), np.ones((2, 1), np.float32)):
        with pytest.raises(Differs, match="the gradient of x is"):
            copy_gradients(lambda dy, wrong=wrong: (wrong, None), np.ones(1), inputs)


def test_a_backward_that_writes_into_its_argument_is_harmless():
    """The upstream gradient is handed over as a copy."""
    upstream = np.ones(2)

    def vjp(dy):
        dy *= 0
        return (np.ones(2),)

    copy_gradients(vjp, upstream, {"x": np.zeros(2)})
    np.testing.assert_array_equal(upstream, [1, 1])


def test_every_input_is_checked():
    """A wrong gradient of the second input is found behind a right first one."""
    inputs = {"x": np.array([0.5]), "gamma": np.array([2.0])}

    def forward():
        return inputs["x"] * inputs["gamma"]

    gradcheck(forward, lambda dy: (dy * inputs["gamma"], dy * inputs["x"]), inputs)
    with pytest.raises(Differs, match="the gradient of gamma: output 0 by entry 0 is 2"):
        gradcheck(forward, lambda dy: (dy * inputs["gamma"], dy * inputs["gamma"]), inputs)


def test_without_float64_nothing_is_offered():
    """gradcheck's defaults are made for float64, so nothing else is asked."""

    class Single(NumpyBatchNorm):
        supports = {"dtypes": ["float32"]}

    assert not run(Single(), None).offered
