"""Batch norms to try the baselines on: correct ones in other conventions, and wrong ones."""

import numpy as np

from bnproof.contract import Convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import batch_axes, expand_parameter, values_per_channel


class Keras(NumpyBatchNorm):
    """Momentum weighs the old value, the biased variance is tracked."""

    convention = "keras"

    def bessel(self, v, m):
        return v

    def track(self, running, new, momentum):
        return super().track(running, new, 1 - momentum)


class ChannelsLast(Keras):
    """Keras with the channels where Keras has them."""

    convention = Convention("channels last", momentum="old", running_var="biased", channel_axis=-1)

    def train(self, x, *state, **options):
        y, mean, var = super().train(np.moveaxis(x, -1, 1), *state, **options)
        return np.moveaxis(y, 1, -1), mean, var

    def infer(self, x, *state, **options):
        return np.moveaxis(super().infer(np.moveaxis(x, -1, 1), *state, **options), 1, -1)

    def train_vjp(self, dy, x, *state, **options):
        dx, *others = super().train_vjp(
            np.moveaxis(dy, -1, 1), np.moveaxis(x, -1, 1), *state, **options
        )
        return np.moveaxis(dx, 1, -1), *others

    def infer_vjp(self, dy, x, *state, **options):
        dx, *others = super().infer_vjp(
            np.moveaxis(dy, -1, 1), np.moveaxis(x, -1, 1), *state, **options
        )
        return np.moveaxis(dx, 1, -1), *others

    def train_double_vjp(self, ddx, dy, x, gamma, *, eps):
        moved = (np.moveaxis(a, -1, 1) for a in (ddx, dy, x))
        d_dy, d_x, d_gamma = NumpyBatchNorm().train_double_vjp(*moved, gamma, eps=eps)
        return np.moveaxis(d_dy, 1, -1), np.moveaxis(d_x, 1, -1), d_gamma


class LeastEps(NumpyBatchNorm):
    """eps below 1e-3 is raised to it, as declared."""

    convention = Convention("least eps", eps_min=1e-3)

    def std(self, v, eps):
        return super().std(v, max(eps, 1e-3))


class Narrow(Keras):
    """Takes five channels, rank 3, one eps and one momentum, and says so."""

    supports = {
        "dtypes": ["float64"],
        "ranks": [3],
        "num_features": 5,
        "eps": 0.5,
        "momentum": 0.75,
    }

    def train(self, x, *state, eps, momentum):
        assert (x.dtype, x.ndim, x.shape[1], eps, momentum) == (np.float64, 3, 5, 0.5, 0.75)
        return super().train(x, *state, eps=eps, momentum=momentum)


class Half(NumpyBatchNorm):
    """Takes nothing but float16."""

    supports = {"dtypes": [np.float16]}


class NoMeanPath(NumpyBatchNorm):
    """dx misses the path through the mean."""

    def remove_mean(self, dy, dbeta):
        return dy


class EpsOutsideRoot(NumpyBatchNorm):
    """``sqrt(v) + eps``, forward and backward alike."""

    def std(self, v, eps):
        return np.sqrt(v) + v.dtype.type(eps)


class SampleVariance(NumpyBatchNorm):
    """Normalises by the unbiased variance, and differentiates that correctly."""

    def variance(self, x, mu):
        m = values_per_channel(x)
        return super().variance(x, mu) * x.dtype.type(m / (m - 1))

    def compute_std_term(self, xhat, dgamma):
        m = values_per_channel(xhat)
        return xhat * (expand_parameter(dgamma, xhat, 0) / xhat.dtype.type(m - 1))

    train_double_vjp = None


class MomentumSwapped(NumpyBatchNorm):
    """The old value gets the weight of the new one."""

    def track(self, running, new, momentum):
        return super().track(running, new, 1 - momentum)


class OnePass(NumpyBatchNorm):
    """``E[x^2] - E[x]^2``, whose digits cancel where the mean is large."""

    def variance(self, x, mu):
        return (x**2).mean(axis=batch_axes(x), keepdims=True) - mu**2


class NoMeanPathTwice(NumpyBatchNorm):
    """The double backward leaves out a term."""

    def compute_statistics_term(self, g, h, xhat):
        return self.project(h, xhat)[1] * self.project(g, xhat)[0]


class InPlace(NumpyBatchNorm):
    """Centres the batch it was given."""

    def train(self, x, *state, **options):
        y, mean, var = super().train(x.copy(), *state, **options)
        x -= self.mean(x)
        return y, mean, var


class FoldsWrongly(NumpyBatchNorm):
    """Wrong only in what no baseline asks for."""

    def fold(self, weight, bias, *state, **options):
        raise ValueError("no folding today")
