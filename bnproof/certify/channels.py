"""Enclosures of what has one entry per channel, and what training and inference have in common.

Such quantities are cheap, so they are not compiled: double words and radii become balls, the
formula is evaluated in those, and the result is an enclosure. Channels where that is too wide, or
cannot be told from zero, are computed from exact sums. Start reading at
:meth:`Certified.enclose_channels`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb

from bnproof.certify import machine
from bnproof.certify.enclosure import BITS, Array, Enclosure
from bnproof.certify.entrywise import Map
from bnproof.certify.moments import Centred, Source, Upstream
from bnproof.certify.refine import Rooted, Width, enclose_number
from bnproof.certify.validation import check_eps, convert_parameter
from bnproof.formats import Format
from bnproof.lowering.numbers import precision

# Enclosures are narrower than one ulp by so many bits: with ``2^-20`` ulp, an error measured
# against the middle is right to six digits, and double words have room for it.
WIDTH = 20
# For float64 that makes ``2^-52`` ulp, about the last of the 106 bits that ``mid + low`` hold; more
# could not be kept.
TIGHTEST = 32


def choose_width(x: Array, tighten: int) -> Width:
    """``2^-(20 + tighten)`` ulp in x's format.

    Raises
    ------
    ValueError
        Unless ``tighten`` is an integer from 0 to 32.
    """
    if not isinstance(tighten, int) or not 0 <= tighten <= TIGHTEST:
        raise ValueError(f"tighten is {tighten}: give a number of bits from 0 to {TIGHTEST}")
    return Width(Format.from_dtype(x.dtype), WIDTH + tighten)


def build_map(place: Centred, gamma: Array | None, beta: Array | None, eps: float) -> Map:
    """The map ``x -> gamma (x - mu)/sqrt(v + eps) + beta`` of each channel.

    Parameters
    ----------
    place
        The statistics that normalise.
    gamma, beta
        ``(C,)`` of any supported dtype; ``None`` stands for 1 and for 0.
    eps
        Added to the variance.

    Raises
    ------
    TypeError, ValueError
        For an eps that is no finite number, or negative.
    """
    channels = len(place.c)
    return Map(
        place,
        convert_parameter(gamma, channels, 1.0),
        convert_parameter(beta, channels, 0.0),
        check_eps(eps),
    )


@dataclass(frozen=True)
class Certified:
    """What training and inference have in common: a map of x, and gradients where ``dy`` was given.

    Attributes
    ----------
    forward
        The affine map of each channel, with the statistics that normalise.
    up
        The sums over the upstream gradient, ``None`` without ``dy``.
    width
        How wide enclosures may be.
    sources
        x, and dy where it was given. They are looked at again for what is asked for later.
    y
        The output.
    """

    forward: Map
    up: Upstream | None
    width: Width
    sources: tuple[Source, ...] = field(repr=False)
    y: Enclosure
    _dx: Enclosure | None

    @property
    def dx(self) -> Enclosure:
        """The gradient of x; raises ``AttributeError`` without ``dy``.

        In training it is ``gamma/s (g - mean g - xhat mean(g xhat))`` (theorem gradient-x), at
        inference ``gamma/s_r g``.
        """
        if self._dx is None:
            raise AttributeError("there is no dx: hand dy over as well")
        return self._dx

    @property
    def upstream(self) -> Upstream:
        """The upstream gradient's sums; raises ``AttributeError`` where there was no ``dy``."""
        if self.up is None:
            raise AttributeError("there are no gradients: hand dy over as well")
        return self.up

    def enclose_channels(
        self,
        balls: Callable[[], Any],
        size: Array,
        number: Callable[[int], Rooted],
        undefined: Array,
        extreme: Array,
    ) -> Enclosure:
        """Enclosures of one quantity, ``(C,)``.

        Parameters
        ----------
        balls
            Called once; balls that contain the quantity, from double words.
        size
            Float64 ``(C,)``, a lower bound of the sum of magnitudes the quantity is made of, or
            near it: the width is measured on it.
        number
            ``number(j)`` is the exact value of channel j, from exact sums.
        undefined
            Channels without an exact value.
        extreme
            Channels whose double words are not to be trusted.

        Returns
        -------
        Enclosure
            From exact sums where the balls are too wide or hold zero, and for extreme channels.

        Raises
        ------
        Changed
            Where exact sums are needed and an array is not what it was.
        UnsoundArithmetic
            Where this thread does not round to nearest, or flushes subnormals.
        """
        machine.verify()
        with precision(BITS), np.errstate(all="ignore"):
            result = Enclosure.from_balls(balls())
        # Balls of an undefined channel may look finite: dbeta of a spoiled x, say, is made from g
        # alone.
        for words in (result.mid, result.low, result.rad):
            words[undefined] = np.nan
        # A size that is NaN or infinite allows any width: such channels are undefined or extreme.
        allowed = [self.width.radius(float(of_channel)) for of_channel in size]
        # Written so that NaN counts as too wide.
        wide = ~(result.rad <= allowed) | np.isnan(result.mid)
        again = np.flatnonzero(~undefined & (wide | extreme | result.holds_zero)).tolist()
        # The check reads all of x; what double words have already settled does not need it.
        if again:
            for source in self.sources:
                source.verify_unmodified()
        for j in again:
            result.mid[j], result.low[j], result.rad[j] = enclose_number(number(j), self.width)
        return result

    @cached_property
    def s(self) -> Enclosure:
        """``sqrt(v + eps)``, shape ``(C,)``."""
        forward = self.forward

        def compute_balls() -> Any:
            return [
                # The interval of a small v may reach below 0, where the exact v cannot be.
                (v + arb(forward.eps)).nonnegative_part().sqrt()
                for v in forward.place.v.to_balls()
            ]

        with np.errstate(invalid="ignore"):
            size = np.sqrt(forward.w)
        return self.enclose_channels(
            compute_balls, size, self._exact_root, forward.place.undefined, forward.far
        )

    def _exact_root(self, j: int) -> Rooted:
        """``s`` in the form ``z/sqrt(w)``, as ``w/sqrt(w)``; for ``w = 0`` as 0."""
        w = self.forward.exact_moments(j)[1]
        return Rooted(w, w) if w > 0 else Rooted()

    @cached_property
    def dgamma(self) -> Enclosure:
        """``sum g xhat``, shape ``(C,)``."""
        forward, up, s = self.forward, self.upstream, self.s
        undefined = forward.place.undefined | up.joint_undefined | forward.singular
        with np.errstate(all="ignore"):
            # Half, because ``joint_size`` was summed about c instead of mu, and in float64.
            size = up.joint_size / np.sqrt(forward.w) / 2

        def compute_number(j: int) -> Rooted:
            mean, w = forward.exact_moments(j)
            return Rooted(up.exact(j).covariance(mean), w)

        return self.enclose_channels(
            lambda: up.joint.to_balls() / s.to_balls(),
            size,
            compute_number,
            undefined,
            forward.far | up.extreme,
        )

    @cached_property
    def dbeta(self) -> Enclosure:
        """``sum g``, shape ``(C,)``: ``m`` times the mean of g, which is enclosed as ``c + r``."""
        up = self.upstream

        m = arb(self.forward.place.m)
        return self.enclose_channels(
            lambda: (Enclosure.from_floats(up.c).to_balls() + up.r.to_balls()) * m,
            up.size,
            lambda j: Rooted(b=up.exact(j).total),
            up.undefined,
            up.extreme,
        )
