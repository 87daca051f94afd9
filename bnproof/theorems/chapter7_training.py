"""Chapter 7: why gamma and beta are trained on normalised values.

On one batch, (gamma, beta) and (gamma', beta') describe the same functions (chapter 1). So the
reason for normalising cannot lie in what can be represented. It lies in how it is learnt: gradient
descent follows the coordinates in which a function is written, and takes another path in other
coordinates.

The case that can be computed. For the squared loss the whole landscape is one Hessian matrix.
``least-squares-conditioning`` computes it in both coordinates. In (gamma, beta) its condition
number is 1 + eps/v, whatever the data; in (gamma', beta') it grows without bound as the mean or the
spread of the data leaves 0 or 1. ``gd-rate`` turns a condition number into a rate of convergence.
``parameter-chain-rule`` compares one step of gradient descent in both coordinates, for any loss: it
changes the function differently.

The textbook's reason. ``mean-decoupled`` proves that in training mode the mean of the output is
beta and nothing else, while without normalising every layer below moves it.

Two reasons that are often given, and what is true of them. ``sigmoid-near-zero`` shows that near 0
the sigmoid is affine with slope 1/4 and value 1/2, and not the identity. ``clt-cumulants`` shows
how fast a sum of many terms becomes normal. Where this helps, it helps before batch normalisation,
which changes no shape (chapter 3).

Three kinds of proof meet here. Derivatives and identities are decided by the normal form.
Inequalities rest on a remainder that is visibly not negative, or on a function that starts at 0 and
increases (``Increasing``). Statements for every order p, or every number of terms, go by induction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import (
    Abs,
    Derivative,
    Expr,
    IndexedBase,
    Integer,
    Limit,
    Rational,
    Sum,
    Symbol,
    exp,
    oo,
    sqrt,
    symbols,
    tanh,
)

from bnproof.symbolic.setting import Batch, beta, eps, g, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.symbolic.witnesses import Increasing, Induction, Lemma, Remainder
from bnproof.theorems.book import (
    Assertion,
    Control,
    Corollary,
    Eq,
    Ge,
    Item,
    Le,
    Recurrence,
    theorem,
)
from bnproof.theorems.closed_forms import dbeta, dgamma, infer_y, v_r

# gamma' and beta' as free parameters of the plain map c x + d
c, d = symbols("c d", real=True)
# the variance of xhat (output-moments)
q = v / (v + eps)


def total(summand: Callable[[Expr], Expr]) -> Sum:
    """``sum_j summand(j)`` over the batch."""
    return Sum(summand(j), (j, 1, m))


@theorem(source="the Hessian of linear least squares; derived here")
def least_squares_conditioning() -> Iterator[Item]:
    """For the loss (1/2m) sum (y - t)^2 and v > 0 the Hessian in (gamma, beta) is diag(q, 1), of
    condition number 1 + eps/v. In (gamma', beta') it is [[v + mu^2, mu], [mu, 1]], with cond +
    1/cond = (v + mu^2 + 1)^2/v - 2: 1 iff mu = 0 and v = 1, unbounded for large mu, large v and
    small v. The same functions, another landscape."""
    t = IndexedBase("t", real=True)
    normalised = total(lambda r: (y(r) - t[r]) ** 2) / (2 * m)
    plain = total(lambda r: (c * x[r] + d - t[r]) ** 2) / (2 * m)
    yield Assertion("curvature in gamma", Eq(Derivative(normalised, gamma, gamma), q))
    yield Assertion("in beta", Eq(Derivative(normalised, beta, beta), 1))
    yield Assertion("gamma and beta do not interact", Eq(Derivative(normalised, gamma, beta), 0))
    yield Assertion("condition number in (gamma, beta)", Eq(1 / q, 1 + eps / v), (v > 0,))
    yield Assertion("curvature in gamma'", Eq(Derivative(plain, c, c), v + mu**2))
    yield Assertion("in beta'", Eq(Derivative(plain, d, d), 1))
    yield Assertion("gamma' and beta' interact", Eq(Derivative(plain, c, d), mu))
    # the eigenvalues of a symmetric 2 x 2 matrix, known by their sum and product alone
    large, small = symbols("lambda_1 lambda_2", positive=True)
    trace, determinant = v + mu**2 + 1, (v + mu**2) * 1 - mu**2
    # cond + 1/cond: it grows with cond, and is 2 exactly for cond = 1, but needs no root
    both = trace**2 / v - 2
    yield Assertion("the determinant of [[v + mu^2, mu], [mu, 1]]", Eq(determinant, v))
    yield Assertion(
        "two eigenvalues: cond + 1/cond = trace^2/determinant - 2",
        Eq(large / small + small / large, (large + small) ** 2 / (large * small) - 2),
    )
    yield Assertion(
        "1 iff mu = 0 and v = 1", Eq(both - 2, ((v + mu**2 - 1) ** 2 + 4 * mu**2) / v), (v > 0,)
    )
    # Free symbols for v and mu, since a limit moves one and holds the other. The inverse of
    # cond + 1/cond tends to 0 where cond grows without bound.
    V, M = Symbol("V", positive=True), Symbol("M", real=True)
    inverse = V / ((V + M**2 + 1) ** 2 - 2 * V)
    yield Assertion("unbounded for large mu", Eq(Limit(inverse, M, oo), 0))
    yield Assertion("unbounded for large v", Eq(Limit(inverse, V, oo), 0))
    yield Assertion("unbounded for small v", Eq(Limit(inverse, V, 0, "+"), 0))
    yield Control(
        "perfectly conditioned also with eps > 0", Eq(1 / q, 1), (v > 0, eps > 0), common=True
    )
    yield Control("the same condition number in both", Eq(both, 1 / q + q), (v > 0,), common=True)
    yield Control("gamma' and beta' do not interact", Eq(Derivative(plain, c, d), 0), common=True)
    yield Control("curvature v in gamma'", Eq(Derivative(plain, c, c), v))


@theorem(
    source="Nesterov 2004, theorem 2.1.15, for quadratics", uses=("least-squares-conditioning",)
)
def gd_rate() -> Iterator[Item]:
    """On a quadratic with curvatures in [l, L] the best constant step is 2/(l + L); every step of
    gradient descent then contracts the error by (cond - 1)/(cond + 1) or better, cond = L/l. So
    'easier' has a number."""
    low, high = symbols("l L", positive=True)
    between, eta = symbols("lambda eta", real=True)
    # Along a direction of curvature lambda, a step of length eta multiplies the error by 1 - eta
    # lambda. The best step makes the two ends equally bad.
    best, cond = 2 / (low + high), high / low
    rate = (cond - 1) / (cond + 1)
    yield Assertion("along the flattest direction", Eq(1 - best * low, rate))
    yield Assertion("along the steepest direction", Eq(1 - best * high, -rate))
    yield Assertion(
        "no worse in between",
        Le((1 - best * between) ** 2, rate**2),
        (between >= low, between <= high),
        by=Remainder(4 * (between - low) * (high - between) / (low + high) ** 2),
    )
    # any other step is worse at one of the two ends, so no constant step has a better rate
    yield Assertion(
        "a shorter step is worse along the flattest",
        Ge(1 - eta * low, rate),
        (eta <= best,),
        by=Remainder(low * (best - eta)),
    )
    yield Assertion(
        "a longer step is worse along the steepest",
        Ge(eta * high - 1, rate),
        (eta >= best,),
        by=Remainder(high * (eta - best)),
    )
    yield Corollary("cond = 1: one step suffices", Eq(rate, 0), (Eq(high, low),))
    yield Control("the rate 1 - 1/cond", Eq(1 - best * low, 1 - 1 / cond), (high > low,))
    yield Control("the step 1/L is as good", Eq(1 - low / high, rate), (high > low,), common=True)


@theorem(source="the chain rule through the collapse", uses=("collapse", "gradient-affine"))
def parameter_chain_rule() -> Iterator[Item]:
    """dL/dgamma = (dL/dgamma' - mu dL/dbeta')/s and dL/dbeta = dL/dbeta'. One SGD step of length
    eta changes the output by -eta sum_j (xhat_i xhat_j + 1) g_j in (gamma, beta), by -eta sum_j
    (x_i x_j + 1) g_j in (gamma', beta'): not the same function."""
    eta = Symbol("eta", real=True)
    loss = total(lambda r: g[r] * y(r))
    collapsed = total(lambda r: g[r] * (c * x[r] + d))
    # dL/dgamma' and dL/dbeta', with c and d in their places
    to_scale, to_shift = Derivative(collapsed, c), Derivative(collapsed, d)
    yield Assertion("gamma", Eq(Derivative(loss, gamma), (to_scale - mu * to_shift) / s))
    yield Assertion("beta", Eq(Derivative(loss, beta), to_shift))
    # the output after one step, on the same batch, hence with the same mu and s
    normalised = (gamma - eta * dgamma) * xhat(i) + (beta - eta * dbeta)
    plain = (c - eta * total(lambda r: g[r] * x[r])) * x[i] + (d - eta * dbeta)
    yield Assertion(
        "one step in (gamma, beta)",
        Eq(normalised - y(i), -eta * total(lambda r: (xhat(i) * xhat(r) + 1) * g[r])),
    )
    yield Assertion(
        "one step in (gamma', beta')",
        Eq(plain - (c * x[i] + d), -eta * total(lambda r: (x[i] * x[r] + 1) * g[r])),
    )
    yield Control(
        "the same step: training gamma', beta' is training gamma, beta",
        Eq(normalised - y(i), plain - (c * x[i] + d)),
        common=True,
    )
    yield Control("the shift's share forgotten", Eq(Derivative(loss, gamma), to_scale / s))
    yield Control("beta's gradient scaled by s", Eq(Derivative(loss, beta), to_shift / s))


@theorem(
    source="Goodfellow, Bengio and Courville 2016, section 8.7.1, made exact",
    uses=("output-moments",),
)
def mean_decoupled() -> Iterator[Item]:
    """In training mode the mean of gamma xhat + beta is beta alone: no x_k, and so nothing below,
    moves it; the mean of x itself moves by 1/m with every x_k."""
    out = Batch(y)
    yield Assertion("after: the mean does not depend on any x_k", Eq(Derivative(out.mean, x[k]), 0))
    yield Assertion("before: it does", Eq(Derivative(mu, x[k]), 1 / m))
    yield Assertion("after: it is beta", Eq(out.mean, beta))
    yield Assertion("and beta moves it one to one", Eq(Derivative(out.mean, beta), 1))
    yield Assertion("gamma does not move it", Eq(Derivative(out.mean, gamma), 0))
    # at inference the mean of the batch passes through, since mu_r does not follow it
    at_inference = Batch(infer_y)
    yield Control("also at inference", Eq(at_inference.mean, beta), (v_r + eps > 0,), common=True)
    yield Control("before, it is fixed as well", Eq(Derivative(mu, x[k]), 0), common=True)
    yield Control("gamma scales the mean", Eq(out.mean, gamma * beta))
    yield Control(
        "the second moment is set by beta too",
        Eq(Derivative(total(lambda r: y(r) ** 2) / m, x[k]), 0),
        common=True,
    )


@theorem(source="Taylor's theorem for tanh; the paper's section 3 (the sigmoid's linear regime)")
def sigmoid_near_zero() -> Iterator[Item]:
    """sigma(z) = 1/(1 + exp(-z)) is 1/2 + z/4 - z^3/48 + ..., and |sigma(z) - 1/2 - z/4| <=
    |z|^3/48: near 0 the sigmoid is affine with slope 1/4 and value 1/2, not the identity (tanh is).
    With w = z/2: sigma(z) = (1 + tanh w)/2 and 0 <= w - tanh w <= w^3/3 for w >= 0, since f = tanh
    w - w + w^3/3 has f(0) = 0 and f' = w^2 - tanh^2 w >= 0; sigma - 1/2 is odd."""
    z, w = symbols("z w", real=True)

    def sigmoid(at: Expr) -> Expr:
        """``1/(1 + exp(-z))``."""
        return 1 / (1 + exp(-at))

    # Both lemmas: the difference is 0 at w = 0, and the derivative of tanh is 1 - tanh^2, so their
    # derivatives are tanh^2 and 2 - tanh^2, which is at least 1.
    above = Lemma(Ge(w, tanh(w)), Increasing(w, tanh(w) ** 2))
    sum_above = Lemma(Ge(w + tanh(w), 0), Increasing(w, 2 - tanh(w) ** 2))
    yield Assertion("the sigmoid by tanh", Eq(sigmoid(z), (1 + tanh(z / 2)) / 2))
    yield Assertion(
        "sigma - 1/2 is odd", Eq(sigmoid(-z) - Rational(1, 2), -(sigmoid(z) - Rational(1, 2)))
    )
    yield Assertion("its value at 0", Eq(sigmoid(Integer(0)), Rational(1, 2)))
    # every derivative of the sigmoid is a polynomial in the sigmoid itself, here taken at 1/2
    now = sigmoid(z)
    slope = now * (1 - now)
    yield Assertion("its slope, 1/4 where sigma = 1/2", Eq(Derivative(now, z), slope))
    yield Assertion(
        "its second derivative, 0 there", Eq(Derivative(now, z, z), slope * (1 - 2 * now))
    )
    yield Assertion(
        "its third, -1/8 there", Eq(Derivative(now, z, z, z), slope * (1 - 6 * now + 6 * now**2))
    )
    yield Assertion("tanh w <= w", above.statement, (w >= 0,), by=above.by)
    yield Assertion(
        "w - tanh w <= w^3/3",
        Le(w - tanh(w), w**3 / 3),
        (w >= 0,),
        # f' = w^2 - tanh^2 w as a product, of which the lemmas show that no factor is negative
        by=Increasing(w, (w - tanh(w)) * (w + tanh(w)), (above, sum_above)),
    )
    yield Assertion(
        "in terms of z = 2 w", Eq(2 * w / 4 - (sigmoid(2 * w) - Rational(1, 2)), (w - tanh(w)) / 2)
    )
    yield Control("the identity at 0", Eq(sigmoid(Integer(0)), 0), common=True)
    yield Control("slope 1 at 0", Eq(slope, 1), (Eq(z, 0),), common=True)
    yield Control(
        "the sigmoid is at most z near 0", Le(sigmoid(z), z), (z >= 0, z <= 1), common=True
    )
    yield Control("w^3/4 for w^3/3", Le(w - tanh(w), w**3 / 4), (w >= 0, w <= 1))
    yield Control("tanh(z) for tanh(z/2)", Eq(sigmoid(z), (1 + tanh(z)) / 2))


