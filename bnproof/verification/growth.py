"""Whether the error of an output grows like that of a one-pass variance.

The difference ``mean(x^2) - mean(x)^2`` loses ``kappa^2 u`` of the variance, where ``kappa`` is the
ratio of mean to standard deviation and u the unit roundoff (Chan, Golub and LeVeque 1983); a second
pass loses ``kappa u`` at most.  Which rounding errors come about depends on the order of the sums,
so a model with other sums gives other values.  What they have in common is the growth, and that is
measured here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bnproof.certify.bounds import NoBound
from bnproof.contract import Case
from bnproof.formats import HALF, Format, dtype_of
from bnproof.laws.answers import Answers, Target
from bnproof.laws.comparing import as_columns
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import Supports

# Ratios of mean to standard deviation, in powers of two, as far as their squares leave a digit. Of
# each power so many batches are looked at, since a single rounding error may be small by chance.
POWERS, CHANNELS, VALUES = range(1, 12), 16, 24
# Halfway between a second pass, whose error grows with the first power, and one pass.
STEEP = 1.5
# A line through fewer points says nothing.
FEWEST = 3
# Times the error at the smallest ratio: below, other roundings hide the growth.
RISEN = 8.0
# The largest error of an output of size 1 that can still grow.
SATURATED = 0.1


def grows_like_one_pass(target: Target, supports: Supports) -> bool:
    """Whether the error of the training output grows with the square of mean/std.

    Parameters
    ----------
    target
        Who is asked.
    supports
        What may be asked of it.

    Returns
    -------
    bool
        ``False`` also where too few outputs have an error that says anything.
    """
    dtype = "float32" if "float32" in supports.dtypes else supports.full[0]
    if dtype in HALF:
        # Its sums are float32, and the ratios that strain them lie beyond its digits.
        return False
    errors = {}
    for power in POWERS:
        # float64 has more digits to lose, so its ratios reach further.
        kappa = 2.0**power if dtype == "float32" else 4.0**power
        error = _measure_error(target, supports, dtype, kappa)
        if error is not None:
            errors[kappa] = error
    if not errors:
        return False
    start = max(errors[min(errors)], Format.from_dtype(dtype_of(dtype)).u)
    risen = {k: e for k, e in errors.items() if RISEN * start < e < SATURATED}
    if len(risen) < FEWEST:
        return False
    slope, _ = np.polyfit(np.log(list(risen)), np.log(list(risen.values())), 1)
    return bool(slope > STEEP)


def _measure_error(target: Target, supports: Supports, dtype: str, kappa: float) -> float | None:
    """The root mean square error of the output on batches of this ratio; ``None`` without one."""
    random = np.random.default_rng(int(kappa))
    channels = supports.channels or CHANNELS
    shape = (VALUES, channels, *(1,) * (supports.ranks[0] - 2))
    x = (random.normal(size=shape) + kappa).astype(dtype_of(dtype))
    ones = np.ones(channels, dtype_of(dtype))
    absent = supports.affine is False
    case = Case(
        x,
        np.zeros_like(x),
        None if absent else ones,
        None if absent else 0 * ones,
        0 * ones,
        ones,
        supports.eps if supports.eps is not None else 1e-5,
        supports.momentum if supports.momentum is not None else 0.1,
    )
    # Methods that the check leaves out are asked all the same: this is about the training output.
    answer = Answers(replace(target, methods=frozenset()), case).answer("train")
    if isinstance(answer, Exception):
        return None
    exact = Oracle.from_convention(target.convention, case).exact("y")
    try:
        errors = exact.distance(as_columns("y", answer["y"]))
    except NoBound:
        return None
    return float(np.sqrt(np.mean(errors**2))) if np.all(np.isfinite(errors)) else None
