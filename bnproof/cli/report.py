"""``bnproof report``."""

from __future__ import annotations

from pathlib import Path

import click

from bnproof.cli._console import cannot, console, progress


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
    help="Folder.",
)
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

    try:
        with progress("reporting") as advance:
            written = report(out, seed, advance, effort=effort)
    except OSError as error:
        raise cannot(
            f"cannot write into {out}: {error.strerror or error}; choose another --out"
        ) from error
    out_console = console()
    for path in written:
        out_console.print(str(path))
    return 0
