"""The full measurement of what is found and what is flagged wrongly, and of what a check costs.

``python -m bnproof.benchmarks.detection`` lets the laws judge every modelled bug, 100 pairs of bugs
in one implementation, and every correct implementation under many seeds: 50 at the effort quick, 3
at standard.  It takes about an hour on
two cores and writes records, a page, a table and a picture into ``reports/``; exit status 1 if a
known bug is missed, a correct implementation is flagged, or a grade is another than expected.
``bnproof detect`` does the same with fewer seeds.

Many seeds are for the correct implementations because a false alarm is what a seed can bring about
by chance.  The measuring itself is in ``bnproof.detection``; this script adds the cost of a check.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click

from bnproof.cli._console import out_option, publish
from bnproof.detection.rows import Plan, measure_rows
from bnproof.records import Row, collect
from bnproof.reports.detection import list_shortfalls

EFFORTS = ("quick", "standard", "thorough")


def measure_costs() -> Iterator[Row]:
    """Elapsed seconds of ``bnproof check numpy`` as a whole process.

    Yields
    ------
    Row
        For each effort, a record of kind ``check_cost`` with ``first``, a run that has to compile
        its kernels, and ``second``, one that finds them in the cache.
    """
    for effort in EFFORTS:
        with tempfile.TemporaryDirectory() as cache:
            # one folder for both runs, and a new one for each effort, so that each first run
            # compiles
            first, second = (_time_check(effort, cache) for _ in range(2))
        yield {"kind": "check_cost", "effort": effort, "first": first, "second": second}


def _time_check(effort: str, cache: str) -> float:
    """Elapsed seconds of one run, with its own cache of compiled kernels."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "bnproof", "check", "numpy", "--effort", effort]
    subprocess.run(
        # a cache in the user's folder would make the first run a second one
        command,
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        check=True,
        capture_output=True,
    )
    return time.perf_counter() - start


@click.command()
@out_option
@click.option("--effort", type=click.Choice(EFFORTS), default="standard", show_default=True)
@click.option("--quick-seeds", type=click.IntRange(min=0), default=50, show_default=True)
@click.option("--standard-seeds", type=click.IntRange(min=0), default=3, show_default=True)
@click.option("--pairs", type=click.IntRange(min=0), default=100, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def main(
    out: Path, effort: str, quick_seeds: int, standard_seeds: int, pairs: int, seed: int
) -> None:
    """Measure everything, and write detection.ndjson, .md, .csv and .svg into the folder."""

    def report_progress(done: int, total: int) -> None:
        # a line now and then: the whole takes about an hour
        if done % 20 == 0:
            click.echo(f"{done} of {total}", err=True)

    plan = Plan(effort, seed, quick_seeds, standard_seeds, pairs)
    records = collect(seed, [measure_costs(), measure_rows(plan, report_progress)])
    publish("detection", records, out)
    problems = list_shortfalls(records)
    for problem in problems:
        click.echo(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
