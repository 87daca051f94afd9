"""``bnproof laws``: what each law says, and the theorem behind it."""

from __future__ import annotations

import json

import click

from bnproof.cli._console import build_refusal, open_console


@click.command()
@click.argument("names", nargs=-1, metavar="[LAW ...]")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(names: tuple[str, ...], form: str) -> int:
    """What each law of ``check`` says, and the theorem it comes from."""
    from bnproof.verification.planning import UnknownLaw, select_laws

    try:
        wanted = select_laws(names)
    except UnknownLaw as error:
        raise build_refusal(error.args[0]) from error
    if form == "json":
        rows = [
            {
                "id": law.id,
                "says": law.says,
                "theorem": law.theorem,
                "quantity": ", ".join(law.quantities),
            }
            for law in wanted
        ]
        click.echo(json.dumps({"laws": rows}))
        return 0
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("law", "theorem"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what it says")
    for law in wanted:
        # A law without a theorem is a promise of the contract, such as to leave arguments alone.
        table.add_row(law.id, law.theorem or "[dim]the contract[/]", law.says)
    open_console().print(table)
    return 0
