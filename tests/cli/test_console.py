"""Consoles, progress, refusals, and writing into a folder."""

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.cli._console import (
    build_refusal,
    open_console,
    publish,
    refuse_unwritable,
    show_progress,
)
from bnproof.records import Records, build_header
from bnproof.reports import files


@given(st.lists(st.text("ab.:'", min_size=1), min_size=1), st.sampled_from(["\n", "\r\n", "\n  "]))
def test_a_reason_of_several_lines_becomes_one(words, between):
    """No word is lost, and no line break is left."""
    assert build_refusal(ValueError(between.join(words))).format_message() == " ".join(words)


def test_what_the_system_refuses_is_told_with_the_folder():
    """The message has the system's reason and says what to do, whatever the disk does later."""
    with (
        pytest.raises(click.ClickException) as refused,
        refuse_unwritable(Path("pages")),
    ):
        raise OSError(28, "No space left on device")
    said = refused.value.format_message()
    assert said == "cannot write into pages: No space left on device; choose another --out"


def test_an_error_of_the_program_itself_is_not_called_a_refusal():
    """Only the system's errors are about the folder; others keep their traceback."""
    with pytest.raises(KeyError), refuse_unwritable(Path("pages")):
        raise KeyError("kind")


def test_progress_says_nothing_where_nobody_watches(capfd, monkeypatch):
    """In a pipe or a file there is no bar, on neither stream."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with show_progress("measuring") as advance:
        advance(1, 2)
    assert capfd.readouterr() == ("", "")


def test_progress_is_shown_on_standard_error_alone(capsys, monkeypatch):
    """On a terminal the bar has its word and its count, and standard output stays empty."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with show_progress("measuring") as advance:
        advance(1, 2)
    out, err = capsys.readouterr()
    assert out == ""
    assert "measuring" in err
    assert "1/2" in err


def test_a_console_leaves_text_as_it_is(capsys, monkeypatch):
    """Neither pictures for ``:name:`` nor colours for numbers come into what is printed."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    open_console().print("layer :key: 0.25")
    assert capsys.readouterr().out == "layer :key: 0.25\n"


def test_publishing_names_every_file_it_writes(tmp_path, capsys):
    """The records lie in the folder under their name, and each path is printed on a line."""
    publish("measured", Records(build_header(0), ()), tmp_path)
    named = {Path(line) for line in capsys.readouterr().out.splitlines()}
    assert named == set(tmp_path.iterdir())
    assert tmp_path / "measured.ndjson" in named


def test_a_folder_that_fails_while_publishing_is_refused(tmp_path, monkeypatch):
    """A disk that fills up at the end of a run gets one line as well."""

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_files", fail)
    with pytest.raises(click.ClickException, match="choose another --out"):
        publish("measured", Records(build_header(0), ()), tmp_path)
