"""Comparing an output with its exact value: the error in units of what the working precision
explains."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from bnproof.certify import Enclosure, ulp_error
from bnproof.contract import QUANTITIES, Array, Call, Measurement
from bnproof.formats import Format
from bnproof.laws.answers import Answers
from bnproof.laws.columns import locate_in_batch, to_columns
from bnproof.laws.oracle import Oracle


def as_columns(quantity: str, value: Array) -> Array:
    """An output with an entry for every entry of x as columns; others as they are."""
    return to_columns(value) if QUANTITIES[quantity].entrywise else value


def compare(
    law: str,
    quantity: str,
    observed: Array,
    oracle: Oracle,
    *,
    channels: Sequence[int] | None = None,
    calls: tuple[Call, ...] = (),
) -> Measurement:
    """What a law sees of an output: its entry with the largest error in units of its bound.

    Parameters
    ----------
    law
        The id of the law that the measurement is for.
    quantity
        The name of the output.
    observed
        The output as it was returned, channels on axis 1.
    oracle
        The exact values and bounds of the case.
    channels
        Only these channels are judged.
    calls
        What was asked, where that is not one call on the case itself.
    """
    got = as_columns(quantity, observed)
    errors, bound = measure_errors(quantity, observed, oracle)
    ratios = divide_by_bounds(errors, bound)
    if channels is not None:
        ratios = np.where(np.isin(np.arange(ratios.shape[-1]), channels), ratios, -1.0)
    at = find_worst_index(ratios)
    exact, chosen = oracle.exact(quantity), slice(None) if channels is None else list(channels)
    return Measurement(
        law,
        (quantity,),
        ratio=max(float(ratios[at]), 0.0),
        ulp=float(np.max(ulp_error(got, exact, oracle.magnitude(quantity))[..., chosen])),
        where=locate_entry(quantity, at, observed),
        got=float(got[at]),
        exact=(float(exact.mid[at]), float(exact.low[at])),
        radius=float(exact.rad[at]),
        allowed=float(bound[at]),
        error=float(errors[at]),
        dtype=observed.dtype.name,
        calls=calls,
    )


def measure_errors(quantity: str, observed: Array, oracle: Oracle) -> tuple[Array, Array]:
    """``(error, bound)`` of every entry, as columns where x has one; NaN where there is no exact
    value."""
    got = as_columns(quantity, observed)
    exact, bound = oracle.exact(quantity), np.broadcast_to(oracle.bound(quantity).total, got.shape)
    return np.where(overflows(got, exact, bound), 0.0, exact.distance(got)), bound


def divide_by_bounds(errors: Array, bound: Array) -> Array:
    """Errors in units of their bounds: 0 where there is no error, infinite where one is no
    number."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratios = np.where(errors == 0, 0, np.abs(errors) / bound)
    return np.where(np.isnan(ratios), np.inf, ratios)


def find_worst_index(ratios: Array) -> tuple[int, ...]:
    """The index of the largest one."""
    return tuple(map(int, np.unravel_index(int(np.argmax(ratios)), ratios.shape)))


def locate_entry(quantity: str, at: tuple[int, ...], observed: Array) -> tuple[int, ...]:
    """An index into columns as one into the array that was returned."""
    return locate_in_batch(at, observed.shape) if QUANTITIES[quantity].entrywise else at


def overflows(got: Array, exact: Enclosure, bound: Array) -> Array:
    """Where an infinity is right: the exact value, give or take the bound, rounds to it in the
    answer's dtype."""
    values = got.astype(np.float64)
    beyond: Array = np.abs(exact.mid) + bound >= Format.from_dtype(got.dtype).overflow
    return np.isinf(values) & (np.sign(values) == np.sign(exact.mid)) & beyond


def compare_plain(answers: Answers, oracle: Oracle, quantity: str) -> Measurement | None:
    """What a plain call gives for this output, compared once for all laws; ``None`` where there is
    no such output."""
    key = ("plain", quantity)
    if key not in answers.shared:
        observed = answers.observe(quantity)
        answers.shared[key] = (
            None if observed is None else compare(quantity, quantity, observed, oracle)
        )
    measurement: Measurement | None = answers.shared[key]
    return measurement


def is_right(answers: Answers, oracle: Oracle, quantity: str) -> bool:
    """Whether a plain call already gives this output within its bound: else what a variant shows is
    no news."""
    seen = compare_plain(answers, oracle, quantity)
    return seen is None or seen.holds


def select_worst(measurements: Iterable[Measurement | None]) -> Measurement | None:
    """The one with the largest ratio."""
    return max((seen for seen in measurements if seen), key=lambda seen: seen.ratio, default=None)
