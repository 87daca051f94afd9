"""``bnproof check``: the laws on one target, in a process of its own.

The target is judged by :mod:`bnproof.verification`; here its options are read and the verdict is
printed, as text (:mod:`bnproof.cli._verdict`) or as one JSON object
(:meth:`bnproof.verification.verdict.Verdict.to_dict`).

The exit status is 0 where every law that applies holds, 1 where one is violated, and 2 where the
target cannot be used or the request makes no sense.  Laws that fail as ``--expect`` says count as
if they held.  What ``--format json`` writes can be given to ``--replay``, which judges the failing
inputs in it again and nothing else.
"""

from __future__ import annotations

from pathlib import Path

import click

from bnproof.cli._console import build_refusal, format_option, print_json, show_progress
from bnproof.cli._verdict import print_verdict


@click.command()
@click.argument("target")
@click.option(
    "--convention", metavar="NAME", help="Check by this convention instead of the declared one."
)
@click.option(
    "--effort",
    type=click.Choice(["quick", "standard", "thorough"]),
    default="standard",
    show_default=True,
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Cases are drawn from it.",
)
@click.option("--select", multiple=True, metavar="LAW", help="Only this law (repeatable).")
@click.option("--ignore", multiple=True, metavar="LAW", help="Without this law (repeatable).")
@click.option(
    "--expect",
    multiple=True,
    metavar="LAW=REASON",
    help="Known to fail; passing is then a violation.",
)
@click.option(
    "--replay", metavar="FILE", help="Only the failing inputs in FILE, what --format json wrote."
)
@click.option(
    "--time-limit",
    metavar="SECONDS",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    help="For one call of the target; its import may take a minute at least.",
)
@format_option
def command(
    target: str,
    convention: str | None,
    effort: str,
    seed: int,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    expect: tuple[str, ...],
    replay: str | None,
    time_limit: float,
    form: str,
) -> int:
    """Run the laws of batch normalisation on TARGET.

    TARGET is numpy, torch or another built-in name, package.module:Name, path/to/file.py:Name, or
    model.onnx.

    It may be an implementation (an object with train), a layer (forward, backward, state), a
    PyTorch or Flax module, or a Keras layer. It runs in a process of its own: what crashes or does
    not end is told as a violation.
    """
    from bnproof.verification.child import Request
    from bnproof.verification.supervisor import CannotCheck, supervise

    # Click lets "inf" and "nan" through as numbers. With either of them no call would ever be
    # stopped.
    if not time_limit < float("inf"):
        raise build_refusal("--time-limit: give a number of seconds")
    expected = dict(_parse_expectation(e) for e in expect)
    # By name, since ``CheckOptions`` would import all the laws into this process, which needs none.
    options = {
        "effort": effort,
        "seed": seed,
        "convention": convention,
        "select": select,
        "ignore": ignore,
        "expect": expected,
        "replay": Path(replay) if replay else None,
    }
    try:
        with show_progress(f"checking {target}") as advance:
            # The target runs in another process: what it prints, breaks or never finishes does not
            # reach this one.
            verdict = supervise(Request(target, options), limit=time_limit, progress=advance)
    except CannotCheck as error:
        raise build_refusal(error) from error
    if form == "json":
        print_json(verdict.to_dict())
    else:
        print_verdict(verdict)
    return 0 if verdict.ok else 1


def _parse_expectation(expectation: str) -> tuple[str, str]:
    """The two parts of ``LAW=REASON``, divided at the first equals sign.

    Both have to be there, because a failure that nobody explains is no known one.  Whether there is
    such a law is found out later, with all other names of laws.
    """
    law, equals, reason = expectation.partition("=")
    if not equals or not reason:
        raise build_refusal(f"--expect {expectation}: write LAW=REASON")
    return law, reason
