"""Comparing an output with its exact value: the error in units of what the working precision explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from flint import arb

from bnproof.certify import Enclosure, ulp_error
from bnproof.contract import Array, Call, Measurement
from bnproof.formats import Format
from bnproof.laws.answers import Answers
from bnproof.laws.layout import columns, position
from bnproof.laws.methods import entrywise
from bnproof.laws.oracle import Oracle
from bnproof.lowering.numbers import precision


def formula_of(quantity: str, running_var: str) -> str:
    """The name of the formula that predicts an output; the running variance has one per convention."""
    return f"{quantity}_{running_var}" if quantity.endswith("running_var") else quantity


def errors(quantity: str, observed: Array, oracle: Oracle, running_var: str) -> tuple[Array, Array]:
    """``(error, bound)`` entry by entry: columns for outputs of x's shape; NaN where there is no exact value."""
    got = columns(observed) if entrywise(quantity) else observed
    formula = formula_of(quantity, running_var)
    true, bound = oracle.true(formula), np.broadcast_to(oracle.bound(formula).total, got.shape)
    return np.where(overflows(got, true, bound), 0.0, true.distance(got)), bound


def overflows(got: Array, true: Enclosure, bound: Array) -> Array:
    """Where an infinity is right: the exact value, give or take the bound, rounds to it in the answer's dtype."""
    values = got.astype(np.float64)
    beyond: Array = np.abs(true.mid) + bound >= Format.of(got.dtype).overflow
    return np.isinf(values) & (np.sign(values) == np.sign(true.mid)) & beyond


def held(
    law: str,
    quantity: str,
    observed: Array,
    oracle: Oracle,
    running_var: str,
    *,
    channels: Sequence[int] | None = None,
    calls: tuple[Call, ...] = (),
) -> Measurement:
    """The entry with the largest error in units of its bound; ``channels``: only those are judged."""
    got = columns(observed) if entrywise(quantity) else observed
    error, bound = errors(quantity, observed, oracle, running_var)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where(error == 0, 0, error / bound)
    ratios = np.where(np.isnan(ratios), np.inf, ratios)
    if channels is not None:
        ratios = np.where(np.isin(np.arange(ratios.shape[-1]), channels), ratios, -1.0)
    at = tuple(map(int, np.unravel_index(int(np.argmax(ratios)), ratios.shape)))
    formula = formula_of(quantity, running_var)
    true, place = oracle.true(formula), position(at, observed.shape) if entrywise(quantity) else at
    seen = Measurement(
        law=law,
        quantity=quantity,
        ratio=max(float(ratios[at]), 0.0),
        ulp=float(np.max(ulp_error(got, true, oracle.magnitude(formula))[..., _judged(channels)])),
        at=place,
        calls=calls,
    )
    return seen if seen.holds else described(seen, got, true, error, bound, at)


def _judged(channels: Sequence[int] | None) -> slice | list[int]:
    return slice(None) if channels is None else list(channels)


def described(
    seen: Measurement, got: Array, true: Enclosure, error: Array, bound: Array, at: tuple[int, ...]
) -> Measurement:
    """A violation in words: what came back, what should have, and how far apart."""
    value = float(got[at])
    explained = f"{error[at]:.3g} apart where rounding in {got.dtype} explains {bound[at]:.3g}"
    return replace(
        seen,
        got=value.hex(),
        expected=f"{float(true.mid[at]).hex()} +- {bound[at]:.3g}",
        message=f"{seen.quantity}{list(seen.at)} is {value:.17g}, the exact value is {decimal(true, at)}, {explained}",
    )


def decimal(exact: Enclosure, at: tuple[int, ...]) -> str:
    """Twenty digits of the exact value."""
    with precision(160):
        return str((arb(float(exact.mid[at])) + arb(float(exact.low[at]))).str(20, radius=False))


def plain(answers: Answers, oracle: Oracle, quantity: str) -> Measurement | None:
    """What a plain call gives for this output, judged once for all laws; ``None`` where there is no such output."""
    key = ("plain", quantity)
    if key not in answers.shared:
        observed, of = answers.observe(quantity), answers.convention.running_var
        answers.shared[key] = None if observed is None else held(quantity, quantity, observed, oracle, of)
    found: Measurement | None = answers.shared[key]
    return found


def right(answers: Answers, oracle: Oracle, quantity: str) -> bool:
    """Whether a plain call already gives this output within its bound: else what a variant shows is no news."""
    seen = plain(answers, oracle, quantity)
    return seen is None or seen.holds


def worst(measurements: list[Measurement]) -> Measurement | None:
    """The one with the largest ratio, of several quantities of one law."""
    return max(measurements, key=lambda seen: seen.ratio, default=None)
