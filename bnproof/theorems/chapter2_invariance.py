"""Chapter 2: what batch normalisation does not notice, and what it does.

Subtracting the mean removes every shift of the batch, and dividing by s removes its scale. This
chapter changes the batch, or a parameter, in one way after the other, and says exactly what of the
change reaches the output and the gradients.

A shift. ``shift`` shows that adding c to a whole batch changes nothing in training mode, so that a
bias in front of batch normalisation is redundant. At inference the running mean has to follow
first, and ``bias-at-inference`` says how much of a jump is still seen after T steps.

A scale. The paper's section 3.3 states ``BN(W u) = BN((a W) u)``. ``scale-exact`` proves it for
a > 0 and eps = 0; a negative a turns the sign of gamma. With eps > 0 the exact law is another one.
By ``scale-eps``, scaling the batch by a acts like dividing eps by a^2. ``scale-defect`` turns this
into a factor and a bound, so that "nearly invariant" gets a number. The plain map gamma x + beta
has no such property (``affine-not-invariant``).

An order, a sign, a repetition. ``permutation`` shows that the outputs change places with the
inputs. ``negative-gamma`` shows that a negative gamma is a reflection about beta, and that
gamma = 0 is no trap for training. ``idempotence`` shows what normalising a second time does.

Scale invariance also shapes training. Three theorems build on one another.

1. ``layer-scale-gradients``: if the weights in front are scaled by a > 0, the error that flows back
   to the layer's input stays what it was, and the weights' own gradient is divided by a.
2. ``euler``: a function that does not change along W has a gradient orthogonal to W. With eps > 0 a
   small radial part remains, and it is computed here.
3. ``weight-norm-growth``: a step at right angles to W makes W longer, and by the first of these
   theorems a longer W moves less at the next step.

Several controls are the statement for eps = 0, claimed for eps > 0. They are marked as often
stated, since code always runs with eps > 0.
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
    Limit,
    Sum,
    Symbol,
    oo,
    sign,
    sqrt,
    symbols,
)

from bnproof.symbolic.setting import (
    Batch,
    batch,
    beta,
    eps,
    g,
    gamma,
    i,
    j,
    k,
    m,
    mu,
    s,
    v,
    x,
    xhat,
    y,
)
from bnproof.symbolic.witnesses import Remainder
from bnproof.theorems.book import (
    Assertion,
    Control,
    Corollary,
    Derivation,
    Eq,
    Ge,
    Item,
    Line,
    Ne,
    Observed,
    Recurrence,
    Relation,
    theorem,
)
from bnproof.theorems.closed_forms import (
    alpha,
    dgamma,
    dx,
    infer_y,
    jacobian,
    mu_r,
    running_average,
    s_r,
    scale_by,
    shift_by,
    v_r,
)

Entry = Callable[[Expr], Expr]
PAPER = "Ioffe and Szegedy 2015, arXiv:1502.03167"
# any real number, since the theorems tell a > 0, a = 0 and a < 0 apart; relations, for which a
# check has to choose a number, use the positive scale_by
a = Symbol("a", real=True)
c = Symbol("c", real=True)
scaled = Batch(lambda r: a * x[r])
shifted = Batch(lambda r: x[r] + c)
SCALED = Observed("y", x=lambda r: scale_by * x[r])


@theorem(source=f"{PAPER}, section 3.2 (the bias is subsumed by beta)")
def shift() -> Iterator[Item]:
    """In training mode BN(x + c) = BN(x) for every c, also with eps > 0: a bias before it is
    redundant."""
    yield Assertion("the output does not change", Eq(shifted.y(i), y(i)))
    yield Assertion("the mean moves along", Eq(shifted.mean, batch.mean + c))
    yield Assertion("the variance stays", Eq(shifted.variance, v))
    yield Relation(
        "shift",
        "shifted input, same output",
        lambda y, y_shifted: Eq(y_shifted(i), y(i)),
        observed={"y_shifted": Observed("y", x=lambda r: x[r] + shift_by)},
    )
    shifted_loss = Sum(g[j] * shifted.y(j), (j, 1, m))
    yield Corollary("the gradient of a bias before it is 0", Eq(Derivative(shifted_loss, c), 0))
    yield Control("the plain affine map", Eq(gamma * (x[i] + c) + beta, gamma * x[i] + beta))
    # infer_y of the shifted batch: mu_r is a constant, so the shift passes through
    yield Control(
        "inference mode",
        Eq(infer_y(i) + gamma * c / s_r, infer_y(i)),
        (v_r + eps > 0,),
        common=True,
    )
    yield Control("the second moment instead of the variance", Eq(shifted.variance, v + c**2))


@theorem(source=f"{PAPER}, section 3.3, made precise; the thread's first answer")
def scale_exact() -> Iterator[Item]:
    """With eps = 0 and v > 0, BN(a x) = BN(x) for a > 0; for a < 0 the sign of gamma flips; a = 0
    is undefined. 'For any scalar a', as it is often stated, is false."""
    yield Assertion("a > 0", Eq(scaled.y(i), y(i)), (a > 0, Eq(eps, 0)))
    yield Assertion("a < 0", Eq(scaled.y(i), batch.y(i, gamma=-gamma)), (a < 0, Eq(eps, 0)))
    yield Assertion("the mean scales", Eq(scaled.mean, a * batch.mean))
    yield Assertion("the variance scales with the square", Eq(scaled.variance, a**2 * v))
    yield Relation(
        "scale-exact",
        "eps = 0: scaling the input by a > 0 changes nothing",
        lambda y, y_scaled: Eq(y_scaled(i), y(i)),
        (Eq(eps, 0),),
        {"y_scaled": SCALED},
    )
    # v > 0 is among the conditions because the links divide by sqrt(v), and not by s
    yield Derivation(
        "why a cancels",
        scaled.xhat(i),
        (
            Line(
                "pull out a",
                a * (x[i] - batch.mean) / (Abs(a) * sqrt(v)),
                "the mean scales with a, v with a^2, and sqrt(a^2) = |a|, not a",
            ),
            Line(
                "cancel",
                sign(a) * (x[i] - batch.mean) / sqrt(v),
                "a/|a| = sign(a): 1 for a > 0, -1 for a < 0",
            ),
        ),
        (Ne(a, 0), v > 0, Eq(eps, 0)),
    )
    yield Control("'for any scalar a'", Eq(scaled.y(i), y(i)), (Ne(a, 0), Eq(eps, 0)), common=True)
    yield Control("with eps > 0", Eq(scaled.y(i), y(i)), (a > 0, eps > 0), common=True)


@theorem(source="substitution in Algorithm 1", uses=("scale-exact",))
def scale_eps() -> Iterator[Item]:
    """With eps > 0 the exact law is xhat_eps(a x) = sign(a) xhat_(eps/a^2)(x): scaling the input by
    a acts as dividing eps by a^2. For a = 0 the output is beta."""
    rescaled = Batch(x.__getitem__, eps=eps / a**2)
    yield Assertion(
        "the exact scaling law", Eq(scaled.xhat(i), sign(a) * rescaled.xhat(i)), (Ne(a, 0),)
    )
    yield Assertion("a = 0", Eq(scaled.y(i), beta), (Eq(a, 0), eps > 0))
    # The same law read backwards: x times a, and eps times a^2. A check takes a power of two for a,
    # and both changes are then exact in floating point.
    yield Relation(
        "scale-eps",
        "input scaled by a, eps by a^2: same output",
        lambda y, y_rescaled: Eq(y_rescaled(i), y(i)),
        observed={"y_rescaled": Observed("y", x=lambda r: scale_by * x[r], eps=scale_by**2 * eps)},
    )
    yield Control("eps unchanged", Eq(scaled.xhat(i), sign(a) * xhat(i)), (Ne(a, 0),), common=True)
    yield Control(
        "eps/|a|",
        Eq(scaled.xhat(i), sign(a) * Batch(x.__getitem__, eps=eps / Abs(a)).xhat(i)),
        (Ne(a, 0),),
    )
    yield Control("the sign of a forgotten", Eq(scaled.xhat(i), rescaled.xhat(i)), (Ne(a, 0),))


@theorem(
    source="derived here; compare the paper's section 3.3, which neglects eps", uses=("scale-eps",)
)
def scale_defect() -> Iterator[Item]:
    """How far scale invariance fails for eps > 0: by the factor sqrt((v + eps)/(v + eps/a^2)),
    which tends to sqrt(1 + eps/v) for large a, and by at most |xhat_i| eps/(2 v) |1 - 1/a^2|."""
    # a > 0: the sign of a negative a is the business of scale-eps
    a = scale_by
    scaled = Batch(lambda r: a * x[r])
    before, after = v + eps, v + eps / a**2
    factor = sqrt(before / after)
    given = (v > 0,)
    yield Assertion("the factor", Eq(scaled.xhat(i), xhat(i) * factor))
    yield Assertion("its limit for large a", Eq(Limit(factor, a, oo), sqrt(1 + eps / v)), given)
    # The next five bound the defect. Its denominator sqrt(B) (sqrt(A) + sqrt(B)) = sqrt(A B) + B is
    # at least v + v, since A B >= v^2 and B >= v.
    yield Assertion(
        "the defect, without cancellation (A = v + eps, B = v + eps/a^2)",
        Eq(factor - 1, eps * (1 - 1 / a**2) / (sqrt(after) * (sqrt(before) + sqrt(after)))),
    )
    yield Assertion(
        "A B - v^2 has no negative term",
        Eq(before * after - v**2, v * eps * (1 + 1 / a**2) + eps**2 / a**2),
    )
    yield Assertion("so sqrt(A B) >= v", Ge(before * after, v**2))
    yield Assertion("and B >= v", Ge(after, v))
    yield Assertion(
        "hence sqrt(B)(sqrt(A) + sqrt(B)) = sqrt(A B) + B >= 2 v bounds the defect",
        Eq(sqrt(after) * (sqrt(before) + sqrt(after)), sqrt(before * after) + after),
    )
    yield Relation(
        "scale-defect",
        "input scaled by a, same eps: the deviation from beta grows by the factor",
        lambda y, y_scaled: Eq(y_scaled(i) - beta, (y(i) - beta) * factor),
        observed={"y_scaled": SCALED},
    )
    yield Control("the factor upside down", Eq(scaled.xhat(i), xhat(i) / factor), given)
    yield Control(
        "the limit without the root", Eq(Limit(factor, a, oo), 1 + eps / v), (v > 0, eps > 0)
    )
    yield Control("no defect at all", Eq(factor, 1), given, common=True)


@theorem(source="the thread's first answer")
def affine_not_invariant() -> Iterator[Item]:
    """The plain map gamma x + beta is scale invariant for every batch only if gamma = 0 or a =
    1."""
    yield Assertion(
        "the change under scaling",
        Eq((gamma * a * x[i] + beta) - (gamma * x[i] + beta), gamma * (a - 1) * x[i]),
    )
    # the claim is about every batch, so one value of x_i is enough to force a = 1
    yield Assertion(
        "no change at x_i = 1, gamma != 0: a = 1", Eq(a, 1), (Eq(gamma * (a - 1), 0), Ne(gamma, 0))
    )
    yield Corollary(
        "a = 1 changes nothing", Eq(gamma * a * x[i] + beta, gamma * x[i] + beta), (Eq(a, 1),)
    )
    yield Control(
        "invariant like batch normalisation",
        Eq(gamma * a * x[i] + beta, gamma * x[i] + beta),
        (a > 0,),
    )
    yield Control(
        "invariant for centred batches",
        Eq(gamma * a * (x[i] - mu_r), gamma * (x[i] - mu_r)),
        (a > 0,),
    )


@theorem(
    source="the recurrence of the running mean; the thread's comment on biases",
    uses=("shift", "ema-closed-form"),
)
def bias_at_inference() -> Iterator[Item]:
    """If a bias before batch normalisation jumps by c, training does not notice, but the tracked
    mean follows only by 1 - (1 - alpha)^T in T steps: gamma c (1 - alpha)^T/s_r of the jump remains
    in the inference output."""
    T = Symbol("T", integer=True, nonnegative=True)
    kept = (1 - alpha) ** T
    alive = (v_r + eps > 0,)
    yield Recurrence(
        "how far the tracked mean has followed: c (1 - (1 - alpha)^T)",
        T,
        Integer(0),
        lambda T, moved: running_average(moved, c),
        lambda T: c * (1 - (1 - alpha) ** T),
    )
    # the input has moved by c, and the running mean, mu_r before the jump, by c (1 - kept)
    late = gamma * (x[i] + c - (mu_r + c * (1 - kept))) / s_r + beta
    yield Assertion(
        "what remains at inference", Eq(late - infer_y(i), gamma * c * kept / s_r), alive
    )
    # 0 < alpha < 2 says that |1 - alpha| < 1
    vanishing = Limit(gamma * c * (1 - alpha) ** T / s_r, T, oo)
    yield Corollary("it dies out", Eq(vanishing, 0), (alpha > 0, alpha < 2, *alive))
    yield Control("inference does not notice either", Eq(late, infer_y(i)), alive, common=True)
    yield Control("the whole jump remains", Eq(late - infer_y(i), gamma * c / s_r), alive)
    yield Control(
        "one step more has passed",
        Eq(late - infer_y(i), gamma * c * kept * (1 - alpha) / s_r),
        alive,
    )


@theorem(source="Algorithm 1: mean and variance are sums")
def permutation() -> Iterator[Item]:
    """Batch normalisation commutes with every permutation of the batch. Every permutation is a
    product of transpositions, and the transposition of j and k is x_i + (x_k - x_j)(delta_ij -
    delta_ik)."""
    # A transposition without cases: at r = j the deltas add x_k - x_j, at r = k they subtract it.
    # For j = k nothing moves.
    swapped = Batch(lambda r: x[r] + (x[k] - x[j]) * (KroneckerDelta(r, j) - KroneckerDelta(r, k)))
    yield Assertion("the mean stays", Eq(swapped.mean, mu))
    yield Assertion("the variance stays", Eq(swapped.variance, v))
    moved = y(i) + (y(k) - y(j)) * (KroneckerDelta(i, j) - KroneckerDelta(i, k))
    yield Assertion("the outputs change places with the inputs", Eq(swapped.y(i), moved))
    yield Control("the outputs stay where they were", Eq(swapped.y(i), y(i)))
    yield Control(
        "only one of the two moves", Eq(swapped.y(i), y(i) + (y(k) - y(j)) * KroneckerDelta(i, j))
    )


@theorem(source=f"{PAPER}, section 3.3, with the signs for a < 0", uses=("jacobian", "scale-exact"))
def layer_scale_gradients() -> Iterator[Item]:
    """With eps = 0 and x = W u: d BN((a W) u)/du = sign(a) d BN(W u)/du, and d BN((a W) u)/d(a W) =
    1/|a| d BN(W u)/dW. The error that flows back through the layer is unaffected by its scale (for
    a > 0); the weight's own gradient shrinks."""
    given = (Ne(a, 0), Eq(eps, 0))
    n = symbols("n", integer=True, positive=True)
    W, u = IndexedBase("W", real=True), IndexedBase("u", real=True)
    yield Assertion(
        "the Jacobian at a x is that at x, divided by |a|",
        Eq(jacobian(scaled)(i, k), jacobian(batch)(i, k) / Abs(a)),
        given,
    )
    # a x = (a W) u, so the chain rule brings the factor a W_j; to a W itself it brings only u_j
    to_input = Sum(jacobian(scaled)(i, j) * a * W[j], (j, 1, m))
    yield Assertion(
        "with respect to u: J(a x) (a W) = sign(a) J(x) W (W[j] the weight that reaches value j)",
        Eq(to_input, sign(a) * Sum(jacobian(batch)(i, j) * W[j], (j, 1, m))),
        given,
    )
    to_weight = Sum(jacobian(scaled)(i, j) * u[j], (j, 1, m))
    yield Assertion(
        "with respect to the weight of the input u: J(a x) u = 1/|a| J(x) u",
        Eq(to_weight, Sum(jacobian(batch)(i, j) * u[j], (j, 1, m)) / Abs(a)),
        given,
    )
    yield Corollary(
        "differentiated as it stands, through x",
        Eq(Derivative(scaled.y(i), x[k]), sign(a) * Derivative(y(i), x[k])),
        given,
    )
    yield Assertion(
        "that the layer's output scales with W",
        Eq(Sum(a * W[j] * u[j], (j, 1, n)), a * Sum(W[j] * u[j], (j, 1, n))),
    )
    yield Control(
        "unaffected for a < 0 too",
        Eq(to_input, Sum(jacobian(batch)(i, j) * W[j], (j, 1, m))),
        given,
        common=True,
    )
    yield Control(
        "the weight's gradient is unaffected as well",
        Eq(to_weight, Sum(jacobian(batch)(i, j) * u[j], (j, 1, m))),
        (a > 0, Eq(eps, 0)),
        common=True,
    )
    yield Control(
        "also with eps > 0",
        Eq(to_input, Sum(jacobian(batch)(i, j) * W[j], (j, 1, m))),
        (a > 0, eps > 0),
        common=True,
    )


