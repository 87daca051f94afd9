"""Forward: the normalised value, its scale and its shift, and the parameters and statistics it
reads.

Most of these bugs disappear on the inputs that tests like best: standardised x, gamma = 1, beta =
0, running statistics (0, 1) and eps = 1e-5.
"""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import (
    batch_axes,
    expand_parameter,
    values_per_channel,
    widen,
)
from bnproof.implementations.signatures import Arguments, Gradients, Trained, pack_arguments
from bnproof.mutants.catalogue import bug

VIRTUAL = 4  # samples of a virtual batch


@bug("F01", mechanism="eps misplaced")
class EpsOutsideRoot(NumpyBatchNorm):
    """eps is added to the standard deviation instead of the variance: ``s = sqrt(v) + eps``."""

    def std(self, v: Array, eps: float) -> Array:
        """``sqrt(v) + eps``, which is smaller than ``sqrt(v + eps)`` where v is small.

        A patch for ncnn and early Lasagne code had it, and reviewers caught it by the paper. With v
        = 1 and eps = 1e-5 the outputs differ by 5e-6, which passes for rounding. In a channel that
        is nearly constant they are up to ``1/sqrt(eps)``, 316 times, too large.
        """
        return np.sqrt(v) + v.dtype.type(eps)


@bug("F03", mechanism="square root misplaced")
class RootMissing(NumpyBatchNorm):
    """Divides by the variance instead of the standard deviation: ``s = v + eps``."""

    def std(self, v: Array, eps: float) -> Array:
        """``v + eps``, so that the output has variance about ``1/v`` instead of 1.

        The reference page of Keras printed the formula without the root. Standardised input has v =
        1 and shows nothing. Any other scale comes out squared and inverted.
        """
        return v + v.dtype.type(eps)


@bug("F03-square", mechanism="square root misplaced")
class SquareForRoot(NumpyBatchNorm):
    """Multiplies by a square where the reciprocal root belongs: ``1/s = (v + eps)^2``."""

    def std(self, v: Array, eps: float) -> Array:
        """``1/(v + eps)^2``, which makes the output ``(x - mu)(v + eps)^2``.

        The batch norm of JAX's stax took the square where the root was meant, as the title of its
        mend says. With v = 1 it is right.
        """
        # The caller divides by what this returns, so the factor is inverted.
        return np.asarray(1 / (v + v.dtype.type(eps)) ** 2)


@bug("F04", mechanism="eps ignored or replaced")
class EpsConstant(NumpyBatchNorm):
    """``s = sqrt(v + 0.00001)``, whatever eps is asked for."""

    def std(self, v: Array, eps: float) -> Array:
        """``sqrt(v + 0.00001)``.

        A Paddle kernel kept eps as a constant, so that the value that the user chose had no effect.
        The default is that constant, and tests ran with the default.
        """
        return super().std(v, 1e-5)


@bug("F07", mechanism="Bessel's factor in the normalising variance")
class SampleVariance(NumpyBatchNorm):
    """Normalises by the unbiased variance: ``s = sqrt(m/(m - 1) v + eps)``; what is tracked is
    right."""

    def normalise(self, x: Array, eps: float) -> tuple[Array, Array, Array, Array]:
        """``s = sqrt(m/(m - 1) v + eps)``.

        A popular lecture notebook normalises like this. The outputs have standard deviation
        ``sqrt((m - 1)/m)``: 0.71 for m = 2, 0.98 for m = 32. With m = 1 it is 0/0.
        """
        # mu and v are handed on as they are: the running variance gets Bessel's factor elsewhere.
        _, mu, v, _ = super().normalise(x, eps)
        s = self.std(super().bessel(v, values_per_channel(x)), eps)
        return (widen(x) - mu) / s, mu, v, s


class OwnDerivative(NumpyBatchNorm):
    """The gradients of whatever its forward computes, as automatic differentiation gives them.

    For ``y = gamma d/S(v) + beta`` with ``d = x - mu`` they are ``dx = gamma/S (g - mean g) - gamma
    S'(v)/S^2 (2/m) d sum g d``, since ``dv/dx_k = 2 d_k/m``.  The right ``S = sqrt(v + eps)`` gives
    the right gradient.
    """

    def scale(self, v: Array, m: int, eps: float) -> Array:
        """``S(v)``, which the deviations are divided by."""
        return self.std(v, eps)

    def train_vjp(
        self, dy: Array, x: Array, gamma: Array | None, beta: Array | None, *, eps: float
    ) -> Gradients:
        """The vector-Jacobian product of the forward as it is."""
        like, x, dy = x.dtype, widen(x), widen(dy)
        mu, m = self.mean(x), values_per_channel(x)
        v, d, axes = self.variance(x, mu), x - mu, batch_axes(x)
        s = self.scale(v, m, eps)
        # An imaginary step gives the derivative of S without a difference of nearly equal numbers.
        slope = np.imag(self.scale(v + 1e-30j, m, eps)) / 1e-30
        centred = dy - dy.mean(axis=axes, keepdims=True)
        through_v = slope / s**2 * 2 / m * d * (dy * d).sum(axis=axes, keepdims=True)
        dx = expand_parameter(gamma, x, 1) * (centred / s - through_v)
        return (
            dx.astype(like, copy=False),
            None if gamma is None else (dy * d / s).sum(axis=axes).astype(x.dtype, copy=False),
            None if beta is None else dy.sum(axis=axes),
        )


