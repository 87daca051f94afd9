"""Chapter 1: batch normalisation as an affine map, and how far that goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sympy import Basic, Derivative, Expr, IndexedBase, Integer, KroneckerDelta, Ne, Rational, Sum, sqrt, symbols

from bnproof.symbolic.setting import Batch, beta, eps, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.theorems.book import Claim, Control, Corollary, Derivation, Eq, Item, Law, Line, theorem
from bnproof.theorems.quantities import (
    beta_collapsed,
    beta_inference,
    dbeta,
    gamma_collapsed,
    gamma_inference,
    infer_dgamma,
    infer_dx,
    infer_loss,
    infer_y,
    mu_r,
    s_r,
    v_r,
)

Entry = Callable[[Expr], Expr]
PAPER = "Ioffe and Szegedy 2015, arXiv:1502.03167"
c, d = symbols("c d", real=True)


@theorem(source=f"{PAPER}, Algorithm 1; the thread's question")
def collapse() -> Iterator[Item]:
    """On one fixed mini-batch, training-mode batch normalisation is the affine map gamma' x + beta'."""
    yield Claim("the output, by definition", Eq(y(i), gamma * (x[i] - mu) / s + beta), predicts="y")
    yield Claim("gamma' = gamma/s, beta' = beta - gamma mu/s", Eq(y(i), gamma_collapsed * x[i] + beta_collapsed))
    yield Derivation(
        "from Algorithm 1 to the collapsed form",
        y(i),
        (
            Line("definition", gamma * (x[i] - mu) / s + beta, "xhat_i = (x_i - mu)/s"),
            Line(
                "distribute and collect",
                gamma_collapsed * x[i] + beta_collapsed,
                "gamma/s multiplies both terms of x_i - mu; what does not multiply x_i is beta'",
            ),
        ),
    )
    yield Law("affine", "gamma and beta act on the normalised value", _affine_step)
    yield Control("the shift with the wrong sign", Eq(y(i), gamma_collapsed * x[i] + beta + gamma * mu / s))
    yield Control("the shift forgotten", Eq(y(i), gamma_collapsed * x[i] + beta))
    yield Control("divided by the variance", Eq(y(i), gamma / s**2 * x[i] + beta - gamma * mu / s**2))
    yield Control("eps dropped", Eq(y(i), gamma / sqrt(v) * x[i] + beta - gamma * mu / sqrt(v)), (v > 0,))


def _affine_step(y: Entry, y_plain: Entry) -> Basic:
    return Eq(y(i), gamma * y_plain(i) + beta)


@theorem(source="linear algebra; Goodfellow, Bengio and Courville 2016, section 8.7.1")
def collapse_bijection() -> Iterator[Item]:
    """For one fixed mini-batch, (gamma, beta) -> (gamma', beta') is a bijection: on ONE batch nothing is gained."""
    yield Claim("there and back: gamma", Eq(gamma_collapsed * s, gamma))
    yield Claim("there and back: beta", Eq(beta_collapsed + gamma_collapsed * mu, beta))
    yield Claim(
        "every pair (c, d) is reached, by gamma = c s and beta = d + c mu",
        Eq((c * s) * xhat(i) + (d + c * mu), c * x[i] + d),
    )
    determinant = Derivative(gamma_collapsed, gamma) * Derivative(beta_collapsed, beta) - Derivative(
        gamma_collapsed, beta
    ) * Derivative(beta_collapsed, gamma)
    yield Claim("the Jacobian determinant is 1/s, never 0", Eq(determinant, 1 / s))
    yield Control("the inverse with the shift subtracted", Eq(beta_collapsed - gamma_collapsed * mu, beta))
    yield Control("the determinant squared", Eq(determinant, 1 / s**2))


@theorem(source="the thread's question, settled")
def collapse_varies() -> Iterator[Item]:
    """Two batches get the same (gamma', beta') only if gamma = 0 or both mean and s agree: no constant pair replaces
    batch normalisation as soon as the statistics vary. (With v = 0 on one batch, a constant pair can.)"""
    other = Batch(IndexedBase("u", real=True).__getitem__)
    alive = other.variance + eps > 0
    same_scale = Eq(gamma / s, gamma / other.std)
    same_shift = Eq(beta - gamma * mu / s, beta - gamma * other.mean / other.std)
    yield Claim("equal gamma' force equal s", Eq(s, other.std), (same_scale, Ne(gamma, 0), alive))
    yield Claim("then equal beta' force equal mu", Eq(mu, other.mean), (same_scale, same_shift, Ne(gamma, 0), alive))
    residual = Sum((x[j] - mu) * (c * x[j] + d - y(j)), (j, 1, m))
    yield Claim("how far a constant pair (c, d) misses, in slope", Eq(residual, m * v * (c - gamma / s)))
    offset = Sum(c * x[j] + d - y(j), (j, 1, m))
    yield Claim("and in offset", Eq(offset, m * (c * mu + d - beta)))
    yield Corollary("for gamma = 0 both batches get (0, beta)", Eq(beta_collapsed, beta), (Eq(gamma, 0),))
    flat = Batch(lambda r: Integer(2), size=Integer(2), eps=Rational(9, 16))
    steep = Batch(lambda r: 2 * r - 1, size=Integer(2), eps=Rational(9, 16))
    slope = 4 * gamma / 5
    for name, batch, index in (("first", flat, 1), ("first", steep, 1), ("second", steep, 2)):
        yield Corollary(
            f"v = 0 is different: one pair serves {{2, 2}} and {{1, 3}} (eps = 9/16; {name} value {batch.entry(Integer(index))})",
            Eq(slope * batch.entry(Integer(index)) + beta - 2 * slope, batch.y(Integer(index))),
        )
    yield Control("equal s would already give equal beta'", same_shift, (same_scale, Ne(gamma, 0), alive))
    yield Control("a constant pair misses by m v c alone", Eq(residual, m * v * c))


@theorem(source="the chain rule; the paper's section 3")
def collapse_hides_gradient() -> Iterator[Item]:
    """Holding gamma', beta' constant gives the wrong derivative: the collapse is an identity of values, not of
    derivatives, because gamma' and beta' depend on every x_k through mu and s."""
    true = gamma_collapsed * KroneckerDelta(i, k) - gamma / (m * s) * (1 + xhat(i) * xhat(k))
    yield Claim("the true Jacobian", Eq(Derivative(y(i), x[k]), true))
    frozen_scale, frozen_shift = symbols("gamma_c beta_c", real=True)
    yield Claim(
        "with gamma', beta' held constant",
        Eq(Derivative(frozen_scale * x[i] + frozen_shift, x[k]), frozen_scale * KroneckerDelta(i, k)),
    )
    yield Control(
        "the constant-coefficient derivative taken for the true one",
        Eq(Derivative(y(i), x[k]), gamma_collapsed * KroneckerDelta(i, k)),
        common=True,
    )
    yield Control(
        "only the mean differentiated",
        Eq(Derivative(y(i), x[k]), gamma_collapsed * (KroneckerDelta(i, k) - 1 / m)),
    )


@theorem(source=f"{PAPER}, Algorithm 2, line 11")
def inference_collapse() -> Iterator[Item]:
    """With fixed running statistics the collapse has constant coefficients: exact in value and in derivative."""
    alive = (v_r + eps > 0,)
    yield Claim("the output, by definition", Eq(infer_y(i), gamma * (x[i] - mu_r) / s_r + beta), alive, "infer_y")
    yield Claim("one affine map for every input", Eq(infer_y(i), gamma_inference * x[i] + beta_inference), alive)
    yield Claim("no cross terms", Eq(Derivative(infer_y(i), x[k]), gamma_inference * KroneckerDelta(i, k)), alive)
    yield Claim("the gradient of the input", Eq(Derivative(infer_loss, x[k]), infer_dx(k)), alive, "infer_dx")
    yield Claim("the gradient of gamma", Eq(Derivative(infer_loss, gamma), infer_dgamma), alive, "infer_dgamma")
    yield Claim("the gradient of beta", Eq(Derivative(infer_loss, beta), dbeta), alive, "infer_dbeta")
    yield Control("eps dropped", Eq(infer_y(i), gamma * (x[i] - mu_r) / sqrt(v_r) + beta), (v_r > 0,))
    yield Control("eps outside the root", Eq(infer_y(i), gamma * (x[i] - mu_r) / (sqrt(v_r) + eps) + beta), (v_r > 0,))
    yield Control(
        "the training-mode cross terms",
        Eq(Derivative(infer_y(i), x[k]), gamma_inference * (KroneckerDelta(i, k) - 1 / m)),
        alive,
    )
