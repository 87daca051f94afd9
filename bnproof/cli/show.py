"""``bnproof show``."""

from __future__ import annotations

import click

from bnproof.cli._console import cannot, console


@click.command()
@click.argument("name")
@click.option("--format", "form", type=click.Choice(["text", "markdown", "latex"]), default="text", show_default=True)
def command(name: str, form: str) -> int:
    """Show a theorem: statement, conditions, steps, negative controls."""
    from bnproof.reports import derivation
    from bnproof.theorems.book import UnknownTheorem, find
    from bnproof.theorems.proving import as_row, settle

    try:
        row = as_row(settle(find(name)))
    except UnknownTheorem as unknown:
        raise cannot(unknown) from unknown
    if form == "text":
        console().print(derivation.terminal(row))
    else:
        click.echo(derivation.markdown(row) if form == "markdown" else derivation.latex_document(row))
    return 0
