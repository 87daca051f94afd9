"""The full measurement of what is found and what is flagged wrongly: 50 seeds at quick, 3 at
standard, and what a check costs.

``python -m bnproof.benchmarks.detection`` takes about an hour on two cores and writes records, a
page, a table and a picture into ``reports/``; exit status 1 if a known bug is missed, a correct
implementation is flagged, or a grade is another than expected. ``bnproof detect`` does the same
with fewer seeds.
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
    """Seconds of ``bnproof check numpy`` as a whole process: the first run, which compiles, and the
    second."""
    for effort in EFFORTS:
        with tempfile.TemporaryDirectory() as cache:
            first, second = (_time_check(effort, cache) for _ in range(2))
        yield {"kind": "check_cost", "effort": effort, "first": first, "second": second}


def _time_check(effort: str, cache: str) -> float:
    """One run with its own cache of compiled kernels."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "bnproof", "check", "numpy", "--effort", effort]
    subprocess.run(
        command, env={**os.environ, "NUMBA_CACHE_DIR": cache}, check=True, capture_output=True
    )
    return time.perf_counter() - start


@click.command()
@out_option
@click.option("--effort", type=click.Choice(EFFORTS), default="standard", show_default=True)
@click.option("--quick-seeds", type=click.IntRange(min=0), default=50, show_default=True)
@click.option("--standard-seeds", type=click.IntRange(min=0), default=3, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def main(out: Path, effort: str, quick_seeds: int, standard_seeds: int, seed: int) -> None:
    """Measure everything, and write detection.ndjson, .md, .csv and .svg into the folder."""

    def report_progress(done: int, total: int) -> None:
        if done % 20 == 0:
            click.echo(f"{done} of {total}", err=True)

    plan = Plan(effort, seed, quick_seeds, standard_seeds)
    records = collect(seed, [measure_costs(), measure_rows(plan, report_progress)])
    publish("detection", records, out)
    problems = list_shortfalls(records)
    for problem in problems:
        click.echo(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
