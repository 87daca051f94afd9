"""A case and the proved formulas in balls.

A formula that was proved for every m is lowered as it stands in the book, and evaluated in interval
arithmetic with hundreds of bits.  The result holds the exact value.  It costs microseconds an entry
where a certified kernel costs nanoseconds, so it serves quantities that have no kernel, and
relations.
"""

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
    """Evaluate the proved formula of a quantity on a case.

    Parameters
    ----------
    quantity
        A name that some assertion of the book predicts, such as "d_x".
    case
        The input; where it has no ``ddx``, x itself takes its place.

    Returns
    -------
    numpy.ndarray
        Balls: ``(m, C)`` for quantities with an entry for every entry of x, else ``(C,)``.
    """
    with precision(BITS):
        return _lower_formula(quantity)(BALLS, convert_case(case))


# Lowering is symbolic work, the same for every case.
@cache
def _lower_formula(quantity: str) -> Program:
    """The formula as a function of arrays, over a free index where it has one."""
    index = find_free_index(quantity)
    return lower(
        list_predictions()[quantity][1].statement.rhs, *(() if index is None else (index,))
    )


def convert_case(case: Case) -> dict[str, Any]:
    """Return the case as balls, under the names that the formulas use.

    Every ball holds exactly one value, with radius 0.  Absent parameters become 1 and 0, and x, g
    and h become columns, ``(m, C)``.
    """
    channels = case.x.shape[1]
    values = {
        "x": to_columns(case.x),
        "g": to_columns(case.dy),
        # The double backward is bounded with x in the place of an absent ``ddx`` too.
        "h": to_columns(case.x if case.ddx is None else case.ddx),
        "gamma": np.ones(channels) if case.gamma is None else case.gamma,
        "beta": np.zeros(channels) if case.beta is None else case.beta,
        "mu_r": case.running_mean,
        "v_r": case.running_var,
    }
    # Half precision and float32 are exact in float64.
    arrays = {name: BALLS.array(np.asarray(value, dtype=float)) for name, value in values.items()}
    return arrays | {"eps": ball(case.eps), "alpha": ball(case.momentum)}
