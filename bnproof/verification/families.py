"""The family of a bug by the pattern of laws it breaks, where the pattern is of one family alone.

A law says of itself which families of bugs break it.  Where all broken laws share a family, that is
the family of the bug; where they do not, what the failing cases have in common may tell it (half
precision, a mean that is large against the spread).  It is a guess, and shown as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bnproof.contract import Case, Measurement
from bnproof.formats import is_half
from bnproof.laws.columns import to_columns
from bnproof.laws.law import Law

#: Of several families that all broken laws share, the first is named: the narrower ones come first.
ORDER = ("fold", "inference", "layout", "distributed", "gradient", "running-stats", "edge-case")
# Up to this ratio of mean to standard deviation a one-pass variance (the mean square less the
# squared mean) loses too few digits to show in most cases. A bug that shows beyond it alone is
# one of arithmetic.
SMALL_KAPPA = 30.0
# The share of cases in which the output has to be wrong before the formula itself is suspected.
# Another formula shows nearly everywhere. A bug of one rank, dtype or layout shows in fewer cases.
MOSTLY = 0.6
STATISTICS = {"running_mean", "running_var"}


def find_family(
    violated: Iterable[Law], broken: Sequence[tuple[Case, Measurement]], shares: Mapping[str, float]
) -> str:
    """Tell the family of a bug.

    Parameters
    ----------
    violated
        The broken laws.
    broken
        Failing cases, with what was seen on them.
    shares
        In which part of its cases a law is broken, by the id of the law.

    Returns
    -------
    str
        One of the catalogue's families, or an empty string where the pattern is mixed.
    """
    if broken and all(
        seen.quantities and STATISTICS.issuperset(seen.quantities) for _, seen in broken
    ):
        return "running-stats"
    shared = frozenset[str].intersection(*(law.families for law in violated))
    for name in ORDER:
        if name in shared:
            return name
    if broken and all(is_half(case.dtype) for case, _ in broken):
        return "dtype"
    if broken and all(_is_ill_conditioned(case) for case, _ in broken):
        return "variance-numerics"
    return "forward" if shares.get("output", 0.0) > MOSTLY else ""


def _is_ill_conditioned(case: Case) -> bool:
    """Whether some channel has its mean far from 0 against its spread."""
    x = np.asarray(to_columns(case.x), dtype=float)
    return bool(np.any(np.abs(x.mean(axis=0)) > SMALL_KAPPA * x.std(axis=0)))
