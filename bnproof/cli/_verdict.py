"""A verdict on a terminal: the laws, then each violation with its likely cause and a program.

The parts come in the order in which a reader needs them.

1. A table with one row for each law that was judged: whether it holds, on how many cases, and the
   largest error.  The error is in units of what rounding in the working precision explains, so a
   law is broken above 1.
2. What was not judged or not offered, and what failed as expected.
3. The likely causes, each with its sources.
4. The violations: what came back, what is exact, and a program that shows the difference.
5. A line that sums up.  It comes last because it is what is in view when the command ends.

Names and messages come from strangers and may contain brackets, in which Rich would see markup.
They are escaped wherever they are printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bnproof.cli._console import open_console

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from bnproof.contract import Violation
    from bnproof.verification.verdict import Verdict

# Programs that are printed in full. One bug often breaks several laws, and the program of one of
# them is enough to see it; more of them would push the laws out of sight.
PROGRAMS = 3
# From here on an error only says that the law is broken: laws without a size have an infinite one.
# Sizes beyond this are shown as "-" like these, for nobody reads their digits.
NO_SIZE = 1e9
COLOURS = {"holds": "green", "violated": "red", "expected": "yellow", "not offered": "dim"}


def print_verdict(verdict: Verdict) -> None:
    """Print the whole verdict on standard output.

    Parameters
    ----------
    verdict
        What :func:`bnproof.verification.supervisor.supervise` returned.

    Notes
    -----
    Without a terminal there are no colours.  The tables follow the width of the terminal; programs
    and addresses are printed as they are, however long their lines.
    """
    from rich.markup import escape

    out = open_console()
    out.print(_tabulate_laws(verdict))
    out.print(
        "[dim]error: largest error over what the working precision explains; ulp: of the magnitudes"
        " summed[/]"
    )
    # Cases that could not be judged are told, so that silence never passes for a law that holds.
    for law, cases in verdict.unjudged.items():
        out.print(
            f"{law}: {cases} cases not judged, their batches are too long for the precision (m u"
            " >= 1)"
        )
    if verdict.not_offered:
        out.print(f"[dim]not offered: {', '.join(verdict.not_offered)}[/]")
    for law, reason in verdict.expected.items():
        out.print(f"[yellow]expected: {law}[/] ({escape(reason)})")
    _print_causes(out, verdict)
    for number, violation in enumerate(verdict.violations):
        _print_violation(out, violation, in_full=number < PROGRAMS)
    if len(verdict.violations) > PROGRAMS:
        out.print(f"\nPrograms of the first {PROGRAMS} violations; --format json has all of them.")
    out.print(
        f"\n{escape(verdict.target)} ({verdict.convention} convention, seed {verdict.seed},"
        f" {verdict.cases} cases): {len(verdict.passed)} laws hold, {len(verdict.violations)}"
        f" violated, {len(verdict.expected)} as expected, {len(verdict.not_offered)} not offered."
    )


def _tabulate_laws(verdict: Verdict) -> Table:
    """One row for each law that judged something: its verdict, cases and largest errors."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("law", "verdict"):
        table.add_column(heading, no_wrap=True)
    for heading in ("cases", "error", "ulp"):
        table.add_column(heading, justify="right", no_wrap=True)
    for law, tally in verdict.tallies.items():
        state = verdict.find_state(law)
        ulp = "" if tally.ulp is None else f"{tally.ulp:.3g}"
        ratio = f"{tally.ratio:.2g}" if tally.ratio < NO_SIZE else "-"
        table.add_row(law, f"[{COLOURS[state]}]{state}[/]", str(tally.cases), ratio, ulp)
    return table


def _print_causes(out: Console, verdict: Verdict) -> None:
    """Print every likely cause once, with the first few places where it happened before.

    Causes are told apart by their mechanism, so two laws broken by one mechanism share an entry.
    """
    from rich.markup import escape

    from bnproof.wording import SOURCES, describe_cause

    # Several laws are often broken by one mechanism, whose sources need to be read only once.
    causes = {
        violation.cause.mechanism: violation.cause
        for violation in verdict.violations
        if violation.cause
    }
    for cause in causes.values():
        out.print(f"\n[bold]{escape(describe_cause(cause))}[/]")
        # An address that is broken over two lines cannot be clicked.
        for source in cause.sources[:SOURCES]:
            out.print(f"  seen before: {escape(source)}", soft_wrap=True)


def _print_violation(out: Console, violation: Violation, *, in_full: bool) -> None:
    """Print what is wrong, what may explain it, its size, and the program that shows it.

    Where ``in_full`` is false the program is left out; the JSON of the verdict has it.
    """
    from rich.markup import escape

    out.print(f"\n[red]violated: {violation.law}[/]\n  {escape(violation.message)}")
    if violation.residual:
        out.print(f"  {escape(violation.residual)}")
    if violation.ulp is not None:
        out.print(f"  {violation.ulp:.3g} ulp")
    if violation.reproducer and in_full:
        out.print("  To reproduce:\n")
        # Not through Rich, which would wrap long lines and break the program.
        click.echo("".join(f"    {line}\n" for line in violation.reproducer.splitlines()))
