"""``bnproof claims``: what the thread asserts, settled by proofs and measurements.

The thread is a discussion of what ``gamma`` and ``beta`` are for, on a site for statistics; its
claims are in :mod:`bnproof.claims`.  Nothing is looked up: the theorems behind the claims are
proved and the experiments are run again, so all claims together take a while.

The exit status is 0 also where a claim is refuted, because that it is false is what was asked for.
It is 3 where a claim stays undecided.  ``--format json`` prints one object: by claim its ``id``,
its ``verdict``, its ``theorems`` and the ``counterexamples`` that were found.
"""

from __future__ import annotations

import click

from bnproof.cli._console import build_refusal, open_console, print_json, show_progress


@click.command()
@click.argument("names", nargs=-1, metavar="[ID ...]")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Mini-batches and training.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
)
def command(names: tuple[str, ...], seed: int, form: str) -> int:
    """Settle what a discussion of batch norm asserts.

    With ID, such as A4, a claim is shown in full: its proofs, counterexamples, and numbers measured
    on images of digits. Without ID all claims are listed with their verdicts.
    """
    from bnproof.claims import UnknownClaim, find, load_ledger, settle
    from bnproof.reporting import collect_claim_rows
    from bnproof.reports import ledger as pages

    try:
        wanted = [find(name) for name in names] or list(load_ledger().values())
    except UnknownClaim as unknown:
        raise build_refusal(unknown.args[0]) from unknown
    # All at once, because claims share theorems and experiments, which then run once.
    with show_progress("settling claims") as advance:
        rows = collect_claim_rows(wanted, seed, advance)
    findings = [settle(claim, rows) for claim in wanted]
    if form == "json":
        print_json({"claims": [finding.as_json() for finding in findings]})
    elif form == "markdown":
        click.echo("\n".join(pages.render_markdown(finding, rows) for finding in findings))
    else:
        open_console().print(
            # With an id the claim is shown in full; without, all of them as a table.
            pages.render_terminal(findings, rows) if names else pages.render_overview(findings)
        )
    # A refuted claim is no failure: that it is false is the answer. Only an open one is.
    return 3 if any(finding.verdict == "undecided" for finding in findings) else 0
