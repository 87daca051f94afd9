"""Enclosures of what has one entry per channel, and what training and inference have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, fmpq

from bnproof.certify import machine
from bnproof.certify.arguments import check_eps, convert_parameter
from bnproof.certify.enclosure import BITS, Array, Enclosure
from bnproof.certify.entries import Map
from bnproof.certify.moments import Centred, Source, Upstream
from bnproof.certify.refine import Rooted, Width, enclose_number
from bnproof.formats import Format
from bnproof.lowering.numbers import precision

WIDTH = 20  # bits of an ulp
TIGHTEST = 32  # more than mid + low of float64 can hold


def choose_width(x: Array, tighten: int) -> Width:
    """``2^-(20 + tighten)`` ulp in x's format; raises ``ValueError`` for more than 32 bits."""
    if not isinstance(tighten, int) or not 0 <= tighten <= TIGHTEST:
        raise ValueError(f"tighten is {tighten}: give a number of bits from 0 to {TIGHTEST}")
    return Width(Format.from_dtype(x.dtype), WIDTH + tighten)


def build_map(place: Centred, gamma: Array | None, beta: Array | None, eps: float) -> Map:
    """``x -> gamma (x - mu)/sqrt(v + eps) + beta``."""
    channels = len(place.c)
    return Map(
        place,
        convert_parameter(gamma, channels, 1.0),
        convert_parameter(beta, channels, 0.0),
        check_eps(eps),
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

    def enclose_channels(self, balls: Callable[[], Any], channels: Decided) -> Enclosure:
        """Enclosures made from double words; exact sums where those are too wide or hold zero, and
        for extreme channels."""
        machine.verify()
        with precision(BITS), np.errstate(all="ignore"):
            result = Enclosure.from_balls(balls())
        for words in (result.mid, result.low, result.rad):
            words[channels.undefined] = np.nan
        allowed = [self.width.radius(float(size)) for size in channels.size]
        wide = ~(result.rad <= allowed) | np.isnan(result.mid)
        again = np.flatnonzero(
            ~channels.undefined & (wide | channels.extreme | result.holds_zero)
        ).tolist()
        if again:
            for source in self.sources:
                source.verify_unmodified()
        for j in again:
            result.mid[j], result.low[j], result.rad[j] = enclose_number(
                channels.number(j), self.width
            )
        return result

    def _exact_joint(self, j: int) -> fmpq:
        """``T = sum g (x - mu)``."""
        return self.upstream.exact(j).covariance(self.forward.exact_moments(j)[0])

    @cached_property
    def s(self) -> Enclosure:
        """``sqrt(v + eps)``, shape ``(C,)``."""
        forward = self.forward

        def compute_balls() -> Any:
            return [
                (v + arb(forward.eps)).nonnegative_part().sqrt() for v in forward.place.v.to_balls()
            ]

        with np.errstate(invalid="ignore"):
            size = np.sqrt(forward.w)
        return self.enclose_channels(
            compute_balls, Decided(size, self._exact_root, forward.place.undefined, forward.far)
        )

    def _exact_root(self, j: int) -> Rooted:
        w = self.forward.exact_moments(j)[1]
        return Rooted(w, w if w > 0 else fmpq(1), fmpq(0))

    @cached_property
    def dgamma(self) -> Enclosure:
        """``sum g xhat``, shape ``(C,)``."""
        forward, up, s = self.forward, self.upstream, self.s
        undefined = forward.place.undefined | up.joint_undefined | forward.singular
        with np.errstate(all="ignore"):
            size = up.joint_size / np.sqrt(forward.w) / 2

        def compute_number(j: int) -> Rooted:
            return Rooted(self._exact_joint(j), forward.exact_moments(j)[1], fmpq(0))

        return self.enclose_channels(
            lambda: up.joint.to_balls() / s.to_balls(),
            Decided(size, compute_number, undefined, forward.far | up.extreme),
        )

    @cached_property
    def dbeta(self) -> Enclosure:
        """``sum g``, shape ``(C,)``."""
        up = self.upstream

        def compute_balls() -> Any:
            return (Enclosure.from_floats(up.c).to_balls() + up.r.to_balls()) * arb(
                self.forward.place.m
            )

        def compute_number(j: int) -> Rooted:
            return wrap_rational(up.exact(j).total)

        return self.enclose_channels(
            compute_balls, Decided(up.size, compute_number, up.undefined, up.extreme)
        )


def wrap_rational(value: fmpq) -> Rooted:
    """A rational number as one without a root."""
    return Rooted(fmpq(0), fmpq(1), value)
