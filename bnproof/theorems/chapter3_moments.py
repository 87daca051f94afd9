"""Chapter 3: the moments of the output.

Batch normalisation is often said to give a unit "mean 0 and variance 1", or to make its
distribution standard normal. This chapter says what it gives. The first two moments of a batch are
set, exactly; everything else about its distribution is kept.

What is set. ``output-moments`` computes the mean and the variance of xhat and of y. The variance of
xhat is ``q = v/(v + eps)``, which is 1 for eps = 0 and less than 1 otherwise; the letter q is used
for it in the whole book. Two bounds on single entries follow from these two moments alone.
``samuelson`` bounds the largest entry, by a number that grows with m. ``chebyshev`` bounds how many
entries can be large.

What is kept. The map from x to y is affine on one batch (chapter 1), and an affine map changes no
shape. ``shape-kept`` proves this for the standardised moment of every order, so that a skewed batch
stays as skewed as it was. ``gaussian-batch`` looks at the most favourable case, normal values, and
shows that even they do not come out normal, because each value has a part in its own mean and
variance. ``correlation-kept`` looks at two features at once: they are normalised one by one, so
that their correlation stays, and an ellipse does not become a circle.

What gamma and beta are for. ``one-value`` is the degenerate batch, which is mapped to beta whatever
it is. ``expressive-loss`` says what is lost without gamma and beta, and that they restore it.
``shared-affine`` shows why each feature needs a pair of its own.

Inequalities are proved by a remainder: the difference of the two sides is written as an expression
that is visibly not negative, such as a sum of squares, and that the two are equal is an identity
like any other. In the code such an expression is called ``room`` (what is missing to the bound) and
handed over as ``by=Remainder(...)``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import Expr, IndexedBase, KroneckerDelta, Sum, Symbol, sign, sqrt, symbols

from bnproof.symbolic.expectation import NormalE
from bnproof.symbolic.setting import Batch, beta, eps, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.symbolic.witnesses import Remainder
from bnproof.theorems.book import (
    Assertion,
    Control,
    Corollary,
    Derivation,
    Eq,
    Gt,
    Item,
    Le,
    Line,
    Ne,
    Relation,
    theorem,
)
from bnproof.theorems.closed_forms import dx

# the variance of xhat, for which output-moments is the proof
q = v / (v + eps)


@theorem(source="Algorithm 1; the 'mean 0, variance 1' of the paper's section 3, made exact")
def output_moments() -> Iterator[Item]:
    """Exactly: mean(xhat) = 0, mean(xhat^2) = q = v/(v + eps), mean(y) = beta, var(y) = gamma^2 q.
    So xhat is not 'mostly near 0': its root mean square is sqrt(q), which is 1 up to eps."""
    mean_square = Sum(xhat(j) ** 2, (j, 1, m)) / m
    yield Assertion("mean(xhat)", Eq(Sum(xhat(j), (j, 1, m)) / m, 0))
    yield Assertion("mean(xhat^2)", Eq(mean_square, q))
    yield Assertion("mean(y)", Eq(Batch(y).mean, beta))
    yield Assertion("var(y)", Eq(Batch(y).variance, gamma**2 * q))
    yield Derivation(
        "the second moment",
        mean_square,
        (
            Line(
                "definition",
                Sum((x[j] - Batch(x.__getitem__).mean) ** 2, (j, 1, m)) / m / s**2,
                "1/s^2 is constant",
            ),
            Line("name", v / s**2, "the mean of the squared deviations is v"),
            Line("definition", q, "s^2 = v + eps"),
        ),
    )
    # Batch(y) is the output taken as a batch: its statistics are those of y_1, ..., y_m.
    yield Relation(
        "output-mean", "the mean of the output is beta", lambda y: Eq(Batch(y).mean, beta)
    )
    yield Relation(
        "output-variance",
        "the variance of the output is gamma^2 v/(v + eps)",
        lambda y: Eq(Batch(y).variance, gamma**2 * q),
    )
    yield Corollary("eps = 0: the root mean square is 1", Eq(mean_square, 1), (Eq(eps, 0),))
    yield Control("unit variance also with eps > 0", Eq(mean_square, 1), (eps > 0,), common=True)
    yield Control("var(y) = gamma^2", Eq(Batch(y).variance, gamma**2), (v > 0,), common=True)
    # m >= 2: for one value the factor m/(m - 1) does not exist
    yield Control(
        "the unbiased variance", Eq(m / (m - 1) * Batch(y).variance, gamma**2 * q), (m >= 2,)
    )
    yield Control("mean(y) scaled by gamma", Eq(Batch(y).mean, gamma * beta))


@theorem(source="Samuelson 1968, 'How deviant can you be?'", uses=("output-moments",))
def samuelson() -> Iterator[Item]:
    """|xhat_i| <= sqrt((m - 1) q), attained iff all the other values are equal:
    (m - 1) v - (x_i - mu)^2 is the sum over all pairs of the others,
    1/(2 m) sum_(p, r != i) (x_p - x_r)^2."""
    p, r = symbols("p r", integer=True, positive=True)

    def sum_over_others(weight: Callable[[Expr, Expr], Expr]) -> Expr:
        """``(1/2m) sum weight(p, r) (x_p - x_r)^2`` over all p and r other than i; the two factors
        with a delta leave i out."""
        kept = (1 - KroneckerDelta(p, i)) * (1 - KroneckerDelta(r, i))
        return Sum(kept * weight(p, r) * (x[p] - x[r]) ** 2, (p, 1, m), (r, 1, m)) / (2 * m)

    # a sum of squares, divided by 2 m since each pair is met in both orders
    room = sum_over_others(lambda p, r: 1)
    yield Assertion("what is missing to the bound", Eq((m - 1) * v - (x[i] - mu) ** 2, room))
    yield Assertion("the bound", Le(xhat(i) ** 2, (m - 1) * q), by=Remainder(room / s**2))
    # the share of the pair x_j, x_k in that sum, 0 where one of the two is x_i itself
    one_pair = (
        (x[j] - x[k]) ** 2 / (2 * m) * (1 - KroneckerDelta(i, j)) * (1 - KroneckerDelta(i, k))
    )
    yield Assertion(
        "attained only if all others are equal: any two of them that differ leave room",
        Le(one_pair, (m - 1) * v - (x[i] - mu) ** 2),
        # room without the term p = j, r = k: what is left is still a sum of squares
        by=Remainder(sum_over_others(lambda p, r: 1 - KroneckerDelta(p, j) * KroneckerDelta(r, k))),
    )
    c, d = symbols("c d", real=True)
    # d may have either sign, and 0: a constant batch attains the bound as well
    alone = Batch(lambda r: c + d * KroneckerDelta(r, k))
    yield Assertion(
        "and then it is: one value c + d among values c",
        Eq((alone.entry(k) - alone.mean) ** 2, (m - 1) * alone.variance),
    )
    yield Control("sqrt(m - 2)", Le(xhat(i) ** 2, (m - 2) * q))
    yield Control("always attained", Eq(xhat(i) ** 2, (m - 1) * q), common=True)
    yield Control("all pairs counted", Eq((m - 1) * v - (x[i] - mu) ** 2, m * v))
    yield Control("at most 1 in absolute value", Le(xhat(i) ** 2, 1), common=True)


@theorem(source="Chebyshev 1867, for the empirical distribution", uses=("output-moments",))
def chebyshev() -> Iterator[Item]:
    """For t > 0 at most a fraction q/t^2 of the xhat_i has |xhat_i| >= t. With the indicator w of
    those entries, q - t^2 mean(w) = mean((1 - w) xhat^2 + w (xhat^2 - t^2)), where no term is
    negative."""
    t = Symbol("t", positive=True)

    def indicator(index: Expr) -> Expr:
        """1 where ``|xhat| >= t``, else 0, written with the sign of ``xhat^2 - t^2``."""
        side = sign(xhat(index) ** 2 - t**2)
        return (1 + side) / 2 + (1 - side**2) / 2

    def slack(index: Expr) -> Expr:
        """The term of the sum: ``xhat^2`` for a small entry, ``xhat^2 - t^2`` for a large one, and
        so never negative."""
        w = indicator(index)
        return (1 - w) * xhat(index) ** 2 + w * (xhat(index) ** 2 - t**2)

    # the fraction of entries with |xhat| >= t
    share = Sum(indicator(j), (j, 1, m)) / m
    room = Sum(slack(j), (j, 1, m)) / m
    yield Assertion("what is missing to the bound", Eq(q - t**2 * share, room))
    yield Assertion("the bound on the share", Le(share, q / t**2), by=Remainder(room / t**2))
    # The one-sided bound is a theorem of Cantelli about entries above t. Here both tails count, and
    # (-1, 1) with eps = 0 and t = 1 breaks it.
    yield Control("the one-sided bound, q/(q + t^2)", Le(share, q / (q + t**2)), (v > 0,))
    yield Control(
        "mostly near 0: at most a tenth beyond 1", Le(share, q / (10 * t**2)), common=True
    )


@theorem(source="standardised moments do not change under affine maps", uses=("collapse",))
def shape_kept() -> Iterator[Item]:
    """For gamma != 0, v > 0, every order p >= 1 and every eps, the p-th standardised moment of the
    output is sign(gamma)^p times that of the input: skewness and kurtosis stay what they were.
    Nothing becomes Gaussian."""
    p = Symbol("p", integer=True, positive=True)
    out = Batch(y)

    def standardised_moment(batch: Batch, order: Expr) -> Expr:
        """``mean(((entry - mean)/sqrt(variance))^order)``, with no eps in it."""
        return Sum(((batch.entry(i) - batch.mean) / sqrt(batch.variance)) ** order, (i, 1, m)) / m

    # v > 0, and gamma != 0, since a moment is standardised by dividing by the batch's own spread
    own = Batch(x.__getitem__)
    given = (Ne(gamma, 0), v > 0)
    yield Assertion(
        "every standardised moment",
        Eq(standardised_moment(out, p), sign(gamma) ** p * standardised_moment(own, p)),
        given,
    )
    yield Corollary(
        "the kurtosis stays", Eq(standardised_moment(out, 4), standardised_moment(own, 4)), given
    )
    yield Control(
        "the sign forgotten", Eq(standardised_moment(out, p), standardised_moment(own, p)), given
    )
    yield Control(
        "the kurtosis becomes that of a normal",
        Eq(standardised_moment(out, 4), 3),
        given,
        common=True,
    )
    yield Control("the skewness becomes 0", Eq(standardised_moment(out, 3), 0), given, common=True)


@theorem(
    source=(
        "Isserlis 1918 for the fourth moments; Basu 1955 for the independence of xhat and v (cited)"
    ),
    uses=("shape-kept",),
)
def gaussian_batch() -> Iterator[Item]:
    """Independent normal values, eps = 0, m >= 2: E xhat_i^4 = 3 (m - 1)/(m + 1) < 3, so even
    Gaussian input does not come out standard normal. xhat_i and v are independent (Basu), hence E
    (x_i - mu)^4 = E xhat_i^4 E v^2."""
    M, sigma = Symbol("M", real=True), Symbol("sigma", positive=True)
    # NormalE is the expected value over independent normal entries with mean M and deviation sigma.
    # It takes polynomials only, so the expected value of the ratio xhat^4 has to be found from two
    # of them, which Basu's theorem allows (cited, not proved).
    fourth, squared = NormalE((x[i] - mu) ** 4, M, sigma), NormalE(v**2, M, sigma)
    kurtosis = 3 * (m - 1) / (m + 1)
    yield Assertion("E (x_i - mu)^4", Eq(fourth, 3 * sigma**4 * (m - 1) ** 2 / m**2))
    yield Assertion("E v^2", Eq(squared, sigma**4 * (m**2 - 1) / m**2))
    yield Assertion("their ratio, E xhat_i^4", Eq(fourth / squared, kurtosis), (m >= 2,))
    yield Assertion(
        "below 3, the value of the standard normal", Gt(3, kurtosis), by=Remainder(6 / (m + 1))
    )
    yield Control(
        "standard normal: E xhat_i^4 = 3", Eq(fourth / squared, 3), (m >= 2,), common=True
    )
    yield Control("E (x_i - mu)^4 = 3 sigma^4", Eq(fourth, 3 * sigma**4))
    yield Control("E v^2 = (E v)^2", Eq(squared, (sigma**2 * (m - 1) / m) ** 2))


@theorem(
    source="linearity of covariance; compare Huang et al. 2018, arXiv:1804.08450 (whitening)",
    uses=("output-moments",),
)
def correlation_kept() -> Iterator[Item]:
    """Batch normalisation of two features changes the sign of their correlation at most: corr(y_a,
    y_b) = sign(gamma_a gamma_b) corr(x_a, x_b). It does not whiten: Cov(y) = c I iff the features
    are uncorrelated and gamma_a^2 q_a = gamma_b^2 q_b."""
    a, b = Batch(x.__getitem__), Batch(IndexedBase("z", real=True).__getitem__)
    gamma_a, gamma_b = symbols("gamma_a gamma_b", real=True)
    # for the second feature; that of x is assumed throughout
    alive = (b.variance + eps > 0,)
    nonzero = (Ne(gamma_a, 0), Ne(gamma_b, 0))

    def normalise_batch(batch: Batch, gamma: Expr) -> Batch:
        """The output of one feature with its own gamma, as a batch."""
        return Batch(lambda r: gamma * batch.xhat(r) + beta)

    def covariance(first: Batch, second: Batch) -> Expr:
        """``mean((a - mean a) (b - mean b))`` of two batches of one size."""
        return Sum((first.entry(j) - first.mean) * (second.entry(j) - second.mean), (j, 1, m)) / m

    y_a, y_b = normalise_batch(a, gamma_a), normalise_batch(b, gamma_b)
    before, after = covariance(a, b), covariance(y_a, y_b)
    # a correlation exists only where both features have spread, and gamma does not remove it
    corr_before, corr_after = (
        before / sqrt(a.variance * b.variance),
        after / sqrt(y_a.variance * y_b.variance),
    )
    spread = (a.variance > 0, b.variance > 0)
    yield Assertion(
        "the covariance", Eq(after, gamma_a * gamma_b / (a.std * b.std) * before), alive
    )
    yield Assertion(
        "the correlation",
        Eq(corr_after, sign(gamma_a * gamma_b) * corr_before),
        (*nonzero, *spread),
    )
    yield Assertion(
        "uncorrelated outputs: uncorrelated inputs", Eq(before, 0), (Eq(after, 0), *nonzero, *alive)
    )
    yield Assertion(
        "uncorrelated inputs: uncorrelated outputs", Eq(after, 0), (Eq(before, 0), *alive)
    )
    ratio_a, ratio_b = (batch.variance / (batch.variance + eps) for batch in (a, b))
    yield Assertion(
        "the axes: equal iff gamma_a^2 q_a = gamma_b^2 q_b",
        Eq(y_a.variance - y_b.variance, gamma_a**2 * ratio_a - gamma_b**2 * ratio_b),
        alive,
    )
    yield Control(
        "an ellipse becomes a circle: the covariance vanishes", Eq(after, 0), alive, common=True
    )
    yield Control(
        "the correlation, signs forgotten", Eq(corr_after, corr_before), (*nonzero, *spread)
    )
    yield Control(
        "the axes become equal",
        Eq(y_a.variance, y_b.variance),
        (Eq(gamma_a, gamma_b), *alive),
        common=True,
    )


@theorem(source="Algorithm 1 for m = 1")
def one_value() -> Iterator[Item]:
    """A batch of one value (m = 1, so eps > 0): xhat = 0, y = beta, and no gradient reaches the
    input."""
    # a statement about one size: v = 0 there, so that s^2 = eps has to be positive
    alone = (Eq(m, 1),)
    yield Assertion("xhat", Eq(xhat(i), 0), alone)
    yield Assertion("the output", Eq(y(i), beta), alone)
    yield Assertion("the gradient", Eq(dx(k), 0), alone)
    yield Control("the value passes through", Eq(y(i), gamma * x[i] + beta), alone)
    yield Control("so it is for two values", Eq(y(i), beta), (Eq(m, 2),))


@theorem(source="Goodfellow, Bengio and Courville 2016, section 8.7.1", uses=("output-moments",))
def expressive_loss() -> Iterator[Item]:
    """Without gamma and beta the mean of a unit is pinned to 0 and its second moment to q. With
    them, for v > 0, every mean and every standard deviation t >= 0 is reached: beta is the mean,
    gamma = t/sqrt(q)."""
    t, c = Symbol("t", nonnegative=True), Symbol("c", real=True)
    plain = Batch(xhat)
    # gamma = t/sqrt(q) and beta = c; q = 0 for a constant batch, hence the condition v > 0
    reached = Batch(lambda r: t / sqrt(q) * xhat(r) + c)
    yield Assertion("without: the mean is 0", Eq(plain.mean, 0))
    yield Assertion("without: the variance is q, whatever the data", Eq(plain.variance, q))
    yield Assertion("with: every mean c", Eq(reached.mean, c), (v > 0,))
    yield Assertion("with: every standard deviation t", Eq(sqrt(reached.variance), t), (v > 0,))
    yield Control("every mean without beta", Eq(plain.mean, c), common=True)
    yield Control(
        "gamma = t", Eq(Batch(lambda r: t * xhat(r) + c).variance, t**2), (v > 0,), common=True
    )
    yield Control("beta is the mean of the input", Eq(reached.mean, c + mu), (v > 0,))
    yield Control("also for a constant batch", Eq(Batch(y).variance, gamma**2))


@theorem(
    source="Algorithm 1: one pair per feature; the thread's third answer", uses=("output-moments",)
)
def shared_affine() -> Iterator[Item]:
    """One pair (gamma, beta) for all features cannot give two features different means, nor, for
    eps = 0, different spreads: the pairs must be per feature."""
    other = Batch(IndexedBase("z", real=True).__getitem__)
    first, second = Batch(y), Batch(other.y)
    alive = other.variance + eps > 0
    yield Assertion("equal means", Eq(first.mean, second.mean), (alive,))
    yield Assertion(
        "eps = 0: equal spreads", Eq(first.variance, second.variance), (Eq(eps, 0), alive)
    )
    yield Control("equal spreads with eps > 0", Eq(first.variance, second.variance), (eps > 0,))
    # the way out: a second feature with a beta of its own can have any other mean
    own = Symbol("beta_b", real=True)
    yield Control(
        "a pair of its own changes nothing",
        Eq(first.mean, Batch(lambda r: other.y(r, beta=own)).mean),
        (alive,),
    )
