"""``bnproof show``: one theorem in full, proved on the spot.

The proof is run again for every page, so what is shown is what this version proves.  A theorem that
it cannot prove is shown as well, with the verdict in the first line, and the exit status is that of
``bnproof prove``.  What Markdown and LaTeX print can be put into a file as it is: LaTeX is a
whole document.
"""

from __future__ import annotations

from pathlib import Path

import click

from bnproof.cli._console import STATUS, build_refusal, open_console


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
    """Show one theorem in full.

    That is its statement, its conditions with what happens without them, the steps of its proof,
    its corollaries, its refuted variants, and where it is used.
    """
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
    return STATUS[row["verdict"]]
