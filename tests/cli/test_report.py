"""The run behind the pages: what it is asked for, and how it ends."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bnproof import reporting
from bnproof.cli import group


def run(out, *options):
    """What the command prints, line by line."""
    line = ["report", "--out", str(out), *options]
    done = CliRunner().invoke(group, line, standalone_mode=False, catch_exceptions=False)
    assert done.return_value == 0
    return done.output.splitlines()


@pytest.mark.parametrize(
    ("options", "asked"),
    [((), (0, "thorough")), (("--seed", "3", "--effort", "quick"), (3, "quick"))],
)
def test_what_was_written_is_printed(options, asked, tmp_path, monkeypatch):
    """The folder, the seed and the effort arrive, and every path is a line."""
    seen = []

    def report(out, seed, advance, *, effort):
        seen.append((out, (seed, effort)))
        return [out / "a.md", out / "b.csv"]

    monkeypatch.setattr(reporting, "report", report)
    lines = run(tmp_path, *options)
    assert seen == [(tmp_path, asked)]
    assert [Path(line) for line in lines] == [tmp_path / "a.md", tmp_path / "b.csv"]


def test_a_disk_that_fills_up_is_told_in_one_line(tmp_path, monkeypatch):
    """At the end of a long run as well, with the folder and what to do."""

    def report(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reporting, "report", report)
    with pytest.raises(click.ClickException, match="No space left on device; choose another --out"):
        run(tmp_path)
