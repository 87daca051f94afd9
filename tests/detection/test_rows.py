"""Detection: rows of a small plan, and the page, table and picture that hand-made records
become."""

import csv
import json
from concurrent.futures import Future
from io import StringIO
from types import SimpleNamespace

import pytest

from bnproof.baselines.baseline import list_baselines
from bnproof.detection import measuring, subjects
from bnproof.detection import rows as of_rows
from bnproof.detection.measuring import measure_mutant
from bnproof.detection.rows import Plan, list_descriptions, measure_rows
from bnproof.implementations.targets import UnusableTarget
from bnproof.implementations.through_state import ThroughState
from bnproof.laws.law import load_laws
from bnproof.mutants.catalogue import list_mutants
from bnproof.mutants.catalogue import read_bugs as known
from bnproof.mutants.unmodelled import UNMODELLED
from bnproof.records import Records, build_header, collect, read, write
from bnproof.reports.detection import (
    count_diagnoses,
    count_findings,
    list_bugs,
    list_shortfalls,
    render_csv,
    render_detection,
)
from bnproof.reports.files import write_files
from bnproof.verification import planning, session

WRONG, CORRECT = ["R01", "G01"], ["numpy"]


class Here:
    """A pool that does everything at once, in this process."""

    def __init__(self, workers, *, mp_context, initializer):
        self.workers = workers

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def submit(self, function, *arguments):
        done = Future()
        done.set_result(function(*arguments))
        return done


@pytest.fixture(scope="module")
def small():
    """The rows of two bugs, their pair and one correct implementation, on few cases, and the
    progress that was told."""
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_rows, "ProcessPoolExecutor", Here)
        patch.setattr(of_rows, "list_wrong", lambda: WRONG)
        patch.setattr(of_rows, "list_correct", lambda: CORRECT)
        patch.setattr(session, "draw_extreme_cases", lambda asked, seed: ())
        patch.setitem(planning.EFFORTS, "quick", 5)
        patch.setitem(planning.EFFORTS, "standard", 2)
        plan = Plan("quick", seed=3, quick_seeds=2, standard_seeds=1, pairs=2)
        found = list(measure_rows(plan, lambda *count: told.append(count)))
    return found, told


def test_the_plan_is_told_first_then_everything_in_order(small):
    """The header row, laws, baselines, what is not modelled; then bugs, baselines, correct
    implementations, and pairs of bugs as far as there are any."""
    found, _ = small
    assert found[0] == {
        "kind": "detection",
        "effort": "quick",
        "quick_seeds": 2,
        "standard_seeds": 1,
        "pairs": 2,
    }
    kinds = list(dict.fromkeys(row["kind"] for row in found))
    assert kinds == [
        "detection",
        "law",
        "baseline_says",
        "unmodelled",
        "mutant",
        "baseline",
        "correct",
        "pair",
    ]
    assert [row["id"] for row in found if row["kind"] == "mutant"] == WRONG
    pairs = [(row["id"], row["baseline"]) for row in found if row["kind"] == "baseline"]
    assert pairs == [
        (name, baseline) for name in (*WRONG, *CORRECT) for baseline in list_baselines()
    ]
    assert [row["names"] for row in found if row["kind"] == "pair"] == [WRONG]
    runs = [(row["id"], row["effort"], row["seed"]) for row in found if row["kind"] == "correct"]
    assert runs == [("numpy", "quick", 3), ("numpy", "quick", 4), ("numpy", "standard", 3)]


def test_progress_counts_every_job(small):
    """From one to all of them."""
    found, told = small
    jobs = len(WRONG) + len(WRONG) + len(CORRECT) + 3
    assert told == [(done, jobs) for done in range(1, jobs + 1)]
    assert sum(row["kind"] in ("mutant", "correct") for row in found) == len(WRONG) + 3


