"""A case and the proved formulas in balls: exact up to a radius, at microseconds an entry."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from bnproof.contract import Case
from bnproof.laws.columns import to_columns
from bnproof.lowering.numbers import BALLS, BITS, ball, precision
from bnproof.lowering.program import Program, lower
from bnproof.theorems.formulas import find_free_index, list_predictions


def evaluate(quantity: str, case: Case) -> Any:
    """The proved formula of a quantity on the case."""
    with precision(BITS):
        return _lower_formula(quantity)(BALLS, convert_case(case))


@cache
def _lower_formula(quantity: str) -> Program:
    index = find_free_index(quantity)
    return lower(
        list_predictions()[quantity][1].statement.rhs, *(() if index is None else (index,))
    )


def convert_case(case: Case) -> dict[str, Any]:
    """The case as balls, under the names of the formulas; every value exact."""
    channels = case.x.shape[1]
    values = {
        "x": to_columns(case.x),
        "g": to_columns(case.dy),
        "h": to_columns(case.x if case.ddx is None else case.ddx),
        "gamma": np.ones(channels) if case.gamma is None else case.gamma,
        "beta": np.zeros(channels) if case.beta is None else case.beta,
        "mu_r": case.running_mean,
        "v_r": case.running_var,
    }
    arrays = {name: BALLS.array(np.asarray(value, dtype=float)) for name, value in values.items()}
    return arrays | {"eps": ball(case.eps), "alpha": ball(case.momentum)}
