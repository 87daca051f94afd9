"""Enclosures: arrays of intervals that contain an exact value, as a double word and a radius."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb

from bnproof.lowering.numbers import precision

Array = npt.NDArray[Any]
BITS = 192  # of a ball made from a double word: 2 * 53, and room for a gap between the words


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """``s + e = a + b`` exactly, ``s = fl(a + b)`` (Knuth 1969), for arrays."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@dataclass(frozen=True)
class Enclosure:
    """The exact value lies in ``mid + low +- rad``, entry by entry; float64 arrays of one shape.

    ``rad = 0`` says that the value is exactly ``mid + low``.  NaN stands where there is no exact
    value (NaN or infinity in the channel, ``v + eps = 0``, Bessel's factor for m = 1), an infinite
    ``mid`` for a value beyond the largest float64.
    """

    mid: Array
    low: Array
    rad: Array

    @classmethod
    def from_floats(cls, values: Any) -> Enclosure:
        """Floats that are known exactly."""
        mid = np.asarray(values, dtype=np.float64)
        return cls(mid, np.zeros_like(mid), np.zeros_like(mid))

    @classmethod
    def from_balls(cls, balls: Any) -> Enclosure:
        """Around an array of balls; a ball that is no number becomes NaN."""
        words = [split_ball(value) for value in np.asarray(balls, dtype=object).reshape(-1)]
        table = np.array(words, dtype=np.float64).reshape(*np.shape(balls), 3)
        return cls(table[..., 0], table[..., 1], table[..., 2])

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.mid.shape)

    @property
    def lower(self) -> Array:
        """The largest float64 that is known to be no more than the exact value, up to one unit."""
        return -self._round_up(-self.mid, -self.low)

    @property
    def upper(self) -> Array:
        """The smallest float64 that is known to be no less than the exact value, up to one unit."""
        return self._round_up(self.mid, self.low)

    def _round_up(self, mid: Array, low: Array) -> Array:
        with np.errstate(invalid="ignore", over="ignore"):
            trailing = np.where(self.rad > 0, np.nextafter(low + self.rad, np.inf), low)
            total, rest = two_sum(mid, trailing)
            above = np.where(rest > 0, np.nextafter(total, np.inf), total)
        beyond = np.isinf(mid)  # more than the largest float64
        return np.where(beyond, np.where(mid > 0, np.inf, -np.finfo(np.float64).max), above)

    @property
    def holds_zero(self) -> Array:
        """Whether zero is possible without being certain."""
        return (self.lower <= 0) & (self.upper >= 0) & (self.rad > 0)

    def distance(self, values: Any) -> Array:
        """Upper bounds of ``|values - exact|``, float64; infinite where a value is not finite, NaN
        where nothing is exact."""
        got = np.asarray(values).astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            high, rest = two_sum(got, -self.mid)
            trailing = rest - self.low
            error = np.abs(high + trailing) + np.abs(trailing) * 2.0**-52 + self.rad
            exact = (trailing == 0) & (self.rad == 0)
            outward = np.where(exact, np.abs(high), np.nextafter(error * (1 + 2.0**-50), np.inf))
            # the difference is beyond the largest float64
            outward = np.where(np.isnan(outward), np.inf, outward)
        known = np.isfinite(got) & np.isfinite(self.mid)
        return np.where(np.isnan(self.mid), np.nan, np.where(known, outward, np.inf))

    def to_balls(self) -> Any:
        """An object array of balls that contain the enclosures."""
        with precision(BITS):
            return map_entries(
                lambda mid, low, rad: arb(float(mid)) + arb(float(low), float(rad)),
                self.mid,
                self.low,
                self.rad,
            )

    def reshape(self, change: Callable[[Array], Array]) -> Enclosure:
        """The same entries under another shape."""
        return Enclosure(change(self.mid), change(self.low), change(self.rad))


def map_entries(function: Callable[..., Any], *arrays: Any) -> Any:
    """``function`` of corresponding entries, as an object array of their common shape."""
    broadcast = np.broadcast_arrays(*arrays)
    result = np.empty(broadcast[0].shape, dtype=object)
    result.reshape(-1)[:] = [
        function(*entries) for entries in zip(*(a.reshape(-1) for a in broadcast), strict=True)
    ]
    return result


def split_ball(value: arb) -> tuple[float, float, float]:
    """A ball as ``mid, low, rad``."""
    if not value.is_finite():
        return np.nan, np.nan, np.nan
    mid = float(value.mid())
    if np.isinf(mid):
        return mid, 0.0, np.inf
    with precision(4096):  # differences of a midpoint and two doubles are exact, or nearly
        low = float((value.mid() - mid).mid())
        rest = (value - mid - low).abs_upper()
    return mid, low, 0.0 if rest == 0 else float(np.nextafter(float(rest), np.inf))
