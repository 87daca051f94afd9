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

from bnproof.accuracy.points import AccuracyPoint, Subject
from bnproof.formats import HALF, Format

FLOOR = 4.0  # times the error at kappa = 1: below, roundings that do not know kappa hide the rest
SATURATED = 0.1
BY_SLOPE = ("compensated", "two-pass", "one-pass")
BY_GROWTH = ("compensated", "pairwise", "naive")
GRADES = (*BY_SLOPE, "broken")  # from best to worst
LONG = 64  # from so many values on growth is fitted
STEP = 0.2  # a slope between -0.2 and 0.2 is neither falling like m^(-1/2) nor growing like m^(1/2)


@dataclass(frozen=True)
class Condition:
    """What became of the sweep over kappa: grade, slope (``None``: no digit is right anywhere),
    where outputs stop being finite."""

    grade: str
    slope: float | None
    fitted: tuple[float, float] | None  # from which kappa to which
    nan_from: float | None


@dataclass(frozen=True)
class Summation:
    """What became of a sweep over m: grade and fitted slope; ``None`` where there are too few
    lengths to tell."""

    grade: str | None
    slope: float | None
    longest: int


@dataclass(frozen=True)
class Range:
    """From which magnitude, and from which number of values, outputs are not finite or wrong;
    ``None``: never."""

    magnitude: float | None
    values: int | None


def grade_condition(points: Sequence[AccuracyPoint]) -> Condition:
    """The grade by kappa, of the points of one subject's sweep in rising order."""
    u = Format.from_dtype(points[0].subject.dtype).u
    nan_from = next((point.kappa for point in points if not np.isfinite(point.largest)), None)
    slope, fitted = fit_growth(points)
    early = [point for point in points if point.kappa**2 * u <= 0.01 or point.kappa == 1]
    if any(point.wrong or point.beyond for point in early) or slope is None:
        return Condition("broken", slope, fitted, nan_from)
    return Condition(BY_SLOPE[int(np.clip(round(slope), 0, 2))], slope, fitted, nan_from)


def fit_growth(points: Sequence[AccuracyPoint]) -> tuple[float | None, tuple[float, float] | None]:
    """The slope against kappa and what it was fitted on: 0 where the error never rises, ``None``
    where no digit is right."""
    end = next((n for n, point in enumerate(points) if not point.typical <= SATURATED), len(points))
    if end == 0:
        return None, None
    start = next(
        (n for n, p in enumerate(points[:end]) if p.typical > FLOOR * points[0].typical), end
    )
    chosen = points[start:end]
    if len(chosen) < 3:
        chosen = [p for p in points[: end + 1] if np.isfinite(p.typical)]
        if all(p.typical <= FLOOR * points[0].typical for p in chosen):
            return 0.0, None
    return _fit_slope([p.kappa for p in chosen], [p.typical for p in chosen]), (
        chosen[0].kappa,
        chosen[-1].kappa,
    )


def grade_summation(points: Sequence[AccuracyPoint]) -> Summation:
    """The grade by m, of the points of one subject's sweep in rising order."""
    longest = max((point.m for point in points), default=0)
    usable = [p for p in points if p.m >= LONG and 0 < p.shift < np.inf and not p.wrong]
    if len(usable) < 3:
        return Summation(None, None, longest)
    slope = _fit_slope([p.m for p in usable], [p.shift for p in usable])
    return Summation(BY_GROWTH[(slope > -STEP) + (slope > STEP)], slope, longest)


def find_limits(points: Sequence[AccuracyPoint]) -> Range:
    """Where the sweeps over magnitude and m go wrong; an input for which nothing is returned is
    another matter."""
    answered = [point for point in points if point.wrong and not point.reason]
    magnitude = next((p.magnitude for p in answered if p.sweep == "magnitude"), None)
    return Range(magnitude, next((p.m for p in answered if p.sweep == "values"), None))


def find_accumulation(subject: Subject, points: Sequence[AccuracyPoint]) -> str | None:
    """For half precision, whether sums are kept in it: they overflow, or the shift is a multiple of
    u instead of averaging out."""
    long = [p for p in points if p.sweep == "values" and p.m >= 1024 and not p.reason]
    if subject.dtype not in HALF or not long:
        return None
    return subject.dtype if any(p.wrong or p.shift > 0.5 for p in long) else "float32 or wider"


def _fit_slope(x: Sequence[float], y: Sequence[float]) -> float:
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])
