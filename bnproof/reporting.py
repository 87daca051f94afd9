"""Producing the record stream behind the reports: proofs, checks, experiments, all in this run."""

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
from bnproof.laws.law import load_laws
from bnproof.records import Row, collect
from bnproof.reports.files import format_table, write_files
from bnproof.theorems.proving import Outcome, as_row, settle_all
from bnproof.verification.planning import CheckOptions
from bnproof.verification.run import check

TARGETS = ("numpy", "torch", "torch-modules")
Progress = Callable[[int, int], None]


def report(
    out: Path,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
    *,
    effort: str = "thorough",
) -> list[Path]:
    """Run everything and write records, reports and timings into ``out``; returns the files
    written.

    ``effort``: how closely accuracy is looked at ("quick", "standard", "thorough").  Raises
    ``OSError`` at once where ``out`` cannot be made; nothing is written before everything has run.
    """
    out.mkdir(parents=True, exist_ok=True)
    outcomes = settle_all()
    experiments = (agreement, running, weight_norm, linear_range, parametrisations, arithmetic)
    measured = (
        *(experiment.rows(seed) for experiment in experiments),
        demonstrations.measure_rows(
            seed, {claim.id: claim.demonstration for claim in load_ledger().values()}
        ),
        accuracy.measure_rows(seed, effort),
    )
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
    """What settles some claims: their theorems, their demonstrations on the digits, and the
    experiments they ask for."""
    theorems = list(dict.fromkeys(name for claim in wanted for name in claim.theorems))
    rows = [as_row(outcome) for outcome in settle_all(theorems, progress)]
    rows += demonstrations.measure_rows(seed, {claim.id: claim.demonstration for claim in wanted})
    return rows + measure_deciding(wanted, seed)


def measure_deciding(wanted: Sequence[Claim], seed: int) -> list[Row]:
    """The rows of the experiments that decide some claims, each experiment run once."""
    names = dict.fromkeys(c.measurement.experiment for c in wanted if c.measurement)
    experiments = (import_module(f"bnproof.experiments.{name}") for name in names)
    return [row for experiment in experiments for row in experiment.rows(seed)]


def list_law_rows() -> Iterator[Row]:
    """What each law says and the theorem behind it."""
    for law in load_laws().values():
        yield {"kind": "law", "law": law.id, "says": law.says, "theorem": law.theorem}


def check_targets(seed: int) -> Iterator[Row]:
    """One row per implementation and law."""
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
    """Seconds per theorem: the part that no second run repeats."""
    rows = [{"theorem": outcome.id, "seconds": round(outcome.seconds, 3)} for outcome in outcomes]
    return format_table(rows, ("theorem", "seconds"))