MODELS = {
    # By area, mechanism, and whether the class combines with others.
    "a": ("formula", "eps", True),
    "b": ("formula", "mean", True),
    "c": ("statistics", "eps", True),
    "d": ("statistics", "momentum", True),
    "e": ("edges", "empty", True),
    "layer": ("edges", "state", False),
    "unseen": (None, "nothing", True),
}
#: Different areas and mechanisms, and both are told and combine.
PAIRS_LEFT = [
    {"a", "d"}, {"a", "e"}, {"b", "c"}, {"b", "d"}, {"b", "e"}, {"c", "e"}, {"d", "e"},
]  # fmt: skip


def measure_pairs(monkeypatch, count, hidden=(), seed=0):
    """The rows of so many pairs of made-up bugs, of which some hide each other, and all that was
    asked."""
    asked = []

    def measure_mutant(name, effort, seed):
        area, mechanism, _ = MODELS[name]
        findings = [{"area": area}, {"area": "half"}] if area else []
        row = {"kind": "mutant", "id": name, "mechanism": mechanism}
        return row | {"findings": findings, "spots": [[name, "ordinary", ""]]}

    def measure_pair(names, alone, effort, seed):
        asked.append((names, alone, effort, seed))
        return {"kind": "pair", "names": list(names), "apart": set(names) not in hidden}

    combines = {name: SimpleNamespace(combines=own) for name, (_, _, own) in MODELS.items()}
    monkeypatch.setattr(of_rows, "ProcessPoolExecutor", Here)
    monkeypatch.setattr(of_rows, "list_wrong", lambda: list(MODELS))
    monkeypatch.setattr(of_rows, "list_correct", list)
    monkeypatch.setattr(of_rows, "list_mutants", lambda: combines)
    monkeypatch.setattr(measuring, "measure_mutant", measure_mutant)
    monkeypatch.setattr(measuring, "measure_baselines", lambda name: [])
    monkeypatch.setattr(measuring, "measure_pair", measure_pair)
    rows = [row for row in measure_rows(Plan("quick", seed, pairs=count)) if row["kind"] == "pair"]
    assert [row["names"] for row in rows] == [list(names) for names, *_ in asked]
    return rows, asked


def test_pairs_are_of_different_areas_and_mechanisms(monkeypatch):
    """By the first finding of each; a bug that is not told, or whose class does not combine, is in
    none. Each pair is drawn once, with what its bugs break alone."""
    rows, asked = measure_pairs(monkeypatch, 99)
    assert sorted(map(sorted, (row["names"] for row in rows))) == sorted(map(sorted, PAIRS_LEFT))
    for (first, second), alone, effort, seed in asked:
        assert alone == ([[first, "ordinary", ""]], [[second, "ordinary", ""]])
        assert (effort, seed) == ("quick", 0)


@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_pairs_are_drawn_until_enough_of_them_count(count, monkeypatch):
    """A pair in which one bug hides the other has a row and does not count, and no pair is asked
    for that is not needed."""
    every = [set(row["names"]) for row in measure_pairs(monkeypatch, 99)[0]]
    hidden = every[1:3]
    rows, _ = measure_pairs(monkeypatch, count, hidden)
    names = [set(row["names"]) for row in rows]
    needed = next((n for n in range(7) if sum(e not in hidden for e in every[:n]) == count), 7)
    assert names == every[:needed]
    assert sum(row["apart"] for row in rows) == min(count, 5)


def test_equal_seeds_draw_equal_pairs(monkeypatch):
    """And another seed draws others."""
    first, again, other = (measure_pairs(monkeypatch, 3, seed=seed)[1] for seed in (0, 0, 1))
    assert first == again
    assert [names for names, *_ in first] != [names for names, *_ in other]


