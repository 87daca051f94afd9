"""``bnproof list``: the theorems of the book, without proving them.

``--format json`` prints one object: by theorem its ``id``, the module of its ``chapter``, and what
it ``says``.
"""

from __future__ import annotations

import click

from bnproof.cli._console import format_option, open_console, print_json


@click.command()
@format_option
def command(form: str) -> int:
    """List the theorems by chapter.

    Each is listed with its statement in words.
    """
    from bnproof.theorems.book import book

    rows = [
        # The lines of a docstring are broken for the source, not for a reader.
        {"id": entry.id, "chapter": entry.chapter, "says": " ".join(entry.says.split())}
        for entry in book().values()
    ]
    if form == "json":
        print_json({"theorems": rows})
        return 0
    from bnproof.reports.derivation import render_contents

    open_console().print(render_contents(rows))
    return 0
