"""The growth benchmark: seconds for one proof against the batch size, bnproof beside plain SymPy.

``python -m bnproof.benchmarks.proof_cost`` times three statements, each in a fresh process under a
hard cap, and writes records, page, table and plot into ``reports/``.  Plain SymPy proves a
statement for one m, so it is run for m = 2, 4, 8, 16, 32; bnproof proves it for every m, so it is
run as it is.  Rounds interleave all of them, and what takes longer than ``LONG`` CPU seconds is run
once.  Each side is also given a false variant, which it must not show.

The whole book, sums over 2 to 5 indices, and ``bnproof show`` of every theorem are timed too; with
``--against REV`` the prover of that commit is timed beside, in the same rounds. Runs where
processes have CPU limits (POSIX).
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import click

from bnproof.benchmarks.attempt import OURS
from bnproof.cli._console import out_option, publish
from bnproof.records import Row, collect
from bnproof.theorems import book

THEOREMS = ("gradient-x", "jacobian", "double-backward")
PLAIN = ("simplify", "cancel", "field")
SIZES = (2, 4, 8, 16, 32)
LONG = 10.0  # CPU seconds: what takes longer is run once
START = 5.0  # CPU seconds a process may take for its imports, on top of the cap
PATIENCE = 5  # elapsed seconds for each allowed CPU second, before a process counts as hung
INDICES = (2, 3, 4, 5)  # of the sums whose growth is timed
Attempt = Callable[["Task"], Row]


@dataclass(frozen=True)
class Task:
    """One statement for one method; ``m`` is ``None`` where the proof is for every m."""

    theorem: str
    method: str
    m: int | None
    dropped: bool = False

    @property
    def command(self) -> list[str]:
        """The process that settles it."""
        words = [
            self.method,
            self.theorem,
            str(self.m or 0),
            *(["dropped"] if self.dropped else []),
        ]
        return [sys.executable, "-m", "bnproof.benchmarks.attempt", *words]

    def record_run(self, kind: str, repeat: int, result: Row) -> Row:
        """The record of one run."""
        return {
            "kind": kind,
            "theorem": self.theorem,
            "method": self.method,
            "m": self.m,
            "repeat": repeat,
            **result,
        }


def run_capped(
    command: Sequence[str], cap: float, start: float = START, env: Mapping[str, str] | None = None
) -> Row:
    """Run a process that prints a JSON object with ``outcome`` and ``seconds``, for at most ``cap``
    CPU seconds.

    ``start``: CPU seconds granted for imports, on top; ``env``: its environment, where it is not
    this process's.  Returns the object; ``{"outcome": "timeout"}`` where the process was stopped at
    the cap or its own clock is past it; ``{"outcome": "failed"}`` with the reason where it died or
    hung for ``PATIENCE`` times as long.  The whole process group is killed.
    """
    limit = math.ceil(start + cap)
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=None if env is None else dict(env),
        start_new_session=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1)),
    )
    try:
        printed, errors = process.communicate(timeout=PATIENCE * limit)
    except subprocess.TimeoutExpired:
        return record_unsettled("failed", f"hung for {PATIENCE * limit} s")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    return read_result(process.returncode, printed, errors, cap)


def read_result(status: int, printed: str, errors: str, cap: float) -> Row:
    """What a process that has ended says for itself."""
    if status == -signal.SIGXCPU:
        return record_unsettled("timeout")
    if status:
        return record_unsettled(
            "failed", (errors.strip().splitlines() or [f"exit status {status}"])[-1]
        )
    said: Row = json.loads(printed.splitlines()[-1])
    return said if said["seconds"] <= cap else record_unsettled("timeout")


def record_unsettled(outcome: str, reason: str = "") -> Row:
    """A run without a time."""
    return {"outcome": outcome, "seconds": None, **({"reason": reason} if reason else {})}


def list_tasks() -> Iterator[Task]:
    """Ours beside each way of plain SymPy, theorem by theorem."""
    for theorem in THEOREMS:
        for method in PLAIN:
            yield Task(theorem, OURS, None)
            yield from (Task(theorem, method, m) for m in SIZES)


def run_rounds(planned: Sequence[Task], repeats: int, attempt: Attempt) -> Iterator[Row]:
    """Every task once, then again and again those that took at most ``LONG`` seconds and were
    settled."""
    remaining = list(planned)
    for repeat in range(1, repeats + 1):
        results = [(task, attempt(task)) for task in remaining]
        yield from (task.record_run("proof_cost", repeat, settled) for task, settled in results)
        remaining = [
            task
            for task, settled in results
            if settled["seconds"] is not None and settled["seconds"] <= LONG
        ]


def run_controls(attempt: Attempt) -> Iterator[Row]:
    """The false variants: ours for every m, plain SymPy's for the smallest."""
    for theorem in THEOREMS:
        for method in (OURS, *PLAIN):
            task = Task(theorem, method, None if method == OURS else SIZES[0], dropped=True)
            yield task.record_run("proof_cost_control", 1, attempt(task))


