"""Enclosures of what has one entry per value: outputs and gradients of the input, kernel first, balls where it is not enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpq

from bnproof.certify import compiled, errors
from bnproof.certify.enclosure import Array, Enclosure
from bnproof.certify.exact import rational
from bnproof.certify.lanes import Lanes
from bnproof.certify.refine import Rooted, Width, enclosed
from bnproof.certify.statistics import Centred, Upstream, enclosure, words_of

Number = Callable[[float, float], Rooted]  # from the entries of x and dy


@dataclass(frozen=True)
class Map:
    """``x -> a (x - mu) + b`` per channel, ``a = gamma/sqrt(v + eps)``: training (batch statistics) and inference (given ones)."""

    place: Centred
    gamma: Array
    beta: Array
    eps: float

    @cached_property
    def w(self) -> Array:
        """``v + eps`` in float64."""
        return self.place.v.mid + self.eps

    @cached_property
    def a(self) -> Enclosure:
        """``gamma/sqrt(v + eps)``."""
        with np.errstate(all="ignore"):
            words = compiled.affine_scale(self.gamma, words_of(self.place.v), self.eps)
            return enclosure(words, errors.scale(words[:, 0], self.place.v, self.w))

    @cached_property
    def singular(self) -> Array:
        """Channels with ``v + eps = 0`` (extreme ones are looked at entry by entry)."""
        return (self.place.v.mid == 0) & (self.place.v.rad == 0) & (self.eps == 0) & ~self.place.extreme

    @cached_property
    def undefined(self) -> Array:
        """Channels without an exact value: something not finite, or ``v + eps = 0``."""
        return self.place.undefined | self.singular | ~np.isfinite(self.gamma) | ~np.isfinite(self.beta)

    @cached_property
    def extreme(self) -> Array:
        """Channels left to balls."""
        inside = errors.ordinary(self.gamma, self.beta, self.a.mid, np.sqrt(np.abs(self.w)))
        return ~self.undefined & (self.place.extreme | ~inside)

    def exact(self, j: int) -> tuple[fmpq, fmpq]:
        """``mu`` and ``v + eps`` of a channel."""
        moments = self.place.exact(j)
        return moments.mean, moments.variance + rational(self.eps)

    def number(self, j: int) -> Number:
        """The exact output of a channel's entries."""
        (mean, w), gamma, beta = self.exact(j), rational(self.gamma[j]), rational(self.beta[j])
        return lambda x, _: Rooted(gamma * (rational(x) - mean), w, beta)


def outputs(x: Array, lanes: Lanes, flat: Array, of: Map, width: Width) -> Enclosure:
    """``a (x - mu) + b``, entry by entry."""
    place, a = of.place, of.a
    with np.errstate(all="ignore"):
        rho, delta = map(errors.total, errors.affine(a, place.r, of.beta))
        exact = (a.mid == 0) | place.constant
        rho, delta = (np.where(exact, 0.0, bound) for bound in (rho, delta))
        threshold = doubtful_below(rho, delta, np.abs(of.beta), width.share)
    hidden = np.where(of.undefined, np.nan, place.c)
    parameters = (hidden, place.r.mid, place.r.low, a.mid, a.low, of.beta, rho, delta, threshold)
    result, count = run(compiled.affine, lanes, (flat,), parameters)
    for j in np.nonzero(~of.undefined & (of.extreme | (count > 0)))[0]:
        size = np.abs(result.mid[:, j])
        doubtful = np.full(size.shape, True) if of.extreme[j] else ~((size > threshold[j]) & (size < compiled.HUGE))
        refine(result, x, x, j, doubtful, of.number(j), width)
    return result


def doubtful_below(rho: Array, delta: Array, b: Array, share: float) -> Array:
    """Where ``|mid|`` is at most this, ``rho |mid| + delta`` may be wider than ``share max(|mid|, |b|)``, or reach zero."""
    by_b = np.where(delta <= share / 2 * b, delta * 2, delta / (share / 2))
    threshold = np.where(rho <= share / 2, by_b, np.inf)
    return np.where((delta == 0) & (rho <= share / 2), -1.0, threshold)


def run(kernel: Callable[..., None], lanes: Lanes, arrays: tuple[Array, ...], parameters: tuple[Array, ...]) -> tuple[Enclosure, Array]:
    """A kernel over every entry: the enclosure in the array's shape, and the doubtful entries per channel."""
    (mid, mid_), (low, low_), (rad, rad_) = (lanes.empty() for _ in range(3))
    doubtful = np.zeros(lanes.strips * compiled.W)
    laid = lanes.parameters(*parameters)
    for part in lanes.passes:
        kernel(*arrays, *part, lanes.spread, laid, mid, low, rad, doubtful)
    return Enclosure(mid_, low_, rad_), lanes.joined(doubtful, 1)[:, 0]


