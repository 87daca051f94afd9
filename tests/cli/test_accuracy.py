"""An assessment as two tables: what is joined in a row, and what is said below."""

import numpy as np
import pytest
from click.testing import CliRunner

from bnproof.accuracy import assessment
from bnproof.accuracy.assessment import Assessment, Graded
from bnproof.accuracy.grades import Condition, Range, Summation
from bnproof.accuracy.measured import AccuracyPoint, Subject
from bnproof.accuracy.worst_input import Worst
from bnproof.cli import group
from bnproof.implementations.conventions import resolve_convention


def measure_point(layout="2-d", reason=""):
    """One point, with an error of an ulp, or with the reason why nothing came back."""
    subject = Subject("mine", None, resolve_convention("torch"), "float32", layout)
    ulp = (np.nan,) * 3 if reason else (0.25, 0.5, 1.0)
    return AccuracyPoint(subject, "kappa", 1.0, 32, 1.0, ulp, 0.5, 0.5, 0.0, reason=reason)


def grade(**changed):
    """What was found in float32, with no slope and nothing that fails."""
    found = {
        "condition": Condition("two-pass", None, None, None),
        "summations": {},
        "range": Range(None, None),
        "accumulation": None,
        "points": (measure_point(),),
    }
    return Graded("mine", "float32", **found | changed)


def run(monkeypatch, *graded, worst=None, form="text"):
    """What the command returns and prints where this was found."""
    worst = worst or Worst(None, "", "float32", 0)
    found = Assessment("a/[red]b.py:Mine", graded, worst)
    monkeypatch.setattr(assessment, "assess", lambda *arguments, **options: found)
    line = ["accuracy", "numpy", "--format", form]
    done = CliRunner().invoke(
        group, line, standalone_mode=False, catch_exceptions=False, env={"COLUMNS": "120"}
    )
    return done.return_value, done.output


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize(("name", "status"), [("one-pass", 0), ("broken", 1)])
def test_a_poor_grade_is_no_failure(name, status, form, monkeypatch):
    """Only an implementation without a right digit leaves with 1."""
    one = grade(condition=Condition(name, None, None, None))
    assert run(monkeypatch, one, form=form)[0] == status


def test_threads_that_make_a_difference_show_as_two_grades(monkeypatch):
    """Equal grades are said once, and the slopes follow the numbers of threads."""
    sums = {
        ("2-d", 1): Summation("naive", 0.5, 16384),
        ("2-d", 2): Summation("pairwise", 0.125, 16384),
        ("4-d", 1): Summation("naive", 0.5, 16384),
        ("4-d", 2): Summation("naive", None, 16384),
    }
    lines = run(monkeypatch, grade(summations=sums))[1].splitlines()
    rows = [line.split("  ") for line in lines if line.startswith("float32")]
    flat, images = ([part.strip() for part in row if part.strip()] for row in rows[1:])
    assert flat == ["float32", "2-d", "naive / pairwise", "0.50, 0.12", "16,384"]
    assert images == ["float32", "4-d", "naive", "0.50, -", "16,384"]


def test_what_goes_wrong_is_in_the_row_and_what_does_not_is_a_dash(monkeypatch):
    """From which condition outputs are NaN, and from which magnitude they are wrong."""
    bad = grade(condition=Condition("one-pass", 2.0, (1, 10), 1e4), range=Range(2e19, None))
    lines = run(monkeypatch, bad, grade())[1].splitlines()
    first, second = (line for line in lines if line.startswith("float32"))
    assert first.split()[1:] == [
        *("one-pass", "2.00", "0.25", "0.5", "1"),
        *("kappa", "1e+04", "|x|", "2e+19"),
    ]
    assert second.split()[1:] == ["two-pass", "-", "0.25", "0.5", "1", "-", "-"]


def test_brackets_of_the_user_are_printed(monkeypatch):
    """Neither a path nor the text of an exception is markup."""
    fails = (measure_point(), measure_point("4-d", "ValueError: [red] only"))
    output = run(monkeypatch, grade(points=fails))[1]
    assert "a/[red]b.py:Mine" in output
    assert "float32, 4-d: ValueError: [red] only" in output


@pytest.mark.parametrize(
    ("generations", "how"), [(0, "of those drawn"), (12, "found in 12 generations")]
)
def test_the_worst_input_says_how_it_was_found(generations, how, monkeypatch):
    """A search is not the same as the worst of what was drawn; without one nothing is claimed."""
    worst = Worst(2.5, "program", "float32", generations)
    assert how in run(monkeypatch, grade(), worst=worst)[1]
    assert "Worst" not in run(monkeypatch, grade())[1]
