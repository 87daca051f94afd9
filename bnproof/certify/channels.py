"""Enclosures of what has one entry per channel, and what training and inference have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, fmpq

from bnproof.certify import machine
from bnproof.certify.arguments import non_negative, parameter
from bnproof.certify.enclosure import BITS, Array, Enclosure
from bnproof.certify.entries import Map
from bnproof.certify.moments import Centred, Source, Upstream
from bnproof.certify.refine import Rooted, Width, enclosed
from bnproof.formats import Format
from bnproof.lowering.numbers import precision

WIDTH = 20  # bits of an ulp
TIGHTEST = 32  # more than mid + low of float64 can hold


def width_for(x: Array, tighten: int) -> Width:
    """``2^-(20 + tighten)`` ulp in x's format; raises ``ValueError`` for more than 32 bits."""
    if not isinstance(tighten, int) or not 0 <= tighten <= TIGHTEST:
        raise ValueError(f"tighten is {tighten}: give a number of bits from 0 to {TIGHTEST}")
    return Width(Format.of(x.dtype), WIDTH + tighten)


def mapping(place: Centred, gamma: Array | None, beta: Array | None, eps: float) -> Map:
    """``x -> gamma (x - mu)/sqrt(v + eps) + beta``."""
    channels = len(place.c)
    return Map(
        place, parameter(gamma, channels, 1.0), parameter(beta, channels, 0.0), non_negative(eps)
    )


@dataclass(frozen=True)
class Decided:
    """Which channels an enclosure is made for, and how: ``number(j)`` is a channel's exact value,
    ``size`` (a lower bound of) the sum of magnitudes it is made of."""

    size: Array
    number: Callable[[int], Rooted]
    undefined: Array
    extreme: Array


@dataclass(frozen=True)
class Certified:
    """What training and inference have in common: a map of x, and gradients where ``dy`` was
    given."""

    forward: Map
    up: Upstream | None
    width: Width
    sources: tuple[Source, ...] = field(repr=False)

    @property
    def upstream(self) -> Upstream:
        """The upstream gradient's sums; raises ``AttributeError`` where there was no ``dy``."""
        if self.up is None:
            raise AttributeError("there are no gradients: hand dy over as well")
        return self.up

    def settled(self, balls: Callable[[], Any], of: Decided) -> Enclosure:
        """Enclosures made from double words; exact sums where those are too wide or hold zero, and
        for extreme channels."""
        machine.verify()
        with precision(BITS), np.errstate(all="ignore"):
            result = Enclosure.of(balls())
        for words in (result.mid, result.low, result.rad):
            words[of.undefined] = np.nan
        allowed = [self.width.radius(float(size)) for size in of.size]
        wide = ~(result.rad <= allowed) | np.isnan(result.mid)
        again = np.flatnonzero(~of.undefined & (wide | of.extreme | result.holds_zero)).tolist()
        if again:
            for source in self.sources:
                source.verify()
        for j in again:
            result.mid[j], result.low[j], result.rad[j] = enclosed(of.number(j), self.width)
        return result

    def _exact_joint(self, j: int) -> fmpq:
        """``T = sum g (x - mu)``."""
        return self.upstream.exact(j).covariance(self.forward.exact(j)[0])

    @cached_property
    def s(self) -> Enclosure:
        """``sqrt(v + eps)``, shape ``(C,)``."""
        of = self.forward

        def balls() -> Any:
            return [(v + arb(of.eps)).nonnegative_part().sqrt() for v in of.place.v.balls()]

        with np.errstate(invalid="ignore"):
            size = np.sqrt(of.w)
        return self.settled(balls, Decided(size, self._exact_root, of.place.undefined, of.far))

    def _exact_root(self, j: int) -> Rooted:
        w = self.forward.exact(j)[1]
        return Rooted(w, w if w > 0 else fmpq(1), fmpq(0))

    @cached_property
    def dgamma(self) -> Enclosure:
        """``sum g xhat``, shape ``(C,)``."""
        of, up, s = self.forward, self.upstream, self.s
        undefined = of.place.undefined | up.joint_undefined | of.singular
        with np.errstate(all="ignore"):
            size = up.joint_size / np.sqrt(of.w) / 2

        def number(j: int) -> Rooted:
            return Rooted(self._exact_joint(j), of.exact(j)[1], fmpq(0))

        return self.settled(
            lambda: up.joint.balls() / s.balls(),
            Decided(size, number, undefined, of.far | up.extreme),
        )

    @cached_property
    def dbeta(self) -> Enclosure:
        """``sum g``, shape ``(C,)``."""
        up = self.upstream

        def balls() -> Any:
            return (Enclosure.exactly(up.c).balls() + up.r.balls()) * arb(self.forward.place.m)

        def number(j: int) -> Rooted:
            return rational_number(up.exact(j).total)

        return self.settled(balls, Decided(up.size, number, up.undefined, up.extreme))


def rational_number(value: fmpq) -> Rooted:
    """A rational number as one without a root."""
    return Rooted(fmpq(0), fmpq(1), value)
