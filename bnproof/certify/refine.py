"""The third tier: single entries in balls, with rising precision, and zeros decided exactly.

Every quantity of batch normalisation is ``z/sqrt(w) + b`` with rational ``z``, ``w`` and ``b`` once
the sums are exact: y has ``z = gamma (x - mu)``, ``w = v + eps``, ``b = beta``; the gradient of x
has ``z = gamma (g - mean g - (x - mu) T/(m w))``, ``b = 0``. So it is zero exactly if
``z^2 = b^2 w`` and ``z b <= 0``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb, fmpq

from bnproof.certify.enclosure import split_ball
from bnproof.certify.exact import split_rational
from bnproof.formats import Format
from bnproof.lowering.numbers import precision

PRECISIONS = tuple(128 << n for n in range(8))  # bits, up to 2^14: enough for any doubles
SMALLEST = 2.0**-1074


@dataclass(frozen=True)
class Rooted:
    """The number ``z/sqrt(w) + b``; none for ``w = 0``."""

    z: fmpq
    w: fmpq
    b: fmpq

    @property
    def zero(self) -> bool:
        """Whether it is zero."""
        return bool(self.z**2 == self.b**2 * self.w and self.z * self.b <= 0)

    def to_ball(self) -> arb:
        """An enclosure at the current precision."""
        return arb(self.z) / arb(self.w).sqrt() + arb(self.b)

    def magnitude(self) -> float:
        """``|z|/sqrt(w) + |b|``."""
        return float((abs(arb(self.z)) / arb(self.w).sqrt() + abs(arb(self.b))).mid())


@dataclass(frozen=True)
class Width:
    """How wide an enclosure may be: ``2^-bits`` ulp of the sum of magnitudes, in the input's
    format.

    The radius may be half of that, but never has to be less than the smallest double.
    """

    format: Format
    bits: int

    @property
    def share(self) -> float:
        """The radius allowed at magnitude 1, whatever its power of two: ``ulp(t) >= 2^-p t``."""
        return float(2.0 ** -(self.bits + 1 + self.format.p))

    def radius(self, magnitude: float) -> float:
        """The radius allowed at a magnitude."""
        if not np.isfinite(magnitude):
            return np.inf
        ulp = float(self.format.ulp(np.float64(magnitude)))
        return max(ulp * 2.0 ** -(self.bits + 1), SMALLEST)


def enclose_number(number: Rooted, width: Width) -> tuple[float, float, float]:
    """``mid, low, rad`` of a number, narrow enough; exact for a zero and for a rational number of
    two words."""
    if number.w <= 0:
        return np.nan, np.nan, np.nan
    if number.zero:
        return 0.0, 0.0, 0.0
    if number.z == 0:
        return split_rational(number.b)
    for bits in PRECISIONS:
        with precision(bits):
            mid, low, rad = split_ball(number.to_ball())
            allowed = width.radius(number.magnitude())
        if rad <= allowed and abs(mid) > rad:
            return mid, low, rad
        if rad <= SMALLEST:
            break
    return mid, low, rad
