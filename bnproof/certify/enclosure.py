"""Enclosures: arrays of intervals that contain an exact value, as a double word and a radius.

An entry is known to lie in ``mid + low +- rad``. The two words ``mid + low`` carry about 106 bits,
so an enclosure can be far narrower than the spacing of float64. Everything here rounds outwards:
where an end or a distance cannot be a float64 exactly, the next one on the safe side is taken.

Start reading at :class:`Enclosure`. The other functions convert between enclosures and the balls of
python-flint (``arb``), which have a midpoint of any number of bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb

from bnproof.lowering.numbers import precision

Array = npt.NDArray[Any]
# A ball made from a double word needs ``2 * 53`` bits, and more for a gap between the words. A gap
# wider than this leaves is rounded, and the ball's radius grows by that.
BITS = 192


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """``s + e = a + b`` exactly, ``s = fl(a + b)`` (Knuth 1969), entry by entry.

    Parameters
    ----------
    a, b
        Float64 arrays whose sum does not overflow.

    Returns
    -------
    tuple of array
        ``s`` and ``e``.
    """
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@dataclass(frozen=True)
class Enclosure:
    """Intervals that hold the exact values: entry by entry, one lies in ``mid + low +- rad``.

    Attributes
    ----------
    mid
        Float64 array. NaN stands where there is no exact value (NaN or infinity in the channel,
        ``v + eps = 0``, Bessel's factor for m = 1). It is infinite for a value beyond the largest
        float64.
    low
        The second word of the midpoint, float64, of the same shape.
    rad
        Float64, at least 0, of the same shape. Zero says that the value is exactly ``mid + low``.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof import certify
    >>> third = certify.infer(np.ones((1, 1)), None, None, np.zeros(1), np.full(1, 9.0), eps=0.0).y
    >>> bool(third.lower[0, 0] <= 1 / 3 <= third.upper[0, 0])
    True
    >>> bool(third.rad[0, 0] < np.spacing(1 / 3))
    True
    """

    mid: Array
    low: Array
    rad: Array

    @classmethod
    def from_floats(cls, values: Any) -> Enclosure:
        """Floats that are known exactly, with radius 0.

        Parameters
        ----------
        values
            Anything NumPy makes a float64 array of.
        """
        mid = np.asarray(values, dtype=np.float64)
        return cls(mid, np.zeros_like(mid), np.zeros_like(mid))

    @classmethod
    def from_balls(cls, balls: Any) -> Enclosure:
        """Enclosures around an array of balls, of the same shape.

        The radius also covers what two words cannot hold of a ball's midpoint. A ball that is no
        number becomes NaN.
        """
        words = [split_ball(value) for value in np.asarray(balls, dtype=object).reshape(-1)]
        # One ball at a time: python-flint has no array type that NumPy knows.
        table = np.array(words, dtype=np.float64).reshape(*np.shape(balls), 3)
        return cls(table[..., 0], table[..., 1], table[..., 2])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that ``mid``, ``low`` and ``rad`` have in common."""
        return tuple(self.mid.shape)

    @property
    def lower(self) -> Array:
        """A float64 that is no more than the exact value.

        It is at most one unit below the best such number, where the radius is small beside ``mid``.
        For a value beyond the largest float64 it is that largest number.
        """
        # The negated upper end of the negated interval, so that one function rounds both.
        return -self._round_up(-self.mid, -self.low)

    @property
    def upper(self) -> Array:
        """A float64 that is no less than the exact value, and likewise close to the best such
        number."""
        return self._round_up(self.mid, self.low)

    def _round_up(self, mid: Array, low: Array) -> Array:
        """A float64 at or above ``mid + low + rad``.

        The two small numbers are added and rounded up; ``two_sum`` then tells exactly whether the
        sum with ``mid`` lost something positive, in which case the next float64 is taken.
        """
        with np.errstate(invalid="ignore", over="ignore"):
            # The sum of the two rounds to nearest, so the next float64 is certainly at or above it;
            # without a radius there is no sum.
            trailing = np.where(self.rad > 0, np.nextafter(low + self.rad, np.inf), low)
            total, rest = two_sum(mid, trailing)
            above = np.where(rest > 0, np.nextafter(total, np.inf), total)
        # The value is beyond the largest float64: as a lower end that number is still valid.
        # Two infinities make NaN above, hence this last step.
        beyond = np.isinf(mid)
        return np.where(beyond, np.where(mid > 0, np.inf, -np.finfo(np.float64).max), above)

    @property
    def holds_zero(self) -> Array:
        """Whether zero is possible without being certain, entry by entry.

        False where the enclosure is exactly zero, and where there is no exact value.
        """
        return (self.lower <= 0) & (self.upper >= 0) & (self.rad > 0)

    def distance(self, values: Any) -> Array:
        """Upper bounds of ``|values - exact|``.

        Parameters
        ----------
        values
            Floating-point numbers of any supported format, of the enclosure's shape.

        Returns
        -------
        array
            Float64. Infinite where a value is not finite although the exact one is, or where the
            difference is beyond the largest float64; NaN where nothing is exact.

        Notes
        -----
        ``got - mid = high + rest`` exactly, by ``two_sum``. What rounds afterwards is
        ``rest - low``, which ``2^-52 |trailing|`` covers, and three additions of non-negative
        numbers, each by at most ``2^-53`` of the result; the factor ``1 + 2^-50`` covers those, and
        the step to the next float64 covers that product. Where the enclosure is exact and nothing
        was rounded, the distance is exact as well.
        """
        got = np.asarray(values).astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            high, rest = two_sum(got, -self.mid)
            trailing = rest - self.low
            error = np.abs(high + trailing) + np.abs(trailing) * 2.0**-52 + self.rad
            # A right answer has distance 0, not the smallest subnormal: laws compare it with bounds
            # of 0.
            exact = (trailing == 0) & (self.rad == 0)
            outward = np.where(exact, np.abs(high), np.nextafter(error * (1 + 2.0**-50), np.inf))
            # the difference is beyond the largest float64
            outward = np.where(np.isnan(outward), np.inf, outward)
        # Against a value that is not finite the formula above has no meaning.
        known = np.isfinite(got) & np.isfinite(self.mid)
        return np.where(np.isnan(self.mid), np.nan, np.where(known, outward, np.inf))

    def to_balls(self) -> Any:
        """An object array of balls that contain the enclosures, for arithmetic with automatic
        radii."""
        with precision(BITS):
            return map_entries(
                lambda mid, low, rad: arb(float(mid)) + arb(float(low), float(rad)),
                self.mid,
                self.low,
                self.rad,
            )

    def reshape(self, change: Callable[[Array], Array]) -> Enclosure:
        """The same entries under another shape.

        ``change`` is applied to each of the three arrays; it may also select entries.
        """
        return Enclosure(change(self.mid), change(self.low), change(self.rad))


def map_entries(function: Callable[..., Any], *arrays: Any) -> Any:
    """``function`` of corresponding entries, as an object array of their common shape.

    The results are assigned into an array of objects, so that NumPy does not try to convert balls.
    """
    broadcast = np.broadcast_arrays(*arrays)
    result = np.empty(broadcast[0].shape, dtype=object)
    result.reshape(-1)[:] = [
        function(*entries) for entries in zip(*(a.reshape(-1) for a in broadcast), strict=True)
    ]
    return result


def split_ball(value: arb) -> tuple[float, float, float]:
    """A ball as ``mid, low, rad``, rounded outwards.

    Parameters
    ----------
    value
        A ball of any precision.

    Returns
    -------
    tuple of float
        The midpoint in two doubles, and a radius that also covers what they miss of it. NaN thrice
        for a ball that is no number. Where the midpoint is beyond the largest double the answer is
        an infinite ``mid`` with an infinite radius.
    """
    if not value.is_finite():
        return np.nan, np.nan, np.nan
    mid = float(value.mid())
    if np.isinf(mid):
        return mid, 0.0, np.inf
    # Differences of a midpoint and two doubles are exact at this precision, or nearly: a rest that
    # is rounded even so lies in the ball ``rest``.
    with precision(4096):
        low = float((value.mid() - mid).mid())
        rest = (value - mid - low).abs_upper()
    return mid, low, 0.0 if rest == 0 else float(np.nextafter(float(rest), np.inf))