@theorem(
    source="Euler's theorem on homogeneous functions; van Laarhoven 2017, arXiv:1706.05350",
    uses=("gradient-x",),
)
def euler() -> Iterator[Item]:
    """sum_k x_k dx_k = gamma eps/s^2 sum_i g_i xhat_i. It is 0 for eps = 0: the gradient of each
    row of weights W in front of batch normalisation is orthogonal to that row, <W, dL/dW> = 0."""
    n = symbols("n", integer=True, positive=True)
    W, u, d = (IndexedBase(name, real=True) for name in ("W", "u", "d"))
    # the derivative of the loss along x itself, which is what a change of scale does to it
    radial = Sum(x[k] * dx(k), (k, 1, m))
    yield Assertion("the radial part of the gradient", Eq(radial, gamma * eps / s**2 * dgamma))
    yield Corollary("eps = 0: none", Eq(radial, 0), (Eq(eps, 0),))
    # dL/dW_k by the chain rule, for a row W that meets the inputs u[j, k] of sample j
    weight_gradient = Sum(d[j] * u[j, k], (j, 1, m))
    yield Assertion(
        "<W, dL/dW> = sum_k x_k dx_k for x = W u (d for dx, any number n of inputs)",
        Eq(
            Sum(W[k] * weight_gradient, (k, 1, n)),
            Sum(d[j] * Sum(W[k] * u[j, k], (k, 1, n)), (j, 1, m)),
        ),
    )
    yield Control("orthogonal also with eps > 0", Eq(radial, 0), (eps > 0,), common=True)
    yield Control("s for s^2", Eq(radial, gamma * eps / s * dgamma))
    yield Control("gamma dropped", Eq(radial, eps / s**2 * dgamma))


