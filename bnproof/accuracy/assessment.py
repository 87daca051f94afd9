"""Measuring a target from one end to the other, and what is said of it.

:func:`assess` runs an implementation on every input of every dtype it takes, and grades what it
sees. :meth:`Assessment.as_json` is the form that ``bnproof accuracy --format json`` prints. Start
reading at :func:`grade_subjects`, where the measuring is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from bnproof.accuracy import grades
from bnproof.accuracy.grades import GRADES, Condition, Range, Summation
from bnproof.accuracy.inputs import EFFORTS, Effort, Scope, draw_inputs
from bnproof.accuracy.measured import AccuracyPoint, Subject, keep_finite, measure_point
from bnproof.accuracy.worst_input import CHANNELS, Worst, find_worst
from bnproof.contract import Convention
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.targets import UnusableTarget
from bnproof.laws.answers import NotOffered
from bnproof.laws.supports import Supports

# Two threads are enough to see whether a sum is split between threads.
THREADS = (1, 2)
# What is measured of a target that narrows nothing.
EVERYTHING = Scope()
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Graded:
    """What was found for one target in one dtype.

    Attributes
    ----------
    target, dtype
        The name of the target, and the dtype of x.
    condition
        The grade by kappa.
    summations
        The grade by m, by memory layout and number of threads.
    range
        Where outputs go wrong by magnitude and by length.
    accumulation
        For half precision, the dtype that sums are kept in; ``None`` for other dtypes.
    points
        Everything that was measured, over all layouts and threads.
    """

    target: str
    dtype: str
    condition: Condition
    summations: dict[tuple[str, int], Summation]
    range: Range
    accumulation: str | None
    points: tuple[AccuracyPoint, ...]

    @property
    def failures(self) -> dict[str, str]:
        """Why nothing came back, by layout; empty where every input had an output.

        Of several reasons in one layout the first is kept.
        """
        # Backwards, so that the first reason of a layout is the one that stays.
        return {
            point.subject.layout: point.reason for point in reversed(self.points) if point.reason
        }


@dataclass(frozen=True)
class Assessment:
    """Everything measured of one target.

    Attributes
    ----------
    target
        Its name.
    graded
        The findings, one dtype after the other.
    worst
        The worst input that a search found in the first usable dtype.
    """

    target: str
    graded: tuple[Graded, ...]
    worst: Worst

    @property
    def grade(self) -> str:
        """The worst grade of all dtypes: "compensated", "two-pass", "one-pass" or "broken"."""
        return max((one.condition.grade for one in self.graded), key=GRADES.index)

    def as_json(self) -> dict[str, Any]:
        """The object of ``bnproof accuracy --format json``.

        Returns
        -------
        dict
            Plain values only. The key ``kappa_slope`` is of the dtype that has the worst grade;
            ``m_slope`` is the steepest over all layouts, threads and dtypes. Points of the sweep
            over magnitude are left out: they say where a dtype ends, which ``wrong_from_magnitude``
            tells in one number.
        """
        # The dtype whose slope is called the target's.
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
            "worst": {**asdict(self.worst), "ulp": keep_finite(self.worst.ulp)},
            "dtypes": [format_graded(one) for one in self.graded],
        }


def format_point(point: AccuracyPoint) -> dict[str, Any]:
    """A point as the command prints it.

    Parameters
    ----------
    point
        What was measured on one input.

    Returns
    -------
    dict
        Plain values. What is not finite is ``None``, because JSON has no infinities.
    """
    ulp = dict(zip(("median", "p99", "max"), map(keep_finite, point.ulp), strict=True))
    subject = point.subject
    return {
        "kappa": point.kappa,
        "m": point.m,
        "dtype": subject.dtype,
        "ulp": ulp,
        "max_abs_error": keep_finite(point.largest),
        "sweep": point.sweep,
        "layout": subject.layout,
        "threads": subject.threads,
    }


def format_graded(one: Graded) -> dict[str, Any]:
    """The findings of one dtype, as plain values.

    Parameters
    ----------
    one
        The findings.

    Returns
    -------
    dict
        The grade and slope by kappa, one entry for each layout and number of threads under
        ``summation``, and where outputs go wrong. ``None`` stands for "never" and for "not to be
        told".
    """
    return {
        "dtype": one.dtype,
        "grade": one.condition.grade,
        "kappa_slope": one.condition.slope,
        "fitted_kappa": one.condition.fitted,
        "nan_from_kappa": one.condition.nan_from,
        "summation": [
            {"layout": layout, "threads": threads, **asdict(summation)}
            for (layout, threads), summation in one.summations.items()
        ],
        "wrong_from_magnitude": one.range.magnitude,
        "wrong_from_m": one.range.values,
        "accumulation": one.accumulation,
        "failures": one.failures,
    }


def assess(
    target: str,
    implementation: Any,
    *,
    convention: str | Convention | None = None,
    effort: str = "standard",
    seed: int = 0,
    progress: Progress | None = None,
) -> Assessment:
    """Measure an implementation in every dtype it takes, and grade it.

    Parameters
    ----------
    target
        What to call it in the result and in the reproducer.
    implementation
        An object with ``train``. Its ``supports``, where it has one, narrows what is measured.
    convention
        A convention or the name of one, instead of the one that the implementation declares.
    effort
        "quick", "standard" or "thorough": how closely to look
        (:data:`bnproof.accuracy.inputs.EFFORTS`).
    seed
        Equal seeds give equal inputs.
    progress
        Called with the number of inputs that are done and that of all inputs.

    Returns
    -------
    Assessment
        The grades, one dtype after the other, and the worst input.

    Raises
    ------
    UnusableTarget
        Where no input of any dtype has an output; the message gives the first reason.
    ValueError
        Where ``supports`` leaves nothing to measure.

    Examples
    --------
    >>> from bnproof.accuracy.assessment import assess
    >>> from bnproof.implementations.targets import load
    >>> assess("compensated", load("compensated"), effort="quick").grade
    'compensated'
    """
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
    # A dtype that always fails is a finding; a target that never answers cannot be graded.
    usable = [one for one in results if any(not point.reason for point in one.points)]
    if not usable:
        reasons = [reason for one in results for reason in one.failures.values()] or [
            "it takes none of the inputs"
        ]
        raise UnusableTarget(f"{target} gives no usable y in training mode: {reasons[0]}")
    # The search takes the plainest subject: one dtype shows the arithmetic as well as another.
    first = sweeps[usable[0].dtype][0]
    generations, channels = EFFORTS[effort].generations, scope.channels or CHANNELS
    last = (
        find_worst(first, generations, seed, channels)
        if scope.searched
        else Worst(None, "", first.dtype, 0)
    )
    return Assessment(target, tuple(results), last)


def _advance(progress: Progress | None, sweep: int, sweeps: int, done: int, total: int) -> None:
    """Tell the progress over all dtypes, given that within one of them."""
    if progress:
        progress(sweep * total + done, sweeps * total)


def list_variants(
    target: str, implementation: Any, convention: Convention, dtype: str, scope: Scope
) -> Iterator[Subject]:
    """One subject for every layout and number of threads.

    Parameters
    ----------
    target, implementation, convention, dtype
        As in :class:`bnproof.accuracy.measured.Subject`.
    scope
        The layouts that the implementation takes, and its eps.

    Yields
    ------
    Subject
        The plainest first: two axes where they are taken, one thread.
    """
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
    """Measure subjects side by side on the same inputs, and grade each target.

    Parameters
    ----------
    subjects
        Several targets, or several variants of one: layouts and numbers of threads. The first of a
        target is its plain one.
    dtype
        The dtype of all inputs.
    effort, seed, scope
        Which inputs are drawn.
    progress
        Called with the number of inputs that are done and that of all inputs.

    Yields
    ------
    Graded
        One for each target; a target that does not take the dtype is left out.

    Notes
    ----- The sweeps over kappa and magnitude are asked of the plain subject alone, since an error
    that comes from the formula is the same in every layout. The sweep over m is asked of all of
    them: the layout and the threads decide in which order a sum is taken.
    """
    points: dict[Subject, list[AccuracyPoint]] = {subject: [] for subject in subjects}
    # Backwards, so that the first subject of a target stays: its layout is the plainest.
    plain = {subject.target: subject for subject in reversed(subjects)}
    # Long batches are counted and not drawn: that would take as long as the measuring.
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
    """The grades of one target, from the points of its subjects; the first of these is the plain
    one."""
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
    """The points of one sweep, in the order in which they were measured."""
    return [point for point in points if point.sweep == sweep]
