"""Assertions about arrays: silent for what is right, one paragraph for what is wrong."""

import numpy as np
import pytest
import torch

from bnproof.certify.bounds import NoBound
from bnproof.testing import (
    assert_backward,
    assert_folded,
    assert_forward,
    assert_inference,
    assert_inference_gradient,
    assert_statistics,
)

rng = np.random.default_rng(0)
X = rng.standard_normal((8, 3, 4)).astype(np.float32)
DY = rng.standard_normal((8, 3, 4)).astype(np.float32)
GAMMA, BETA = rng.standard_normal((2, 3)).astype(np.float32)
MEAN, VAR = rng.standard_normal(3).astype(np.float32), rng.random(3).astype(np.float32)


def spread(values):
    """One value per channel, to be used with X."""
    return values[:, None]


def normalise(x, ddof=0, eps=1e-5):
    """The training output in plain NumPy."""
    mu = x.mean(axis=(0, 2), keepdims=True)
    v = x.var(axis=(0, 2), keepdims=True, ddof=ddof)
    return spread(GAMMA) * (x - mu) / np.sqrt(v + np.float32(eps)) + spread(BETA)


def test_right_arrays_pass():
    """Training, gradients, statistics, inference and a fold of PyTorch."""
    x, dy, gamma, beta = (torch.tensor(a).requires_grad_() for a in (X, DY, GAMMA, BETA))
    mean, var = torch.tensor(MEAN), torch.tensor(VAR)
    y = torch.nn.functional.batch_norm(x, None, None, gamma, beta, True, 0.1, 1e-5)
    assert_forward(y, x, gamma, beta, eps=1e-5)
    gradients = torch.autograd.grad(y, (x, gamma, beta), dy)
    assert_backward(gradients, dy, x, gamma, eps=1e-5)
    y = torch.nn.functional.batch_norm(x, mean, var, gamma, beta, False, 0.1, 1e-5)
    assert_inference(y, x, gamma, beta, mean, var, eps=1e-5)
    gradients = torch.autograd.grad(y, (x, gamma, beta), dy)
    assert_inference_gradient(gradients, dy, x, gamma, mean, var, eps=1e-5)
    torch.nn.functional.batch_norm(x, mean, var, gamma, beta, True, 0.1, 1e-5)
    assert_statistics((mean, var), (MEAN, VAR), X, momentum=0.1)
    layer, norm = torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3).eval()
    norm.running_mean, norm.running_var = torch.tensor(MEAN), torch.tensor(VAR)
    statistics = (norm.running_mean, norm.running_var)
    folded = torch.nn.utils.fusion.fuse_linear_bn_weights(
        layer.weight, layer.bias, *statistics, 1e-5, norm.weight, norm.bias
    )
    assert_folded(
        folded, layer.weight, layer.bias, norm.weight, norm.bias, MEAN, VAR, eps=1e-5, kind="linear"
    )


def test_a_wrong_output_is_told_with_its_place_and_cause():
    """Every value of Bessel's factor in the normalising variance is wrong, and named."""
    with pytest.raises(AssertionError) as raised:
        assert_forward(normalise(X, ddof=1), X, GAMMA, BETA, eps=1e-5)
    text = str(raised.value)
    assert text.startswith("y: 96 of 96 values are farther from the exact one than float32")
    assert "which gives these very values: Bessel's factor in the normalising variance" in text
    assert "seen before: https://" in text


def test_one_wrong_entry_is_counted_and_located():
    """Its index is that of the array as it was handed in, channels last too."""
    y = np.moveaxis(normalise(X), 1, -1).copy()
    y[5, 3, 2] += 1
    with pytest.raises(AssertionError, match=r"y: 1 value is .*\n  farthest: y\[5, 3, 2\] is"):
        assert_forward(y, np.moveaxis(X, 1, -1), GAMMA, BETA, eps=1e-5, channel_axis=-1)