@bug("F01-own", mechanism="eps misplaced")
class EpsOutsideRootThroughout(OwnDerivative, EpsOutsideRoot):
    """eps is added to the standard deviation instead of the variance, and the gradients are those
    of that."""


@bug("F03-own", mechanism="square root misplaced")
class RootMissingThroughout(OwnDerivative, RootMissing):
    """Divides by the variance instead of the standard deviation, and the gradients are those of
    that."""


@bug("F04-own", mechanism="eps ignored or replaced")
class EpsConstantThroughout(OwnDerivative, EpsConstant):
    """``s = sqrt(v + 0.00001)``, whatever eps is asked for, and the gradients are those of that."""


@bug("F07-own", mechanism="Bessel's factor in the normalising variance")
class SampleVarianceThroughout(OwnDerivative, SampleVariance):
    """Normalises by the unbiased variance, and the gradients are those of that."""

    def scale(self, v: Array, m: int, eps: float) -> Array:
        """``sqrt(m/(m - 1) v + eps)``."""
        return self.std(v * (m / (m - 1)), eps)


@bug("F10", mechanism="gamma ignored")
class GammaFixed(NumpyBatchNorm):
    """gamma counts as 1 in the output and in dx, whatever is stored, and its own gradient is 0."""

    def apply_affine(self, xhat: Array, gamma: Array | None, beta: Array | None) -> Array:
        """``xhat + beta``.

        MXNet fixes gamma to 1 by default (``fix_gamma``) and yet stores, decays and exports an
        array for it. Converters and users read that array, and the network that they rebuild
        answers differently.
        """
        return super().apply_affine(xhat, None, beta)

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """The gradient of what the forward computes: gamma has no effect, so its own gradient is
        0."""
        dx, _, dbeta = a.call(super().train_vjp, gamma=None)
        # Zeros rather than ``None``: the array is stored, and gets a gradient, as in MXNet.
        return dx, None if a.gamma is None else np.zeros_like(a.gamma), dbeta

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> Gradients:
        """The same at inference."""
        dx, _, dbeta = a.call(super().infer_vjp, gamma=None)
        return dx, None if a.gamma is None else np.zeros_like(a.gamma), dbeta


@bug("F12", mechanism="argument modified")
class BuffersFirst(NumpyBatchNorm):
    """Updates the running statistics in the caller's arrays before it reads gamma and beta, perhaps
    the same memory."""

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        """The statistics are written into the caller's arrays, then ``y`` is computed.

        In tt-metal a traced graph passed the same buffer as bias and as running mean. The update
        overwrote the bias before the output read it. With buffers of their own the outputs are
        right, and only the arguments have changed.
        """
        # The statistics alone, without a look at gamma and beta, which may be the memory that is
        # overwritten next.
        _, mean, var = a.call(super().train, gamma=None, beta=None)
        for buffer, new in ((a.running_mean, mean), (a.running_var, var)):
            if buffer is not None and new is not None:
                buffer[...] = new
        # Only now are gamma and beta read.
        y = a.call(super().train, running_mean=None, running_var=None)[0]
        return y, a.running_mean, a.running_var


@bug("F15", mechanism="parameters in the wrong order")
class ParametersMixedUp(NumpyBatchNorm):
    """Inference exchanges parameters and statistics:
    ``y = mu_r (x - gamma)/sqrt(beta + eps) + v_r``."""

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        """``mu_r (x - gamma)/sqrt(beta + eps) + v_r``: a file had the four vectors in another
        order.

        They have the same shape, so that no check of shapes can complain. It was seen in ports of
        PSPNet and DORN, and Keras warns of it in its documentation. The outputs are useless as soon
        as the four differ.
        """
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
        """The right map, for a number of samples that is a multiple of the virtual batch.

        Keras kept the virtual batch size at inference, so that a model trained with it could not
        predict a single sample. The paper on ghost batch norm uses virtual batches in training
        alone.
        """
        if len(a.x) % VIRTUAL != 0:
            raise ValueError(f"cannot split {len(a.x)} samples into virtual batches of {VIRTUAL}")
        # Statistics are the running ones whatever the grouping, so the values are right.
        return a.call(super().infer)


@bug("F18", mechanism="state carried between calls")
class ReferenceForgotten(NumpyBatchNorm):
    """Every other inference normalises by the batch's own mu and v instead of the statistics handed
    over."""

    def __init__(self) -> None:
        self.has_reference = False

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        """``(x - mu_r)/sqrt(v_r + eps)`` at one call, ``(x - mu)/sqrt(v + eps)`` at the next.

        torchgan's virtual batch norm clears its reference statistics after they were used once. The
        same batch gives two answers in turn, and a test that calls once sees the right one.
        """
        running_mean, running_var = a.running_mean, a.running_var
        # The first call of an instance has its reference; that is why one call shows nothing.
        self.has_reference = not self.has_reference
        if not self.has_reference:
            # In the dtype that is computed in: a half-precision mean would be another bug.
            mu = widen(a.x).mean(axis=batch_axes(a.x), keepdims=True)
            running_mean, running_var = mu.reshape(-1), self.variance(widen(a.x), mu).reshape(-1)
        return a.call(super().infer, running_mean=running_mean, running_var=running_var)
