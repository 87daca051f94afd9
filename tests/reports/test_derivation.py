"""A theorem's row on a page, in LaTeX and in a terminal, and the book as page and table."""

import pytest

from bnproof.claims import load_ledger
from bnproof.records import Records
from bnproof.reports.derivation import (
    arrange_theorem,
    render_book,
    render_contents,
    render_latex,
    render_markdown,
    render_terminal,
    render_theorem_table,
    summarise_theorem,
)
from tests.reports.synthetic import HEADER, item, lines, print_terminal, read_table, stream, theorem

STEP = {"rule": "in power sums", "text": "77*v", "latex": "77\\,v", "why": "sums pulled out"}
ROW = theorem(
    "made-up",
    item("first", text="a = b", given_text=["a > 0"], given_latex=["a > 0"],
         needed=["false at a = -77"], steps=[STEP]),
    item("a relation", kind="law", law="made-up-law"),
    item("b is c", kind="step", part_of="one way", text="a = b*1", given_text=["b > 0"]),
    item("b is d", kind="step", part_of="another way", text="a = d"),
    item("c is e", kind="step", part_of="one way", text="a = e = f"),
    item("it follows", kind="corollary", text="b = a"),
    item("a | b", "refuted", kind="control", common=True, text="a = -b", latex="a|b",
         detail="m = 2, |a| = 3*b", given_text=["c = 1"], given_latex=["c = 1"]),
    item("a is 0", "undecided", kind="control", text="a = 0"),
    uses=["older"], used_by=["newer"],
)  # fmt: skip
MEASURED = [
    {"kind": "law_result", "theorem": name, "target": target, "law": "made-up-law",
     "verdict": "holds", "cases": 7777, "ratio": ratio, "ulp": None}
    for name, target, ratio in (
        ("made-up", "abacus", 0.777), ("other", "rule", 0.1), ("made-up", "beads", None)
    )
]  # fmt: skip


def test_items_are_sorted_for_reading():
    """Steps go to their derivation, in order; what is stated, follows or is false stands apart."""
    found = arrange_theorem(ROW, [*MEASURED, {"kind": "other"}])
    for key, says in {
        "stated": ["first", "a relation"],
        "corollaries": ["it follows"],
        "conditional": ["first"],
        "controls": ["a | b", "a is 0"],
    }.items():
        assert [one["says"] for one in found[key]] == says
    assert {title: [one["says"] for one in chain] for title, chain in found["chains"].items()} == {
        "one way": ["b is c", "c is e"],
        "another way": ["b is d"],
    }
    assert found["laws"] == ["made-up-law"]
    assert [row["target"] for row in found["agreement"]] == ["abacus", "beads"]
    assert found["claims"] == []


def test_a_theorem_knows_the_claims_that_rest_on_it():
    """All of the ledger that name it, and no others."""
    found = arrange_theorem(theorem("scale-exact"))["claims"]
    assert found == [a.id for a in load_ledger().values() if "scale-exact" in a.theorems]
    assert {"A1", "A8"} <= set(found)
    assert "Q1" not in found


def test_the_section_of_the_book_shows_every_item():
    """Conditions, what happens without them, false variants with bars escaped, and what was
    measured only where it was."""
    page = render_markdown(ROW, MEASURED)
    assert "1. first (given $a > 0$)" in page
    assert "*proved for every m; 77 exact evaluations agree." in page
    assert lines(page, "| first |") == ["| first | $a > 0$ | false at a = -77 |"]
    assert lines(page, "| a \\| b") == [
        "| a \\| b (often stated as true) | $a\\vert b$, given $c = 1$ | m = 2, \\|a\\| = 3\\*b |"
    ]
    assert lines(page, "| abacus |") == ["| abacus | made-up-law | holds | 7777 | 0.777 | - |"]
    assert "rests on [older](#older); used by [newer](#newer); measured by the laws" in page
    assert "- in power sums: $77\\,v$ (sums pulled out)" in page
    assert "measured agreement" not in render_markdown(ROW)
    assert "No condition can be dropped" not in render_markdown(theorem("bare", item("only")))


