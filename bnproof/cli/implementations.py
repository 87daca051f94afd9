"""``bnproof implementations``: what can be checked on this machine.

Built-in implementations have names that ``bnproof check`` takes.  Adapters take objects of a
framework as they are, so their entries say which objects.  No framework is imported to find out
whether it is installed: the versions come from the metadata of the packages.
"""

from __future__ import annotations

import click

from bnproof.cli._console import format_option, open_console, print_json


@click.command()
@format_option
def command(form: str) -> int:
    """List what can be checked on this machine.

    Each built-in implementation and each adapter is listed with its package and the version that is
    installed, or with the command that installs it.
    """
    from bnproof.implementations.installed import list_installed

    entries = list_installed()
    if form == "json":
        print_json({"implementations": [vars(entry) for entry in entries]})
        return 0
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("name")
    for heading in ("package", "version"):
        table.add_column(heading, no_wrap=True)
    for entry in entries:
        # What is not installed stays in the list, with the command that installs it.
        version = escape(entry.version) or f"[yellow]{escape(entry.reason)}[/]"
        table.add_row(escape(entry.name), entry.package, version)
    open_console().print(table)
    return 0
