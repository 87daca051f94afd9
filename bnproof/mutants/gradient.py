"""Gradients: terms and factors that are missing, arguments that change, statistics that belong to
another call."""

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
from bnproof.implementations.signatures import Arguments, pack_arguments
from bnproof.mutants.catalogue import bug

Gradients = tuple[Array, Array | None, Array | None]
Trained = tuple[Array, Array | None, Array | None]
VENDOR_RANKS = (2, 4, 5)


@bug("G01", mechanism="statistics taken as constants")
class StatisticsConstant(NumpyBatchNorm):
    """``dx = gamma/s g``: both paths, through mu and through s, are left out."""

    def remove_mean(self, dy: Array, dbeta: Array) -> Array:
        return dy

    def compute_std_term(self, xhat: Array, dgamma: Array) -> Array:
        return np.zeros_like(xhat)


@bug("G03", mechanism="gamma ignored")
class GammaMissing(NumpyBatchNorm):
    """``dx`` lacks the factor gamma: ``(1/s) (g - mean g - xhat mean(g xhat))``."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        _, dgamma, dbeta = a.call(super().train_vjp)
        return a.call(super().train_vjp, gamma=None)[0], dgamma, dbeta


@bug("G03-part", mechanism="gamma ignored")
class GammaMissingInPart(NumpyBatchNorm):
    """gamma scales the direct path alone: ``dx = (1/s) (gamma g - mean g - xhat mean(g xhat))``."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        _, dgamma, dbeta = a.call(super().train_vjp)
        xhat, _, _, s = self.normalise(a.x, a.eps)
        g = widen(a.dy)
        a, c = (
            g.mean(axis=batch_axes(g), keepdims=True),
            (g * xhat).mean(axis=batch_axes(g), keepdims=True),
        )
        dx = (expand_parameter(a.gamma, g, 1) * g - a - xhat * c) / s
        return dx.astype(a.x.dtype, copy=False), dgamma, dbeta


@bug("G04", mechanism="square root misplaced")
class RootInNumerator(NumpyBatchNorm):
    """``dgamma = s sum g (x - mu)`` where ``1/s`` belongs."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        dx, dgamma, dbeta = a.call(super().train_vjp)
        s = self.normalise(a.x, a.eps)[3].reshape(-1)
        return dx, None if dgamma is None else dgamma * s**2, dbeta


@bug("G06", mechanism="eps ignored or replaced")
class EpsMissingBackward(NumpyBatchNorm):
    """The backward divides by ``sqrt(v)``, the forward by ``sqrt(v + eps)``."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        return a.call(super().train_vjp, eps=0.0)


@bug("G06-other", mechanism="eps ignored or replaced")
class EpsOtherBackward(NumpyBatchNorm):
    """The backward divides by ``sqrt(v + 10 eps)``, the forward by ``sqrt(v + eps)``."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        return a.call(super().train_vjp, eps=10 * a.eps)


@bug("G09", mechanism="wrong on some ranks")
class ZeroOnSomeRanks(NumpyBatchNorm):
    """``dx = 0`` at inference for arrays of rank 2, 4 and 5; rank 3 takes another path and is
    right."""

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> Gradients:
        dx, dgamma, dbeta = a.call(super().infer_vjp)
        return np.zeros_like(dx) if a.x.ndim in VENDOR_RANKS else dx, dgamma, dbeta


@bug("G11", mechanism="state carried between calls")
class BetaGradientAccumulates(NumpyBatchNorm):
    """Without gamma, ``dbeta`` is ``sum g`` added up over all calls so far with as many
    channels."""

    def __init__(self) -> None:
        self.totals: dict[tuple[int, np.dtype[np.generic]], Array] = {}

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        dx, dgamma, dbeta = a.call(super().train_vjp)
        if a.gamma is None and dbeta is not None:
            key = (dbeta.size, dbeta.dtype)
            dbeta = self.totals[key] = self.totals.get(key, np.zeros_like(dbeta)) + dbeta
        return dx, dgamma, dbeta


@bug("G13", mechanism="gamma ignored")
class GammaOnlyBackward(NumpyBatchNorm):
    """The output is ``xhat + beta``, as if gamma were 1; dx has the stored gamma."""

    def apply_affine(self, xhat: Array, gamma: Array | None, beta: Array | None) -> Array:
        return super().apply_affine(xhat, None, beta)


@bug("G15", mechanism="argument modified")
class UpstreamScaledInPlace(NumpyBatchNorm):
    """dy becomes ``gamma dy`` in the caller's array; a dy whose entries share memory is scaled many
    times over."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        _, dgamma, dbeta = a.call(super().train_vjp)
        if a.gamma is not None:
            np.multiply(a.dy, expand_channels(a.dy, a.gamma), out=a.dy, casting="unsafe")
        return a.call(super().train_vjp, gamma=None)[0], dgamma, dbeta


