"""Gradients: terms and factors that are missing, arguments that change, statistics that belong to
another call.

The right one is ``dx = gamma/s (g - mean g - xhat mean(g xhat))`` for the upstream gradient g.
Tests of these projects had gamma = 1 or the loss ``sum(y)``, whose g is constant and whose dx is 0:
the right formula and most wrong ones pass.
"""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import (
    batch_axes,
    expand_channels,
    expand_parameter,
    values_per_channel,
    widen,
)
from bnproof.implementations.numpy_layer import NumpyLayer
from bnproof.implementations.signatures import Arguments, Gradients, Trained, pack_arguments
from bnproof.mutants.catalogue import bug

# The ranks that NNlib hands to cuDNN.
VENDOR_RANKS = (2, 4, 5)


@bug("G01", mechanism="statistics taken as constants")
class StatisticsConstant(NumpyBatchNorm):
    """``dx = gamma/s g``: both paths, through mu and through s, are left out."""

    def remove_mean(self, dy: Array, dbeta: Array) -> Array:
        """``g``: without ``- mean g``, the path through mu.

        CrypTen, the libnd4j operation of DL4J and Keras 3 on torch shipped it. ``sum dx`` is no
        longer 0, and a network trains, but worse. CrypTen's own test missed it because it never
        passed the training flag.
        """
        return dy

    def compute_std_term(self, xhat: Array, dgamma: Array) -> Array:
        """``0`` in place of ``xhat mean(g xhat)``, the path through s."""
        return np.zeros_like(xhat)


