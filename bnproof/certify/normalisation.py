"""Certified batch normalisation: training, inference and folding.

Every answer is an :class:`~bnproof.certify.enclosure.Enclosure`: float64 arrays ``mid``, ``low``, ``rad`` with the exact value
of the formula, for exactly the numbers handed in, inside ``mid + low +- rad``.

Three tiers, in the manner of Ziv: compiled double-word arithmetic with a proved error bound (``compiled``, ``errors``); where it is
too wide, or reaches zero, exact sums of the channel (``exact``); and with those the single entries in balls of rising
precision (``refine``), where a zero is decided as a statement about rational numbers.  Width, for every quantity: at most
``2^-(20 + tighten)`` ulp, in x's format, of the sum of magnitudes it is made of, ``|gamma xhat| + |beta|`` for y; never less
is asked than the smallest double.

What has no exact value is NaN, and only there: a channel with NaN or infinity in it (for inference, the entry), ``v = 0``
with ``eps = 0``, the unbiased running variance for ``m = 1``.  Constant channels give ``xhat = 0`` and ``y = beta`` exactly.
Squares never overflow: channels with magnitudes beyond ``2^400`` or below ``2^-400`` are done in balls throughout (microseconds an
entry instead of nanoseconds); a value beyond the largest double has ``mid = inf``, ``lower`` the largest double.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, fmpq

from bnproof.certify import machine
from bnproof.certify.arguments import at_least_one, checked, non_negative, parameter
from bnproof.certify.enclosure import BITS, Array, Enclosure
from bnproof.certify.entries import Back, Map, input_gradients, outputs
from bnproof.certify.exact import rational
from bnproof.certify.formats import Format
from bnproof.certify.lanes import Lanes
from bnproof.certify.refine import Rooted, Width, enclosed
from bnproof.certify.statistics import Centred, Statistics, Upstream, centred, given, upstream
from bnproof.lowering.numbers import precision

WIDTH = 20  # bits of an ulp
TIGHTEST = 32  # more than mid + low of float64 can hold


class Changed(RuntimeError):
    """An array was modified after it was certified."""


@dataclass(frozen=True)
class _Channels:
    """Quantities with one entry per channel: balls made from double words, exact sums where those are too wide or hold zero."""

    width: Width

    def settled(self, balls: Any, size: Array, number: Callable[[int], Rooted], undefined: Array, extreme: Array) -> Enclosure:
        """``size``: (a lower bound of) the sum of magnitudes of each entry."""
        result = Enclosure.of(balls)
        for words in (result.mid, result.low, result.rad):
            words[undefined] = np.nan
        wide = np.array([not rad <= self.width.radius(float(of)) for rad, of in zip(result.rad, size, strict=True)])
        for j in np.nonzero(~undefined & (wide | extreme | result.holds_zero | np.isnan(result.mid)))[0]:
            result.mid[j], result.low[j], result.rad[j] = enclosed(number(j), self.width)
        return result


@dataclass(frozen=True)
class _Certified:
    """What training and inference have in common: a map of x, and gradients where ``dy`` was given."""

    forward: Map
    up: Upstream | None
    width: Width

    @property
    def channels(self) -> _Channels:
        return _Channels(self.width)

    @property
    def upstream(self) -> Upstream:
        """The upstream gradient's sums; raises ``AttributeError`` where there was no ``dy``."""
        if self.up is None:
            raise AttributeError("there are no gradients: hand dy over as well")
        return self.up

    def _exact_joint(self, j: int) -> fmpq:
        """``T = sum g (x - mu)``."""
        return self.upstream.exact(j).covariance(self.forward.exact(j)[0])

    @cached_property
    def s(self) -> Enclosure:
        """``sqrt(v + eps)``, shape ``(C,)``."""
        of = self.forward
        with precision(BITS):
            balls = [(v + arb(of.eps)).nonnegative_part().sqrt() for v in of.place.v.balls()]
        with np.errstate(invalid="ignore"):
            size = np.sqrt(of.w)
        return self.channels.settled(balls, size, self._exact_root, of.place.undefined, of.extreme)

    def _exact_root(self, j: int) -> Rooted:
        w = self.forward.exact(j)[1]
        return Rooted(w, w if w > 0 else fmpq(1), fmpq(0))

    @cached_property
    def dgamma(self) -> Enclosure:
        """``sum g xhat``, shape ``(C,)``."""
        of, up = self.forward, self.upstream
        undefined = of.place.undefined | up.joint_undefined | of.singular
        with precision(BITS):
            balls = up.joint.balls() / self.s.balls()
        with np.errstate(all="ignore"):
            size = up.joint_size / np.sqrt(of.w) / 2
        number = lambda j: Rooted(self._exact_joint(j), of.exact(j)[1], fmpq(0))  # noqa: E731
        return self.channels.settled(balls, size, number, undefined, of.extreme | up.extreme)

    @cached_property
    def dbeta(self) -> Enclosure:
        """``sum g``, shape ``(C,)``."""
        up = self.upstream
        with precision(BITS):
            balls = (Enclosure.exactly(up.c).balls() + up.r.balls()) * arb(self.forward.place.m)
        number = lambda j: _is(up.exact(j).total)  # noqa: E731
        return self.channels.settled(balls, up.size, number, up.undefined, up.extreme)


