"""All laws: in one order, in full, and by names that can be copied."""

import json

import click
import pytest
from click.testing import CliRunner

from bnproof.cli import group
from bnproof.laws.law import Law
from bnproof.theorems.book import list_names
from bnproof.verification import planning


def run(*arguments, columns=100):
    """What ``bnproof laws`` prints; it returns 0."""
    done = CliRunner().invoke(
        group,
        ["laws", *arguments],
        standalone_mode=False,
        catch_exceptions=False,
        env={"COLUMNS": str(columns)},
    )
    assert done.return_value == 0
    return done.output


def test_without_a_name_every_law_is_listed():
    """As text and as JSON in the same order, and every theorem is one of the book."""
    listed = json.loads(run("--format", "json"))["laws"]
    assert [row["id"] for row in listed] == list(planning.load_laws())
    assert {row["theorem"] for row in listed} <= {"", *list_names()}
    # Wide enough that every law is a line.
    rows = run(columns=400).splitlines()[1:]
    assert [row.split()[0] for row in rows] == [row["id"] for row in listed]
    for line, row in zip(rows, listed, strict=True):
        assert line.split() == [
            row["id"], *(row["theorem"] or "the contract").split(), *row["says"].split(),
        ]  # fmt: skip


def test_neither_the_order_nor_a_repetition_of_names_matters():
    """Each law comes once, where the list of all laws has it."""
    listed = json.loads(run("output", "answers", "output", "--format", "json"))["laws"]
    assert [row["id"] for row in listed] == ["answers", "output"]


def test_brackets_are_printed(monkeypatch):
    """They are no markup in a sentence."""
    law = Law("a", "", "y[i] does not depend on x[j]", ("y",), None)
    monkeypatch.setattr(planning, "load_laws", lambda: {"a": law})
    assert "y[i] does not depend on x[j]" in run()


def test_names_are_never_broken(monkeypatch):
    """In a narrow terminal sentences give way."""
    name, theorem = "a-law-with-a-very-long-name", "a-theorem-with-a-long-name"
    laws = {name: Law(name, theorem, "a sentence of many words " * 9, ("y",), print)}
    monkeypatch.setattr(planning, "load_laws", lambda: laws)
    lines = run(columns=72).splitlines()
    assert lines[1].startswith(f"{name}  {theorem}  a sentence")
    assert len(lines) > 9
    assert max(map(len, lines)) <= 72


def test_a_name_that_is_unknown_stops_the_list(capsys):
    """Before anything is printed, also behind names that are known."""
    with pytest.raises(
        click.ClickException, match="no law or area 'outputs': try output"
    ) as refused:
        group.main(["laws", "output", "outputs"], standalone_mode=False)
    assert "\n" not in refused.value.message
    assert capsys.readouterr().out == ""
