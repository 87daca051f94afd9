"""Measuring a target from one end to the other, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from bnproof.accuracy import grades
from bnproof.accuracy.grades import GRADES, Condition, Range, Summation
from bnproof.accuracy.inputs import EFFORTS, Effort, Scope, draw_inputs
from bnproof.accuracy.points import AccuracyPoint, Subject, measure_point
from bnproof.accuracy.search import CHANNELS, Worst, find_worst
from bnproof.contract import Convention
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.targets import UnusableTarget
from bnproof.laws.answers import NotOffered
from bnproof.laws.supports import Supports

THREADS = (1, 2)
EVERYTHING = Scope()
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Graded:
    """What was found for one target in one dtype."""

    target: str
    dtype: str
    condition: Condition
    summations: dict[tuple[str, int], Summation]  # by layout and threads
    range: Range
    accumulation: str | None
    points: tuple[AccuracyPoint, ...]

    @property
    def failures(self) -> dict[str, str]:
        """By layout, why nothing came back."""
        return {
            point.subject.layout: point.reason for point in reversed(self.points) if point.reason
        }


@dataclass(frozen=True)
class Assessment:
    """Everything measured of one target."""

    target: str
    graded: tuple[Graded, ...]
    worst: Worst

    @property
    def grade(self) -> str:
        """The worst grade of all dtypes."""
        return max((one.condition.grade for one in self.graded), key=GRADES.index)

    def as_json(self) -> dict[str, Any]:
        """The object of ``bnproof accuracy --format json``."""
        # whose slope is the target's
        leading = next(one for one in self.graded if one.condition.grade == self.grade)
        slopes = [
            s.slope for one in self.graded for s in one.summations.values() if s.slope is not None
        ]
        nan_from = [
            one.condition.nan_from for one in self.graded if one.condition.nan_from is not None
        ]
        return {
            "target": self.target,
            "grade": self.grade,
            "kappa_slope": leading.condition.slope,
            "m_slope": max(slopes, default=None),
            "points": [
                format_point(p) for one in self.graded for p in one.points if p.sweep != "magnitude"
            ],
            "nan_from_kappa": min(nan_from, default=None),
            "worst": {
                "ulp": self.worst.ulp if self.worst.ulp is None else _keep_finite(self.worst.ulp),
                "reproducer": self.worst.reproducer,
                "dtype": self.worst.dtype,
                "generations": self.worst.generations,
            },
            "dtypes": [format_graded(one) for one in self.graded],
        }


def format_point(point: AccuracyPoint) -> dict[str, Any]:
    """A point as the contract has it; what is not finite is ``null``."""
    ulp = dict(zip(("median", "p99", "max"), map(_keep_finite, point.ulp), strict=True))
    subject = point.subject
    return {
        "kappa": point.kappa,
        "m": point.m,
        "dtype": subject.dtype,
        "ulp": ulp,
        "max_abs_error": _keep_finite(point.largest),
        "sweep": point.sweep,
        "layout": subject.layout,
        "threads": subject.threads,
    }


def format_graded(one: Graded) -> dict[str, Any]:
    """The findings of one dtype."""
    return {
        "dtype": one.dtype,
        "grade": one.condition.grade,
        "kappa_slope": one.condition.slope,
        "fitted_kappa": one.condition.fitted,
        "nan_from_kappa": one.condition.nan_from,
        "summation": [
            {
                "layout": layout,
                "threads": threads,
                "grade": summation.grade,
                "slope": summation.slope,
                "longest": summation.longest,
            }
            for (layout, threads), summation in one.summations.items()
        ],
        "wrong_from_magnitude": one.range.magnitude,
        "wrong_from_m": one.range.values,
        "accumulation": one.accumulation,
        "failures": one.failures,
    }


def _keep_finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def assess(
    target: str,
    implementation: Any,
    *,
    convention: str | Convention | None = None,
    effort: str = "standard",
    seed: int = 0,
    progress: Progress | None = None,
) -> Assessment:
    """Measure an implementation in every dtype it takes; raises ``UnusableTarget`` where it takes
    none."""
    declared = resolve_convention(convention or getattr(implementation, "convention", "torch"))
    scope = Scope.from_supports(Supports.from_mapping(getattr(implementation, "supports", None)))
    sweeps = {
        dtype: list(list_variants(target, implementation, declared, dtype, scope))
        for dtype in scope.dtypes
    }
    results: list[Graded] = []
    for n, (dtype, subjects) in enumerate(sweeps.items()):
        advance = partial(_advance, progress, n, len(sweeps))
        results += grade_subjects(subjects, dtype, EFFORTS[effort], seed, scope, advance)
    usable = [one for one in results if any(not point.reason for point in one.points)]
    if not usable:
        reasons = [reason for one in results for reason in one.failures.values()] or [
            "it takes none of the inputs"
        ]
        raise UnusableTarget(f"{target} gives no usable y in training mode: {reasons[0]}")
    first = sweeps[usable[0].dtype][0]
    generations, channels = EFFORTS[effort].generations, scope.channels or CHANNELS
    last = (
        find_worst(first, generations, seed, channels)
        if scope.searched
        else Worst(None, "", first.dtype, 0)
    )
    return Assessment(target, tuple(results), last)


def _advance(progress: Progress | None, sweep: int, sweeps: int, done: int, total: int) -> None:
    """Progress over all dtypes, from that within one."""
    if progress:
        progress(sweep * total + done, sweeps * total)


def list_variants(
    target: str, implementation: Any, convention: Convention, dtype: str, scope: Scope
) -> Iterator[Subject]:
    """One subject for every layout and number of threads."""
    for layout in scope.layouts:
        for threads in THREADS:
            yield Subject(target, implementation, convention, dtype, layout, threads, scope.eps)


def grade_subjects(
    subjects: Sequence[Subject],
    dtype: str,
    effort: Effort,
    seed: int,
    scope: Scope = EVERYTHING,
    progress: Progress = lambda done, total: None,
) -> Iterator[Graded]:
    """Measure subjects side by side on the same inputs and grade each target; those that do not
    take the dtype are left out."""
    points: dict[Subject, list[AccuracyPoint]] = {subject: [] for subject in subjects}
    # the first of each: its layout is the plainest
    plain = {subject.target: subject for subject in reversed(subjects)}
    total = (
        sum(1 for _ in draw_inputs(dtype, replace(effort, longest=0), seed, scope))
        + effort.longest // effort.step
    )
    for done, on in enumerate(draw_inputs(dtype, effort, seed, scope)):
        progress(min(done, total), total)
        for subject in subjects:
            if on.sweep == "values" or subject is plain[subject.target]:
                with suppress(NotOffered):
                    points[subject].append(measure_point(subject, on))
    for target in dict.fromkeys(subject.target for subject in subjects):
        own = {
            subject: own_points
            for subject, own_points in points.items()
            if subject.target == target
        }
        if own[plain[target]]:
            yield _grade_points(target, dtype, own)


def _grade_points(target: str, dtype: str, points: dict[Subject, list[AccuracyPoint]]) -> Graded:
    every = tuple(point for own_points in points.values() for point in own_points)
    plain = next(iter(points))
    return Graded(
        target,
        dtype,
        grades.grade_condition(_select_sweep(every, "kappa")),
        {
            (s.layout, s.threads): grades.grade_summation(_select_sweep(own, "values"))
            for s, own in points.items()
        },
        grades.find_limits(every),
        grades.find_accumulation(plain, every),
        every,
    )


def _select_sweep(points: Iterable[AccuracyPoint], sweep: str) -> list[AccuracyPoint]:
    return [point for point in points if point.sweep == sweep]
