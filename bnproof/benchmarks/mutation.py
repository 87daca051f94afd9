"""Whether the laws find every mutation of the NumPy reference: mutmut makes the mutants,
``bnproof.verification`` judges them.

``python -m bnproof.benchmarks.mutation`` builds the reference anew from each mutated source, lets
all laws judge it until one breaks, and tries what survives again with more cases and two seeds.  It
writes records and a page into ``reports/``; exit status 1 if a survivor is not explained in
``equivalent_mutants.csv``.  It needs ``pip install mutmut``.
"""

from __future__ import annotations

import ast
import csv
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from itertools import count, takewhile
from pathlib import Path
from types import ModuleType
from typing import Any

import click

import bnproof.implementations
from bnproof.benchmarks.time_limit import OutOfTime, limit_time
from bnproof.cli._console import out_option, publish
from bnproof.implementations.conventions import UnknownConvention, resolve_convention
from bnproof.implementations.targets import UnusableTarget, as_implementation
from bnproof.implementations.through_state import ThroughState
from bnproof.laws.answers import Target
from bnproof.laws.law import load_laws
from bnproof.laws.supports import Supports
from bnproof.records import Row, collect
from bnproof.reports.mutation import TEXTS, list_unexplained
from bnproof.verification.examining import examine
from bnproof.verification.findings import VALUE_LAWS
from bnproof.verification.planning import EFFORTS, CheckOptions, plan_laws
from bnproof.verification.session import Session

PACKAGE = "bnproof.implementations"
FILES = (
    "numpy_arrays",
    "numpy_formulas",
    "numpy_double",
    "numpy_folding",
    "numpy_shards",
    "numpy",
    "numpy_layer",
)
AGAIN, SEEDS = "standard", 2  # how survivors are tried again
LIMIT = 300  # seconds an examination may take
SERIAL = count()


@cache
def read_equivalents() -> dict[str, str]:
    """Every survivor that is known, ``"file function: change"``, with why it is none."""
    table = (
        files("bnproof.benchmarks").joinpath("equivalent_mutants.csv").read_text(encoding="utf-8")
    )
    rows = csv.DictReader(table.splitlines())
    return {f"{row['where']}: {row['change']}": row["reason"] for row in rows}


@dataclass(frozen=True)
class Mutation:
    """One mutation: ``change`` is the line with ``<<old -> new>>`` in it, ``source`` the whole
    module."""

    file: str
    function: str
    change: str
    source: str

    @property
    def of_text(self) -> bool:
        """Whether only what an error says is changed: the same exception is raised."""
        return re.match(r"raise \w+\(.*<<", self.change) is not None

    @property
    def reason(self) -> str:
        """Why it is none; empty where nobody says."""
        return (
            TEXTS
            if self.of_text
            else read_equivalents().get(f"{self.file} {self.function}: {self.change}", "")
        )


class Enough(Exception):
    """A law is broken: nothing more has to be asked."""


# -- mutants ---------------------------------------------------------------------------------------


def read_original(file: str) -> str:
    """The source as it is."""
    return (Path(bnproof.implementations.__file__).parent / f"{file}.py").read_text(
        encoding="utf-8"
    )


def generate_mutants(file: str, only: Iterable[str] = ()) -> Iterator[Mutation]:
    """What mutmut makes of a module (``only``: of these functions), each syntax tree once; raises
    ``UsageError`` without mutmut."""
    source = read_original(file)
    known = {ast.dump(ast.parse(source))}
    for function, new in generate_sources(source, only):
        tree = ast.dump(ast.parse(new))
        if tree not in known:
            known.add(tree)
            yield Mutation(file, function, mark_change(*map(unparse_source, (source, new))), new)


