"""Producing the record stream behind the reports.

:func:`report` runs everything that the reports speak of: the proofs of the book, the checks of
NumPy and PyTorch, the experiments and the grades of accuracy.  Each part yields rows, and the pages
are functions of these rows.  Nothing measured by an earlier run is taken over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

from bnproof.accuracy import rows as accuracy
from bnproof.claims import Claim, load_ledger
from bnproof.experiments import (
    agreement,
    arithmetic,
    demonstrations,
    linear_range,
    parametrisations,
    running,
    weight_norm,
)
from bnproof.implementations.targets import load
from bnproof.laws.law import list_law_rows, load_laws
from bnproof.records import Row, collect
from bnproof.reports.files import format_table, write_files
from bnproof.theorems.proving import Outcome, as_row, settle_all
from bnproof.verification.planning import CheckOptions
from bnproof.verification.run import check

# What is installed with bnproof. Other frameworks are optional, and a report must not depend on
# what happens to be there.
TARGETS = ("numpy", "torch", "torch-modules")
Progress = Callable[[int, int], None]


def report(
    out: Path,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
    *,
    effort: str = "thorough",
) -> list[Path]:
    """Run everything, and write records, reports and timings into a folder.

    Parameters
    ----------
    out
        The folder; it is made where it does not exist.
    seed
        Of every drawn case and of every experiment.
    progress
        Is called with the number of parts that are done and that of all parts, before each part.
    effort
        How closely accuracy is looked at: "quick", "standard" or "thorough".

    Returns
    -------
    list of pathlib.Path
        The files that were written.

    Raises
    ------
    OSError
        At once if ``out`` cannot be made.

    Notes
    -----
    Nothing is written before everything has run, so a run that is interrupted leaves the older
    reports as they are.  Timings have a file of their own, because they are the one thing that
    differs between two equal runs.
    """
    out.mkdir(parents=True, exist_ok=True)
    # Proved first and once: the outcomes go into the rows and into the timings.
    outcomes = settle_all()
    experiments = (agreement, running, weight_norm, linear_range, parametrisations, arithmetic)
    measured = (
        *(experiment.measure_rows(seed) for experiment in experiments),
        demonstrations.measure_rows(
            seed, {claim.id: claim.demonstration for claim in load_ledger().values()}
        ),
        accuracy.measure_rows(seed, effort),
    )
    # Most parts are generators, so a part runs when its rows are listed below, after its turn was
    # announced.
    parts = [map(as_row, outcomes), list_law_rows(), check_targets(seed), *measured]
    rows = []
    for done, part in enumerate(parts):
        progress(done, len(parts))
        rows.append(list(part))
    written = write_files(collect(seed, rows), out, "records")
    (out / "timings.csv").write_text(format_timings(outcomes), encoding="utf-8")
    return [*written, out / "timings.csv"]


def collect_claim_rows(
    wanted: Sequence[Claim], seed: int, progress: Progress = lambda done, total: None
) -> list[Row]:
    """Return the rows that settle some claims.

    Parameters
    ----------
    wanted
        The claims of the ledger that are asked about.
    seed
        Of their demonstrations and experiments.
    progress
        Is called with the number of theorems that are settled, and that of all of them.

    Returns
    -------
    list of dict
        The outcomes of their theorems, their demonstrations on the digits, and the rows of the
        experiments they ask for.
    """
    # In the order of the claims, each theorem once.
    theorems = list(dict.fromkeys(name for claim in wanted for name in claim.theorems))
    rows = [as_row(outcome) for outcome in settle_all(theorems, progress)]
    rows += demonstrations.measure_rows(seed, {claim.id: claim.demonstration for claim in wanted})
    return rows + measure_deciding(wanted, seed)


def measure_deciding(wanted: Sequence[Claim], seed: int) -> list[Row]:
    """Return the rows of the experiments that decide some claims, each experiment run once."""
    # Several claims may rest on one experiment.
    names = dict.fromkeys(c.measurement.experiment for c in wanted if c.measurement)
    experiments = (import_module(f"bnproof.experiments.{name}") for name in names)
    return [row for experiment in experiments for row in experiment.measure_rows(seed)]


def check_targets(seed: int) -> Iterator[Row]:
    """Check the built-in implementations, and yield the outcome.

    Every target gives one row of kind "check" about the whole, and one of kind "law_result" for
    every law, also for laws that were not judged.
    """
    for target in TARGETS:
        verdict = check(load(target), CheckOptions(seed=seed, target=target))
        yield {
            "kind": "check",
            "target": target,
            "cases": verdict.cases,
            "effort": verdict.effort,
            "ok": verdict.ok,
        }
        for law in load_laws().values():
            # A law that is not offered has no tally.
            tally = verdict.tallies.get(law.id)
            yield {
                "kind": "law_result",
                "target": target,
                "law": law.id,
                "theorem": law.theorem,
                "verdict": verdict.find_state(law.id),
                "cases": tally.cases if tally else 0,
                "ratio": tally.ratio if tally else None,
                "ulp": tally.ulp if tally else None,
            }


def format_timings(outcomes: list[Outcome]) -> str:
    """Return the seconds that each theorem took, as CSV.

    They are kept apart from the records, since no second run repeats them.
    """
    rows = [{"theorem": outcome.id, "seconds": round(outcome.seconds, 3)} for outcome in outcomes]
    return format_table(rows, ("theorem", "seconds"))
