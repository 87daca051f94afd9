"""Exact statistics, errors against them, and the slope that is fitted to errors, on small numbers.

That the algorithms obey the cited orders on real data is tested with the other experiments.
"""

from fractions import Fraction

import numpy as np
import pytest

from bnproof.experiments.arithmetic import (
    FLOOR,
    SATURATED,
    cited_bound,
    compare_with_exact,
    compute_exact,
    fit_slope,
    one_pass,
    welford,
)


@pytest.mark.parametrize(
    ("algorithm", "order"),
    [
        ("one-pass", Fraction(1, 2**15)), ("Welford", Fraction(1, 2**16)),
        ("two-pass", Fraction(1, 2**17) + Fraction(1, 2**32)),
    ],
)  # fmt: skip
def test_the_cited_orders_by_hand(algorithm, order):
    """At kappa = 2 with m = 2^7 and u = 2^-24: m kappa^2 u, m kappa u, and m u + (m kappa u)^2."""
    assert Fraction(cited_bound(algorithm, 2.0)) == order


def test_exact_statistics_do_not_cancel():
    """A spread of 1 beside a mean of 2^20: mean, variance and normalised values come out exactly,
    where float32 sums of squares lose all of the variance."""
    x = np.array([[2.0**20 - 1], [2.0**20 + 1]] * 2, dtype=np.float32)
    true = compute_exact(x)
    assert (true["mu"].tolist(), true["v"].tolist()) == ([2.0**20], [1.0])
    assert true["xhat"].ravel().tolist() == [-1.0, 1.0, -1.0, 1.0]
    assert one_pass(x)[1] != 1


def test_exact_statistics_are_those_of_fractions():
    """Of floats that no short decimal is, with a batch size that divides in binary."""
    x = np.array([0.1, 0.7, -3.3, 1e4], dtype=np.float32)
    values = [Fraction(float(value)) for value in x]
    mean = sum(values) / 4
    true = compute_exact(x[:, None])
    assert true["mu"].item() == float(mean)
    assert true["v"].item() == float(sum((value - mean) ** 2 for value in values) / 4)


def test_welford_takes_each_value_once_in_the_dtype_of_the_batch():
    """By hand for 1, 3, 8: means 1, 2, 4 and sums of squares 0, 2, 26; a single value has
    variance 0."""
    mean, variance = welford(np.array([[1.0], [3.0], [8.0]], dtype=np.float32))
    assert mean.tolist() == [4.0]
    assert variance.item() == np.float32(26) / np.float32(3)
    assert (mean.dtype, variance.dtype) == (np.float32, np.float32)
    assert welford(np.array([[5.0]], dtype=np.float32))[1].tolist() == [0.0]


X = np.array([[-1.0, 1.0, 3.0], [1.0, 3.0, 5.0]], dtype=np.float32)
TRUE = {
    "mu": np.array([0.0, 2.0, 4.0]), "v": np.ones(3), "xhat": np.array([[-1.0] * 3, [1.0] * 3]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("variance", "of_xhat", "not_positive"),
    [
        # 4 for 1: xhat is 1/2 for 1, and v is three times too large.
        ([4.0, 1.0, 1.0], (0.0, 0.5), 0), ([4.0, 4.0, 1.0], (0.5, 0.5), 0),
        ([0.0, 1.0, 1.0], (0.0, None), 1), ([-1.0, 0.0, 1.0], (None, None), 2),
    ],
)  # fmt: skip
def test_errors_by_hand(variance, of_xhat, not_positive):
    """Relative for v and absolute for xhat; a variance that is not positive has no xhat, so that
    its largest error is None, and the median once half are so."""
    computed = np.array(variance, dtype=np.float32)
    row = compare_with_exact(X, TRUE["mu"].astype(np.float32), computed, TRUE)
    off = sorted(abs(value - 1) for value in variance)
    assert (row["variance_error_median"], row["variance_error_largest"]) == (off[1], off[2])
    assert (row["xhat_error_median"], row["xhat_error_largest"]) == of_xhat
    assert row["not_positive"] == not_positive


def test_a_mean_that_is_off_shows_in_xhat():
    """By its distance in units of the standard deviation."""
    row = compare_with_exact(X, np.float32([0.25, 2, 4]), np.float32([1, 1, 1]), TRUE)
    assert (row["xhat_error_median"], row["xhat_error_largest"]) == (0.0, 0.25)
    assert row["variance_error_largest"] == 0


def rows_of(errors):
    """Rows at kappa = 1, 2, 4, ... with these median errors."""
    return [
        {"kappa_measured": 2.0**n, "xhat_error_median": error} for n, error in enumerate(errors)
    ]


@pytest.mark.parametrize("power", [1, 2])
def test_the_slope_is_fitted_where_the_error_follows_kappa(power):
    """A floor before and saturation after the power law do not count, nor does what comes after the
    first saturated point."""
    u = 2.0**-24
    follows = [u * 2.0 ** (power * n) for n in range(3, 9)]
    assert follows[0] > FLOOR * u
    assert follows[-1] < SATURATED
    row = fit_slope(rows_of([u, 2 * u, FLOOR * u, *follows, 0.5, None, u, u]), "Welford", "xhat")
    assert (row["kappa_from"], row["kappa_to"], row["points"]) == (8.0, 256.0, 6)
    assert round(row["slope"]) == power
    assert (row["kind"], row["cited_slope"]) == ("variance_slope", 1)


def test_a_missing_error_ends_the_fit():
    """A gap at which xhat does not exist is an end as well."""
    u = 2.0**-24
    row = fit_slope(rows_of([u, 8 * u, 16 * u, None, 64 * u]), "one-pass", "xhat")
    assert (row["kappa_from"], row["kappa_to"], row["points"]) == (2.0, 4.0, 2)