def _is(value: fmpq) -> Rooted:
    return Rooted(fmpq(0), fmpq(1), value)


# -- training --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tracked:
    """Running statistics before the step, and how they move: ``(1 - alpha) r + alpha b``."""

    mean: Array
    var: Array
    momentum: float
    unbiased: bool


@dataclass(frozen=True)
class Training(_Certified):
    """Training mode on one batch.  ``y`` and, where ``dy`` was given, ``dx`` have x's shape, all else has ``(C,)``."""

    y: Enclosure
    _dx: Enclosure | None
    _tracked: Tracked | None
    _x: Array = field(repr=False)

    @property
    def dx(self) -> Enclosure:
        """``gamma/s (g - mean g - xhat mean(g xhat))``."""
        if self._dx is None:
            raise AttributeError("there is no dx: hand dy over as well")
        return self._dx

    @cached_property
    def mu(self) -> Enclosure:
        """``(1/m) sum x``."""
        place = self.forward.place
        with precision(BITS):
            balls = Enclosure.exactly(place.c).balls() + place.r.balls()
        with np.errstate(all="ignore"):
            size = np.maximum(np.abs(place.c), np.sqrt((place.c**2 + place.v.mid) / place.m))
        return self.channels.settled(balls, size, lambda j: _is(place.exact(j).mean), place.undefined, place.extreme)

    @cached_property
    def v(self) -> Enclosure:
        """``(1/m) sum (x - mu)^2``."""
        place = self.forward.place
        number = lambda j: _is(place.exact(j).variance)  # noqa: E731
        return self.channels.settled(place.v.balls(), place.v.mid, number, place.undefined, place.extreme)

    @cached_property
    def xhat(self) -> Enclosure:
        """``(x - mu)/s``; raises ``Changed`` where x is no longer what was certified."""
        place = self.forward.place
        lanes = Lanes.of(self._x)
        flat = lanes.flat(self._x)
        of = Map(place, np.ones_like(place.c), np.zeros_like(place.c), self.forward.eps)
        return outputs(self._x, lanes, flat, of, self.width)

    @cached_property
    def running_mean(self) -> Enclosure:
        """``(1 - alpha) r + alpha mu``."""
        place, tracked = self.forward.place, self._running
        return self._moved(tracked.mean, self.mu, lambda j: place.exact(j).mean, place.undefined)

    @cached_property
    def running_var(self) -> Enclosure:
        """``(1 - alpha) r + alpha m/(m - 1) v``, or with ``v`` itself where ``unbiased=False``."""
        place, tracked = self.forward.place, self._running
        factor = fmpq(place.m, place.m - 1) if tracked.unbiased and place.m > 1 else fmpq(1)
        undefined = place.undefined | (tracked.unbiased and place.m == 1)
        with precision(BITS):
            tracked_v = Enclosure.of(self.v.balls() * arb(factor))
        return self._moved(tracked.var, tracked_v, lambda j: factor * place.exact(j).variance, undefined)

    @property
    def _running(self) -> Tracked:
        if self._tracked is None:
            raise AttributeError("there are no running statistics: hand over running=(mean, var) and momentum")
        return self._tracked

    def _moved(self, old: Array, new: Enclosure, exact: Callable[[int], fmpq], undefined: Array) -> Enclosure:
        alpha = rational(self._running.momentum)
        kept, moved = float(abs(arb(1 - alpha)).mid()), abs(self._running.momentum)
        with precision(BITS):
            balls = Enclosure.exactly(old).balls() * arb(1 - alpha) + new.balls() * arb(alpha)
        with np.errstate(all="ignore"):
            size = (kept * np.abs(old) + moved * np.abs(new.mid)) / 2
        number = lambda j: _is((1 - alpha) * rational(old[j]) + alpha * exact(j))  # noqa: E731
        undefined = undefined | ~np.isfinite(old)
        return self.channels.settled(balls, size, number, undefined, self.forward.place.extreme)


