"""One theorem for a reader, as a page for the terminal, in Markdown or in LaTeX.

All three are laid out from the same arrangement of a theorem's row, which :func:`arrange_theorem`
makes. A theorem's items are what it states, the steps of its derivation, its corollaries and its
false variants. The book as a page and as a table is made here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from bnproof.claims import load_ledger
from bnproof.records import Records, Row, group_rows, select_rows
from bnproof.reports.files import declare_page, format_table
from bnproof.reports.pages import describe_provenance, format_number, name_chapter, render_page

if TYPE_CHECKING:
    # Imported where it is used: pages are made without Rich.
    from rich.console import Group, RenderableType


def arrange_theorem(theorem: Row, measured: Iterable[Row] = ()) -> Row:
    """The theorem's items sorted for reading: what is stated, how it is derived, what is false.

    Parameters
    ----------
    theorem : Row
        A row of the kind ``theorem``.
    measured : iterable of Row
        Rows among which those of the kind ``law_result`` that belong to the theorem are shown with
        it.

    Returns
    -------
    Row
        The theorem's row and, beside it, ``stated``, ``corollaries``, ``chains`` (steps by the
        title of the derivation they are part of), ``conditional`` (items with conditions that are
        needed), ``controls``, ``claims``, ``laws`` and ``agreement``.
    """
    items = theorem["items"]
    return {
        **theorem,
        "stated": [item for item in items if item["kind"] in ("assertion", "law")],
        "corollaries": select_rows(items, kind="corollary"),
        "chains": group_rows(select_rows(items, kind="step"), "part_of"),
        # ``needed`` says what becomes of the statement without each condition, in their order.
        "conditional": [item for item in items if item["needed"]],
        "controls": select_rows(items, kind="control"),
        # The ledger knows which theorems a claim rests on; the book does not know the ledger.
        "claims": [claim.id for claim in load_ledger().values() if theorem["id"] in claim.theorems],
        "laws": [item["law"] for item in items if item["law"]],
        "agreement": select_rows(measured, kind="law_result", theorem=theorem["id"]),
    }


def render_markdown(theorem: Row, measured: Iterable[Row] = ()) -> str:
    """A section of the book, with formulas in LaTeX between dollars.

    Parameters
    ----------
    theorem : Row
        A row of the kind ``theorem``.
    measured : iterable of Row
        Rows of a report, for the measured agreement; without them that table is left out.
    """
    return render_page("theorem.md", t=arrange_theorem(theorem, measured))


def render_latex(theorem: Row, measured: Iterable[Row] = ()) -> str:
    """A LaTeX document that compiles by itself.

    Parameters
    ----------
    theorem : Row
        A row of the kind ``theorem``.
    measured : iterable of Row
        Rows of a report, for the measured agreement.
    """
    return render_page("theorem.tex", t=arrange_theorem(theorem, measured), escape=_escape_latex)


def _escape_latex(prose: str) -> str:
    """Prose with every letter that LaTeX would take as a command written out.

    The letters are replaced one by one and in one pass, so that no replacement is replaced again.
    """
    table = {
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "|": r"\textbar{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
    # A backslash before these letters prints them.
    table |= {letter: f"\\{letter}" for letter in "&%$#_{}"}
    return "".join(table.get(letter, letter) for letter in prose)


def render_contents(theorems: Sequence[Row]) -> Group:
    """The book's table of contents for a terminal, chapter by chapter.

    Parameters
    ----------
    theorems : sequence of Row
        Theorems in the order of the book, with ``id``, ``chapter`` and ``says``.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    lines: list[RenderableType] = []
    for chapter, entries in group_rows(theorems, "chapter").items():
        lines.append(Text(name_chapter(chapter), style="bold"))
        for entry in entries:
            lines += [
                Text(f"  {entry['id']}", style="cyan"),
                Padding(Text(entry["says"]), (0, 0, 0, 6)),
            ]
        lines.append(Text(""))
    lines.append(
        Text(
            f"{len(theorems)} theorems; bnproof show NAME prints one with its derivation.",
            style="dim",
        )
    )
    return Group(*lines)


def render_terminal(theorem: Row, measured: Iterable[Row] = ()) -> Group:
    """The theorem laid out for a terminal of 80 columns.

    Parameters
    ----------
    theorem : Row
        A row of the kind ``theorem``.
    measured : iterable of Row
        Rows of a report, for the measured agreement; without them that part is left out.

    Returns
    -------
    Group
        What a Rich console prints.
    """
    from rich.console import Group

    # One arrangement for every part, so that no part sorts items in a way of its own.
    t = arrange_theorem(theorem, measured)
    return Group(
        *_render_head(t),
        *_render_statements(t),
        *_render_chains(t),
        *_render_corollaries(t),
        *_render_controls(t),
        *_render_uses(t),
        *_render_agreement(t),
    )


def _render_line(words: str, indent: int = 0, style: str = "") -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(words, style=style), (0, 0, 0, indent))


def _render_head(t: Row) -> Iterator[RenderableType]:
    # What sets the book apart from a test for some m is said in the first line.
    verdict = "proved for every m" if t["verdict"] == "proved" else t["verdict"]
    yield _render_line(f"{t['id']}: {verdict}", style="bold")
    yield _render_line(f"chapter {name_chapter(t['chapter'])}", style="dim")
    yield _render_line(f"source: {t['source']}", style="dim")
    yield _render_line("")
    yield _render_line(t["says"])


