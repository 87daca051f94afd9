"""Chapter 3: the moments of the output."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Sum

from bnproof.symbolic.setting import Batch, beta, eps, gamma, j, m, s, v, x, xhat, y
from bnproof.theorems.book import Claim, Control, Corollary, Derivation, Eq, Item, Law, Line, theorem

q = v / (v + eps)


@theorem(source="Algorithm 1; the 'mean 0, variance 1' of the paper's section 3, made exact")
def output_moments() -> Iterator[Item]:
    """Exactly: mean(xhat) = 0, mean(xhat^2) = q = v/(v + eps), mean(y) = beta, var(y) = gamma^2 q. So xhat is not
    'mostly near 0': its root mean square is sqrt(q), which is 1 up to eps."""
    mean_square = Sum(xhat(j) ** 2, (j, 1, m)) / m
    yield Claim("mean(xhat)", Eq(Sum(xhat(j), (j, 1, m)) / m, 0))
    yield Claim("mean(xhat^2)", Eq(mean_square, q))
    yield Claim("mean(y)", Eq(Batch(y).mean, beta))
    yield Claim("var(y)", Eq(Batch(y).variance, gamma**2 * q))
    yield Derivation(
        "the second moment",
        mean_square,
        (
            Line("definition", Sum((x[j] - Batch(x.__getitem__).mean) ** 2, (j, 1, m)) / m / s**2, "1/s^2 is constant"),
            Line("name", v / s**2, "the mean of the squared deviations is v"),
            Line("definition", q, "s^2 = v + eps"),
        ),
    )
    yield Law("output-mean", "the mean of the output is beta", lambda y: Eq(Batch(y).mean, beta))
    yield Law(
        "output-variance",
        "the variance of the output is gamma^2 v/(v + eps)",
        lambda y: Eq(Batch(y).variance, gamma**2 * q),
    )
    yield Corollary("eps = 0: the root mean square is 1", Eq(mean_square, 1), (Eq(eps, 0),))
    yield Control("unit variance also with eps > 0", Eq(mean_square, 1), (eps > 0,), common=True)
    yield Control("var(y) = gamma^2", Eq(Batch(y).variance, gamma**2), (v > 0,), common=True)
    yield Control("the unbiased variance", Eq(m / (m - 1) * Batch(y).variance, gamma**2 * q), (m >= 2,))
    yield Control("mean(y) scaled by gamma", Eq(Batch(y).mean, gamma * beta))
