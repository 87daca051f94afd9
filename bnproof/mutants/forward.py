"""Forward: the normalised value, its scale and its shift, and the parameters and statistics it
reads."""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import batch_axes, values_per_channel, widen
from bnproof.implementations.signatures import Arguments, pack_arguments
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
    """Normalises by the unbiased variance: ``s = sqrt(m/(m - 1) v + eps)``; what is tracked is
    right."""

    def normalise(self, x: Array, eps: float) -> tuple[Array, Array, Array, Array]:
        _, mu, v, _ = super().normalise(x, eps)
        s = self.std(self.bessel(v, values_per_channel(x)), eps)
        return (widen(x) - mu) / s, mu, v, s


@bug("F10", mechanism="gamma ignored")
class GammaFixed(NumpyBatchNorm):
    """gamma counts as 1 in the output and in dx, whatever is stored, and its own gradient is 0."""

    def apply_affine(self, xhat: Array, gamma: Array | None, beta: Array | None) -> Array:
        return super().apply_affine(xhat, None, beta)

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        dx, _, dbeta = a.call(super().train_vjp, gamma=None)
        return dx, None if a.gamma is None else np.zeros_like(a.gamma), dbeta

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> Gradients:
        dx, _, dbeta = a.call(super().infer_vjp, gamma=None)
        return dx, None if a.gamma is None else np.zeros_like(a.gamma), dbeta


@bug("F12", mechanism="argument modified")
class BuffersFirst(NumpyBatchNorm):
    """Updates the running statistics in the caller's arrays before it reads gamma and beta, perhaps
    the same memory."""

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        _, mean, var = a.call(super().train, gamma=None, beta=None)
        for buffer, new in ((a.running_mean, mean), (a.running_var, var)):
            if buffer is not None and new is not None:
                buffer[...] = new
        y = a.call(super().train, running_mean=None, running_var=None)[0]
        return y, a.running_mean, a.running_var


@bug("F15", mechanism="parameters in the wrong order")
class ParametersMixedUp(NumpyBatchNorm):
    """Inference exchanges parameters and statistics:
    ``y = mu_r (x - gamma)/sqrt(beta + eps) + v_r``."""

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        if a.gamma is None or a.beta is None:  # nothing of the same shape to mix up
            return a.call(super().infer)
        return a.call(
            super().infer,
            gamma=a.running_mean,
            beta=a.running_var,
            running_mean=a.gamma,
            running_var=a.beta,
        )


@bug("F17", mechanism="training's grouping at inference")
class VirtualBatchesAtInference(NumpyBatchNorm):
    """Inference splits the batch into virtual batches of 4 and refuses any other number of samples,
    such as one."""

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        if len(a.x) % VIRTUAL != 0:
            raise ValueError(f"cannot split {len(a.x)} samples into virtual batches of {VIRTUAL}")
        return a.call(super().infer)


@bug("F18", mechanism="state carried between calls")
class ReferenceForgotten(NumpyBatchNorm):
    """Every other inference normalises by the batch's own mu and v instead of the statistics handed
    over."""

    def __init__(self) -> None:
        self.has_reference = False

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        running_mean, running_var = a.running_mean, a.running_var
        self.has_reference = not self.has_reference
        if not self.has_reference:
            mu = widen(a.x).mean(axis=batch_axes(a.x), keepdims=True)
            running_mean, running_var = mu.reshape(-1), self.variance(widen(a.x), mu).reshape(-1)
        return a.call(super().infer, running_mean=running_mean, running_var=running_var)
