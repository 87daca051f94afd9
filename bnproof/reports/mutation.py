"""Which mutations of the NumPy reference the laws find, and why the survivors are none: one page.

A mutation is one change of the reference's code. A law that breaks kills it; what survives has to
have a reason, because a survivor without one is a hole in the laws. The rows come from
``bnproof/benchmarks/mutation.py``, which also holds the reasons.
"""

from __future__ import annotations

from collections import Counter

from bnproof.records import Records, Row, group_rows, select_rows
from bnproof.reports.files import declare_page
from bnproof.reports.pages import describe_provenance, render_page

# The reason that is counted and not listed: nobody checks the text of an error by a law.
TEXTS = "texts of errors"


def list_unexplained(records: Records) -> list[Row]:
    """Mutants that no law found and that nothing explains.

    They are holes of the suite, or reasons that are missing. A mutant that takes too long counts
    too, since no law has judged it.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``mutation``.

    Returns
    -------
    list of Row
        Their rows.
    """
    return [
        row
        for row in records.select("mutation")
        # A mutation that does not import needs no law to be noticed.
        if row["outcome"] in ("survived", "timeout") and not row["reason"]
    ]


def render_mutation(records: Records) -> str:
    """The page, with counts by file and by law, and every survivor with its reason.

    Parameters
    ----------
    records : Records
        Holds rows of the kind ``mutation``; the first of them was judged at the first effort.

    Returns
    -------
    str
        Markdown.
    """
    rows = records.select("mutation")
    killed = select_rows(rows, outcome="killed")
    reasons = group_rows(select_rows(rows, outcome="survived"), "reason")
    return render_page(
        "mutation.md",
        provenance=describe_provenance(records),
        mutants=len(rows),
        outcomes=Counter(row["outcome"] for row in rows),
        files={
            file: Counter(row["outcome"] for row in group)
            for file, group in group_rows(rows, "file").items()
        },
        first=rows[0]["effort"] if rows else "",
        later=[row for row in killed if row["effort"] != rows[0]["effort"]],
        through=Counter(row["through"] for row in killed),
        laws=Counter(row["law"] for row in rows if row["law"]).most_common(),
        # Taken out of the reasons, so that it is not listed below.
        texts=len(reasons.pop(TEXTS, [])),
        reasons={reason: group for reason, group in reasons.items() if reason},
        unexplained=list_unexplained(records),
        seconds=sum(row["seconds"] for row in rows),
    )


FILES = (declare_page("mutation.md", ("mutation",), render_mutation),)
