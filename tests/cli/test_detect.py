"""What the measurement of known bugs is asked for, and when it counts as failed."""

import pytest
from click.testing import CliRunner

from bnproof.cli import group
from bnproof.detection import rows
from bnproof.reports import detection, files


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run the command with these shortfalls; the plan, the status, and the lines printed."""

    def run_with(shortfalls, *options):
        plans = []

        def measure(plan, advance):
            plans.append(plan)
            yield {"kind": "detection"}

        monkeypatch.setattr(rows, "measure_rows", measure)
        monkeypatch.setattr(detection, "list_shortfalls", lambda records: shortfalls)
        monkeypatch.setattr(files, "write_files", lambda records, out, name: [out / name])
        line = ["detect", "--out", str(tmp_path / "new" / "pages"), *options]
        done = CliRunner().invoke(group, line, standalone_mode=False, catch_exceptions=False)
        return plans[0], done.return_value, done.output.splitlines()

    return run_with


@pytest.mark.parametrize(("shortfalls", "status"), [([], 0), (["F01 is not found"], 1)])
def test_a_missed_bug_shows_in_the_status(shortfalls, status, run, tmp_path):
    """It is named after the files, which are written all the same."""
    _, returned, lines = run(shortfalls)
    assert returned == status
    assert lines == [str(tmp_path / "new" / "pages" / "detection"), *shortfalls]


def test_the_options_make_the_plan(run):
    """The two numbers of seeds are not mixed up."""
    seeds = ("--seed", "4", "--quick-seeds", "7", "--standard-seeds", "2")
    assert run([], "--effort", "quick", *seeds)[0] == rows.Plan("quick", 4, 7, 2)


def test_the_folder_is_made_before_anything_is_measured(run, tmp_path):
    """Folders above it are made as well."""
    run([])
    assert (tmp_path / "new" / "pages").is_dir()