def test_a_bug_is_found_with_its_laws_and_its_cause(small):
    """In how many of how many cases, and the mechanism with and without its own model."""
    bugs = {row["id"]: row for row in small[0] if row["kind"] == "mutant"}
    assert all(row["found"] and row["seconds"] > 0 for row in bugs.values())
    assert bugs["R01"]["laws"].keys() == {"running-variance", "shards-running-variance"}
    assert "gradient-x" in bugs["G01"]["laws"]
    for row in bugs.values():
        assert all(0 < violated <= cases <= 5 for violated, cases in row["laws"].values())
        assert row["cause"] == {
            "mechanism": list_mutants()[row["id"]].mechanism,
            "confidence": "same values",
        }
        assert row["row"] in known()
    assert bugs["G01"]["cause_without"] == {"mechanism": "gradient", "confidence": "same pattern"}


def test_a_bug_is_one_finding_and_a_pair_is_two(small):
    """With the causes of both, each in the area that it has alone."""
    alone = {row["id"]: row["findings"] for row in small[0] if row["kind"] == "mutant"}
    assert {name: [one["area"] for one in told] for name, told in alone.items()} == {
        "R01": ["statistics"],
        "G01": ["formula"],
    }
    (pair,) = (row for row in small[0] if row["kind"] == "pair")
    assert (pair["apart"], pair["both"]) == (True, True)
    told = {(one["area"], one["bug"]) for one in pair["findings"]}
    assert told == {("statistics", "R01"), ("formula", "G01")}


def test_a_correct_implementation_is_not_flagged(small):
    """By the laws under any seed, nor by the baselines."""
    assert all(row["flagged"] == {} for row in small[0] if row["kind"] == "correct")
    assert not any(
        row["flagged"] for row in small[0] if row["kind"] == "baseline" and row["id"] == "numpy"
    )


def test_rows_are_plain_values_and_make_a_page(small, tmp_path):
    """Through a file of records to page, table and picture."""
    write(tmp_path / "detection.ndjson", collect(3, [small[0]]))
    records = read(tmp_path / "detection.ndjson")
    assert records.rows == tuple(json.loads(json.dumps(small[0])))
    assert list_shortfalls(records) == []
    assert all(path.stat().st_size > 0 for path in write_files(records, tmp_path))


def test_every_law_baseline_and_unmodelled_bug_is_described():
    """In words."""
    found = list(list_descriptions())
    assert [row["law"] for row in found if row["kind"] == "law"] == list(load_laws())
    assert [row["baseline"] for row in found if row["kind"] == "baseline_says"] == list(
        list_baselines()
    )
    assert {row["id"] for row in found if row["kind"] == "unmodelled"} == UNMODELLED.keys()
    assert all(row["says"] for row in found)


def test_subjects_are_all_models_and_what_has_to_pass():
    """Nothing is both; models of no bugs are correct; names lead to implementations."""
    wrong, correct = subjects.list_wrong(), subjects.list_correct()
    assert not set(wrong) & set(correct)
    assert set(list_mutants()) <= {*wrong, *correct}
    assert {"numpy", "torch", "torch-compiled", "torch.nn:BatchNorm1d"} <= set(correct)
    assert hasattr(subjects.load_subject("R01"), "train")
    assert isinstance(subjects.load_subject("R11"), ThroughState)


def test_what_compiles_gets_one_seed_in_ten():
    """Every other correct implementation gets all of them."""
    runs = list(of_rows.list_correct_runs(Plan(seed=5, quick_seeds=11, standard_seeds=2)))
    assert [run for run in runs if run[0] == "torch-compiled"] == [
        ("torch-compiled", "quick", 5),
        ("torch-compiled", "quick", 15),
        ("torch-compiled", "standard", 5),
    ]
    assert {(name, effort) for name, effort, seed in runs if seed == 6} >= {
        ("torch", "quick"),
        ("torch", "standard"),
    }


def test_what_cannot_be_asked_here_is_told_and_not_flagged(monkeypatch):
    """Such as a compiled form without a compiler: a row with the reason, and a line of the page."""

    def unusable(*arguments, **options):
        raise UnusableTarget("no compiler")

    monkeypatch.setattr(measuring, "examine", unusable)
    row = measuring.measure_correct("torch-compiled", "quick", 0)
    assert (row["flagged"], row["unusable"]) == ({}, "no compiler")
    with pytest.raises(UnusableTarget):
        measuring.measure_correct("numpy", "quick", 0)
    told = render_detection(Records(build_header(7), (*records().rows, row)))
    assert "| torch-compiled | 0 | not usable here: no compiler |" in told
    assert "**1 of 4** runs" in told


