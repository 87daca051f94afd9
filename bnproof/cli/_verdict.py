"""A verdict on a terminal: the areas in one line, then each finding in a few lines.

The parts come in the order in which a reader needs them.

1. What was checked, and a line that says of every area whether it holds.
2. The findings: what is wrong, on which inputs, the smallest input, the likely cause and what to
   do. 3. What was not judged or not offered, what was expected, and where the programs are. 4. On
   request, a table with one row for each law: whether it holds, on how many cases, and the
   largest error in units of what rounding in the working precision explains.

Names and messages come from strangers and may contain brackets, in which Rich would see markup.
They are escaped wherever they are printed.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from bnproof.cli._console import open_console

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from bnproof.contract import Finding
    from bnproof.verification.verdict import Verdict

# From here on an error only says that the law is broken: laws without a size have an infinite one.
# Sizes beyond this are left out like these, for nobody reads their digits.
NO_SIZE = 1e9
# Columns in front of the text of a finding, and the fewest columns that a terminal is taken to
# have.
INDENT, NARROWEST = 11, 40
# A space at which no line is broken.
KEEP = "\u00a0"
COLOURS = {
    "holds": "green",
    "violated": "red",
    "finding": "red",
    "expected": "yellow",
    "ignored": "yellow",
    "unanswered": "yellow",
    "not offered": "dim",
}


def print_verdict(
    verdict: Verdict, *, laws: bool = False, programs: dict[str, Path] | None = None
) -> None:
    """Print the verdict on standard output.

    Parameters
    ----------
    verdict
        What :func:`bnproof.verification.supervisor.supervise` returned.
    laws
        Whether the table of all laws is printed as well.
    programs
        By the id of a finding, the file with the program that shows it; ``None`` where none were
        written.

    Notes
    -----
    Without a terminal there are no colours.  Lines follow the width of the terminal; addresses are
    printed as they are, however long.
    """
    from rich.markup import escape

    out = open_console()
    out.print(
        f"[bold]{escape(verdict.target)}[/], {escape(verdict.convention)} convention,"
        f" {verdict.cases} cases, seed {verdict.seed}"
    )
    out.print(_list_areas(verdict, max(out.width, NARROWEST)))
    for number, finding in enumerate(verdict.findings, 1):
        _print_finding(out, number, finding, (programs or {}).get(finding.id))
    out.print()
    # Cases that could not be judged are told, so that silence never passes for a law that holds.
    if verdict.unjudged:
        most = max(verdict.unjudged.values())
        out.print(
            f"[dim]{len(verdict.unjudged)} laws left out up to {most} cases, whose batches are too"
            " long for the precision (m u >= 1).[/]"
        )
    if verdict.unanswered:
        out.print(f"not judged, since the method fails: {', '.join(verdict.unanswered)}")
    for name, reason in verdict.expected.items():
        out.print(f"[yellow]expected: {escape(name)}[/] ({escape(reason)})")
    if verdict.affected:
        out.print(f"All findings lie in {verdict.affected}.")
    if laws:
        out.print(_tabulate_laws(verdict))
        out.print("[dim]error: the largest one, over what the working precision explains[/]")
    count = len(verdict.findings)
    further = [] if laws else ["--laws lists the laws"]
    if count and programs is None:
        further.append("--reproducers DIR writes a program for each finding")
    holds, missing = len(verdict.passed), len(verdict.not_offered)
    out.print(
        f"{count or 'no'} finding{'' if count == 1 else 's'};"
        f" {holds} law{' holds' if holds == 1 else 's hold'},"
        f" {missing} {'is' if missing == 1 else 'are'} not offered."
        + (f" [dim]{escape('; '.join(further))}.[/]" if further else "")
    )


def _list_areas(verdict: Verdict, width: int) -> str:
    """Every area with what is found there, broken between areas only."""
    lines, column = "", 0
    for area, state in verdict.areas.items():
        own = sum(finding.area == area for finding in verdict.findings)
        see = [str(n) for n, finding in enumerate(verdict.findings, 1) if area in finding.touches]
        colour = COLOURS[state]
        if own:
            words = f"{area}: {own} finding{'' if own == 1 else 's'}"
        elif see:
            words = f"{area}: see {', '.join(see)}"
        elif state == "finding":
            # It was expected, ignored, or not selected.
            words, colour = f"{area}: set aside", COLOURS["expected"]
        else:
            words = f"{area} {state}"
        if column and column + len(words) > width - len(" · "):
            lines, column = f"{lines}\n", 0
        elif column:
            lines, column = f"{lines} · ", column + len(" · ")
        lines, column = f"{lines}[{colour}]{words}[/]", column + len(words)
    return lines


def _print_finding(out: Console, number: int, finding: Finding, program: Path | None) -> None:
    """One finding: its name and extent, then what describes it with a label each."""
    from rich.markup import escape

    from bnproof.wording import describe_finding

    out.print(f"\n[bold red]{number}. {escape(finding.id)}[/]: {escape(finding.extent)}")
    lines = describe_finding(finding)
    if program is not None:
        lines.append(("program", str(program)))
    width = max(out.width, NARROWEST)
    for label, text in lines:
        # A label stands once, and the text goes on below its own beginning.
        first, *rest = _wrap(text, width - INDENT)
        out.print(f"   [dim]{label:{INDENT - 3}}[/]{escape(first)}", soft_wrap=True)
        for line in rest:
            out.print(" " * INDENT + escape(line), soft_wrap=True)


def _wrap(text: str, width: int) -> list[str]:
    """The lines of a text, without a break in what is typed or belongs together."""
    kept = re.sub(r"\b(\w{1,12}) = (?=\S{1,9}(?:\s|$))", rf"\1{KEEP}={KEEP}", text)
    kept = kept.replace("bnproof show ", f"bnproof{KEEP}show{KEEP}")
    lines = textwrap.wrap(kept, width, break_long_words=False, break_on_hyphens=False)
    return [line.replace(KEEP, " ") for line in lines] or [""]


def _tabulate_laws(verdict: Verdict) -> Table:
    """One row for each law that judged something: its verdict, cases and largest errors."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("law", "verdict"):
        table.add_column(heading, no_wrap=True)
    for heading in ("cases", "violated", "error", "ulp"):
        table.add_column(heading, justify="right", no_wrap=True)
    for law, tally in verdict.tallies.items():
        state = verdict.find_state(law)
        table.add_row(
            law,
            f"[{COLOURS[state]}]{state}[/]",
            str(tally.cases),
            str(tally.violated or ""),
            _write_size(tally.ratio),
            _write_size(tally.ulp),
        )
    return table


def _write_size(size: float | None) -> str:
    """A size in two digits; nothing for what has none."""
    return f"{size:.2g}" if size is not None and 0 < size < NO_SIZE else ""
