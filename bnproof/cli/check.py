"""``bnproof check``: the laws on one target, in a process of its own.

The target is judged by :mod:`bnproof.verification`; here its options are read and the verdict is
printed, as text (:mod:`bnproof.cli._verdict`) or as one JSON object
(:meth:`bnproof.verification.verdict.Verdict.to_dict`).

The exit status is 0 where every law that applies holds, 1 where there is a finding (of the areas
that ``--fail-on`` names, if it does), and 2 where the target cannot be used or the request makes no
sense.  What fails as ``--expect`` says counts as if it held.  What ``--format json`` writes can be
given to ``--replay``, which judges the failing inputs in it again and nothing else.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bnproof.cli._console import (
    build_refusal,
    format_option,
    print_json,
    refuse_unwritable,
    show_progress,
)
from bnproof.cli._verdict import print_verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from bnproof.verification.verdict import Verdict


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
@click.option(
    "--select", multiple=True, metavar="NAME", help="Only this law, area or finding (repeatable)."
)
@click.option("--ignore", multiple=True, metavar="NAME", help="Without this law, area or finding.")
@click.option(
    "--expect",
    multiple=True,
    metavar="NAME=REASON",
    help="A law, area or finding that is known to fail; passing is then a finding.",
)
@click.option("--dtypes", metavar="D,...", help="Only these dtypes of x, such as float32,float64.")
@click.option("--ranks", metavar="R,...", help="Only these numbers of axes of x, such as 2,4.")
@click.option("--methods", metavar="M,...", help="Only these methods, such as infer,fold.")
@click.option(
    "--fail-on", metavar="AREA,...", help="Exit status 1 only for findings of these areas."
)
@click.option("--laws", is_flag=True, help="Print the table of all laws as well.")
@click.option(
    "--reproducers",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write a program into this folder for each finding.",
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
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads that the target's libraries may start.",
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
    dtypes: str | None,
    ranks: str | None,
    methods: str | None,
    fail_on: str | None,
    laws: bool,  # noqa: FBT001
    reproducers: Path | None,
    replay: str | None,
    time_limit: float,
    threads: int,
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
    areas = _parse_areas(fail_on)
    if reproducers is not None:
        # Now, so that nobody waits for a check whose programs cannot be written.
        with refuse_unwritable(reproducers, "--reproducers"):
            reproducers.mkdir(parents=True, exist_ok=True)
    # By name, since ``CheckOptions`` would import all the laws into this process, which needs none.
    options = {
        "effort": effort,
        "seed": seed,
        "convention": convention,
        "select": select,
        "ignore": ignore,
        "expect": expected,
        "dtypes": _split(dtypes),
        "ranks": tuple(_parse_rank(rank) for rank in _split(ranks)),
        "methods": _split(methods),
        "replay": Path(replay) if replay else None,
    }
    try:
        with show_progress(f"checking {target}") as advance:
            # The target runs in another process: what it prints, breaks or never finishes does not
            # reach this one.
            verdict = supervise(
                Request(target, options),
                limit=time_limit,
                progress=advance,
                broken=_announce_first(),
                threads=threads,
            )
    except CannotCheck as error:
        raise build_refusal(error) from error
    programs = None if reproducers is None else _write_programs(verdict, reproducers)
    if form == "json":
        print_json(verdict.to_dict())
    else:
        print_verdict(verdict, laws=laws, programs=programs)
    return int(any(not areas or finding.area in areas for finding in verdict.findings))


def _announce_first() -> Callable[[str], None]:
    """Tell the first broken law on standard error, since the findings take a while longer."""
    announced: list[str] = []

    def announce(law: str) -> None:
        if not announced:
            click.echo(f"broken: {law} (looking for everything that is, and why)", err=True)
        announced.append(law)

    return announce


def _write_programs(verdict: Verdict, folder: Path) -> dict[str, Path]:
    """Write the program of every finding that has one, and return the files by the findings'
    ids."""
    written = {}
    with refuse_unwritable(folder, "--reproducers"):
        for finding in verdict.findings:
            if finding.reproducer:
                path = folder / f"{finding.id.replace('/', '-')}.py"
                path.write_text(finding.reproducer, encoding="utf-8")
                written[finding.id] = path
    return written


def _split(listed: str | None) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(part.strip() for part in (listed or "").split(",") if part.strip())


def _parse_rank(rank: str) -> int:
    """A number of axes."""
    if not rank.isdecimal():
        raise build_refusal(f"--ranks {rank}: give numbers from 2 to 5, such as 2,4")
    return int(rank)


def _parse_areas(listed: str | None) -> tuple[str, ...]:
    """The areas of ``--fail-on``; a slip in one would make every check pass."""
    from bnproof.contract import AREAS

    areas = _split(listed)
    if listed is not None and not areas:
        raise build_refusal(f"--fail-on: name areas, of {', '.join(AREAS)}")
    for area in areas:
        if area not in AREAS:
            raise build_refusal(f"--fail-on: there is no area {area!r}; use {', '.join(AREAS)}")
    return areas


def _parse_expectation(expectation: str) -> tuple[str, str]:
    """The two parts of ``NAME=REASON``, divided at the first equals sign.

    Both have to be there, because a failure that nobody explains is no known one.  Whether there is
    such a law is found out later, with all other names of laws.
    """
    law, equals, reason = expectation.partition("=")
    if not equals or not reason:
        raise build_refusal(f"--expect {expectation}: write NAME=REASON")
    return law, reason
