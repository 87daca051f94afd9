"""The containment benchmark: inputs are shared out without gap, and a miss ends with status 1."""

from concurrent.futures import Executor

import numpy as np
import pytest
from click.testing import CliRunner

from bnproof.benchmarks import containment
from bnproof.benchmarks.containment import main, measure_all, try_inputs
from bnproof.records import read


class InPlace(Executor):
    """A pool that does its work at once, in this process."""

    def map(self, function, *arguments, **options):
        """The results in order."""
        return map(function, *arguments)


@pytest.fixture
def shares(monkeypatch):
    """The shares that are handed out, each counted instead of tried."""
    taken = []

    def count_only(first, count):
        taken.append((first, count))
        return {"kind": "containment", "first": first, "cases": count, "missed": []}

    monkeypatch.setattr(containment, "ProcessPoolExecutor", InPlace)
    monkeypatch.setattr(containment, "try_inputs", count_only)
    return taken


def test_every_input_is_tried_once(shares):
    """601 inputs from seed 7 on: shares follow each other, and the last one is smaller."""
    assert [row["cases"] for row in measure_all(601, 7)] == [250, 250, 101]
    tried = [seed for first, count in shares for seed in range(first, first + count)]
    assert tried == list(range(7, 608))


def test_a_miss_is_recorded_under_its_seed(monkeypatch):
    """The seed by which the input can be drawn again stands before the problem."""
    monkeypatch.setattr(containment, "find_misses", lambda given, enclosures: ["y[0]: off"])
    row = try_inputs(5, 2)
    assert row["missed"] == ["seed 5: y[0]: off", "seed 6: y[0]: off"]
    assert sum(row["dtypes"].values()) == 2


def test_entries_are_counted_by_what_they_are(monkeypatch):
    """Of four entries one is undefined, two are exact, and one of these is 0."""

    class Counted:
        mid = np.array([np.nan, 0.0, 1.0, 2.0])
        rad = np.array([0.5, 0.0, 0.0, 0.5])

    monkeypatch.setattr(containment, "enclose_quantities", lambda given: {"y": Counted()})
    monkeypatch.setattr(containment, "find_misses", lambda given, enclosures: [])
    assert try_inputs(0, 3)["entries"] == {"undefined": 3, "exact": 6, "zero": 3, "all": 12}


@pytest.mark.parametrize("missed", [[], ["seed 3: y[0]: 1 against 2"]])
def test_the_exit_status_says_whether_anything_was_missed(tmp_path, monkeypatch, missed):
    """Records are written either way, and a miss is named on the terminal."""
    row = {
        "kind": "containment",
        "first": 0,
        "cases": 1,
        "entries": {"undefined": 0, "exact": 0, "zero": 0, "all": 1},
        "dtypes": {"float32": 1},
        "missed": missed,
    }
    monkeypatch.setattr(containment, "measure_all", lambda cases, seed: iter([row]))
    done = CliRunner().invoke(main, ["--cases", "1", "--out", str(tmp_path)])
    assert done.exit_code == len(missed)
    assert all(problem in done.stderr for problem in missed)
    assert read(tmp_path / "containment.ndjson").select("containment") == [row]
