"""The claims of the thread for a reader, in the terminal and in Markdown.

A verdict is computed in :mod:`bnproof.claims` from the rows of theorems and measurements. This
module arranges what a verdict rests on: the formulas, the counterexamples, and the numbers on the
digits. Start reading at :func:`arrange_claim`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bnproof.claims import VERDICTS, ClaimVerdict, load_ledger, settle
from bnproof.records import Records, Row, select_rows
from bnproof.reports.files import declare_page, declare_table
from bnproof.reports.pages import describe_provenance, format_number, render_page

if TYPE_CHECKING:
    from rich.console import Group, RenderableType

# Rich's names. What is open is yellow, since it is neither good nor bad.
COLOURS = {
    "proved": "green",
    "proved with conditions": "green",
    "refuted": "red",
    "measured": "blue",
    "undecided": "yellow",
}


def arrange_claim(finding: ClaimVerdict, rows: Sequence[Row]) -> dict[str, Any]:
    """What a page says of a claim: its formulas, why it is settled so, and the numbers on the
    digits.

    Parameters
    ----------
    finding : ClaimVerdict
        The settled claim.
    rows : sequence of Row
        Rows among which its own of the kind ``demonstration`` are shown.

    Returns
    -------
    dict
        What the template ``claim.md`` names. ``stated`` are the items of the book, what is
        literally claimed first; ``explanation`` is empty where the claim is still open.
    """
    a = finding.claim
    numbers = select_rows(rows, kind="demonstration", claim=a.id)
    return {
        "id": a.id,
        "who": a.who,
        "says": a.says,
        "verdict": finding.verdict,
        # An explanation presumes the theorems it rests on: while one is open it says nothing.
        "explanation": "" if finding.open else a.explanation,
        "open": finding.open,
        "conditions": finding.conditions,
        "measurement": finding.measurement,
        "plot": a.measurement.plot if a.measurement else "",
        "theorems": a.theorems,
        "stated": [_arrange_item(name, finding) for name in a.stated],
        "data": numbers[0]["data"] if numbers else "",
        "numbers": numbers,
    }


def _arrange_item(name: str, finding: ClaimVerdict) -> dict[str, Any]:
    """An item of the book; ``contrary`` is set where the claim denies it (``~`` in its name)."""
    # A claim may be the contrary of an item: then the item's refutation is what it needs.
    plain = name.removeprefix("~")
    contrary = name.startswith("~")
    return {
        **finding.items[plain],
        "name": plain,
        "theorem": plain.partition(": ")[0],
        "contrary": contrary,
    }


def render_markdown(finding: ClaimVerdict, rows: Sequence[Row]) -> str:
    """One section of the ledger.

    Parameters
    ----------
    finding : ClaimVerdict
        The settled claim.
    rows : sequence of Row
        Rows among which its demonstration is found.
    """
    return render_page("claim.md", c=arrange_claim(finding, rows))


def render_overview(findings: Sequence[ClaimVerdict]) -> Group:
    """Every claim with its verdict, for a terminal.

    Parameters
    ----------
    findings : sequence of ClaimVerdict
        The settled claims, in the order they are listed.
    """
    from rich.console import Group
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("id", no_wrap=True)
    # Narrow enough for the claim to have most of 80 columns; long verdicts wrap.
    table.add_column("verdict", width=12)
    table.add_column("claim")
    for finding in findings:
        # A verdict that is not known here is an error.
        colour = COLOURS[finding.verdict]
        table.add_row(finding.claim.id, f"[{colour}]{finding.verdict}[/]", finding.claim.says)
    summary = f"{len(findings)} claims: {count_verdicts(findings)}. bnproof claims ID says why."
    return Group(table, "", summary)


def render_terminal(findings: Sequence[ClaimVerdict], rows: Sequence[Row]) -> Group:
    """Claims in full, for a terminal of 80 columns.

    Parameters
    ----------
    findings : sequence of ClaimVerdict
        The settled claims.
    rows : sequence of Row
        Rows among which their demonstrations are found.
    """
    from rich.console import Group

    return Group(
        *(line for finding in findings for line in _render_claim(arrange_claim(finding, rows)))
    )


def _render_claim(c: dict[str, Any]) -> Iterator[RenderableType]:
    """One claim as lines: verdict, explanation, formulas, numbers, theorems."""
    from rich.padding import Padding
    from rich.text import Text

    def render_line(words: str, indent: int = 0, style: str = "") -> RenderableType:
        return Padding(Text(words, style=style), (0, 0, 0, indent))

    yield render_line(f"{c['id']} ({c['who']})", style="bold")
    yield render_line(c["says"])
    yield render_line(f"verdict: {c['verdict']}", style=COLOURS[c["verdict"]])
    if c["conditions"]:
        yield render_line(f"conditions: {', '.join(c['conditions'])}", style="yellow")
    if c["measurement"]:
        yield render_line(f"measured: {c['measurement']}")
    yield render_line("")
    # Why it is open is the only thing to say of a claim that is.
    yield render_line(c["explanation"] or f"Open in this run: {', '.join(c['open'])}")
    yield render_line("\nAs formulas", style="bold")
    for item in c["stated"]:
        yield render_line(
            f"{item['name']}{' (the claim is its contrary)' if item['contrary'] else ''}:"
            f" {item['verdict']}",
            2,
        )
        yield render_line(item["text"], 5, "red" if item["verdict"] == "refuted" else "cyan")
        if item["given_text"]:
            yield render_line(f"given {', '.join(item['given_text'])}", 5, "yellow")
        if item["verdict"] == "refuted":
            yield render_line(f"false at {item['detail']}", 7, "dim")
    if c["numbers"]:
        yield render_line(f"\nOn {c['data']}", style="bold")
    for row in c["numbers"]:
        unit = f" {row['unit']}" if row["unit"] else ""
        yield render_line(f"{format_number(row['value'])}{unit}: {row['what']}", 2)
    yield render_line(f"\ntheorems: {', '.join(c['theorems'])}\n", style="dim")


# The columns of ``claims.csv``.
CLAIM_COLUMNS = (
    *("id", "who", "claim", "verdict"),
    *("conditions", "theorems", "counterexamples", "measured"),
)


def settle_claims(records: Records) -> list[ClaimVerdict]:
    """Every claim of the ledger, settled by these records.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``theorem``, and the measurements that some claims ask for.

    Returns
    -------
    list of ClaimVerdict
        In the order of the ledger. Where a measurement is missing the claim is undecided.

    Raises
    ------
    LookupError
        Where a theorem that a claim quotes is not among the rows.
    """
    return [settle(claim, records.rows) for claim in load_ledger().values()]


def summarise_claim(finding: ClaimVerdict) -> Row:
    """One line a claim, with the columns ``CLAIM_COLUMNS``.

    Parameters
    ----------
    finding : ClaimVerdict
        The settled claim.

    Returns
    -------
    Row
        Conditions and counterexamples are joined by semicolons, ids of theorems by spaces.
    """
    return {
        "id": finding.claim.id,
        "who": finding.claim.who,
        "claim": finding.claim.says,
        "verdict": finding.verdict,
        "conditions": "; ".join(finding.conditions),
        "theorems": " ".join(finding.claim.theorems),
        "counterexamples": "; ".join(finding.counterexamples),
        "measured": finding.measurement,
    }


def count_verdicts(settled: Sequence[ClaimVerdict]) -> str:
    """How many claims have which verdict, in words; verdicts that no claim has are left out.

    Examples
    --------
    >>> from bnproof.claims import Claim, ClaimVerdict
    >>> claim = Claim("X1", "somebody", "It is so.", "Is it?")
    >>> verdicts = ("refuted", "proved", "proved")
    >>> count_verdicts([ClaimVerdict(claim, verdict) for verdict in verdicts])
    '2 proved, 1 refuted'
    """
    counts = Counter(finding.verdict for finding in settled)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def render_claims(records: Records) -> str:
    """The ledger as one page, claim after claim.

    Parameters
    ----------
    records : Records
        Holds all theorems that claims name, and rows of the kind ``demonstration``.

    Returns
    -------
    str
        Markdown: a table of all claims, then a section for each.
    """
    settled = settle_claims(records)
    return render_page(
        "claims.md",
        claims=[arrange_claim(finding, records.rows) for finding in settled],
        counts=count_verdicts(settled),
        provenance=describe_provenance(records),
    )


def list_claim_lines(records: Records) -> list[Row]:
    """The ledger as the lines of a table: what :func:`summarise_claim` says of each claim."""
    return [summarise_claim(finding) for finding in settle_claims(records)]


FILES = (
    declare_page("claims.md", ("theorem", "demonstration"), render_claims),
    declare_table("claims.csv", "demonstration", CLAIM_COLUMNS, list_claim_lines),
    declare_table(
        "demonstrations.csv", "demonstration", ("claim", "what", "value", "unit", "data")
    ),
)
