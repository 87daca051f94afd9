"""Rows of single subjects, with hand-made findings in place of the laws and the baselines."""

from types import SimpleNamespace

import pytest

from bnproof.accuracy.assessment import Assessment, Graded
from bnproof.accuracy.grades import Condition, Range, Summation
from bnproof.accuracy.worst_input import Worst
from bnproof.contract import Cause
from bnproof.detection import measuring
from bnproof.detection.measuring import (
    grade_mutant,
    measure_baselines,
    measure_correct,
    measure_mutant,
)
from bnproof.implementations.targets import UnusableTarget
from bnproof.mutants.catalogue import list_mutants

CAUSES = {
    "output": Cause(mechanism="eps ignored", says="", confidence="same pattern"),
    "dx": Cause(mechanism="mean ignored", says="", confidence="same pattern"),
    "shift": Cause(mechanism="mean ignored", says="", confidence="same pattern"),
    "scale": Cause(mechanism="mean ignored", says="", confidence="same values"),
}


def fake_examination(monkeypatch, violated, causes=CAUSES):
    """An examination in which laws were violated in so many of nine cases; returns the models that
    the diagnosis was told to do without."""
    tallies = {law: SimpleNamespace(violated=n, cases=9) for law, n in violated.items()}
    broken = {law: n for law, n in violated.items() if n}
    examined = SimpleNamespace(
        session=SimpleNamespace(tallies=tallies, broken={}),
        broken=set(broken),
        walks={},
    )
    without = []

    def find(examined, *, without):
        asked.append(without)
        return causes

    asked = without
    monkeypatch.setattr(measuring, "examine", lambda *arguments: examined)
    monkeypatch.setattr(measuring, "find_causes", find)
    return without


def test_broken_laws_and_the_cause_of_most_of_them(monkeypatch):
    """Causes count as one where mechanism and confidence agree; the diagnosis is asked with all
    models and without the bug's own."""
    asked = fake_examination(monkeypatch, {"output": 3, "dx": 9, "finite": 0})
    row = measure_mutant("G01", "quick", 0)
    assert (row["found"], row["laws"]) == (True, {"output": [3, 9], "dx": [9, 9]})
    assert asked == ["", "G01"]
    assert row["cause"] == {"mechanism": "mean ignored", "confidence": "same pattern"}
    assert (row["id"], row["model"]) == ("G01", list_mutants()["G01"].kind)
    assert "\n" not in row["says"]


def test_a_bug_that_breaks_no_law_has_no_cause(monkeypatch):
    """The diagnosis is not even asked."""
    asked = fake_examination(monkeypatch, {"output": 0})
    row = measure_mutant("G01", "quick", 0)
    assert (row["found"], row["laws"], row["cause"], row["cause_without"]) == (
        False,
        {},
        None,
        None,
    )
    assert asked == []


def fake_assessment(monkeypatch, grade, *sums):
    """An assessment with a grade, and these grades of its sums, one for each dtype."""
    dtypes = tuple(
        Graded(
            "fake",
            "float32",
            Condition(grade, 1.0, None, None),
            {("2-d", 1): Summation(own, None, 64)},
            Range(None, None),
            None,
            (),
        )
        for own in sums
    )
    found = Assessment("fake", dtypes, Worst(None, "", "float32", 0))
    monkeypatch.setattr(measuring, "assess", lambda *arguments, **options: found)


@pytest.mark.parametrize(
    ("expected", "sums", "grade"),
    [
        ("two-pass", ("naive",), "two-pass"),
        ("two-pass, naive", ("compensated", "naive", "pairwise"), "two-pass, naive"),
        ("two-pass, naive", ("compensated", None, "pairwise"), "two-pass, pairwise"),
        ("two-pass, naive", (None,), "two-pass, "),
    ],
)
def test_sums_are_graded_where_the_model_says_so(monkeypatch, expected, sums, grade):
    """By the worst of them; sweeps without a grade do not count."""
    fake_assessment(monkeypatch, "two-pass", *sums)
    model = SimpleNamespace(id="V99", make=object, grade=expected)
    assert grade_mutant(model) == {"grade": grade, "grade_expected": expected}


def test_every_baseline_says_something_of_a_subject(monkeypatch):
    """Asked with the subject and with PyTorch, in the order of the baselines."""
    asked = []

    def build(name, **said):
        def run(subject, reference):
            asked.append((name, subject, reference))
            return SimpleNamespace(**said)

        return SimpleNamespace(name=name, run=run)

    baselines = {
        "one": build("one", flagged=True, offered=True, reason="off by 1"),
        "two": build("two", flagged=False, offered=False, reason=""),
    }
    monkeypatch.setattr(measuring, "list_baselines", lambda: baselines)
    monkeypatch.setattr(measuring, "load_subject", lambda name: f"subject {name}")
    monkeypatch.setattr(measuring, "load", lambda name: f"reference {name}")
    rows = measure_baselines("R01")
    assert asked == [(name, "subject R01", "reference torch") for name in baselines]
    told = [
        [row[key] for key in ("id", "baseline", "flagged", "offered", "reason")] for row in rows
    ]
    assert told == [["R01", "one", True, True, "off by 1"], ["R01", "two", False, False, ""]]
    assert all(row["seconds"] >= 0 for row in rows)


def test_a_flag_has_a_sentence_for_each_law(monkeypatch):
    """Laws on cases by their first failing case, and laws on walks."""
    kept = [SimpleNamespace(seen="first"), SimpleNamespace(seen="second")]
    examined = SimpleNamespace(
        session=SimpleNamespace(broken={"output": kept}),
        walks={"history": SimpleNamespace(seen="walk")},
    )
    laws = {name: SimpleNamespace(says=f"law {name}") for name in ("output", "history")}
    monkeypatch.setattr(measuring, "examine", lambda *arguments: examined)
    monkeypatch.setattr(measuring, "load_laws", lambda: laws)
    monkeypatch.setattr(measuring, "plan_laws", lambda options: options)
    monkeypatch.setattr(measuring, "describe_measurement", lambda seen, says: f"{seen}: {says}")
    row = measure_correct("numpy", "quick", 7)
    assert row["flagged"] == {"output": "first: law output", "history": "walk: law history"}
    assert (row["effort"], row["seed"], row["unusable"]) == ("quick", 7, "")


def test_only_what_compiles_may_be_unusable(monkeypatch):
    """A target that cannot be loaded ends the run, unless it needs a compiler."""

    def refuse(name):
        raise UnusableTarget("no compiler")

    monkeypatch.setattr(measuring, "load_subject", refuse)
    assert measure_correct("torch-compiled", "quick", 0)["unusable"] == "no compiler"
    with pytest.raises(UnusableTarget, match="no compiler"):
        measure_correct("numpy", "quick", 0)