@pytest.mark.slow
def test_a_graded_bug_is_not_found_and_graded_as_expected():
    """Serial sums stay within the bounds; accuracy tells them."""
    row = measure_mutant("V06", "quick", 0)
    assert (row["found"], row["cause"], row["model"]) == (False, None, "graded")
    assert row["grade"] == row["grade_expected"] == "two-pass, naive"


# -- the page --------------------------------------------------------------------------------------


def build_finding(name, area="formula"):
    """What is told of a bug."""
    return {
        "area": area,
        "bug": name,
        "mechanism": f"mechanism of {name}",
        "confidence": "same values",
        "extent": "all inputs",
        "laws": 5,
    }


def bug(name, family="forward", **changed):
    """A row of a bug that was found."""
    row = {
        "kind": "mutant",
        "id": name,
        "row": name.partition("-")[0],
        "family": family,
        "severity": "high",
        "year": "2020",
        "sources": [f"https://example.org/{name}"],
        "mechanism": f"mechanism of {name}",
        "model": "semantic",
        "says": f"What {name} does.",
        "found": True,
        "laws": {
            "output": [3, 12],
            "layout": [12, 12],
            "fold-bias": [6, 12],
            "shift": [1, 12],
            "affine": [2, 12],
        },
        "seconds": 1.25,
        "findings": [build_finding(name)],
        "spots": [["output", "ordinary", ""]],
        "cause": {"mechanism": f"mechanism of {name}", "confidence": "same values"},
        "cause_without": {"mechanism": family, "confidence": "same pattern"},
        "grade": None,
        "grade_expected": None,
    }
    return row | changed


MISSED = {
    "found": False,
    "laws": {},
    "findings": [],
    "spots": [],
    "cause": None,
    "cause_without": None,
}
BUGS = [
    bug("F01"),
    bug("F02", cause_without={"mechanism": "another", "confidence": "same values"}),
    bug("G01", "gradient", cause_without={"mechanism": "layout", "confidence": "same pattern"}),
    bug("O01", "fold", cause_without={"mechanism": "unknown", "confidence": "unknown"}),
    bug("O02", "fold", **MISSED),
    bug(
        "V06",
        "variance-numerics",
        model="graded",
        grade="one-pass",
        grade_expected="two-pass",
        **MISSED,
    ),
]
FLAGGED = {
    ("F01", "forward-test"),
    ("F01", "full-test"),
    ("G01", "full-test"),
    ("torch", "full-test"),
}


def records():
    """Six bugs, two baselines, three correct implementations of which one is flagged, one bug that
    is not modelled."""
    names = ("forward-test", "full-test")
    says = [
        {"kind": "baseline_says", "baseline": n, "says": f"what {n} does", "source": "a book"}
        for n in names
    ]
    kept = [
        {"kind": "law", "law": law, "says": "", "theorem": ""}
        for law in ("output", "shift", "layout", "one-value")
    ]
    flags = [
        {
            "kind": "baseline",
            "id": i,
            "baseline": n,
            "flagged": (i, n) in FLAGGED,
            "offered": True,
            "reason": "",
            "seconds": 0.5,
        }
        for i in (*(row["id"] for row in BUGS), "numpy", "torch", "C01")
        for n in names
    ]
    alarms = [
        {
            "kind": "correct",
            "id": i,
            "effort": "quick",
            "seed": s,
            "flagged": f,
            "unusable": "",
            "seconds": 2.0,
        }
        for i, s, f in (
            ("numpy", 0, {}),
            ("torch", 0, {}),
            ("C01", 0, {}),
            ("numpy", 1, {"shift": "off by 1"}),
        )
    ]
    left = [
        {
            "kind": "unmodelled",
            "id": "F05",
            "family": "forward",
            "severity": "low",
            "says": "A mask.",
            "why": "No masks.",
        }
    ]
    plan = {"kind": "detection", "effort": "standard", "quick_seeds": 2, "standard_seeds": 1}
    return Records(build_header(7), (plan, *kept, *says, *left, *BUGS, *flags, *alarms))


