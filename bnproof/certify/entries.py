"""Enclosures of what has one entry per value: outputs and gradients of the input, kernel first,
balls where it is not enough."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpq

from bnproof.certify import compiled, errors
from bnproof.certify.enclosure import Array, Enclosure
from bnproof.certify.exact import to_rational
from bnproof.certify.lanes import Lanes
from bnproof.certify.moments import Centred, Source, Upstream, build_enclosure, stack_words
from bnproof.certify.refine import Rooted, Width, enclose_number

Number = Callable[[float, float], Rooted]  # from the entries of x and dy


@dataclass(frozen=True)
class Map:
    """``x -> a (x - mu) + b`` per channel, ``a = gamma/sqrt(v + eps)``: training (batch statistics)
    and inference (given ones)."""

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
        words = compiled.affine_scale(self.gamma, stack_words(self.place.v), self.eps)
        return build_enclosure(words, errors.scale(words[:, 0], self.place.v, self.w))

    @cached_property
    def singular(self) -> Array:
        """Channels with ``v + eps = 0`` (extreme ones are looked at entry by entry)."""
        return (
            (self.place.v.mid == 0)
            & (self.place.v.rad == 0)
            & (self.eps == 0)
            & ~self.place.extreme
        )

    @cached_property
    def far(self) -> Array:
        """Channels whose standard deviation is left to balls, whatever gamma and beta are."""
        return self.place.extreme | ~errors.is_ordinary(np.sqrt(np.abs(self.w)))

    @cached_property
    def scaleless(self) -> Array:
        """Channels without an exact scale: something not finite, or ``v + eps = 0``."""
        return self.place.undefined | self.singular | ~np.isfinite(self.gamma)

    @cached_property
    def undefined(self) -> Array:
        """Channels without an exact output."""
        return self.scaleless | ~np.isfinite(self.beta)

    @cached_property
    def scale_extreme(self) -> Array:
        """Channels whose scale is left to balls."""
        return ~self.scaleless & (self.far | ~errors.is_ordinary(self.gamma, self.a.mid))

    @cached_property
    def extreme(self) -> Array:
        """Channels whose output is left to balls."""
        return ~self.undefined & (self.scale_extreme | ~errors.is_ordinary(self.beta))

    def exact_moments(self, j: int) -> tuple[fmpq, fmpq]:
        """``mu`` and ``v + eps`` of a channel."""
        moments = self.place.exact(j)
        return moments.mean, moments.variance + to_rational(self.eps)

    def build_number(self, j: int) -> Number:
        """The exact output of a channel's entries."""
        (mean, w), gamma, beta = (
            self.exact_moments(j),
            to_rational(self.gamma[j]),
            to_rational(self.beta[j]),
        )
        return lambda x, _: Rooted(gamma * (to_rational(x) - mean), w, beta)


def enclose_outputs(
    x: Array, lanes: Lanes, flat: Array, affine_map: Map, width: Width
) -> Enclosure:
    """``a (x - mu) + b``, entry by entry."""
    result, doubtful, threshold = run_affine(lanes, flat, affine_map, width)
    for j in np.flatnonzero(~affine_map.undefined & (affine_map.extreme | doubtful)).tolist():
        size = np.abs(result.mid[:, j])
        fine = (size > threshold[j]) & (size < compiled.HUGE)
        refine(result, x, x, j, affine_map.extreme[j] | ~fine, affine_map.build_number(j), width)
    return result


def run_affine(
    lanes: Lanes, flat: Array, affine_map: Map, width: Width
) -> tuple[Enclosure, Array, Array]:
    """The first tier: enclosures, channels with doubtful entries, and the size below which an entry
    is doubtful."""
    place, a = affine_map.place, affine_map.a
    rho, delta = map(errors.total, errors.affine_output(a, place.r, affine_map.beta))
    exact = (a.mid == 0) | place.constant
    rho, delta = (np.where(exact, 0.0, bound) for bound in (rho, delta))
    threshold = compute_threshold(rho, delta, np.abs(affine_map.beta), width.share)
    hidden = np.where(affine_map.undefined, np.nan, place.c)
    parameters = (
        hidden,
        place.r.mid,
        place.r.low,
        a.mid,
        a.low,
        affine_map.beta,
        rho,
        delta,
        threshold,
    )
    return *run_kernel(compiled.compute_affine, lanes, (flat,), parameters), threshold


def compute_threshold(rho: Array, delta: Array, b: Array, share: float) -> Array:
    """Where ``|mid|`` is at most this, ``rho |mid| + delta`` may be wider than
    ``share max(|mid|, |b|)``, or reach zero."""
    by_b = np.where(delta <= share / 2 * b, delta * 2, delta / (share / 2))
    threshold = np.where(rho <= share / 2, by_b, np.inf)
    return np.where((delta == 0) & (rho <= share / 2), -1.0, threshold)


def run_kernel(
    kernel: Callable[..., None],
    lanes: Lanes,
    arrays: tuple[Array, ...],
    parameters: tuple[Array, ...],
) -> tuple[Enclosure, Array]:
    """A kernel over every entry: the enclosure in the array's shape, and the channels that may have
    doubtful entries."""
    (mid, mid_), (low, low_), (rad, rad_) = lanes.allocate(3)
    doubtful = np.zeros(lanes.strips, dtype=np.int64)
    ordered = lanes.order_parameters(*parameters)
    for part in lanes.passes:
        kernel(*arrays, *part, lanes.spread, ordered, mid, low, rad, doubtful)
    return Enclosure(mid_, low_, rad_), lanes.find_channels(doubtful > 0)


