"""``bnproof laws``: what each law says, and the theorem behind it.

The names are those that ``bnproof check`` takes for ``--select``, ``--ignore`` and ``--expect``.
``--format json`` prints one object: by law its ``id``, what it ``says``, its ``theorem`` (empty for
a promise of the contract) and the ``quantity`` it is about.
"""

from __future__ import annotations

import click

from bnproof.cli._console import build_refusal, format_option, open_console, print_json


@click.command()
@click.argument("names", nargs=-1, metavar="[LAW ...]")
@format_option
def command(names: tuple[str, ...], form: str) -> int:
    """List the laws of a check, each with its theorem.

    With LAW only these are listed.
    """
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
        print_json({"laws": rows})
        return 0
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    # Names are copied from here into a command, so they are never broken over two lines.
    for heading in ("law", "theorem"):
        table.add_column(heading, no_wrap=True)
    table.add_column("what it says")
    for law in wanted:
        # A law without a theorem is a promise of the contract, such as to leave arguments alone.
        table.add_row(law.id, law.theorem or "[dim]the contract[/]", escape(law.says))
    open_console().print(table)
    return 0
