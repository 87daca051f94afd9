"""Measuring a target from one end to the other, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes  # noqa: F401  registers bfloat16 with NumPy
import numpy as np

from bnproof.accuracy import grades
from bnproof.accuracy.grades import GRADES, Condition, Range, Summation
from bnproof.accuracy.inputs import EFFORTS, LAYOUTS, Effort, inputs
from bnproof.accuracy.points import Point, Subject, measured
from bnproof.accuracy.search import Worst, worst
from bnproof.contract import Convention
from bnproof.implementations.conventions import convention_of
from bnproof.implementations.targets import UnusableTarget
from bnproof.laws.answers import NotOffered

DTYPES = ("float32", "float64", "float16", "bfloat16")
THREADS = (1, 2)
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
    points: tuple[Point, ...]


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
        leading = next(one for one in self.graded if one.condition.grade == self.grade)
        slopes = [s.slope for one in self.graded for s in one.summations.values() if s.slope is not None]
        nan_from = [one.condition.nan_from for one in self.graded if one.condition.nan_from is not None]
        return {
            "target": self.target,
            "grade": self.grade,
            "kappa_slope": leading.condition.slope,
            "m_slope": max(slopes, default=None),
            "points": [point_json(p) for one in self.graded for p in one.points if p.sweep != "magnitude"],
            "nan_from_kappa": min(nan_from, default=None),
            "worst": {"ulp": _finite(self.worst.ulp), "reproducer": self.worst.reproducer},
            "dtypes": [graded_json(one) for one in self.graded],
        }


def point_json(point: Point) -> dict[str, Any]:
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
            {"layout": layout, "threads": threads, "grade": of.grade, "slope": of.slope, "longest": of.longest}
            for (layout, threads), of in one.summations.items()
        ],
        "wrong_from_magnitude": one.range.magnitude,
        "wrong_from_m": one.range.values,
        "accumulation": one.accumulation,
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
    """Measure an implementation in every dtype it takes; raises ``UnusableTarget`` where it takes none."""
    declared = convention_of(convention or getattr(implementation, "convention", "torch"))
    dtypes = tuple(d for d in DTYPES if d in _supported(implementation))
    found: list[Graded] = []
    for done, dtype in enumerate(dtypes):
        if progress:
            progress(done, len(dtypes) + 1)
        subjects = list(variants(target, implementation, declared, dtype))
        found += graded(subjects, dtype, EFFORTS[effort], seed)
    usable = [one for one in found if any(np.isfinite(point.largest) for point in one.points)]
    if not usable:
        raise UnusableTarget(f"{target} gives no finite y in training mode in any dtype: run bnproof check {target}")
    if progress:
        progress(len(dtypes), len(dtypes) + 1)
    first = Subject(target, implementation, declared, usable[0].dtype)
    return Assessment(target, tuple(usable), worst(first, EFFORTS[effort].generations, seed))


def _supported(implementation: Any) -> set[str]:
    said = getattr(implementation, "supports", None) or {}
    return {np.dtype(name).name for name in said.get("dtypes", DTYPES)}


def variants(target: str, implementation: Any, convention: Convention, dtype: str) -> Iterator[Subject]:
    """One subject for every layout and number of threads."""
    for layout in LAYOUTS:
        for threads in THREADS:
            yield Subject(target, implementation, convention, dtype, layout, threads)


def graded(subjects: Sequence[Subject], dtype: str, effort: Effort, seed: int) -> Iterator[Graded]:
    """Measure subjects side by side on the same inputs and grade each target; those that do not take the dtype are left out."""
    points: dict[Subject, list[Point]] = {subject: [] for subject in subjects}
    for on in inputs(dtype, effort, seed):
        for subject in subjects:
            plain = subject.layout == LAYOUTS[0] and subject.threads == THREADS[0]
            if on.sweep == "values" or plain:
                try:
                    points[subject].append(measured(subject, on))
                except NotOffered:
                    continue
    for target in dict.fromkeys(subject.target for subject in subjects):
        own = {subject: found for subject, found in points.items() if subject.target == target}
        if any(own.values()):
            yield _graded(target, dtype, own)


def _graded(target: str, dtype: str, points: dict[Subject, list[Point]]) -> Graded:
    every = tuple(point for found in points.values() for point in found)
    plain = next(iter(points))
    return Graded(
        target,
        dtype,
        grades.condition(_of(every, "kappa")),
        {(s.layout, s.threads): grades.summation(_of(found, "values")) for s, found in points.items()},
        grades.limits(every),
        grades.accumulation(plain, every),
        every,
    )


def _of(points: Iterable[Point], sweep: str) -> list[Point]:
    return [point for point in points if point.sweep == sweep]
