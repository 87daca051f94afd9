"""The family of a bug by the pattern of laws it breaks, where the pattern is of one family
alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bnproof.contract import Case, Measurement
from bnproof.formats import is_half
from bnproof.laws.columns import to_columns
from bnproof.laws.law import Law

#: Of several families that all broken laws share, the first is named: the narrower ones come first.
ORDER = ("fold", "inference", "layout", "distributed", "gradient", "running-stats", "edge-case")
SMALL_KAPPA = 30.0  # up to here a one-pass variance loses too few digits to show in most cases
MOSTLY = 0.6  # of the cases: another formula shows nearly everywhere
STATISTICS = {"running_mean", "running_var"}


def find_family(
    violated: Iterable[Law], broken: Sequence[tuple[Case, Measurement]], shares: Mapping[str, float]
) -> str:
    """One of the catalogue's families, or an empty string where the pattern is mixed.

    Parameters
    ----------
    violated
        The broken laws.
    broken
        Failing cases, with what was seen on them.
    shares
        In which part of its cases a law is broken.
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
