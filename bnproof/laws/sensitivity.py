"""Laws about arguments: each one matters, by the amount it should; and the gradients are linear in the upstream gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bnproof.contract import Array, Call, Case, Measurement
from bnproof.laws.answers import Answers
from bnproof.laws.judging import formula_of, overflows, right
from bnproof.laws.law import Law
from bnproof.laws.layout import columns, position
from bnproof.laws.methods import METHOD_OF, arguments, entrywise
from bnproof.laws.oracle import Oracle

Changed = Mapping[str, Any]


def _moved(name: str, by: float) -> Callable[[Case], Changed | None]:
    def change(case: Case) -> Changed | None:
        value = getattr(case, name)
        return None if value is None else {name: value + value.dtype.type(by)}

    return change


def _times(name: str, factor: float) -> Callable[[Case], Changed | None]:
    return lambda case: {name: getattr(case, name) * factor}


MATTERS: dict[str, tuple[str, Callable[[Case], Changed | None], tuple[str, ...]]] = {
    "gamma": ("collapse", _moved("gamma", 0.75), ("y", "dx", "infer_y", "infer_dx")),
    "beta": ("collapse", _moved("beta", -1.25), ("y", "infer_y")),
    "eps": ("epsilon-sensitivity", _times("eps", 4.0), ("y", "dx", "dgamma", "infer_y", "infer_dx", "infer_dgamma")),
    "momentum": (
        "momentum-conventions",
        lambda case: {"momentum": 0.625 if case.momentum < 0.5 else 0.125},
        ("running_mean", "running_var"),
    ),
    "running_mean": ("inference-collapse", _moved("running_mean", 0.5), ("infer_y", "infer_dgamma", "running_mean")),
    "running_var": (
        "inference-collapse",
        lambda case: {"running_var": case.running_var * case.running_var.dtype.type(4)},
        ("infer_y", "infer_dx", "infer_dgamma", "running_var"),
    ),
}
SCALES = {"float16": (2.0**-4, 2.0**3), "bfloat16": (2.0**-20, 2.0**20)}
POWERS = (2.0**-40, 2.0**-13, 2.0**13, 2.0**30)


def listed() -> Iterable[Law]:
    """One law per argument, and linearity."""
    for name, (theorem, change, quantities) in MATTERS.items():
        says = f"{name} matters, by the exact difference"
        measure = partial(matters, name, change, quantities)
        yield Law(f"{name.replace('_', '-')}-matters", theorem, says, ", ".join(quantities), measure)
    says = "dx, dgamma and dbeta of a multiple of dy are that multiple of theirs, over many magnitudes"
    yield Law("gradient-linear", "gradient-linear", says, "dx, dgamma, dbeta", linear)


def matters(
    name: str, change: Callable[[Case], Changed | None], quantities: tuple[str, ...], answers: Answers, oracle: Oracle
) -> Measurement | None:
    """The observed difference of two answers against the exact one, in units of both bounds."""
    changed = change(answers.case)
    if changed is None or name in answers.target.constants:
        return None
    other = Answers(answers.target, replace(answers.case, **changed))
    raised = replace(other.case, eps=max(other.case.eps, answers.convention.eps_min))
    pair = (oracle, Oracle(raised))
    law = f"{name.replace('_', '-')}-matters"
    found = [_difference(law, quantity, (answers, other), pair, name) for quantity in quantities]
    return max((seen for seen in found if seen), key=lambda seen: seen.ratio, default=None)


def _difference(
    law: str, quantity: str, asked: tuple[Answers, Answers], oracles: tuple[Oracle, Oracle], name: str
) -> Measurement | None:
    if any(isinstance(answers.answer(METHOD_OF[quantity]), Exception) for answers in asked):
        return None
    first, second = (answers.observe(quantity) for answers in asked)
    if first is None or second is None:
        return None
    formula = formula_of(quantity, asked[0].convention.running_var)
    key = ("signed", quantity)
    if key not in asked[0].shared:
        asked[0].shared[key] = _signed(first, oracles[0], quantity, formula)
    before, after = asked[0].shared[key], _signed(second, oracles[1], quantity, formula)
    says = f"changing {name} moves {quantity} by another amount"
    with np.errstate(invalid="ignore"):
        difference = after[0] - before[0]
    if not all(np.all(np.abs(error) <= bound) for error, bound in (before, after)):
        # one of the two is wrong, which another law tells; the argument is to blame where nothing in a channel moves
        moved = np.atleast_2d(entrywise_columns(quantity, second) != entrywise_columns(quantity, first)).any(axis=0)
        difference = np.where(moved, 0.0, difference)
    return _compared(law, quantity, says, difference, before[1] + after[1], first, asked[1])


def entrywise_columns(quantity: str, value: Array) -> Array:
    """An output as columns, parameters' as they are."""
    return columns(value) if entrywise(quantity) else value


def _signed(value: Array, oracle: Oracle, quantity: str, formula: str) -> tuple[Array, Array]:
    """``(got - exact, bound)``, rounded to float64, as columns."""
    got = np.asarray(entrywise_columns(quantity, value), dtype=float)
    true = oracle.true(formula)
    bound = np.broadcast_to(oracle.bound(formula).total + true.rad, got.shape)
    with np.errstate(invalid="ignore"):
        error = (got - true.mid) - true.low
    return np.where(overflows(got.astype(value.dtype), true, bound), 0.0, error), bound


def _compared(
    law: str, quantity: str, says: str, difference: Array, bound: Array, value: Array, asked: Answers
) -> Measurement:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where(difference == 0, 0, np.abs(difference) / bound)
    ratios = np.where(np.isnan(ratios), np.inf, ratios)
    at = tuple(map(int, np.unravel_index(int(np.argmax(ratios)), ratios.shape)))
    place = position(at, value.shape) if entrywise(quantity) else at
    message = f"{says} than the exact one: {abs(difference[at]):.3g} off at {list(place)}, {bound[at]:.3g} explained"
    method = METHOD_OF[quantity]
    calls = (Call(method, arguments(method, asked.case, asked.convention), says="with the argument changed"),)
    broken = bool(ratios[at] > 1)
    return Measurement(law, quantity, float(ratios[at]), at=place, message=message if broken else "", calls=calls)


def linear(answers: Answers, oracle: Oracle) -> Measurement | None:
    """dy times powers of two, which is exact: every gradient within the same multiple of its bound."""
    answers.required("train_vjp")
    found: list[Measurement] = []
    for factor in SCALES.get(answers.case.dtype.name, POWERS):
        scaled = replace(answers.case, dy=answers.case.dy * answers.case.dtype.type(factor))
        if not np.all(np.isfinite(scaled.dy)) or not np.array_equal(
            scaled.dy / answers.case.dtype.type(factor), answers.case.dy
        ):
            continue
        other, of = Answers(answers.target, scaled), Oracle(replace(oracle.case, dy=scaled.dy))
        if isinstance(other.answer("train_vjp"), Exception):
            continue
        for quantity in ("dx", "dgamma", "dbeta"):
            value = other.observe(quantity)
            if value is not None and right(answers, oracle, quantity):
                error, bound = _signed(value, of, quantity, quantity)
                says = f"{quantity} of {factor:g} times dy is another multiple"
                found.append(_compared("gradient-linear", quantity, says, error, bound, value, other))
    return max(found, key=lambda seen: seen.ratio, default=None)