class Kept(NumpyBatchNorm):
    """The reference, with statistics of shape ``(C,)`` handed over."""

    def __init__(self, mu: Array, v: Array, s: Array) -> None:
        self.statistics = [values.reshape(-1) for values in (mu, v, s)]

    def normalise(self, x: Array, eps: float) -> tuple[Array, Array, Array, Array]:
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
        answer = a.call(super().train)
        self.saved[a.x.shape[1], a.x.dtype] = Kept(*self.normalise(a.x, a.eps)[1:])
        return answer

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        formula = self.saved.get((a.x.shape[1], a.x.dtype), NumpyBatchNorm())
        return a.call(formula.train_vjp)


@bug("G18", mechanism="statistics taken as constants")
class SecondOrderConstant(NumpyBatchNorm):
    """Differentiates dx again with mu and s held fixed: ``dphi/dx = -gamma/s^2 (c h + d g)``, g and
    h not projected."""

    def compute_statistics_term(self, g: Array, h: Array, xhat: Array) -> Array:
        return self.project(h, xhat)[1] * g + self.project(g, xhat)[1] * h


@bug("G20", mechanism="absent parameter read")
class AbsentGammaRead(NumpyBatchNorm):
    """Without gamma, the backward reads memory nobody wrote (zeros here) where 1 belongs: dx is
    0."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        read = np.zeros(a.x.shape[1], widen(a.x).dtype) if a.gamma is None else a.gamma
        dx, dgamma, dbeta = a.call(super().train_vjp, gamma=read)
        return dx, None if a.gamma is None else dgamma, dbeta


@bug("G21", mechanism="gradient missing")
class NoGradientUntracked(NumpyLayer):
    """A layer without running statistics returns ``dx = 0``."""

    def backward(self, dy: Array) -> Gradients:
        dx, dgamma, dbeta = super().backward(dy)
        untracked = self.latest is not None and self.latest.running_mean is None
        return np.zeros_like(dx) if untracked else dx, dgamma, dbeta


@bug("G23", mechanism="none", kind="correct")
class VanishingTermLeftOut(NumpyBatchNorm):
    """``dx = dxhat/s + dv 2 (x - mu)/m + dmu/m``; dmu lacks the path through v, a multiple of
    ``sum (x - mu) = 0``."""

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        _, dgamma, dbeta = a.call(super().train_vjp)
        _, mu, _, s = self.normalise(a.x, a.eps)
        centred, axes = widen(a.x) - mu, batch_axes(a.x)
        dxhat = widen(a.dy) * expand_parameter(a.gamma, centred, 1)
        m = s.dtype.type(values_per_channel(a.x))
        dv = -(dxhat * centred).sum(axis=axes, keepdims=True) / (2 * s**3)
        dmu = -(dxhat / s).sum(axis=axes, keepdims=True)
        dx = dxhat / s + dv * 2 * centred / m + dmu / m
        return dx.astype(a.x.dtype, copy=False), dgamma, dbeta