@theorem(
    source=(
        "additivity of cumulants (Thiele 1889): log M_(X+Y) = log M_X + log M_Y for independent X,"
        " Y (cited)"
    ),
    uses=("shape-kept",),
)
def clt_cumulants() -> Iterator[Item]:
    """For p >= 2 the p-th standardised cumulant of a sum of n i.i.d. terms is n^(1 - p/2) times
    that of one term; for sum w_j u_j the factor is sum w_j^p/(sum w_j^2)^(p/2), at most (max
    |w|/|w|)^(p - 2). Where the central limit theorem helps, it helps before batch normalisation,
    which keeps the shape."""
    n = Symbol("n", integer=True, positive=True)
    T = Symbol("T", integer=True, nonnegative=True)
    p = Symbol("p", integer=True, nonnegative=True)
    # the cumulant of one term, of which only the additivity is used, and its standard deviation
    kappa_p, sigma = Symbol("kappa_p", real=True), Symbol("sigma", positive=True)
    W, a = Symbol("W", nonnegative=True), Symbol("a", nonnegative=True)
    w = IndexedBase("w", real=True)
    # the standard deviation of sum w_j u_j is |w| sigma
    length = sqrt(Sum(w[j] ** 2, (j, 1, n)))
    # p + 2 with p >= 0 runs through the orders from 2 on, so that no condition is needed
    order = p + 2
    yield Recurrence(
        "cumulants of a sum of T terms: T times those of one (log M^T = T log M)",
        T,
        Integer(0),
        lambda T, total: total + kappa_p,
        lambda T: T * kappa_p,
    )
    yield Assertion(
        "standardised, order p + 2: n kappa/(sqrt(n) sigma)^(p + 2) = n/sqrt(n)^(p + 2)"
        " kappa/sigma^(p + 2)",
        Eq(
            n * kappa_p / (sqrt(n) * sigma) ** order,
            n / sqrt(n) ** order * (kappa_p / sigma**order),
        ),
    )
    weighted = Sum(w[j] ** order * kappa_p, (j, 1, n)) / (length * sigma) ** order
    factor = Sum(w[j] ** order, (j, 1, n)) / length**order
    yield Assertion(
        "of a weighted sum", Eq(weighted, factor * (kappa_p / sigma**order)), (length > 0,)
    )
    yield Assertion(
        "each weight a = |w_j| <= W = max |w| has a^(p + 2) <= W^p a^2",
        Le(a**order, W**p * a**2),
        (a <= W,),
        # the step: W^(p+1) a^2 - a^(p+3), from the hypothesis W^p a^2 - a^(p+2) >= 0 and a <= W
        by=Induction(p, W * (W**p * a**2 - a**order) + a**order * (W - a)),
    )
    yield Assertion(
        "summed over the weights: what is missing from sum |w|^(p + 2) to W^p |w|^2",
        Eq(
            W**p * length**2 - Sum(Abs(w[j]) ** order, (j, 1, n)),
            Sum(W**p * w[j] ** 2 - Abs(w[j]) ** order, (j, 1, n)),
        ),
    )
    yield Corollary(
        "order 4 of n equal terms: 1/n of one term's excess kurtosis", Eq(n / sqrt(n) ** 4, 1 / n)
    )
    yield Control("cumulants fall like 1/n at every order", Eq(n / sqrt(n) ** order, 1 / n))
    yield Control(
        "any sum of many terms is normal", Eq(factor, 0), (length > 0, p >= 1), common=True
    )
