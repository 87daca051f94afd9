"""``bnproof detect``: how many known bugs the laws find, beside what people test with today.

What is measured is in :mod:`bnproof.detection`.  The records and every page, table and plot that is
made of them are written into a folder, and their paths are printed.

A known bug that is missed and a correct variant that is flagged are failures of this package.  They
are printed after the paths, and the exit status is then 1.
"""

from __future__ import annotations

from pathlib import Path

import click

from bnproof.cli._console import out_option, publish, show_progress


@click.command()
@out_option
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
    """Find out how many known bugs the laws detect.

    Beside them stands what the tests detect that people use today, and what either flags wrongly.
    This takes some twenty minutes.
    """
    from bnproof.detection.rows import Plan, measure_rows
    from bnproof.records import collect
    from bnproof.reports.detection import list_shortfalls

    plan = Plan(effort, seed, quick_seeds, standard_seeds)
    with show_progress("detecting") as advance:
        records = collect(seed, [measure_rows(plan, advance)])
    # Before the shortfalls are told, so that the pages about them are there whatever the status.
    publish("detection", records, out)
    # Known bugs that are missed and correct variants that are flagged are failures of this package,
    # not of a target.
    problems = list_shortfalls(records)
    for problem in problems:
        click.echo(problem)
    return 1 if problems else 0
