"""How often certify was tried against exact values, and whether it ever missed: one page.

Each row of the kind ``containment`` is a share of the inputs, tried in one process. It counts the
numbers that were enclosed, and lists every number that lay outside its enclosure. The page adds up
the shares.
"""

from __future__ import annotations

from collections import Counter

from bnproof.records import Records
from bnproof.reports.files import declare_page
from bnproof.reports.pages import describe_provenance, render_page


def render_containment(records: Records) -> str:
    """The page, with sums over all shares and every miss in words.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``containment``.

    Returns
    -------
    str
        Markdown.
    """
    rows = records.select("containment")
    entries: Counter[str] = Counter()
    dtypes: Counter[str] = Counter()
    for row in rows:
        # A Counter adds up where a dictionary would replace.
        entries.update(row["entries"])
        dtypes.update(row["dtypes"])
    return render_page(
        "containment.md",
        provenance=describe_provenance(records),
        cases=sum(row["cases"] for row in rows),
        entries=entries,
        # Sorted: the order in which processes finished must not show.
        dtypes=dict(sorted(dtypes.items())),
        missed=[problem for row in rows for problem in row["missed"]],
    )


FILES = (declare_page("containment.md", ("containment",), render_containment),)
