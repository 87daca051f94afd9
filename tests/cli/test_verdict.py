"""A verdict on a terminal: nothing of it is lost, and nothing is printed twice."""

import pytest

from bnproof.cli._verdict import NO_SIZE, PROGRAMS, print_verdict
from bnproof.contract import Cause, Violation
from bnproof.verification.verdict import Tally, Verdict
from bnproof.wording import SOURCES


def print_lines(capsys, monkeypatch, **parts):
    """The lines that are printed of a verdict with these parts."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    named = {"target": "mine", "convention": "torch", "effort": "quick", "seed": 0}
    print_verdict(Verdict(**named | parts))
    return capsys.readouterr().out.splitlines()


def test_programs_are_printed_for_the_first_violations_alone(capsys, monkeypatch):
    """The others are named, and the reader is told where their programs are."""
    violations = [Violation(f"law-{n}", "y", "wrong", f"program {n}") for n in range(PROGRAMS + 2)]
    lines = print_lines(capsys, monkeypatch, violations=violations)
    assert [line.strip() for line in lines if "program " in line] == [
        f"program {n}" for n in range(PROGRAMS)
    ]
    assert sum(line.startswith("violated: law-") for line in lines) == len(violations)
    assert any("--format json has all of them" in line for line in lines)


def test_a_single_program_needs_no_pointer_to_others(capsys, monkeypatch):
    """The pointer to the JSON is left out where every program is there."""
    violations = [Violation("output", "y", "wrong", "program")] * PROGRAMS
    assert "--format json" not in "".join(print_lines(capsys, monkeypatch, violations=violations))


def test_a_program_keeps_its_lines(capsys, monkeypatch):
    """A line longer than the terminal is not broken, and brackets in it are not read as colours."""
    program = "x = [[red]]\nprint('" + "long " * 40 + "')"
    lines = print_lines(
        capsys, monkeypatch, violations=[Violation("output", "y", "wrong", program)]
    )
    assert [f"    {line}" for line in program.splitlines()] == [
        line for line in lines if line.startswith("    ")
    ]


@pytest.mark.parametrize("place", ["target", "reason", "message"])
def test_brackets_of_the_user_are_printed(place, capsys, monkeypatch):
    """What a stranger called a file or gave as a reason is no markup."""
    strange = "[red]a[/red]"
    parts = {
        "target": {"target": strange},
        "reason": {"expected": {"output": strange}},
        "message": {"violations": [Violation("output", "y", strange, "")]},
    }
    assert strange in "\n".join(print_lines(capsys, monkeypatch, **parts[place]))


def test_a_cause_of_several_laws_is_told_once(capsys, monkeypatch):
    """With its first sources, each on a line of its own that can be clicked."""
    sources = tuple(f"https://example.org/{'long' * 30}/{n}" for n in range(SOURCES + 2))
    cause = Cause("no beta", "no beta: beta is left out", "same values", sources)
    violations = [Violation(law, "y", "wrong", "", cause=cause) for law in ("output", "affine")]
    lines = print_lines(capsys, monkeypatch, violations=violations)
    assert sum("beta is left out" in line for line in lines) == 1
    assert [line.split()[-1] for line in lines if "seen before" in line] == list(sources[:SOURCES])


@pytest.mark.parametrize(
    ("ratio", "shown"), [(0.25, "0.25"), (2.0, "2"), (NO_SIZE, "-"), (float("inf"), "-")]
)
def test_an_error_without_a_size_is_a_dash(ratio, shown, capsys, monkeypatch):
    """Where a law has no size, or one beyond what anybody reads, no number is shown."""
    tally = Tally("", cases=3, violated=int(ratio > 1), ratio=ratio)
    lines = print_lines(capsys, monkeypatch, tallies={"output": tally}, passed=["output"])
    assert lines[1].split() == ["output", "holds", "3", shown]


def test_what_was_not_judged_is_told(capsys, monkeypatch):
    """Batches too long for their precision and laws without an answer do not pass for laws that
    hold."""
    lines = print_lines(capsys, monkeypatch, unjudged={"output": 4}, not_offered=["fold-bias"])
    text = " ".join(lines)
    assert "output: 4 cases not judged" in text
    assert "not offered: fold-bias" in text
    assert "0 laws hold" in text
