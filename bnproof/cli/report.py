"""``bnproof report``: prove, check and measure in one run, and write pages about it.

What is run is in :mod:`bnproof.reporting`.
"""

from __future__ import annotations

from pathlib import Path

import click

from bnproof.cli._console import out_option, refuse_unwritable, show_progress


@click.command()
@out_option
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--effort",
    type=click.Choice(["quick", "standard", "thorough"]),
    default="thorough",
    show_default=True,
    help="How closely accuracy is looked at: batches of up to 2^14, 2^20, 2^24 values.",
)
def command(out: Path, seed: int, effort: str) -> int:
    """Prove the book, check NumPy and PyTorch, measure on the digits, and write it all up."""
    from bnproof.reporting import report

    # The folder was made while the options were read; the disk may still fill up by the end of the
    # run.
    with refuse_unwritable(out), show_progress("reporting") as advance:
        written = report(out, seed, advance, effort=effort)
    for path in written:
        click.echo(str(path))
    return 0
