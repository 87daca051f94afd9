"""Who is asked what, and what is said of it: with a few small inputs in place of whole sweeps."""

import json
from dataclasses import replace

import numpy as np
import pytest

from bnproof.accuracy import assessment
from bnproof.accuracy.assessment import (
    Assessment,
    Graded,
    assess,
    format_graded,
    format_point,
    grade_subjects,
    list_variants,
)
from bnproof.accuracy.grades import Condition, Range, Summation
from bnproof.accuracy.inputs import Effort, Input, Scope
from bnproof.accuracy.worst_input import Worst
from bnproof.implementations.targets import UnusableTarget
from tests.accuracy.made import TORCH, Formula, normalise, point, subject

X = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
EFFORT = Effort(1, 4, 2, 0)


@pytest.fixture(autouse=True)
def _few_inputs(monkeypatch):
    """Two inputs of each of two sweeps, and one of the third."""

    def draw(dtype, effort, seed, scope=None):
        x = X.astype(dtype)
        yield Input("kappa", x, 1.0)
        yield Input("kappa", x + 30, 30.0)
        if effort.longest:
            yield Input("values", x, 1.0)
            yield Input("values", x[:16], 1.0)
        yield Input("magnitude", 2 * x, 1.0, 2.0)

    monkeypatch.setattr(assessment, "draw_inputs", draw)


def graded(grade, slope=1.0, slopes=(0.5,), nan_from=None, points=()):
    """The findings of a dtype."""
    sums = {("2-d", n): Summation("naive", slope, 64) for n, slope in enumerate(slopes)}
    of_kappa = Condition(grade, slope, None, nan_from)
    return Graded("fake", "float32", of_kappa, sums, Range(None, None), None, tuple(points))


def test_the_sweep_over_m_is_asked_of_every_layout_and_the_others_of_one():
    """The plain one is the first; progress ends where it said it would."""
    scope, told = Scope(("float32",), ("2-d", "4-d")), []
    subjects = list(list_variants("fake", Formula(normalise), TORCH, "float32", scope))
    assert [(s.layout, s.threads) for s in subjects] == [
        ("2-d", 1),
        ("2-d", 2),
        ("4-d", 1),
        ("4-d", 2),
    ]
    (one,) = grade_subjects(subjects, "float32", EFFORT, 0, scope, lambda *c: told.append(c))
    asked = [(p.sweep, p.subject.layout, p.subject.threads) for p in one.points]
    assert asked.count(("kappa", "2-d", 1)) == 2
    assert asked.count(("magnitude", "2-d", 1)) == 1
    assert all(sweep == "values" or (*rest,) == ("2-d", 1) for sweep, *rest in asked)
    assert len([entry for entry in asked if entry[0] == "values"]) == 2 * 4
    assert set(one.summations) == {("2-d", 1), ("2-d", 2), ("4-d", 1), ("4-d", 2)}
    assert told[-1] == (4, 5)


def test_targets_are_graded_by_themselves_and_side_by_side():
    """A target that refuses every input is left out; the others are measured on the same ones."""

    def refuse(x, gamma, beta, eps):
        raise NotImplementedError

    fine, other = subject(normalise), replace(subject(refuse), target="other")
    third = replace(subject(lambda *a: 0 * normalise(*a)), target="third")
    found = list(grade_subjects([fine, other, third], "float32", EFFORT, 0))
    assert [one.target for one in found] == ["fake", "third"]
    assert [one.condition.grade == "broken" for one in found] == [False, True]


def test_the_worst_dtype_is_the_grade_of_the_target():
    """Its slope is said, the steepest of all sums, and the least condition without a number."""
    found = Assessment(
        "fake",
        (
            graded("compensated", 0.0, (0.1, 0.7), nan_from=1e6),
            graded("one-pass", 2.0, (0.3,), nan_from=1e4),
            graded("two-pass", 1.0, ()),
        ),
        Worst(np.inf, "program", "float32", 3),
    )
    told = found.as_json()
    assert found.grade == told["grade"] == "one-pass"
    assert (told["kappa_slope"], told["m_slope"], told["nan_from_kappa"]) == (2.0, 0.7, 1e4)
    assert told["worst"] == {
        "ulp": None,
        "reproducer": "program",
        "dtype": "float32",
        "generations": 3,
    }
    assert len(told["dtypes"]) == 3


def test_rows_have_no_infinities_and_no_magnitudes():
    """What is not finite is ``null``; points of the sweep over magnitude are left out."""
    points = [point(error=np.inf, ulp=(1.0, 2.0, np.inf)), point("magnitude")]
    told = Assessment("fake", (graded("broken", None, (), points=points),), Worst(None, "", "", 0))
    (row,) = told.as_json()["points"]
    assert json.loads(json.dumps(told.as_json(), allow_nan=False))["points"] == [row]
    assert row == format_point(points[0])
    assert row["ulp"] == {"median": 1.0, "p99": 2.0, "max": None}
    assert (row["max_abs_error"], row["threads"], row["m"]) == (None, 1, 32)


def test_the_first_reason_of_a_layout_is_kept():
    """Later ones are left out, and layouts without a reason too."""
    points = [point(), point(reason="first"), point(reason="second")]
    one = graded("broken", points=points)
    assert one.failures == {"2-d": "first"}
    assert format_graded(one)["failures"] == {"2-d": "first"}
    assert graded("broken", points=points[:1]).failures == {}


def test_a_target_without_any_output_is_refused_with_its_reason():
    """One that takes none of the inputs says so."""

    def fail(x, gamma, beta, eps):
        raise RuntimeError("out of cheese")

    def refuse(x, gamma, beta, eps):
        raise NotImplementedError

    for formula, reason in ((fail, "out of cheese"), (refuse, "takes none of the inputs")):
        with pytest.raises(UnusableTarget, match=f"fake gives no usable y.*{reason}") as refused:
            assess("fake", Formula(formula), effort="quick")
        assert "\n" not in str(refused.value)


def test_progress_runs_over_all_dtypes(monkeypatch):
    """It rises to the number of all inputs; what is not searched has no worst input."""
    formula, told = Formula(normalise), []
    formula.supports = {"dtypes": ["float32", "float64"], "ranks": [2]}
    monkeypatch.setitem(assessment.EFFORTS, "quick", EFFORT)
    found = assess("fake", formula, effort="quick", progress=lambda *count: told.append(count))
    assert [one.dtype for one in found.graded] == ["float32", "float64"]
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {10}
    assert found.worst == Worst(None, "", "float32", 0)
