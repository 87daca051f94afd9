"""``bnproof list``: the theorems of the book, without proving them.

``--format json`` prints one object: by theorem its ``id``, the module of its ``chapter``, and what
it ``says``.
"""

from __future__ import annotations

import json

import click

from bnproof.cli._console import open_console


@click.command()
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(form: str) -> int:
    """List the theorems by chapter.

    Each is listed with its statement in words.
    """
    from bnproof.theorems.book import book

    entries = list(book().values())
    if form == "json":
        # The lines of a docstring are broken for the source, not for a reader.
        rows = [
            {"id": e.id, "chapter": e.chapter, "says": " ".join(e.says.split())} for e in entries
        ]
        click.echo(json.dumps({"theorems": rows}))
        return 0
    from bnproof.reports.derivation import render_contents

    open_console().print(
        render_contents(
            [{"id": e.id, "chapter": e.chapter, "says": " ".join(e.says.split())} for e in entries]
        )
    )
    return 0