@bug("G03", mechanism="gamma ignored")
class GammaMissing(NumpyBatchNorm):
    """``dx`` lacks the factor gamma: ``(1/s) (g - mean g - xhat mean(g xhat))``."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """``dx/gamma``.

        Knet scaled dy for dgamma and formed dx from the unscaled one. gamma starts at 1, where it
        is right, and tests stopped there. In training every layer's step changes by the size of its
        gamma, and by its sign.
        """
        _, dgamma, dbeta = a.call(super().train_vjp)
        return a.call(super().train_vjp, gamma=None)[0], dgamma, dbeta


@bug("G03-part", mechanism="gamma ignored")
class GammaMissingInPart(NumpyBatchNorm):
    """gamma scales the direct path alone: ``dx = (1/s) (gamma g - mean g - xhat mean(g xhat))``."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """``(gamma g - mean g - xhat mean(g xhat))/s``: gamma is missing in the last two terms.

        A MIOpen kernel left gamma out of a term. Right where gamma = 1, as it is at the start of
        training.
        """
        _, dgamma, dbeta = a.call(super().train_vjp)
        xhat, _, _, s = self.normalise(a.x, a.eps)
        g = widen(a.dy)
        mean = g.mean(axis=batch_axes(g), keepdims=True)
        slope = (g * xhat).mean(axis=batch_axes(g), keepdims=True)
        dx = (expand_parameter(a.gamma, g, 1) * g - mean - xhat * slope) / s
        return dx.astype(a.x.dtype, copy=False), dgamma, dbeta


@bug("G04", mechanism="square root misplaced")
class RootInNumerator(NumpyBatchNorm):
    """``dgamma = s sum g (x - mu)`` where ``1/s`` belongs."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """``dgamma = s sum g (x - mu)``, too large by ``s^2``.

        TensorFlow's description of the gradient operation had the root in the numerator, and who
        implements it as described gets this. Standardised input has s = 1.
        """
        dx, dgamma, dbeta = a.call(super().train_vjp)
        s = self.normalise(a.x, a.eps)[3].reshape(-1)
        # dgamma has the factor 1/s already, which s^2 turns into s.
        return dx, None if dgamma is None else dgamma * s**2, dbeta


@bug("G06", mechanism="eps ignored or replaced")
class EpsMissingBackward(NumpyBatchNorm):
    """The backward divides by ``sqrt(v)``, the forward by ``sqrt(v + eps)``."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """The gradient of ``(x - mu)/sqrt(v)``, not of ``(x - mu)/sqrt(v + eps)``.

        Chainer's batch renormalisation had it. It shows where v is near eps, and its project had to
        test with a larger eps to see it. In a constant channel it divides by 0.
        """
        return a.call(super().train_vjp, eps=0.0)


@bug("G06-other", mechanism="eps ignored or replaced")
class EpsOtherBackward(NumpyBatchNorm):
    """The backward divides by ``sqrt(v + 10 eps)``, the forward by ``sqrt(v + eps)``."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """The gradient for an eps ten times as large.

        In darknet the CPU and the GPU had the constants 1e-6 and 1e-5, so that a forward on one did
        not fit a backward on the other.
        """
        return a.call(super().train_vjp, eps=10 * a.eps)


@bug("G09", mechanism="wrong on some ranks")
class ZeroOnSomeRanks(NumpyBatchNorm):
    """``dx = 0`` at inference for arrays of rank 2, 4 and 5; rank 3 takes another path and is
    right."""

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> Gradients:
        """``dx = 0`` where the vendor's kernel would be called, on ranks 2, 4 and 5.

        NNlib calls cuDNN for these ranks, and at inference that path gives no gradient of x. Layers
        in front of a frozen batch norm do not learn. Ranks 3, 6 and 7 take another path and are
        right.
        """
        dx, dgamma, dbeta = a.call(super().infer_vjp)
        # Only dx was missing: both parameter gradients came from another path.
        return np.zeros_like(dx) if a.x.ndim in VENDOR_RANKS else dx, dgamma, dbeta


@bug("G11", mechanism="state carried between calls")
class BetaGradientAccumulates(NumpyBatchNorm):
    """Without gamma, ``dbeta`` is ``sum g`` added up over all calls so far with as many
    channels."""

    def __init__(self) -> None:
        self.totals: dict[tuple[int, np.dtype[np.generic]], Array] = {}

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """``dbeta`` of call t is ``sum_(k <= t) sum g_k``, where there is no gamma.

        MXNet on a GPU applied gamma's request to beta, so that with ``scale=False`` the gradient
        was added to the old one: 1, 2, 3, ... for equal calls. Face recognition with ArcFace did
        not converge. A test that calls once sees nothing.
        """
        dx, dgamma, dbeta = a.call(super().train_vjp)
        # With gamma the request was right, and so is this.
        if a.gamma is None and dbeta is not None:
            # An array of another size or dtype is another layer's, to which nothing could be added.
            key = (dbeta.size, dbeta.dtype)
            dbeta = self.totals[key] = self.totals.get(key, np.zeros_like(dbeta)) + dbeta
        return dx, dgamma, dbeta


@bug("G13", mechanism="gamma ignored")
class GammaOnlyBackward(NumpyBatchNorm):
    """The output is ``xhat + beta``, as if gamma were 1; dx has the stored gamma."""

    def apply_affine(self, xhat: Array, gamma: Array | None, beta: Array | None) -> Array:
        """``xhat + beta``, with a backward for ``gamma xhat + beta``.

        MXNet's fixed gamma was 1 in the forward and the stored one in the backward. The first
        gradient test that the operation got found it. It is right while the stored gamma happens to
        be 1.
        """
        return super().apply_affine(xhat, None, beta)


@bug("G15", mechanism="argument modified")
class UpstreamScaledInPlace(NumpyBatchNorm):
    """dy becomes ``gamma dy`` in the caller's array."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """``dy`` becomes ``gamma dy`` where it lies.

        inplace_abn wrote into the gradient that it was handed. Behind ``sum()`` that is one number
        spread out with stride 0, which is then scaled once for every entry. A loss that multiplied
        by 2 before the sum had an array of its own and hid it.
        """
        _, dgamma, dbeta = a.call(super().train_vjp)
        # NumPy makes a copy first where entries of the output share memory, so such a dy is scaled
        # once here. What is seen is that the argument has changed.
        if a.gamma is not None:
            # float32 parameters scale a half-precision dy, which safe casting would refuse to
            # store.
            np.multiply(a.dy, expand_channels(a.dy, a.gamma), out=a.dy, casting="unsafe")
        # a.dy contains gamma now, so that the formula must not bring it in again.
        return a.call(super().train_vjp, gamma=None)[0], dgamma, dbeta


class Kept(NumpyBatchNorm):
    """The reference, with statistics handed over instead of computed.

    Parameters
    ----------
    mu, v, s
        Mean, variance and standard deviation per channel, ``(C,)`` or ``(1, C, 1, ...)``.
    """

    def __init__(self, mu: Array, v: Array, s: Array) -> None:
        self.statistics = [values.reshape(-1) for values in (mu, v, s)]

    def normalise(self, x: Array, eps: float) -> tuple[Array, Array, Array, Array]:
        """``(x - mu)/s`` with the statistics that were handed over, whatever x's own are."""
        mu, v, s = (expand_channels(x, values) for values in self.statistics)
        return (widen(x) - mu) / s, mu, v, s


