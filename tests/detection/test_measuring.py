"""Rows of single subjects, with hand-made findings in place of the laws and the baselines."""

import json
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
    measure_pair,
)
from bnproof.implementations.targets import UnusableTarget
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification import planning, session
from bnproof.verification.session import Spot


def build_located(area, mechanism, confidence, *spots):
    """A group of broken laws with its cause, where it was located."""
    cause = Cause(mechanism, "", confidence, bug="F99" if confidence == "same values" else "")
    return SimpleNamespace(
        area=area,
        group=SimpleNamespace(cause=cause, spots=spots),
        extent=SimpleNamespace(says=f"extent of {area}"),
    )


OUTPUT, IN_HALF = Spot("output", "ordinary"), Spot("output", "half")
REPEATS = Spot("repeats", "behaviour", "infer")
WITH_ALL = (
    build_located("formula", "mean ignored", "same values", OUTPUT, IN_HALF, REPEATS),
    build_located("edges", "eps ignored", "same pattern", REPEATS),
)
WITHOUT_OWN = (build_located("formula", "gradient", "same pattern", OUTPUT),)


def fake_examination(monkeypatch, violated, located, spots):
    """An examination in which laws were violated in so many of nine cases, in these spots; returns
    the models that the diagnosis was told to do without.

    The findings are the first ones with all models at hand, and the second ones without the own
    one.
    """
    tallies = {law: SimpleNamespace(violated=n, cases=9) for law, n in violated.items()}
    grouped = {"the plan": dict.fromkeys(spots, ("a case",))}
    session = SimpleNamespace(tallies=tallies, group_broken=grouped.__getitem__)
    examined = SimpleNamespace(session=session, plan="the plan")
    asked = []

    def find(given, *, without):
        assert given is examined
        asked.append(without)
        return located[bool(without)]

    monkeypatch.setattr(measuring, "examine", lambda *arguments: examined)
    monkeypatch.setattr(measuring, "locate", find)
    return asked


def test_broken_laws_and_the_cause_of_the_first_finding(monkeypatch):
    """The diagnosis is asked with all models and without the bug's own; laws that hold are no
    laws that are broken."""
    laws = {"output": 3, "repeats": 9, "finite": 0}
    asked = fake_examination(monkeypatch, laws, (WITH_ALL, WITHOUT_OWN), (OUTPUT, IN_HALF, REPEATS))
    row = measure_mutant("G01", "quick", 0)
    assert (row["found"], row["laws"]) == (True, {"output": [3, 9], "repeats": [9, 9]})
    assert asked == ["", "G01"]
    assert row["cause"] == {"mechanism": "mean ignored", "confidence": "same values"}
    assert row["cause_without"] == {"mechanism": "gradient", "confidence": "same pattern"}
    assert (row["id"], row["model"]) == ("G01", list_mutants()["G01"].kind)
    assert "\n" not in row["says"]


def test_findings_are_those_that_a_user_is_told(monkeypatch):
    """With all models at hand, in their order, and a law that is broken in two places counts
    once; the spots are those of all broken laws."""
    fake_examination(
        monkeypatch, {"output": 3}, (WITH_ALL, WITHOUT_OWN), (OUTPUT, IN_HALF, REPEATS)
    )
    row = measure_mutant("G01", "quick", 0)
    assert row["findings"] == [
        {
            "area": "formula",
            "bug": "F99",
            "mechanism": "mean ignored",
            "confidence": "same values",
            "extent": "extent of formula",
            "laws": 2,
        },
        {
            "area": "edges",
            "bug": "",
            "mechanism": "eps ignored",
            "confidence": "same pattern",
            "extent": "extent of edges",
            "laws": 1,
        },
    ]
    assert row["spots"] == [
        ["output", "ordinary", ""], ["output", "half", ""], ["repeats", "behaviour", "infer"],
    ]  # fmt: skip


def test_a_bug_that_breaks_no_law_has_no_cause(monkeypatch):
    """And no findings."""
    fake_examination(monkeypatch, {"output": 0}, ((), ()), ())
    row = measure_mutant("G01", "quick", 0)
    told = [row[name] for name in ("found", "laws", "findings", "spots", "cause", "cause_without")]
    assert told == [False, {}, [], [], None, None]


# -- pairs -----------------------------------------------------------------------------------------


def list_spots(name):
    """What a bug breaks by itself."""
    return measuring._list_spots(measuring._examine(name, "quick", 0))


@pytest.fixture
def few(monkeypatch):
    """Three cases, none of them at the extremes."""
    monkeypatch.setattr(session, "draw_extreme_cases", lambda asked, seed: ())
    monkeypatch.setitem(planning.EFFORTS, "quick", 3)


def test_two_bugs_of_different_outputs_are_told_apart(few):
    """Each has its laws, and both causes are named."""
    names = ("R01", "G01")
    row = measure_pair(names, tuple(map(list_spots, names)), "quick", 0)
    assert (row["kind"], row["names"]) == ("pair", ["R01", "G01"])
    assert row["mechanisms"] == [list_mutants()[name].mechanism for name in names]
    assert (row["apart"], row["both"]) == (True, True)
    assert {finding["bug"] for finding in row["findings"]} == set(names)
    assert json.loads(json.dumps(row)) == row


def test_a_bug_that_hides_another_is_not_told_apart_from_it(few):
    """Both change the denominator, of which there is one."""
    names = ("F01", "F03")
    row = measure_pair(names, tuple(map(list_spots, names)), "quick", 0)
    assert (row["apart"], row["both"]) == (False, False)
    assert {finding["bug"] for finding in row["findings"]} == {"F01"}


A, B, C, NEW = (["law", place, ""] for place in ("a", "b", "c", "new"))


@pytest.mark.parametrize(
    ("first", "second", "together", "apart"),
    [
        ([A], [B], [A, B], True),
        ([A, C], [B, C], [A, B, C], True),
        ([A, C], [B, C], [A, B, NEW], True),
        ([A, C], [B, C], [A, C], False),
        ([A, C], [B, C], [B, C], False),
        ([A, C], [C], [A, C], False),
        ([A, C], [A, C], [A, C], False),
        ([A], [B], [NEW], False),
        ([A], [], [A], False),
    ],
)
def test_bugs_are_apart_where_each_shows_in_a_place_of_its_own(
    first, second, together, apart, monkeypatch
):
    """Alone and together; a place where neither shows alone counts for none of them."""
    models = {name: SimpleNamespace(make=type(name, (), {}), mechanism=name) for name in "XY"}
    made = []

    def load(implementation, name):
        made.append(implementation)
        return implementation

    monkeypatch.setattr(measuring, "list_mutants", lambda: models)
    monkeypatch.setattr(measuring, "as_implementation", load)
    monkeypatch.setattr(measuring, "examine", lambda *arguments: None)
    monkeypatch.setattr(measuring, "_list_spots", lambda examined: together)
    for told, both in ((["X", "Y"], True), (["Y", "Z", "X"], True), (["X", "X"], False)):
        findings = [{"mechanism": mechanism} for mechanism in told]
        monkeypatch.setattr(
            measuring, "_list_findings", lambda examined, findings=findings: findings
        )
        row = measure_pair(("X", "Y"), (first, second), "quick", 0)
        assert (row["apart"], row["both"]) == (apart, both)
        assert row["findings"] == findings
    assert all(one.__mro__[1:3] == (models["X"].make, models["Y"].make) for one in made)


# -- grades, baselines, correct implementations ----------------------------------------------------


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