def train(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    eps: float,
    dy: Array | None = None,
    running: tuple[Array, Array] | None = None,
    momentum: float | None = None,
    unbiased: bool = True,
    statistics: Statistics | None = None,
    tighten: int = 0,
) -> Training:
    """Enclosures of ``mu``, ``v``, ``s``, ``xhat``, ``y``; with ``dy`` also ``dx``, ``dgamma``, ``dbeta``; with ``running`` and
    ``momentum`` (weight of the new value) also ``running_mean``, ``running_var``.

    Formulas: Algorithm 1 of Ioffe and Szegedy (2015), theorems gradient-x, gradient-affine and ema-closed-form of the book.

    ``x``, ``dy``: ``(N, C, *spatial)``, rank 2 to 5, any strides, float16, bfloat16, float32 or float64; the others ``(C,)`` of any
    of these, ``gamma`` or ``beta`` missing for 1 and 0.  ``eps`` and ``momentum`` count as the exact value of the float.
    ``unbiased``: whether the running variance tracks ``m/(m - 1) v``.  ``statistics``: the exact sums of a whole batch of which x
    is a part.  ``tighten``: so many bits narrower than ``2^-20`` ulp, at most 32.

    Returns y and dx computed, everything else when asked for.  Raises ``ValueError`` or ``TypeError`` for bad arguments,
    ``UnsoundArithmetic`` where this thread does not round to nearest or flushes subnormals.
    """
    machine.verify()
    checked(x, dy=dy, gamma=gamma, beta=beta)
    at_least_one(x)
    width = _width(x, tighten)
    lanes = Lanes.of(x)
    flat = lanes.flat(x)
    with np.errstate(all="ignore"):
        place = centred(x, lanes, flat) if statistics is None else statistics.centred()
        of = _map(place, gamma, beta, eps)
        y = outputs(x, lanes, flat, of, width)
        up = dx = None
        if dy is not None:
            up = _upstream(x, dy, lanes, flat, place, statistics)
            dx = input_gradients(x, dy, lanes, flat, Back(of, up), width)
    return Training(of, up, width, y, dx, _tracked(running, momentum, unbiased, x.shape[1]), x)


def _map(place: Centred, gamma: Array | None, beta: Array | None, eps: float) -> Map:
    channels = len(place.c)
    return Map(place, parameter(gamma, channels, 1.0), parameter(beta, channels, 0.0), non_negative(eps))


def _width(x: Array, tighten: int) -> Width:
    if not 0 <= tighten <= TIGHTEST:
        raise ValueError(f"tighten is {tighten}: give a number of bits from 0 to {TIGHTEST}")
    return Width(Format.of(x.dtype), WIDTH + tighten)


def _upstream(x: Array, dy: Array, lanes: Lanes, flat: Array, place: Centred, statistics: Statistics | None) -> Upstream:
    if statistics is None:
        return upstream(x, dy, lanes, flat, place)
    if statistics.gradients is None:
        raise ValueError("the statistics hold no gradient sums: hand dy to certify.statistics as well")
    return statistics.upstream()


def _tracked(running: tuple[Array, Array] | None, momentum: float | None, unbiased: bool, channels: int) -> Tracked | None:  # noqa: FBT001
    if running is None:
        return None
    if momentum is None or not np.isfinite(momentum):
        raise ValueError(f"momentum is {momentum}: give the weight of the new value, for instance 0.1")
    mean, var = (np.asarray(values) for values in running)
    if mean.shape != (channels,) or var.shape != (channels,):
        raise ValueError(f"running statistics have shapes {mean.shape} and {var.shape}: give {(channels,)}")
    return Tracked(mean.astype(np.float64), var.astype(np.float64), float(momentum), unbiased)


# -- inference -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Inference(_Certified):
    """Inference with given statistics; ``y`` and, where ``dy`` was given, ``dx`` have x's shape."""

    y: Enclosure
    _dx: Enclosure | None

    @property
    def dx(self) -> Enclosure:
        """``gamma/s_r g``."""
        if self._dx is None:
            raise AttributeError("there is no dx: hand dy over as well")
        return self._dx


