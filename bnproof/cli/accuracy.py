"""``bnproof accuracy``: how accurate an implementation is, as two tables.

What is measured is in :mod:`bnproof.accuracy`; here it is only arranged for a terminal.

The first table has a row for each dtype: how the error grows with the condition number
``kappa = sqrt(1 + mu^2/v)``, in the form of a grade and of the slope of its logarithm, the errors
at ``kappa = 1``, and from where on outputs are NaN or wrong.  The second table has a row for each
layout in memory: how the error grows with the number ``m`` of values in a channel, which shows in
what order they are summed.

``--format json`` prints one object with the points behind both tables, and a program that shows the
worst input.  The exit status is 1 where no digit is right (the grade "broken"), and 0 for every
other grade, because a poor grade is no violation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from bnproof.cli._console import build_refusal, format_option, open_console, show_progress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from bnproof.accuracy.assessment import Assessment, Graded


@click.command()
@click.argument("target")
@click.option("--convention", help="Name of the convention to assume.")
@click.option(
    "--effort",
    type=click.Choice(["quick", "standard", "thorough"]),
    default="standard",
    show_default=True,
    help="Batches of up to 2^14, 2^20, 2^24 values; thorough also searches for the worst input.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@format_option
def command(target: str, convention: str | None, effort: str, seed: int, form: str) -> int:
    """Measure how accurate TARGET is in training mode.

    The error is graded by how it grows with the mean against the spread, and with the number of
    values in a batch.

    TARGET is numpy, torch or another built-in name, package.module:Name, or path/to/file.py:Name.
    """
    import json

    from bnproof.accuracy.assessment import assess
    from bnproof.implementations.targets import UnusableTarget, load

    try:
        with show_progress("measuring") as advance:
            implementation = load(target)
            assessment = assess(
                target,
                implementation,
                convention=convention,
                effort=effort,
                seed=seed,
                progress=advance,
            )
    except (UnusableTarget, ValueError, LookupError) as error:
        raise build_refusal(error) from error
    if form == "json":
        click.echo(json.dumps(assessment.as_json(), allow_nan=False))
    else:
        _print_assessment(open_console(), assessment)
    # A poor grade is no failure; "broken" is one.
    return 1 if assessment.grade == "broken" else 0


def _print_assessment(out: Console, assessment: Assessment) -> None:
    """Print the errors, how sums are taken, and the worst input.

    Between the tables and the worst input it is said in which precision sums are kept where that is
    known, and why a layout gave no answer.
    """
    from rich.markup import escape

    # A path may contain brackets, which Rich would read as a colour.
    title = f"{escape(assessment.target)}: errors in training mode, ulp at kappa = 1"
    out.print(_build_table(title, ERRORS, map(_format_errors, assessment.graded)))
    sums = (row for one in assessment.graded for row in _format_sums(one))
    out.print(_build_table("How sums over m values are taken", SUMS, sums))
    for one in assessment.graded:
        if one.accumulation:
            out.print(f"{one.dtype}: sums are kept in {one.accumulation}.")
        for layout, reason in one.failures.items():
            out.print(f"{one.dtype}, {layout}: {escape(reason)}")
    worst = assessment.worst
    if worst.ulp is not None:
        how = f"found in {worst.generations} generations" if worst.generations else "of those drawn"
        out.print(
            f"Worst well-conditioned input {how} ({worst.dtype}): {worst.ulp:.3g} ulp of |gamma"
            " xhat| + |beta|."
        )
    out.print(
        "--format json has the points against kappa and m, and a program that shows the worst"
        " input."
    )


# The headings of the two tables. Those in WORDS hold words, which are aligned on the left and not
# broken; the others hold numbers.
ERRORS = ("dtype", "grade", "slope", "ulp: median", "99%", "max", "NaN from", "wrong from")
SUMS = ("dtype", "layout", "summation", "slope in m, by threads", "up to m")
WORDS = {"dtype", "grade", "layout", "summation"}


def _build_table(title: str, headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    """Build a table with these headings; words are on the left, numbers on the right.

    Cells of words are never broken over two lines.
    """
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), title_style="bold"
    )
    for heading in headings:
        table.add_column(
            heading, justify="left" if heading in WORDS else "right", no_wrap=heading in WORDS
        )
    for row in rows:
        table.add_row(*row)
    return table


def _format_errors(one: Graded) -> tuple[str, ...]:
    """Format the sweep over kappa: grade, slope, ulp at kappa = 1, and where outputs go wrong.

    A dash stands for what did not happen, such as an output that is never NaN.
    """
    # The points begin with those of the sweep over kappa, and that sweep begins at kappa = 1.
    condition, first = one.condition, one.points[0]
    nan_from = "-" if condition.nan_from is None else f"kappa {condition.nan_from:.2g}"
    magnitude = "-" if one.range.magnitude is None else f"|x| {one.range.magnitude:.2g}"
    slope = "-" if condition.slope is None else f"{condition.slope:.2f}"
    return (
        one.dtype,
        condition.grade,
        slope,
        *(f"{ulp:.2g}" for ulp in first.ulp),
        nan_from,
        magnitude,
    )


def _format_sums(one: Graded) -> Iterator[tuple[str, ...]]:
    """Format one row per layout; threads that make a difference to the grade show as two grades.

    There is one slope for each number of threads, with a dash where too few lengths were measured
    to fit one.
    """
    for layout in dict.fromkeys(layout for layout, _ in one.summations):
        summations = [
            summation for (name, _), summation in one.summations.items() if name == layout
        ]
        # Each grade once, in the order of the numbers of threads.
        grades = dict.fromkeys(summation.grade or "-" for summation in summations)
        slopes = ", ".join(
            "-" if summation.slope is None else f"{summation.slope:.2f}" for summation in summations
        )
        yield one.dtype, layout, " / ".join(grades), slopes, f"{summations[0].longest:,}"
