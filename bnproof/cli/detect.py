"""``bnproof detect``."""

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
@click.option(
    "--effort",
    type=click.Choice(["quick", "standard", "thorough"]),
    default="standard",
    show_default=True,
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--quick-seeds",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="For false alarms, at quick.",
)
@click.option(
    "--standard-seeds",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="And at standard.",
)
def command(out: Path, effort: str, seed: int, quick_seeds: int, standard_seeds: int) -> int:
    """Which known bugs the laws find, which today's tests find, and what either flags wrongly; some
    twenty minutes."""
    from bnproof.detection.rows import Plan, rows
    from bnproof.records import collect, write
    from bnproof.reports.detection import build, missed

    try:
        out.mkdir(parents=True, exist_ok=True)
        with progress("detecting") as advance:
            records = collect(
                seed, [rows(Plan(effort, seed, quick_seeds, standard_seeds), advance)]
            )
        write(out / "detection.ndjson", records)
        written = [out / "detection.ndjson", *build(records, out)]
    except OSError as error:
        raise cannot(
            f"cannot write into {out}: {error.strerror or error}; choose another --out"
        ) from error
    shown = console()
    for path in written:
        shown.print(str(path))
    problems = missed(records)
    for problem in problems:
        shown.print(problem)
    return 1 if problems else 0
