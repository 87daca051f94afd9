"""Laws about arguments: each one matters, by the amount it should.

An argument that is ignored, or replaced by a default, does not show where a case happens to use the
default.  So one argument is changed, and the difference of the two answers is held to the exact
difference, within the bounds of both.  The gradients are also linear in the upstream gradient:
powers of two times dy give those powers of two times the gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from bnproof.contract import QUANTITIES, Array, Measurement
from bnproof.laws.answers import Answers
from bnproof.laws.comparing import (
    as_columns,
    divide_by_bounds,
    find_worst_index,
    is_right,
    locate_entry,
    overflows,
    select_worst,
)
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import GRADIENT, INFERENCE, RUNNING


@dataclass(frozen=True)
class Effect:
    """An argument that matters.

    Attributes
    ----------
    theorem
        The theorem that says by how much.
    change
        Returns another value for the one in the case.
    quantities
        What the argument moves.
    families, by_convention
        As in :class:`bnproof.laws.law.Law`.
    """

    theorem: str
    change: Callable[[Any], Any]
    quantities: tuple[str, ...]
    families: frozenset[str]
    by_convention: bool = False


# Every amount is of the order of the argument itself, so that the effect is far beyond rounding.
# Four is a power of two, so eps and a variance are not rounded when they are multiplied by it.  The
# other momentum is far from the old one, and exact in every dtype.
EFFECTS = {
    "gamma": Effect(
        "collapse",
        lambda gamma: gamma + 0.75,
        ("y", "dx", "infer_y", "infer_dx"),
        GRADIENT | INFERENCE,
    ),
    "beta": Effect("collapse", lambda beta: beta - 1.25, ("y", "infer_y"), INFERENCE),
    "eps": Effect(
        "epsilon-sensitivity",
        lambda eps: 4.0 * eps,
        ("y", "dx", "dgamma", "infer_y", "infer_dx", "infer_dgamma"),
        GRADIENT | INFERENCE,
    ),
    "momentum": Effect(
        "momentum-conventions",
        lambda momentum: 0.625 if momentum < 0.5 else 0.125,
        ("running_mean", "running_var"),
        RUNNING,
        by_convention=True,
    ),
    "running_mean": Effect(
        "inference-collapse",
        lambda mean: mean + 0.5,
        ("infer_y", "infer_dgamma", "running_mean"),
        RUNNING | INFERENCE,
        by_convention=True,
    ),
    "running_var": Effect(
        "inference-collapse",
        lambda variance: 4.0 * variance,
        ("infer_y", "infer_dx", "infer_dgamma", "running_var"),
        RUNNING | INFERENCE,
        by_convention=True,
    ),
}
# dy of a semantic case, times them, stays in range and keeps its digits
SCALES = {"float16": (2.0**-4, 2.0**3), "bfloat16": (2.0**-20, 2.0**20)}
# far enough to meet clipping, flushing of small gradients and the range of half precision
POWERS = (2.0**-40, 2.0**-13, 2.0**13, 2.0**30)  # for the other dtypes


def list_laws() -> Iterable[Law]:
    """Yield one law per argument, and linearity."""
    for name, effect in EFFECTS.items():
        yield Law(
            _name_law(name),
            effect.theorem,
            f"{name} matters, by the exact difference",
            effect.quantities,
            partial(measure_effect, name, effect),
            families=effect.families,
            by_convention=effect.by_convention,
        )
    says = (
        "dx, dgamma and dbeta of a multiple of dy are that multiple of theirs, over many magnitudes"
    )
    quantities = ("dx", "dgamma", "dbeta")
    yield Law(
        "gradient-linear", "gradient-linear", says, quantities, measure_linearity, families=GRADIENT
    )


def _name_law(argument: str) -> str:
    """The id of the law about an argument."""
    return f"{argument.replace('_', '-')}-matters"


def measure_effect(
    name: str, effect: Effect, answers: Answers, oracle: Oracle
) -> Measurement | None:
    """Measure the difference of two answers against the exact one, in units of both bounds.

    The ratio is ``|(got' - got) - (exact' - exact)| / (bound' + bound)``, with a prime for the case
    with the changed argument.

    Parameters
    ----------
    name, effect
        The argument, how it changes and what that moves.
    answers, oracle
        The target on a case, and what is right there.

    Returns
    -------
    Measurement or None
        Of the quantity that is furthest off; ``None`` where the argument is absent or fixed.
    """
    value = getattr(answers.case, name)
    # A layer that fixes eps when it is made cannot be asked with another one.
    if value is None or name in answers.target.constants:
        return None
    # Everything else is equal, so what differs is the effect of this argument.
    changed: dict[str, Any] = {name: effect.change(value)}
    other = Answers(answers.target, replace(answers.case, **changed))
    exact = Oracle.from_convention(answers.convention, other.case)
    return select_worst(
        _compare_difference(name, quantity, (answers, other), (oracle, exact))
        for quantity in effect.quantities
    )


def _compare_difference(
    argument: str, quantity: str, pair: tuple[Answers, Answers], oracles: tuple[Oracle, Oracle]
) -> Measurement | None:
    """One quantity before and after the change.

    With ``e = got - exact`` the observed difference misses the exact one by ``e_after - e_before``,
    and each of the two is bounded.  There is nothing to compare where one of the two calls fails,
    or where the output is absent.
    """
    method = QUANTITIES[quantity].method
    if any(isinstance(answers.answer(method), Exception) for answers in pair):
        return None
    first, second = (answers.observe(quantity) for answers in pair)
    if first is None or second is None:
        return None
    # The answers to the case itself are the same for every argument.
    before = pair[0].share(
        ("signed", quantity), lambda: _measure_signed_errors(first, oracles[0], quantity)
    )
    after = _measure_signed_errors(second, oracles[1], quantity)
    with np.errstate(invalid="ignore"):
        difference = after[0] - before[0]
    if not all(np.all(np.abs(error) <= bound) for error, bound in (before, after)):
        # one of the two is wrong, which another law tells; the argument is to blame where nothing
        # in a channel moves
        moved = np.atleast_2d(as_columns(quantity, second) != as_columns(quantity, first)).any(
            axis=0
        )
        difference = np.where(moved, 0.0, difference)
    # Each answer may be off by its own bound, in opposite directions.
    bound = before[1] + after[1]
    return _measure_largest(
        _name_law(argument), quantity, difference, bound, first, pair[1], argument
    )


def _measure_signed_errors(value: Array, oracle: Oracle, quantity: str) -> tuple[Array, Array]:
    """``(got - exact, bound)``, rounded to float64, as columns.

    The error is 0 where an infinity is right.  The sign is kept, since errors of two answers are
    subtracted.
    """
    got = np.asarray(as_columns(quantity, value), dtype=float)
    exact = oracle.exact(quantity)
    bound = np.broadcast_to(oracle.bound(quantity).total + exact.rad, got.shape)
    with np.errstate(invalid="ignore"):
        # The leading part first: for a nearly right answer that difference is exact (Sterbenz).
        error = (got - exact.mid) - exact.low
    return np.where(overflows(got.astype(value.dtype), exact, bound), 0.0, error), bound


def _measure_largest(
    law: str,
    quantity: str,
    difference: Array,
    bound: Array,
    value: Array,
    changed: Answers,
    argument: str,
) -> Measurement:
    """The measurement of the largest difference in units of its bound.

    It brings the call with the changed ``argument``, which alone shows what is wrong.
    """
    ratios = divide_by_bounds(difference, bound)
    at = find_worst_index(ratios)
    call = changed.build_call(QUANTITIES[quantity].method, f"with another {argument}")
    return Measurement(
        law,
        (quantity,),
        ratio=float(ratios[at]),
        where=locate_entry(quantity, at, value),
        got=float(difference[at]),
        allowed=float(bound[at]),
        error=abs(float(difference[at])),
        dtype=value.dtype.name,
        comparison="effect",
        calls=(call,),
    )


def measure_linearity(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure the gradients for powers of two times dy.

    Such a product is exact, so every gradient of it has an exact value, and a bound that is the
    same multiple.  What is cut off when it is large, or left out when it is small, shows.

    Parameters
    ----------
    answers, oracle
        The target on a case, and what is right there.

    Returns
    -------
    Measurement or None
        Of the worst gradient over all the factors.  Only gradients that are right for dy itself are
        judged.

    Raises
    ------
    NotOffered, Failed
        If there are no gradients on the case itself.
    """
    answers.require("train_vjp")
    measurements: list[Measurement] = []
    # Up and down, by much and by little.
    for factor in SCALES.get(answers.case.dtype.name, POWERS):
        number = answers.case.dtype.type(factor)
        scaled = replace(answers.case, dy=answers.case.dy * number)
        # Not where a product underflows or overflows.
        exact_product = np.array_equal(scaled.dy / number, answers.case.dy)
        if not np.all(np.isfinite(scaled.dy)) or not exact_product:
            continue
        other = Answers(answers.target, scaled)
        exact = Oracle(replace(oracle.case, dy=scaled.dy), oracle.running_var)
        if isinstance(other.answer("train_vjp"), Exception):
            continue
        for quantity in ("dx", "dgamma", "dbeta"):
            value = other.observe(quantity)
            if value is not None and is_right(answers, oracle, quantity):
                error, bound = _measure_signed_errors(value, exact, quantity)
                measurements.append(
                    _measure_largest("gradient-linear", quantity, error, bound, value, other, "dy")
                )
    return select_worst(measurements)
