"""PyTorch behind the contract: values worked by hand, in powers of two, and what is not offered."""

import numpy as np
import pytest
import torch

from bnproof.implementations import torch as behind
from bnproof.implementations.torch import (
    TorchCompiled,
    TorchFunctional,
    TorchModules,
    track_cumulative,
)

BOTH = pytest.mark.parametrize("made", [TorchFunctional, TorchModules])
X, DY = np.array([[0.0, 2.0], [2.0, 6.0]]), np.array([[1.0, 4.0], [5.0, -2.0]])
GAMMA, BETA = np.array([3.0, -2.0]), np.array([0.5, 1.0])
MEAN, VAR = np.array([1.0, -2.0]), np.array([3.0, 15.0])


def lists(answer):
    """Arrays as lists, ``None`` as it is."""
    return [None if values is None else values.tolist() for values in answer]


@BOTH
def test_a_training_step_by_hand(made):
    """Means 1 and 4, variances 1 and 4, which eps = 12 makes 13 and 16; the caller's statistics
    stay as they are."""
    x, statistics = np.repeat(X[:, 1:], 2, axis=1), (MEAN.copy(), VAR.copy())
    y, mean, var = made().train(x, GAMMA, BETA, *statistics, eps=12.0, momentum=0.25)
    assert y.tolist() == [[-1.0, 2.0], [2.0, 0.0]]
    assert (mean.tolist(), var.tolist()) == ([1.75, -0.5], [4.25, 13.25])
    assert (statistics[0].tolist(), statistics[1].tolist()) == (MEAN.tolist(), VAR.tolist())


@BOTH
def test_gradients_in_training_by_hand(made):
    """Channel (2, 6) with s = 4, xhat = -+1/2: g = (4, -2) has mean 1 and c = -3/2, and dx is
    gamma/4 (9/4, -9/4)."""
    x, dy = X[:, 1:], DY[:, 1:]
    dx, dgamma, dbeta = made().train_vjp(dy, x, np.array([2.0]), np.array([7.0]), eps=12.0)
    assert dx.ravel().tolist() == [1.125, -1.125]
    assert (dgamma.tolist(), dbeta.tolist()) == ([-3.0], [2.0])


@BOTH
def test_inference_and_its_gradients_by_hand(made):
    """``mu_r = (1, -2)``, ``s_r = (2, 4)``; dx is ``gamma/s_r dy``."""
    x, dy = np.array([[5.0, 6.0]]), np.array([[1.0, -3.0]])
    arguments = x, GAMMA, BETA, MEAN, VAR
    assert made().infer(*arguments, eps=1.0).tolist() == [[6.5, -3.0]]
    found = lists(made().infer_vjp(dy, *arguments, eps=1.0))
    assert found == [[[1.5, 1.5]], [2.0, -6.0], [1.0, -3.0]]


@BOTH
def test_absent_parameters_have_no_gradient_and_absent_statistics_stay_absent(made):
    """Gamma and beta count as 1 and 0."""
    x, dy = X[:, :1], DY[:, :1]
    y, mean, var = made().train(x, None, None, None, None, eps=3.0, momentum=0.5)
    assert (y.ravel().tolist(), mean, var) == ([-0.5, 0.5], None, None)
    # c = mean g xhat = 1, so that dx is (g - 3 -+ xhat)/2
    assert lists(made().train_vjp(dy, x, None, None, eps=3.0)) == [[[-0.75], [0.75]], None, None]


def test_the_function_takes_one_parameter_alone_and_the_modules_do_not():
    """gamma without beta: only the former exists in ``torch.nn``'s functions."""
    statistics = np.zeros(2), np.ones(2)
    y = TorchFunctional().infer(X, GAMMA, None, *statistics, eps=3.0)
    assert y.tolist() == (X * GAMMA / 2).tolist()
    for pair in ((GAMMA, None), (None, BETA)):
        with pytest.raises(NotImplementedError, match="together or not at all"):
            TorchModules().infer(X, *pair, *statistics, eps=3.0)


