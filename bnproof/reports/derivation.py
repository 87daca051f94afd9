"""One theorem for a reader: terminal, Markdown, LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from bnproof.claims import ledger
from bnproof.records import Records, Row
from bnproof.reports.files import declare_page, format_table
from bnproof.reports.pages import by_chapter, chapter_title, number, page, provenance

if TYPE_CHECKING:
    from rich.console import Group, RenderableType


def shown(theorem: Row, measured: Iterable[Row] = ()) -> Row:
    """The theorem's items sorted for reading: what is stated, how it is derived, where it is used,
    what is false."""
    items = theorem["items"]
    chains: dict[str, list[Row]] = {}
    for item in items:
        if item["kind"] == "step":
            chains.setdefault(item["part_of"], []).append(item)
    return {
        **theorem,
        "stated": [item for item in items if item["kind"] in ("assertion", "law")],
        "corollaries": [item for item in items if item["kind"] == "corollary"],
        "chains": chains,
        "conditional": [item for item in items if item["needed"]],
        "controls": [item for item in items if item["kind"] == "control"],
        "claims": [claim.id for claim in ledger().values() if theorem["id"] in claim.theorems],
        "laws": [item["law"] for item in items if item["law"]],
        "agreement": agreement(theorem, measured),
    }


def agreement(theorem: Row, measured: Iterable[Row]) -> list[Row]:
    """How the implementations did by the laws of this theorem, as measured in a report."""
    return [
        row for row in measured if row["kind"] == "law_result" and row["theorem"] == theorem["id"]
    ]


def markdown(theorem: Row, measured: Iterable[Row] = ()) -> str:
    """A section of the book, formulas in LaTeX between dollars."""
    return page("theorem.md", t=shown(theorem, measured))


def latex_document(theorem: Row, measured: Iterable[Row] = ()) -> str:
    """A document that compiles by itself."""
    return page("theorem.tex", t=shown(theorem, measured), escape=_escaped)


def _escaped(prose: str) -> str:
    table = {
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "|": r"\textbar{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
    table |= {letter: f"\\{letter}" for letter in "&%$#_{}"}
    return "".join(table.get(letter, letter) for letter in prose)


def contents(theorems: Sequence[Row]) -> Group:
    """The book's table of contents for a terminal."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    lines: list[RenderableType] = []
    for chapter, entries in groupby(theorems, key=lambda entry: entry["chapter"]):
        lines += [Text(chapter_title(chapter), style="bold")]
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


def terminal(theorem: Row, measured: Iterable[Row] = ()) -> Group:
    """The theorem laid out for a terminal of 80 columns."""
    from rich.console import Group

    t = shown(theorem, measured)
    return Group(
        *_head(t),
        *_statements(t),
        *_derivations(t),
        *_corollaries(t),
        *_controls(t),
        *_uses(t),
        *_measured(t),
    )


def _line(words: str, indent: int = 0, style: str = "") -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(words, style=style), (0, 0, 0, indent))


def _head(t: Row) -> Iterator[RenderableType]:
    verdict = "proved for every m" if t["verdict"] == "proved" else t["verdict"]
    yield _line(f"{t['id']}: {verdict}", style="bold")
    yield _line(f"chapter {chapter_title(t['chapter'])}", style="dim")
    yield _line(f"source: {t['source']}", style="dim")
    yield _line("")
    yield _line(t["says"])


def _statements(t: Row) -> Iterator[RenderableType]:
    yield _line("\nStatement", style="bold")
    for count, item in enumerate(t["stated"], 1):
        yield _line(f"{count}. {item['says']}", 2)
        yield from _formula(item)
        for step in item["steps"]:
            yield _line(f"{step['rule']}: {step['text']}", 7, "dim")
        if item["steps"]:
            yield _line(f"({item['steps'][-1]['why']})", 7, "dim")


def _formula(item: Row, style: str = "cyan") -> Iterator[RenderableType]:
    yield _line(item["text"], 5, style)
    for condition, without in zip(
        item["given_text"], item["needed"] or item["given_text"], strict=True
    ):
        yield _line(f"given {condition}", 5, "yellow")
        if without != condition:
            yield _line(f"without it {without}", 7, "dim")


def _derivations(t: Row) -> Iterator[RenderableType]:
    for title, chain in t["chains"].items():
        yield _line(f"\nDerivation: {title}", style="bold")
        if chain[0]["given_text"]:
            yield _line(f"given {', '.join(chain[0]['given_text'])}", 5, "yellow")
        yield _line(chain[0]["text"].split(" = ")[0], 5, "cyan")
        for item in chain:
            yield _line(f"= {item['text'].split(' = ', 1)[1]}", 3, "cyan")
            yield _line(item["says"], 7, "dim")


def _corollaries(t: Row) -> Iterator[RenderableType]:
    if t["corollaries"]:
        yield _line("\nCorollaries", style="bold")
    for item in t["corollaries"]:
        yield _line(item["says"], 2)
        yield from _formula(item)


def _controls(t: Row) -> Iterator[RenderableType]:
    yield _line("\nFalse variants, refuted", style="bold")
    for item in t["controls"]:
        yield _line(item["says"] + (" (often stated as true)" if item["common"] else ""), 2)
        yield _line(item["text"], 5, "red")
        if item["given_text"]:
            yield _line(f"given {', '.join(item['given_text'])}", 5, "yellow")
        yield _line(f"false at {item['detail']}", 7, "dim")


def _uses(t: Row) -> Iterator[RenderableType]:
    yield _line("\nWhere it is used", style="bold")
    for what, names in (
        ("rests on", t["uses"]),
        ("theorems", t["used_by"]),
        ("claims", t["claims"]),
        ("laws of a check", t["laws"]),
    ):
        if names:
            yield _line(f"{what}: {', '.join(names)}", 2)
    yield _line(f"\n{t['points']} exact evaluations on small batches agree.", style="dim")


def _measured(t: Row) -> Iterator[RenderableType]:
    if t["agreement"]:
        yield _line("\nMeasured agreement", style="bold")
    for row in t["agreement"]:
        error = (
            ""
            if row["ratio"] is None
            else f", largest error {number(row['ratio'])} of what rounding explains"
        )
        ulp = "" if row["ulp"] is None else f", {number(row['ulp'])} ulp"
        yield _line(
            f"{row['target']}, law {row['law']}: {row['verdict']} in {row['cases']}"
            f" cases{error}{ulp}",
            2,
        )





def theorem_line(theorem: Row) -> Row:
    """One line a theorem: verdict, what was proved, what was refuted."""
    controls = [item for item in theorem["items"] if item["kind"] == "control"]
    return {
        "id": theorem["id"],
        "chapter": theorem["chapter"],
        "verdict": theorem["verdict"],
        "assertions": len(theorem["items"]) - len(controls),
        "controls_refuted": sum(control["verdict"] == "refuted" for control in controls),
        "controls": len(controls),
        "conditions_needed": sum(len(item["needed"]) for item in theorem["items"]),
        "exact_points": theorem["points"],
        "independent_check": theorem["independent_check"],
    }


def derivations(records: Records) -> str:
    """The book."""
    chapters = by_chapter(
        [shown(theorem, records.select("law_result")) for theorem in records.select("theorem")]
    )
    return page("derivations.md", chapters=chapters, provenance=provenance(records))


def theorem_table(records: Records) -> str:
    """The book as CSV."""
    lines = [theorem_line(theorem) for theorem in records.select("theorem")]
    return format_table(lines, tuple(lines[0]))


FILES = (
    declare_page("derivations.md", ("theorem",), derivations),
    declare_page("theorems.csv", ("theorem",), theorem_table),
)
