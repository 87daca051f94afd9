"""``bnproof show``: one theorem in full, proved on the spot.

The proof is run again for every page, so what is shown is what this version proves.
"""

from __future__ import annotations

from pathlib import Path

import click

from bnproof.cli._console import build_refusal, open_console


@click.command()
@click.argument("name")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "latex"]),
    default="text",
    show_default=True,
)
@click.option(
    "--records",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Add how far the implementations agreed with it, from the records of a report.",
)
def command(name: str, form: str, records: Path | None) -> int:
    """Show a theorem: statement, conditions, steps, corollaries, where it is used, negative
    controls."""
    from bnproof.records import BrokenRecords, read
    from bnproof.reports import derivation
    from bnproof.symbolic.rendering import latex
    from bnproof.theorems.book import UnknownTheorem, find
    from bnproof.theorems.proving import as_row, settle

    try:
        entry = find(name)
        # Read before the proof begins, so that a bad file is refused at once.
        measured = read(records).rows if records else ()
    except (UnknownTheorem, BrokenRecords) as error:
        raise build_refusal(error) from error
    # LaTeX of long statements takes a while, and a terminal has no use for it.
    row = as_row(settle(entry), latex if form != "text" else lambda _: "")
    if form == "text":
        open_console().print(derivation.render_terminal(row, measured))
    else:
        page = derivation.render_markdown if form == "markdown" else derivation.render_latex
        click.echo(page(row, measured))
    return 0