@BOTH
def test_what_pytorch_computes_in_half_precision_is_not_offered(made):
    """A batch in float16 with nothing in float32, and strided upstream gradients; with float32
    statistics the former works."""
    x = X.astype(np.float16)
    with pytest.raises(NotImplementedError, match="half precision alone"):
        made().train(x, None, None, None, None, eps=3.0, momentum=0.5)
    with pytest.raises(NotImplementedError, match="strided"):
        made().train_vjp(x.T, x, None, None, eps=3.0)
    kept = np.zeros(2, np.float32), np.ones(2, np.float32)
    y, mean, _ = made().train(x, None, None, *kept, eps=3.0, momentum=0.5)
    assert (y.dtype, mean.dtype) == (np.float16, np.float32)
    assert mean.tolist() == [0.5, 2.0]


@BOTH
def test_eps_zero_is_not_offered_in_training_alone(made):
    """Newer versions of PyTorch refuse it, so all do here; at inference it works."""
    with pytest.raises(NotImplementedError, match="refuse eps = 0"):
        made().train(X, None, None, None, None, eps=0.0, momentum=0.5)
    with pytest.raises(NotImplementedError, match="refuse eps = 0"):
        made().train_vjp(DY, X, None, None, eps=0.0)
    assert made().infer(X, None, None, np.zeros(2), np.ones(2), eps=0.0).tolist() == X.tolist()


@pytest.mark.parametrize("rank", [2, 3, 4, 5])
def test_the_module_is_that_of_the_rank(rank, monkeypatch):
    """1d for two and three axes, 2d for four, 3d for five."""
    name = {2: "BatchNorm1d", 3: "BatchNorm1d", 4: "BatchNorm2d", 5: "BatchNorm3d"}[rank]
    for other in {"BatchNorm1d", "BatchNorm2d", "BatchNorm3d"} - {name}:
        monkeypatch.setattr(torch.nn, other, None)
    x = np.array([0.0, 2.0]).reshape(2, 1, *(1,) * (rank - 2))
    y, _, _ = TorchModules().train(x, None, None, None, None, eps=3.0, momentum=0.5)
    assert y.ravel().tolist() == [-0.5, 0.5]


def test_the_cumulative_average_weighs_every_batch_alike():
    """Means 1 and 6 and unbiased variances 2 and 8: their averages are 3.5 and 5, whichever came
    first."""
    batches = [np.array(values).reshape(2, 1) for values in ([0.0, 2.0], [4.0, 8.0])]
    for order in (batches, batches[::-1]):
        mean, var = track_cumulative(order, 1.0)
        assert (mean.tolist(), var.tolist()) == ([3.5], [5.0])


@pytest.fixture
def compiler(monkeypatch):
    """In the place of the compiler, a function that raises this error from that one."""

    def put(error, cause=None):
        def step(*tensors, **options):
            raise error from cause

        monkeypatch.setattr(behind, "_compile_batch_norm", lambda: step)
        return TorchCompiled()

    return put


def test_what_the_compiler_wraps_comes_out(compiler):
    """PyTorch's own refusal is a ``ValueError`` again; another error stays what it is."""
    from torch._dynamo.exc import TorchRuntimeError

    refusal = ValueError("Expected more than 1 value per channel")
    arguments, options = (X, None, None, None, None), {"eps": 1.0, "momentum": 0.5}
    with pytest.raises(ValueError, match=r"^Expected more than 1 value per channel$"):
        compiler(TorchRuntimeError("wrapped"), refusal).train(*arguments, **options)
    with pytest.raises(TorchRuntimeError, match="wrapped"):
        compiler(TorchRuntimeError("wrapped"), KeyError()).train(*arguments, **options)


def test_without_a_compiler_nothing_is_offered(compiler):
    """What fails in the compiler is told in one line."""
    from torch._dynamo.exc import BackendCompilerFailed

    failed = BackendCompilerFailed(compiler, RuntimeError("no C++\nat all"), None)
    with pytest.raises(NotImplementedError, match=r"cannot compile here: no C\+\+") as refused:
        compiler(failed).train(X, None, None, None, None, eps=1.0, momentum=0.5)
    assert "\n" not in str(refused.value)


def test_compiled_code_is_not_asked_for_what_it_does_not_do(compiler):
    """Neither for a second derivative nor for gradients in half precision; the compiler is never
    called."""
    made, x = compiler(AssertionError("called")), X.astype(np.float16)
    with pytest.raises(NotImplementedError, match="double backward"):
        made.train_double_vjp(DY, DY, X, None, eps=1.0)
    with pytest.raises(NotImplementedError, match="compiled for a processor"):
        made.train_vjp(x, x, None, None, eps=1.0)
