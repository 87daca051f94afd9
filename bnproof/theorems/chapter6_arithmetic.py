"""Chapter 6: what the formulas do to rounding errors.

Formulas that are equal in exact arithmetic can differ widely in floating point. The theorems here
do not say how large rounding errors are; :mod:`bnproof.certify.bounds` does. They say what becomes
of an error once it is there. An intermediate result is replaced by itself plus an error d, or times
1 + e, and the change of the final result is computed exactly, as an identity in d or e. No term of
higher order is dropped.

One number governs all of it, ``kappa = sqrt(1 + mu^2/v)``. It is large for a batch whose mean is
large against its spread.

1. ``variance-formulas``: the one-pass, two-pass, shifted and corrected formulas and Welford's
   recurrence are one number. Whatever difference is measured between them is rounding.
2. ``variance-condition``: how far a relative change of the input can be amplified, by 2 kappa in
   the variance and by kappa in xhat. This belongs to the problem, and no algorithm can do better.
3. ``mean-error``: what a wrong mean does. The variance rises by the square of the error, which is
   little, and subtracting the mean of the residues undoes even that.
4. ``one-pass-error``: the one-pass formula multiplies the errors of its moments by kappa^2, more
   than the problem demands. The two-pass formula multiplies the square of the mean's error instead.
   A batch of three numbers shows a negative variance in float32.

The rest of the error analysis, the growth of the errors with m, is cited from the literature in the
sources of the theorems and measured by the experiments, and not proved here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import (
    Abs,
    Derivative,
    Expr,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Rational,
    Sum,
    Symbol,
    sqrt,
    symbols,
)

from bnproof.symbolic.setting import Batch, batch, eps, gamma, i, j, m, mu, s, v, x, xhat
from bnproof.symbolic.witnesses import Remainder
from bnproof.theorems.book import Assertion, Control, Corollary, Eq, Item, Le, Recurrence, theorem
from bnproof.theorems.closed_forms import jacobian

CHAN = "Chan, Golub and LeVeque 1983, The American Statistician 37(3)"
# kappa^2, not kappa: without the root the statements stay rational in the sums over x
kappa_squared = 1 + mu**2 / v
# an absolute error of the mean, of any size
d = Symbol("d", real=True)


def total(summand: Callable[[Expr], Expr]) -> Sum:
    """``sum_j summand(j)`` over the batch."""
    return Sum(summand(j), (j, 1, m))


def one_pass_variance() -> Expr:
    """``E[x^2] - mu^2``, the one-pass formula: one go over the data sums both moments."""
    return total(lambda r: x[r] ** 2) / m - mu**2


@theorem(source=f"{CHAN}; Welford 1962; Ling 1974")
def variance_formulas() -> Iterator[Item]:
    """In exact arithmetic one-pass E[x^2] - mu^2, two-pass, shifted, corrected two-pass and
    Welford's recurrence are the same number: they differ in nothing but rounding."""
    c = Symbol("c", real=True)
    T = Symbol("T", integer=True, positive=True)
    # a stream of values without a batch size: Welford's T counts how many have been seen
    w = IndexedBase("w", real=True)

    def shifted_variance(centre: Expr) -> Expr:
        """The second moment about a centre, less what the centre is off."""
        return total(lambda r: (x[r] - centre) ** 2) / m - (total(lambda r: x[r] - centre) / m) ** 2

    def mean(T: Expr) -> Expr:
        """The mean of the first T values."""
        return Sum(w[j], (j, 1, T)) / T

    def sum_of_squares(T: Expr) -> Expr:
        """``S_2 - S_1^2/T``, what Welford's recurrence computes without subtracting large
        numbers."""
        return Sum(w[j] ** 2, (j, 1, T)) - Sum(w[j], (j, 1, T)) ** 2 / T

    def welford(T: Expr, squares: Expr) -> Expr:
        """One step: the new value's distance from the old mean times that from the new mean."""
        return squares + (w[T + 1] - mean(T)) * (w[T + 1] - mean(T + 1))

    yield Assertion("one-pass", Eq(one_pass_variance(), v))
    # the corrected two-pass formula is the shifted one with the rounded mean as its centre
    yield Assertion("shifted by any c", Eq(shifted_variance(c), v))
    yield Assertion(
        "corrected two-pass, with a mean that is off by d", Eq(shifted_variance(mu + d), v)
    )
    # after one value the mean is that value and the sum of squares 0
    yield Recurrence("Welford's mean", T, w[1], lambda T, r: r + (w[T + 1] - r) / (T + 1), mean)
    yield Recurrence(
        "Welford's sum of squared deviations, S_2 - S_1^2/n", T, Integer(0), welford, sum_of_squares
    )
    yield Assertion(
        "which is sum (w - mean)^2", Eq(Sum((w[i] - mean(T)) ** 2, (i, 1, T)), sum_of_squares(T))
    )
    yield Control(
        "two-pass with a mean that is off by d",
        Eq(total(lambda r: (x[r] - mu - d) ** 2) / m, v),
        common=True,
    )
    yield Control("one-pass divided by m - 1", Eq(one_pass_variance() * m / (m - 1), v), (m >= 2,))
    yield Control(
        "Welford with the old mean twice",
        Eq(sum_of_squares(T) + (w[T + 1] - mean(T)) ** 2, sum_of_squares(T + 1)),
    )


