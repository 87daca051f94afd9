"""Functions of any signature and modules with other names, as implementations of the contract."""

import numpy as np
import pytest
import torch

from bnproof.implementations.adapters import UnusableLayer
from bnproof.implementations.wrapping import BadOrder, Order, guess_order, wrap

X = np.array([[1.0, 5.0], [2.0, 3.0], [6.0, 1.0]])
DY = np.array([[1.0, 0.0], [0.5, 2.0], [0.0, 1.0]])
GAMMA, BETA = np.array([2.0, 3.0]), np.array([0.5, -1.0])
MEAN, VAR = np.array([1.0, 2.0]), np.array([4.0, 0.5])
EPS, MOMENTUM = 0.25, 0.25


def normalise(x, gamma=GAMMA, beta=BETA, eps=EPS):
    """The right output, by the formula as it stands."""
    return gamma * ((x - x.mean(0)) / np.sqrt(x.var(0) + eps)) + beta


def forward_with_cache(x, gamma, beta, settings):
    """A dictionary of settings, whose statistics are replaced, and what backward needs."""
    mean, var, keep = x.mean(0), x.var(0), settings["momentum"]
    if settings["mode"] == "test":
        mean, var = settings["running_mean"], settings["running_var"]
    else:
        for name, new in (("running_mean", mean), ("running_var", var)):
            settings[name] = (1 - keep) * settings[name] + keep * new
    deviation = np.sqrt(var + settings["eps"])
    xhat = (x - mean) / deviation
    return gamma * xhat + beta, (xhat, gamma, deviation)


def backward_of_cache(dout, cache):
    """The compact form of the gradient."""
    xhat, gamma, deviation = cache
    dgamma, dbeta = (dout * xhat).sum(0), dout.sum(0)
    return gamma / deviation * (dout - dbeta / 3 - xhat * dgamma / 3), dgamma, dbeta


CACHED = wrap(
    forward_with_cache,
    backward_of_cache,
    order="x gamma beta {mode eps momentum running_mean running_var}",
    returns="y cache",
    backward_order="dy cache",
    mode=("train", "test"),
)


def test_a_dictionary_of_settings_is_built_and_read_back():
    """The statistics that the function puts into it are those of the step, and nobody's array is
    touched."""
    mean, var = MEAN.copy(), VAR.copy()
    y, new_mean, new_var = CACHED.train(X, GAMMA, BETA, mean, var, eps=EPS, momentum=MOMENTUM)
    assert np.array_equal(y, normalise(X))
    assert np.array_equal(new_mean, 0.75 * MEAN + 0.25 * X.mean(0))
    assert np.array_equal(new_var, 0.75 * VAR + 0.25 * X.var(0))
    assert np.array_equal(mean, MEAN)
    assert np.array_equal(var, VAR)


def test_an_option_of_two_values_tells_inference_from_training():
    """The second value is that of inference, which goes by the running statistics."""
    y = CACHED.infer(X, GAMMA, BETA, MEAN, VAR, eps=EPS)
    assert np.array_equal(y, GAMMA * ((X - MEAN) / np.sqrt(VAR + EPS)) + BETA)


def test_what_the_forward_returned_reaches_the_backward():
    """The gradients are those of the forward that was called with these arguments."""
    dx, dgamma, dbeta = CACHED.train_vjp(DY, X, GAMMA, BETA, eps=EPS)
    assert np.array_equal(dbeta, DY.sum(0))
    assert np.abs(dx.sum(0)).max() <= 2**-49
    assert dgamma.shape == (2,)


def test_absent_parameters_are_ones_and_zeros():
    """And their gradients are ``None`` again."""
    y, *_ = CACHED.train(X, None, None, MEAN, VAR, eps=EPS, momentum=MOMENTUM)
    assert np.array_equal(y, normalise(X, 1.0, 0.0))
    assert CACHED.train_vjp(DY, X, None, None, eps=EPS)[1:] == (None, None)


def test_statistics_may_be_updated_in_place():
    """What is not returned is read from the arrays that were handed over."""

    def step(x, mean, var, eps, momentum):
        mean *= 1 - momentum
        mean += momentum * x.mean(0)
        return (x - x.mean(0)) / np.sqrt(x.var(0) + eps)

    wrapped = wrap(step, returns="y")
    _, mean, var = wrapped.train(X, None, None, MEAN, VAR, eps=EPS, momentum=MOMENTUM)
    assert np.array_equal(mean, 0.75 * MEAN + 0.25 * X.mean(0))
    assert np.array_equal(var, VAR)
    with pytest.raises(NotImplementedError, match="takes no gamma"):
        wrapped.train(X, GAMMA, None, MEAN, VAR, eps=EPS, momentum=MOMENTUM)


