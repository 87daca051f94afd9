"""What the picture of the detection shows, and what page and table do with rows that are missing.

The page itself is tested with the rows it is made of, beside the benchmark.
"""

import pytest

from bnproof.reports.detection import (
    COLUMNS,
    list_shortfalls,
    plot_matrix,
    render_csv,
    render_detection,
)
from tests.reports.synthetic import change, draw, lines, read_table, stream


def bug(name, laws, **changed):
    """A model of a bug that was found if any law breaks."""
    row = {
        "kind": "mutant", "id": name, "row": name, "family": "forward", "severity": "low",
        "sources": ["https://example.org"], "mechanism": "bead lost", "model": "semantic",
        "says": f"What {name} does.", "found": bool(laws), "laws": laws, "seconds": 0.777,
        "findings": [{"area": "formula", "mechanism": "bead lost"}] if laws else [], "spots": [],
        "cause": None, "cause_without": None, "grade": None, "grade_expected": None,
    }  # fmt: skip
    return row | changed


BUGS = [
    bug("F01", {"shape": [1, 4], "size": [8, 8]}), bug("F02", {"size": [0, 0]}), bug("F03", {}),
    bug("F04", {}, model="graded", grade="dull", grade_expected="shiny"),
]  # fmt: skip
ROWS = [
    {"kind": "detection", "effort": "none", "quick_seeds": 7, "standard_seeds": 1},
    *({"kind": "law", "law": law, "says": "", "theorem": ""} for law in ("size", "idle", "shape")),
    *({"kind": "baseline_says", "baseline": name, "says": "looks", "source": "a book"}
      for name in ("glance", "stare")),
    *BUGS,
    *({"kind": "baseline", "id": name, "baseline": by, "flagged": (name, by) in found,
       "seconds": 0.25}
      for found in [{("F01", "stare"), ("F03", "stare"), ("F03", "glance")}]
      for name in ("F01", "F02", "F03", "F04", "abacus") for by in ("glance", "stare")),
    {"kind": "correct", "id": "abacus", "effort": "none", "seed": 0, "flagged": {}, "unusable": ""},
]  # fmt: skip


def squares(axes):
    """Place of each square and its opacity."""
    (drawn,) = axes.collections
    places = [tuple(place) for place in drawn.get_offsets().tolist()]
    return dict(zip(places, drawn.get_alpha(), strict=True))


def test_the_picture_shades_by_the_share_of_cases():
    """Laws that break nowhere have no column, a law that breaks at all is seen, and one that breaks
    always is the darkest."""
    laws, today = draw(plot_matrix, stream(*ROWS)).axes
    assert [label.get_text() for label in laws.get_xticklabels()] == ["size", "shape"]
    assert [label.get_text() for label in laws.get_yticklabels()] == ["F01", "F02", "F03"]
    # A quarter of the cases of "shape": 0.25 + 0.75/4.
    assert squares(laws) == {(0, 0): 1.0, (1, 0): 0.4375, (0, 1): 0.25}
    assert [label.get_text() for label in today.get_xticklabels()] == ["glance", "stare"]
    assert squares(today) == {(1, 0): 1.0, (0, 2): 1.0, (1, 2): 1.0}
    # The first bug stands on top.
    assert laws.get_ylim()[0] > laws.get_ylim()[1]


def test_a_verdict_that_flips_is_a_shortfall():
    """What falls short follows found, flagged and grade, one by one."""
    assert list_shortfalls(stream(*ROWS)) == [
        "F03 is not found",
        "F04 is graded dull, not shiny",
    ]
    good = change(ROWS, {"id": "F03", "kind": "mutant"}, found=True)
    good = change(good, {"id": "F04"}, grade="shiny")
    assert list_shortfalls(stream(*good)) == []
    flagged = change(good, {"kind": "correct"}, flagged={"size": "off", "shape": "round"})
    assert list_shortfalls(stream(*flagged)) == ["abacus is flagged at none, seed 0: size, shape"]


def test_the_table_ends_with_a_column_for_each_baseline():
    """The columns are those promised, then what each baseline says of the bug."""
    columns, rows = read_table(render_csv(stream(*ROWS)))
    assert columns == (*COLUMNS, "glance", "stare")
    assert [(row["id"], row["laws"], row["glance"], row["stare"]) for row in rows] == [
        ("F01", "shape size", "False", "True"), ("F02", "size", "False", "False"),
        ("F03", "", "True", "True"), ("F04", "", "False", "False"),
    ]  # fmt: skip
    assert {row["seconds"] for row in rows} == {"0.78"}


def test_the_cost_of_a_check_is_shown_where_it_was_measured():
    """Without such rows there is no heading for them."""
    cost = {"kind": "check_cost", "effort": "none", "first": 7.77, "second": 0.0777}
    page = render_detection(stream(*ROWS, cost))
    assert lines(page, "| none | 7") == ["| none | 7.77 | 0.0777 |"]
    assert "## What a check costs" in page
    assert "## What a check costs" not in render_detection(stream(*ROWS))


def test_a_baseline_that_did_not_judge_a_bug_is_named():
    """A hole in the comparison is an error and not a bug that was missed."""
    lacking = [row for row in ROWS if (row.get("id"), row.get("baseline")) != ("F02", "stare")]
    for render in (render_detection, render_csv):
        with pytest.raises(KeyError, match=r"F02.*stare"):
            render(stream(*lacking))