@pytest.mark.parametrize(
    ("said", "printed"),
    [
        ("50%_a & #1", r"50\%\_a \& \#1"),
        ("{x}$", r"\{x\}\$"),
        ("\\^~", r"\textbackslash{}\textasciicircum{}\textasciitilde{}"),
        ("a<|b|>c", r"a\textless{}\textbar{}b\textbar{}\textgreater{}c"),
    ],
)
def test_prose_in_latex_is_printed_as_it_is(said, printed):
    """No letter of prose is taken for a command, and no replacement is replaced again."""
    assert f"\n{printed}\n" in render_latex(ROW | {"says": said})


def test_the_verdict_on_the_terminal_follows_the_row():
    """A theorem that is not proved is not called proved for every m."""
    shown = print_terminal(render_terminal(ROW))
    assert shown.splitlines()[0].strip() == "made-up: proved for every m"
    other = print_terminal(render_terminal(ROW | {"verdict": "undecided"}))
    assert other.splitlines()[0].strip() == "made-up: undecided"
    assert "proved for every m" not in other


def test_the_terminal_shows_derivations_conditions_and_counterexamples():
    """A chain has its left side once; each condition stands with what happens without it."""
    shown = print_terminal(render_terminal(ROW, MEASURED))
    text = [line.strip() for line in shown.splitlines()]
    start = text.index("Derivation: one way")
    shown_steps = ["given b > 0", "a", "= b*1", "b is c", "= e = f", "c is e"]
    assert text[start + 1 : start + 7] == shown_steps
    assert text[text.index("given a > 0") + 1] == "without it false at a = -77"
    assert "false at m = 2, |a| = 3*b" in text
    assert "theorems: newer" in text
    assert "abacus, law made-up-law: holds in 7777 cases, largest error 0.777" in " ".join(text)
    assert "beads, law made-up-law: holds in 7777 cases" in text
    assert "Measured agreement" not in print_terminal(render_terminal(ROW))


def test_a_theorem_as_one_line_counts_its_items():
    """Everything but controls is asserted, and a control that is not refuted is seen."""
    line = summarise_theorem(ROW)
    assert (line["assertions"], line["controls"], line["controls_refuted"]) == (6, 2, 1)
    assert (line["conditions_needed"], line["exact_points"]) == (1, 77)
    columns, rows = read_table(render_theorem_table(stream(ROW, theorem("x", verdict="undecided"))))
    assert columns[:4] == ("id", "chapter", "verdict", "assertions")
    assert [(row["id"], row["verdict"]) for row in rows] == [
        ("made-up", "proved"),
        ("x", "undecided"),
    ]


def test_the_book_has_its_chapters_and_measured_agreement():
    """A table of contents, then each theorem under its chapter, with the records' provenance."""
    other = theorem("last", item("only"), chapter="chapter3_moments")
    page = render_book(Records(HEADER, (ROW, other, *MEASURED)))
    assert lines(page, "| 1 The collapse |") == [
        "| 1 The collapse | [made-up](#made-up) | What made-up says. |"
    ]
    headings = [*lines(page, "## "), *lines(page, "### ")]
    assert headings == ["## 1 The collapse", "## 3 Moments", "### made-up", "### last"]
    assert page.index("## 3 Moments") > page.index("### made-up")
    assert "| abacus | made-up-law |" in page
    assert "seed 4711" in page
    shown = print_terminal(render_contents([ROW, other]))
    assert [line.strip() for line in shown.splitlines() if line.strip()] == [
        "1 The collapse", "made-up", "What made-up says.",
        "3 Moments", "last", "What last says.",
        "2 theorems; bnproof show NAME prints one with its derivation.",
    ]  # fmt: skip