def generate_sources(source: str, only: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """The function that is changed (empty outside of functions) and the new source, for each of
    mutmut's mutations."""
    metadata = import_needed("libcst.metadata")
    made, operators = (
        import_needed("mutmut.mutation.file_mutation"),
        import_needed("mutmut.mutation.mutators").mutation_operators,
    )
    nowhere = import_needed("mutmut.mutation.pragma_handling").IgnoredCode(set(), set(), set())
    visitor = made.MutationVisitor(operators, nowhere)
    skipped = visitor._skip_node_and_children
    # properties are mutated too, which mutmut leaves out
    visitor._skip_node_and_children = lambda node: (
        not isinstance(node, made.cst.FunctionDef) and skipped(node)
    )
    module = metadata.MetadataWrapper(made.cst.parse_module(source)).visit(visitor)
    for mutation in visitor.mutations:
        inside = mutation.contained_by_top_level_function
        function = inside.name.value if isinstance(inside, made.cst.FunctionDef) else ""
        if not only or function in only:
            yield (
                function,
                made.deep_replace(module, mutation.original_node, mutation.mutated_node).code,
            )


def import_needed(name: str) -> Any:
    """A module of the generator; raises ``UsageError`` where it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        raise click.UsageError(f"this needs {error.name}: pip install mutmut") from error


def unparse_source(source: str) -> str:
    """The source with one line for every statement, however it is laid out."""
    return ast.unparse(ast.parse(source))


def mark_change(before: str, after: str) -> str:
    """The changed lines in one, ``<<old -> new>>`` in the place of what differs."""
    lines, others = before.splitlines(), after.splitlines()
    start, end = count_shared(lines, others)
    old, new = (
        " ".join(line.strip() for line in some[start : len(some) - end]) for some in (lines, others)
    )
    start, end = count_shared(old, new)
    while start and old[start - 1].isalnum():  # whole words
        start -= 1
    while end and old[len(old) - end].isalnum():
        end -= 1
    return (
        f"{old[:start]}<<{old[start : len(old) - end]} ->"
        f" {new[start : len(new) - end]}>>{old[len(old) - end :]}"
    )


def count_shared(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """How many entries both start with, and how many of the rest they end with."""

    def count_same(pairs: Iterable[tuple[str, str]]) -> int:
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    start = count_same(zip(one, other, strict=False))
    return start, count_same(zip(reversed(one[start:]), reversed(other[start:]), strict=False))


def rebuild_classes(mutant: Mutation) -> list[type]:
    """The classes that the mutant is part of, made of its source and those of the other files in a
    package of its own."""
    package = f"bnproof_mutant_{next(SERIAL)}"
    made = {f"{package}.{file}": ModuleType(f"{package}.{file}") for file in FILES}
    sys.modules |= {package: ModuleType(package), **made}
    try:
        for file, module in zip(FILES, made.values(), strict=True):
            source = mutant.source if file == mutant.file else read_original(file)
            exec(
                compile(source.replace(f"{PACKAGE}.numpy", f"{package}.numpy"), file, "exec"),
                module.__dict__,
            )
        layer: type = module.NumpyLayer
        return (
            [layer]
            if mutant.file == FILES[-1]
            else [made[f"{package}.numpy"].NumpyBatchNorm, layer]
        )
    finally:
        for name in (package, *made):
            del sys.modules[name]


# -- judging ---------------------------------------------------------------------------------------


def find_first_broken(candidate: type, effort: str, seed: int) -> list[str]:
    """The laws broken on the first case that breaks any, else the broken laws of sequences."""
    implementation = as_implementation(candidate, "the mutant")
    declared = resolve_convention(implementation.convention)
    session = Session(
        Target(implementation, declared), seed, Supports.from_mapping(None, declared.momentum)
    )

    def stop_when_broken(done: int, total: int) -> None:
        if session.broken:
            raise Enough

    with suppress(Enough):
        session.run(list(load_laws().values()), EFFORTS[effort], stop_when_broken)
    if session.broken or not isinstance(implementation, ThroughState):
        return list(session.broken)
    return find_all_broken(
        candidate, effort, seed, [law.id for law in load_laws().values() if law.measure is None]
    )


def find_all_broken(
    candidate: type, effort: str, seed: int, select: Iterable[str] = ()
) -> list[str]:
    """All laws that ``examine`` finds broken."""
    options = CheckOptions(effort, seed, select=tuple(select))
    seen = examine(candidate, plan_laws(options), options)
    return [*seen.session.broken, *seen.walks]


def try_mutant(mutant: Mutation, effort: str, seed: int) -> Row:
    """What the laws find in one mutant, asked until one breaks: as an implementation, then through
    the layer."""
    return record_outcome(
        mutant, effort, lambda candidate: find_first_broken(candidate, effort, seed)
    )


def retry_mutant(mutant: Mutation, seed: int) -> Row:
    """What they find with more cases, in the first class that the mutant is part of."""
    return record_outcome(
        mutant, AGAIN, lambda candidate: find_all_broken(candidate, AGAIN, seed), most=1
    )


def record_outcome(
    mutant: Mutation, effort: str, judge: Callable[[type], list[str]], most: int = 2
) -> Row:
    """The outcome as a record; ``law`` is the one that shows a value, if there is one."""
    start = time.perf_counter()
    outcome, through, broken = judge_mutant(mutant, judge, most)
    return {
        "kind": "mutation",
        "file": mutant.file,
        "function": mutant.function,
        "change": mutant.change,
        "outcome": outcome,
        "through": through,
        "law": next((law for law in broken if law in VALUE_LAWS), broken[0] if broken else ""),
        "laws": broken,
        "effort": effort,
        "reason": mutant.reason if outcome == "survived" else "",
        "seconds": round(time.perf_counter() - start, 3),
    }


def judge_mutant(
    mutant: Mutation, judge: Callable[[type], list[str]], most: int
) -> tuple[str, str, list[str]]:
    """Outcome, the class that shows it (``most``: how many are asked), and the broken laws."""
    try:
        candidates = rebuild_classes(mutant)[:most]
    except Exception:
        return "does not import", "", []
    for candidate in candidates:
        try:
            with limit_time(LIMIT):
                broken = judge(candidate)
        except OutOfTime:
            return "timeout", candidate.__name__, []
        except (UnusableTarget, UnknownConvention):
            broken = ["refused as unusable"]
        if broken:
            return "killed", candidate.__name__, broken
    return "survived", "", []


def measure_all(chosen: list[Mutation], effort: str, seed: int, workers: int) -> Iterator[Row]:
    """All mutants, in so many processes; survivors (but for texts) again, with each of the further
    seeds."""
    with ProcessPoolExecutor(workers) as pool:
        rows = []
        for row in pool.map(try_mutant, chosen, [effort] * len(chosen), [seed] * len(chosen)):
            rows.append(row)
            if len(rows) % 50 == 0:
                click.echo(f"{len(rows)} of {len(chosen)} mutants", err=True)
        for more in range(SEEDS):
            left = [
                n
                for n, row in enumerate(rows)
                if row["outcome"] == "survived" and not chosen[n].of_text
            ]
            click.echo(f"{len(left)} survivors are tried again", err=True)
            retried = pool.map(retry_mutant, [chosen[n] for n in left], [seed + more] * len(left))
            for n, row in zip(left, retried, strict=True):
                rows[n] = {**row, "seconds": round(rows[n]["seconds"] + row["seconds"], 3)}
    yield from rows


def pick_mutants(only: Iterable[str]) -> list[Mutation]:
    """The mutants of the functions ``file:function``."""
    places = [place.partition(":") for place in only]
    return [mutant for file, _, function in places for mutant in generate_mutants(file, [function])]


@click.command()
@out_option
@click.option("--effort", type=click.Choice(list(EFFORTS)), default="quick", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--only", metavar="FILE:FUNCTION", multiple=True, help="Only these functions.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=os.cpu_count(), show_default="one a core"
)
def main(out: Path, effort: str, seed: int, only: tuple[str, ...], workers: int) -> None:
    """Try every mutant, and write mutation.ndjson and mutation.md into the folder."""
    chosen = (
        [mutant for file in FILES for mutant in generate_mutants(file)]
        if not only
        else pick_mutants(only)
    )
    records = collect(seed, [measure_all(chosen, effort, seed, workers)])
    publish("mutation", records, out)
    for row in list_unexplained(records):
        click.echo(f"{row['outcome']}: {row['file']} {row['function']}: {row['change']}", err=True)
    sys.exit(1 if list_unexplained(records) else 0)


if __name__ == "__main__":
    main()
