"""Whether ``prove`` ever says what is not so: generated statements against an evaluator of its own.

``python -m bnproof.benchmarks.prover_attack`` makes 10,000 statements (``--statements``), asks
``prove`` about each, and compares the answer with exact evaluation that shares no code with it.  It
writes records and a page into ``reports/``; exit status 1 if there is a disagreement.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import click

from bnproof.benchmarks.attack_points import determine_truth, render_point
from bnproof.benchmarks.attack_replay import find_objection
from bnproof.benchmarks.attack_statements import AttackClaim, draw_claim
from bnproof.cli._console import out_option, publish
from bnproof.records import Row, collect
from bnproof.symbolic import Proof, Refuted, Undecided, prove

SECONDS = 20
WORKERS = 2
Prover = Callable[..., Any]


class OutOfTime(BaseException):
    """Raised by the alarm; no ``except Exception`` of a prover holds it up."""


@contextmanager
def limit_time(seconds: float) -> Iterator[None]:
    """Raises ``OutOfTime`` inside the block after so many seconds."""

    def ring(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def ask_prover(attack: AttackClaim, prover: Prover, seconds: float) -> tuple[str, str, Any]:
    """The verdict of a prover, what it says, and its counterexample."""
    try:
        with limit_time(seconds):
            answer = prover(
                attack.statement, *attack.given, **({"by": attack.by} if attack.by else {})
            )
    except Refuted as refuted:
        return "refuted", str(refuted.counterexample), refuted.counterexample
    except Undecided as undecided:
        return "undecided", undecided.reason, None
    except (TypeError, ValueError) as refusal:  # Unreadable is a ValueError
        return "refused", str(refusal), None
    except OutOfTime:
        return "out of time", f"no answer within {seconds} s", None
    except Exception as error:
        return "error", f"{type(error).__name__}: {error}", None
    if isinstance(answer, Proof):
        return "proved", "", None
    return "error", f"returned a {type(answer).__name__}", None


def judge_truth(attack: AttackClaim, rng: Random) -> tuple[str, str]:
    """What the evaluator knows of a statement, and a point that shows it."""
    if attack.malformed:
        return "malformed", ""
    try:
        with limit_time(SECONDS):
            kind, point = determine_truth(rng, attack.statement, attack.given, known=attack.known)
    except OutOfTime:
        return "not known", ""
    return kind, render_point(point) if point else ""


def describe_disagreement(
    attack: AttackClaim, verdict: str, said: str, kind: str, example: Any
) -> str:
    """In one sentence why a verdict is wrong; empty where it is not."""
    if verdict in ("error", "out of time"):
        return f"{verdict}: {said}"
    if verdict in ("proved", "refuted") and kind == "malformed":
        return f"{verdict}, although it cannot be read"
    if verdict == "proved" and kind == "false":
        return "proved, although it is false"
    if verdict == "proved" and kind == "undefined":
        return "proved, although it does not exist everywhere"
    if verdict == "refuted" and kind == "true":
        return "refuted, although it is true by construction"
    if verdict == "refuted" and example is not None:
        return find_objection(attack.statement, attack.given, example)
    return ""


def try_statement(seed: int, number: int, prover: Prover = prove, seconds: float = SECONDS) -> Row:
    """What became of one statement."""
    attack, begun = draw_claim(seed, number), perf_counter()
    verdict, said, example = ask_prover(attack, prover, seconds)
    taken = perf_counter() - begun
    kind, point = judge_truth(attack, Random(f"points/{seed}/{number}"))
    row: Row = {
        "kind": "attack",
        "number": number,
        "family": attack.family,
        "verdict": verdict,
        "truth": kind,
        "seconds": round(taken, 3),
    }
    problem = describe_disagreement(attack, verdict, said, kind, example)
    if verdict == "refused" and not attack.malformed:
        row |= {"refusal": said, **write_out(attack)}
    if problem:
        row |= {"problem": problem, "point": point, "said": said, **write_out(attack)}
    return row


def write_out(attack: AttackClaim) -> Row:
    """A statement in full."""
    return {
        "statement": str(attack.statement),
        "given": [str(condition) for condition in attack.given],
        "by": str(attack.by) if attack.by else "",
    }


def measure_all(statements: int, seed: int) -> Iterator[Row]:
    """One row a statement, in order."""
    with ProcessPoolExecutor(WORKERS) as workers:
        rows = workers.map(try_statement, repeat(seed), range(statements), chunksize=20)
        for done, row in enumerate(rows, 1):
            if done % 500 == 0:
                click.echo(f"{done} statements", err=True)
            yield row


@click.command()
@out_option
@click.option("--statements", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def main(out: Path, statements: int, seed: int) -> None:
    """Try them all, and write prover_attack.ndjson and prover_attack.md into the folder."""
    records = collect(seed, [measure_all(statements, seed)])
    publish("prover_attack", records, out)
    problems = [row for row in records.select("attack") if "problem" in row]
    for row in problems[:20]:
        click.echo(f"statement {row['number']}: {row['problem']}: {row['statement']}", err=True)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
