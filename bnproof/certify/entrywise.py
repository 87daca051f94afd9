"""Enclosures of what has one entry per value: outputs and gradients of the input.

A compiled kernel does every entry and says which channels hold a doubtful one: an entry whose
interval is too wide, or holds zero without being zero. Those entries, and all entries of channels
that are out of the kernel's range, are done again from exact sums in balls
(:mod:`bnproof.certify.refine`). Most inputs need none, so the common cost is one pass over memory.

The fields ``undefined`` and ``extreme`` of a map are arrays ``(C,)``: the former has no exact
value, the latter is left to balls. Start reading at :class:`Map` and :func:`enclose_outputs`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpq

from bnproof.certify import compiled, errors
from bnproof.certify.enclosure import Array, Enclosure
from bnproof.certify.exact_sums import to_rational
from bnproof.certify.lanes import Lanes
from bnproof.certify.moments import Centred, Source, Upstream, build_enclosure, stack_words
from bnproof.certify.refine import Rooted, Width, enclose_number

# What the exact value of an entry is, as a function of the entries of x and dy.
Number = Callable[[float, float], Rooted]


@dataclass(frozen=True)
class Map:
    """The affine map of each channel, ``x -> a (x - mu) + b`` with ``a = gamma/sqrt(v + eps)``.

    It serves training (batch statistics) and inference (given ones).

    Attributes
    ----------
    place
        The statistics that normalise.
    gamma, beta
        Float64 ``(C,)``.
    eps
        Counts as the exact value of the float.
    """

    place: Centred
    gamma: Array
    beta: Array
    eps: float

    @cached_property
    def w(self) -> Array:
        """``v + eps`` in float64, to measure sizes by."""
        return self.place.v.mid + self.eps

    @cached_property
    def a(self) -> Enclosure:
        """Enclosures of the scale ``gamma/sqrt(v + eps)``."""
        words = compiled.affine_scale(self.gamma, stack_words(self.place.v), self.eps)
        return build_enclosure(words, errors.scale(words[:, 0], self.place.v, self.w))

    @cached_property
    def singular(self) -> Array:
        """Channels with ``v + eps = 0``, known for certain.

        Extreme ones are looked at entry by entry: there a v that underflowed may only seem to be 0.
        """
        return (
            # Without a radius, that is certain: an interval around 0 would be settled by exact
            # sums.
            (self.place.v.mid == 0)
            & (self.place.v.rad == 0)
            & (self.eps == 0)
            & ~self.place.extreme
        )

    @cached_property
    def far(self) -> Array:
        """Channels whose standard deviation is left to balls, whatever gamma and beta are."""
        # The absolute value is for a negative variance that was handed in: that channel is
        # undefined, and a root of it would only warn.
        return self.place.extreme | ~errors.is_ordinary(np.sqrt(np.abs(self.w)))

    @cached_property
    def scaleless(self) -> Array:
        """Channels without an exact scale: x or gamma is not finite, or ``v + eps = 0``."""
        return self.place.undefined | self.singular | ~np.isfinite(self.gamma)

    @cached_property
    def undefined(self) -> Array:
        """Channels without an exact output: without a scale, or beta is not finite."""
        return self.scaleless | ~np.isfinite(self.beta)

    @cached_property
    def scale_extreme(self) -> Array:
        """Channels whose scale is left to balls; the gradient of x needs nothing of beta."""
        return ~self.scaleless & (self.far | ~errors.is_ordinary(self.gamma, self.a.mid))

    @cached_property
    def extreme(self) -> Array:
        """Channels whose output is left to balls."""
        return ~self.undefined & (self.scale_extreme | ~errors.is_ordinary(self.beta))

    def exact_moments(self, j: int) -> tuple[fmpq, fmpq]:
        """``mu`` and ``v + eps`` of a channel, as rational numbers."""
        moments = self.place.exact(j)
        return moments.mean, moments.variance + to_rational(self.eps)

    def build_number(self, j: int) -> Number:
        """The exact output of a channel, as a function of an entry of x.

        The channel's exact sums are taken once, here.
        """
        (mean, w), gamma, beta = (
            self.exact_moments(j),
            to_rational(self.gamma[j]),
            to_rational(self.beta[j]),
        )
        return lambda x, _: Rooted(gamma * (to_rational(x) - mean), w, beta)


def enclose_outputs(x: Source, affine_map: Map, width: Width) -> Enclosure:
    """``a (x - mu) + b`` for every entry.

    Parameters
    ----------
    x
        The values.
    affine_map
        The map of each channel.
    width
        How wide an entry may be, measured on ``|gamma xhat| + |beta|``.

    Returns
    -------
    Enclosure
        In x's shape.
    """
    result, doubtful, threshold = run_affine(x.lanes, x.flat, affine_map, width)
    # The kernel counts by strip, and a strip may serve many channels, so what is doubtful is looked
    # for once more, entry by entry.
    for j in np.flatnonzero(~affine_map.undefined & (affine_map.extreme | doubtful)).tolist():
        # The same comparison as in the kernel, false for NaN.
        size = np.abs(result.mid[:, j])
        fine = (size > threshold[j]) & (size < compiled.HUGE)
        doubtful_entries = affine_map.extreme[j] | ~fine
        refine(result, x.values, x.values, j, doubtful_entries, affine_map.build_number(j), width)
    return result


def run_affine(
    lanes: Lanes, flat: Array, affine_map: Map, width: Width
) -> tuple[Enclosure, Array, Array]:
    """The first tier of :func:`enclose_outputs`: what the kernel alone has to say.

    Returns
    -------
    tuple
        The enclosures, the channels with doubtful entries, and the magnitude at and below which an
        entry of a channel is doubtful.
    """
    place, a = affine_map.place, affine_map.a
    rho, delta = map(errors.total, errors.affine_output(a, place.r, affine_map.beta))
    # There ``a (x - mu)`` is exactly 0 and y is beta: no radius, although the general bound has
    # one.
    exact = (a.mid == 0) | place.constant
    rho, delta = (np.where(exact, 0.0, bound) for bound in (rho, delta))
    threshold = compute_threshold(rho, delta, np.abs(affine_map.beta), width.share)
    # A centre that is NaN makes every entry of the channel NaN, without a branch in the kernel.
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
    """The magnitude at and below which an entry may be too wide, or hold zero.

    Parameters
    ----------
    rho, delta
        The radius of an entry is ``rho |mid| + delta``.
    b
        ``|beta|``.
    share
        An entry may be as wide as ``share max(|mid|, |b|)``, which is no more than the width
        allowed on ``|gamma xhat| + |beta|``.

    Returns
    -------
    array
        Infinite where every entry is doubtful, -1 where none is.

    Notes
    -----
    ``rho <= share/2`` leaves the other half of the share for delta. Where
    ``delta <= (share/2) |b|`` an entry is always narrow, and it is away from zero for
    ``|mid| > 2 delta``, because ``rho <= 1/2``. Elsewhere ``|mid| > delta/(share/2)`` gives both.
    Without delta nothing is doubtful, not even zero, which is then exact.
    """
    by_b = np.where(delta <= share / 2 * b, delta * 2, delta / (share / 2))
    threshold = np.where(rho <= share / 2, by_b, np.inf)
    return np.where((delta == 0) & (rho <= share / 2), -1.0, threshold)


def run_kernel(
    kernel: Callable[..., None],
    lanes: Lanes,
    arrays: tuple[Array, ...],
    parameters: tuple[Array, ...],
) -> tuple[Enclosure, Array]:
    """Run a kernel over every entry.

    Parameters
    ----------
    kernel
        ``compute_affine`` or ``compute_input_gradient`` of :mod:`bnproof.certify.compiled`.
    lanes, arrays
        The memory order, and the flat arrays that are read.
    parameters
        One array ``(C,)`` for each of the kernel's parameters.

    Returns
    -------
    tuple
        The enclosures in the array's shape, and the channels that may have doubtful entries: where
        a strip holds several channels, all of them are named.
    """
    (mid, mid_), (low, low_), (rad, rad_) = lanes.allocate(3)
    # Counts and not one flag, so that the inner loop adds instead of branching.
    doubtful = np.zeros(lanes.strips, dtype=np.int64)
    ordered = lanes.order_parameters(*parameters)
    for part in lanes.passes:
        kernel(*arrays, *part, lanes.spread, ordered, mid, low, rad, doubtful)
    return Enclosure(mid_, low_, rad_), lanes.find_channels(doubtful > 0)


def refine(
    result: Enclosure, x: Array, dy: Array, j: int, doubtful: Array, number: Number, width: Width
) -> None:
    """Replace the doubtful entries of channel ``j`` in ``result`` by what balls say.

    Parameters
    ----------
    result
        Changed in place.
    x, dy
        The entries to compute from; for outputs both are x.
    j
        The channel.
    doubtful
        Which of its entries, of the channel's shape, or one truth value for all.
    number
        The exact value of an entry.
    width
        How wide it may be.
    """
    # Rational arithmetic wants Python floats; they are made once, not entry by entry.
    of_x, of_dy = (np.asarray(values[:, j], dtype=np.float64)[doubtful] for values in (x, dy))
    table = np.full((3, len(of_x)), np.nan)
    for n, (value, up) in enumerate(zip(of_x.tolist(), of_dy.tolist(), strict=True)):
        # At inference single entries of x may be NaN or infinite: those have no exact value.
        if np.isfinite(value) and np.isfinite(up):
            table[:, n] = enclose_number(number(value, up), width)
    for words, entries in zip((result.mid, result.low, result.rad), table, strict=True):
        words[:, j][doubtful] = entries


@dataclass(frozen=True)
class Back:
    """The gradient of the input, ``g -> a (g - mean g - k (x - mu))`` with ``k = T/(m (v + eps))``.

    Theorem gradient-x in other words: ``xhat_k sum g xhat/m = (x_k - mu) T/(m (v + eps))``.

    Attributes
    ----------
    forward
        The map of x.
    up
        The sums over the upstream gradient.
    """

    forward: Map
    up: Upstream

    @cached_property
    def k(self) -> Enclosure:
        """Enclosures of ``T/(m (v + eps))``."""
        place, joint = self.forward.place, self.up.joint
        words = compiled.regression_slope(
            stack_words(joint), stack_words(place.v), self.forward.eps, float(place.m)
        )
        return build_enclosure(
            words, errors.slope(words[:, 0], joint, place.v, self.forward.w, place.m)
        )

    @cached_property
    def undefined(self) -> Array:
        """Channels without an exact value: no scale, or something not finite in g."""
        return self.forward.scaleless | self.up.joint_undefined

    @cached_property
    def extreme(self) -> Array:
        """Channels left to balls."""
        # A slope that underflowed is not zero.
        lost = (self.k.mid == 0) & (self.up.joint.mid != 0)
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
        """The radius allowed at each entry of a channel.

        It is measured on the sum of magnitudes ``|a| (|g| + mean |g| + |xhat| mean |g xhat|)``.
        """
        # ``|x - c|`` for ``|x - mu|``: c is the nearest float to the mean, or close to it.
        from_centre = np.abs(np.asarray(x[:, j], dtype=np.float64) - self.forward.place.c[j])
        of_g = np.abs(np.asarray(dy[:, j], dtype=np.float64))
        return (
            width.share
            * np.abs(self.forward.a.mid[j])
            * (of_g + self.mean_size[j] + from_centre * self.slope[j])
        )

    def build_number(self, j: int) -> Number:
        """The exact gradient of a channel, as a function of the entries of x and dy."""
        (mean, w), of_g, m = self.forward.exact_moments(j), self.up.exact(j), self.forward.place.m
        # ``v + eps = 0`` in an extreme channel, which only exact sums could tell: no gradient, so
        # NaN.
        if w == 0:
            return lambda x, g: Rooted(w=w)
        gamma, mean_g, k = (
            to_rational(self.forward.gamma[j]),
            of_g.total / m,
            of_g.covariance(mean) / (m * w),
        )
        return lambda x, g: Rooted(
            gamma * (to_rational(g) - mean_g - k * (to_rational(x) - mean)), w
        )


def enclose_input_gradients(x: Source, dy: Source, back: Back, width: Width) -> Enclosure:
    """``a (g - mean g - k (x - mu))`` for every entry.

    Parameters
    ----------
    x, dy
        Read in the same memory order.
    back
        The map of each channel.
    width
        How wide an entry may be.

    Returns
    -------
    Enclosure
        In x's shape.
    """
    result, doubtful, narrow = run_input_gradient(x.lanes, x.flat, dy.flat, back, width)
    for j in np.flatnonzero(~back.undefined & (back.extreme | doubtful | ~narrow)).tolist():
        mid, rad = np.abs(result.mid[:, j]), result.rad[:, j]
        # An entry that is exactly 0 has no radius and is fine; any other has to be away from 0.
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
    """The first tier of :func:`enclose_input_gradients`: what the kernel alone has to say.

    Returns
    -------
    tuple
        The enclosures, the channels with entries that may be zero, and the channels all of whose
        entries are narrow.
    """
    forward, upward, a = back.forward, back.up, back.forward.a
    bounds = [
        errors.total(terms) for terms in errors.input_gradient(a, forward.place.r, upward.r, back.k)
    ]
    # Where gamma is 0 or g is constant, dx is exactly 0.
    exact = (a.mid == 0) | upward.constant
    rho, rho_x, delta = (np.where(exact, 0.0, bound) for bound in bounds)
    hidden = np.where(back.undefined, np.nan, forward.place.c)
    place = (hidden, forward.place.r.mid, forward.place.r.low, upward.c, upward.r.mid, upward.r.low)
    parameters = (*place, back.k.mid, back.k.low, a.mid, a.low, rho, rho_x, delta)
    # A quarter of the share for each of the three parts of the radius; the last covers the
    # roundings of this comparison, and ``|x - c|`` for ``|x - mu|``.
    scale, share = np.abs(a.mid), width.share / 4
    narrow = (
        (rho <= share)
        & (rho_x <= share * scale * back.slope)
        & (delta <= share * scale * back.mean_size)
    )
    return *run_kernel(compiled.compute_input_gradient, lanes, (flat, up), parameters), narrow