def infer(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    running_mean: Array,
    running_var: Array,
    *,
    eps: float,
    dy: Array | None = None,
    tighten: int = 0,
) -> Inference:
    """Enclosures of ``y = gamma (x - mu_r)/sqrt(v_r + eps) + beta``, and with ``dy`` of ``dx``, ``dgamma``, ``dbeta``.

    Formulas: theorems inference-collapse and inference-gradient.  Arguments as in :func:`train`; N may be 0.  An entry of x
    that is not finite has no exact value, the others do; a negative ``running_var`` leaves its channel without any.
    """
    machine.verify()
    checked(x, dy=dy, gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var)
    width = _width(x, tighten)
    lanes = Lanes.of(x)
    flat = lanes.flat(x)
    channels, m = x.shape[1], x.size // x.shape[1]
    with np.errstate(all="ignore"):
        place = given(m, *(parameter(values, channels, 0.0) for values in (running_mean, running_var)))
        of = _map(place, gamma, beta, eps)
        y = outputs(x, lanes, flat, of, width)
        up = dx = None
        if dy is not None:
            at_least_one(x)
            up = upstream(x, dy, lanes, flat, place, centre=False)
            dx = outputs(dy, lanes, lanes.flat(dy), _scaling(of), width)
    return Inference(of, up, width, y, dx)


def _scaling(of: Map) -> Map:
    """``x -> gamma/s x``: the same scale without shift."""
    zeros = np.zeros_like(of.beta)
    place = of.place
    still = given(place.m, zeros, np.where(place.undefined, np.nan, place.v.mid))
    return Map(still, of.gamma, zeros, of.eps)


# -- folding ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Folded:
    """Weights and bias of a layer that absorbed the batch norm after it."""

    weight: Enclosure
    bias: Enclosure


def fold(
    weight: Array,
    bias: Array | None,
    gamma: Array | None,
    beta: Array | None,
    running_mean: Array,
    running_var: Array,
    *,
    eps: float,
    kind: str = "linear",
    groups: int = 1,
    tighten: int = 0,
) -> Folded:
    """Enclosures of ``W'_o = gamma'_o W_o`` and ``b' = gamma' (b - mu_r) + beta``, ``gamma' = gamma/sqrt(v_r + eps)`` (theorem fold-linear).

    ``weight``: ``(out, in)`` for "linear", ``(out, in/groups, *k)`` for "conv", ``(in, out/groups, *k)`` for "conv_transpose", where
    ``W'[i, j] = gamma'[h out/G + j] W[i, j]`` for i in group h; ``bias`` ``(out,)`` or ``None`` for 0.
    """
    machine.verify()
    laid, back = _by_output(np.asarray(weight), kind, groups)
    out = laid.shape[1]
    offset = np.zeros(out, weight.dtype) if bias is None else bias
    checked(laid, bias=offset, gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var)
    place = given(out, *(parameter(values, out, 0.0) for values in (running_mean, running_var)))
    with np.errstate(all="ignore"):
        of = _map(place, gamma, beta, eps)
        scaled, shifted = (
            outputs(values, lanes, lanes.flat(values), of_which, _width(values, tighten))
            for values, of_which in ((laid, _scaling(of)), (offset[None], of))
            for lanes in [Lanes.of(values)]
        )
    return Folded(scaled.reshaped(back), shifted.reshaped(lambda values: values[0]))


def _by_output(weight: Array, kind: str, groups: int) -> tuple[Array, Callable[[Array], Array]]:
    """The weight as ``(n, out, values)``, and the way back to its own shape."""
    shape = weight.shape
    if kind in ("linear", "conv"):
        return weight.reshape(1, shape[0], -1), lambda values: values.reshape(shape)
    if kind != "conv_transpose":
        raise ValueError(f"kind is {kind!r}: give 'linear', 'conv' or 'conv_transpose'")
    if groups < 1 or shape[0] % groups:
        raise ValueError(f"{groups} groups do not divide the {shape[0]} input channels of a transposed convolution")
    split = weight.reshape(groups, shape[0] // groups, shape[1], -1)
    laid = split.swapaxes(0, 1)
    return laid.reshape(shape[0] // groups, groups * shape[1], -1), lambda values: (
        values.reshape(laid.shape).swapaxes(0, 1).reshape(shape)
    )
