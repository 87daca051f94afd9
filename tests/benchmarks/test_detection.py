"""The detection benchmark: a check is timed cold and warm, and shortfalls are exit status 1."""

import subprocess

import pytest
from click.testing import CliRunner

from bnproof.benchmarks import detection
from bnproof.benchmarks.detection import EFFORTS, main, measure_costs


@pytest.fixture
def runs(monkeypatch):
    """The commands that are run, with their caches; none of them is really started."""
    seen = []

    def run(command, *, env, check, capture_output):
        assert check
        seen.append((command, env["NUMBA_CACHE_DIR"]))

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_a_check_is_timed_cold_and_warm(runs):
    """Each effort twice with the same cache, which no other effort shares."""
    rows = list(measure_costs())
    assert [row["effort"] for row in rows] == list(EFFORTS)
    assert all(row["kind"] == "check_cost" and row["first"] >= 0 <= row["second"] for row in rows)
    efforts = [command[command.index("--effort") + 1] for command, _ in runs]
    caches = [cache for _, cache in runs]
    assert efforts == [effort for effort in EFFORTS for _ in range(2)]
    assert caches[::2] == caches[1::2]
    assert len(set(caches)) == len(EFFORTS)


def test_a_check_that_fails_is_not_timed(monkeypatch):
    """A process that ends with an error raises, rather than count as a fast one."""

    def run(command, *, env, check, capture_output):
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(subprocess.CalledProcessError):
        next(measure_costs())


@pytest.mark.parametrize("problems", [[], ["F01 is missed"]])
def test_shortfalls_are_named_and_set_the_exit_status(tmp_path, monkeypatch, problems):
    """The plan has the seeds that were asked for, and costs are measured with it."""
    asked = []

    def measure_rows(plan, progress):
        asked.append(plan)
        progress(20, 40)
        return []

    monkeypatch.setattr(detection, "measure_costs", lambda: [{"kind": "check_cost"}])
    monkeypatch.setattr(detection, "measure_rows", measure_rows)
    monkeypatch.setattr(detection, "publish", lambda name, records, out: None)
    monkeypatch.setattr(detection, "list_shortfalls", lambda records: problems)
    done = CliRunner().invoke(
        main, ["--effort", "quick", "--quick-seeds", "2", "--seed", "9", "--out", str(tmp_path)]
    )
    assert done.exit_code == len(problems)
    assert done.stdout.split("\n")[:-1] == problems
    assert "20 of 40" in done.stderr
    assert asked == [detection.Plan("quick", 9, 2, 3, 100)]
