"""The record stream behind the detection report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from bnproof.baselines.baseline import list_baselines
from bnproof.detection import measuring
from bnproof.detection.subjects import COMPILES, list_correct, list_wrong
from bnproof.laws.law import load_laws
from bnproof.mutants.catalogue import read_bugs as known
from bnproof.mutants.unmodelled import UNMODELLED
from bnproof.records import Row

Progress = Callable[[int, int], None]
SHARE = 10  # what compiles gets one seed in so many


@dataclass(frozen=True)
class Plan:
    """How much is run: bugs at ``effort``; correct implementations under so many seeds at quick and
    at standard."""

    effort: str = "standard"
    seed: int = 0
    quick_seeds: int = 5
    standard_seeds: int = 1
    workers: int | None = None


def measure_rows(plan: Plan, progress: Progress = lambda done, total: None) -> Iterator[Row]:
    """Everything, side by side in as many processes as there are cores, in a fixed order."""
    yield {
        "kind": "detection",
        "effort": plan.effort,
        "quick_seeds": plan.quick_seeds,
        "standard_seeds": plan.standard_seeds,
    }
    yield from list_descriptions()
    with ProcessPoolExecutor(
        plan.workers, mp_context=get_context("spawn"), initializer=_use_one_thread
    ) as pool:
        jobs: list[Future[Any]] = [
            pool.submit(measuring.measure_mutant, name, plan.effort, plan.seed)
            for name in list_wrong()
        ]
        jobs += [
            pool.submit(measuring.measure_baselines, name)
            for name in (*list_wrong(), *list_correct())
        ]
        jobs += [pool.submit(measuring.measure_correct, *run) for run in list_correct_runs(plan)]
        for done, job in enumerate(jobs, 1):
            result: Any = job.result()
            progress(done, len(jobs))
            yield from result if isinstance(result, list) else [result]


def _use_one_thread() -> None:
    """Processes that fill all cores wait for each other if PyTorch starts threads of its own in
    each."""
    os.environ["OMP_NUM_THREADS"] = "1"


def list_correct_runs(plan: Plan) -> Iterator[tuple[str, str, int]]:
    """Name, effort and seed of every run of a correct implementation."""
    for effort, seeds in (("quick", plan.quick_seeds), ("standard", plan.standard_seeds)):
        for number in range(seeds):
            yield from (
                (n, effort, plan.seed + number)
                for n in list_correct()
                if n not in COMPILES or number % SHARE == 0
            )


def list_descriptions() -> Iterator[Row]:
    """The laws, the baselines, and the rows that are not modelled."""
    for law in load_laws().values():
        yield {"kind": "law", "law": law.id, "says": law.says, "theorem": law.theorem}
    for baseline in list_baselines().values():
        yield {
            "kind": "baseline_says",
            "baseline": baseline.name,
            "says": baseline.says,
            "source": baseline.source,
        }
    for name, (says, why) in UNMODELLED.items():
        row = known()[name]
        yield {
            "kind": "unmodelled",
            "id": name,
            "family": row.family,
            "severity": row.severity,
            "says": says,
            "why": why,
        }
