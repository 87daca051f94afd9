"""Chapter 4: the gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import Derivative, Expr, IndexedBase, KroneckerDelta, Rational, Sum, Symbol, sqrt

from bnproof.symbolic.setting import beta, eps, g, gamma, i, j, k, m, mu, s, v, x, xhat
from bnproof.theorems.book import Claim, Control, Corollary, Derivation, Eq, Item, Law, Line, theorem
from bnproof.theorems.quantities import dbeta, dgamma, dx, loss

PAPER = "Ioffe and Szegedy 2015, arXiv:1502.03167"


def total(summand: Callable[[Expr], Expr]) -> Sum:
    """``sum_j summand(j)`` over the batch."""
    return Sum(summand(j), (j, 1, m))


@theorem(source=f"{PAPER}, section 3, the six equations after Algorithm 1")
def paper_backward() -> Iterator[Item]:
    """The paper's six derivative equations, each from differentiation alone: mu and sigma^2 are independent symbols,
    and sigma^2 depends on mu only in the equation for mu."""
    M, V = Symbol("mu_B", real=True), Symbol("sigma2_B", nonnegative=True)
    d, h = IndexedBase("dxhat", real=True), IndexedBase("xhat_B", real=True)
    dV, dM = Symbol("dsigma2", real=True), Symbol("dmu", real=True)
    alive = (V + eps > 0,)
    through_xhat = total(lambda r: d[r] * (x[r] - M) / sqrt(V + eps))
    squares = total(lambda r: (x[r] - M) ** 2) / m
    affine = total(lambda r: g[r] * (gamma * h[r] + beta))
    to_variance = total(lambda r: d[r] * (x[r] - M)) * Rational(-1, 2) * (V + eps) ** Rational(-3, 2)
    to_mean = -total(lambda r: d[r]) / sqrt(V + eps) + dV * total(lambda r: -2 * (x[r] - M)) / m
    to_input = d[i] / sqrt(V + eps) + dV * 2 * (x[i] - M) / m + dM / m
    through_mean = through_xhat + dV * squares
    yield Claim("dL/dxhat_i", Eq(Derivative(affine, h[i]), g[i] * gamma))
    yield Claim("dL/dsigma^2", Eq(Derivative(through_xhat, V), to_variance), alive)
    yield Claim("dL/dmu", Eq(Derivative(through_mean, M), to_mean), alive)
    yield Claim("dL/dx_i", Eq(Derivative(through_mean + dM * total(lambda r: x[r]) / m, x[i]), to_input), alive)
    yield Claim("dL/dgamma", Eq(Derivative(affine, gamma), total(lambda r: g[r] * h[r])))
    yield Claim("dL/dbeta", Eq(Derivative(affine, beta), total(lambda r: g[r])))
    yield Corollary("at the batch's own mean, sigma^2 no longer depends on mu", Eq(total(lambda r: x[r] - mu), 0))
    yield Control(
        "the variance's dependence on mu dropped at a general mu",
        Eq(Derivative(through_mean, M), -total(lambda r: d[r]) / sqrt(V + eps)),
        alive,
    )
    yield Control("the power -1/2 for -3/2", Eq(Derivative(through_xhat, V), to_variance * (V + eps)), alive)
    yield Control("1/m missing in dL/dx_i", Eq(Derivative(through_mean + dM * M, x[i]), to_input), alive)


@theorem(source=f"{PAPER}, section 3, composed")
def gradient_x() -> Iterator[Item]:
    """The gradient of the input in compact form: dx_k = gamma/(m s) (m g_k - sum g - xhat_k sum g xhat)."""
    yield Claim("the compact form", Eq(Derivative(loss, x[k]), dx(k)), predicts="dx")
    d_xhat = IndexedBase("g", real=True)
    yield Derivation(
        "from the chain rule through mu and s to the compact form",
        Derivative(loss, x[k]),
        (
            Line(
                "chain rule",
                gamma * g[k] / s
                - gamma / (m * s) * total(lambda r: d_xhat[r])
                - gamma * total(lambda r: g[r] * (x[r] - mu)) * (x[k] - mu) / (m * s**3),
                "directly, through mu (dmu/dx_k = 1/m), and through s (ds/dx_k = (x_k - mu)/(m s))",
            ),
            Line(
                "name xhat",
                gamma / s * (g[k] - total(lambda r: g[r]) / m - xhat(k) * dgamma / m),
                "(x_r - mu)/s = xhat_r, twice in the last term",
            ),
            Line("common factor", dx(k), "gamma/(m s) taken out"),
        ),
    )
    gs, gxs = total(lambda r: g[r]), dgamma
    yield Control("the mean's term dropped", Eq(Derivative(loss, x[k]), gamma / (m * s) * (m * g[k] - xhat(k) * gxs)))
    yield Control("the variance's term dropped", Eq(Derivative(loss, x[k]), gamma / (m * s) * (m * g[k] - gs)))
    yield Control("gamma dropped", Eq(Derivative(loss, x[k]), dx(k) / gamma), (gamma > 0,))
    yield Control("m - 1 for m", Eq(Derivative(loss, x[k]), m / (m - 1) * dx(k)), (m >= 2,))
    yield Control("eps treated as part of v", Eq(Derivative(loss, x[k]), dx(k) + gamma * eps * xhat(k) * gxs / s**3))
    yield Control(
        "the sign of the variance's term", Eq(Derivative(loss, x[k]), gamma / (m * s) * (m * g[k] - gs + xhat(k) * gxs))
    )


@theorem(source=f"{PAPER}, section 3, last two equations")
def gradient_affine() -> Iterator[Item]:
    """The gradients of the parameters: dgamma = sum g xhat, dbeta = sum g."""
    yield Claim("dgamma", Eq(Derivative(loss, gamma), dgamma), predicts="dgamma")
    yield Claim("dbeta", Eq(Derivative(loss, beta), dbeta), predicts="dbeta")
    yield Corollary("dgamma from raw values", Eq(dgamma, (total(lambda r: g[r] * x[r]) - mu * dbeta) / s))
    yield Control(
        "dgamma with y for xhat", Eq(Derivative(loss, gamma), total(lambda r: g[r] * (gamma * xhat(r) + beta)))
    )
    yield Control("dgamma averaged", Eq(Derivative(loss, gamma), dgamma / m))
    yield Control("dbeta scaled by gamma", Eq(Derivative(loss, beta), gamma * dbeta))


@theorem(source="follows from gradient-x")
def gradient_orthogonal() -> Iterator[Item]:
    """The input's gradient sums to 0, and is orthogonal to xhat up to eps: sum dx xhat = gamma eps/s^3 sum g xhat."""
    yield Law("gradient-sum", "sum dx = 0", lambda dx: Eq(Sum(dx(k), (k, 1, m)), 0))
    yield Law(
        "gradient-orthogonal",
        "sum dx xhat = gamma eps/s^3 sum g xhat",
        lambda dx: Eq(Sum(dx(k) * xhat(k), (k, 1, m)), gamma * eps / s**3 * dgamma),
    )
    yield Corollary("eps = 0: exactly orthogonal", Eq(Sum(dx(k) * xhat(k), (k, 1, m)), 0), (Eq(eps, 0),))
    yield Control("orthogonal also with eps > 0", Eq(Sum(dx(k) * xhat(k), (k, 1, m)), 0), (eps > 0,), common=True)
    yield Control("orthogonal to x itself", Eq(Sum(dx(k) * x[k], (k, 1, m)), 0))
    yield Control("s^2 for s^3", Eq(Sum(dx(k) * xhat(k), (k, 1, m)), gamma * eps / s**2 * dgamma))


