"""Shortcuts that go wrong on ordinary input alone: tiles, zeros, fresh statistics, outliers, many
channels."""

import numpy as np
import pytest

import bnproof
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import batch_axes


class LastTileDropped(NumpyBatchNorm):
    """The mean of an image is taken over whole tiles of 64 values."""

    def mean(self, x):
        if x.ndim < 3:
            return super().mean(x)
        values = x.reshape(*x.shape[:2], -1)
        whole = values.shape[2] // 64 * 64 or values.shape[2]
        return values[:, :, :whole].mean(axis=(0, 2)).reshape(1, -1, *(1,) * (x.ndim - 2))


class FirstColumns(NumpyBatchNorm):
    """Statistics from the first 16 entries of the last axis."""

    def mean(self, x):
        return super().mean(x[..., :16]) if x.ndim > 2 else super().mean(x)


class ZeroGammaIsNone(NumpyBatchNorm):
    """``if not gamma.any(): gamma = None``."""

    def apply_affine(self, xhat, gamma, beta):
        return super().apply_affine(xhat, gamma if gamma is None or gamma.any() else None, beta)


class DividesByUpstream(NumpyBatchNorm):
    """The gradient is scaled by the largest dy of its channel, and back: 0/0 where there is
    none."""

    def train_vjp(self, dy, x, gamma, beta, *, eps):
        dx, *rest = super().train_vjp(dy, x, gamma, beta, eps=eps)
        largest = np.abs(dy.astype(float)).max(axis=batch_axes(dy), keepdims=True)
        return (dx + (0 / largest).astype(dx.dtype)), *rest


class SmallVarianceIsOne(NumpyBatchNorm):
    """A running variance below 1e-12 counts as never set."""

    def infer(self, x, gamma, beta, running_mean, running_var, *, eps):
        var = np.where(running_var < 1e-12, 1, running_var).astype(running_var.dtype)
        return super().infer(x, gamma, beta, running_mean, var, eps=eps)


class FirstStepTakesTheBatch(NumpyBatchNorm):
    """Statistics that are still 0 and 1 are replaced, not averaged."""

    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        fresh = running_mean is not None and not running_mean.any() and np.all(running_var == 1)
        alpha = 1.0 if fresh else momentum
        return super().train(x, gamma, beta, running_mean, running_var, eps=eps, momentum=alpha)


class Clipped(NumpyBatchNorm):
    """xhat is kept within 10 standard deviations."""

    def apply_affine(self, xhat, gamma, beta):
        return super().apply_affine(np.clip(xhat, -10, 10), gamma, beta)


class ChannelsBeyondABlock(NumpyBatchNorm):
    """Only the first 1,024 channels are normalised."""

    def train(self, x, *arguments, **options):
        y, *statistics = super().train(x, *arguments, **options)
        y[:, 1024:] = x[:, 1024:]
        return y, *statistics


SHORTCUTS = {
    LastTileDropped: "running-mean",
    FirstColumns: "running-mean",
    ZeroGammaIsNone: "output",
    DividesByUpstream: "gradient-x",
    SmallVarianceIsOne: "inference-output",
    FirstStepTakesTheBatch: "running-mean",
    Clipped: "output",
    ChannelsBeyondABlock: "output",
}


@pytest.mark.parametrize(
    ("wrong", "law"), SHORTCUTS.items(), ids=lambda value: getattr(value, "__name__", value)
)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_shortcut_is_found_at_quick(wrong, law, seed):
    """Whatever the seed: a case of every check is made for it."""
    assert [
        v.law for v in bnproof.check(wrong(), effort="quick", seed=seed, select=[law]).violations
    ] == [law]
