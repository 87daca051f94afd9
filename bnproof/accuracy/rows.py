"""The accuracy report's records: NumPy, PyTorch in its forms, and the compensated reference, on the
same inputs."""

from __future__ import annotations

from collections.abc import Iterator

from bnproof.accuracy.assessment import THREADS, format_graded, grade_subjects
from bnproof.accuracy.inputs import DTYPES, EFFORTS, LAYOUTS
from bnproof.accuracy.measured import AccuracyPoint, Subject, keep_finite
from bnproof.accuracy.worst_input import find_worst
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.targets import load
from bnproof.records import Row

# In which dtypes, memory layouts and numbers of threads each target is measured. Only PyTorch's own
# kernels are asked on several threads; the compensated forms are slow and get one layout.
TARGETS = {
    "numpy": (("float32", "float64"), LAYOUTS, THREADS[:1]),
    "torch": (DTYPES, LAYOUTS, THREADS),
    "torch-compiled": (("float32", "float64"), LAYOUTS, THREADS[:1]),
    "compensated": (("float32", "float64"), LAYOUTS[:1], THREADS[:1]),
    "compensated-torch": (("float32",), LAYOUTS[:1], THREADS[:1]),
}


def measure_rows(seed: int, effort: str = "thorough") -> Iterator[Row]:
    """Points, grades, summation by layout and threads, and the worst inputs.

    Parameters
    ----------
    seed
        Equal seeds give equal inputs.
    effort
        "quick", "standard" or "thorough".

    Yields
    ------
    dict
        Rows of the kinds "accuracy_point" and "accuracy", dtype by dtype, then one row
        "accuracy_worst" for each target, found in float32.
    """
    for dtype in DTYPES:
        for one in grade_subjects(list(list_subjects(dtype)), dtype, EFFORTS[effort], seed):
            yield from (record_point(point) for point in one.points)
            yield {"kind": "accuracy", "target": one.target, **format_graded(one)}
    for target in TARGETS:
        # Float32, which every target has.
        subject = next(subject for subject in list_subjects("float32") if subject.target == target)
        worst_input = find_worst(subject, EFFORTS[effort].generations, seed)
        yield {
            "kind": "accuracy_worst",
            "target": target,
            "dtype": "float32",
            "ulp": worst_input.ulp,
            "reproducer": worst_input.reproducer,
        }


def list_subjects(dtype: str) -> Iterator[Subject]:
    """What is measured in a dtype.

    Parameters
    ----------
    dtype
        The name of a dtype.

    Yields
    ------
    Subject
        Every layout and number of threads of each target that ``TARGETS`` lists with the dtype. The
        plainest subject of a target comes first.
    """
    for target, (dtypes, layouts, threads) in TARGETS.items():
        if dtype in dtypes:
            implementation = load(target)
            convention = resolve_convention(implementation.convention)
            for layout in layouts:
                yield from (
                    Subject(target, implementation, convention, dtype, layout, count)
                    for count in threads
                )


def record_point(point: AccuracyPoint) -> Row:
    """One point as a row.

    Parameters
    ----------
    point
        What was measured on one input.

    Returns
    -------
    dict
        Plain values; ``None`` stands for an error that is not finite, which JSON cannot hold.
    """
    subject = point.subject
    median, p99, largest = map(keep_finite, point.ulp)
    return {
        "kind": "accuracy_point",
        "target": subject.target,
        "dtype": subject.dtype,
        "layout": subject.layout,
        "threads": subject.threads,
        "sweep": point.sweep,
        "kappa": point.kappa,
        "m": point.m,
        "magnitude": point.magnitude,
        "ulp_median": median,
        "ulp_p99": p99,
        "ulp_max": largest,
        "max_abs_error": keep_finite(point.largest),
        "typical_error": keep_finite(point.typical),
        "shift": keep_finite(point.shift),
    }
