"""The stream behind the reports: what runs once, in which order, and what is left when it is cut
off."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from bnproof import reporting
from bnproof.claims import Claim, Deciding
from bnproof.laws.law import load_laws
from bnproof.theorems.proving import Outcome
from bnproof.verification.verdict import Tally, Verdict


def claim(name, *theorems, experiment=""):
    """A claim that rests on theorems, and on an experiment where one is named."""
    deciding = Deciding(experiment, ("flip",), "", bool, str) if experiment else None
    return Claim(name, "somebody", "says", "why", rests_on=theorems, measurement=deciding)


@pytest.fixture
def experiment(monkeypatch):
    """An experiment of the folder that counts how often it runs."""
    module, runs = ModuleType("flips"), []
    module.measure_rows = lambda seed: runs.append(seed) or iter([{"kind": "flip", "seed": seed}])
    monkeypatch.setitem(sys.modules, "bnproof.experiments.flips", module)
    return runs


@pytest.fixture
def settled(monkeypatch):
    """Puts outcomes without a proof in the place of every proof, and lists what was asked for."""
    asked = []

    def settle_all(names=(), progress=None):
        asked.append(list(names))
        return [Outcome(name, (), 0.25) for name in names or ("first", "second")]

    monkeypatch.setattr(reporting, "settle_all", settle_all)
    monkeypatch.setattr(reporting, "as_row", lambda outcome: {"kind": "outcome", "id": outcome.id})
    return asked


def test_timings_are_one_line_a_theorem():
    """Seconds to the thousandth, in the order of the outcomes."""
    outcomes = [Outcome("shift", (), 1.23456), Outcome("jacobian", (), 0.0001)]
    table = reporting.format_timings(outcomes)
    assert table.splitlines() == ["theorem,seconds", "shift,1.235", "jacobian,0.0"]


def test_an_experiment_of_two_claims_runs_once(experiment):
    """A claim without an experiment asks for none."""
    wanted = [claim("A", experiment="flips"), claim("B"), claim("C", experiment="flips")]
    assert reporting.measure_deciding(wanted, 5) == [{"kind": "flip", "seed": 5}]
    assert experiment == [5]
    assert reporting.measure_deciding([claim("B")], 5) == []


def test_a_theorem_of_two_claims_is_proved_once(settled, experiment, monkeypatch):
    """In the order of the claims; demonstrations follow the proofs, and experiments come last."""
    shown = []
    monkeypatch.setattr(
        reporting.demonstrations,
        "measure_rows",
        lambda seed, wanted: shown.append(wanted) or [{"kind": "demonstration"}],
    )
    wanted = [claim("A", "shift", "scale"), claim("B", "scale", "mean", experiment="flips")]
    rows = reporting.collect_claim_rows(wanted, 2)
    assert settled == [["shift", "scale", "mean"]]
    assert shown == [{"A": "", "B": ""}]
    assert [row["kind"] for row in rows] == ["outcome"] * 3 + ["demonstration", "flip"]


def test_every_law_has_a_row_for_every_target(monkeypatch):
    """Also one that was not judged, which has no numbers; the row of the whole comes first."""
    verdict = Verdict("it", "torch", "standard", 4, passed=["output"], cases=7)
    verdict.tallies["output"] = Tally("collapse", cases=6, ratio=0.5, ulp=2.0)
    asked = []
    monkeypatch.setattr(reporting, "TARGETS", ("one", "two"))
    monkeypatch.setattr(reporting, "load", str.upper)
    monkeypatch.setattr(
        reporting, "check", lambda found, options: asked.append((found, options)) or verdict
    )
    rows = list(reporting.check_targets(4))
    assert [(found, options.seed) for found, options in asked] == [("ONE", 4), ("TWO", 4)]
    assert len(rows) == 2 * (1 + len(load_laws()))
    assert rows[0] == {
        "kind": "check",
        "target": "one",
        "cases": 7,
        "effort": "standard",
        "ok": True,
    }
    own = {
        row["law"]: row for row in rows if row["kind"] == "law_result" and row["target"] == "two"
    }
    assert own.keys() == load_laws().keys()
    numbers = ("verdict", "cases", "ratio", "ulp")
    assert [own["output"][name] for name in numbers] == ["holds", 6, 0.5, 2.0]
    assert [own["shift"][name] for name in numbers] == ["not offered", 0, None, None]


def test_a_law_is_listed_with_its_theorem():
    """What it says and where it comes from, for every law."""
    rows = {row["law"]: row for row in reporting.list_law_rows()}
    assert rows.keys() == load_laws().keys()
    assert rows["shift"]["theorem"] == "shift"
    assert rows["answers"]["theorem"] == ""
    assert {row["kind"] for row in rows.values()} == {"law"}


@pytest.fixture
def parts(settled, monkeypatch):
    """Every part of a report replaced by one row; the experiments fail where they are told to."""
    told = SimpleNamespace(fails=False)

    def measure(*arguments):
        if told.fails:
            raise KeyboardInterrupt
        yield {"kind": "measured"}

    experiments = ("agreement", "running", "weight_norm", "linear_range")
    for name in (*experiments, "parametrisations", "arithmetic"):
        monkeypatch.setattr(getattr(reporting, name), "measure_rows", measure)
    monkeypatch.setattr(reporting.demonstrations, "measure_rows", measure)
    monkeypatch.setattr(reporting.accuracy, "measure_rows", measure)
    monkeypatch.setattr(reporting, "check_targets", measure)
    return told


def test_a_report_is_written_after_everything_has_run(parts, tmp_path):
    """Each part is announced before its turn; rows, pages and timings are among the files."""
    seen = []
    written = reporting.report(tmp_path / "new" / "out", progress=lambda *at: seen.append(at))
    total = seen[0][1]
    assert seen == [(n, total) for n in range(total)]
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == sorted(
        path.name for path in written
    )
    assert {"records.ndjson", "timings.csv"} <= {path.name for path in written}


def test_a_report_that_is_cut_off_leaves_the_older_one(parts, tmp_path):
    """Neither a file changes nor one is added."""
    (tmp_path / "timings.csv").write_text("older")
    parts.fails = True
    with pytest.raises(KeyboardInterrupt):
        reporting.report(tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [
        ("timings.csv", "older")
    ]


def test_a_folder_that_cannot_be_made_is_found_out_first(settled, tmp_path):
    """Before anything is proved."""
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OSError, match="taken"):
        reporting.report(tmp_path / "taken")
    assert settled == []
