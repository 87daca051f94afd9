"""Comparing an output with its exact value.

The size of an error is its distance from the exact value in units of what the working precision
explains: ``ratio = |got - exact| / bound``, entry by entry, with the bound of
:mod:`bnproof.certify.bounds`.  A ratio above 1 is a violation, because no order of summation and no
rounding of a correct formula leads so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from bnproof.certify import Enclosure, ulp_error
from bnproof.contract import METHODS, QUANTITIES, Array, Call, Measurement
from bnproof.formats import Format
from bnproof.laws.answers import Answers
from bnproof.laws.columns import locate_in_batch, to_columns
from bnproof.laws.oracle import Oracle


def as_columns(quantity: str, value: Array) -> Array:
    """Return a quantity with an entry for every entry of x as columns, others as they are."""
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
    """Return what a law sees of an output: its entry with the largest error in units of its bound.

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
        Only these channels are judged; all of them for ``None``.
    calls
        What was asked, where that is not one call on the case itself.

    Returns
    -------
    Measurement
        With the worst entry, its exact value, its bound, and the largest error in ulp.
    """
    got = as_columns(quantity, observed)
    errors, bound = measure_errors(quantity, observed, oracle)
    ratios = divide_by_bounds(errors, bound)
    if channels is not None:
        # Below every ratio, so that an excluded channel is never the worst; the result is raised to
        # 0.
        ratios = np.where(np.isin(np.arange(ratios.shape[-1]), channels), ratios, -1.0)
    at = find_worst_index(ratios)
    # The ulp is taken over the judged channels alone, as the ratio is.
    exact, chosen = oracle.exact(quantity), slice(None) if channels is None else list(channels)
    return Measurement(
        law,
        (quantity,),
        ratio=max(float(ratios[at]), 0.0),
        # On the sum of magnitudes, since an output near 0 from large terms has few correct digits
        # in any arithmetic.
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
    """Measure the error of every entry.

    Returns
    -------
    error, bound : numpy.ndarray
        Upper bounds of the distance from the exact value, and what rounding explains; columns where
        x has an entry for each, float64.  The error is 0 where an infinity is right, infinite where
        a value is not finite otherwise, NaN where there is no exact value.
    """
    got = as_columns(quantity, observed)
    # A bound may be one number for a channel.
    exact, bound = oracle.exact(quantity), np.broadcast_to(oracle.bound(quantity).total, got.shape)
    return np.where(overflows(got, exact, bound), 0.0, exact.distance(got)), bound


def divide_by_bounds(errors: Array, bound: Array) -> Array:
    """Return errors in units of their bounds.

    It is 0 where there is no error, also where the bound is 0, and infinite where an error is no
    number.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # An exact answer is right where the bound is 0, where the quotient would be no number.
        ratios = np.where(errors == 0, 0, np.abs(errors) / bound)
    # An answer that cannot be judged must not pass.
    return np.where(np.isnan(ratios), np.inf, ratios)


def find_worst_index(ratios: Array) -> tuple[int, ...]:
    """Return the index of the largest ratio; the first one where several are."""
    return tuple(map(int, np.unravel_index(int(np.argmax(ratios)), ratios.shape)))


def locate_entry(quantity: str, at: tuple[int, ...], observed: Array) -> tuple[int, ...]:
    """Turn an index into columns into one into the array that was returned.

    Parameters
    ----------
    quantity
        The name of the output; those of shape ``(C,)`` keep the index.
    at
        An index into :func:`as_columns` of the output.
    observed
        The output as it was returned.
    """
    return locate_in_batch(at, observed.shape) if QUANTITIES[quantity].entrywise else at


def overflows(got: Array, exact: Enclosure, bound: Array) -> Array:
    """Find the entries where an infinity is right.

    These are the ones whose exact value, give or take the bound, rounds to an infinity of that sign
    in the dtype of the answer.

    Parameters
    ----------
    got
        The output as columns, in its own dtype.
    exact, bound
        Its exact values, and what rounding explains.
    """
    # float16, bfloat16 and float32 are exact in float64.
    values = got.astype(np.float64)
    # how far the exact value, give or take the bound, reaches on the side of the infinity
    reached: Array = np.sign(values) * exact.mid + bound
    return np.isinf(values) & (reached >= Format.from_dtype(got.dtype).overflow)


def compare_plain(answers: Answers, oracle: Oracle, quantity: str) -> Measurement | None:
    """Return what a plain call gives for this output, compared once for all laws.

    ``None`` where there is no such output.  The measurement bears the name of the quantity in the
    place of a law's id.
    """

    def compare_observed() -> Measurement | None:
        observed = answers.observe(quantity)
        return None if observed is None else compare(quantity, quantity, observed, oracle)

    measurement: Measurement | None = answers.share(("plain", quantity), compare_observed)
    return measurement


def is_right(answers: Answers, oracle: Oracle, quantity: str) -> bool:
    """Whether a plain call already gives this output within its bound.

    A law that asks for a variant looks at nothing else: where the plain answer is wrong, a wrong
    variant is no news, and would hide what the variant is about.
    """
    seen = compare_plain(answers, oracle, quantity)
    return seen is None or seen.holds


def list_right(answers: Answers, oracle: Oracle, method: str) -> list[str]:
    """List the outputs of a method that a plain call gives within their bounds."""
    return [name for name in METHODS[method].names if is_right(answers, oracle, name)]


def select_worst(measurements: Iterable[Measurement | None]) -> Measurement | None:
    """Return the measurement with the largest ratio; ``None`` where there is none."""
    return max((seen for seen in measurements if seen), key=lambda seen: seen.ratio, default=None)
