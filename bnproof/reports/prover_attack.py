"""The prover against an evaluator of its own, and where they disagree: one page.

A row of the kind ``attack`` is one statement: what family it comes from, what the prover said, what
the evaluator knows of its truth, and the problem if the two disagree.
"""

from __future__ import annotations

from collections import Counter

from bnproof.records import Records, Row
from bnproof.reports.files import declare_page
from bnproof.reports.pages import describe_provenance, render_page

# The columns of the tables, and below the rows of the first, in this order.
VERDICTS = ("proved", "refuted", "undecided", "refused", "error", "out of time")
# What the evaluator may know, the sure answers first.
TRUTHS = ("true", "false", "undefined", "not known", "malformed")


def render_prover_attack(records: Records) -> str:
    """The page, with a table of verdicts by truth, one by family, and every disagreement in full.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``attack``.

    Returns
    -------
    str
        Markdown.
    """
    rows = records.select("attack")
    return render_page(
        "prover_attack.md",
        provenance=describe_provenance(records),
        seed=records.header["seed"],
        statements=len(rows),
        verdicts=VERDICTS,
        truths=TRUTHS,
        table=Counter((row["verdict"], row["truth"]) for row in rows),
        families=count_families(rows),
        # The default is for a run without a statement.
        slowest=max((row["seconds"] for row in rows), default=0),
        # Refusals of statements that can be read: not wrong, but worth looking at.
        refusals=Counter(row["refusal"] for row in rows if "refusal" in row),
        problems=[row for row in rows if "problem" in row],
    )


def count_families(rows: list[Row]) -> dict[str, Counter[str]]:
    """How often each verdict was given in each family.

    Parameters
    ----------
    rows : list of Row
        Rows of the kind ``attack``.

    Returns
    -------
    dict of str to Counter
        Counts by verdict for each family, families by name.
    """
    counted: dict[str, Counter[str]] = {}
    for row in rows:
        counted.setdefault(row["family"], Counter())[row["verdict"]] += 1
    return dict(sorted(counted.items()))


FILES = (declare_page("prover_attack.md", ("attack",), render_prover_attack),)