@theorem(
    source="van Laarhoven 2017, arXiv:1706.05350; Hoffer et al. 2018, arXiv:1803.01814",
    uses=("euler", "layer-scale-gradients"),
)
def weight_norm_growth() -> Iterator[Item]:
    """One plain SGD step W - eta G (no momentum, no decay) on a row in front of batch
    normalisation: |W - eta G|^2 = |W|^2 - 2 eta <W, G> + eta^2 |G|^2 with
    <W, G> = gamma eps/s^2 sum g xhat. For eps = 0 the norm never falls, and the new direction is
    that of a step eta/|W|^2 from W/|W|: a large step makes the next ones small."""
    n = symbols("n", integer=True, positive=True)
    eta = Symbol("eta", real=True)
    W, G = IndexedBase("W", real=True), IndexedBase("G", real=True)

    def squared_norm(entry: Entry) -> Expr:
        """``sum_j entry(j)^2`` over the n weights of the row."""
        return Sum(entry(j) ** 2, (j, 1, n))

    inner = Sum(W[j] * G[j], (j, 1, n))
    stepped = squared_norm(lambda r: W[r] - eta * G[r])
    norms = squared_norm(lambda r: W[r]), squared_norm(lambda r: G[r])
    radial = gamma * eps / s**2 * dgamma
    yield Assertion(
        "the squared norm after the step",
        Eq(stepped, norms[0] - 2 * eta * radial + eta**2 * norms[1]),
        (Eq(inner, radial),),
    )
    # what euler says for eps = 0
    orthogonal = (Eq(inner, 0),)
    yield Assertion(
        "<W, G> = 0: the norm never falls",
        Ge(stepped, norms[0]),
        orthogonal,
        by=Remainder(eta**2 * norms[1]),
    )
    # One component of the step. At W/|W| the gradient is |W| G by layer-scale-gradients, since the
    # scale there is |W| times smaller.
    w, d, length = Symbol("W_k", real=True), Symbol("G_k", real=True), Symbol("|W|", positive=True)
    yield Assertion(
        "the direction: W - eta G over |W| is the step eta/|W|^2 from W/|W|, where the gradient is"
        " |W| G",
        Eq((w - eta * d) / length, w / length - eta / length**2 * (length * d)),
    )
    yield Control("the norm stays", Eq(stepped, norms[0]), orthogonal, common=True)
    yield Control("the norm grows by eta |G|^2", Eq(stepped, norms[0] + eta * norms[1]), orthogonal)
    yield Control("growth without <W, G> = 0", Ge(stepped, norms[0]))


