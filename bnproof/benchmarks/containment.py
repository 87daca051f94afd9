"""Whether certify ever misses: random and adversarial inputs against the proved formulas in balls.

``python -m bnproof.benchmarks.containment`` draws 100,000 inputs (``--cases``), asks certify for
every quantity of each, and compares with balls of 2,000 bits.  It writes records and a page into
``reports/``; exit status 1 if an exact value lies outside its enclosure.

Input number ``n`` is drawn from seed ``n`` alone.  So one that misses can be looked at by itself,
with ``draw_input(np.random.default_rng(n))``.  Start reading at :func:`try_inputs`; what an input
is, and what a miss, is in ``bnproof.benchmarks.adversarial``.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import numpy as np

from bnproof.benchmarks.adversarial import draw_input, enclose_quantities, find_misses
from bnproof.cli._console import out_option, publish
from bnproof.records import Row, collect

# With fewer, handing over takes longer; with more, a core may idle at the end.
SHARE = 250  # inputs a worker takes at a time


def try_inputs(first: int, count: int) -> Row:
    """What became of the inputs with seeds ``first, ..., first + count - 1``.

    Parameters
    ----------
    first
        The first seed.
    count
        How many inputs.

    Returns
    -------
    Row
        A record of kind ``containment``.  It counts the entries that were looked at, among them the
        undefined, exact and zero ones, and inputs by dtype; ``missed`` describes every miss.
    """
    entries: Counter[str] = Counter()
    dtypes: Counter[str] = Counter()
    missed: list[str] = []
    for seed in range(first, first + count):
        given = draw_input(np.random.default_rng(seed))
        enclosures = enclose_quantities(given)
        dtypes[given.x.dtype.name] += 1
        for enclosure in enclosures.values():
            undefined = np.isnan(enclosure.mid)
            entries["undefined"] += int(undefined.sum())
            entries["exact"] += int((enclosure.rad == 0).sum())
            # zeros are counted apart: an exact 0 is easy where the whole channel is constant
            entries["zero"] += int(((enclosure.rad == 0) & (enclosure.mid == 0)).sum())
            entries["all"] += enclosure.mid.size
        missed += [f"seed {seed}: {problem}" for problem in find_misses(given, enclosures)]
    return {
        "kind": "containment",
        "first": first,
        "cases": count,
        "entries": dict(entries),
        "dtypes": dict(dtypes),
        "missed": missed,
    }


def measure_all(cases: int, seed: int) -> Iterator[Row]:
    """Shares of the inputs, tried in as many processes as there are cores.

    Parameters
    ----------
    cases
        How many inputs.
    seed
        The seed of the first one; the others follow it.

    Yields
    ------
    Row
        One record a share, in the order of the seeds.
    """
    firsts = range(seed, seed + cases, SHARE)
    # the last share may be smaller
    counts = [min(SHARE, seed + cases - first) for first in firsts]
    with ProcessPoolExecutor() as workers:
        for done, row in enumerate(workers.map(try_inputs, firsts, counts), 1):
            if done % 20 == 0:
                click.echo(f"{done * SHARE} inputs", err=True)
            yield row


@click.command()
@out_option
@click.option("--cases", type=click.IntRange(min=1), default=100_000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def main(out: Path, cases: int, seed: int) -> None:
    """Try all inputs, and write containment.ndjson and containment.md into the folder."""
    records = collect(seed, [measure_all(cases, seed)])
    publish("containment", records, out)
    missed = [problem for row in records.select("containment") for problem in row["missed"]]
    # the records hold all of them
    for problem in missed[:20]:
        click.echo(problem, err=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
