"""The whole list of theorems: complete, in order, and without a proof."""

import json
from dataclasses import replace

from click.testing import CliRunner

from bnproof.cli import group
from bnproof.symbolic import prover
from bnproof.theorems import book, proving
from bnproof.theorems.book import find


def run(*arguments, columns=100):
    """What ``bnproof list`` prints; it returns 0."""
    done = CliRunner().invoke(
        group,
        ["list", *arguments],
        standalone_mode=False,
        catch_exceptions=False,
        env={"COLUMNS": str(columns)},
    )
    assert done.return_value == 0
    return done.output


def change(monkeypatch, says):
    """A book of three theorems in two chapters, of which two say this."""
    one, two, three = map(find, ("collapse", "collapse-varies", "shift"))
    entries = (replace(one, says=says), replace(two, says=says), three)
    monkeypatch.setattr(book, "book", lambda: {entry.id: entry for entry in entries})


def test_theorems_are_listed_in_the_order_of_the_book(monkeypatch):
    """Below one heading a chapter, and each of them once; nothing is proved for it."""

    def prove(*given, **options):
        raise AssertionError("a list needs no proof")

    for module in (prover, proving):
        monkeypatch.setattr(module, "prove", prove)
    change(monkeypatch, "It holds.")
    lines = run().splitlines()
    ids = [line.strip() for line in lines if line.startswith("  ") and line[2] != " "]
    assert ids == ["collapse", "collapse-varies", "shift"]
    assert [line for line in lines if line[:1].isdigit()] == [
        "1 The collapse",
        "2 Invariance",
        "3 theorems; bnproof show NAME prints one with its derivation.",
    ]
    listed = json.loads(run("--format", "json"))["theorems"]
    assert [row["id"] for row in listed] == ids


def test_a_statement_is_laid_out_for_the_terminal(monkeypatch):
    """Its lines in the source say nothing; brackets are text, and no word is lost in a narrow
    terminal."""
    says = "x[i] is the entry\nwith the index i,\n\nand [bold] is no style."
    change(monkeypatch, says)
    joined = "x[i] is the entry with the index i, and [bold] is no style."
    assert json.loads(run("--format", "json"))["theorems"][0]["says"] == joined
    assert f"      {joined}" in [line.rstrip() for line in run().splitlines()]
    narrow = run(columns=30)
    assert max(map(len, narrow.splitlines())) <= 30
    assert joined in " ".join(narrow.split())


def test_lists_of_the_whole_book_agree():
    """As text and as JSON every theorem is there with its statement."""
    text, listed = " ".join(run().split()), json.loads(run("--format", "json"))["theorems"]
    assert [(row["id"], row["chapter"]) for row in listed] == [
        (name, entry.chapter) for name, entry in book.book().items()
    ]
    assert all(f"{row['id']} {row['says']}" in text for row in listed)
    assert f"{len(listed)} theorems;" in text