@theorem(source="the thread's question about a negative gamma", uses=("gradient-affine",))
def negative_gamma() -> Iterator[Item]:
    """BN with -gamma is the reflection 2 beta - BN, and equals BN of -x; at fixed x and g the
    input's gradient changes sign. gamma = 0 stops the input's gradient but not gamma's own, which
    is sum g xhat whatever gamma: no trap."""
    mirrored = batch.y(i, gamma=-gamma)
    yield Assertion("a reflection about beta", Eq(mirrored, 2 * beta - y(i)))
    yield Assertion("the same as a mirrored input", Eq(Batch(lambda r: -x[r]).y(i), mirrored))
    # the same g in both losses: the upstream gradient is held fixed
    loss_mirrored = Sum(g[j] * batch.y(j, gamma=-gamma), (j, 1, m))
    loss = Sum(g[j] * y(j), (j, 1, m))
    yield Assertion(
        "the input's gradient changes sign",
        Eq(Derivative(loss_mirrored, x[k]), -Derivative(loss, x[k])),
    )
    yield Assertion("gamma's own gradient does not know gamma", Eq(Derivative(loss, gamma), dgamma))
    yield Corollary("gamma = 0: no gradient for the input", Eq(dx(k), 0), (Eq(gamma, 0),))
    yield Relation(
        "negative-gamma",
        "-gamma gives the reflection about beta",
        lambda y, y_mirrored: Eq(y_mirrored(i), 2 * beta - y(i)),
        observed={"y_mirrored": Observed("y", gamma=-gamma)},
    )
    yield Control("harmless because invisible", Eq(mirrored, y(i)), common=True)
    yield Control(
        "gamma = 0 is a trap: its own gradient is 0", Eq(dgamma, 0), (Eq(gamma, 0),), common=True
    )
    yield Control("a reflection about 0", Eq(mirrored, -y(i)))


@theorem(source="Algorithm 1, applied twice", uses=("output-moments",))
def idempotence() -> Iterator[Item]:
    """With eps = 0, normalising what is already normalised (gamma = 1, beta = 0) changes nothing;
    in general it multiplies by 1/sqrt(q + eps) with q = v/(v + eps)."""
    # the batch xhat has variance q (output-moments), to which eps is added a second time
    twice = Batch(xhat)
    q = v / (v + eps)
    yield Assertion("eps = 0", Eq(twice.xhat(i), xhat(i)), (Eq(eps, 0),))
    yield Assertion("in general", Eq(twice.xhat(i), xhat(i) / sqrt(q + eps)))
    yield Control("also with eps > 0", Eq(twice.xhat(i), xhat(i)), (eps > 0, v > 0), common=True)
    yield Control("the factor 1/sqrt(q)", Eq(twice.xhat(i), xhat(i) / sqrt(q)), (v > 0,))
