"""The page on mutations counts by file and by law, and lists what nothing explains.

Survivors with and without a reason are tested beside the benchmark.
"""

import pytest

from bnproof.reports.mutation import list_unexplained, render_mutation
from tests.reports.synthetic import lines, stream


def mutant(outcome, file="beads", law="", reason="", effort="none", through="Abacus"):
    """A mutation and what became of it."""
    own = {"kind": "mutation", "file": file, "function": "count", "change": f"{file} <<1 -> 2>>"}
    judged = {"law": law, "reason": reason, "effort": effort, "through": through}
    return own | judged | {"outcome": outcome, "seconds": 7.7}


ROWS = [
    mutant("killed", law="size"), mutant("killed", "rods", law="shape", through="Frame"),
    mutant("killed", "rods", law="size", effort="more"), mutant("does not import"),
    mutant("survived", "rods", reason="the same number"),
    mutant("survived", reason="the same number"), mutant("survived", reason="texts of errors"),
]  # fmt: skip


def test_mutants_are_counted_by_file_and_by_law():
    """Killed, not importing and surviving in each file; laws by how many they kill."""
    page = render_mutation(stream(*ROWS))
    assert lines(page, "| `beads.py` |") == ["| `beads.py` | 4 | 1 | 1 | 2 |"]
    assert lines(page, "| `rods.py` |") == ["| `rods.py` | 3 | 2 | 0 | 1 |"]
    assert lines(page, "| size |") + lines(page, "| shape |") == ["| size | 2 |", "| shape | 1 |"]
    assert page.index("| size |") < page.index("| shape |")
    assert "2 in `Abacus`, 1 in `Frame`." in page
    assert "54 seconds in all" in page


def test_what_only_more_cases_kill_is_listed():
    """The first row says which effort was the first."""
    page = render_mutation(stream(*ROWS))
    assert 'effort "none" is tried again with more cases and two seeds, which killed 1 more' in page
    assert lines(page, "- `rods.count` by") == ["- `rods.count` by size: `rods <<1 -> 2>>`"]
    assert "Killed only with more cases" not in render_mutation(stream(*ROWS[:2]))


@pytest.mark.parametrize(
    ("outcome", "reason", "open"),
    [
        ("survived", "", True), ("timeout", "", True), ("timeout", "an endless loop", False),
        ("killed", "", False), ("does not import", "", False), ("survived", "the same", False),
    ],
)  # fmt: skip
def test_a_mutant_that_no_law_judged_needs_a_reason(outcome, reason, open):
    """Survivors and those that take too long are holes unless they are explained."""
    row = mutant(outcome, reason=reason)
    assert list_unexplained(stream(*ROWS, row)) == ([row] if open else [])
    page = render_mutation(stream(*ROWS, row))
    assert f"**Survivors without an explanation: {int(open)}.**" in page
    assert (f"- {outcome}: `beads.count`: `beads <<1 -> 2>>`" in page) is open


def test_survivors_stand_under_their_reason():
    """In order of appearance, and texts of errors are counted and not listed."""
    page = render_mutation(stream(*ROWS))
    assert "\nthe same number (2):\n\n- `rods.count`: `rods <<1 -> 2>>`\n- `beads.count`" in page
    assert "1 change nothing but the text of an error." in page
    assert "texts of errors (" not in page
