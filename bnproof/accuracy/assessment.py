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
from bnproof.accuracy.inputs import EFFORTS, Effort, Scope, inputs
from bnproof.accuracy.points import AccuracyPoint, Subject, measured
from bnproof.accuracy.search import CHANNELS, Worst, worst
from bnproof.contract import Convention
from bnproof.implementations.conventions import convention_of
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
                point_json(p) for one in self.graded for p in one.points if p.sweep != "magnitude"
            ],
            "nan_from_kappa": min(nan_from, default=None),
            "worst": {
                "ulp": self.worst.ulp if self.worst.ulp is None else _finite(self.worst.ulp),
                "reproducer": self.worst.reproducer,
                "dtype": self.worst.dtype,
                "generations": self.worst.generations,
            },
            "dtypes": [graded_json(one) for one in self.graded],
        }


def point_json(point: AccuracyPoint) -> dict[str, Any]:
    """A point as the contract has it; what is not finite is ``null``."""
    ulp = dict(zip(("median", "p99", "max"), map(_finite, point.ulp), strict=True))
    subject = point.subject
    return {
        "kappa": point.kappa,
        "m": point.m,
        "dtype": subject.dtype,
        "ulp": ulp,
        "max_abs_error": _finite(point.largest),
        "sweep": point.sweep,
        "layout": subject.layout,
        "threads": subject.threads,
    }


def graded_json(one: Graded) -> dict[str, Any]:
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
                "grade": of.grade,
                "slope": of.slope,
                "longest": of.longest,
            }
            for (layout, threads), of in one.summations.items()
        ],
        "wrong_from_magnitude": one.range.magnitude,
        "wrong_from_m": one.range.values,
        "accumulation": one.accumulation,
        "failures": one.failures,
    }


def _finite(value: float) -> float | None:
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
    declared = convention_of(convention or getattr(implementation, "convention", "torch"))
    scope = Scope.within(Supports.by(getattr(implementation, "supports", None)))
    sweeps = {
        dtype: list(variants(target, implementation, declared, dtype, scope))
        for dtype in scope.dtypes
    }
    found: list[Graded] = []
    for n, (dtype, subjects) in enumerate(sweeps.items()):
        advance = partial(_advance, progress, n, len(sweeps))
        found += graded(subjects, dtype, EFFORTS[effort], seed, scope, advance)
    usable = [one for one in found if any(not point.reason for point in one.points)]
    if not usable:
        reasons = [reason for one in found for reason in one.failures.values()] or [
            "it takes none of the inputs"
        ]
        raise UnusableTarget(f"{target} gives no usable y in training mode: {reasons[0]}")
    first = sweeps[usable[0].dtype][0]
    generations, channels = EFFORTS[effort].generations, scope.channels or CHANNELS
    last = (
        worst(first, generations, seed, channels)
        if scope.searched
        else Worst(None, "", first.dtype, 0)
    )
    return Assessment(target, tuple(found), last)


def _advance(progress: Progress | None, sweep: int, sweeps: int, done: int, total: int) -> None:
    """Progress over all dtypes, from that within one."""
    if progress:
        progress(sweep * total + done, sweeps * total)


def variants(
    target: str, implementation: Any, convention: Convention, dtype: str, scope: Scope
) -> Iterator[Subject]:
    """One subject for every layout and number of threads."""
    for layout in scope.layouts:
        for threads in THREADS:
            yield Subject(target, implementation, convention, dtype, layout, threads, scope.eps)


def graded(
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
        sum(1 for _ in inputs(dtype, replace(effort, longest=0), seed, scope))
        + effort.longest // effort.step
    )
    for done, on in enumerate(inputs(dtype, effort, seed, scope)):
        progress(min(done, total), total)
        for subject in subjects:
            if on.sweep == "values" or subject is plain[subject.target]:
                with suppress(NotOffered):
                    points[subject].append(measured(subject, on))
    for target in dict.fromkeys(subject.target for subject in subjects):
        own = {subject: found for subject, found in points.items() if subject.target == target}
        if own[plain[target]]:
            yield _graded(target, dtype, own)


def _graded(target: str, dtype: str, points: dict[Subject, list[AccuracyPoint]]) -> Graded:
    every = tuple(point for found in points.values() for point in found)
    plain = next(iter(points))
    return Graded(
        target,
        dtype,
        grades.condition(_of(every, "kappa")),
        {
            (s.layout, s.threads): grades.summation(_of(found, "values"))
            for s, found in points.items()
        },
        grades.limits(every),
        grades.accumulation(plain, every),
        every,
    )


def _of(points: Iterable[AccuracyPoint], sweep: str) -> list[AccuracyPoint]:
    return [point for point in points if point.sweep == sweep]
