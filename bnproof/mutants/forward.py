"""Forward: the normalised value, its scale and its shift, and the parameters and statistics it reads."""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import batch_axes, values_per_channel, working
from bnproof.mutants.catalogue import bug

Gradients = tuple[Array, Array | None, Array | None]
Trained = tuple[Array, Array | None, Array | None]
VIRTUAL = 4  # samples of a virtual batch


@bug("F01", mechanism="eps misplaced")
class EpsOutsideRoot(NumpyBatchNorm):
    """eps is added to the standard deviation instead of the variance: ``s = sqrt(v) + eps``."""

    def std(self, v: Array, eps: float) -> Array:
        return np.sqrt(v) + v.dtype.type(eps)


@bug("F03", mechanism="square root misplaced")
class RootMissing(NumpyBatchNorm):
    """Divides by the variance instead of the standard deviation: ``s = v + eps``."""

    def std(self, v: Array, eps: float) -> Array:
        return v + v.dtype.type(eps)


@bug("F03-square", mechanism="square root misplaced")
class SquareForRoot(NumpyBatchNorm):
    """Multiplies by a square where the reciprocal root belongs: ``1/s = (v + eps)^2``."""

    def std(self, v: Array, eps: float) -> Array:
        return np.asarray(1 / (v + v.dtype.type(eps)) ** 2)


@bug("F04", mechanism="eps ignored or replaced")
class EpsConstant(NumpyBatchNorm):
    """``s = sqrt(v + 0.00001)``, whatever eps is asked for."""

    def std(self, v: Array, eps: float) -> Array:
        return super().std(v, 1e-5)


@bug("F07", mechanism="Bessel's factor in the normalising variance")
class SampleVariance(NumpyBatchNorm):
    """Normalises by the unbiased variance: ``s = sqrt(m/(m - 1) v + eps)``; what is tracked is right."""

    def normalised(self, x: Array, eps: float) -> tuple[Array, Array, Array, Array]:
        _, mu, v, _ = super().normalised(x, eps)
        s = self.std(self.bessel(v, values_per_channel(x)), eps)
        return (working(x) - mu) / s, mu, v, s


@bug("F10", mechanism="gamma ignored")
class GammaFixed(NumpyBatchNorm):
    """gamma counts as 1 in the output and in dx, whatever is stored, and its own gradient is 0."""

    def affine(self, xhat: Array, gamma: Array | None, beta: Array | None) -> Array:
        return super().affine(xhat, None, beta)

    def train_vjp(self, dy: Array, x: Array, gamma: Array | None, beta: Array | None, *, eps: float) -> Gradients:
        dx, _, dbeta = super().train_vjp(dy, x, None, beta, eps=eps)
        return dx, None if gamma is None else np.zeros_like(gamma), dbeta

    def infer_vjp(
        self,
        dy: Array,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array,
        running_var: Array,
        *,
        eps: float,
    ) -> Gradients:
        dx, _, dbeta = super().infer_vjp(dy, x, None, beta, running_mean, running_var, eps=eps)
        return dx, None if gamma is None else np.zeros_like(gamma), dbeta


@bug("F12", mechanism="argument modified")
class BuffersFirst(NumpyBatchNorm):
    """Updates the running statistics in the caller's arrays before it reads gamma and beta, perhaps the same memory."""

    def train(
        self,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array | None,
        running_var: Array | None,
        *,
        eps: float,
        momentum: float,
    ) -> Trained:
        _, mean, var = super().train(x, None, None, running_mean, running_var, eps=eps, momentum=momentum)
        for buffer, new in ((running_mean, mean), (running_var, var)):
            if buffer is not None and new is not None:
                buffer[...] = new
        y = super().train(x, gamma, beta, None, None, eps=eps, momentum=momentum)[0]
        return y, running_mean, running_var


@bug("F15", mechanism="parameters in the wrong order")
class ParametersMixedUp(NumpyBatchNorm):
    """Inference exchanges parameters and statistics: ``y = mu_r (x - gamma)/sqrt(beta + eps) + v_r``."""

    def infer(
        self,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array,
        running_var: Array,
        *,
        eps: float,
    ) -> Array:
        if gamma is None or beta is None:  # nothing of the same shape to mix up
            return super().infer(x, gamma, beta, running_mean, running_var, eps=eps)
        return super().infer(x, running_mean, running_var, gamma, beta, eps=eps)


@bug("F17", mechanism="training's grouping at inference")
class VirtualBatchesAtInference(NumpyBatchNorm):
    """Inference splits the batch into virtual batches of 4 and refuses any other number of samples, such as one."""

    def infer(
        self,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array,
        running_var: Array,
        *,
        eps: float,
    ) -> Array:
        if len(x) % VIRTUAL != 0:
            raise ValueError(f"cannot split {len(x)} samples into virtual batches of {VIRTUAL}")
        return super().infer(x, gamma, beta, running_mean, running_var, eps=eps)


@bug("F18", mechanism="state carried between calls")
class ReferenceForgotten(NumpyBatchNorm):
    """Every other inference normalises by the batch's own mu and v instead of the statistics handed over."""

    def __init__(self) -> None:
        self.has_reference = False

    def infer(
        self,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array,
        running_var: Array,
        *,
        eps: float,
    ) -> Array:
        self.has_reference = not self.has_reference
        if not self.has_reference:
            mu = working(x).mean(axis=batch_axes(x), keepdims=True)
            running_mean, running_var = mu.reshape(-1), self.variance(working(x), mu).reshape(-1)
        return super().infer(x, gamma, beta, running_mean, running_var, eps=eps)