@theorem(source="follows from gradient-x; compare Santurkar et al. 2018, arXiv:1805.11604, theorem 4.1")
def jacobian() -> Iterator[Item]:
    """J = gamma/s (I - 11'/m - xhat xhat'/m), symmetric. For m >= 2 its eigenvalues are 0 (on 1), gamma eps/s^3 (on
    xhat, if v > 0) and gamma/s on the rest (m - 2 times; m - 1 times if v = 0). For eps = 0 (s/gamma) J is an
    orthogonal projection of rank m - 2."""
    w = IndexedBase("w", real=True)

    def J(r: Expr, c: Expr) -> Expr:
        return gamma / s * (KroneckerDelta(r, c) - 1 / m - xhat(r) * xhat(c) / m)

    def applied(vector: Callable[[Expr], Expr]) -> Sum:
        return Sum(J(i, j) * vector(j), (j, 1, m))

    on_rest = (Eq(total(lambda r: w[r]), 0), Eq(total(lambda r: w[r] * x[r]), 0))
    yield Claim("the entries", Eq(Derivative(gamma * xhat(i) + beta, x[k]), J(i, k)))
    yield Claim("symmetric", Eq(J(i, k), J(k, i)))
    yield Claim("constants are sent to 0", Eq(applied(lambda r: 1), 0))
    yield Claim("xhat is an eigenvector", Eq(applied(xhat), gamma * eps / s**3 * xhat(i)))
    yield Claim(
        "what is orthogonal to 1 and x is stretched by gamma/s", Eq(applied(lambda r: w[r]), gamma / s * w[i]), on_rest
    )
    gram = m * total(lambda r: xhat(r) ** 2) - total(xhat) ** 2
    yield Claim("1 and xhat are independent iff v > 0: their Gram determinant", Eq(gram, m**2 * v / (v + eps)))
    yield Claim(
        "the trace counts the eigenvalues", Eq(Sum(J(i, i), (i, 1, m)), gamma / s * (m - 2) + gamma * eps / s**3)
    )
    yield Corollary(
        "v = 0: every w orthogonal to 1 is stretched by gamma/s",
        Eq(Sum(gamma / s * (KroneckerDelta(i, j) - 1 / m) * w[j], (j, 1, m)), gamma / s * w[i]),
        on_rest[:1],
    )
    projected = Sum(J(i, j) * J(j, k), (j, 1, m))
    yield Claim("eps = 0: (s/gamma) J is idempotent", Eq(projected, gamma / s * J(i, k)), (Eq(eps, 0),))
    yield Claim(
        "eps = 0: its trace, hence its rank, is m - 2", Eq(Sum(J(i, i), (i, 1, m)) * s, gamma * (m - 2)), (Eq(eps, 0),)
    )
    yield Control("a projection also with eps > 0", Eq(projected, gamma / s * J(i, k)), (eps > 0,), common=True)
    yield Control("xhat is sent to 0 with eps > 0", Eq(applied(xhat), 0), (eps > 0,), common=True)
    yield Control("everything is stretched by gamma/s", Eq(applied(lambda r: w[r]), gamma / s * w[i]))
    yield Control("rank m - 1", Eq(Sum(J(i, i), (i, 1, m)) * s, gamma * (m - 1)), (Eq(eps, 0),))
