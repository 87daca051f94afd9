"""A case and the proved formulas in balls: exact up to a radius, at microseconds an entry."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from bnproof.contract import Case
from bnproof.laws.columns import columns
from bnproof.lowering.numbers import BALLS, BITS, ball, precision
from bnproof.lowering.program import Program, lower
from bnproof.theorems.formulas import index_of, predictions


def evaluate(quantity: str, case: Case) -> Any:
    """The proved formula of a quantity on the case."""
    with precision(BITS):
        return _program(quantity)(BALLS, inputs(case))


@cache
def _program(quantity: str) -> Program:
    index = index_of(quantity)
    return lower(predictions()[quantity][1].statement.rhs, *(() if index is None else (index,)))


def inputs(case: Case) -> dict[str, Any]:
    """The case as balls, under the names of the formulas; every value exact."""
    channels = case.x.shape[1]
    values = {
        "x": columns(case.x),
        "g": columns(case.dy),
        "h": columns(case.x if case.ddx is None else case.ddx),
        "gamma": np.ones(channels) if case.gamma is None else case.gamma,
        "beta": np.zeros(channels) if case.beta is None else case.beta,
        "mu_r": case.running_mean,
        "v_r": case.running_var,
    }
    arrays = {name: BALLS.array(np.asarray(value, dtype=float)) for name, value in values.items()}
    return arrays | {"eps": ball(case.eps), "alpha": ball(case.momentum)}
