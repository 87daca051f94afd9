"""The rows of the accuracy report, on a small effort and few targets."""

import json

import numpy as np
import pytest

from bnproof.accuracy import assessment, rows
from bnproof.accuracy.inputs import DTYPES, Input
from bnproof.accuracy.rows import TARGETS, list_subjects, measure_rows, record_point
from tests.accuracy.made import point

FEW = {
    "numpy": (("float32", "float64"), ("2-d", "4-d"), (1,)),
    "compensated": (("float32",), ("2-d",), (1,)),
}


@pytest.fixture
def _few(monkeypatch):
    """Two targets and two inputs."""
    x = np.random.default_rng(0).normal(size=(16, 3))

    def draw(dtype, effort, seed, scope=None):
        yield Input("kappa", x.astype(dtype), 1.0)
        yield Input("values", x.astype(dtype), 1.0)

    monkeypatch.setattr(rows, "TARGETS", FEW)
    monkeypatch.setattr(assessment, "draw_inputs", draw)


@pytest.mark.usefixtures("_few")
def test_subjects_are_those_of_the_table():
    """Every layout of each target that has the dtype, the plainest first."""
    found = [(s.target, s.layout, s.threads) for s in list_subjects("float32")]
    assert found == [("numpy", "2-d", 1), ("numpy", "4-d", 1), ("compensated", "2-d", 1)]
    assert [s.target for s in list_subjects("float64")] == ["numpy", "numpy"]
    assert list(list_subjects("bfloat16")) == []


@pytest.mark.usefixtures("_few")
def test_rows_are_points_then_grades_then_the_worst_inputs():
    """A grade follows the points of its target and dtype; every row is plain and finite."""
    found = list(measure_rows(0, "quick"))
    told = [
        (row["kind"], row["target"], row["dtype"])
        for row in found
        if row["kind"] != "accuracy_point"
    ]
    assert told == [
        ("accuracy", "numpy", "float32"),
        ("accuracy", "compensated", "float32"),
        ("accuracy", "numpy", "float64"),
        ("accuracy_worst", "numpy", "float32"),
        ("accuracy_worst", "compensated", "float32"),
    ]
    ends = [n for n, row in enumerate(found) if row["kind"] == "accuracy"]
    for begin, end in zip([0, *(n + 1 for n in ends)], ends, strict=False):
        own = {(row["target"], row["dtype"]) for row in found[begin:end]}
        assert own == {(found[end]["target"], found[end]["dtype"])}
    # raises for what is not plain or not finite
    json.dumps(found, allow_nan=False)


def test_a_point_keeps_what_is_finite():
    """``None`` stands for the rest; the input is told with the errors."""
    row = record_point(point("values", m=64, error=np.inf, shift=np.nan, ulp=(0.5, 1.0, np.inf)))
    assert (row["ulp_median"], row["ulp_p99"], row["ulp_max"]) == (0.5, 1.0, None)
    assert (row["max_abs_error"], row["shift"], row["sweep"], row["m"]) == (
        None,
        None,
        "values",
        64,
    )


def test_every_target_is_measured_in_float32():
    """The search for the worst input relies on it; every dtype has a target."""
    assert all("float32" in dtypes for dtypes, *_ in TARGETS.values())
    assert {dtype for dtypes, *_ in TARGETS.values() for dtype in dtypes} == set(DTYPES)
