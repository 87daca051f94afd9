"""Enclosures of what has one entry per channel, and what training and inference have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, fmpq

from bnproof.certify.arguments import non_negative, parameter
from bnproof.certify.enclosure import BITS, Array, Enclosure
from bnproof.certify.entries import Map
from bnproof.certify.formats import Format
from bnproof.certify.moments import Centred, Upstream
from bnproof.certify.refine import Rooted, Width, enclosed
from bnproof.lowering.numbers import precision

WIDTH = 20  # bits of an ulp
TIGHTEST = 32  # more than mid + low of float64 can hold


def width_for(x: Array, tighten: int) -> Width:
    """``2^-(20 + tighten)`` ulp in x's format; raises ``ValueError`` for more than 32 bits."""
    if not 0 <= tighten <= TIGHTEST:
        raise ValueError(f"tighten is {tighten}: give a number of bits from 0 to {TIGHTEST}")
    return Width(Format.of(x.dtype), WIDTH + tighten)


def mapping(place: Centred, gamma: Array | None, beta: Array | None, eps: float) -> Map:
    """``x -> gamma (x - mu)/sqrt(v + eps) + beta``."""
    channels = len(place.c)
    return Map(place, parameter(gamma, channels, 1.0), parameter(beta, channels, 0.0), non_negative(eps))


def settled(
    balls: Any, size: Array, number: Callable[[int], Rooted], undefined: Array, extreme: Array, width: Width
) -> Enclosure:
    """Enclosures made from double words; exact sums where those are too wide or hold zero, and for extreme channels.

    ``size``: (a lower bound of) the sum of magnitudes of each entry.
    """
    result = Enclosure.of(balls)
    for words in (result.mid, result.low, result.rad):
        words[undefined] = np.nan
    wide = np.array([not rad <= width.radius(float(of)) for rad, of in zip(result.rad, size, strict=True)])
    for j in np.flatnonzero(~undefined & (wide | extreme | result.holds_zero | np.isnan(result.mid))).tolist():
        result.mid[j], result.low[j], result.rad[j] = enclosed(number(j), width)
    return result


@dataclass(frozen=True)
class Certified:
    """What training and inference have in common: a map of x, and gradients where ``dy`` was given."""

    forward: Map
    up: Upstream | None
    width: Width

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
        return settled(balls, size, self._exact_root, of.place.undefined, of.extreme, self.width)

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
        return settled(balls, size, number, undefined, of.extreme | up.extreme, self.width)

    @cached_property
    def dbeta(self) -> Enclosure:
        """``sum g``, shape ``(C,)``."""
        up = self.upstream
        with precision(BITS):
            balls = (Enclosure.exactly(up.c).balls() + up.r.balls()) * arb(self.forward.place.m)
        number = lambda j: rational_number(up.exact(j).total)  # noqa: E731
        return settled(balls, up.size, number, up.undefined, up.extreme, self.width)


def rational_number(value: fmpq) -> Rooted:
    """A rational number as one without a root."""
    return Rooted(fmpq(0), fmpq(1), value)
