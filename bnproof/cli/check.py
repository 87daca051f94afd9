"""``bnproof check``."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

import click

from bnproof.cli._console import cannot, console, progress

if TYPE_CHECKING:
    from bnproof.verification.verdict import Verdict


@click.command()
@click.argument("target")
@click.option("--convention", metavar="NAME", help="Check by this convention instead of the declared one.")
@click.option("--effort", type=click.Choice(["quick", "standard", "thorough"]), default="standard", show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Cases are drawn from it.")
@click.option("--select", multiple=True, metavar="LAW", help="Only this law (repeatable).")
@click.option("--ignore", multiple=True, metavar="LAW", help="Without this law (repeatable).")
@click.option("--expect", multiple=True, metavar="LAW=REASON", help="Known to fail; passing is then a violation.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    target: str,
    convention: str | None,
    effort: str,
    seed: int,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    expect: tuple[str, ...],
    form: str,
) -> int:
    """Run the laws of batch normalisation on TARGET: numpy, torch, package.module:Name or file.py:Name."""
    from bnproof.implementations.conventions import UnknownConvention
    from bnproof.implementations.targets import UnusableTarget, load
    from bnproof.verification.run import UnknownLaw, check

    try:
        expected = dict(_reasoned(e) for e in expect)
        with redirect_stdout(sys.stderr), progress(f"checking {target}") as advance:  # the target may print
            implementation = load(target)
            verdict = check(
                implementation,
                effort=effort,
                seed=seed,
                convention=convention,
                select=select,
                ignore=ignore,
                expect=expected,
                target=target,
                progress=advance,
            )
    except (UnusableTarget, UnknownLaw, UnknownConvention, ValueError) as error:
        raise cannot(error.args[0] if error.args else error) from error
    if form == "json":
        click.echo(json.dumps(verdict.as_json()))
    else:
        _show(verdict)
    return 0 if verdict.ok else 1


def _reasoned(expectation: str) -> tuple[str, str]:
    law, equals, reason = expectation.partition("=")
    if not equals or not reason:
        raise cannot(f"--expect {expectation}: write LAW=REASON")
    return law, reason


def _show(verdict: Verdict) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = console()
    table = Table(box=None, pad_edge=False)
    for heading in ("law", "verdict"):
        table.add_column(heading, no_wrap=True)
    for heading in ("cases", "error", "ulp"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("theorem", no_wrap=True)
    violated = {violation.law for violation in verdict.violations}
    for law, worst in verdict.worst.items():
        state = (
            "[red]violated[/]"
            if law in violated
            else "[yellow]expected[/]"
            if law in verdict.expected
            else "[green]holds[/]"
        )
        ulp = "" if worst.ulp is None else f"{worst.ulp:.3g}"
        ratio = f"{worst.ratio:.2g}" if worst.ratio < 1e9 else "-"
        table.add_row(law, state, str(worst.cases), ratio, ulp, worst.theorem)
    for law in verdict.not_offered:
        table.add_row(law, "[dim]not offered[/]", "0")
    out.print(table)
    out.print("[dim]error: largest error over what the working precision explains; ulp: of the magnitudes summed[/]")
    for law, cases in verdict.unjudged.items():
        out.print(f"{law}: {cases} cases not judged, their batches are too long for the precision (m u >= 1)")
    for violation in verdict.violations:
        out.print(f"\n[red]violated: {violation.law}[/]\n  {escape(violation.message)}")
        if violation.reproducer:
            out.print("  To reproduce:\n")
            click.echo("".join(f"    {line}\n" for line in violation.reproducer.splitlines()))
    out.print(
        f"\n{escape(verdict.target)} ({verdict.convention} convention, seed {verdict.seed}, {verdict.cases} cases): "
        f"{len(verdict.passed)} laws hold, {len(verdict.violations)} violated, {len(verdict.expected)} as expected, "
        f"{len(verdict.not_offered)} not offered."
    )
