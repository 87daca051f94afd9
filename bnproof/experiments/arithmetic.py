"""Three ways to compute a variance in float32 against the exact one, as the mean moves away from 0.

Hidden activations of the digits, 32 features, m = 128, each scaled to spread 1 and shifted by
``sqrt(kappa^2 - 1)``, so that the condition ``kappa = sqrt(1 + mu^2/v)`` runs over six decades.
The float32 values are the exact input; the reference is the proved formula in balls, eps = 0.
Errors: of v relative, of xhat the largest over the batch, absolute (xhat has root mean square 1);
median and largest over the features.

Cited (theorem one-pass-error; Chan, Golub, LeVeque 1983; Higham 2002), u = 2^-24: one-pass
``m kappa^2 u``, Welford ``m kappa u``, two-pass ``m u + (m kappa u)^2``, up to factors; so slopes
2, 1 and, once it rises at all, 2 against kappa, and 2, 1, 1 for xhat, whose mean is off by
``kappa u`` as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from bnproof.certify.bounds import Precision
from bnproof.contract import Array
from bnproof.datasets import compute_activations, cut_batches
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.lowering.numbers import BALLS, BITS, ball, midpoints, precision
from bnproof.lowering.program import lower
from bnproof.records import Row
from bnproof.symbolic.setting import i, mu, v, xhat

M = 128
KAPPAS = np.geomspace(1, 1e6, 25)  # four to a decade
SINGLE = Precision.from_dtype(np.float32)
FLOOR, SATURATED = 4, 0.1
Statistics = tuple[Array, Array]


def measure_rows(seed: int) -> Iterator[Row]:
    """The errors at every kappa, then the slopes fitted to them."""
    measured = list(measure_errors(seed))
    yield from measured
    for algorithm in ALGORITHMS:
        of_algorithm = [row for row in measured if row["algorithm"] == algorithm]
        for quantity in ("variance", "xhat"):
            yield fit_slope(of_algorithm, algorithm, quantity)


def one_pass(x: Array) -> Statistics:
    """``v = E[x^2] - mu^2``."""
    mean = x.mean(axis=0)
    return mean, (x * x).mean(axis=0) - mean * mean


def two_pass(x: Array) -> Statistics:
    """``v = (1/m) sum (x_i - mu)^2``: the reference implementation."""
    reference = NumpyBatchNorm()
    mean = reference.mean(x)
    return mean[0], reference.variance(x, mean)[0]


def welford(x: Array) -> Statistics:
    """``mu_n = mu_{n-1} + (x_n - mu_{n-1})/n``, ``M_n = M_{n-1} + (x_n - mu_{n-1})(x_n - mu_n)``,
    ``v = M_m/m``."""
    mean, squares = np.zeros_like(x[0]), np.zeros_like(x[0])
    for n, value in enumerate(x, 1):
        before = value - mean
        mean = mean + before / x.dtype.type(n)
        squares = squares + before * (value - mean)
    return mean, squares / x.dtype.type(len(x))


ALGORITHMS: dict[str, Callable[[Array], Statistics]] = {
    "one-pass": one_pass,
    "two-pass": two_pass,
    "Welford": welford,
}
SLOPES = {
    ("one-pass", "variance"): 2,
    ("two-pass", "variance"): 2,
    ("Welford", "variance"): 1,
    ("one-pass", "xhat"): 2,
    ("two-pass", "xhat"): 1,
    ("Welford", "xhat"): 1,
}


def cited_bound(algorithm: str, kappa: float) -> float:
    """The cited order of the relative error of v, without its factor."""
    m, u = M, SINGLE.u
    orders = {
        "one-pass": m * kappa**2 * u,
        "two-pass": m * u + (m * kappa * u) ** 2,
        "Welford": m * kappa * u,
    }
    return float(orders[algorithm])


def measure_errors(seed: int) -> Iterator[Row]:
    """One row per kappa and algorithm."""
    standard = cut_batches(compute_activations(), M, seed)[0]
    standard = (standard - standard.mean(axis=0)) / standard.std(axis=0)
    for kappa in KAPPAS:
        x = (standard + np.sqrt(kappa**2 - 1)).astype(np.float32)
        true = compute_exact(x)
        for name, algorithm in ALGORITHMS.items():
            yield {
                "kind": "variance_error",
                "algorithm": name,
                "kappa": float(kappa),
                "kappa_measured": float(np.median(np.sqrt(1 + true["mu"] ** 2 / true["v"]))),
                "m": M,
                "features": x.shape[1],
                **compare_with_exact(x, *algorithm(x), true),
                "cited_bound": cited_bound(name, kappa),
            }


def compute_exact(x: Array) -> dict[str, Array]:
    """``mu``, ``v`` and ``xhat`` (eps = 0) of the given floats: the proved formulas in balls, then
    rounded to float64."""
    with precision(BITS):
        inputs: dict[str, Any] = {"x": BALLS.array(x), "eps": ball(0)}
        programs = {"mu": lower(mu), "v": lower(v), "xhat": lower(xhat(i), i)}
        return {name: midpoints(program(BALLS, inputs)) for name, program in programs.items()}


def compare_with_exact(x: Array, mean: Array, variance: Array, true: dict[str, Array]) -> Row:
    """The errors of one algorithm; ``None`` where xhat does not exist because the computed variance
    is not positive."""
    positive = variance > 0
    s = np.sqrt(np.where(positive, variance, x.dtype.type(1)))
    of_v = np.abs(variance.astype(float) - true["v"]) / true["v"]
    of_xhat = np.where(positive, np.abs((x - mean) / s - true["xhat"]).max(axis=0), np.inf)
    return {
        "variance_error_median": float(np.median(of_v)),
        "variance_error_largest": float(of_v.max()),
        "xhat_error_median": float(np.median(of_xhat)) if np.isfinite(np.median(of_xhat)) else None,
        "xhat_error_largest": float(of_xhat.max()) if positive.all() else None,
        "not_positive": int((~positive).sum()),
    }


def fit_slope(rows: list[Row], algorithm: str, quantity: str) -> Row:
    """Slope of the logarithm of the median error against that of kappa, fitted where the error
    follows kappa.

    That is from the first kappa on at which it exceeds ``FLOOR`` times its value at kappa = 1
    (below, roundings that do not know kappa hide it) to the last before it first exceeds
    ``SATURATED`` (above, hardly a digit is right).
    """
    values = [row[f"{quantity}_error_median"] for row in rows]
    end = next(
        (n for n, value in enumerate(values) if value is None or value > SATURATED), len(values)
    )
    start = next(n for n, value in enumerate(values) if value > FLOOR * values[0])
    kappas = [row["kappa_measured"] for row in rows[start:end]]
    fitted = np.polyfit(np.log(kappas), np.log(values[start:end]), 1)
    return {
        "kind": "variance_slope",
        "algorithm": algorithm,
        "quantity": quantity,
        "slope": float(fitted[0]),
        "cited_slope": SLOPES[algorithm, quantity],
        "kappa_from": kappas[0],
        "kappa_to": kappas[-1],
        "points": len(kappas),
    }