@bug("G16", mechanism="state carried between calls")
class StatisticsOfLatestForward(NumpyBatchNorm):
    """The backward takes mu and s of the latest ``train`` with as many channels, whatever x it is
    asked about."""

    def __init__(self) -> None:
        self.saved: dict[tuple[int, np.dtype[np.generic]], Kept] = {}

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        """The right answer, and a note of its statistics on the instance."""
        answer = a.call(super().train)
        # Kept by channels and dtype: statistics of another shape could not be used at all.
        self.saved[a.x.shape[1], a.x.dtype] = Kept(*self.normalise(a.x, a.eps)[1:])
        return answer

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """``xhat = (x - mu')/s'`` with the statistics of the latest forward, which may have been of
        another x.

        PyTorch kept the saved mean and deviation on the module. A second forward before the
        backward of the first, as in a network that uses a layer twice or in two losses, overwrote
        them.
        """
        # Without a forward before it the backward is right, so that a single call shows nothing.
        formula = self.saved.get((a.x.shape[1], a.x.dtype), NumpyBatchNorm())
        return a.call(formula.train_vjp)


@bug("G18", mechanism="statistics taken as constants")
class SecondOrderConstant(NumpyBatchNorm):
    """Differentiates dx again with mu and s held fixed: ``dphi/dx = -gamma/s^2 (c h + d g)``, g and
    h not projected."""

    def compute_statistics_term(self, g: Array, h: Array, xhat: Array) -> Array:
        """``c h + d g`` where ``d g^ + c h^ + xhat mean(g^ h)`` belongs, with ``c = mean g xhat``,
        ``d = mean h xhat``.

        PyTorch's nested forward-mode derivative dropped the tangents of mu and v at its second use,
        and answered -2.13 where -0.21 is right. First derivatives are right.
        """
        # ``project`` returns the projection and the mean, of which only the mean is wanted.
        return self.project(h, xhat)[1] * g + self.project(g, xhat)[1] * h


@bug("G20", mechanism="absent parameter read")
class AbsentGammaRead(NumpyBatchNorm):
    """Without gamma, the backward reads memory nobody wrote (zeros here) where 1 belongs: dx is
    0."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """``dx = 0``, for a gamma of 0 where there is none and 1 belongs.

        Paddle and others read an array for the missing gamma that nobody had written to. Layers
        without affine parameters got whatever was in that memory. Zeros stand for it here, because
        a model has to repeat itself.
        """
        read = np.zeros(a.x.shape[1], widen(a.x).dtype) if a.gamma is None else a.gamma
        dx, dgamma, dbeta = a.call(super().train_vjp, gamma=read)
        # Who handed in no gamma expects no gradient for it.
        return dx, None if a.gamma is None else dgamma, dbeta


@bug("G21", mechanism="gradient missing")
class NoGradientUntracked(NumpyLayer):
    """A layer without running statistics returns ``dx = 0``."""

    def backward(self, dy: Array) -> Gradients:
        """``dx = 0`` for a layer that keeps no running statistics.

        OneFlow handed the batch statistics to its fused operation as if they were the running ones,
        for which it returned no gradient of x. Every layer in front stops learning.
        """
        dx, dgamma, dbeta = super().backward(dy)
        untracked = self.latest is not None and self.latest.running_mean is None
        return np.zeros_like(dx) if untracked else dx, dgamma, dbeta


@bug("G23", mechanism="none", kind="correct")
class VanishingTermLeftOut(NumpyBatchNorm):
    """``dx = dxhat/s + dv 2 (x - mu)/m + dmu/m``; dmu lacks the path through v, a multiple of
    ``sum (x - mu) = 0``."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """``dmu = -sum dxhat/s`` without ``- dv (2/m) sum (x - mu)``, whose sum is 0.

        darknet, Caffe, MXNet and mlpack were told at least eight times that a term is missing. It
        is 0 in exact arithmetic and of the size of a rounding in floats, so that a check that flags
        it is wrong.
        """
        _, dgamma, dbeta = a.call(super().train_vjp)
        # v is not needed: the two terms with dv and dmu are written with s.
        _, mu, _, s = self.normalise(a.x, a.eps)
        centred, axes = widen(a.x) - mu, batch_axes(a.x)
        dxhat = widen(a.dy) * expand_parameter(a.gamma, centred, 1)
        m = s.dtype.type(values_per_channel(a.x))
        # The chain rule over xhat, v and mu, as most implementations write it down, instead of the
        # closed form of the reference.
        dv = -(dxhat * centred).sum(axis=axes, keepdims=True) / (2 * s**3)
        dmu = -(dxhat / s).sum(axis=axes, keepdims=True)
        dx = dxhat / s + dv * 2 * centred / m + dmu / m
        return dx.astype(a.x.dtype, copy=False), dgamma, dbeta
