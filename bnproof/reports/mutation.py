"""Which mutations of the NumPy reference the laws find, and why the survivors are none: one
page."""

from __future__ import annotations

from collections import Counter

from bnproof.records import Records, Row
from bnproof.reports.files import declare_page
from bnproof.reports.pages import page, provenance

TEXTS = "texts of errors"  # the reason that is counted, not listed


def unexplained(records: Records) -> list[Row]:
    """Mutants that no law found and that nothing explains: holes of the suite, or reasons that are
    missing."""
    return [
        row
        for row in records.select("mutation")
        if row["outcome"] in ("survived", "timeout") and not row["reason"]
    ]


def mutation(records: Records) -> str:
    """The page."""
    rows = records.select("mutation")
    reasons = grouped([row for row in rows if row["outcome"] == "survived"], "reason")
    return page(
        "mutation.md",
        provenance=provenance(records),
        mutants=len(rows),
        outcomes=Counter(row["outcome"] for row in rows),
        files={
            file: Counter(row["outcome"] for row in of)
            for file, of in grouped(rows, "file").items()
        },
        first=rows[0]["effort"] if rows else "",
        later=[
            row for row in rows if row["outcome"] == "killed" and row["effort"] != rows[0]["effort"]
        ],
        through=Counter(row["through"] for row in rows if row["outcome"] == "killed"),
        laws=Counter(row["law"] for row in rows if row["law"]).most_common(),
        texts=len(reasons.pop(TEXTS, [])),
        reasons={reason: of for reason, of in reasons.items() if reason},
        unexplained=unexplained(records),
        seconds=sum(row["seconds"] for row in rows),
    )


def grouped(rows: list[Row], by: str) -> dict[str, list[Row]]:
    """The rows by one of their values, in order of appearance."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[by], []).append(row)
    return found


FILES = (declare_page("mutation.md", ("mutation",), mutation),)
