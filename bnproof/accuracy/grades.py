"""Grades, found by regression: how the error grows with the condition kappa, and with the number of
values m.

Against kappa, over all decades the dtype has: ``compensated`` (never rises), ``two-pass`` (slope
1), ``one-pass`` (slope 2); the slope is fitted on the unsaturated part, where the error has risen
above what it is at kappa = 1 and still leaves a digit, or, where fewer than three points lie there,
on all points that leave a digit and the first that does not.  ``broken``: an output that is not
finite, or has no digit right, at a condition where even the one-pass formula has digits left
(``kappa^2 u <= 1/100``); or one that at kappa = 1 is farther off than rounding explains: another
formula.

Against m, on batches whose halves lie on either side of 0: ``naive`` (grows), ``pairwise`` (hardly,
like log m), ``compensated`` (the mean is right: the errors of single entries average out like
``m^(-1/2)``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bnproof.accuracy.measured import AccuracyPoint, Subject
from bnproof.formats import HALF, Format

# Times the error at kappa = 1. Below that, roundings that do not depend on kappa hide the growth.
FLOOR = 4.0
# An error of a tenth of the root mean square of xhat: beyond it, it cannot grow as it did before.
SATURATED = 0.1
BY_SLOPE = ("compensated", "two-pass", "one-pass")
BY_GROWTH = ("compensated", "pairwise", "naive")
# From best to worst.
GRADES = (*BY_SLOPE, "broken")
# From so many values on growth is fitted: in shorter sums it hides behind single roundings.
LONG = 64
# A slope between -0.2 and 0.2 is neither falling like m^(-1/2) nor growing like m^(1/2).
STEP = 0.2


@dataclass(frozen=True)
class Condition:
    """What became of the sweep over kappa.

    Attributes
    ----------
    grade
        "compensated", "two-pass", "one-pass" or "broken".
    slope
        By which power of kappa the error grows; ``None`` where no digit is right anywhere.
    fitted
        From which kappa to which the slope was fitted; ``None`` where the error never rises.
    nan_from
        The least kappa with an output that is not finite; ``None`` where there is none.
    """

    grade: str
    slope: float | None
    fitted: tuple[float, float] | None
    nan_from: float | None


@dataclass(frozen=True)
class Summation:
    """What became of a sweep over m.

    Attributes
    ----------
    grade
        "compensated", "pairwise" or "naive"; ``None`` where there are too few lengths to tell.
    slope
        By which power of m the error of the mean grows; ``None`` likewise.
    longest
        The largest m of the sweep.
    """

    grade: str | None
    slope: float | None
    longest: int


@dataclass(frozen=True)
class Range:
    """Where outputs start to be wrong: not finite, or without a right digit.

    Attributes
    ----------
    magnitude
        The least magnitude of x where that happens; ``None`` where it does not.
    values
        The least m where that happens; ``None`` where it does not.
    """

    magnitude: float | None
    values: int | None


def grade_condition(points: Sequence[AccuracyPoint]) -> Condition:
    """The grade by kappa.

    Parameters
    ----------
    points
        The sweep over kappa of one subject, in rising order, at least one point.

    Returns
    -------
    Condition
        "broken" where an output is wrong although even the one-pass formula has digits left, where
        an error at ``kappa = 1`` is more than rounding explains, or where no digit is right
        anywhere; else the grade whose slope is nearest.

    Notes
    ----- ``kappa = sqrt(1 + mu^2/v)`` is the condition number of the variance (Chan, Golub and
    LeVeque 1983). Subtracting a mean that is off by ``u |mu|`` costs ``kappa u`` of a standard
    deviation; the difference ``E[x^2] - mu^2`` loses ``kappa^2 u`` of the variance.
    """
    u = Format.from_dtype(points[0].subject.dtype).u
    nan_from = next((point.kappa for point in points if not np.isfinite(point.largest)), None)
    slope, fitted = fit_growth(points)
    # Up to here even the one-pass formula keeps two digits; kappa = 1 counts in every dtype.
    early = [point for point in points if point.kappa**2 * u <= 0.01 or point.kappa == 1]
    if any(point.wrong or point.beyond for point in early) or slope is None:
        return Condition("broken", slope, fitted, nan_from)
    return Condition(BY_SLOPE[int(np.clip(round(slope), 0, 2))], slope, fitted, nan_from)


def fit_growth(points: Sequence[AccuracyPoint]) -> tuple[float | None, tuple[float, float] | None]:
    """The slope of the error against kappa, both as logarithms, and what it was fitted on.

    Parameters
    ----------
    points
        A sweep over kappa, in rising order.

    Returns
    -------
    tuple
        The slope, and the range of kappa it was fitted on: 0 and ``None`` where the error never
        rises above ``FLOOR`` times the first; ``None`` twice where the first point has no digit.

    Notes
    ----- Points before the rise would flatten the slope, and so would points where all digits are
    gone. Where fewer than three are left in between, as in half precision, the points before the
    rise and the first saturated one are taken in.
    """
    # Written with ``not``, so that an error that is NaN counts as saturated.
    end = next((n for n, point in enumerate(points) if not point.typical <= SATURATED), len(points))
    if end == 0:
        return None, None
    start = next(
        (n for n, p in enumerate(points[:end]) if p.typical > FLOOR * points[0].typical), end
    )
    chosen = points[start:end]
    if len(chosen) < 3:
        # One point more than ``end``: the first that is saturated still shows the rise.
        chosen = [p for p in points[: end + 1] if np.isfinite(p.typical)]
        if all(p.typical <= FLOOR * points[0].typical for p in chosen):
            return 0.0, None
    return _fit_slope([p.kappa for p in chosen], [p.typical for p in chosen]), (
        chosen[0].kappa,
        chosen[-1].kappa,
    )


def grade_summation(points: Sequence[AccuracyPoint]) -> Summation:
    """The grade by m.

    Parameters
    ----------
    points
        The sweep over m of one subject, in rising order; it may be empty.

    Returns
    -------
    Summation
        By the slope of the error of the mean against m, both as logarithms, on batches of ``LONG``
        values or more. At least three such batches are needed.

    Notes
    -----
    The roundings of a serial sum add up over m additions, those of a sum by halves over ``log2 m``
    (Higham 2002, section 4.2). Where the mean is right to the last digit, what is measured is the
    average of the entries' own roundings, which falls like ``m^(-1/2)``.
    """
    longest = max((point.m for point in points), default=0)
    # A shift of 0 has no logarithm; an output without a digit says nothing of how sums are taken.
    usable = [p for p in points if p.m >= LONG and 0 < p.shift < np.inf and not p.wrong]
    if len(usable) < 3:
        return Summation(None, None, longest)
    slope = _fit_slope([p.m for p in usable], [p.shift for p in usable])
    return Summation(BY_GROWTH[(slope > -STEP) + (slope > STEP)], slope, longest)


def find_limits(points: Sequence[AccuracyPoint]) -> Range:
    """From which magnitude and which length on outputs are wrong.

    Parameters
    ----------
    points
        All points of a target. An input for which nothing came back has a reason, and does not
        count.

    Returns
    -------
    Range
        The first wrong point of each of the two sweeps.
    """
    answered = [point for point in points if point.wrong and not point.reason]
    magnitude = next((p.magnitude for p in answered if p.sweep == "magnitude"), None)
    return Range(magnitude, next((p.m for p in answered if p.sweep == "values"), None))


def find_accumulation(subject: Subject, points: Sequence[AccuracyPoint]) -> str | None:
    """In which dtype an implementation keeps its sums, for half precision.

    Parameters
    ----------
    subject
        The plain subject of a target.
    points
        All its points.

    Returns
    -------
    str or None
        The half precision itself where long sums overflow, or where the mean of a long batch is off
        by more than half a unit roundoff; else "float32 or wider". ``None`` for other dtypes, and
        where no batch of 1024 values was answered.
    """
    # 1024 values: so many that a sum kept in 11 bits or fewer has to show it.
    long = [p for p in points if p.sweep == "values" and p.m >= 1024 and not p.reason]
    if subject.dtype not in HALF or not long:
        return None
    return subject.dtype if any(p.wrong or p.shift > 0.5 for p in long) else "float32 or wider"


def _fit_slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The slope of a straight line through logarithms, by least squares."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