def time_trees(roots: Mapping[str, Path], cap: float, repeats: int) -> Iterator[Row]:
    """The book, sums over several indices and every theorem shown, once a round with the prover of
    each tree in turn."""
    script = str(Path(__file__).with_name("book_cost.py"))
    timed = [("book", ""), ("workers", ""), *(("indices", str(count)) for count in INDICES)]
    timed += [("show", name) for name in book.list_names()]
    for repeat in range(1, repeats + 1):
        for what, argument in timed:
            for tree, root in roots.items():
                env = {**os.environ, "PYTHONPATH": str(root)}
                settled = run_capped([sys.executable, script, what, argument], cap, env=env)
                click.echo(
                    f"{what} {argument}, {tree}: {settled['outcome']} {settled['seconds'] or ''}"
                )
                yield {
                    "kind": "proof_cost_tree",
                    "tree": tree,
                    "what": what,
                    "of": argument,
                    "repeat": repeat,
                    **settled,
                }


def extract_revision(revision: str, into: Path) -> Path:
    """The package as it was in a commit of this repository; raises ``click.BadParameter`` where git
    does not know it."""
    here = Path(__file__).resolve().parents[2]
    packed = subprocess.run(
        ["git", "-C", str(here), "archive", revision, "bnproof"], capture_output=True, check=False
    )
    if packed.returncode:
        reason = (packed.stderr.decode().strip().splitlines() or ["git failed"])[-1]
        raise click.BadParameter(f"{revision}: {reason}", param_hint="--against")
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(into, filter="data")
    return into


def measure_all(cap: float, repeats: int, attempt: Attempt) -> list[Row]:
    """All rows: what was run and for how long, the attempts, the false variants."""
    start = time.perf_counter()
    rows = [*run_rounds(list(list_tasks()), repeats, attempt), *run_controls(attempt)]
    total = round(time.perf_counter() - start, 1)
    run = {
        "kind": "proof_cost_run",
        "cap": cap,
        "repeats": repeats,
        "long": LONG,
        "sizes": list(SIZES),
        "total": total,
    }
    return [run, *rows]


@click.command()
@out_option
@click.option(
    "--cap",
    type=click.FloatRange(min=0, min_open=True),
    default=120.0,
    show_default=True,
    help="CPU seconds.",
)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--against", metavar="REV", help="A commit whose prover is timed beside this one's.")
def main(out: Path, cap: float, repeats: int, against: str | None) -> None:
    """Time proofs of three theorems, bnproof beside plain SymPy, and write records, page, table and
    plot."""

    def attempt(task: Task) -> Row:
        settled = run_capped(task.command, cap)
        where = "every m" if task.m is None else f"m = {task.m}"
        click.echo(
            f"{task.theorem}, {task.method}, {where}: {settled['outcome']}"
            f" {settled['seconds'] or ''}"
        )
        return settled

    with tempfile.TemporaryDirectory() as folder:
        roots = {"this": Path(__file__).resolve().parents[2]}
        if against:
            roots["before"] = extract_revision(against, Path(folder))
        compared = list(time_trees(roots, cap, repeats))
    records = collect(0, [[*compared, *measure_all(cap, repeats, attempt)]])
    publish("proof_cost", records, out)


if __name__ == "__main__":
    main()