def refine(result: Enclosure, x: Array, dy: Array, j: int, doubtful: Array, number: Number, width: Width) -> None:
    """Replace the doubtful entries of a channel by what balls say; an entry that is not finite has no exact value."""
    of_x, of_dy = (np.asarray(values[:, j], dtype=np.float64)[doubtful] for values in (x, dy))
    table = np.full((3, len(of_x)), np.nan)
    for n, (value, up) in enumerate(zip(of_x.tolist(), of_dy.tolist(), strict=True)):
        if np.isfinite(value) and np.isfinite(up):
            table[:, n] = enclosed(number(value, up), width)
    for words, entries in zip((result.mid, result.low, result.rad), table, strict=True):
        words[:, j][doubtful] = entries


@dataclass(frozen=True)
class Back:
    """``g -> a (g - mean g - k (x - mu))`` per channel, ``k = T/(m (v + eps))``: the gradient of the input."""

    forward: Map
    up: Upstream

    @cached_property
    def k(self) -> Enclosure:
        """``T/(m (v + eps))``, zero in a constant channel, where ``x - mu`` is."""
        place, joint = self.forward.place, self.up.joint
        with np.errstate(all="ignore"):
            words = compiled.regression_slope(words_of(joint), words_of(place.v), self.forward.eps, float(place.m))
            return enclosure(words, errors.slope(words[:, 0], joint, place.v, self.forward.w, place.m))

    @cached_property
    def undefined(self) -> Array:
        """Channels without an exact value."""
        return self.forward.undefined | self.up.joint_undefined

    @cached_property
    def extreme(self) -> Array:
        """Channels left to balls."""
        return ~self.undefined & (self.forward.extreme | self.up.extreme | ~errors.ordinary(self.k.mid))

    def number(self, j: int) -> Number:
        """The exact gradient at a channel's entries."""
        (mean, w), of_g, m = self.forward.exact(j), self.up.exact(j), self.forward.place.m
        if w == 0:
            return lambda x, g: Rooted(fmpq(0), w, fmpq(0))
        gamma, mean_g, k = rational(self.forward.gamma[j]), of_g.total / m, of_g.covariance(mean) / (m * w)
        return lambda x, g: Rooted(gamma * (rational(g) - mean_g - k * (rational(x) - mean)), w, fmpq(0))


def input_gradients(x: Array, dy: Array, lanes: Lanes, flat: Array, of: Back, width: Width) -> Enclosure:
    """``a (g - mean g - k (x - mu))``, entry by entry."""
    forward, up, place, a, k = of.forward, of.up, of.forward.place, of.forward.a, of.k
    with np.errstate(all="ignore"):
        bounds = [errors.total(terms) for terms in errors.input_gradient(a, place.r, up.r, k)]
        rho, rho_g, rho_x, delta = (np.where(a.mid == 0, 0.0, bound) for bound in bounds)
    hidden = np.where(of.undefined, np.nan, place.c)
    parameters = (hidden, place.r.mid, place.r.low, up.c, up.r.mid, up.r.low, k.mid, k.low, a.mid, a.low)
    result, count = run(compiled.input_gradient, lanes, (flat, lanes.flat(dy)), (*parameters, rho, rho_g, rho_x, delta))
    size, joint_size = up.size / place.m, up.joint_size / place.m
    scale = np.abs(a.mid)
    with np.errstate(all="ignore"):
        slope = joint_size / forward.w  # |xhat_k| mean |g xhat| = |x_k - mu| slope
        share = width.share / 4
        narrow = (rho <= share) & (rho_g <= share * scale) & (rho_x <= share * scale * slope) & (delta <= share * scale * size)
    for j in np.nonzero(~of.undefined & (of.extreme | (count > 0) | ~narrow))[0]:
        mid, rad = result.mid[:, j], result.rad[:, j]
        if of.extreme[j]:
            doubtful = np.full(mid.shape, True)
        else:
            of_x = np.abs(np.asarray(x[:, j], dtype=np.float64) - place.c[j])
            of_g = np.abs(np.asarray(dy[:, j], dtype=np.float64))
            allowed = width.share * scale[j] * (of_g + size[j] + of_x * slope[j])
            doubtful = ~((rad <= allowed) & ((np.abs(mid) > rad) | (rad == 0)) & (np.abs(mid) < compiled.HUGE))
        refine(result, x, dy, j, doubtful, of.number(j), width)
    return result