def test_a_function_of_tensors_has_gradients_by_autograd():
    """They are those of backward in NumPy, to the last few bits."""

    def forward(x, gamma, beta, eps):
        spread = torch.sqrt(x.var(0, unbiased=False) + eps)
        return gamma * (x - x.mean(0)) / spread + beta

    wrapped = wrap(forward, framework="torch")
    for got, right in zip(
        wrapped.train_vjp(DY, X, GAMMA, BETA, eps=EPS),
        CACHED.train_vjp(DY, X, GAMMA, BETA, eps=EPS),
        strict=True,
    ):
        assert isinstance(got, np.ndarray)
        assert np.abs(got - right).max() <= 2**-46


def test_parameters_may_have_the_rank_of_the_batch():
    """They are handed over as (1, C), and come back as vectors."""
    seen = []

    def forward(x, gamma, beta, moving_mean, moving_var, eps, momentum):
        seen.append((gamma.shape, moving_mean.shape))
        return x, moving_mean, moving_var

    wrapped = wrap(forward, expand=True)
    _, mean, _ = wrapped.train(X, GAMMA, BETA, MEAN, VAR, eps=EPS, momentum=MOMENTUM)
    assert seen == [((1, 2), (1, 2))]
    assert mean.shape == (2,)


def test_what_is_not_there_is_not_offered():
    """An inference alone has neither a training step nor gradients."""
    wrapped = wrap(infer=lambda x, mean, var, eps: (x - mean) / np.sqrt(var + eps))
    assert (wrapped.train, wrapped.train_vjp, wrapped.fold) == (None, None, None)
    assert callable(wrapped.infer)


def test_an_order_is_read_from_the_names_of_parameters():
    """By the names that people use; an unknown one with a default is left out, and what follows it
    is handed over by keyword."""
    assert guess_order(lambda inputs, scale, offset, epsilon: None) == "x gamma beta eps"
    assert guess_order(lambda X, axis=0, decay=0.9: None) == "x decay=momentum"


@pytest.mark.parametrize(
    ("text", "message"),
    [("x {eps", "'}' is missing"), ("x eps}", "'}' closes nothing"), ("(x", "'\\)' is missing")],
)
def test_an_order_that_cannot_be_read_is_refused(text, message):
    """The message names the bracket."""
    with pytest.raises(BadOrder, match=message):
        Order.parse(text)


def test_a_name_that_nothing_gives_is_refused():
    """The message says how to give it."""
    with pytest.raises(BadOrder, match=r"names 'mask', which nothing gives: give mask="):
        wrap(lambda x, mask: x)
    with pytest.raises(TypeError, match="at least one of forward"):
        wrap()


class Renamed(torch.nn.Module):
    """Other names, and a second argument."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(num_features))
        self.offset = torch.nn.Parameter(torch.zeros(num_features))
        self.register_buffer("moving_mean", torch.zeros(num_features))
        self.register_buffer("moving_var", torch.ones(num_features))
        self.eps, self.momentum = eps, momentum

    def forward(self, x, mask):
        return torch.nn.functional.batch_norm(
            x * mask,
            self.moving_mean,
            self.moving_var,
            self.scale,
            self.offset,
            self.training,
            self.momentum,
            self.eps,
        )


def test_a_module_with_other_names_and_arguments_is_wrapped():
    """It is the module that is called, with its state under its own names."""
    names = {"gamma": "scale", "beta": "offset"}
    names |= {"running_mean": "moving_mean", "running_var": "moving_var"}
    wrapped = wrap(Renamed, names=names, inputs=lambda x: (x, torch.ones_like(x)))
    y, mean, _ = wrapped.train(X, GAMMA, BETA, MEAN, VAR, eps=EPS, momentum=MOMENTUM)
    assert np.abs(y - normalise(X)).max() <= 2**-46
    assert np.abs(mean - (0.75 * MEAN + 0.25 * X.mean(0))).max() <= 2**-50


def test_the_names_of_a_module_are_suggested():
    """The refusal can be pasted."""
    with pytest.raises(UnusableLayer, match=r"'gamma': 'scale', 'beta': 'offset'"):
        wrap(Renamed)
