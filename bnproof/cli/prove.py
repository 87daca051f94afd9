"""``bnproof prove``: prove theorems, and say in one table how that went.

A theorem is proved if each of its assertions is, if each condition is needed, and if every negative
control is refuted.  The table has a column for each of these.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from bnproof.cli._console import build_refusal, open_console, show_progress

if TYPE_CHECKING:
    from bnproof.theorems.proving import Outcome

# Of several theorems the highest status wins, so an undecided one hides a refuted one in the
# status. The table names both.
STATUS = {"proved": 0, "refuted": 1, "undecided": 3}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME ...]")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(names: tuple[str, ...], form: str) -> int:
    """Prove theorems for every batch size (all of the book without NAME)."""
    from bnproof.theorems.book import UnknownTheorem
    from bnproof.theorems.proving import settle_all

    with show_progress("proving") as advance:
        try:
            outcomes = settle_all(names, advance)
        except UnknownTheorem as unknown:
            raise build_refusal(unknown) from unknown
    if form == "json":
        click.echo(json.dumps({"theorems": [outcome.as_json() for outcome in outcomes]}))
    else:
        _print_outcomes(outcomes)
    return max((STATUS[outcome.verdict] for outcome in outcomes), default=0)


def _print_outcomes(outcomes: list[Outcome]) -> None:
    """Print the table, then whatever did not come out as the book wants it."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
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
    for outcome in outcomes:
        for one in outcome.settled:
            # A theorem that is proved prints nothing here.
            if not one.as_wanted:
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
