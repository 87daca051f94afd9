"""Models of gradient bugs: terms that are missing, by hand, and calls that remember others."""

import numpy as np
import pytest

from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.mutants.catalogue import list_mutants
from tests.mutants.exact_case import EPS, MU, X

# channel 0: xhat = (-1/2, 1/2) and s = 2; with g = (2, 6), mean g = 4 and mean g xhat = 1
DY = np.array([[2.0, 1.0], [6.0, 1.0]])
GAMMA, BETA = np.array([4.0, 1.0]), np.zeros(2)
# gamma/s (g - mean g - xhat mean g xhat)
RIGHT = [2 * (2 - 4 + 0.5), 2 * (6 - 4 - 0.5)]
DX = {
    "G01": [2 * 2, 2 * 6],
    "G03": [RIGHT[0] / 4, RIGHT[1] / 4],
    "G03-part": [(4 * 2 - 4 + 0.5) / 2, (4 * 6 - 4 - 0.5) / 2],
    "G04": RIGHT,
    "G13": RIGHT,
    "G23": RIGHT,
}


def backward(name, dy=DY, x=X, gamma=GAMMA, beta=BETA, eps=EPS):
    """The gradients of training by a new instance, on a copy of dy."""
    model = list_mutants()[name].make() if isinstance(name, str) else name
    return model.train_vjp(dy.copy(), x, gamma, beta, eps=eps)


@pytest.mark.parametrize("name", DX)
def test_dx_is_the_wrong_one_that_is_named(name):
    """Without statistics, without gamma, and right where another quantity is wrong."""
    np.testing.assert_array_equal(backward(name)[0][:, 0], DX[name])


def test_the_root_is_in_the_numerator():
    """``dgamma = s sum g (x - mu) = 2 (-2 + 6)``, four times the right one."""
    assert backward("G04")[1][0] == 8
    assert NumpyBatchNorm().train_vjp(DY, X, GAMMA, BETA, eps=EPS)[1][0] == 2


@pytest.mark.parametrize(("name", "other"), [("G06", 0.0), ("G06-other", 30.0)])
def test_the_backward_has_an_eps_of_its_own(name, other):
    """0 or ten times as much, while the output has the eps that was asked for."""
    right = NumpyBatchNorm().train_vjp(DY, X, GAMMA, BETA, eps=other)
    for got, expected in zip(backward(name), right, strict=True):
        np.testing.assert_array_equal(got, expected)
    y = list_mutants()[name].make().train(X, None, None, None, None, eps=EPS, momentum=0.1)[0]
    np.testing.assert_array_equal(y[:, 0], [-0.5, 0.5])


@pytest.mark.parametrize(("rank", "zero"), [(2, True), (3, False), (4, True), (5, True)])
def test_some_ranks_have_no_gradient_at_inference(rank, zero):
    """dx is 0 on ranks 2, 4 and 5, and right on rank 3."""
    shape = (2, 2, *[1] * (rank - 2))
    dx, *_ = (
        list_mutants()["G09"]
        .make()
        .infer_vjp(DY.reshape(shape), X.reshape(shape), GAMMA, BETA, MU, np.ones(2), eps=EPS)
    )
    expected = np.zeros(shape) if zero else (DY * GAMMA / 2).reshape(shape)
    np.testing.assert_array_equal(dx, expected)


def test_the_gradient_of_beta_grows_without_gamma():
    """8, 16, 24 for three equal calls without gamma; with gamma it is 8 each time."""
    model = list_mutants()["G11"].make()
    without = [backward(model, gamma=None)[2][0] for _ in range(3)]
    assert without == [8, 16, 24]
    assert [backward(model)[2][0] for _ in range(2)] == [8, 8]


def test_the_callers_gradient_is_scaled():
    """dy becomes gamma dy where it lies, and without gamma it stays; dx is right."""
    model = list_mutants()["G15"].make()
    dy = DY.copy()
    dx, *_ = model.train_vjp(dy, X, GAMMA, BETA, eps=EPS)
    np.testing.assert_array_equal(dy, DY * GAMMA)
    np.testing.assert_array_equal(dx[:, 0], RIGHT)
    model.train_vjp(dy, X, None, BETA, eps=EPS)
    np.testing.assert_array_equal(dy, DY * GAMMA)


def test_the_backward_uses_the_latest_forward():
    """After a forward of other values the gradient is another; without any forward it is right."""
    model = list_mutants()["G16"].make()
    np.testing.assert_array_equal(backward(model)[0][:, 0], RIGHT)
    model.train(X + 1, None, None, None, None, eps=EPS, momentum=0.1)
    # xhat is (-1, 0) now, by the mean 3 and s = 2: mean g xhat = -1
    np.testing.assert_array_equal(backward(model)[0][:, 0], [2 * (2 - 4 - 1), 2 * (6 - 4)])


def test_absent_gammas_and_untracked_layers_have_no_gradient():
    """G20 reads 0 for a missing gamma, and G21 returns 0 without running statistics."""
    dx, dgamma, dbeta = backward("G20", gamma=None)
    assert not np.any(dx)
    assert dgamma is None
    assert dbeta[0] == 8
    np.testing.assert_array_equal(backward("G20")[0][:, 0], RIGHT)
    for tracked in (True, False):
        layer = list_mutants()["G21"].make(
            2, eps=EPS, momentum=0.1, affine=False, track_running_stats=tracked
        )
        layer.forward(X, training=True)
        assert bool(np.any(layer.backward(DY)[0])) == tracked
