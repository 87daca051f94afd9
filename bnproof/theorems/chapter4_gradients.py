"""Chapter 4: the gradients.

A training step hands batch normalisation an upstream gradient ``g_i = dL/dy_i`` and wants the
gradients of the loss L by x, gamma and beta. The output ``y_i`` depends on an input ``x_k`` in
three ways: directly if i = k, through mu, and through s. The two indirect paths are what this
chapter is about, since an implementation that forgets one of them runs without any error.

The formulas. ``paper-backward`` proves the six equations of the paper's section 3, each by itself,
with mu and sigma^2 as variables of their own. ``gradient-x`` puts them together into
``dx_k = gamma/(m s) (m g_k - sum g - xhat_k sum g xhat)``, a form without intermediate gradients,
and ``gradient-affine`` adds the gradients of gamma and beta. ``inference-gradient`` is the same for
constant statistics, where both indirect paths are gone.

The geometry. In the compact form two parts are taken off g: its mean, and its component along xhat.
``jacobian`` says this of the matrix, with all its eigenvalues. For eps = 0 it is gamma/s times an
orthogonal projection, which removes the directions of a shift and of a scale; these are the changes
that the output does not notice (chapter 2). ``gradient-orthogonal`` and ``gradient-norm`` draw the
consequences for dx.

Further derivatives. ``double-backward`` differentiates dx itself, as a gradient penalty needs, and
``epsilon-sensitivity`` the output by eps.

How to test a gradient. ``gradient-linear`` and ``vacuous-loss`` are warnings. The gradients are
linear in g, so that one upstream gradient shows little. With the loss ``sum y``, where g is 1
everywhere, dx is 0 for the right formula, and for its double and its negative too.

In the assertions the left-hand side is a ``Derivative`` that SymPy takes entry by entry, and the
right-hand side is the closed form. The controls are the slips that one makes when typing such a
formula: a term or a factor left out, m - 1 for m, a wrong power of s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import Derivative, Expr, IndexedBase, KroneckerDelta, Rational, Sum, Symbol, sqrt

from bnproof.symbolic.setting import batch, beta, eps, g, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.symbolic.witnesses import Remainder
from bnproof.theorems.book import (
    Assertion,
    Control,
    Corollary,
    Derivation,
    Eq,
    Item,
    Le,
    Line,
    Relation,
    theorem,
)
from bnproof.theorems.closed_forms import (
    d_dy,
    d_gamma,
    d_x,
    dbeta,
    dgamma,
    ds_along,
    dx,
    dx_loss,
    dxhat_along,
    gamma_inference,
    h,
    infer_dgamma,
    infer_dx,
    infer_loss,
    infer_y,
    loss,
    mu_r,
    s_r,
    scale_by,
    v_r,
)
from bnproof.theorems.closed_forms import jacobian as entries_at

PAPER = "Ioffe and Szegedy 2015, arXiv:1502.03167"


def total(summand: Callable[[Expr], Expr]) -> Sum:
    """``sum_j summand(j)`` over the batch."""
    return Sum(summand(j), (j, 1, m))


@theorem(source=f"{PAPER}, section 3, the six equations after Algorithm 1")
def paper_backward() -> Iterator[Item]:
    """The paper's six derivative equations, each from differentiation alone: mu and sigma^2 are
    independent symbols, and sigma^2 depends on mu only in the equation for mu."""
    # Symbols for what the paper treats as variables: M and V for mu and sigma^2, h and d for xhat
    # and dL/dxhat, dV and dM for dL/dsigma^2 and dL/dmu.
    M, V = Symbol("mu_B", real=True), Symbol("sigma2_B", nonnegative=True)
    d, h = IndexedBase("dxhat", real=True), IndexedBase("xhat_B", real=True)
    dV, dM = Symbol("dsigma2", real=True), Symbol("dmu", real=True)
    alive = (V + eps > 0,)
    through_xhat = total(lambda r: d[r] * (x[r] - M) / sqrt(V + eps))
    squares = total(lambda r: (x[r] - M) ** 2) / m
    affine = total(lambda r: g[r] * (gamma * h[r] + beta))
    # the right-hand sides of the paper
    to_variance = (
        total(lambda r: d[r] * (x[r] - M)) * Rational(-1, 2) * (V + eps) ** Rational(-3, 2)
    )
    to_mean = -total(lambda r: d[r]) / sqrt(V + eps) + dV * total(lambda r: -2 * (x[r] - M)) / m
    to_input = d[i] / sqrt(V + eps) + dV * 2 * (x[i] - M) / m + dM / m
    # mu acts through every xhat, and through sigma^2, whose effect on L is dV to first order
    through_mean = through_xhat + dV * squares
    yield Assertion("dL/dxhat_i", Eq(Derivative(affine, h[i]), g[i] * gamma))
    yield Assertion("dL/dsigma^2", Eq(Derivative(through_xhat, V), to_variance), alive)
    yield Assertion("dL/dmu", Eq(Derivative(through_mean, M), to_mean), alive)
    yield Assertion(
        "dL/dx_i",
        Eq(Derivative(through_mean + dM * total(lambda r: x[r]) / m, x[i]), to_input),
        alive,
    )
    yield Assertion("dL/dgamma", Eq(Derivative(affine, gamma), total(lambda r: g[r] * h[r])))
    yield Assertion("dL/dbeta", Eq(Derivative(affine, beta), total(lambda r: g[r])))
    yield Corollary(
        "at the batch's own mean, sigma^2 no longer depends on mu",
        Eq(total(lambda r: x[r] - mu), 0),
    )
    yield Control(
        "the variance's dependence on mu dropped at a general mu",
        Eq(Derivative(through_mean, M), -total(lambda r: d[r]) / sqrt(V + eps)),
        alive,
    )
    yield Control(
        "the power -1/2 for -3/2", Eq(Derivative(through_xhat, V), to_variance * (V + eps)), alive
    )
    yield Control(
        "1/m missing in dL/dx_i", Eq(Derivative(through_mean + dM * M, x[i]), to_input), alive
    )


@theorem(source=f"{PAPER}, section 3, composed", uses=("paper-backward",))
def gradient_x() -> Iterator[Item]:
    """The gradient of the input in compact form: dx_k = gamma/(m s) (m g_k - sum g - xhat_k sum g
    xhat)."""
    yield Assertion("the compact form", Eq(Derivative(loss, x[k]), dx(k)), predicts="dx")
    # the base g under another name: dL/dxhat_r is gamma g_r, and the links write gamma in front
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
    yield Control(
        "the mean's term dropped",
        Eq(Derivative(loss, x[k]), gamma / (m * s) * (m * g[k] - xhat(k) * gxs)),
    )
    yield Control(
        "the variance's term dropped", Eq(Derivative(loss, x[k]), gamma / (m * s) * (m * g[k] - gs))
    )
    # gamma > 0: the variant divides by it
    yield Control("gamma dropped", Eq(Derivative(loss, x[k]), dx(k) / gamma), (gamma > 0,))
    yield Control("m - 1 for m", Eq(Derivative(loss, x[k]), m / (m - 1) * dx(k)), (m >= 2,))
    yield Control(
        "eps treated as part of v",
        Eq(Derivative(loss, x[k]), dx(k) + gamma * eps * xhat(k) * gxs / s**3),
    )
    yield Control(
        "the sign of the variance's term",
        Eq(Derivative(loss, x[k]), gamma / (m * s) * (m * g[k] - gs + xhat(k) * gxs)),
    )


@theorem(source=f"{PAPER}, section 3, last two equations")
def gradient_affine() -> Iterator[Item]:
    """The gradients of the parameters: dgamma = sum g xhat, dbeta = sum g."""
    yield Assertion("dgamma", Eq(Derivative(loss, gamma), dgamma), predicts="dgamma")
    yield Assertion("dbeta", Eq(Derivative(loss, beta), dbeta), predicts="dbeta")
    yield Corollary(
        "dgamma from raw values", Eq(dgamma, (total(lambda r: g[r] * x[r]) - mu * dbeta) / s)
    )
    yield Control(
        "dgamma with y for xhat",
        Eq(Derivative(loss, gamma), total(lambda r: g[r] * (gamma * xhat(r) + beta))),
    )
    yield Control("dgamma averaged", Eq(Derivative(loss, gamma), dgamma / m))
    yield Control("dbeta scaled by gamma", Eq(Derivative(loss, beta), gamma * dbeta))


@theorem(source="follows from gradient-x", uses=("gradient-x",))
def gradient_orthogonal() -> Iterator[Item]:
    """The input's gradient sums to 0, and is orthogonal to xhat up to eps: sum dx xhat = gamma
    eps/s^3 sum g xhat."""
    yield Relation("gradient-sum", "sum dx = 0", lambda dx: Eq(Sum(dx(k), (k, 1, m)), 0))
    yield Relation(
        "gradient-orthogonal",
        "sum dx xhat = gamma eps/s^3 sum g xhat",
        lambda dx: Eq(Sum(dx(k) * xhat(k), (k, 1, m)), gamma * eps / s**3 * dgamma),
    )
    yield Corollary(
        "eps = 0: exactly orthogonal", Eq(Sum(dx(k) * xhat(k), (k, 1, m)), 0), (Eq(eps, 0),)
    )
    yield Control(
        "orthogonal also with eps > 0",
        Eq(Sum(dx(k) * xhat(k), (k, 1, m)), 0),
        (eps > 0,),
        common=True,
    )
    yield Control("orthogonal to x itself", Eq(Sum(dx(k) * x[k], (k, 1, m)), 0))
    yield Control("s^2 for s^3", Eq(Sum(dx(k) * xhat(k), (k, 1, m)), gamma * eps / s**2 * dgamma))


@theorem(
    source="follows from gradient-x; compare Santurkar et al. 2018, arXiv:1805.11604, theorem 4.1",
    uses=("gradient-x",),
)
def jacobian() -> Iterator[Item]:
    """J = gamma/s (I - 11'/m - xhat xhat'/m), symmetric. For m >= 2 its eigenvalues are 0 (on 1),
    gamma eps/s^3 (on xhat, if v > 0) and gamma/s on the rest (m - 2 times; m - 1 times if v = 0).
    For eps = 0 (s/gamma) J is an orthogonal projection of rank m - 2."""
    w, J = IndexedBase("w", real=True), entries_at(batch)

    def apply_jacobian(vector: Callable[[Expr], Expr]) -> Sum:
        """Entry i of J applied to a vector, given by its entries."""
        return Sum(J(i, j) * vector(j), (j, 1, m))

    # w is orthogonal to 1 and to x, hence to xhat
    on_rest = (Eq(total(lambda r: w[r]), 0), Eq(total(lambda r: w[r] * x[r]), 0))
    yield Assertion("the entries", Eq(Derivative(gamma * xhat(i) + beta, x[k]), J(i, k)))
    yield Assertion("symmetric", Eq(J(i, k), J(k, i)))
    yield Assertion("constants are sent to 0", Eq(apply_jacobian(lambda r: 1), 0))
    yield Assertion(
        "xhat is an eigenvector", Eq(apply_jacobian(xhat), gamma * eps / s**3 * xhat(i))
    )
    yield Assertion(
        "what is orthogonal to 1 and x is stretched by gamma/s",
        Eq(apply_jacobian(lambda r: w[r]), gamma / s * w[i]),
        on_rest,
    )
    # Cauchy and Schwarz: the Gram determinant of two vectors is 0 only if one is a multiple of the
    # other
    gram = m * total(lambda r: xhat(r) ** 2) - total(xhat) ** 2
    yield Assertion(
        "1 and xhat are independent iff v > 0: their Gram determinant",
        Eq(gram, m**2 * v / (v + eps)),
    )
    # The trace is the sum of the eigenvalues found, with m - 2 times gamma/s for the rest: none is
    # missing.
    yield Assertion(
        "the trace counts the eigenvalues",
        Eq(Sum(J(i, i), (i, 1, m)), gamma / s * (m - 2) + gamma * eps / s**3),
    )
    # J of a constant batch, where xhat = 0 and its term is gone
    yield Corollary(
        "v = 0: every w orthogonal to 1 is stretched by gamma/s",
        Eq(Sum(gamma / s * (KroneckerDelta(i, j) - 1 / m) * w[j], (j, 1, m)), gamma / s * w[i]),
        on_rest[:1],
    )
    # a symmetric matrix that equals its square is an orthogonal projection, and its rank its trace
    projected = Sum(J(i, j) * J(j, k), (j, 1, m))
    yield Assertion(
        "eps = 0: (s/gamma) J is idempotent", Eq(projected, gamma / s * J(i, k)), (Eq(eps, 0),)
    )
    yield Assertion(
        "eps = 0: its trace, hence its rank, is m - 2",
        Eq(Sum(J(i, i), (i, 1, m)) * s, gamma * (m - 2)),
        (Eq(eps, 0),),
    )
    yield Control(
        "a projection also with eps > 0",
        Eq(projected, gamma / s * J(i, k)),
        (eps > 0,),
        common=True,
    )
    yield Control(
        "xhat is sent to 0 with eps > 0", Eq(apply_jacobian(xhat), 0), (eps > 0,), common=True
    )
    yield Control(
        "everything is stretched by gamma/s", Eq(apply_jacobian(lambda r: w[r]), gamma / s * w[i])
    )
    yield Control("rank m - 1", Eq(Sum(J(i, i), (i, 1, m)) * s, gamma * (m - 1)), (Eq(eps, 0),))


@theorem(
    source="follows from gradient-x; compare Santurkar et al. 2018, arXiv:1805.11604, theorem 4.1",
    uses=("gradient-x",),
)
def gradient_norm() -> Iterator[Item]:
    """|dx|^2 = (gamma/s)^2 (|g|^2 - (sum g)^2/m - (1 + eps/(v + eps)) (sum g xhat)^2/m):
    normalising takes its two shares off the gradient, hence |dx| <= |gamma|/s |g|."""
    squares, gs = total(lambda r: g[r] ** 2), total(lambda r: g[r])
    # squares with positive factors, so that the remainder of the bound is visibly not negative
    taken = gs**2 / m + (1 + eps / (v + eps)) * dgamma**2 / m
    norm = Sum(dx(k) ** 2, (k, 1, m))
    yield Assertion("the norm", Eq(norm, (gamma / s) ** 2 * (squares - taken)))
    yield Assertion(
        "never more than |gamma|/s |g|",
        Le(norm, (gamma / s) ** 2 * squares),
        by=Remainder((gamma / s) ** 2 * taken),
    )
    yield Relation(
        "gradient-norm",
        "the squared norm of dx",
        lambda dx: Eq(Sum(dx(k) ** 2, (k, 1, m)), (gamma / s) ** 2 * (squares - taken)),
    )
    plain = gs**2 / m + dgamma**2 / m
    yield Corollary("eps = 0", Eq(norm, (gamma / s) ** 2 * (squares - plain)), (Eq(eps, 0),))
    yield Control(
        "the eps term forgotten", Eq(norm, (gamma / s) ** 2 * (squares - plain)), common=True
    )
    yield Control("gamma/s for its square", Eq(norm, gamma / s * (squares - taken)))
    yield Control("the gradient is kept whole", Eq(norm, (gamma / s) ** 2 * squares), common=True)
    yield Control("never more than |g|", Le(norm, squares), common=True)


@theorem(source="gradient-x differentiated once more; derived here", uses=("gradient-x",))
def double_backward() -> Iterator[Item]:
    """The derivative of dx along h at fixed g, gamma: with ds = (1/m) sum xhat h and dxhat = (h -
    mean h - xhat ds)/s it is -dx ds/s - gamma/(m s) (dxhat sum g xhat + xhat sum g dxhat). It is
    symmetric, hence also the vector-Jacobian product."""
    weighted = total(lambda r: g[r] * dxhat_along(r))
    # the directional derivative along h, before anything is simplified
    along = Sum(Derivative(dx(k), x[j]) * h[j], (j, 1, m))
    yield Assertion("how s moves along h", Eq(Sum(Derivative(s, x[j]) * h[j], (j, 1, m)), ds_along))
    yield Assertion(
        "how xhat moves along h",
        Eq(Sum(Derivative(xhat(k), x[j]) * h[j], (j, 1, m)), dxhat_along(k)),
    )
    yield Assertion("the derivative of dx along h", Eq(along, d_x(k)))
    # both are second derivatives of the loss by x; so d_x, the derivative of dx along h, is also
    # the gradient of sum h dx
    yield Assertion("symmetric", Eq(Derivative(dx(k), x[i]), Derivative(dx(i), x[k])))
    yield Assertion(
        "the gradient of sum h dx by g: J h", Eq(Derivative(dx_loss, g[k]), d_dy(k)), (), "d_dy"
    )
    yield Assertion("by x", Eq(Derivative(dx_loss, x[k]), d_x(k)), (), "d_x")
    yield Assertion("by gamma", Eq(Derivative(dx_loss, gamma), d_gamma), (), "d_gamma")
    yield Control(
        "s held constant",
        Eq(along, -gamma / (m * s) * (dxhat_along(k) * dgamma + xhat(k) * weighted)),
    )
    yield Control(
        "xhat's movement in the sum forgotten",
        Eq(along, d_x(k) + gamma / (m * s) * xhat(k) * weighted),
    )
    yield Control(
        "m - 1 for m",
        Eq(
            along,
            -dx(k) * ds_along / s
            - gamma / ((m - 1) * s) * (dxhat_along(k) * dgamma + xhat(k) * weighted),
        ),
        (m >= 2,),
    )
    yield Control("no second derivative, as for an affine map", Eq(along, 0), common=True)


@theorem(source="dx is a vector-Jacobian product", uses=("gradient-x", "gradient-affine"))
def gradient_linear() -> Iterator[Item]:
    """The gradients are linear in the upstream gradient: those for a g + h are a times those for g
    plus those for h. So one upstream gradient of ones, or of one magnitude, shows little."""
    # j is the index inside the sums, k the free one: g has to be replaced under both
    combined = {g[r]: scale_by * g[r] + h[r] for r in (j, k)}
    other = {g[r]: h[r] for r in (j, k)}
    for name, gradient in (("dx", dx(k)), ("dgamma", dgamma), ("dbeta", dbeta)):
        separate = scale_by * gradient + gradient.xreplace(other)
        yield Assertion(
            f"{name} is additive and homogeneous", Eq(gradient.xreplace(combined), separate)
        )
    yield Control(
        "the size of g does not matter",
        Eq(dx(k).xreplace({g[r]: scale_by * g[r] for r in (j, k)}), dx(k)),
    )
    yield Control(
        "sums of gradients without the factor",
        Eq(dgamma.xreplace(combined), dgamma + dgamma.xreplace(other)),
    )


@theorem(source="Algorithm 1, differentiated by eps")
def epsilon_sensitivity() -> Iterator[Item]:
    """dy_i/deps = -gamma (x_i - mu)/(2 s^3): where v is small against eps, eps decides the
    output."""
    slope = -gamma * (x[i] - mu) / (2 * s**3)
    yield Assertion("the derivative", Eq(Derivative(y(i), eps), slope))
    yield Corollary(
        "relative to y - beta it is -1/(2 (v + eps))", Eq(slope, -(y(i) - beta) / (2 * (v + eps)))
    )
    yield Control("s for s^3", Eq(Derivative(y(i), eps), -gamma * (x[i] - mu) / (2 * s)))
    yield Control("the factor 1/2 forgotten", Eq(Derivative(y(i), eps), 2 * slope))
    yield Control("eps does not matter", Eq(Derivative(y(i), eps), 0), common=True)


@theorem(source=f"{PAPER}, Algorithm 2, differentiated", uses=("inference-collapse",))
def inference_gradient() -> Iterator[Item]:
    """At inference dy/dx = gamma/s_r entry by entry, with no cross terms; dgamma = sum g (x -
    mu_r)/s_r, dbeta = sum g."""
    alive = (v_r + eps > 0,)
    yield Assertion(
        "no cross terms",
        Eq(Derivative(infer_y(i), x[k]), gamma_inference * KroneckerDelta(i, k)),
        alive,
    )
    yield Assertion(
        "the gradient of the input",
        Eq(Derivative(infer_loss, x[k]), infer_dx(k)),
        alive,
        "infer_dx",
    )
    yield Assertion(
        "the gradient of gamma",
        Eq(Derivative(infer_loss, gamma), infer_dgamma),
        alive,
        "infer_dgamma",
    )
    yield Assertion(
        "the gradient of beta", Eq(Derivative(infer_loss, beta), dbeta), alive, "infer_dbeta"
    )
    yield Control(
        "the training-mode gradient", Eq(Derivative(infer_loss, x[k]), dx(k)), alive, common=True
    )
    yield Control(
        "the batch's mean in dgamma",
        Eq(Derivative(infer_loss, gamma), total(lambda r: g[r] * (x[r] - mu)) / s_r),
        alive,
    )
    yield Control("gamma/s_r^2", Eq(Derivative(infer_loss, x[k]), gamma / s_r**2 * g[k]), alive)
    yield Control(
        "the mean forgotten in dgamma",
        Eq(Derivative(infer_loss, gamma), infer_dgamma + mu_r * dbeta / s_r),
        alive,
    )


@theorem(
    source="gradient-orthogonal for g = 1; the commonest test of a gradient",
    uses=("gradient-orthogonal",),
)
def vacuous_loss() -> Iterator[Item]:
    """For the loss L = sum y every dx_k is 0: a test with this loss (an upstream gradient of ones)
    accepts the right formula, its double, its negative and zeros."""
    # the upstream gradient of this loss is 1 at every entry
    ones = total(lambda r: y(r))
    wrong = IndexedBase("w", real=True)
    yield Assertion("the gradient of sum y", Eq(Derivative(ones, x[k]), 0))
    yield Assertion(
        "so any multiple c of the right formula passes",
        Eq(Symbol("c", real=True) * Derivative(ones, x[k]), Derivative(ones, x[k])),
    )
    yield Corollary(
        "sum of squares is little better: 2 gamma^2 eps/s^2 (xhat_k/s)",
        Eq(
            Derivative(total(lambda r: (y(r) - beta) ** 2), x[k]),
            2 * gamma**2 * eps / s**3 * xhat(k),
        ),
    )
    # any other weights, and the gradient is there again
    weighted = total(lambda r: wrong[r] * y(r))
    yield Control("so it is for every loss", Eq(Derivative(weighted, x[k]), 0), common=True)
    yield Control(
        "so it is for gamma's gradient's loss sum y^2",
        Eq(Derivative(total(lambda r: y(r) ** 2), x[k]), 0),
    )
