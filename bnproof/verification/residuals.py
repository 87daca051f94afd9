"""What turns the exact value into the one that came back: a factor with a name, the same for every
entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bnproof.certify.folding import arrange_by_output
from bnproof.contract import Array
from bnproof.laws.comparing import as_columns
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import FORMULAS
from bnproof.wording import describe_residual


def explain_by_factor(quantity: str, observed: Array, oracle: Oracle) -> Iterator[str]:
    """Sentences such as "the part that is not beta is (m - 1)/m times the exact one", one for every
    factor that fits.

    A factor fits where it explains every entry within its bound and is not 1.
    """
    got = np.asarray(as_columns(quantity, observed), dtype=float)
    exact, bound = (
        oracle.exact(quantity).mid,
        np.broadcast_to(oracle.bound(quantity).total, got.shape),
    )
    if quantity == "folded_weight":
        got, exact, bound = (_move_output_last(values, oracle) for values in (got, exact, bound))
    if not np.all(np.isfinite(got)):
        yield f"{quantity} is not finite everywhere"
        return
    formula = FORMULAS[quantity]
    offset = formula.offset(oracle)
    for name, factor in list_factors(oracle, quantity).items():
        allowed = bound * (1 + np.abs(factor))
        explained = np.abs((got - offset) - factor * (exact - offset)) <= allowed
        moved = np.abs((factor - 1) * (exact - offset)) > allowed
        if np.all(explained) and np.any(moved):
            yield describe_residual(quantity, formula.changing, name)


def _move_output_last(weight: Array, oracle: Oracle) -> Array:
    """Weights with the output they feed on the last axis."""
    return np.moveaxis(arrange_by_output(weight, oracle.layer.kind, oracle.layer.groups)[0], 1, -1)


def list_factors(oracle: Oracle, quantity: str) -> dict[str, Any]:
    """Factors by what they mean; arrays have a value per channel.  Those that are not finite are
    left out."""
    case = oracle.case
    m, eps, alpha = case.m, case.eps, case.momentum
    batch = oracle.fixed if FORMULAS[quantity].fixed else oracle.batch
    s, v, gamma = batch.s, batch.v, oracle.gamma
    with np.errstate(divide="ignore", invalid="ignore"):
        factors: dict[str, Any] = {
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
            "s/(sqrt(v) + eps) times (eps outside the root)": s / (np.sqrt(v) + eps),
            "1/gamma times": 1 / gamma,
            "s/sqrt(v) times (eps left out)": s / np.sqrt(v),
            "s/sqrt(v + 1e-5) times (eps = 1e-5)": s / np.sqrt(v + 1e-5),
            "s/sqrt(v + 1e-3) times (eps = 1e-3)": s / np.sqrt(v + 1e-3),
            "s/sqrt(v + 2 eps) times (eps counted twice)": s / np.sqrt(v + 2 * eps),
            "(1 - alpha)/alpha times (momentum the other way round)": (
                (1 - alpha) / alpha if alpha else np.inf
            ),
        }
        if m > 1:
            factors |= {
                "(m - 1)/m times": (m - 1) / m,
                "m/(m - 1) times": m / (m - 1),
                "s/sqrt(m/(m - 1) v + eps) times (Bessel's factor in the normalising variance)": (
                    s / np.sqrt(m / (m - 1) * v + eps)
                ),
            }
    return {name: factor for name, factor in factors.items() if np.all(np.isfinite(factor))}