def refine(
    result: Enclosure, x: Array, dy: Array, j: int, doubtful: Array, number: Number, width: Width
) -> None:
    """Replace the doubtful entries of a channel by what balls say; an entry that is not finite has
    no exact value."""
    of_x, of_dy = (np.asarray(values[:, j], dtype=np.float64)[doubtful] for values in (x, dy))
    table = np.full((3, len(of_x)), np.nan)
    for n, (value, up) in enumerate(zip(of_x.tolist(), of_dy.tolist(), strict=True)):
        if np.isfinite(value) and np.isfinite(up):
            table[:, n] = enclose_number(number(value, up), width)
    for words, entries in zip((result.mid, result.low, result.rad), table, strict=True):
        words[:, j][doubtful] = entries


@dataclass(frozen=True)
class Back:
    """``g -> a (g - mean g - k (x - mu))`` per channel, ``k = T/(m (v + eps))``: the gradient of
    the input."""

    forward: Map
    up: Upstream

    @cached_property
    def k(self) -> Enclosure:
        """``T/(m (v + eps))``, zero in a constant channel, where ``x - mu`` is."""
        place, joint = self.forward.place, self.up.joint
        words = compiled.regression_slope(
            stack_words(joint), stack_words(place.v), self.forward.eps, float(place.m)
        )
        return build_enclosure(
            words, errors.slope(words[:, 0], joint, place.v, self.forward.w, place.m)
        )

    @cached_property
    def undefined(self) -> Array:
        """Channels without an exact value."""
        return self.forward.scaleless | self.up.joint_undefined

    @cached_property
    def extreme(self) -> Array:
        """Channels left to balls."""
        lost = (self.k.mid == 0) & (self.up.joint.mid != 0)  # a slope that underflowed is not zero
        return ~self.undefined & (
            self.forward.scale_extreme | self.up.extreme | ~errors.is_ordinary(self.k.mid) | lost
        )

    @cached_property
    def mean_size(self) -> Array:
        """``mean |g|``."""
        return self.up.size / self.forward.place.m

    @cached_property
    def slope(self) -> Array:
        """``mean |g xhat|/s``: times ``|x - mu|`` it is ``|xhat| mean |g xhat|``."""
        return self.up.joint_size / self.forward.place.m / self.forward.w

    def allowed_radius(self, x: Array, dy: Array, j: int, width: Width) -> Array:
        """The radius allowed at each entry of a channel: by
        ``|a| (|g| + mean |g| + |xhat| mean |g xhat|)``."""
        from_centre = np.abs(np.asarray(x[:, j], dtype=np.float64) - self.forward.place.c[j])
        of_g = np.abs(np.asarray(dy[:, j], dtype=np.float64))
        return (
            width.share
            * np.abs(self.forward.a.mid[j])
            * (of_g + self.mean_size[j] + from_centre * self.slope[j])
        )

    def build_number(self, j: int) -> Number:
        """The exact gradient at a channel's entries."""
        (mean, w), of_g, m = self.forward.exact_moments(j), self.up.exact(j), self.forward.place.m
        if w == 0:
            return lambda x, g: Rooted(fmpq(0), w, fmpq(0))
        gamma, mean_g, k = (
            to_rational(self.forward.gamma[j]),
            of_g.total / m,
            of_g.covariance(mean) / (m * w),
        )
        return lambda x, g: Rooted(
            gamma * (to_rational(g) - mean_g - k * (to_rational(x) - mean)), w, fmpq(0)
        )


def enclose_input_gradients(x: Source, dy: Source, back: Back, width: Width) -> Enclosure:
    """``a (g - mean g - k (x - mu))``, entry by entry."""
    result, doubtful, narrow = run_input_gradient(x.lanes, x.flat, dy.flat, back, width)
    for j in np.flatnonzero(~back.undefined & (back.extreme | doubtful | ~narrow)).tolist():
        mid, rad = np.abs(result.mid[:, j]), result.rad[:, j]
        fine = (
            (rad <= back.allowed_radius(x.values, dy.values, j, width))
            & ((mid > rad) | (rad == 0))
            & (mid < compiled.HUGE)
        )
        refine(result, x.values, dy.values, j, back.extreme[j] | ~fine, back.build_number(j), width)
    return result


def run_input_gradient(
    lanes: Lanes, flat: Array, up: Array, back: Back, width: Width
) -> tuple[Enclosure, Array, Array]:
    """The first tier: enclosures, channels with entries that may be zero, and channels all of whose
    entries are narrow."""
    forward, upward, a = back.forward, back.up, back.forward.a
    bounds = [
        errors.total(terms) for terms in errors.input_gradient(a, forward.place.r, upward.r, back.k)
    ]
    exact = (a.mid == 0) | upward.constant
    rho, rho_x, delta = (np.where(exact, 0.0, bound) for bound in bounds)
    hidden = np.where(back.undefined, np.nan, forward.place.c)
    place = (hidden, forward.place.r.mid, forward.place.r.low, upward.c, upward.r.mid, upward.r.low)
    parameters = (*place, back.k.mid, back.k.low, a.mid, a.low, rho, rho_x, delta)
    scale, share = np.abs(a.mid), width.share / 4
    narrow = (
        (rho <= share)
        & (rho_x <= share * scale * back.slope)
        & (delta <= share * scale * back.mean_size)
    )
    return *run_kernel(compiled.compute_input_gradient, lanes, (flat, up), parameters), narrow
