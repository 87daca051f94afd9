"""``bnproof report``: prove, check and measure in one run, and write pages about it.

What is run is in :mod:`bnproof.reporting`.  The pages are written at the end, all of them from what
this run has measured, and their paths are printed.  The exit status says whether they were written,
and nothing of what is in them.
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
    """Prove, check and measure everything, and write pages.

    The book is proved, NumPy and PyTorch are checked, and experiments are run on images of digits.
    """
    from bnproof.reporting import report

    # The folder was made while the options were read; the disk may still fill up by the end of the
    # run.
    with refuse_unwritable(out), show_progress("reporting") as advance:
        written = report(out, seed, advance, effort=effort)
    for path in written:
        click.echo(str(path))
    return 0
