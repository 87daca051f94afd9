"""The third tier: single entries in balls, with rising precision, and zeros decided exactly.

Every quantity of batch normalisation is ``z/sqrt(w) + b`` with rational ``z``, ``w`` and ``b`` once
the sums are exact: y has ``z = gamma (x - mu)``, ``w = v + eps``, ``b = beta``; the gradient of x
has ``z = gamma (g - mean g - (x - mu) T/(m w))``, ``b = 0``.

So it is zero exactly if ``z = -b sqrt(w)``, that is if ``z^2 = b^2 w`` and ``z b <= 0``. That is a
statement about rational numbers, and it ends what would otherwise never end: raising the precision
cannot tell zero from a very small number (the table maker's dilemma; raising it is Ziv's strategy).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import arb, fmpq

from bnproof.certify.enclosure import split_ball
from bnproof.certify.exact_sums import split_rational
from bnproof.formats import Format
from bnproof.lowering.numbers import precision

# In bits, doubling up to ``2^14``, which is enough for any doubles: what can cancel is limited by
# their range of exponents.
PRECISIONS = tuple(128 << n for n in range(8))
# The smallest double: no radius can be narrower without being zero.
SMALLEST = 2.0**-1074
ZERO, ONE = fmpq(0), fmpq(1)


@dataclass(frozen=True)
class Rooted:
    """The exact number ``z/sqrt(w) + b``; there is none for ``w = 0``.

    Attributes
    ----------
    z, w, b
        Rational numbers, ``w >= 0``. A rational number b alone has no root.

    Examples
    --------
    >>> from flint import fmpq
    >>> from bnproof.certify.refine import Rooted
    >>> Rooted(fmpq(-3), fmpq(9, 4), fmpq(2)).zero
    True
    """

    z: fmpq = ZERO
    w: fmpq = ONE
    b: fmpq = ZERO

    @property
    def zero(self) -> bool:
        """Whether it is zero, decided without rounding."""
        return bool(self.z**2 == self.b**2 * self.w and self.z * self.b <= 0)

    def to_ball(self) -> arb:
        """An enclosure at the current precision of python-flint."""
        return arb(self.z) / arb(self.w).sqrt() + arb(self.b)

    def magnitude(self) -> float:
        """``|z|/sqrt(w) + |b|``, the sum of magnitudes that widths are measured on; nearly, as a
        float."""
        return float((abs(arb(self.z)) / arb(self.w).sqrt() + abs(arb(self.b))).mid())


@dataclass(frozen=True)
class Width:
    """How wide an enclosure may be: ``2^-bits`` ulp of the sum of magnitudes, in the input's
    format.

    A radius may be half of that, but never has to be less than the smallest double.

    Attributes
    ----------
    format
        The floating-point format of x.
    bits
        By how many bits an enclosure is narrower than one unit in the last place.
    """

    format: Format
    bits: int

    @property
    def share(self) -> float:
        """The radius allowed at magnitude 1, whatever its power of two.

        ``ulp(t) >= 2^-p t``, so ``share * t`` is at most ``radius(t)``. Kernels can multiply by it
        without taking an exponent apart.
        """
        return float(2.0 ** -(self.bits + 1 + self.format.p))

    def radius(self, magnitude: float) -> float:
        """The radius allowed at a magnitude; infinite where the magnitude is not finite."""
        if not np.isfinite(magnitude):
            return np.inf
        ulp = float(self.format.ulp(np.float64(magnitude)))
        return max(ulp * 2.0 ** -(self.bits + 1), SMALLEST)


def enclose_number(number: Rooted, width: Width) -> tuple[float, float, float]:
    """``mid, low, rad`` of a number, narrow enough for ``width``.

    Parameters
    ----------
    number
        The exact number.
    width
        What the radius has to keep to.

    Returns
    -------
    tuple of float
        NaN thrice for ``w = 0``; zeros for an exact zero; no radius for a rational number of two
        words. Otherwise the interval does not contain zero either, unless the number is so small
        that its radius cannot be.
    """
    # ``w`` is ``v + eps`` of exact numbers and never negative; 0 has no root to divide by.
    if number.w <= 0:
        return np.nan, np.nan, np.nan
    # First of all, since no precision would be enough to see it.
    if number.zero:
        return 0.0, 0.0, 0.0
    # No root is needed: the number is rational.
    if number.z == 0:
        return split_rational(number.b)
    for bits in PRECISIONS:
        with precision(bits):
            mid, low, rad = split_ball(number.to_ball())
            allowed = width.radius(number.magnitude())
        # Narrow enough, and away from zero, so that its sign is known.
        if rad <= allowed and abs(mid) > rad:
            return mid, low, rad
        # More precision cannot narrow the interval any further.
        if rad <= SMALLEST:
            break
    return mid, low, rad