def lines(start, *further):
    """Lines of the page that begin so, with further rows."""
    page = render_detection(Records(build_header(7), (*records().rows, *further)))
    return [line for line in page.splitlines() if line.startswith(start)]


def pair(first, second, *, apart=True, told=()):
    """A row of two bugs in one implementation, of which these are told."""
    names = [first, second]
    return {
        "kind": "pair",
        "names": names,
        "mechanisms": [f"mechanism of {name}" for name in names],
        "apart": apart,
        "findings": [build_finding(name) for name in told],
        "both": set(names) <= set(told),
    }


def test_the_page_counts_what_was_found():
    """Bugs that only a grade tells are not to be found; correct implementations flagged are counted
    by run."""
    text = render_detection(records())
    assert "**Found: 4 of 5 that the contract calls wrong**; not found: O02." in text
    assert "Correct implementations flagged: **1 of 4** runs" in text
    assert "seed 7" in text
    assert lines("| the laws of bnproof |") == ["| the laws of bnproof | 4 | 1 | 6.25 |"]


def test_the_page_sets_the_baselines_beside_it():
    """What each finds, what it flags wrongly, how long it takes; and the same among the bugs within
    its reach."""
    assert lines("| forward-test |") == ["| forward-test | 1 | 0 | 2.5 |"]
    assert lines("| full-test |") == ["| full-test | 2 | 1 (torch) | 2.5 |"]
    text = render_detection(records())
    assert (
        "of the 3 bugs in training, inference and gradients the laws find\n3, forward-test 1,"
        " full-test 2." in text
    )


def test_the_page_shows_every_bug_and_family():
    """With the laws that break most often first, and how many more."""
    assert lines("| forward |") == ["| forward | 2 | 2 | 1 | 1 |"]
    assert lines("| fold |") == ["| fold | 2 | 1 | 0 | 0 |"]
    first = lines("| [F01]")[0]
    assert "layout 12/12, fold-bias 6/12, output 3/12, affine 2/12 and 1 more" in first
    assert "forward-test, full-test" in first
    assert "| **none** | - |" in lines("| [O02]")[0]
    assert lines("| V06 |") == ["| V06 | What V06 does. | two-pass | one-pass | holds |"]
    assert lines("| F05 |") == ["| F05 | A mask. | No masks. |"]
    assert lines("| numpy |") == ["| numpy | 2 | shift |"]
    assert lines("| torch |") == ["| torch | 1 | never |"]


def test_the_page_says_how_often_the_cause_is_right():
    """With the own model, and without: same class, family, unknown, wrong family, wrong."""
    found = count_diagnoses([row for row in BUGS if row["cause"]])
    assert (found["right"], found["found"], found["right_share"]) == (4, 4, "100%")
    assert (
        found["family"],
        found["unknown"],
        found["wrong_family"],
        found["wrong"],
        found["same_class"],
    ) == (
        1,
        1,
        1,
        1,
        0,
    )
    assert found["wrongs"] == ["F02 as another"]
    assert "**1** (25.0%): F02 as another" in render_detection(records())


def test_the_diagnosis_of_nothing_divides_by_nothing():
    """No bug found."""
    assert count_diagnoses([])["right_share"] == "0%"


PAIRS = [
    pair("F01", "O01", told=("F01", "O01")),
    pair("F01", "G01", told=("F01",)),
    pair("F02", "G01", told=("G01", "F02", "O02")),
    pair("F01", "F02", apart=False, told=("F01",)),
]


