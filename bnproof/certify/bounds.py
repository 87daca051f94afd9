"""A-priori error bounds of batch normalisation, for one input in a working precision.

An implementation that evaluates the right formula in floating point does not return the exact
value. The bounds here say how far off it may be, whatever correct algorithm it uses: two passes
over the data, or updates and merges of partial statistics, in any order of summation. What lies
farther off computed something else.

The model of arithmetic is the standard one (Higham 2002, section 2.2):
``fl(a o b) = (a o b)(1 + d) + e`` with ``|d| <= u``, the unit roundoff, and ``|e| <= eta``, the
smallest subnormal. A product of ``n`` factors ``1 + d`` differs from 1 by at most
``gamma_n = n u/(1 - n u)`` (Higham, lemma 3.1). A sum of ``n`` terms is therefore off by at most
``gamma_{n-1} sum |terms|`` in *any* order of summation (Higham, equation 4.4), because no term
takes part in more than ``n - 1`` additions. Where ``n u >= 1`` there is no such bound
(:class:`NoBound`).

Both ways to apply the affine step are admitted: ``gamma xhat + beta`` and the collapsed
``gamma' x + beta'``. Half precisions are computed in float32 and stored in x's dtype: only outputs
of x's shape round to it.

The functions take a :class:`Precision` ``p``, an :class:`ExactBatch` ``b``, and arrays with
channels on the last axis: ``(m, C)`` for dy, ``(C,)`` for parameters and statistics. They return a
:class:`Bound`, a sum of named terms, so that a report can say what an error may come from. Bounds
are evaluated in float64 without cancellation and enlarged by ``SAFETY`` for their own rounding.
What they take as exact (``x - mu``, v) comes from enclosures (:mod:`bnproof.certify.training`).

A tilde marks computed values: ``mu~`` is what an implementation has for ``mu``. Start reading at
:func:`mean` and :func:`variance`, from which the others follow by the triangle inequality.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bnproof.formats import HALF, Format, dtype_of

Array = npt.NDArray[np.float64]
# A product in tf32 rounds its factors to 11 significant bits.
TF32_U = 2.0**-11
# A bound is a sum of positive terms, so its own relative error is a small multiple of ``2^-53`` a
# step, below ``2^-40`` in all; a float that is not exact (``x - mu``, v) adds as little. This is
# more than that, and widens a bound invisibly.
SAFETY = 1 + 2.0**-20


class NoBound(ArithmeticError):
    """The batch is too long for the precision (``m u >= 1``): no a-priori bound exists."""


@dataclass(frozen=True)
class Bound:
    """A bound as a sum of named non-negative terms.

    Attributes
    ----------
    terms
        By the name of an origin, arrays that broadcast with each other.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.certify.bounds import Bound
    >>> joined = Bound({"sums": np.array([1.0])}) + Bound({"eps": np.array([4.0])})
    >>> list(joined.terms), bool(joined.total[0] >= 5)
    (['sums', 'eps'], True)
    """

    terms: dict[str, Array]

    @property
    def total(self) -> Array:
        """The sum of the terms, rounded outwards.

        Infinite where a term has no bound; 0 times infinity, which is NaN, counts as none.
        """
        total = np.asarray(sum(self.terms.values()) * SAFETY, dtype=np.float64)
        return np.where(np.isnan(total), np.inf, total)

    def scale_by(self, factor: Array) -> Bound:
        """The bound times a non-negative factor, term by term."""
        return Bound({name: term * factor for name, term in self.terms.items()})

    def __add__(self, other: Bound) -> Bound:
        """The sum of two bounds: terms of one name are added, others are kept."""
        names = [*self.terms, *(n for n in other.terms if n not in self.terms)]
        # A scalar 0 broadcasts with the shape of the other's term.
        none = np.zeros(())
        return Bound({n: self.terms.get(n, none) + other.terms.get(n, none) for n in names})


@dataclass(frozen=True)
class Precision:
    """The arithmetic of an implementation, and the format that it stores results in.

    Attributes
    ----------
    u, eta
        Unit roundoff and smallest subnormal of the arithmetic, which is that of single operations
        on entries and on statistics.
    stored_u, stored_eta
        The same of the dtype of outputs of x's shape.
    product_u
        The relative error of a multiplication where it is larger than ``u``; 0 where it is not.
        Matrix units in tf32 round both factors to 11 bits first.
    sum_u, sum_eta
        Unit roundoff and smallest subnormal of the additions of a sum over the batch; 0 where sums
        are done like everything else.
    input_u
        What rounding an argument to the format of the arithmetic changes it by, as a share; 0 where
        it has that format already.
    largest, sum_largest
        The largest finite number of single operations and of sums.  Beyond it there is no bound.
        Infinite where the range is not asked about.
    one_pass
        Whether the variance is ``E[x^2] - mu^2``, which has a bound of its own.
    """

    u: float
    eta: float
    stored_u: float
    stored_eta: float
    product_u: float = 0.0
    sum_u: float = 0.0
    sum_eta: float = 0.0
    input_u: float = 0.0
    largest: float = np.inf
    sum_largest: float = np.inf
    one_pass: bool = False

    @classmethod
    def from_dtype(cls, dtype: Any) -> Precision:
        """The precision that goes with x's dtype.

        Float32 has ``u = 2^-24``, float64 ``u = 2^-53``. Half precisions are computed in float32
        and stored as they are.
        """
        stored = Format.from_dtype(dtype)
        # No implementation is asked to use the arithmetic of these: their sums would have no bound
        # beyond a few hundred or a few thousand values.
        working = Format.from_dtype(np.float32) if stored.name in HALF else stored
        return cls(working.u, working.eta, stored.u, stored.eta)

    def storage_error(self, exact: Array, error: Array) -> Array:
        """What rounding a result to the dtype it is stored in adds to its error.

        Parameters
        ----------
        exact
            The exact value.
        error
            A bound of how far the result is away from it before it is stored.

        Returns
        -------
        array
            ``stored_u (|exact| + error) + stored_eta``, and three ``eta`` for operations that
            underflow in the working precision.
        """
        return self.stored_u * (np.abs(exact) + error) + self.stored_eta + 3 * self.eta

    @classmethod
    def declare(
        cls,
        compute: str,
        accumulate: str,
        given: Any,
        *,
        one_pass: bool = False,
    ) -> Precision:
        """The precision of a declared arithmetic, whose results are not rounded again.

        Parameters
        ----------
        compute
            The format of single operations: "float16", "bfloat16", "float32", "float64", or "tf32",
            which is float32 with both factors of every product rounded to 11 bits first.
        accumulate
            The format in which sums over the batch are added up.
        given
            The widest dtype among the arguments, such as x and gamma.
        one_pass
            Whether the variance is ``E[x^2] - mu^2``.

        Notes
        -----
        A result of a sum may be kept in the format of sums or rounded to that of single operations,
        whenever it is used.  Nothing is said of flushing subnormal numbers to zero.
        """
        working = Format.from_dtype(dtype_of("float32" if compute == "tf32" else compute))
        sums = Format.from_dtype(dtype_of(accumulate))
        # two factors that are each off by ``u_11``, and the rounding of their product
        tf32 = (1 + TF32_U) ** 2 * (1 + working.u) - 1
        return cls(
            working.u,
            working.eta,
            working.u,
            working.eta,
            product_u=tf32 if compute == "tf32" else 0.0,
            sum_u=sums.u,
            sum_eta=sums.eta,
            input_u=working.u if Format.from_dtype(given).p > working.p else 0.0,
            largest=working.largest,
            sum_largest=sums.largest,
            one_pass=one_pass,
        )

    @property
    def conversions(self) -> int:
        """How often a number may be rounded on its way between the formats of the arithmetic.

        An argument is rounded once, and so is the result of a sum.  A sum may also be a product
        with ones, whose factors tf32 rounds.  0 where there is one format.
        """
        if self.input_u or self.sum_u not in (0.0, self.u):
            return 2
        return 1 if self.product_u else 0

    def gamma(self, n: int) -> float:
        """``gamma_n = n u/(1 - n u)``, for ``n`` roundings that follow each other.

        Raises
        ------
        NoBound
            Where ``n u >= 1``.
        """
        return _gamma(n, max(self.u, self.product_u))

    def sums(self, n: int, k: int = 0) -> float:
        """What ``n`` additions of a sum and ``k`` single operations change a term by, as a share.

        It is ``gamma_{n+k}`` where both round alike, and
        ``(1 + gamma_n)(1 + gamma_k) - 1`` with the roundoff of each otherwise.

        Raises
        ------
        NoBound
            Where either has no bound.
        """
        if self.sum_u in (0.0, self.u) and not self.product_u:
            return self.gamma(n + k)
        return (1 + _gamma(n, self.sum_u or self.u)) * (1 + self.gamma(k)) - 1

    def underflow(self, n: int) -> float:
        """What underflow may add to a mean of ``n`` products.

        Sums of floats are exact where they are subnormal.  A product or quotient on the way may
        underflow, hence one ``eta`` for each term.
        """
        # Each term may be divided by n before it is added, and is then off by eta itself; some
        # operations follow.
        return n * self.eta if not self.sum_eta else n * (self.sum_eta + self.eta) + 4 * self.eta

    def products(self, *factors: Array | float) -> Array:
        """What underflow may add to a product of numbers, multiplied in any order.

        A product of some of the factors that underflows is off by ``eta``, and the others multiply
        that error: ``eta prod (1 + |f|)`` covers every choice.
        """
        total = np.asarray(self.eta, dtype=np.float64)
        for factor in factors:
            total = total * (1 + np.abs(factor))
        return total

    @property
    def largest_eta(self) -> float:
        """The larger smallest subnormal of single operations and of sums."""
        return max(self.eta, self.sum_eta)

    def leaves_range(self, single: Array, summed: Array | float = 0.0) -> Bound:
        """An infinite bound where a number on the way leaves the range of its format; else 0.

        Parameters
        ----------
        single, summed
            Magnitudes of single operations, and of sums over the batch.
        """
        # a sum may be rounded to the format of single operations as soon as it is there
        beyond = (np.maximum(single, summed) > self.largest / 2) | (
            np.asarray(summed) > self.sum_largest / 2
        )
        return Bound({"range": np.where(beyond, np.inf, 0.0)} if np.any(beyond) else {})


def _gamma(n: int, u: float) -> float:
    """``gamma_n`` for roundings of size u."""
    if n * u >= 1:
        raise NoBound(f"{n} roundings of size {u} have no a-priori bound")
    return n * u / (1 - n * u)


@dataclass(frozen=True)
class ExactBatch:
    """The exact values that a bound refers to, rounded to float64.

    Attributes
    ----------
    x
        Columns ``(m, C)``.
    deviation
        ``x - mu``, ``(m, C)``; not the difference of rounded numbers.
    mu, v
        Mean and biased variance, ``(C,)``. At inference these are running statistics.
    eps
        As handed over, not as the implementation rounds it.
    workers
        How many parts the statistics are merged from; 0 where there is one batch in one place.
    """

    x: Array
    deviation: Array
    mu: Array
    v: Array
    eps: float
    workers: int = 0

    @property
    def m(self) -> int:
        """The number of values in a channel."""
        return self.x.shape[0]

    @property
    def terms(self) -> int:
        """How many roundings a term of a sum over the batch may meet.

        As many as there are terms; statistics that are merged round three times more for every
        worker.
        """
        return self.m + 3 * self.workers

    @property
    def s(self) -> Array:
        """``sqrt(v + eps)``."""
        return np.sqrt(self.v + self.eps)

    @property
    def xhat(self) -> Array:
        """The normalised values, ``(m, C)``."""
        return self.deviation / self.s


def mean(p: Precision, b: ExactBatch) -> Bound:
    """``|mu~ - mu| <= gamma_n (1/m) sum |x| + gamma_5 sqrt(l v)``, with ``n = m + 1 + 3 l``.

    Here ``l = 1 + floor(log2 m)``, and n grows by three for every worker.

    Notes
    -----
    A sum has ``m - 1`` additions and one division, or a product with a rounded ``1/m``.

    An update or merge of two parts, ``M = M_a + n_b/n (M_b - M_a)`` with ``n_b <= n_a``, rounds its
    result, at most ``m - 1`` times for each value. It also rounds its step, three times; those
    errors amount to ``(3u/m) sum n_b |M_b - M_a|`` over all merges. With ``w = n_a n_b/n`` the
    squares add up to ``sum w (M_b - M_a)^2 = m v`` (theorem total-variance). Since
    ``n_b^2/w <= 2 n_b`` and each value is in the smaller part at most ``log2 m`` times, the
    Cauchy-Schwarz inequality gives at most ``3u sqrt(2 l v)``. Earlier errors grow by
    ``1 + 3u n_b/n_a`` at each merge, whose product is below ``1 + gamma_{3 l}``.
    """
    # ``1 + floor(log2 m)``: at least as often as a value can be in the smaller of two merged parts.
    levels = b.m.bit_length()
    size = np.abs(b.x).mean(axis=0)
    # The terms are arguments and the mean is a result: both may be rounded to another format.
    sums = p.sums(b.terms + 3 * levels, 1 + p.conversions) * size + p.underflow(b.terms)
    computed = Bound({"sums": sums + p.sums(5) * np.sqrt(levels * b.v)})
    return computed + p.leaves_range(np.abs(b.x).max(axis=0), b.m * size)


def variance(p: Precision, b: ExactBatch) -> Bound:
    """``|v~ - v| <= 2 sqrt(v) D + D^2 + gamma_{m+7} (v + 2 sqrt(v) D + D^2)``.

    ``D`` is what errors of means amount to: of order ``m u sqrt(mu^2 + v)``.

    Notes
    -----
    Two passes: since ``sum (x_i - mu) = 0``, ``(1/m) sum (x_i - mu - d)^2 = v + d^2`` exactly
    (theorem mean-error), with d the mean's residue, ``d <= D``.

    Updates and merges (Welford 1962; Chan, Golub and LeVeque 1983; theorem total-variance) add
    ``w (M_b - M_a)^2`` with ``w = n_a n_b/n`` and ``n_b <= n_a``, of means that are off by ``e_a``
    and ``e_b``. The exact terms add up to ``m v``, so by the Cauchy-Schwarz inequality
    ``D^2 = (1/m) sum w (e_b - e_a)^2``. With ``A = sum |x|`` of a part, its mean is off by two
    things:

    - ``u A`` for the roundings of the mean itself: ``n e <= n_a e_a + n_b e_b + u A``, and
      ``A^2 <= n sum x^2``. Over all merges that gives ``m sqrt(mu^2 + v) u`` to D, because
      ``w n_a <= n_a n_b <= (n^2 - n_a^2)/2`` telescopes for every value;
    - ``(3u/n) sum n_b |M_b - M_a|`` for the roundings of the steps, which gives
      ``6u (1 + log2 m) sqrt(v)`` to D by the same inequality.

    Each term carries at most six roundings (of the square, the difference and the counts), the sum
    ``m - 1``, the division two.

    The one-pass formula ``E[x^2] - mu^2`` is not admitted (theorem one-pass-error), but where the
    precision declares it; :func:`one_pass_variance` is its bound.
    """
    if p.one_pass:
        return one_pass_variance(p, b)
    levels = b.m.bit_length()
    # ``(1/m) sum |x| <= sqrt(mu^2 + v)``, so this covers the mean of two passes as well as what is
    # proved for updates.
    rounded = p.sums(b.terms + 6 * levels, 1 + p.conversions)
    of_means = rounded * np.sqrt(b.mu**2 + b.v) + p.underflow(b.terms)
    # The second part, of the steps, also covers the ``gamma_5 sqrt(l v)`` of :func:`mean`.
    apart = of_means + 6 * (p.sum_u or p.u) * (1 + levels) * np.sqrt(b.v)
    # The error of the terms: ``2 sqrt(v) D`` by the Cauchy-Schwarz inequality, and ``D^2``.
    residue = 2 * np.sqrt(b.v) * apart + apart**2
    of_terms = p.sums(b.terms, 7 + p.conversions)
    # The largest single square, and the two sums on the way: of the values, and of the squares.
    largest = np.maximum((np.abs(b.deviation).max(axis=0) + apart) ** 2, np.abs(b.x).max(axis=0))
    summed = b.m * np.maximum(b.v + residue, np.abs(b.x).mean(axis=0))
    return Bound(
        {
            "mean's residue": residue,
            "sums": of_terms * (b.v + residue) + p.underflow(b.terms),
        }
    ) + p.leaves_range(largest, summed)


def one_pass_variance(p: Precision, b: ExactBatch) -> Bound:
    """``|v~ - v|`` for ``v~ = E[x^2] - mu^2``: of order ``m u (mu^2 + v)``.

    Notes
    -----
    The mean of squares is off by ``gamma_{m+4}`` of itself, which is ``mu^2 + v``.  The square of a
    mean that is off by d is off by ``2 |mu| d + d^2`` and its rounding, and the difference rounds
    once more.  Against v this grows like ``kappa^2 = mu^2/v`` (theorem one-pass-error; Chan, Golub
    and LeVeque 1983, section 2).  The computed variance may be negative.
    """
    square = b.mu**2 + b.v
    of_squares = p.sums(b.terms, 4 + p.conversions) * square + p.underflow(b.terms)
    d = mean(p, b).total
    of_mean = (2 * np.abs(b.mu) * d + d**2) * (1 + p.gamma(2)) + p.gamma(2) * b.mu**2 + p.eta
    return Bound(
        {
            "mean's residue": of_mean,
            "sums": of_squares + p.gamma(3) * (b.v + of_squares + of_mean),
        }
    ) + p.leaves_range(b.x.max(axis=0) ** 2 + b.x.min(axis=0) ** 2, b.m * square)


def inverse_std(p: Precision, b: ExactBatch) -> Bound:
    """Relative error of ``1/s~`` with ``s~ = fl(sqrt(v~ + eps~))``.

    The three parts (sums, the mean's residue, eps) are named by the share of the interval that each
    causes.

    Notes
    -----
    ``v~ >= 0`` is within :func:`variance` of v, and ``eps~`` within ``u eps`` of eps, because it is
    rounded to the dtype, or flushed when it is tiny. Let ``w = v + eps``, and ``w_lo``, ``w_hi``
    the ends of what ``v~ + eps~`` can be. The error is at most
    ``max(sqrt(w/w_lo) - 1, 1 - sqrt(w/w_hi))``. The former is evaluated as
    ``(w - w_lo)/(sqrt(w_lo)(sqrt w + sqrt w_lo))`` and the latter likewise, so that nothing
    cancels. The addition, the root and the reciprocal add ``gamma_4``. There is no bound where
    ``w_lo = 0``: the spread drowns in rounding.
    """
    w, error = b.v + b.eps, variance(p, b)
    sums, residue = error.terms["sums"], error.terms["mean's residue"]
    range_left = Bound({name: term for name, term in error.terms.items() if name == "range"})
    # Never 0, thanks to eta, so that the shares below have a divisor.
    of_eps = np.full_like(w, p.u * b.eps + p.eta)
    # A computed variance is not negative, nor is eps: both ends are cut off there one by one. Only
    # the difference of the one-pass formula may be negative.
    least = -np.inf if p.one_pass else 0.0
    low = np.maximum(b.v - sums - residue, least) + np.maximum(b.eps - of_eps, 0)
    # How much can be missing from ``w``, no more than there is, and how much can be too much.
    below, above = (
        np.minimum(sums + residue, b.v - least) + np.minimum(of_eps, b.eps),
        sums + residue + of_eps,
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        # ``sqrt(low)`` in the denominator, and ``x - y = (x^2 - y^2)/(x + y)`` instead of a
        # difference.
        downwards = below / (np.sqrt(low) * (np.sqrt(w) + np.sqrt(low)))
        upwards = above / (np.sqrt(w + above) * (np.sqrt(w) + np.sqrt(w + above)))
        spread = np.where((w > 0) & (low > 0), np.maximum(downwards, upwards), np.inf)
        share = spread / (sums + residue + of_eps)
    # the reciprocal of a large s is small, and may be subnormal
    rounding = (np.full_like(w, p.gamma(4 + p.conversions)) + p.eta * b.s) * (1 + spread)
    with np.errstate(divide="ignore"):
        range_left += p.leaves_range(np.maximum(w + above, 1 / np.sqrt(np.maximum(low, 0))))
    return (
        Bound(
            {
                "sums": sums * share,
                "mean's residue": residue * share,
                "eps": of_eps * share,
                "rounding": rounding,
            }
        )
        + range_left
    )


def normalised_value(p: Precision, b: ExactBatch) -> Bound:
    """``|xhat~_i - xhat_i| <= (|d| + u (|t| + |d|))/s (1 + r) + |xhat_i| r``, shape ``(m, C)``.

    Parameters
    ----------
    p, b
        The precision and the batch.

    Returns
    -------
    Bound
        The mean's residue, the rounding of the subtraction, and the parts of :func:`inverse_std`.

    Notes
    ----- ``t = x_i - mu``; ``d`` bounds the error of the mean, which shifts every value (theorem
    mean-error), and ``r`` is :func:`inverse_std`. The subtraction ``x_i - mu~`` rounds once.
    """
    d, inverse = mean(p, b).total, inverse_std(p, b)
    r = inverse.total
    # ``0 * b.deviation`` gives the term the shape ``(m, C)`` of the others.
    # The mean's error moves all values of a channel alike; what rounds is each value's own.
    shifted = Bound({"mean's residue": d / b.s * (1 + r) + 0 * b.deviation})
    subtracted = p.u * (np.abs(b.deviation) + d) + p.input_u * np.abs(b.x)
    underflow = p.products(1 / b.s, b.deviation)
    rounded = Bound({"rounding": subtracted / b.s * (1 + r) + underflow})
    return shifted + rounded + inverse.scale_by(np.abs(b.xhat))


def output(p: Precision, b: ExactBatch, gamma: Array, beta: Array) -> Bound:
    """``|y~_i - y_i|`` for ``gamma xhat + beta`` or the collapsed ``gamma' x + beta'``,
    ``gamma' = gamma/s``.

    Parameters
    ----------
    p, b
        The precision and the batch.
    gamma, beta
        Affine parameters ``(C,)``, float64.

    Returns
    -------
    Bound
        ``(m, C)``: the error of the normalised value times ``|gamma|``, the affine step, and the
        rounding of the result to its dtype.

    Notes
    -----
    The direct form multiplies and adds. The collapsed form rounds ``gamma' x``, ``gamma' mu`` and
    ``beta - gamma' mu``, which may be much larger than y: ``gamma_3`` of each magnitude. Taking the
    larger of both admits either.
    """
    # The computed scale, not the exact one: it may be larger by the error of ``1/s``.
    scale = np.abs(gamma) / b.s * (1 + inverse_std(p, b).total)
    collapsed = scale * (np.abs(b.x) + 2 * np.abs(b.mu) + 2 * mean(p, b).total) + np.abs(beta)
    size = np.abs(b.x) + np.abs(b.mu)
    affine = p.gamma(3 + 2 * p.conversions) * collapsed + p.products(gamma, 1 / b.s, size)
    # Only its magnitude is used, to round the result; float64 is exact enough for that.
    y = gamma * b.xhat + beta
    total = normalised_value(p, b).scale_by(np.abs(gamma)) + Bound({"affine step": affine})
    total += p.leaves_range(np.maximum(collapsed, np.maximum(scale, size)))
    return total + Bound({"output rounding": p.storage_error(y, total.total) + 0 * affine})


def parameter_gradients(p: Precision, b: ExactBatch, dy: Array) -> tuple[Bound, Bound]:
    """``|dgamma~ - sum g xhat|`` and ``|dbeta~ - sum g|``, shape ``(C,)``.

    Parameters
    ----------
    p, b
        The precision and the batch.
    dy
        The upstream gradient ``(m, C)``, float64.

    Returns
    -------
    tuple of Bound
        For ``dgamma`` and for ``dbeta``.

    Notes
    ----- With ``e_i`` the error of ``xhat_i`` the former is at most ``sum |g| e_i + gamma_{m+2} sum
    |g| (|xhat| + e_i)``: the errors of the values, then the products and the sum. The latter is at
    most ``gamma_m sum |g|``.
    """
    # Errors of xhat have signs that may all agree with those of g, so nothing cancels in a bound.
    e = normalised_value(p, b)
    carried = Bound({name: (np.abs(dy) * term).sum(axis=0) for name, term in e.terms.items()})
    products = (np.abs(dy) * (np.abs(b.xhat) + e.total)).sum(axis=0)
    # ``(1/s) sum g (x - mu)`` is admitted too, whose products may underflow before the division.
    underflow = b.terms * p.largest_eta * (1 + 1 / b.s)
    of_products = p.sums(b.terms, 2 + 2 * p.conversions) * products + underflow
    size = np.abs(dy).sum(axis=0)
    of_dy = p.sums(b.terms, p.conversions) * size + b.terms * p.largest_eta
    unscaled = (np.abs(dy) * (np.abs(b.deviation) + mean(p, b).total)).sum(axis=0)
    largest = np.maximum(products, unscaled)
    dgamma = carried + Bound({"gradient sums": of_products})
    dbeta = Bound({"gradient sums": of_dy})
    return dgamma + p.leaves_range(largest, largest), dbeta + p.leaves_range(size, size)


def input_gradient(p: Precision, b: ExactBatch, dy: Array, gamma: Array) -> Bound:
    """``|dx~_k - dx_k|`` for ``dx_k = gamma/s (g_k - a - xhat_k c)``, shape ``(m, C)``.

    Here ``a = (1/m) sum g`` and ``c = (1/m) sum g xhat`` (theorem gradient-x).

    Parameters
    ----------
    p, b
        The precision and the batch.
    dy
        The upstream gradient ``(m, C)``, float64.
    gamma
        ``(C,)``, float64.

    Notes
    -----
    The errors of ``a`` and ``c`` come from :func:`parameter_gradients`, that of ``xhat_k``, where
    it multiplies ``c``, from :func:`normalised_value`, and ``gamma/s`` has the relative error r of
    :func:`inverse_std`. Then come seven roundings of the terms combined, and that of the result.
    The form ``(x_k - mu) c'/s`` with ``c' = c/s`` is admitted too; there r enters ``xhat`` once
    more, hence ``xhat r``.
    """
    e, r = normalised_value(p, b).total, inverse_std(p, b).total
    dgamma, dbeta = (bound.total / b.m for bound in parameter_gradients(p, b, dy))
    a, c = dy.mean(axis=0), (dy * b.xhat).mean(axis=0)
    xhat = np.abs(b.xhat)
    # Each term with its error: roundings are relative to what was computed.
    magnitude = np.abs(dy) + np.abs(a) + dbeta + (xhat + e) * (np.abs(c) + dgamma)
    scale = np.abs(gamma) / b.s * (1 + r)
    dx = np.abs(gamma) / b.s * np.abs(dy - a - b.xhat * c)
    # What underflows on the way, in the compact form and in that divided by m at the end.
    unscaled = np.abs(gamma) * (np.abs(dy) * np.abs(b.deviation)).sum(axis=0)
    underflow = p.products(gamma, 1 / b.s, b.m * magnitude)
    # The textbook's form goes through the gradients of v and mu, with ``1/s^3``. It is admitted for
    # a declared arithmetic only: elsewhere this term would hide errors where s is tiny.
    if np.isfinite(p.largest):
        underflow = underflow + 4 * p.products(unscaled, b.deviation, 1 / b.s**3)
    total = Bound(
        {
            "gradient sums": scale * (dbeta + (xhat + e) * dgamma),
            "normalised value": scale * (e + xhat * r) * (np.abs(c) + dgamma),
            # The factor ``1/s`` scales the whole result, so its error is relative to dx even where
            # terms cancel.
            "inverse std": dx * r,
            "rounding": p.gamma(7 + 2 * p.conversions) * scale * magnitude + underflow + 0 * dx,
        }
    )
    # ``m g_k - sum g - xhat_k sum g xhat`` and, in the textbook's form, ``1/s^3`` are on the way.
    largest = np.maximum(np.maximum(scale, 1) * magnitude * b.m, np.maximum(1 / b.s**3, b.s**3))
    total += p.leaves_range(np.maximum(largest, unscaled * (1 + np.abs(b.deviation))))
    return total + Bound({"output rounding": p.storage_error(dx, total.total)})


def running_statistic(p: Precision, old: Array, new: Array, alpha: float, error: Bound) -> Bound:
    """``|r~ - ((1 - alpha) r + alpha b)|`` for a running mean or variance, shape ``(C,)``.

    Parameters
    ----------
    p
        The precision.
    old, new
        ``r`` and the exact ``b``.
    alpha
        The weight of the new value.
    error
        The bound for the computed ``b``.

    Notes
    -----
    The error of ``b`` counts ``alpha`` times. ``1 - alpha`` with alpha rounded to the dtype is off
    by ``u alpha + u |1 - alpha|``. So is alpha where the momentum that is handed over and rounded
    is ``1 - alpha``, the weight of the old value; that is ``u |1 - alpha|`` of both old and new.
    The forms ``(1 - alpha) r + alpha b`` and ``r + alpha (b - r)`` round at most five times after
    that, which ``gamma_6`` of the magnitudes covers.
    """
    # ``|1 - alpha| <= 1 + |alpha|`` for the weight of the old value, and once more ``|alpha|``
    # because ``r + alpha (b - r)`` subtracts it.
    magnitude = np.abs(old) * (1 + 2 * abs(alpha)) + abs(alpha) * (np.abs(new) + error.total)
    weights = p.u * abs(1 - alpha) * (np.abs(old) + np.abs(new) + error.total)
    rounding = p.gamma(6 + p.conversions) * magnitude + weights + 4 * p.eta
    carried = {f"batch statistic: {name}": abs(alpha) * term for name, term in error.terms.items()}
    return (
        Bound(carried)
        + Bound({"momentum and rounding": rounding})
        + p.leaves_range(np.abs(old) + np.abs(new))
    )


def bessel(p: Precision, b: ExactBatch) -> Bound:
    """The bound for ``m/(m - 1) v``: the variance's error times the factor, and ``gamma_3`` of the
    result.

    The quotient ``m/(m - 1)`` and the product are rounded. One value has no such variance, and
    nothing bounds what is returned for it.
    """
    if b.m == 1:
        return Bound({"Bessel's factor": np.full_like(b.v, np.inf)})
    factor = b.m / (b.m - 1)
    error = variance(p, b)
    return error.scale_by(np.asarray(factor)) + Bound(
        {"Bessel's factor": p.gamma(3 + p.conversions) * factor * (b.v + error.total)}
    )


def build_fixed_batch(x: Array, mean: Array, var: Array, eps: float) -> ExactBatch:
    """The batch of inference, whose running statistics are exact inputs, so that only rounding
    remains."""
    return ExactBatch(x, x - mean, mean, var, eps)


def _fixed_inverse_std(p: Precision, b: ExactBatch) -> Array:
    """Relative error of ``1/sqrt(v_r + eps)`` with an exact ``v_r``: ``gamma_5``, and ``eta`` where
    eps underflows.

    eps is rounded (``u eps``), and so are the addition, the root and the reciprocal.
    """
    return p.gamma(5 + p.conversions) + p.eta / (b.v + b.eps) + p.eta * b.s


def inference_output(p: Precision, b: ExactBatch, gamma: Array, beta: Array) -> Bound:
    """``|y~_i - y_i|`` with fixed statistics, shape ``(m, C)``.

    Parameters
    ----------
    p, b
        The precision, and the batch from :func:`build_fixed_batch`.
    gamma, beta
        Affine parameters ``(C,)``, float64.

    Returns
    -------
    Bound
        The normalised value, the affine step, and the rounding of the result to its dtype.

    Notes
    ----- ``gamma (x - mu_r)/s_r`` errs by a relative ``gamma_8``: five roundings of ``1/s_r`` and
    three of the difference and the products. The affine step's magnitudes in the collapsed form,
    and the rounding of the result, are as in :func:`output`.
    """
    r = _fixed_inverse_std(p, b)
    scale = np.abs(gamma) / b.s * (1 + r)
    # ``xhat`` is exact here, mean and all: fixed statistics have no error of their own.
    direct = np.abs(gamma * b.xhat) * (r + p.gamma(3 + 2 * p.conversions)) * (1 + r)
    collapsed = scale * (np.abs(b.x) + 2 * np.abs(b.mu)) + np.abs(beta)
    size = np.abs(b.x) + np.abs(b.mu)
    affine = p.gamma(3 + 2 * p.conversions) * collapsed + p.products(gamma, 1 / b.s, size)
    y = gamma * b.xhat + beta
    rounding = p.storage_error(y, direct + affine) + p.eta * scale
    steps = {"normalised value": direct, "affine step": affine, "output rounding": rounding}
    numbers = (collapsed, scale, 1 / b.s, size, np.abs(b.xhat), b.v + b.eps)
    return Bound(steps) + p.leaves_range(np.max(np.broadcast_arrays(*numbers), axis=0))


def inference_gradients(
    p: Precision, b: ExactBatch, dy: Array, gamma: Array
) -> tuple[Bound, Bound, Bound]:
    """Bounds for ``dx``, ``dgamma`` and ``dbeta`` of inference.

    Returns
    -------
    tuple of Bound
        ``(m, C)`` for ``dx``, ``(C,)`` for the others.

    Notes
    -----
    ``dx = gamma/s_r g`` has the relative error of ``1/s_r`` and up to three products, the last one
    stored. ``dgamma`` has the former, too, and ``gamma_{m+4}`` of ``sum |g| (|x| + |mu_r|)/s_r``,
    which also covers ``(sum g x - mu_r sum g)/s_r``. ``dbeta`` has ``gamma_m sum |g|``.
    """
    r = _fixed_inverse_std(p, b)
    exact = np.abs(gamma * dy) / b.s
    products_of_three = exact * (r + p.gamma(2 + 2 * p.conversions)) * (1 + r)
    products_of_three = products_of_three + p.products(dy, gamma, 1 / b.s)
    dx = products_of_three + p.storage_error(exact, products_of_three)
    # ``|x| + |mu_r|`` and not ``|x - mu_r|``: expanding the sum is allowed, and loses the
    # difference.
    products = (np.abs(dy) * (np.abs(b.x) + np.abs(b.mu)) / b.s).sum(axis=0)
    size = np.abs(dy).sum(axis=0)
    dgamma = products * (r + p.sums(b.m, 4 + 2 * p.conversions)) * (1 + r)
    dgamma = dgamma + b.m * p.largest_eta * (1 + 1 / b.s) + size * p.products(1 / b.s)
    dbeta = p.sums(b.m, p.conversions) * size + b.m * p.largest_eta
    steps = (exact, np.abs(gamma) / b.s, 1 / b.s, np.abs(dy * gamma), np.abs(dy) / b.s, b.v + b.eps)
    largest = np.max(np.broadcast_arrays(*steps), axis=0)
    unscaled = (np.abs(dy) * (np.abs(b.x) + np.abs(b.mu))).sum(axis=0)
    summed = np.maximum(products, unscaled)
    return (
        Bound({"rounding": dx}) + p.leaves_range(largest),
        Bound({"gradient sums": dgamma}) + p.leaves_range(summed, summed),
        Bound({"gradient sums": dbeta}) + p.leaves_range(size, size),
    )