@theorem(source=f"{CHAN}, section 3", uses=("jacobian", "gradient-norm"))
def variance_condition() -> Iterator[Item]:
    """With v > 0 and kappa = sqrt(1 + mu^2/v): relative changes of x are amplified by at most 2
    kappa in v (in the 2-norm exactly, entry by entry at most), and by kappa in xhat (m >= 3, every
    eps)."""
    squares = total(lambda r: x[r] ** 2)
    # the squared 2-norm of the gradient of v
    slopes = Sum(Derivative(v, x[i]) ** 2, (i, 1, m))
    spread = (v > 0,)
    yield Assertion("the slope of v", Eq(Derivative(v, x[i]), 2 * (x[i] - mu) / m))
    yield Assertion(
        "|x|^2 |dv/dx|^2/v^2 = (2 kappa)^2", Eq(squares * slopes / v**2, 4 * kappa_squared), spread
    )
    p, r = symbols("p r", integer=True, positive=True)
    # Lagrange's identity: |a|^2 |b|^2 - (a b)^2 is half the sum of (a_p b_r - a_r b_p)^2, here with
    # a = |x| and b = |x - mu|, entry by entry; so it is the remainder of the bound
    crossed = (Abs(x[p]) * Abs(x[r] - mu) - Abs(x[r]) * Abs(x[p] - mu)) ** 2
    yield Assertion(
        "entry by entry: (sum |x_k dv/dx_k|/v)^2 <= (2 kappa)^2 (Lagrange's identity)",
        Le((total(lambda r: Abs(x[r]) * Abs(2 * (x[r] - mu) / m)) / v) ** 2, 4 * kappa_squared),
        spread,
        by=Remainder(2 / (m * v) ** 2 * Sum(crossed, (p, 1, m), (r, 1, m))),
    )
    w = IndexedBase("w", real=True)
    J = jacobian(batch)
    # by the theorem jacobian such a w is an eigenvector, with the eigenvalue gamma/s
    on_rest = (Eq(total(lambda r: w[r]), 0), Eq(total(lambda r: w[r] * x[r]), 0))
    stretched = Sum(Sum(J(i, j) * w[j], (j, 1, m)) ** 2, (i, 1, m))
    yield Assertion(
        "x -> xhat stretches what is orthogonal to 1 and x by 1/s (times gamma), the most there is"
        " by gradient-norm",
        Eq(stretched, (gamma / s) ** 2 * total(lambda r: w[r] ** 2)),
        on_rest,
    )
    # The cross product of (1, 1, 1) and (x_1, x_2, x_3), followed by zeros. It is not 0 if these
    # three are not all equal, and for v > 0 the entries can be renumbered so.
    circle = Batch(
        lambda r: (
            KroneckerDelta(r, 1) * (x[2] - x[3])
            + KroneckerDelta(r, 2) * (x[3] - x[1])
            + KroneckerDelta(r, 3) * (x[1] - x[2])
        )
    ).entry
    yield Assertion(
        "m >= 3: there is such a vector, orthogonal to 1", Eq(total(circle), 0), (m >= 3,)
    )
    yield Assertion("and to x", Eq(total(lambda r: circle(r) * x[r]), 0), (m >= 3,))
    yield Assertion(
        "so the condition number of x -> xhat is kappa: (1/s)^2 |x|^2/|xhat|^2 = kappa^2",
        Eq(squares / s**2 / total(lambda r: xhat(r) ** 2), kappa_squared),
        spread,
    )
    yield Control("kappa^2 = mu^2/v", Eq(squares * slopes / v**2, 4 * mu**2 / v), spread)
    yield Control("the mean does not matter", Eq(squares * slopes / v**2, 4), spread, common=True)
    yield Control(
        "2 kappa for xhat too",
        Eq(squares / s**2 / total(lambda r: xhat(r) ** 2), 4 * kappa_squared),
        spread,
    )


