"""Whether ``prove`` ever says what is not so: generated statements against an evaluator of its own.

``python -m bnproof.benchmarks.prover_attack`` makes 10,000 statements (``--statements``), asks
``prove`` about each, and compares the answer with exact evaluation that shares no code with it.  It
writes records and a page into ``reports/``; exit status 1 if there is a disagreement.

The attack accuses only where it is certain.  A proof is wrong if a point shows that the statement
is false or undefined; a refutation is wrong if the statement is true by construction, or if its
counterexample shows nothing.  Being undecided is never wrong.  An exception that ``prove`` does not
promise, and no answer in time, are disagreements too.

Start reading at :func:`try_statement`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import click

from bnproof.benchmarks.attack_points import determine_truth, render_point
from bnproof.benchmarks.attack_replay import find_objection
from bnproof.benchmarks.attack_statements import AttackClaim, draw_claim
from bnproof.benchmarks.time_limit import OutOfTime, limit_time
from bnproof.cli._console import out_option, publish
from bnproof.records import Row, collect
from bnproof.symbolic import Proof, Refuted, Undecided, prove

# Far above what an answer usually takes, so that a slow machine is not taken for a prover that
# hangs. The whole attack waits this long for each one that does.
SECONDS = 20
# A fixed number, because the limit is in elapsed seconds: more processes than cores would make
# every answer slower.
WORKERS = 2
Prover = Callable[..., Any]


def ask_prover(attack: AttackClaim, prover: Prover, seconds: float) -> tuple[str, str, Any]:
    """The verdict of a prover on one statement.

    Parameters
    ----------
    attack
        The statement, its conditions and its witness.
    prover
        Called like ``prove``: conditions after the statement, a witness as ``by=``.
    seconds
        How long it may take.

    Returns
    -------
    tuple
        The verdict, which is ``proved``, ``refuted``, ``undecided``, ``refused``, ``error`` or
        ``out of time``; what the prover says for itself; and the counterexample of a refutation.
    """
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
    # True is no proof: only the type counts, not what Python takes for true
    return "error", f"returned a {type(answer).__name__}", None


def judge_truth(attack: AttackClaim, rng: Random) -> tuple[str, str]:
    """What the evaluator knows of a statement, and a point that shows it.

    The first is ``true``, ``false``, ``undefined``, ``malformed`` or ``not known``, which it also
    is where the evaluator runs out of time.  The point is one line of text, empty where none is
    needed.
    """
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
    """Why a verdict is wrong, in one sentence; empty where it is not.

    Parameters
    ----------
    attack
        The statement.
    verdict, said
        What the prover answered.
    kind
        What is known of the statement, from :func:`judge_truth`.
    example
        The counterexample of a refutation, otherwise ``None``.
    """
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
    # Refuting something undefined is no error by itself. But the counterexample must show what it
    # claims.
    if verdict == "refuted" and example is not None:
        return find_objection(attack.statement, attack.given, example)
    return ""


def try_statement(seed: int, number: int, prover: Prover = prove, seconds: float = SECONDS) -> Row:
    """What became of one statement.

    Parameters
    ----------
    seed, number
        Which statement.
    prover
        The prover under attack.  Tests put provers here that lie, crash and hang.
    seconds
        How long it may take.

    Returns
    -------
    Row
        A record of kind ``attack``.  Statements that disagree, or were refused without being
        malformed, are written out in full.
    """
    attack, begun = draw_claim(seed, number), perf_counter()
    verdict, said, example = ask_prover(attack, prover, seconds)
    taken = perf_counter() - begun
    # points are drawn apart from the statement, so that they stay the same if its family changes
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
    """A statement in full, as SymPy prints it."""
    return {
        "statement": str(attack.statement),
        "given": [str(condition) for condition in attack.given],
        "by": str(attack.by) if attack.by else "",
    }


def measure_all(statements: int, seed: int) -> Iterator[Row]:
    """One row a statement, in order of their numbers, whichever process made it."""
    with ProcessPoolExecutor(WORKERS) as workers:
        # twenty at a time, since handing statements over one by one costs time as well
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
    # the records hold all of them; a terminal is for the first few
    for row in problems[:20]:
        click.echo(f"statement {row['number']}: {row['problem']}: {row['statement']}", err=True)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
