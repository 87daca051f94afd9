"""Errors in units in the last place, defined once for all reports and laws.

An error in ulp tells how many representable numbers lie between an answer and the exact value,
whatever their size. Definitions differ at powers of two, around zero and for infinities; this
module fixes one (:func:`ulp_error`).
"""

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
    >>> exact = certify.Enclosure.from_floats([1.0])
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
    # The ulp shrinks towards zero, so the end nearer to it gives the larger, safe error.
    smaller = np.where((lower <= 0) & (upper >= 0), 0.0, np.minimum(np.abs(lower), np.abs(upper)))
    if magnitude is not None:
        # ``fmax`` and the test for a finite magnitude: a magnitude that is no number does not help,
        # and does not hurt.
        smaller = np.fmax(smaller, np.where(np.isfinite(magnitude), np.abs(magnitude), 0.0))
    values = got.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        error = exact.distance(values) / form.ulp(
            # The unit of an infinite end does not exist; that of the largest number is the largest
            # unit.
            np.where(np.isfinite(smaller), smaller, form.largest)
        )
        # Exact values beyond float64 are only known by their sign; infinity is then the right
        # answer.
        beyond = np.isinf(exact.mid) & (values == exact.mid)
        # From half a unit past the largest number on, infinity is what rounding gives.
        overflows = (values == np.inf) & (lower >= form.overflow) | (values == -np.inf) & (
            upper <= -form.overflow
        )
    return np.where(overflows | beyond, 0.0, error)


@dataclass(frozen=True)
class UlpSummary:
    """The errors of one quantity: how they are spread, and where the largest is.

    Attributes
    ----------
    quantity
        The quantity's name.
    median, p99, max
        In ulp. Each of them is the error of some entry. NaN where no entry has an exact value.
    at
        The index of the largest error.
    got, expected
        The computed and the exact value there, in hexadecimal floats; the latter as ``mid + low``.
    """

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
        """Summarise the errors of all entries that have an exact value.

        Parameters
        ----------
        quantity
            The quantity's name.
        computed, exact, magnitude
            As in :func:`ulp_error`.
        """
        errors = ulp_error(computed, exact, magnitude)
        known = errors[~np.isnan(errors)]
        if known.size == 0:
            return cls(quantity, np.nan, np.nan, np.nan, (), "", "")
        at = tuple(map(int, np.unravel_index(int(np.nanargmax(errors)), errors.shape)))
        # Not interpolated: between a finite and an infinite error that would give NaN.
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
    """One summary per quantity.

    Parameters
    ----------
    pairs
        Computed values and their enclosure, by the quantity's name.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof import certify
    >>> exact = certify.Enclosure.from_floats([2.0, 3.0])
    >>> (row,) = certify.ulp_table({"mu": (np.array([2.0, 3.0 + 2.0**-51]), exact)})
    >>> row.quantity, row.max, row.at, row.got
    ('mu', 1.0, (1,), '0x1.8000000000001p+1')
    """
    return [UlpSummary.from_values(quantity, *pair) for quantity, pair in pairs.items()]
