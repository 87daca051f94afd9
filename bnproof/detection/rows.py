"""The record stream behind the detection report.

It is long work made of many independent jobs, so it is done by as many processes as there are
cores; the rows come in a fixed order all the same. Start reading at :func:`measure_rows`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from multiprocessing import get_context
from random import Random
from typing import Any

from bnproof.baselines.baseline import list_baselines
from bnproof.detection import measuring
from bnproof.detection.subjects import COMPILES, list_correct, list_wrong
from bnproof.laws.law import list_law_rows
from bnproof.mutants.catalogue import list_mutants
from bnproof.mutants.catalogue import read_bugs as known
from bnproof.mutants.unmodelled import UNMODELLED
from bnproof.records import Row

Progress = Callable[[int, int], None]
# What compiles gets one seed in so many, since it takes minutes where others take seconds.
SHARE = 10


@dataclass(frozen=True)
class Plan:
    """How much is run.

    Attributes
    ----------
    effort
        The effort at which bugs are examined: "quick", "standard" or "thorough".
    seed
        Of the bugs, and the first of the correct implementations' seeds.
    quick_seeds, standard_seeds
        Under how many seeds correct implementations are examined at each of these efforts. False
        alarms are rare events: only many seeds would show them.
    pairs
        How many pairs of bugs in one implementation are looked for.
    workers
        The number of processes; ``None`` takes one for each core.
    """

    effort: str = "standard"
    seed: int = 0
    quick_seeds: int = 5
    standard_seeds: int = 1
    pairs: int = 0
    workers: int | None = None


def measure_rows(plan: Plan, progress: Progress = lambda done, total: None) -> Iterator[Row]:
    """Everything, side by side in as many processes as there are cores, in a fixed order.

    Parameters
    ----------
    plan
        How much is run.
    progress
        Called after each job with the number of those that are done and that of all jobs.

    Yields
    ------
    dict
        First the plan ("detection") and what is described (:func:`list_descriptions`); then a row
        "mutant" for each bug, rows "baseline" for all subjects, and a row "correct" for each run of
        a correct implementation.
    """
    yield {
        "kind": "detection",
        "effort": plan.effort,
        "quick_seeds": plan.quick_seeds,
        "standard_seeds": plan.standard_seeds,
        "pairs": plan.pairs,
    }
    yield from list_descriptions()
    # Spawned and not forked: a fork would copy the threads' locks of PyTorch as they are.
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
        # In the order in which they were submitted, so that equal plans give equal streams.
        measured: list[Row] = []
        for done, job in enumerate(jobs, 1):
            result: Any = job.result()
            progress(done, len(jobs))
            rows = result if isinstance(result, list) else [result]
            measured += rows
            yield from rows
        yield from _measure_pairs(plan, measured, pool)


def _measure_pairs(plan: Plan, measured: list[Row], pool: ProcessPoolExecutor) -> Iterator[Row]:
    """Random pairs of bugs of different areas that can be told apart, until there are enough.

    A pair whose bugs hide each other is drawn but does not count: its row says so.
    """
    explained = [
        row
        for row in measured
        if row["kind"] == "mutant" and row["findings"] and list_mutants()[row["id"]].combines
    ]
    pairs = [
        (one, other)
        for one, other in combinations(explained, 2)
        if one["findings"][0]["area"] != other["findings"][0]["area"]
        and one["mechanism"] != other["mechanism"]
    ]
    Random(plan.seed).shuffle(pairs)
    counted = 0
    while pairs and counted < plan.pairs:
        # As many as are wanting at once: most of them count.
        drawn, pairs = pairs[: plan.pairs - counted], pairs[plan.pairs - counted :]
        jobs = [
            pool.submit(
                measuring.measure_pair,
                (one["id"], other["id"]),
                (one["spots"], other["spots"]),
                plan.effort,
                plan.seed,
            )
            for one, other in drawn
        ]
        for job in jobs:
            row = job.result()
            counted += row["apart"]
            yield row


def _use_one_thread() -> None:
    """Leave one thread to each process.

    Processes that fill all cores would wait for each other if PyTorch started threads of its own in
    each.
    """
    os.environ["OMP_NUM_THREADS"] = "1"


def list_correct_runs(plan: Plan) -> Iterator[tuple[str, str, int]]:
    """Name, effort and seed of every run of a correct implementation.

    Parameters
    ----------
    plan
        How many seeds there are at each effort.

    Yields
    ------
    tuple
        Seed by seed, the quick ones first. What has to be compiled gets one seed in ``SHARE``.
    """
    for effort, seeds in (("quick", plan.quick_seeds), ("standard", plan.standard_seeds)):
        for number in range(seeds):
            yield from (
                (n, effort, plan.seed + number)
                for n in list_correct()
                if n not in COMPILES or number % SHARE == 0
            )


def list_descriptions() -> Iterator[Row]:
    """The laws, the baselines, and the bugs that are not modelled, in words.

    Yields
    ------
    dict
        Rows of the kinds "law", "baseline_says" and "unmodelled", so that a report can be written
        from the records alone.
    """
    yield from list_law_rows()
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
