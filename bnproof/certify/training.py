"""Certified training mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from flint import arb, fmpq

from bnproof.certify import compiled, machine
from bnproof.certify.arguments import at_least_one, checked
from bnproof.certify.channels import Certified, mapping, rational_number, settled, width_for
from bnproof.certify.enclosure import BITS, Array, Enclosure
from bnproof.certify.entries import Back, Map, input_gradients, outputs
from bnproof.certify.exact import rational
from bnproof.certify.lanes import Lanes
from bnproof.certify.moments import Centred, Statistics, Upstream, centred, upstream
from bnproof.lowering.numbers import precision


class Changed(RuntimeError):
    """An array was modified after it was certified."""


@dataclass(frozen=True)
class Tracked:
    """Running statistics before the step, and how they move: ``(1 - alpha) r + alpha b``."""

    mean: Array
    var: Array
    momentum: float
    unbiased: bool


@dataclass(frozen=True)
class Training(Certified):
    """Training mode on one batch.  ``y`` and, where ``dy`` was given, ``dx`` have x's shape, all else has ``(C,)``."""

    y: Enclosure
    _dx: Enclosure | None
    _tracked: Tracked | None
    _x: Array = field(repr=False)
    _sums: Array = field(repr=False)

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
        return settled(
            balls, size, lambda j: rational_number(place.exact(j).mean), place.undefined, place.extreme, self.width
        )

    @cached_property
    def v(self) -> Enclosure:
        """``(1/m) sum (x - mu)^2``."""
        place = self.forward.place
        number = lambda j: rational_number(place.exact(j).variance)  # noqa: E731
        return settled(place.v.balls(), place.v.mid, number, place.undefined, place.extreme, self.width)

    @cached_property
    def xhat(self) -> Enclosure:
        """``(x - mu)/s``; raises ``Changed`` where x is no longer what was certified."""
        place = self.forward.place
        lanes = Lanes.of(self._x)
        flat = lanes.flat(self._x)
        if not np.array_equal(plain_sums(lanes, flat), self._sums, equal_nan=True):
            raise Changed("x was modified since it was certified: certify it again, or ask for xhat at once")
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
        number = lambda j: rational_number((1 - alpha) * rational(float(old[j])) + alpha * exact(j))  # noqa: E731
        undefined = undefined | ~np.isfinite(old)
        return settled(balls, size, number, undefined, self.forward.place.extreme, self.width)


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
    width = width_for(x, tighten)
    lanes = Lanes.of(x)
    flat = lanes.flat(x)
    with np.errstate(all="ignore"):
        sums = plain_sums(lanes, flat)
        place = centred(x, lanes, flat, sums) if statistics is None else statistics.centred()
        of = mapping(place, gamma, beta, eps)
        y = outputs(x, lanes, flat, of, width)
        up = dx = None
        if dy is not None:
            up = _upstream(x, dy, lanes, flat, place, statistics)
            dx = input_gradients(x, dy, lanes, flat, Back(of, up), width)
    return Training(of, up, width, y, dx, _tracked(running, momentum, x.shape[1], unbiased=unbiased), x, sums)


def plain_sums(lanes: Lanes, flat: Array) -> Array:
    """Plain sums of each channel: the first guess of a centre, and a mark by which a changed array is noticed."""
    with np.errstate(all="ignore"):
        return lanes.sums(compiled.plain_sums, (flat,), numbers=1, threefold=0)[:, 0]


def _upstream(
    x: Array, dy: Array, lanes: Lanes, flat: Array, place: Centred, statistics: Statistics | None
) -> Upstream:
    if statistics is None:
        return upstream(x, dy, lanes, flat, place)
    if statistics.gradients is None:
        raise ValueError("the statistics hold no gradient sums: hand dy to certify.statistics as well")
    return statistics.upstream()


def _tracked(
    running: tuple[Array, Array] | None, momentum: float | None, channels: int, *, unbiased: bool
) -> Tracked | None:
    if running is None:
        return None
    if momentum is None or not np.isfinite(momentum):
        raise ValueError(f"momentum is {momentum}: give the weight of the new value, for instance 0.1")
    mean, var = (np.asarray(values) for values in running)
    if mean.shape != (channels,) or var.shape != (channels,):
        raise ValueError(f"running statistics have shapes {mean.shape} and {var.shape}: give {(channels,)}")
    return Tracked(mean.astype(np.float64), var.astype(np.float64), float(momentum), unbiased)
