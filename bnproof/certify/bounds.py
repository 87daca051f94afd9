"""The error theory: a-priori bounds of batch normalisation by two passes or by updates, in a
working precision, for one input.

Model of arithmetic: ``fl(a o b) = (a o b)(1 + d) + e`` with ``|d| <= u`` (unit roundoff) and
``|e| <= eta`` (smallest subnormal; Higham 2002, section 2.2).  A product of ``n`` factors ``1 + d``
differs from 1 by at most ``gamma_n = n u/(1 - n u)`` (Higham, lemma 3.1), so a sum of ``n`` terms
in *any* order of summation is off by at most ``gamma_{n-1} sum |terms|`` (Higham, equation 4.4).
Both ways of applying the affine step are admitted: ``gamma xhat + beta`` and the collapsed
``gamma' x + beta'``.  Where ``m u >= 1`` no such bound exists (:class:`NoBound`).

Half precisions are computed in float32 and stored in x's dtype: only outputs of x's shape round to
it.

Every function takes arrays with channels on the last axis and returns a sum of named terms, so that
a report can say what an error may come from.  Bounds are evaluated in float64 without cancellation
and enlarged by ``SAFETY`` for their own rounding.  What they take as exact (``x - mu``, v) comes
from enclosures (:mod:`bnproof.certify.training`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnproof.formats import Format

Array = npt.NDArray[np.float64]
HALF = ("float16", "bfloat16")
SAFETY = 1 + 2.0**-20  # the bound itself is computed with relative error below 2^-40


class NoBound(ArithmeticError):
    """The batch is too long for the precision (``m u >= 1``): no a-priori bound exists."""


@dataclass(frozen=True)
class Bound:
    """A bound as a sum of named non-negative terms."""

    terms: dict[str, Array]

    @property
    def total(self) -> Array:
        """The sum of the terms, rounded outwards; infinite where a term has no bound (also 0 times
        infinity)."""
        total = np.asarray(sum(self.terms.values()) * SAFETY, dtype=np.float64)
        return np.where(np.isnan(total), np.inf, total)

    def scale_by(self, factor: Array) -> Bound:
        """The bound times a non-negative factor."""
        return Bound({name: term * factor for name, term in self.terms.items()})

    def __add__(self, other: Bound) -> Bound:
        names = [*self.terms, *(n for n in other.terms if n not in self.terms)]
        none = np.zeros(())
        return Bound({n: self.terms.get(n, none) + other.terms.get(n, none) for n in names})


@dataclass(frozen=True)
class Precision:
    """Unit roundoff ``u`` and smallest subnormal ``eta`` of the arithmetic, and those of the dtype
    results are stored in."""

    u: float
    eta: float
    stored_u: float
    stored_eta: float

    @classmethod
    def from_dtype(cls, dtype: Any) -> Precision:
        """For x's dtype: float32 ``u = 2^-24``, float64 ``u = 2^-53``; half precisions are computed
        in float32."""
        stored = Format.from_dtype(dtype)
        working = Format.from_dtype(np.float32) if stored.name in HALF else stored
        return cls(working.u, working.eta, stored.u, stored.eta)

    def storage_error(self, exact: Array, error: Array) -> Array:
        """Rounding a result that is ``error`` away from ``exact`` to the dtype it is stored in."""
        return self.stored_u * (np.abs(exact) + error) + self.stored_eta + 3 * self.eta

    def gamma(self, n: int) -> float:
        """``gamma_n = n u/(1 - n u)``; raises ``NoBound`` where ``n u >= 1``."""
        if n * self.u >= 1:
            raise NoBound(f"{n} roundings of size {self.u} have no a-priori bound")
        return n * self.u / (1 - n * self.u)


@dataclass(frozen=True)
class ExactBatch:
    """The exact values a bound refers to, rounded to float64: ``x``, ``deviation = x - mu`` of
    shape ``(m, C)``; the rest ``(C,)``.

    ``workers``: how many parts the statistics are merged from; 0 where there is one batch in one
    place.
    """

    x: Array
    deviation: Array
    mu: Array
    v: Array
    eps: float
    workers: int = 0

    @property
    def m(self) -> int:
        return self.x.shape[0]

    @property
    def terms(self) -> int:
        """How many numbers a sum over the batch adds; a merged one rounds three times more for
        every worker."""
        return self.m + 3 * self.workers

    @property
    def s(self) -> Array:
        return np.sqrt(self.v + self.eps)

    @property
    def xhat(self) -> Array:
        return self.deviation / self.s


def mean(p: Precision, b: ExactBatch) -> Bound:
    """``|mu~ - mu| <= gamma_n (1/m) sum |x| + gamma_5 sqrt(l v)``, ``n = m + 1 + 3 l``,
    ``l = 1 + log2 m``.

    A sum has ``m - 1`` additions and one division, or a product with a rounded 1/m.  An update or
    merge ``M = M_a + n_b/n (M_b - M_a)``, ``n_b <= n_a``, rounds its result, at most ``m - 1``
    times for each value, and its step, three times: in all ``(3u/m) sum n_b |M_b - M_a|``, at most
    ``3u sqrt(2 l v)`` by the Cauchy-Schwarz inequality, because ``w = n_a n_b/n`` gives
    ``sum w (M_b - M_a)^2 = m v``, and ``n_b^2/w <= 2 n_b``, where each value is in the smaller part
    at most ``log2 m`` times.  Earlier errors grow by ``1 + 3u n_b/n_a``, whose product is below
    ``1 + gamma_{3 l}``.
    """
    levels = b.m.bit_length()
    sums = p.gamma(b.terms + 3 * levels + 1) * np.abs(b.x).mean(axis=0) + b.terms * p.eta
    return Bound({"sums": sums + p.gamma(5) * np.sqrt(levels * b.v)})


def variance(p: Precision, b: ExactBatch) -> Bound:
    """``|v~ - v| <= 2 sqrt(v) D + D^2 + gamma_{m+7} (v + 2 sqrt(v) D + D^2)``, ``D`` what errors of
    means amount to.

    Two passes: since ``sum (x_i - mu) = 0``, ``(1/m) sum (x_i - mu - d)^2 = v + d^2`` exactly
    (theorem mean-error), with d the mean's residue, ``d <= D``.

    Updates and merges (Welford 1962; Chan, Golub and LeVeque 1983; theorem total-variance) add
    ``w (M_b - M_a)^2``, ``w = n_a n_b/n``, ``n_b <= n_a``, of means off by ``e_a``, ``e_b``.  The
    exact terms add up to ``m v``, so by the Cauchy-Schwarz inequality
    ``D^2 = (1/m) sum w (e_b - e_a)^2``.  With ``A = sum |x|`` of a part, its mean is off by

    - ``u A`` for the roundings of the mean itself: ``n e <= n_a e_a + n_b e_b + u A``, and
      ``A^2 <= n sum x^2``.  Over all merges that gives ``m sqrt(mu^2 + v) u`` to D, because
      ``w n_a <= n_a n_b <= (n^2 - n_a^2)/2`` telescopes for every value;
    - ``(3u/n) sum n_b |M_b - M_a|`` for the roundings of the steps, ``6u (1 + log2 m) sqrt(v)`` to
      D by the same inequality.

    Each term carries six roundings at most (of the square, the difference and the counts), the sum
    ``m - 1``, the division two.
    """
    levels = b.m.bit_length()
    of_means = p.gamma(b.terms + 6 * levels + 1) * np.sqrt(b.mu**2 + b.v) + b.terms * p.eta
    apart = of_means + 6 * p.u * (1 + levels) * np.sqrt(b.v)
    residue = 2 * np.sqrt(b.v) * apart + apart**2
    return Bound(
        {
            "mean's residue": residue,
            "sums": p.gamma(b.terms + 7) * (b.v + residue) + b.terms * p.eta,
        }
    )


def inverse_std(p: Precision, b: ExactBatch) -> Bound:
    """Relative error of ``1/s~``, ``s~ = fl(sqrt(v~ + eps~))``.

    ``v~ >= 0`` is within :func:`variance` of v and ``eps~`` within ``u eps`` of eps (rounded to the
    dtype, or a half-precision-like flush within eta); with ``w = v + eps`` and the ends ``w_lo``,
    ``w_hi`` of ``v~ + eps~``, the error is at most ``max(sqrt(w/w_lo) - 1, 1 - sqrt(w/w_hi))``, the
    first of which is ``(w - w_lo)/(sqrt(w_lo)(sqrt w + sqrt w_lo))``. Rounding of the addition, the
    root and the reciprocal adds ``gamma_4``.  The three parts (sums, residue, eps) are named by the
    share of the interval they cause.
    """
    w, error = b.v + b.eps, variance(p, b)
    sums, residue = error.terms["sums"], error.terms["mean's residue"]
    of_eps = np.full_like(w, p.u * b.eps + p.eta)
    low = np.maximum(b.v - sums - residue, 0) + np.maximum(b.eps - of_eps, 0)
    below, above = (
        np.minimum(sums + residue, b.v) + np.minimum(of_eps, b.eps),
        sums + residue + of_eps,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        downwards = below / (np.sqrt(low) * (np.sqrt(w) + np.sqrt(low)))
        upwards = above / (np.sqrt(w + above) * (np.sqrt(w) + np.sqrt(w + above)))
        spread = np.where((w > 0) & (low > 0), np.maximum(downwards, upwards), np.inf)
        share = spread / (sums + residue + of_eps)
    rounding = np.full_like(w, p.gamma(4)) * (1 + spread)
    return Bound(
        {
            "sums": sums * share,
            "mean's residue": residue * share,
            "eps": of_eps * share,
            "rounding": rounding,
        }
    )


def normalised_value(p: Precision, b: ExactBatch) -> Bound:
    """``|xhat~_i - xhat_i|``: ``(|d| + u (|t| + |d|))/s (1 + r) + |xhat| r`` with ``t = x_i - mu``,
    r = inverse_std."""
    d, inverse = mean(p, b).total, inverse_std(p, b)
    r = inverse.total
    shifted = Bound({"mean's residue": d / b.s * (1 + r) + 0 * b.deviation})
    rounded = Bound({"rounding": p.u * (np.abs(b.deviation) + d) / b.s * (1 + r) + p.eta / b.s})
    return shifted + rounded + inverse.scale_by(np.abs(b.xhat))


def output(p: Precision, b: ExactBatch, gamma: Array, beta: Array) -> Bound:
    """``|y~_i - y_i|`` for ``gamma xhat + beta`` or the collapsed ``gamma' x + beta'``,
    ``gamma' = gamma/s``.

    The normalised value's error times ``|gamma|``; the products and the addition of the affine
    step, where the collapsed form rounds ``gamma' x``, ``gamma' mu`` and ``beta - gamma' mu``
    (``gamma_3`` of each magnitude); and the rounding of the result.
    """
    scale = np.abs(gamma) / b.s * (1 + inverse_std(p, b).total)
    affine = p.gamma(3) * (
        scale * (np.abs(b.x) + 2 * np.abs(b.mu) + 2 * mean(p, b).total) + np.abs(beta)
    )
    y = gamma * b.xhat + beta
    total = normalised_value(p, b).scale_by(np.abs(gamma)) + Bound({"affine step": affine})
    return total + Bound({"output rounding": p.storage_error(y, total.total) + 0 * affine})


def parameter_gradients(p: Precision, b: ExactBatch, dy: Array) -> tuple[Bound, Bound]:
    """``|dgamma~ - sum g xhat|`` and ``|dbeta~ - sum g|``:
    ``sum |g| e_i + gamma_{m+2} sum |g|(|xhat| + e_i)`` with ``e`` the error of xhat, and
    ``gamma_m sum |g|``."""
    e = normalised_value(p, b)
    carried = Bound({name: (np.abs(dy) * term).sum(axis=0) for name, term in e.terms.items()})
    products = (np.abs(dy) * (np.abs(b.xhat) + e.total)).sum(axis=0)
    dgamma = carried + Bound({"gradient sums": p.gamma(b.terms + 2) * products + b.terms * p.eta})
    return dgamma, Bound(
        {"gradient sums": p.gamma(b.terms) * np.abs(dy).sum(axis=0) + b.terms * p.eta}
    )


def input_gradient(p: Precision, b: ExactBatch, dy: Array, gamma: Array) -> Bound:
    """``|dx~_k - dx_k|`` for ``gamma/s (g_k - a - xhat_k c)``, ``a = (1/m) sum g``,
    ``c = (1/m) sum g xhat``.

    Errors of ``a`` and ``c``, of xhat_k where it multiplies ``c``, of ``gamma/s`` (relative r),
    seven roundings of the terms combined (also for ``(x_k - mu) c'/s`` with ``c' = c/s``, where r
    enters xhat once more), and that of the result.
    """
    e, r = normalised_value(p, b).total, inverse_std(p, b).total
    dgamma, dbeta = (bound.total / b.m for bound in parameter_gradients(p, b, dy))
    a, c = dy.mean(axis=0), (dy * b.xhat).mean(axis=0)
    xhat = np.abs(b.xhat)
    magnitude = np.abs(dy) + np.abs(a) + dbeta + (xhat + e) * (np.abs(c) + dgamma)
    scale = np.abs(gamma) / b.s * (1 + r)
    dx = np.abs(gamma) / b.s * np.abs(dy - a - b.xhat * c)
    total = Bound(
        {
            "gradient sums": scale * (dbeta + (xhat + e) * dgamma),
            "normalised value": scale * (e + xhat * r) * (np.abs(c) + dgamma),
            "inverse std": dx * r,
            "rounding": p.gamma(7) * scale * magnitude + 4 * p.eta + 0 * dx,
        }
    )
    return total + Bound({"output rounding": p.storage_error(dx, total.total)})


def running_statistic(p: Precision, old: Array, new: Array, alpha: float, error: Bound) -> Bound:
    """``|r~ - ((1 - alpha) r + alpha b)|``: ``alpha`` times the error of ``b``, and ``gamma_6`` of
    the magnitudes.

    ``1 - alpha`` with alpha rounded to the dtype is off by ``u alpha + u |1 - alpha|``, and so is
    alpha where the momentum that is handed over and rounded is ``1 - alpha``: ``u |1 - alpha|`` of
    both old and new.  The forms ``(1 - alpha) r + alpha b`` and ``r + alpha (b - r)`` round at most
    five times after that.
    """
    magnitude = np.abs(old) * (1 + 2 * abs(alpha)) + abs(alpha) * (np.abs(new) + error.total)
    weights = p.u * abs(1 - alpha) * (np.abs(old) + np.abs(new) + error.total)
    rounding = p.gamma(6) * magnitude + weights + 4 * p.eta
    return Bound(
        {f"batch statistic: {name}": abs(alpha) * term for name, term in error.terms.items()}
    ) + Bound({"momentum and rounding": rounding})


def bessel(p: Precision, b: ExactBatch) -> Bound:
    """The variance's error times ``m/(m - 1)``, and ``gamma_3`` for the factor (rounded quotient
    and product)."""
    factor = b.m / (b.m - 1)
    error = variance(p, b)
    return error.scale_by(np.asarray(factor)) + Bound(
        {"Bessel's factor": p.gamma(3) * factor * (b.v + error.total)}
    )


def build_fixed_batch(x: Array, mean: Array, var: Array, eps: float) -> ExactBatch:
    """Inference: running statistics are exact inputs, so only rounding remains."""
    return ExactBatch(x, x - mean, mean, var, eps)


def _fixed_inverse_std(p: Precision, b: ExactBatch) -> Array:
    """eps rounded (``u eps``), then the addition, root and reciprocal: relative ``gamma_5``
    (``eta`` where eps underflows)."""
    return p.gamma(5) + p.eta / (b.v + b.eps)


def inference_output(p: Precision, b: ExactBatch, gamma: Array, beta: Array) -> Bound:
    """``|y~_i - y_i|`` with fixed statistics: relative ``gamma_8`` of ``|gamma| |x - mu_r|/s_r``,
    the affine step's magnitudes in the collapsed form, and the rounding of the result."""
    r = _fixed_inverse_std(p, b)
    scale = np.abs(gamma) / b.s * (1 + r)
    direct = np.abs(gamma * b.xhat) * (r + p.gamma(3)) * (1 + r)
    affine = p.gamma(3) * (scale * (np.abs(b.x) + 2 * np.abs(b.mu)) + np.abs(beta))
    y = gamma * b.xhat + beta
    rounding = p.storage_error(y, direct + affine) + p.eta * scale
    return Bound({"normalised value": direct, "affine step": affine, "output rounding": rounding})


def inference_gradients(
    p: Precision, b: ExactBatch, dy: Array, gamma: Array
) -> tuple[Bound, Bound, Bound]:
    """``dx = gamma/s_r g``: relative error of ``1/s_r``, three products, the last one stored;
    ``dgamma``: relative error of ``1/s_r`` and ``gamma_{m+4}`` of ``sum |g|(|x| + |mu_r|)/s_r``,
    which also covers ``(sum g x - mu_r sum g)/s_r``; ``dbeta``: ``gamma_m sum |g|``."""
    r = _fixed_inverse_std(p, b)
    exact = np.abs(gamma * dy) / b.s
    products_of_three = exact * (r + p.gamma(2)) * (1 + r)
    dx = products_of_three + p.storage_error(exact, products_of_three)
    products = (np.abs(dy) * (np.abs(b.x) + np.abs(b.mu)) / b.s).sum(axis=0)
    dgamma = products * (r + p.gamma(b.m + 4)) * (1 + r) + b.m * p.eta
    dbeta = p.gamma(b.m) * np.abs(dy).sum(axis=0) + b.m * p.eta
    return (
        Bound({"rounding": dx}),
        Bound({"gradient sums": dgamma}),
        Bound({"gradient sums": dbeta}),
    )
