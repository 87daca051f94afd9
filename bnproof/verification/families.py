"""The family of a bug by the pattern of laws it breaks, where the pattern is of one family alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

import numpy as np

from bnproof.contract import Case, Measurement
from bnproof.formats import is_half
from bnproof.laws.layout import columns

GROUPS: dict[str, tuple[str, ...]] = {
    "layout": ("layout", "layout-", "broadcast-gradient"),
    "fold": ("fold-", "layout-fold"),
    "inference": (
        "inference-",
        "layout-inference",
        "layout-inference-gradient",
        "gamma-matters",
        "beta-matters",
        "eps-matters",
        "running-",
    ),
    "distributed": ("shards-", "empty-shard"),
    "edge-case": ("one-value", "empty-batch"),
    "gradient": (
        "gradient-",
        "double-backward-",
        "layout-gradient",
        "layout-double-backward",
        "sequence-backward",
        "gamma-matters",
        "eps-matters",
    ),
    "running-stats": ("running-", "momentum-matters", "shards-running-", "sequence-", "fresh-"),
}
ORDER = ("fold", "inference", "layout", "distributed", "gradient", "running-stats", "edge-case")
SMALL_KAPPA = 30.0
MOSTLY = 0.6  # of the cases: another formula shows nearly everywhere
STATISTICS = ("running_mean", "running_var")


def family(violated: Set[str], broken: Sequence[tuple[Case, Measurement]], shares: Mapping[str, float]) -> str:
    """One of the catalogue's families, or an empty string where the pattern is mixed.

    ``shares``: in which part of its cases a law is broken.
    """
    if broken and all(seen.quantity in STATISTICS for _, seen in broken):
        return "running-stats"
    for name in ORDER:
        if all(_belongs(law, name) for law in violated):
            return name
    if broken and all(is_half(case.dtype) for case, _ in broken):
        return "dtype"
    if broken and all(_ill_conditioned(case) for case, _ in broken):
        return "variance-numerics"
    return "forward" if shares.get("output", 0.0) > MOSTLY else ""


def _belongs(law: str, name: str) -> bool:
    return any(law == start or (start.endswith("-") and law.startswith(start)) for start in GROUPS[name])


def _ill_conditioned(case: Case) -> bool:
    """Whether some channel has its mean far from 0 against its spread."""
    x = np.asarray(columns(case.x), dtype=float)
    return bool(np.any(np.abs(x.mean(axis=0)) > SMALL_KAPPA * x.std(axis=0)))
