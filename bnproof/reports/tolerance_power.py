"""Derived tolerances beside typed-in ones: one page and one table.

Rows of the kind ``tolerance_bug`` tell of one model of a known bug, and which tolerances accept
what it returned.  Rows of the kind ``tolerance_constant`` compare two tolerances on batches of one
condition.  Rows of the kind ``tolerance_correct`` count the calls of assertions with correct
results, and list what was refused.
"""

from __future__ import annotations

from collections import Counter

from bnproof.records import Records, Row
from bnproof.reports.files import declare_page, declare_table
from bnproof.reports.pages import describe_provenance, render_page

KINDS = ("tolerance_bug", "tolerance_constant", "tolerance_correct")
COLUMNS = (
    "bug",
    "mechanism",
    "case",
    "quantity",
    "dtype",
    "shape",
    "worst",
    "excess",
    "derived",
)


def render_tolerances(records: Records) -> str:
    """The page: how many bugs each tolerance accepts, nearly constant batches, correct results.

    Parameters
    ----------
    records : Records
        Holds rows of the three kinds.

    Returns
    -------
    str
        Markdown.
    """
    bugs = records.select("tolerance_bug")
    calls: Counter[str] = Counter()
    for row in records.select("tolerance_correct"):
        calls.update(row["calls"])
    return render_page(
        "tolerance.md",
        provenance=describe_provenance(records),
        bugs=bugs,
        typed=[_count_accepted(bugs, name) for name in (bugs[0]["typed"] if bugs else ())],
        missed=[row["bug"] for row in bugs if row["derived"]],
        constant=records.select("tolerance_constant"),
        calls=dict(sorted(calls.items())),
        refused=[words for row in records.select("tolerance_correct") for words in row["refused"]],
    )


def _count_accepted(bugs: list[Row], name: str) -> Row:
    """How many bugs a typed-in tolerance was asked about, and which it accepts."""
    verdicts = {row["bug"]: row["typed"][name] for row in bugs if row["typed"][name] is not None}
    accepted = [bug for bug, accepts in verdicts.items() if accepts]
    return {"name": name, "judged": len(verdicts), "accepted": accepted}


FILES = (
    declare_page("tolerance.md", KINDS, render_tolerances),
    declare_table("tolerance.csv", "tolerance_bug", COLUMNS),
)