def test_a_coarser_arithmetic_is_named():
    """The one-pass variance of a batch off zero, unless it is declared."""
    x = (X[:2] + 300).astype(np.float32)
    mu, square = x.mean(axis=(0, 2)), (x * x).mean(axis=(0, 2))
    y = (x - spread(mu)) / np.sqrt(spread(square - mu * mu) + np.float32(1e-5))
    with pytest.raises(AssertionError, match="one-pass variance"):
        assert_forward(y, x, eps=1e-5)
    assert_forward(y, x, eps=1e-5, formula="one-pass")


def test_half_arithmetic_passes_where_it_is_declared():
    """Single operations in float16, sums in float32."""
    x = X.astype(np.float16)
    mu = x.mean(axis=(0, 2), dtype=np.float32).astype(np.float16)
    t = x - spread(mu)
    v = (t * t).mean(axis=(0, 2), dtype=np.float32).astype(np.float16)
    y = t / np.sqrt(spread(v) + np.float16(1e-3))
    assert_forward(y, x, eps=1e-3, compute="float16")
    with pytest.raises(AssertionError, match="float16 arithmetic"):
        assert_forward(y, x, eps=1e-3)


@pytest.mark.parametrize("quantity", [0, 1, 2])
def test_each_wrong_gradient_is_told_alone(quantity):
    """The other two are right; None is not looked at."""
    xhat = (normalise(X) - spread(BETA)) / spread(GAMMA)
    right = [None, (DY * xhat).sum(axis=(0, 2)), DY.sum(axis=(0, 2))]
    assert_backward(right, DY, X, GAMMA, eps=1e-5)
    right[0] = np.zeros_like(X) if quantity == 0 else None
    if quantity:
        right[quantity] = right[quantity] / X[:, 0].size
    with pytest.raises(AssertionError) as raised:
        assert_backward(right, DY, X, GAMMA, eps=1e-5)
    told = [line.partition(":")[0] for line in str(raised.value).splitlines() if line[0] != " "]
    assert told == [("dx", "dgamma", "dbeta")[quantity]]


def test_statistics_follow_the_convention():
    """Keras weighs the old value and tracks the biased variance."""
    mean, var = X.mean(axis=(0, 2)), X.var(axis=(0, 2))
    after = (
        np.float32(0.9) * MEAN + np.float32(0.1) * mean,
        np.float32(0.9) * VAR + np.float32(0.1) * var,
    )
    assert_statistics(after, (MEAN, VAR), X, momentum=0.9, convention="keras")
    with pytest.raises(AssertionError, match="running_mean: 3 of 3"):
        assert_statistics(after, (MEAN, VAR), X, momentum=0.9)


def test_a_fold_that_drops_the_bias_is_told():
    """The weight is right."""
    weight, bias = rng.standard_normal((3, 2, 5)).astype(np.float32), BETA
    scale = GAMMA / np.sqrt(VAR + np.float32(1e-5))
    folded = (weight * scale[:, None, None], BETA - MEAN * scale)
    given = (weight, bias, GAMMA, BETA, MEAN, VAR)
    with pytest.raises(AssertionError, match=r"^folded_bias: 3 of 3"):
        assert_folded(folded, *given, eps=1e-5, kind="conv")
    assert_folded((folded[0], None), *given, eps=1e-5, kind="conv")


def test_what_cannot_be_judged_never_passes():
    """NaN in x, another shape, nothing to check, and a spread that drowns."""
    broken = X.copy()
    broken[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="x holds NaN"):
        assert_forward(X, broken, eps=1e-5)
    with pytest.raises(ValueError, match="y has shape"):
        assert_forward(X[:4], X, eps=1e-5)
    with pytest.raises(ValueError, match="nothing to check"):
        assert_backward((None, None, None), DY, X, eps=1e-5)
    with pytest.raises(NoBound):
        assert_forward(X, X + 1e4, eps=0.0, formula="one-pass")
    with pytest.raises(AssertionError, match="is nan"):
        assert_forward(np.full_like(X, np.nan), X, eps=1e-5)
