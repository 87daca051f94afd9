"""What turns the exact value into the one that came back: a factor with a name, the same for every entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bnproof.certify.folding import by_output
from bnproof.contract import Array, Case
from bnproof.laws.judging import formula_of
from bnproof.laws.layout import columns
from bnproof.laws.methods import entrywise
from bnproof.laws.oracle import Oracle


def residuals(quantity: str, observed: Array, case: Case, oracle: Oracle, running_var: str) -> Iterator[str]:
    """Sentences such as "the part that is not beta is (m - 1)/m times the exact one", one for every named factor that fits.

    A factor fits where it explains every entry within its bound and is not 1.
    """
    got = np.asarray(columns(observed) if entrywise(quantity) else observed, dtype=float)
    formula = formula_of(quantity, running_var)
    exact, bound = oracle.true(formula).mid, np.broadcast_to(oracle.bound(formula).total, got.shape)
    if quantity == "folded_weight":
        got, exact, bound = (_by_output(values, oracle) for values in (got, exact, bound))
    if not np.all(np.isfinite(got)):
        yield f"{quantity} is not finite everywhere"
        return
    kept, what = _kept(quantity, case)
    for name, factor in factors(case, oracle, quantity).items():
        explained = np.abs((got - kept) - factor * (exact - kept)) <= bound * (1 + np.abs(factor))
        moved = np.abs((factor - 1) * (exact - kept)) > bound * (1 + np.abs(factor))
        if np.all(explained) and np.any(moved):
            yield f"{what or quantity} is {name} the exact one"


def _by_output(weight: Array, oracle: Oracle) -> Array:
    """Weights with the output they feed on the last axis."""
    return np.moveaxis(by_output(weight, oracle.layer.kind, oracle.layer.groups)[0], 1, -1)


def _kept(quantity: str, case: Case) -> tuple[Any, str]:
    """What is added to the part a factor may change."""
    match quantity.removeprefix("shards_"):
        case "y" | "infer_y":
            return (0.0 if case.beta is None else case.beta.astype(float)), "the part of the output that is not beta"
        case "running_mean" | "running_var" as name:
            return (1 - case.momentum) * getattr(case, name).astype(float), "the new statistic's share"
    return 0.0, ""


def factors(case: Case, oracle: Oracle, quantity: str) -> dict[str, Any]:
    """Named factors; arrays have a value per channel."""
    m, at_inference = case.m, quantity.startswith(("infer", "fold"))
    s = oracle.fixed.s if at_inference else oracle.batch.s
    v = oracle.fixed.v if at_inference else oracle.batch.v
    gamma = np.ones_like(s) if case.gamma is None else case.gamma.astype(float)
    found: dict[str, Any] = {
        "0 times": 0.0,
        "-1 times": -1.0,
        "twice": 2.0,
        "half": 0.5,
        "m times": float(m),
        "1/m times": 1 / m,
        "s times": s,
        "1/s times": 1 / s,
        "s^2 times": s**2,
        "1/s^2 times": 1 / s**2,
        "gamma times": gamma,
        "s/(sqrt(v) + eps) times (eps outside the root)": s / (np.sqrt(v) + case.eps),
    }
    with np.errstate(divide="ignore", invalid="ignore"):
        found |= {
            "1/gamma times": 1 / gamma,
            "s/sqrt(v) times (eps left out)": s / np.sqrt(v),
            "s/sqrt(v + 1e-5) times (eps = 1e-5)": s / np.sqrt(v + 1e-5),
            "s/sqrt(v + 1e-3) times (eps = 1e-3)": s / np.sqrt(v + 1e-3),
            "s/sqrt(v + 2 eps) times (eps counted twice)": s / np.sqrt(v + 2 * case.eps),
            "(1 - alpha)/alpha times (momentum the other way round)": (1 - case.momentum) / case.momentum
            if case.momentum
            else np.inf,
        }
        if m > 1:
            found |= {
                "(m - 1)/m times": (m - 1) / m,
                "m/(m - 1) times": m / (m - 1),
                "s/sqrt(m/(m - 1) v + eps) times (Bessel's factor in the normalising variance)": s
                / np.sqrt(m / (m - 1) * v + case.eps),
            }
    return {name: factor for name, factor in found.items() if np.all(np.isfinite(factor))}
