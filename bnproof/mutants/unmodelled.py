"""Known bugs that the contract cannot say: what each was, and why no model of it is kept.

They stay in ``sources.csv``, so that the power of the laws is counted over all known bugs and not
over those that are easy to model. What each was and why, a sentence
each, stands in ``unmodelled.csv`` and is printed on the page about detection.
"""

from __future__ import annotations

from bnproof.mutants.catalogue import read_rows

# By id: what the bug was, and why the contract cannot say it. A new method of the contract is a
# reason to read this list again.
UNMODELLED: dict[str, tuple[str, str]] = {
    row["id"]: (row["says"], row["why"]) for row in read_rows("unmodelled.csv")
}