def test_findings_are_counted_by_bug_and_by_pair():
    """Bugs that are told as nothing, such as those that only a grade tells, do not count, and a
    pair counts where it can be told apart."""
    many = bug("L01", findings=[build_finding(name) for name in "abc"])
    two = bug("L02", findings=[build_finding(name) for name in "ab"])
    rows = (*records().rows, many, two, *PAIRS)
    found = count_findings(Records(build_header(7), rows))
    assert {name: found[name] for name in ("told", "most", "two", "many")} == {
        "told": 6,
        "most": 3,
        "two": 5,
        "many": ["L01"],
    }
    assert {name: found[name] for name in ("pairs", "hidden", "both", "both_share")} == {
        "pairs": 3,
        "hidden": 1,
        "both": 2,
        "both_share": "67%",
    }
    assert found["missed"] == [
        {
            "names": "F01 and G01",
            "mechanisms": "mechanism of F01; mechanism of G01",
            "told": "formula: mechanism of F01",
        }
    ]


def test_findings_of_nothing_divide_by_nothing():
    """No bug and no pair."""
    found = count_findings(Records(build_header(7), ()))
    assert (found["told"], found["most"], found["pairs"], found["both_share"]) == (0, 0, 0, "0%")


def test_the_page_says_how_many_findings_a_bug_is():
    """Bugs of more than two findings are named, and pairs are mentioned where they were measured
    alone."""
    said = "A check tells a defect as one finding"
    assert lines(said)[0].endswith("Of the 4 bugs that are told,")
    assert lines("4 are at most two findings") == ["4 are at most two findings."]
    many = bug("L01", findings=[build_finding(name) for name in "abc"])
    page = render_detection(Records(build_header(7), (*records().rows, many, *flag("L01"))))
    assert "4 are at most two findings (not L01)." in page
    assert "Two bugs of different areas" not in page


def flag(name):
    """What the baselines say of one more bug."""
    return [
        {"kind": "baseline", "id": name, "baseline": by, "flagged": False, "seconds": 0.0}
        for by in ("forward-test", "full-test")
    ]


def test_the_page_shows_the_pairs_that_are_not_told_apart():
    """With what is told in their place; those in which one bug hides the other are counted, and
    are no failures."""
    text = " ".join(lines("", *PAIRS))
    assert "**2 of 3** random pairs (67%) are told with both causes." in text
    assert "1 further pairs were drawn in which one bug hides the other" in text
    assert lines("| F01 and G01 |", *PAIRS) == [
        "| F01 and G01 | mechanism of F01; mechanism of G01 | formula: mechanism of F01 |"
    ]
    assert len(lines("| F01 and ", *PAIRS)) == 1
    assert not lines("| pair |", PAIRS[0])


def test_what_falls_short_is_listed():
    """A bug not found, a correct implementation flagged, another grade."""
    assert list_shortfalls(records()) == [
        "O02 is not found",
        "numpy is flagged at quick, seed 1: shift",
        "V06 is graded one-pass, not two-pass",
    ]
    assert [row["id"] for row in list_bugs(records())] == ["F01", "F02", "G01", "O01", "O02"]


def test_the_table_has_a_line_for_each_bug():
    """Comma-separated, the baselines' verdicts last."""
    found = {row["id"]: row for row in csv.DictReader(StringIO(render_csv(records())))}
    assert list(found) == [row["id"] for row in BUGS]
    assert found["F01"]["cause"] == "mechanism of F01"
    assert (found["F01"]["full-test"], found["O02"]["full-test"]) == ("True", "False")
    assert found["O02"]["laws"] == ""


def test_the_same_records_give_the_same_bytes(tmp_path):
    """Page, table and picture."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first, second = (write_files(records(), tmp_path / name) for name in ("first", "second"))
    assert [path.name for path in first] == ["detection.md", "detection.csv", "detection.svg"]
    for a, b in zip(first, second, strict=True):
        assert a.read_bytes() == b.read_bytes()
