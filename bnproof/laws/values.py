"""Value laws: every quantity lies within its a-priori bound of the proved formula's exact value.

There is one law for each entry of the table in :mod:`bnproof.laws.quantities`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from bnproof.contract import Measurement
from bnproof.laws.answers import Answers
from bnproof.laws.comparing import compare_plain
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import FORMULAS, name_theorem


def list_laws() -> Iterable[Law]:
    """Yield one law per quantity."""
    for quantity, formula in FORMULAS.items():
        yield Law(
            formula.law,
            name_theorem(quantity),
            formula.says,
            (quantity,),
            partial(measure_value, quantity),
            formula.most,
            families=formula.families,
            by_convention=formula.by_convention,
            follows=formula.follows,
        )


def measure_value(quantity: str, answers: Answers, oracle: Oracle) -> Measurement | None:
    """Return the largest error of a quantity in units of its bound.

    Parameters
    ----------
    quantity
        The name of the output.
    answers, oracle
        The target on a case, and what is right there.

    Returns
    -------
    Measurement or None
        ``None`` where there is no such output, such as the gradient of an absent gamma.
    """
    seen = compare_plain(answers, oracle, quantity)
    # Compared once for all laws that look at the plain answer; here it gets the name of this law.
    return seen and replace(seen, law=FORMULAS[quantity].law)
