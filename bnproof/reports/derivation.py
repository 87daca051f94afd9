"""One theorem for a reader: terminal, Markdown, LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bnproof.records import Row
from bnproof.reports.pages import chapter_title, page

if TYPE_CHECKING:
    from rich.console import Group


def shown(theorem: Row) -> Row:
    """The theorem's items sorted for reading: what is stated, how it is derived, what is false."""
    items = theorem["items"]
    chains: dict[str, list[Row]] = {}
    for item in items:
        if item["kind"] == "step":
            chains.setdefault(item["part_of"], []).append(item)
    return {
        **theorem,
        "stated": [item for item in items if item["kind"] in ("claim", "law")],
        "corollaries": [item for item in items if item["kind"] == "corollary"],
        "chains": chains,
        "controls": [item for item in items if item["kind"] == "control"],
    }


def markdown(theorem: Row) -> str:
    """A section of the book, formulas in LaTeX between dollars."""
    return page("theorem.md", t=shown(theorem))


def latex_document(theorem: Row) -> str:
    """A document that compiles by itself."""
    return page("theorem.tex", t=shown(theorem), escape=_escaped)


def _escaped(prose: str) -> str:
    table = {
        "\\": r"\textbackslash{}",
        "^": r"\^{}",
        "~": r"\~{}",
        "|": r"\textbar{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
    table |= {letter: f"\\{letter}" for letter in "&%$#_{}"}
    return "".join(table.get(letter, letter) for letter in prose)


def terminal(theorem: Row) -> Group:
    """The theorem laid out for a terminal of 80 columns."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    t = shown(theorem)
    verdict = "every statement proved for every m" if t["verdict"] == "proved" else t["verdict"]
    lines: list[object] = [
        Text(t["id"], style="bold"),
        Text(f"chapter {chapter_title(t['chapter'])}   source: {t['source']}", style="dim"),
        Text(""),
        Text(t["says"]),
        Text(""),
        Text("Statement", style="bold"),
    ]

    def formula(item: Row, style: str = "") -> None:
        lines.append(Padding(Text(item["text"], style=style), (0, 0, 0, 6)))
        if item["given_text"]:
            lines.append(Padding(Text(f"given {', '.join(item['given_text'])}", style="dim"), (0, 0, 0, 6)))

    for number, item in enumerate(t["stated"], 1):
        lines.append(Padding(Text(f"{number}. {item['says']}"), (0, 0, 0, 2)))
        formula(item, "cyan")
    for title, chain in t["chains"].items():
        lines += [Text(""), Text(f"Derivation: {title}", style="bold")]
        if chain[0]["given_text"]:
            lines.append(Padding(Text(f"given {', '.join(chain[0]['given_text'])}", style="dim"), (0, 0, 0, 6)))
        lines.append(Padding(Text(chain[0]["text"].split(" = ")[0], style="cyan"), (0, 0, 0, 6)))
        for item in chain:
            lines.append(Padding(Text(f"= {item['text'].split(' = ', 1)[1]}", style="cyan"), (0, 0, 0, 4)))
            lines.append(Padding(Text(item["says"], style="dim"), (0, 0, 0, 8)))
    if t["corollaries"]:
        lines += [Text(""), Text("Corollaries", style="bold")]
        for item in t["corollaries"]:
            lines.append(Padding(Text(item["says"]), (0, 0, 0, 2)))
            formula(item, "cyan")
    lines += [Text(""), Text("False variants, refuted", style="bold")]
    for item in t["controls"]:
        note = " (often stated as true)" if item["common"] else ""
        lines.append(Padding(Text(f"{item['says']}{note}"), (0, 0, 0, 2)))
        formula(item, "red")
        lines.append(Padding(Text(f"counterexample: {item['detail']}"), (0, 0, 0, 6)))
    lines += [Text(""), Text(f"{verdict}; {t['points']} exact evaluations agree.", style="dim")]
    return Group(*lines)  # type: ignore[arg-type]
