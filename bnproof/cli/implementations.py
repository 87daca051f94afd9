"""``bnproof implementations``: what can be checked on this machine."""

from __future__ import annotations

import json

import click

from bnproof.cli._console import open_console


@click.command()
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(form: str) -> int:
    """What can be checked here: built-in implementations and adapters, the version of their
    package, or why not."""
    from bnproof.implementations.installed import list_installed

    entries = list_installed()
    if form == "json":
        click.echo(json.dumps({"implementations": [vars(entry) for entry in entries]}))
        return 0
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("name")
    for heading in ("package", "version"):
        table.add_column(heading, no_wrap=True)
    for entry in entries:
        # What is not installed stays in the list, with the command that installs it.
        table.add_row(entry.name, entry.package, entry.version or f"[yellow]{entry.reason}[/]")
    open_console().print(table)
    return 0
