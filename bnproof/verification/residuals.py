"""What turns the exact value into the one that came back: a factor with a name, the same for every
entry.

A forgotten ``gamma``, an ``m - 1`` for ``m``, an eps outside the root: each of them multiplies an
output (or the part of it that is not added afterwards) by a number or by one number per channel.
Where one such factor explains every entry within its bound, the message says so.  It is a hint for
the reader, and no verdict depends on it.
"""

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
    """Find the factors that turn the exact values into what came back.

    Parameters
    ----------
    quantity
        The name of the output.
    observed
        The output as it was returned, channels on axis 1.
    oracle
        The exact values and bounds of the case.

    Yields
    ------
    str
        A sentence for every factor that fits, such as "the part that is not beta is (m - 1)/m times
        the exact one".  Nothing for an answer that is right.

    Notes
    -----
    With the exact value ``e``, what is added to it ``o`` (beta in an output, the old statistic's
    share in a new one), its bound ``b`` and a factor ``f``, the value ``v`` fits where ``|(v - o) -
    f (e - o)| <= b (1 + |f|)`` in every entry: an implementation with this factor has its rounding
    errors multiplied by it.  A factor within that distance of 1 in every entry explains nothing and
    is left out.
    """
    got = np.asarray(as_columns(quantity, observed), dtype=float)
    exact, bound = (
        oracle.exact(quantity).mid,
        np.broadcast_to(oracle.bound(quantity).total, got.shape),
    )
    # Factors have a value per channel on the last axis, and a channel is an output of the layer.
    if quantity == "folded_weight":
        got, exact, bound = (_move_output_last(values, oracle) for values in (got, exact, bound))
    if not np.all(np.isfinite(got)):
        # Every factor times NaN is NaN.
        yield f"{quantity} is not finite everywhere"
        return
    formula = FORMULAS[quantity]
    offset = formula.offset(oracle)
    for name, factor in list_factors(oracle, quantity).items():
        # The rounding errors of an implementation with this factor are multiplied by it as well.
        allowed = bound * (1 + np.abs(factor))
        explained = np.abs((got - offset) - factor * (exact - offset)) <= allowed
        # A factor that moves no entry beyond its bound cannot be told from 1 on this case.
        moved = np.abs((factor - 1) * (exact - offset)) > allowed
        if np.all(explained) and np.any(moved):
            yield describe_residual(quantity, formula.changing, name)


def _move_output_last(weight: Array, oracle: Oracle) -> Array:
    """Arrange weights with the output they feed on the last axis."""
    return np.moveaxis(arrange_by_output(weight, oracle.layer.kind, oracle.layer.groups)[0], 1, -1)


def list_factors(oracle: Oracle, quantity: str) -> dict[str, Any]:
    """List the factors by what they mean.

    Parameters
    ----------
    oracle
        The batch statistics, gamma, eps, m and momentum of the case.
    quantity
        The output that they may multiply.  Quantities of inference take ``s`` from the running
        statistics, the others from the batch.

    Returns
    -------
    dict
        Numbers, or arrays of shape ``(C,)``, by their names in words.  Those that are not finite in
        some channel are left out (``1/gamma`` where gamma is 0).
    """
    case = oracle.case
    m, eps, alpha = case.m, case.eps, case.momentum
    batch = FORMULAS[quantity].select_batch(oracle)
    s, v, gamma = batch.s, batch.v, oracle.gamma
    # gamma, alpha or a variance may be 0. The factors that are not finite then are dropped at the
    # end.
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
            # Defaults of well-known layers, which are easily used in place of the eps that was
            # handed over.
            "s/sqrt(v + 1e-5) times (eps = 1e-5)": s / np.sqrt(v + 1e-5),
            "s/sqrt(v + 1e-3) times (eps = 1e-3)": s / np.sqrt(v + 1e-3),
            "s/sqrt(v + 2 eps) times (eps counted twice)": s / np.sqrt(v + 2 * eps),
            "(1 - alpha)/alpha times (momentum the other way round)": (
                (1 - alpha) / alpha if alpha else np.inf
            ),
        }
        # Bessel's factor is defined for two values or more.
        if m > 1:
            factors |= {
                "(m - 1)/m times": (m - 1) / m,
                "m/(m - 1) times": m / (m - 1),
                "s/sqrt(m/(m - 1) v + eps) times (Bessel's factor in the normalising variance)": (
                    s / np.sqrt(m / (m - 1) * v + eps)
                ),
            }
    return {name: factor for name, factor in factors.items() if np.all(np.isfinite(factor))}
