"""Three ways to compute a variance in float32 against the exact one, as the mean moves away from 0.

The data are hidden activations of the digits, 32 features and m = 128. Each feature is scaled to
spread 1 and shifted by ``sqrt(kappa^2 - 1)``, so that the condition ``kappa = sqrt(1 + mu^2/v)``
runs over six decades. The float32 values count as the exact input. The reference is the proved
formula evaluated in balls, with eps = 0. The error of v is relative. That of xhat is the largest
over the batch and absolute, since xhat has root mean square 1. Of both the median and the largest
over the features are recorded.

The orders that the errors are compared with are cited (theorem one-pass-error; Chan, Golub, LeVeque
1983; Higham 2002). With ``u = 2^-24`` and up to factors they are ``m kappa^2 u`` for one pass,
``m kappa u`` for Welford and ``m u + (m kappa u)^2`` for two passes. On logarithmic axes that gives
the slopes 2, 1 and, once it rises at all, 2 against kappa. For xhat it gives 2, 1 and 1, because
its mean is off by ``kappa u`` as well.

Start reading at :func:`measure_errors`.
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
from bnproof.records import Row, select_rows
from bnproof.symbolic.setting import i, mu, v, xhat

# The batch size that the other experiments have too. It enters every cited order as a factor.
M = 128
# Four to a decade. At the upper end ``m kappa u`` exceeds 1, so that not even Welford's cited order
# promises a digit of the variance.
KAPPAS = np.geomspace(1, 1e6, 25)
SINGLE = Precision.from_dtype(np.float32)
# The error has left its floor at four times its value at kappa = 1, and is saturated at 10 %. A
# lower floor would fit the noise of the first points, a higher ceiling the bend at the end.
FLOOR, SATURATED = 4, 0.1
Statistics = tuple[Array, Array]


def measure_rows(seed: int) -> Iterator[Row]:
    """The errors at every kappa, then the slopes that are fitted to them.

    Parameters
    ----------
    seed : int
        Determines which activations make the mini-batch.

    Yields
    ------
    Row
        First all rows of the kind ``variance_error``, then the six of the kind ``variance_slope``.
    """
    measured = list(measure_errors(seed))
    yield from measured
    for algorithm in ALGORITHMS:
        of_algorithm = select_rows(measured, algorithm=algorithm)
        for quantity in ("variance", "xhat"):
            yield fit_slope(of_algorithm, algorithm, quantity)


def one_pass(x: Array) -> Statistics:
    """``v = E[x^2] - mu^2``, from one pass over the data.

    Both terms have the size ``mu^2 + v`` and their roundings stay when they cancel. The result may
    therefore be negative.

    Parameters
    ----------
    x : array of shape (m, features)
        The batch.

    Returns
    -------
    tuple of two arrays of shape (features,)
        Mean and variance, in the dtype of x.

    Examples
    --------
    A variance of 1 beside a mean of 10 000 is lost in float32:

    >>> import numpy as np
    >>> x = np.array([[9999.0], [10001.0]], dtype=np.float32)
    >>> one_pass(x)[1].item(), two_pass(x)[1].item()
    (0.0, 1.0)
    """
    mean = x.mean(axis=0)
    return mean, (x * x).mean(axis=0) - mean * mean


def two_pass(x: Array) -> Statistics:
    """``v = (1/m) sum (x_i - mu)^2``, as the reference implementation computes it.

    What is squared is already small, so only the error of the mean is left, which enters v as its
    square (theorem mean-error).

    Parameters
    ----------
    x : array of shape (m, features)
        The batch.

    Returns
    -------
    tuple of two arrays of shape (features,)
        Mean and variance, in the dtype of x.
    """
    reference = NumpyBatchNorm()
    mean = reference.mean(x)
    return mean[0], reference.variance(x, mean)[0]


def welford(x: Array) -> Statistics:
    """Welford's update (1962), which sees each value once and subtracts no large sums.

        ``mu_n = mu_{n-1} + (x_n - mu_{n-1})/n``
        ``M_n = M_{n-1} + (x_n - mu_{n-1})(x_n - mu_n)``
        ``v = M_m/m``

    Parameters
    ----------
    x : array of shape (m, features)
        The batch.

    Returns
    -------
    tuple of two arrays of shape (features,)
        Mean and variance, in the dtype of x.
    """
    mean, squares = np.zeros_like(x[0]), np.zeros_like(x[0])
    for n, value in enumerate(x, 1):
        # The difference from the old mean is needed twice, so it is taken before the mean moves.
        before = value - mean
        # n in the dtype of x: a Python integer could widen the arithmetic.
        mean = mean + before / x.dtype.type(n)
        squares = squares + before * (value - mean)
    return mean, squares / x.dtype.type(len(x))


ALGORITHMS: dict[str, Callable[[Array], Statistics]] = {
    "one-pass": one_pass,
    "two-pass": two_pass,
    "Welford": welford,
}
# The exponents of kappa in the cited orders. That of two-pass holds where its square term rules.
SLOPES = {
    ("one-pass", "variance"): 2,
    ("two-pass", "variance"): 2,
    ("Welford", "variance"): 1,
    ("one-pass", "xhat"): 2,
    ("two-pass", "xhat"): 1,
    ("Welford", "xhat"): 1,
}


def cited_bound(algorithm: str, kappa: float) -> float:
    """The cited order of the relative error of v, without its factor.

    Parameters
    ----------
    algorithm : str
        A key of ``ALGORITHMS``.
    kappa : float
        The condition of the batch, at least 1.

    Returns
    -------
    float
        The order with the factor 1, for batches of ``M`` values in float32.
    """
    m, u = M, SINGLE.u
    orders = {
        "one-pass": m * kappa**2 * u,
        "two-pass": m * u + (m * kappa * u) ** 2,
        "Welford": m * kappa * u,
    }
    return float(orders[algorithm])


def measure_errors(seed: int) -> Iterator[Row]:
    """The errors of every algorithm at every kappa.

    Parameters
    ----------
    seed : int
        Determines which activations make the mini-batch.

    Yields
    ------
    Row
        Of the kind ``variance_error``. ``kappa`` is the one aimed at, and ``kappa_measured`` the
        median of the exact one over the features.
    """
    standard = cut_batches(compute_activations(), M, seed)[0]
    # In float64, so that only the last conversion rounds and every algorithm sees the same floats.
    standard = (standard - standard.mean(axis=0)) / standard.std(axis=0)
    for kappa in KAPPAS:
        # The shift is exact in real numbers: with v = 1 a mean of sqrt(kappa^2 - 1) gives kappa.
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
    """``mu``, ``v`` and ``xhat`` with eps = 0 of the given floats, rounded to float64 only at the
    end.

    Parameters
    ----------
    x : array of shape (m, features)
        Taken as exact numbers.

    Returns
    -------
    dict of str to array
        ``mu`` and ``v`` of shape ``(features,)`` and ``xhat`` of shape ``(m, features)``.

    Notes
    -----
    The formulas are those of the book, lowered to balls of ``BITS`` bits, so that what float64
    loses to cancellation is a small part of what is carried along.
    """
    with precision(BITS):
        inputs: dict[str, Any] = {"x": BALLS.array(x), "eps": ball(0)}
        programs = {"mu": lower(mu), "v": lower(v), "xhat": lower(xhat(i), i)}
        return {name: midpoints(program(BALLS, inputs)) for name, program in programs.items()}


def compare_with_exact(x: Array, mean: Array, variance: Array, true: dict[str, Array]) -> Row:
    """The errors of one algorithm at one kappa.

    Parameters
    ----------
    x : array of shape (m, features)
        The batch in float32.
    mean, variance : array of shape (features,)
        What the algorithm computed.
    true : dict of str to array
        The exact values from :func:`compute_exact`.

    Returns
    -------
    Row
        Median and largest error over the features. An error of xhat is ``None`` where xhat does not
        exist, because the variance that was computed is not positive.
    """
    positive = variance > 0
    # 1 in place of what is not positive, only to keep the root quiet: those features become
    # infinite below.
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

    Parameters
    ----------
    rows : list of Row
        The rows of one algorithm, kappa rising.
    algorithm, quantity : str
        What is fitted. ``quantity`` is ``"variance"`` or ``"xhat"``.

    Returns
    -------
    Row
        Of the kind ``variance_slope``, with the slope, the cited one and the range of the fit.

    Notes
    -----
    The fit begins at the first kappa at which the error exceeds ``FLOOR`` times its value at kappa
    = 1, since roundings that do not know kappa hide it below. It ends before the error first
    exceeds ``SATURATED``, since hardly a digit is right above.
    """
    values = [row[f"{quantity}_error_median"] for row in rows]
    end = next(
        (n for n, value in enumerate(values) if value is None or value > SATURATED), len(values)
    )
    start = next(n for n, value in enumerate(values) if value > FLOOR * values[0])
    kappas = [row["kappa_measured"] for row in rows[start:end]]
    # A power law is a straight line on logarithmic axes, and its exponent the slope.
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
