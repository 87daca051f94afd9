"""Errors in units in the last place, defined once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnproof.certify.enclosure import Array, Enclosure
from bnproof.formats import Format


def ulp_error(computed: Any, exact: Enclosure, magnitude: Array | None = None) -> Array:
    """Upper bounds of the error in units in the last place, entry by entry.

    Parameters
    ----------
    computed
        An array of float16, bfloat16, float32 or float64.
    exact
        The enclosure of the exact values ``t``, of the same shape.
    magnitude
        Measure on the ulp of these numbers where they are larger than ``t``, for instance
        ``|gamma xhat| + |beta|`` for an output.

    Returns
    -------
    numpy.ndarray
        ``|computed - t|/ulp(t)`` in float64.  Infinite for NaN and for an infinity that is wrong;
        an infinity is right where the exact value rounds to it.  NaN where there is no exact value.

    Raises
    ------
    ValueError, TypeError
        For another shape, for another dtype.

    Notes
    -----
    ``ulp`` is that of ``computed``'s dtype at the smaller end of the enclosure in magnitude (zero
    where it holds zero), at least the smallest subnormal: ``2^(max(e, emin) - p + 1)`` with
    ``2^e <= |t| < 2^(e+1)`` (:meth:`bnproof.formats.Format.ulp`).

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof import certify
    >>> exact = certify.Enclosure.exactly([1.0])
    >>> certify.ulp_error(np.array([1.0 + 2.0**-22], dtype=np.float32), exact)
    array([2.])
    """
    got = np.asarray(computed)
    if not isinstance(exact, Enclosure):
        raise TypeError(
            f"exact is a {type(exact).__name__}: give an Enclosure, such as certify.train(...).y"
        )
    if got.shape != exact.shape:
        raise ValueError(
            f"computed values have shape {got.shape}, the enclosure {exact.shape}: give the same"
        )
    form = Format.from_dtype(got.dtype)
    lower, upper = exact.lower, exact.upper
    smaller = np.where((lower <= 0) & (upper >= 0), 0.0, np.minimum(np.abs(lower), np.abs(upper)))
    if magnitude is not None:
        smaller = np.fmax(smaller, np.where(np.isfinite(magnitude), np.abs(magnitude), 0.0))
    values = got.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        error = exact.distance(values) / form.ulp(
            np.where(np.isfinite(smaller), smaller, form.largest)
        )
        beyond = np.isinf(exact.mid) & (values == exact.mid)
        overflows = (values == np.inf) & (lower >= form.overflow) | (values == -np.inf) & (
            upper <= -form.overflow
        )
    return np.where(overflows | beyond, 0.0, error)


@dataclass(frozen=True)
class UlpSummary:
    """The errors of one quantity: how they are spread, and where the largest is, in hexadecimal
    floats."""

    quantity: str
    median: float
    p99: float
    max: float
    at: tuple[int, ...]
    got: str
    expected: str

    @classmethod
    def from_values(
        cls, quantity: str, computed: Any, exact: Enclosure, magnitude: Array | None = None
    ) -> UlpSummary:
        """Over all entries that have an exact value."""
        errors = ulp_error(computed, exact, magnitude)
        known = errors[~np.isnan(errors)]
        if known.size == 0:
            return cls(quantity, np.nan, np.nan, np.nan, (), "", "")
        at = tuple(map(int, np.unravel_index(int(np.nanargmax(errors)), errors.shape)))
        middle, high = np.quantile(known, (0.5, 0.99), method="higher")
        got = float(np.asarray(computed)[at]).hex()
        ends = float(exact.mid[at]).hex(), float(exact.low[at]).hex()
        return cls(
            quantity,
            float(middle),
            float(high),
            float(known.max()),
            at,
            got,
            f"{ends[0]} + {ends[1]}",
        )


def ulp_table(pairs: Mapping[str, tuple[Any, Enclosure]]) -> list[UlpSummary]:
    """One summary per quantity: ``{"y": (computed, enclosure.y), ...}``."""
    return [UlpSummary.from_values(quantity, *pair) for quantity, pair in pairs.items()]
