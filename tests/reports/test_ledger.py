"""The ledger on a page, as a table and in a terminal: what is said follows the rows."""

import pytest

from bnproof.claims import Claim, Deciding, find, load_ledger, settle
from bnproof.reports.ledger import (
    CLAIM_COLUMNS,
    arrange_claim,
    count_verdicts,
    list_claim_lines,
    render_claims,
    render_markdown,
    render_overview,
    render_terminal,
    settle_claims,
    summarise_claim,
)
from tests.reports.synthetic import book, change, item, lines, print_terminal, stream, theorem

CLAIM = Claim(
    "X1", "abacus", "Beads | are_round.", "They are. Mostly.",
    literal=("beads: round for any bead",), repaired=("beads: new beads", "beads: new beads"),
    rests_on=("rods",), formula="beads: new beads", scope="on Sundays",
)  # fmt: skip
CONTRARY = Claim("X2", "abacus", "Never square.", "No.", literal=("~beads: round for any bead",))
ROWS = [
    theorem(
        "beads",
        item("round for any bead", "refuted", text="r = 1", detail="r = 77"),
        item("new beads", text="r = r", given_text=["age = 0"], given_latex=["t = 0"]),
    ),
    theorem("rods"),
]
NUMBERS = [
    {"kind": "demonstration", "claim": claim, "what": what, "value": value, "unit": unit,
     "data": "777 beads"}
    for claim, what, value, unit in (
        ("X1", "largest |r| * 2", 7.7777, "mm"), ("X2", "of another", 1.0, ""),
        ("X1", "smallest", 0.0777, ""),
    )
]  # fmt: skip


def decided(holds):
    """A claim that a measurement decides."""
    deciding = Deciding(
        "abacus", ("bead",), "beads.svg",
        lambda rows: holds, lambda rows: f"{len(rows)} beads measured",
    )  # fmt: skip
    return Claim("X3", "abacus", "Heavy.", "Yes.", formula="beads: new beads", measurement=deciding)


def test_a_claim_is_arranged_with_its_own_items_and_numbers():
    """Literal items come first, each item once, and numbers of other claims are left out."""
    found = arrange_claim(settle(CLAIM, ROWS), [*ROWS, *NUMBERS])
    assert found["verdict"] == "proved with conditions"
    assert [one["name"] for one in found["stated"]] == [
        "beads: round for any bead",
        "beads: new beads",
    ]
    assert [row["value"] for row in found["numbers"]] == [7.7777, 0.0777]
    assert (found["data"], found["plot"], found["open"]) == ("777 beads", "", ())
    (contrary,) = arrange_claim(settle(CONTRARY, ROWS), [])["stated"]
    assert contrary["contrary"]
    assert (contrary["name"], contrary["theorem"]) == ("beads: round for any bead", "beads")


def test_the_section_says_why():
    """Conditions with the scope first, the counterexample, and the numbers with their units."""
    page = render_markdown(settle(CLAIM, ROWS), [*ROWS, *NUMBERS])
    assert "**Verdict: proved with conditions**, the conditions being on Sundays, age = 0" in page
    assert "*round for any bead*: refuted\n" in page
    assert "False at r = 77." in page
    assert "*new beads*: proved, given $t = 0$" in page
    assert lines(page, "| largest") == ["| largest \\|r\\| \\* 2 | 7.78 mm |"]
    assert lines(page, "| smallest") == ["| smallest | 0.0777 |"]
    assert page.rstrip().endswith("[beads](derivations.md#beads), [rods](derivations.md#rods).")


def test_a_claim_that_is_open_is_not_explained():
    """Where a theorem behind it is not proved, the page names it in place of the explanation."""
    open_rows = change(ROWS, {"id": "rods"}, verdict="undecided")
    page = render_markdown(settle(CLAIM, open_rows), open_rows)
    assert "**Verdict: undecided**" in page
    assert "Open in this run: rods." in page
    assert "They are." not in page
    shown = print_terminal(render_terminal([settle(CLAIM, open_rows)], open_rows))
    assert "Open in this run: rods" in shown
    assert "They are." not in shown


@pytest.mark.parametrize(("holds", "verdict"), [(True, "measured"), (False, "refuted")])
def test_a_measured_verdict_follows_the_rows(holds, verdict):
    """What was measured stands behind the verdict, with its picture."""
    rows = [*ROWS, {"kind": "bead"}, {"kind": "bead"}]
    page = render_markdown(settle(decided(holds), rows), rows)
    assert f"**Verdict: {verdict}**: 2 beads measured" in page
    assert "(beads.svg)" in page
    assert "Open in this run: bead." in render_markdown(settle(decided(holds), ROWS), ROWS)


def test_the_terminal_shows_each_claim_in_full():
    """Verdict, conditions, formulas with counterexamples, and numbers, claim by claim."""
    findings = [settle(claim, ROWS) for claim in (CLAIM, CONTRARY)]
    shown = print_terminal(render_terminal(findings, NUMBERS))
    text = [line.strip() for line in shown.splitlines()]
    assert "conditions: on Sundays, age = 0" in text
    assert "beads: round for any bead: refuted" in text
    assert "beads: round for any bead (the claim is its contrary): refuted" in text
    assert text.count("false at r = 77") == 2
    assert "7.78 mm: largest |r| * 2" in text
    assert "theorems: beads, rods" in text
    assert text.index("X2 (abacus)") > text.index("X1 (abacus)")


def test_the_overview_counts_verdicts():
    """In the terminal from what is settled to what is open, and verdicts of no claim are left
    out."""
    findings = [settle(claim, ROWS) for claim in (CLAIM, CONTRARY, decided(True), CONTRARY)]
    assert count_verdicts(findings) == "2 proved, 1 proved with conditions, 1 undecided"
    shown = " ".join(print_terminal(render_overview(findings)).split())
    assert "4 claims: 2 proved, 1 proved with conditions, 1 undecided." in shown


def test_one_line_has_the_columns_of_the_table():
    """Conditions, theorems and counterexamples as text."""
    line = summarise_claim(settle(CLAIM, ROWS))
    assert tuple(line) == CLAIM_COLUMNS
    assert line["conditions"] == "on Sundays; age = 0"
    assert line["theorems"] == "beads rods"
    assert line["counterexamples"] == "r = 1: r = 77"


def test_the_page_settles_the_whole_ledger_by_its_rows():
    """A theorem that is no longer proved opens its claims and no others."""
    rows = book()
    before = {line["id"]: line["verdict"] for line in list_claim_lines(stream(*rows))}
    assert list(before) == list(load_ledger())
    changed = stream(*change(rows, {"id": "affine-not-invariant"}, verdict="undecided"))
    after = {line["id"]: line["verdict"] for line in list_claim_lines(changed)}
    assert {name for name in before if before[name] != after[name]} == {"A4"}
    assert lines(render_claims(stream(*rows)), "| [A4](#a4)")[0].split(" | ")[3] == "**proved**"
    assert lines(render_claims(changed), "| [A4](#a4)")[0].split(" | ")[3] == "**undecided**"


def test_a_theorem_that_is_missing_is_named():
    """A stream without a theorem that a claim quotes gives no page."""
    rows = [row for row in book() if row["id"] != find("A4").theorems[0]]
    with pytest.raises(LookupError, match="in the theorem 'affine-not-invariant'"):
        settle_claims(stream(*rows))
