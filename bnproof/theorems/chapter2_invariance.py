"""Chapter 2: what batch normalisation does not notice, and what it does."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Abs, Derivative, Ge, Limit, Ne, Sum, Symbol, oo, sign, sqrt

from bnproof.symbolic.setting import Batch, batch, beta, eps, g, gamma, i, j, m, v, x, xhat, y
from bnproof.theorems.book import Claim, Control, Corollary, Derivation, Eq, Item, Law, Line, theorem
from bnproof.theorems.quantities import infer_y, mu_r, s_r, scale_by, v_r

PAPER = "Ioffe and Szegedy 2015, arXiv:1502.03167"
a = Symbol("a", real=True)
c = Symbol("c", real=True)
scaled = Batch(lambda r: a * x[r])
shifted = Batch(lambda r: x[r] + c)


@theorem(source=f"{PAPER}, section 3.2 (the bias is subsumed by beta)")
def shift() -> Iterator[Item]:
    """In training mode BN(x + c) = BN(x) for every c, also with eps > 0: a bias before it is redundant."""
    yield Claim("the output does not change", Eq(shifted.y(i), y(i)))
    yield Claim("the mean moves along", Eq(shifted.mean, batch.mean + c))
    yield Claim("the variance stays", Eq(shifted.variance, v))
    yield Law("shift", "shifted input, same output", lambda y, y_shifted: Eq(y_shifted(i), y(i)))
    shifted_loss = Sum(g[j] * shifted.y(j), (j, 1, m))
    yield Corollary("the gradient of a bias before it is 0", Eq(Derivative(shifted_loss, c), 0))
    yield Control("the plain affine map", Eq(gamma * (x[i] + c) + beta, gamma * x[i] + beta))
    yield Control("inference mode", Eq(infer_y(i) + gamma * c / s_r, infer_y(i)), (v_r + eps > 0,), common=True)
    yield Control("the second moment instead of the variance", Eq(shifted.variance, v + c**2))


@theorem(source=f"{PAPER}, section 3.3, made precise; the thread's first answer")
def scale_exact() -> Iterator[Item]:
    """With eps = 0 and v > 0, BN(a x) = BN(x) for a > 0; for a < 0 the sign of gamma flips; a = 0 is undefined.
    'For any scalar a', as it is often stated, is false."""
    yield Claim("a > 0", Eq(scaled.y(i), y(i)), (a > 0, Eq(eps, 0)))
    yield Claim("a < 0", Eq(scaled.y(i), batch.y(i, gamma=-gamma)), (a < 0, Eq(eps, 0)))
    yield Claim("the mean scales", Eq(scaled.mean, a * batch.mean))
    yield Claim("the variance scales with the square", Eq(scaled.variance, a**2 * v))
    yield Law(
        "scale-exact",
        "eps = 0: scaling the input by a > 0 changes nothing",
        lambda y, y_scaled: Eq(y_scaled(i), y(i)),
        (Eq(eps, 0), v > 0),
    )
    yield Derivation(
        "why a cancels",
        scaled.xhat(i),
        (
            Line(
                "pull out a",
                a * (x[i] - batch.mean) / (Abs(a) * sqrt(v)),
                "the mean scales with a, v with a^2, and sqrt(a^2) = |a|, not a",
            ),
            Line("cancel", sign(a) * (x[i] - batch.mean) / sqrt(v), "a/|a| = sign(a): 1 for a > 0, -1 for a < 0"),
        ),
        (Ne(a, 0), v > 0, Eq(eps, 0)),
    )
    yield Control("'for any scalar a'", Eq(scaled.y(i), y(i)), (Ne(a, 0), Eq(eps, 0)), common=True)
    yield Control("with eps > 0", Eq(scaled.y(i), y(i)), (a > 0, eps > 0), common=True)


@theorem(source="substitution in Algorithm 1")
def scale_eps() -> Iterator[Item]:
    """With eps > 0 the exact law is xhat_eps(a x) = sign(a) xhat_(eps/a^2)(x): scaling the input by a acts as dividing
    eps by a^2. For a = 0 the output is beta."""
    rescaled = Batch(x.__getitem__, eps=eps / a**2)
    yield Claim("the exact scaling law", Eq(scaled.xhat(i), sign(a) * rescaled.xhat(i)), (Ne(a, 0),))
    yield Claim("a = 0", Eq(scaled.y(i), beta), (Eq(a, 0), eps > 0))
    yield Law("scale-eps", "input scaled by a, eps by a^2: same output", lambda y, y_rescaled: Eq(y_rescaled(i), y(i)))
    yield Control("eps unchanged", Eq(scaled.xhat(i), sign(a) * xhat(i)), (Ne(a, 0),), common=True)
    yield Control("eps/|a|", Eq(scaled.xhat(i), sign(a) * Batch(x.__getitem__, eps=eps / Abs(a)).xhat(i)), (Ne(a, 0),))
    yield Control("the sign of a forgotten", Eq(scaled.xhat(i), rescaled.xhat(i)), (Ne(a, 0),))


@theorem(source="derived here; compare the paper's section 3.3, which neglects eps")
def scale_defect() -> Iterator[Item]:
    """How far scale invariance fails for eps > 0: by the factor sqrt((v + eps)/(v + eps/a^2)), which tends to
    sqrt(1 + eps/v) for large a, and by at most |xhat_i| eps/(2 v) |1 - 1/a^2|."""
    a = scale_by
    scaled = Batch(lambda r: a * x[r])
    before, after = v + eps, v + eps / a**2
    factor = sqrt(before / after)
    given = (v > 0,)
    yield Claim("the factor", Eq(scaled.xhat(i), xhat(i) * factor), given)
    yield Claim("its limit for large a", Eq(Limit(factor, a, oo), sqrt(1 + eps / v)), given)
    yield Claim(
        "the defect, without cancellation (A = v + eps, B = v + eps/a^2)",
        Eq(factor - 1, eps * (1 - 1 / a**2) / (sqrt(after) * (sqrt(before) + sqrt(after)))),
        given,
    )
    yield Claim("A B - v^2 has no negative term", Eq(before * after - v**2, v * eps * (1 + 1 / a**2) + eps**2 / a**2))
    yield Claim("so sqrt(A B) >= v", Ge(before * after, v**2, evaluate=False))
    yield Claim("and B >= v", Ge(after, v, evaluate=False))
    yield Claim(
        "hence sqrt(B)(sqrt(A) + sqrt(B)) = sqrt(A B) + B >= 2 v bounds the defect",
        Eq(sqrt(after) * (sqrt(before) + sqrt(after)), sqrt(before * after) + after),
        given,
    )
    yield Law(
        "scale-defect",
        "input scaled by a, same eps: the deviation from beta grows by the factor",
        lambda y, y_scaled: Eq(y_scaled(i) - beta, (y(i) - beta) * factor),
        given,
    )
    yield Control("the factor upside down", Eq(scaled.xhat(i), xhat(i) / factor), given)
    yield Control("the limit without the root", Eq(Limit(factor, a, oo), 1 + eps / v), (v > 0, eps > 0))
    yield Control("no defect at all", Eq(factor, 1), given, common=True)


@theorem(source="the thread's first answer")
def affine_not_invariant() -> Iterator[Item]:
    """The plain map gamma x + beta is scale invariant for every batch only if gamma = 0 or a = 1."""
    yield Claim(
        "the change under scaling",
        Eq((gamma * a * x[i] + beta) - (gamma * x[i] + beta), gamma * (a - 1) * x[i]),
    )
    yield Claim("no change at x_i = 1, gamma != 0: a = 1", Eq(a, 1), (Eq(gamma * (a - 1), 0), Ne(gamma, 0)))
    yield Corollary("a = 1 changes nothing", Eq(gamma * a * x[i] + beta, gamma * x[i] + beta), (Eq(a, 1),))
    yield Control("invariant like batch normalisation", Eq(gamma * a * x[i] + beta, gamma * x[i] + beta), (a > 0,))
    yield Control("invariant for centred batches", Eq(gamma * a * (x[i] - mu_r), gamma * (x[i] - mu_r)), (a > 0,))
