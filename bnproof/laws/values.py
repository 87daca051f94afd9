"""Value laws: an output lies within its a-priori bound of the proved formula's exact value."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
from flint import arb

from bnproof.certify import Enclosure, ulp_error
from bnproof.contract import Measurement
from bnproof.laws.answers import Answers
from bnproof.laws.law import Law
from bnproof.laws.layout import columns, position
from bnproof.laws.oracle import Oracle
from bnproof.lowering.numbers import precision
from bnproof.theorems.formulas import predictions

NAMES = {
    "y": ("output", "the training output is gamma xhat + beta"),
    "dx": ("gradient-x", "the input's gradient is the compact form"),
    "dgamma": ("gradient-gamma", "gamma's gradient is sum g xhat"),
    "dbeta": ("gradient-beta", "beta's gradient is sum g"),
    "running_mean": ("running-mean", "the running mean is (1 - alpha) r + alpha mu"),
    "running_var": (
        "running-variance",
        "the running variance is (1 - alpha) r + alpha v, v with the convention's factor",
    ),
    "infer_y": ("inference-output", "the inference output is gamma (x - mu_r)/s_r + beta"),
    "infer_dx": ("inference-gradient-x", "the input's gradient at inference is gamma/s_r g"),
    "infer_dgamma": ("inference-gradient-gamma", "gamma's gradient at inference is sum g (x - mu_r)/s_r"),
    "infer_dbeta": ("inference-gradient-beta", "beta's gradient at inference is sum g"),
}


def listed() -> Iterable[Law]:
    """One law per predicted output."""
    for quantity, (name, says) in NAMES.items():
        theorem = predictions()[formula_of(quantity, "unbiased")][0]
        yield Law(name, theorem, says, quantity, partial(measure, quantity))


def formula_of(quantity: str, running_var: str) -> str:
    """The name of the formula that predicts an output; the running variance has one per convention."""
    return f"running_var_{running_var}" if quantity == "running_var" else quantity


def measure(quantity: str, answers: Answers, oracle: Oracle) -> Measurement | None:
    """The largest error in units of the bound, with its place; ``None`` where there is no such output."""
    observed = answers.observe(quantity)
    if observed is None:
        return None
    formula = formula_of(quantity, answers.convention.running_var)
    got = columns(observed) if observed.ndim > 1 else observed
    true, bound = oracle.true(formula), np.broadcast_to(oracle.bound(formula).total, got.shape)
    errors = true.distance(got)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(errors == 0, 0, errors / bound)
    ratios = np.where(np.isnan(ratios), np.inf, ratios)
    at = tuple(map(int, np.unravel_index(int(np.argmax(ratios)), ratios.shape)))
    place = position(at, observed.shape)
    return Measurement(
        law=NAMES[quantity][0],
        quantity=quantity,
        ratio=float(ratios[at]),
        ulp=float(np.max(ulp_error(got, true, oracle.magnitude(formula)))),
        at=place,
        got=float(got[at]).hex(),
        expected=f"{float(true.mid[at]).hex()} +- {bound[at]:.3g}",
        message=f"{quantity}{list(place)} is {got[at]:.17g}, the exact value is {decimal(true, at)}, "
        f"{errors[at]:.3g} apart where two-pass arithmetic in {got.dtype} explains {bound[at]:.3g}",
    )


def decimal(exact: Enclosure, at: tuple[int, ...]) -> str:
    """Twenty digits of the exact value."""
    with precision(160):
        return str((arb(float(exact.mid[at])) + arb(float(exact.low[at]))).str(20, radius=False))
