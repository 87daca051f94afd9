"""``bnproof prove``: prove theorems, and say in one table how that went.

A theorem is proved if each of its assertions is, if each condition is needed, and if every negative
control is refuted.  The table has a column for each of these.

The exit status is 0 where all are proved, 1 where one is refuted, and 3 where one is undecided.
``--format json`` prints one object: by theorem its ``id`` and ``chapter``, its ``verdict``, the
``seconds`` it took, its ``negative_controls`` with their verdicts, and whether the
``independent_check`` agrees, an exact evaluation that shares no code with the prover.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bnproof.cli._console import (
    STATUS,
    build_refusal,
    format_option,
    open_console,
    print_json,
    show_progress,
)

if TYPE_CHECKING:
    from bnproof.theorems.proving import Outcome


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@format_option
def command(names: tuple[str, ...], form: str) -> int:
    """Prove theorems for every batch size.

    Without NAME, all theorems of the book are proved.
    """
    from bnproof.theorems.book import UnknownTheorem
    from bnproof.theorems.proving import settle_all

    with show_progress("proving") as advance:
        try:
            outcomes = settle_all(names, advance)
        except UnknownTheorem as unknown:
            raise build_refusal(unknown) from unknown
    if form == "json":
        print_json({"theorems": [outcome.as_json() for outcome in outcomes]})
    else:
        _print_outcomes(outcomes)
    # The highest status wins, so an undecided theorem hides a refuted one; the table names both.
    return max((STATUS[outcome.verdict] for outcome in outcomes), default=0)


def _print_outcomes(outcomes: list[Outcome]) -> None:
    """Print the table, then whatever did not come out as the book wants it.

    That is a statement with another verdict, and a condition that nothing was found to speak for.
    Of each the reason is printed: a counterexample, or why it is undecided.
    """
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    # Names are copied from here into a command, so they are never broken over two lines.
    for heading in ("theorem", "verdict"):
        table.add_column(heading, no_wrap=True)
    for heading in ("assertions", "refuted", "needed", "points", "seconds"):
        table.add_column(heading, justify="right")
    for outcome in outcomes:
        colour = {"proved": "green", "refuted": "red", "undecided": "yellow"}[outcome.verdict]
        refuted = sum(control.verdict == "refuted" for control in outcome.controls)
        conditions = [condition.shown for one in outcome.settled for condition in one.conditions]
        table.add_row(
            outcome.id,
            f"[{colour}]{outcome.verdict}[/]",
            str(len(outcome.assertions)),
            f"{refuted}/{len(outcome.controls)}",
            f"{sum(conditions)}/{len(conditions)}",
            str(outcome.points),
            f"{outcome.seconds:.2f}",
        )
    out = open_console()
    out.print(table)
    # After the table, so that its rows stay together however long the reasons are.
    for outcome in outcomes:
        for one in outcome.settled:
            # What came out as it should prints nothing here.
            if one.verdict != one.posed.wanted:
                out.print(
                    f"\n{outcome.id}: {escape(one.posed.says)} is {one.verdict}:"
                    f" {escape(str(one.detail))}"
                )
            for condition in one.conditions:
                if not condition.shown:
                    out.print(
                        f"\n{outcome.id}: {escape(one.posed.says)}:"
                        f" {escape(str(condition.condition))}: {condition}"
                    )
    out.print(
        "[dim]refuted: false variants; needed: conditions without which it fails; points: exact"
        " evaluations[/]"
    )
    proved = sum(outcome.verdict == "proved" for outcome in outcomes)
    out.print(
        f"\n{proved} of {len(outcomes)} theorems proved for every m, each with its negative"
        " controls refuted."
    )