@theorem(
    source=f"{CHAN}, section 2 (corrected two-pass); derived here for xhat",
    uses=("variance-formulas",),
)
def mean_error() -> Iterator[Item]:
    """An error d in the mean, at unchanged s, shifts every xhat_i by -d/s and raises the two-pass
    variance by exactly d^2; with the raised s it becomes (xhat_i - d/s)/sqrt(1 + d^2/s^2).
    Subtracting mean(x - mu~)^2 removes the rise exactly."""
    wrong = mu + d
    # the two-pass variance about the wrong mean, and the mean of the residues, 0 for the right one
    raised = total(lambda r: (x[r] - wrong) ** 2) / m
    residue = total(lambda r: x[r] - wrong) / m
    yield Assertion("at unchanged s", Eq((x[i] - wrong) / s, xhat(i) - d / s))
    yield Assertion("the two-pass variance", Eq(raised, v + d**2))
    yield Assertion(
        "with the raised s",
        Eq((x[i] - wrong) / sqrt(raised + eps), (xhat(i) - d / s) / sqrt(1 + d**2 / s**2)),
    )
    yield Assertion("the residue of the rounded mean", Eq(residue, -d))
    yield Assertion("corrected", Eq(raised - residue**2, v))
    yield Corollary(
        "and the corrected xhat",
        Eq((x[i] - wrong - residue) / sqrt(raised - residue**2 + eps), xhat(i)),
    )
    yield Control("the variance does not notice", Eq(raised, v), common=True)
    yield Control("it rises by d", Eq(raised, v + d))
    yield Control(
        "the output only shifts",
        Eq((x[i] - wrong) / sqrt(raised + eps), xhat(i) - d / s),
        common=True,
    )


@theorem(
    source=(
        f"{CHAN}, table 1 (the bounds O(m kappa^2 u), O(m kappa u), O(m u + (m kappa u)^2) are"
        " cited and measured)"
    ),
    uses=("variance-formulas", "mean-error"),
)
def one_pass_error() -> Iterator[Item]:
    """Relative errors e_1, e_2 of the two moments reach the one-pass variance multiplied by kappa^2
    and kappa^2 - 1; a relative error e of the mean reaches the two-pass variance as e^2 (kappa^2 -
    1) only. In float32 one-pass even goes negative: (4095, 4095, 4097) gives a negative number
    where 8/9 is true."""
    e1, e2, e = symbols("e_1 e_2 e", real=True)
    spread = (v > 0,)
    second = total(lambda r: x[r] ** 2) / m
    # each moment with a relative error of its own; the subtraction itself is exact
    perturbed = second * (1 + e1) - mu**2 * (1 + e2)
    yield Assertion(
        "one-pass: the moments' relative errors",
        Eq(perturbed / v - 1, kappa_squared * e1 - (kappa_squared - 1) * e2),
        spread,
    )
    raised = total(lambda r: (x[r] - mu * (1 + e)) ** 2) / m
    yield Assertion(
        "two-pass: the mean's relative error",
        Eq(raised / v - 1, e**2 * (kappa_squared - 1)),
        spread,
    )
    # the squares of 4095 fit into the 24 bits of a float32, that of 4097 does not
    witness = (4095, 4095, 4097)
    rounded = _evaluate_in_float32(witness)
    exact = Batch(
        lambda r: Rational(witness[0]) + 2 * KroneckerDelta(r, 3), size=Integer(3)
    ).variance
    yield Assertion("the witness: its variance", Eq(exact, Rational(8, 9)))
    yield Assertion("the witness: what the one-pass formula gives in float32", Eq(rounded, -1))
    # kappa is what the problem itself costs (variance-condition); the formula costs its square
    yield Control(
        "one-pass: amplified by kappa",
        Eq(perturbed / v - 1, sqrt(kappa_squared) * (e1 - e2)),
        spread,
    )
    yield Control(
        "two-pass: proportional to the mean's error",
        Eq(raised / v - 1, e * (kappa_squared - 1)),
        spread,
    )
    yield Control("one-pass in float32 cannot go negative", Le(0, rounded), common=True)


def _evaluate_in_float32(values: tuple[int, ...]) -> Rational:
    """``sum x^2/m - (sum x/m)^2``, every operation rounded to float32, as an exact rational.

    The result is a number that a machine computed, and not a theorem about it: the assertion that
    uses it holds for IEEE arithmetic.
    """
    from bnproof.lowering.numbers import Floats  # NumPy is loaded for this one theorem alone

    floats = Floats("float32")
    x, m = floats.array(values), floats.rational(len(values), 1)
    mean = x.sum() / m
    return Rational(*((x * x).sum() / m - mean * mean).as_integer_ratio())
