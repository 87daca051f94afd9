"""Which mutations of the NumPy reference the laws find, and why the survivors are none: one
page."""

from __future__ import annotations

from collections import Counter

from bnproof.records import Records, Row
from bnproof.reports.files import declare_page
from bnproof.reports.pages import render_page, describe_provenance

TEXTS = "texts of errors"  # the reason that is counted, not listed


def list_unexplained(records: Records) -> list[Row]:
    """Mutants that no law found and that nothing explains: holes of the suite, or reasons that are
    missing."""
    return [
        row
        for row in records.select("mutation")
        if row["outcome"] in ("survived", "timeout") and not row["reason"]
    ]


def render_mutation(records: Records) -> str:
    """The page."""
    rows = records.select("mutation")
    reasons = group_rows([row for row in rows if row["outcome"] == "survived"], "reason")
    return render_page(
        "mutation.md",
        provenance=describe_provenance(records),
        mutants=len(rows),
        outcomes=Counter(row["outcome"] for row in rows),
        files={
            file: Counter(row["outcome"] for row in of)
            for file, of in group_rows(rows, "file").items()
        },
        first=rows[0]["effort"] if rows else "",
        later=[
            row for row in rows if row["outcome"] == "killed" and row["effort"] != rows[0]["effort"]
        ],
        through=Counter(row["through"] for row in rows if row["outcome"] == "killed"),
        laws=Counter(row["law"] for row in rows if row["law"]).most_common(),
        texts=len(reasons.pop(TEXTS, [])),
        reasons={reason: of for reason, of in reasons.items() if reason},
        unexplained=list_unexplained(records),
        seconds=sum(row["seconds"] for row in rows),
    )


def group_rows(rows: list[Row], by: str) -> dict[str, list[Row]]:
    """The rows by one of their values, in order of appearance."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[by], []).append(row)
    return groups


FILES = (declare_page("mutation.md", ("mutation",), render_mutation),)
