"""What can be checked here, where nothing or everything is installed."""

import json
from importlib.metadata import PackageNotFoundError

from click.testing import CliRunner

from bnproof.cli import group
from bnproof.implementations import installed
from bnproof.implementations.installed import Installed


def run(*arguments, columns=100):
    """What ``bnproof implementations`` prints; it returns 0, whatever is missing."""
    done = CliRunner().invoke(
        group,
        ["implementations", *arguments],
        standalone_mode=False,
        catch_exceptions=False,
        env={"COLUMNS": str(columns)},
    )
    assert done.return_value == 0
    return done.output


def test_what_is_missing_stays_in_the_list(monkeypatch):
    """With the command that installs it in place of a version, and no version in JSON."""

    def missing(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr(installed, "version", missing)
    listed = json.loads(run("--format", "json"))["implementations"]
    lines = run(columns=200).splitlines()[1:]
    assert len(lines) == len(listed) > 0
    for line, row in zip(lines, listed, strict=True):
        assert row["version"] == ""
        assert line.rstrip().endswith(f"not installed: pip install {row['package']}")
        assert line.split()[: len(row["name"].split())] == row["name"].split()


def test_commands_that_install_are_never_broken(monkeypatch):
    """In a narrow terminal the description of what an adapter takes is broken instead."""
    reason = "not installed: pip install onnxruntime"
    entry = Installed("a model with one layer", "adapter", "onnxruntime", "", reason)
    monkeypatch.setattr(installed, "list_installed", lambda: [entry])
    _, first, *rest = (line.rstrip() for line in run(columns=64).splitlines())
    assert first == f"a model      onnxruntime  {reason}"
    assert rest == ["with one", "layer"]


def test_a_list_of_nothing_is_its_heading(monkeypatch):
    """And as JSON an empty list."""
    monkeypatch.setattr(installed, "list_installed", list)
    assert run().split() == ["name", "package", "version"]
    assert json.loads(run("--format", "json")) == {"implementations": []}