def _render_statements(t: Row) -> Iterator[RenderableType]:
    """What is stated, with the normal form that decided it and the reason of its last step."""
    yield _render_line("\nStatement", style="bold")
    for count, item in enumerate(t["stated"], 1):
        yield _render_line(f"{count}. {item['says']}", 2)
        yield from _render_formula(item)
        for step in item["steps"]:
            yield _render_line(f"{step['rule']}: {step['text']}", 7, "dim")
        # The last step's reason is the one that settles the statement.
        if item["steps"]:
            yield _render_line(f"({item['steps'][-1]['why']})", 7, "dim")


def _render_formula(item: Row, style: str = "cyan") -> Iterator[RenderableType]:
    """A formula with its conditions, and with what happens without each of them."""
    yield _render_line(item["text"], 5, style)
    for condition, without in zip(
        # An item whose conditions were not looked into shows the conditions alone.
        item["given_text"],
        item["needed"] or item["given_text"],
        strict=True,
    ):
        yield _render_line(f"given {condition}", 5, "yellow")
        if without != condition:
            yield _render_line(f"without it {without}", 7, "dim")


def _render_chains(t: Row) -> Iterator[RenderableType]:
    """Each derivation as one chain of equalities, the left side once and then every right side."""
    for title, chain in t["chains"].items():
        yield _render_line(f"\nDerivation: {title}", style="bold")
        if chain[0]["given_text"]:
            yield _render_line(f"given {', '.join(chain[0]['given_text'])}", 5, "yellow")
        # Every step is an equation with the same left side.
        yield _render_line(chain[0]["text"].split(" = ")[0], 5, "cyan")
        for item in chain:
            yield _render_line(f"= {item['text'].split(' = ', 1)[1]}", 3, "cyan")
            yield _render_line(item["says"], 7, "dim")


def _render_corollaries(t: Row) -> Iterator[RenderableType]:
    if t["corollaries"]:
        yield _render_line("\nCorollaries", style="bold")
    for item in t["corollaries"]:
        yield _render_line(item["says"], 2)
        yield from _render_formula(item)


def _render_controls(t: Row) -> Iterator[RenderableType]:
    """The false variants, each with the exact point that refutes it."""
    yield _render_line("\nFalse variants, refuted", style="bold")
    for item in t["controls"]:
        yield _render_line(item["says"] + (" (often stated as true)" if item["common"] else ""), 2)
        yield _render_line(item["text"], 5, "red")
        if item["given_text"]:
            yield _render_line(f"given {', '.join(item['given_text'])}", 5, "yellow")
        yield _render_line(f"false at {item['detail']}", 7, "dim")


def _render_uses(t: Row) -> Iterator[RenderableType]:
    yield _render_line("\nWhere it is used", style="bold")
    for what, names in (
        ("rests on", t["uses"]),
        ("theorems", t["used_by"]),
        ("claims", t["claims"]),
        ("laws of a check", t["laws"]),
    ):
        if names:
            yield _render_line(f"{what}: {', '.join(names)}", 2)
    yield _render_line(f"\n{t['points']} exact evaluations on small batches agree.", style="dim")


def _render_agreement(t: Row) -> Iterator[RenderableType]:
    if t["agreement"]:
        yield _render_line("\nMeasured agreement", style="bold")
    for row in t["agreement"]:
        error = (
            ""
            if row["ratio"] is None
            else f", largest error {format_number(row['ratio'])} of what rounding explains"
        )
        ulp = "" if row["ulp"] is None else f", {format_number(row['ulp'])} ulp"
        yield _render_line(
            f"{row['target']}, law {row['law']}: {row['verdict']} in {row['cases']}"
            f" cases{error}{ulp}",
            2,
        )


def summarise_theorem(theorem: Row) -> Row:
    """One line a theorem: verdict, what was proved, what was refuted.

    Parameters
    ----------
    theorem : Row
        A row of the kind ``theorem``.

    Returns
    -------
    Row
        The columns of ``theorems.csv``. ``assertions`` counts all items but the controls, and
        ``exact_points`` the exact evaluations on small batches.
    """
    controls = select_rows(theorem["items"], kind="control")
    return {
        "id": theorem["id"],
        "chapter": theorem["chapter"],
        "verdict": theorem["verdict"],
        # Steps and corollaries are proved as well, so they count.
        "assertions": len(theorem["items"]) - len(controls),
        "controls_refuted": sum(control["verdict"] == "refuted" for control in controls),
        "controls": len(controls),
        "conditions_needed": sum(len(item["needed"]) for item in theorem["items"]),
        "exact_points": theorem["points"],
        "independent_check": theorem["independent_check"],
    }


def render_book(records: Records) -> str:
    """The book as one page, with the measured agreement where the records hold it.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``theorem``, and of the kind ``law_result`` where laws were measured.

    Returns
    -------
    str
        Markdown: a table of contents, then chapter by chapter a section for each theorem.
    """
    theorems = [arrange_theorem(row, records.rows) for row in records.select("theorem")]
    return render_page(
        "derivations.md",
        chapters=group_rows(theorems, "chapter"),
        provenance=describe_provenance(records),
    )


def render_theorem_table(records: Records) -> str:
    """The book as CSV, one line a theorem, with the columns of :func:`summarise_theorem`.

    The records have to hold a theorem, since the first one names the columns.
    """
    lines = [summarise_theorem(theorem) for theorem in records.select("theorem")]
    # All lines have the same keys, so the first one names the columns.
    return format_table(lines, tuple(lines[0]))


FILES = (
    declare_page("derivations.md", ("theorem",), render_book),
    declare_page("theorems.csv", ("theorem",), render_theorem_table),
)
