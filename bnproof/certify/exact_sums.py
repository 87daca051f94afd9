"""Exact sums over a channel, and through them exact statistics as rational numbers: the second
tier.

A float is a rational number whose denominator is a power of two, so sums of floats, and of products
of two floats, are exact in fixed point (Kulisch 1971). They are compiled, with digits of 32 bits,
where every product is two exact words; otherwise Python's integers do the same. Mean, variance and
gradient sums follow from such sums by rational arithmetic, without any error.

Start reading at :class:`ExactMoments`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from flint import fmpq

from bnproof.certify import compiled
from bnproof.certify.enclosure import Array


def to_rational(value: float) -> fmpq:
    """A finite float as the rational number that it is."""
    return fmpq(*float(value).as_integer_ratio())


def exact_sum(values: Array) -> fmpq:
    """``sum values``, without any error.

    Parameters
    ----------
    values
        Finite float64 values ``(m,)``, fewer than ``2^29``.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.certify.exact_sums import exact_sum
    >>> exact_sum(np.array([1e300, 0.5, -1e300]))
    1/2
    """
    limbs = np.zeros(compiled.LIMBS, dtype=np.int64)
    compiled.deposit_sum(values, limbs)
    return _read_limbs(limbs)


def exact_dot(left: Array, right: Array) -> fmpq:
    """``sum left * right``, without any error.

    Parameters
    ----------
    left, right
        Finite float64 values ``(m,)`` each, fewer than ``2^29``.

    Notes
    -----
    The compiled sum says whether it was exact. Where a product is so small or so large that its two
    words might not be, Python's integers take over.
    """
    limbs = np.zeros(compiled.LIMBS, dtype=np.int64)
    # The digits are thrown away where a product was not exact: they hold only part of it.
    if compiled.deposit_products(left, right, limbs):
        return _read_limbs(limbs)
    pairs = zip(
        *(map(float.as_integer_ratio, map(float, side)) for side in (left, right)), strict=True
    )
    return _sum_ratios([(p * r, q * s) for (p, q), (r, s) in pairs])


def _read_limbs(limbs: Array) -> fmpq:
    """The number that digits of 32 bits stand for: this is where carries and signs are settled."""
    total = sum(int(limb) << (32 * n) for n, limb in enumerate(limbs))
    return fmpq(total, 1 << compiled.BOTTOM)


def _sum_ratios(ratios: list[tuple[int, int]]) -> fmpq:
    """The sum of fractions whose denominators are powers of two.

    All are brought to the largest denominator, so that one addition of integers does the rest;
    adding fractions one by one would cancel common factors every time.
    """
    # The bit length of ``2^k`` is ``k + 1``.
    lowest = max((q.bit_length() for _, q in ratios), default=1)
    return fmpq(sum(p << (lowest - q.bit_length()) for p, q in ratios), 1 << (lowest - 1))


@dataclass(frozen=True)
class ExactMoments:
    """``m``, ``sum x`` and ``sum x^2`` of one channel; those of two parts add up to those of the
    whole.

    Attributes
    ----------
    m
        The number of values.
    total, squares
        The two sums, exact.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.certify.exact_sums import ExactMoments
    >>> ExactMoments.from_values(np.array([1.0, 2.0, 4.0])).variance
    14/9
    """

    m: int
    total: fmpq
    squares: fmpq

    @classmethod
    def from_values(cls, values: Array) -> ExactMoments:
        """The moments of a channel's finite values, float64 ``(m,)``."""
        return cls(len(values), exact_sum(values), exact_dot(values, values))

    def __add__(self, other: ExactMoments) -> ExactMoments:
        return ExactMoments(
            self.m + other.m, self.total + other.total, self.squares + other.squares
        )

    @cached_property
    def mean(self) -> fmpq:
        """``mu = (1/m) sum x``."""
        return self.total / self.m

    @cached_property
    def variance(self) -> fmpq:
        """``v = (1/m) sum x^2 - mu^2``: in rational arithmetic nothing cancels."""
        return self.squares / self.m - self.mean**2


@dataclass(frozen=True)
class ExactGradients:
    """``sum g`` and ``sum g x`` of one channel.

    Attributes
    ----------
    total
        ``sum g``.
    joint
        ``sum g x``; ``None`` where x holds NaN or infinity, so that only the sum of g is known.
    """

    total: fmpq
    joint: fmpq | None

    @classmethod
    def from_values(cls, upstream: Array, values: Array) -> ExactGradients:
        """The sums of a channel's values, float64 ``(m,)`` each; ``upstream`` is finite,
        ``values`` need not be."""
        return cls(
            exact_sum(upstream),
            exact_dot(upstream, values) if np.isfinite(values).all() else None,
        )

    def __add__(self, other: ExactGradients) -> ExactGradients:
        joint = None if self.joint is None or other.joint is None else self.joint + other.joint
        return ExactGradients(self.total + other.total, joint)

    def covariance(self, mean: fmpq) -> fmpq:
        """``T = sum g (x - mu) = sum g x - mu sum g``; only where x is finite."""
        # Where x is not finite the channel is undefined, and nobody asks.
        assert self.joint is not None
        return self.joint - mean * self.total


def round_to_double(value: fmpq) -> float:
    """The double nearest to a rational number; infinite beyond the largest."""
    try:
        # Python divides integers of any length with a single rounding, subnormals included.
        return int(value.p) / int(value.q)
    except OverflowError:
        return float("inf") if value > 0 else -float("inf")


def split_rational(value: fmpq) -> tuple[float, float, float]:
    """A rational number as two doubles and a bound of what they miss.

    Parameters
    ----------
    value
        Any rational number.

    Returns
    -------
    tuple of float
        ``mid``, the double nearest to the number, ``low``, the one nearest to the rest, and
        ``rad``, which is 0 exactly where two doubles are enough. Beyond the largest double the
        answer is an infinite ``mid`` with an infinite radius.

    Examples
    --------
    >>> from flint import fmpq
    >>> from bnproof.certify.exact_sums import split_rational
    >>> split_rational(fmpq(2**60 + 1))
    (1.152921504606847e+18, 1.0, 0.0)
    """
    mid = round_to_double(value)
    # Infinity is no rational number to subtract.
    if abs(mid) > sys.float_info.max:
        return mid, 0.0, float("inf")
    low = round_to_double(value - to_rational(mid))
    # The second word may be subnormal and lose bits; the rest is exact and only its float is not,
    # so that is moved up by one place.
    rest = abs(value - to_rational(mid) - to_rational(low))
    return mid, low, 0.0 if rest == 0 else float(np.nextafter(round_to_double(rest), np.inf))
