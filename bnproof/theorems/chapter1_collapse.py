"""Chapter 1: batch normalisation as an affine map, and how far that goes.

Algorithm 1 of the paper first computes ``xhat_i = (x_i - mu)/s`` and then
``y_i = gamma xhat_i + beta``. On one fixed mini-batch mu and s are two numbers, so both lines
together are one affine map, ``y_i = gamma' x_i + beta'`` with ``gamma' = gamma/s`` and
``beta' = beta - gamma mu/s``. Training may give gamma and beta any value, hence gamma' and beta' as
well. Why not train gamma' and beta' at once, and leave out the normalising?

On one mini-batch the objection is right. ``collapse`` states the map, and ``collapse-bijection``
shows that every pair (gamma', beta') belongs to exactly one pair (gamma, beta).

It stops being right in three places, each with a theorem.

1. A second batch. ``collapse-varies`` shows that two batches share their pair (gamma', beta') only
   if gamma = 0 or both statistics agree. Numbers that are trained once cannot do for every batch
   what gamma' and beta' do.
2. The whole batch as the input. The formula looks affine in x, but mu and s depend on x too.
   ``training-not-affine`` gives one witness against every affine map, for every m and eps.
3. The derivative. ``collapse-hides-gradient`` shows that two terms are lost if gamma' and beta' are
   held constant while x is differentiated. The collapse is an identity of values only.

At inference none of this applies, because mu_r and v_r are constants: ``inference-collapse``. This
is why a trained batch normalisation can be folded into the layer before it, which ``fold-linear``
does for linear layers, convolutions and transposed convolutions.

The last two theorems ask what gamma and beta are needed for. ``affine-absorbed`` says when the next
layer could take their place, and ``affine-after-linear-redundant`` that without normalising the
layer before them could.

How to read a chapter: ``mu``, ``v``, ``s``, ``xhat`` and ``y`` are SymPy expressions in the entries
``x[1], ..., x[m]`` with a symbolic ``m``, written out from Algorithm 1. ``Eq(left, right)`` is a
claim and not yet known to be true. The condition that is called ``alive`` in several theorems keeps
a square root in a denominator from being 0. For the batch ``x`` itself, ``v + eps > 0`` is assumed
throughout the book and is not listed.
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
    sqrt,
    symbols,
)

from bnproof.symbolic.setting import Batch, beta, eps, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.symbolic.witnesses import Remainder
from bnproof.theorems.book import (
    Assertion,
    Control,
    Corollary,
    Derivation,
    Eq,
    Item,
    Line,
    Ne,
    Observed,
    Relation,
    theorem,
)
from bnproof.theorems.closed_forms import (
    beta_collapsed,
    beta_inference,
    gamma_collapsed,
    gamma_inference,
    infer_y,
    inference,
    mu_r,
    s_r,
    v_r,
)

Entry = Callable[[Expr], Expr]
PAPER = "Ioffe and Szegedy 2015, arXiv:1502.03167"
c, d = symbols("c d", real=True)


@theorem(source=f"{PAPER}, Algorithm 1; the thread's question")
def collapse() -> Iterator[Item]:
    """On one fixed mini-batch, training-mode batch normalisation is the affine map gamma' x +
    beta'."""
    yield Assertion(
        "the output, by definition", Eq(y(i), gamma * (x[i] - mu) / s + beta), predicts="y"
    )
    yield Assertion(
        "gamma' = gamma/s, beta' = beta - gamma mu/s",
        Eq(y(i), gamma_collapsed * x[i] + beta_collapsed),
    )
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
    # y_plain is the implementation's own answer for gamma = 1, beta = 0, which is its xhat; so the
    # law tests how gamma and beta are applied, whatever xhat is worth
    yield Relation(
        "affine",
        "gamma and beta act on the normalised value",
        lambda y, y_plain: Eq(y(i), gamma * y_plain(i) + beta),
        observed={"y_plain": Observed("y", gamma=Integer(1), beta=Integer(0))},
    )
    yield Control(
        "the shift with the wrong sign", Eq(y(i), gamma_collapsed * x[i] + beta + gamma * mu / s)
    )
    yield Control("the shift forgotten", Eq(y(i), gamma_collapsed * x[i] + beta))
    yield Control(
        "divided by the variance", Eq(y(i), gamma / s**2 * x[i] + beta - gamma * mu / s**2)
    )
    # v > 0: on a constant batch this variant has no value, and could not be shown to be wrong
    yield Control(
        "eps dropped", Eq(y(i), gamma / sqrt(v) * x[i] + beta - gamma * mu / sqrt(v)), (v > 0,)
    )


@theorem(
    source="linear algebra; Goodfellow, Bengio and Courville 2016, section 8.7.1",
    uses=("collapse",),
)
def collapse_bijection() -> Iterator[Item]:
    """For one fixed mini-batch, (gamma, beta) -> (gamma', beta') is a bijection: on ONE batch
    nothing is gained."""
    yield Assertion("there and back: gamma", Eq(gamma_collapsed * s, gamma))
    yield Assertion("there and back: beta", Eq(beta_collapsed + gamma_collapsed * mu, beta))
    yield Assertion(
        "every pair (c, d) is reached, by gamma = c s and beta = d + c mu",
        Eq((c * s) * xhat(i) + (d + c * mu), c * x[i] + d),
    )
    determinant = Derivative(gamma_collapsed, gamma) * Derivative(
        beta_collapsed, beta
    ) - Derivative(gamma_collapsed, beta) * Derivative(beta_collapsed, gamma)
    yield Assertion("the Jacobian determinant is 1/s, never 0", Eq(determinant, 1 / s))
    yield Control(
        "the inverse with the shift subtracted", Eq(beta_collapsed - gamma_collapsed * mu, beta)
    )
    yield Control("the determinant squared", Eq(determinant, 1 / s**2))


@theorem(source="the thread's question, settled", uses=("collapse",))
def collapse_varies() -> Iterator[Item]:
    """Two batches get the same (gamma', beta') only if gamma = 0 or both mean and s agree: no
    constant pair replaces batch normalisation as soon as the statistics vary. (With v = 0 on one
    batch, a constant pair can.)"""
    other = Batch(IndexedBase("u", real=True).__getitem__)
    alive = other.variance + eps > 0
    same_scale = Eq(gamma / s, gamma / other.std)
    same_shift = Eq(beta - gamma * mu / s, beta - gamma * other.mean / other.std)
    yield Assertion(
        "equal gamma' force equal s", Eq(s, other.std), (same_scale, Ne(gamma, 0), alive)
    )
    yield Assertion(
        "then equal beta' force equal mu",
        Eq(mu, other.mean),
        (same_scale, same_shift, Ne(gamma, 0), alive),
    )
    # the residual of a pair (c, d) against x - mu and against 1: a pair that is right at every
    # entry makes both sums 0, so c and d can be read off
    residual = Sum((x[j] - mu) * (c * x[j] + d - y(j)), (j, 1, m))
    yield Assertion(
        "how far a constant pair (c, d) misses, in slope", Eq(residual, m * v * (c - gamma / s))
    )
    offset = Sum(c * x[j] + d - y(j), (j, 1, m))
    yield Assertion("and in offset", Eq(offset, m * (c * mu + d - beta)))
    yield Corollary(
        "for gamma = 0 both batches get (0, beta)", Eq(beta_collapsed, beta), (Eq(gamma, 0),)
    )
    # eps = 9/16 makes both roots rational: s = 3/4 for {2, 2}, where v = 0, and 5/4 for {1, 3}
    flat = Batch(lambda r: Integer(2), size=Integer(2), eps=Rational(9, 16))
    steep = Batch(lambda r: 2 * r - 1, size=Integer(2), eps=Rational(9, 16))
    slope = 4 * gamma / 5
    for name, batch, index in (("first", flat, 1), ("first", steep, 1), ("second", steep, 2)):
        yield Corollary(
            f"v = 0 is different: one pair serves {{2, 2}} and {{1, 3}} (eps = 9/16; {name} value"
            f" {batch.entry(Integer(index))})",
            Eq(slope * batch.entry(Integer(index)) + beta - 2 * slope, batch.y(Integer(index))),
        )
    yield Assertion(
        "how gamma' follows the batch",
        Eq(Derivative(gamma_collapsed, x[k]), -gamma * xhat(k) / (m * s**2)),
    )
    yield Control(
        "the pair of one batch serves another",
        Eq(gamma_collapsed * other.entry(i) + beta_collapsed, other.y(i)),
        (v > 0, other.variance > 0),
        common=True,
    )
    yield Control("gamma itself varies with the input", Ne(Derivative(gamma, x[k]), 0), common=True)
    yield Control(
        "equal s would already give equal beta'", same_shift, (same_scale, Ne(gamma, 0), alive)
    )
    yield Control("a constant pair misses by m v c alone", Eq(residual, m * v * c))


@theorem(source="derived here: one witness for every m and eps")
def training_not_affine() -> Iterator[Item]:
    """For gamma != 0 and m >= 2 the training-mode map of a whole batch is not affine: every affine
    map F has F(-u) - 3 F(u) + 2 F(2 u) = 0, batch normalisation has not. For m = 2 and eps = 0 all
    magnitude is lost."""
    A, b = IndexedBase("A", real=True), IndexedBase("b", real=True)

    # the weights 1, -3, 2 sum to 0, which removes b, and -1 - 3 + 2 * 2 = 0 removes A
    def affine_map(scale: int) -> Expr:
        """Entry i of ``A (scale x) + b``, any affine map."""
        return Sum(A[i, j] * scale * x[j], (j, 1, m)) + b[i]

    def normalise(scale: int) -> Expr:
        """Entry i of batch normalisation at ``scale u``."""
        return Batch(lambda r: scale * (x[r] - mu)).y(i)

    def combine(map_of: Callable[[int], Expr]) -> Expr:
        """``F(-u) - 3 F(u) + 2 F(2 u)``."""
        return map_of(-1) - 3 * map_of(1) + 2 * map_of(2)

    doubled = sqrt(4 * v + eps)
    yield Assertion("every affine map of the batch", Eq(combine(affine_map), 0))
    yield Assertion(
        "batch normalisation, at the centred batch u = x - mu",
        Eq(combine(normalise), 4 * gamma * (x[i] - mu) * (1 / doubled - 1 / s)),
    )
    u = Batch(lambda r: KroneckerDelta(r, 1) - KroneckerDelta(r, 2))
    yield Assertion("the witness u = (1, -1, 0, ..., 0) is centred", Eq(u.mean, 0), (m >= 2,))
    yield Assertion("and has spread", Eq(u.variance, 2 / m), (m >= 2,))
    # s at 2 u and at u, from the variance 2/m of the witness
    wide, narrow = sqrt(8 / m + eps), sqrt(2 / m + eps)
    yield Assertion(
        "so the combination does not vanish there (entry u_1 = 1)",
        Ne(4 * gamma * (1 / wide - 1 / narrow), 0),
        (Ne(gamma, 0),),
        by=Remainder(-24 * gamma / (m * wide * narrow * (wide + narrow))),
    )
    yield Corollary(
        "m = 2, eps = 0: only which value is larger survives",
        Eq(xhat(1) ** 2, 1),
        (Eq(m, 2), Eq(eps, 0)),
    )
    yield Corollary("and the two values are opposite", Eq(xhat(2), -xhat(1)), (Eq(m, 2),))
    yield Control(
        "affine after all", Eq(4 * gamma * (x[i] - mu) * (1 / doubled - 1 / s), 0), common=True
    )
    yield Control("the second root forgotten", Eq(combine(normalise), -3 * gamma * (x[i] - mu) / s))


@theorem(source="the chain rule; the paper's section 3", uses=("collapse", "jacobian"))
def collapse_hides_gradient() -> Iterator[Item]:
    """Holding gamma', beta' constant gives the wrong derivative: the collapse is an identity of
    values, not of derivatives, because gamma' and beta' depend on every x_k through mu and s."""
    true = gamma_collapsed * KroneckerDelta(i, k) - gamma / (m * s) * (1 + xhat(i) * xhat(k))
    yield Assertion("the true Jacobian", Eq(Derivative(y(i), x[k]), true))
    # plain symbols for gamma' and beta': nothing in them can be differentiated by x
    frozen_scale, frozen_shift = symbols("gamma_c beta_c", real=True)
    yield Assertion(
        "with gamma', beta' held constant",
        Eq(
            Derivative(frozen_scale * x[i] + frozen_shift, x[k]),
            frozen_scale * KroneckerDelta(i, k),
        ),
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


@theorem(source=f"{PAPER}, Algorithm 2, line 11", uses=("collapse",))
def inference_collapse() -> Iterator[Item]:
    """With fixed running statistics the collapse has constant coefficients: exact in value and in
    derivative."""
    alive = (v_r + eps > 0,)
    yield Assertion(
        "the output, by definition",
        Eq(infer_y(i), gamma * (x[i] - mu_r) / s_r + beta),
        alive,
        "infer_y",
    )
    yield Assertion(
        "one affine map for every input",
        Eq(infer_y(i), gamma_inference * x[i] + beta_inference),
        alive,
    )
    yield Assertion(
        "no cross terms",
        Eq(Derivative(infer_y(i), x[k]), gamma_inference * KroneckerDelta(i, k)),
        alive,
    )
    yield Control(
        "eps dropped", Eq(infer_y(i), gamma * (x[i] - mu_r) / sqrt(v_r) + beta), (v_r > 0,)
    )
    yield Control(
        "eps outside the root",
        Eq(infer_y(i), gamma * (x[i] - mu_r) / (sqrt(v_r) + eps) + beta),
        (v_r > 0,),
    )
    yield Control(
        "the training-mode cross terms",
        Eq(Derivative(infer_y(i), x[k]), gamma_inference * (KroneckerDelta(i, k) - 1 / m)),
        alive,
    )


@theorem(
    source=(
        "Jacob et al. 2018, arXiv:1712.05877, section 3.2 (folding); derived here for every layer"
    ),
    uses=("inference-collapse",),
)
def fold_linear() -> Iterator[Item]:
    """Inference-mode batch normalisation after a linear layer is one linear layer: the weights that
    feed output o are scaled by gamma'_o, and the bias becomes gamma'_o (b_o - mu_o) + beta_o (a
    missing bias is 0). A linear layer: W[o, c]. A convolution: W[o, c, t] over the channels c of
    the group and the taps t, u[c, t] being what tap t meets. A transposed convolution: W[c, o, t],
    and output j of group h is o = h out/G + j."""
    n, taps = symbols("n K", integer=True, positive=True)
    W, u, b, z = (IndexedBase(name, real=True) for name in ("W", "u", "b", "beta_o"))
    G, M = IndexedBase("gamma_o", real=True), IndexedBase("mu_o", real=True)
    S = IndexedBase("v_o", nonnegative=True)
    alive = (S[k] + eps > 0,)
    slope = G[k] / sqrt(S[k] + eps)

    def normalise(value: Expr) -> Expr:
        """Batch normalisation of output channel k at inference."""
        return G[k] * (value - M[k]) / sqrt(S[k] + eps) + z[k]

    def linear_layer(weight: Entry) -> Expr:
        """``sum_c weight(c) u_c`` over the n inputs."""
        return Sum(weight(i) * u[i], (i, 1, n))

    def convolve(weight: Callable[[Expr, Expr], Expr]) -> Expr:
        """``sum_(c, t) weight(c, t) u_(c, t)`` over channels and taps, at one position."""
        return Sum(weight(i, j) * u[i, j], (j, 1, taps), (i, 1, n))

    bias = slope * (b[k] - M[k]) + z[k]
    yield Assertion(
        "linear layer",
        Eq(
            normalise(linear_layer(lambda c: W[k, c]) + b[k]),
            linear_layer(lambda c: slope * W[k, c]) + bias,
        ),
        alive,
    )
    yield Assertion(
        "convolution (also grouped, depthwise)",
        Eq(
            normalise(convolve(lambda c, t: W[k, c, t]) + b[k]),
            convolve(lambda c, t: slope * W[k, c, t]) + bias,
        ),
        alive,
    )
    yield Assertion(
        "transposed convolution: the output axis is the second",
        Eq(
            normalise(convolve(lambda c, t: W[c, k, t]) + b[k]),
            convolve(lambda c, t: slope * W[c, k, t]) + bias,
        ),
        alive,
    )
    yield Corollary(
        "without a bias",
        Eq(
            normalise(linear_layer(lambda c: W[k, c])),
            linear_layer(lambda c: slope * W[k, c]) - slope * M[k] + z[k],
        ),
        alive,
    )
    # The padding is 0 after normalising, so tap 1 adds nothing. Folded, it would meet a padded 0 of
    # the raw input, and the constant part would count all taps.
    padded = Sum(W[i] * inference(u[i]), (i, 2, n))
    yield Control(
        "batch normalisation BEFORE a zero-padded convolution (tap 1 meets the padding)",
        Eq(
            padded,
            Sum(W[i] * gamma_inference * u[i], (i, 2, n)) + beta_inference * Sum(W[i], (i, 1, n)),
        ),
        (v_r + eps > 0, n >= 2),
        common=True,
    )
    yield Control(
        "the bias scaled, the mean forgotten",
        Eq(
            normalise(linear_layer(lambda c: W[k, c]) + b[k]),
            linear_layer(lambda c: slope * W[k, c]) + slope * b[k] + z[k],
        ),
        alive,
    )
    yield Control(
        "the weights scaled along their input axis",
        Eq(
            normalise(linear_layer(lambda c: W[k, c]) + b[k]),
            linear_layer(lambda c: G[c] / sqrt(S[k] + eps) * W[k, c]) + bias,
        ),
        alive,
    )


@theorem(source="derived here; settles the thread's 'must have'", uses=("collapse",))
def affine_absorbed() -> Iterator[Item]:
    """A linear layer that follows directly absorbs gamma and beta; through ReLU it absorbs gamma >
    0, beta becoming the threshold -beta/gamma. So 'must have' is too strong."""
    n = symbols("n", integer=True, positive=True)
    W, h, G, B = (IndexedBase(name, real=True) for name in ("W", "h", "gamma_c", "beta_c"))
    b, z = symbols("b z", real=True)

    def relu(value: Expr) -> Expr:
        """``max(value, 0)`` by the absolute value, which the prover knows by its sign."""
        return (value + Abs(value)) / 2

    def apply_layer(entry: Entry) -> Expr:
        """The linear layer that follows, with entry(c) as its inputs."""
        return Sum(W[j] * entry(j), (j, 1, n)) + b

    absorbed = Sum(W[j] * G[j] * h[j], (j, 1, n)) + (b + Sum(W[j] * B[j], (j, 1, n)))
    yield Assertion(
        "W (gamma h + beta) + b = (W gamma) h + (b + W beta)",
        Eq(apply_layer(lambda c: G[c] * h[c] + B[c]), absorbed),
    )
    yield Assertion(
        "through ReLU, gamma > 0: relu(gamma z + beta) = gamma relu(z + beta/gamma)",
        Eq(relu(gamma * z + beta), gamma * relu(z + beta / gamma)),
        (gamma > 0,),
    )
    yield Control(
        "through ReLU for any gamma",
        Eq(relu(gamma * z + beta), gamma * relu(z + beta / gamma)),
        (Ne(gamma, 0),),
        common=True,
    )
    yield Control(
        "beta dropped",
        Eq(apply_layer(lambda c: G[c] * h[c] + B[c]), apply_layer(lambda c: G[c] * h[c])),
    )


@theorem(source="the thread's third answer, made exact")
def affine_after_linear_redundant() -> Iterator[Item]:
    """Without normalising, an affine pair after a linear layer adds nothing: gamma (W u + b) + beta
    is the linear layer (gamma W) u + (gamma b + beta). With normalising it does: the layer's own
    scale and shift are removed first."""
    n = symbols("n", integer=True, positive=True)
    W, u = IndexedBase("W", real=True), IndexedBase("u", real=True)
    b = symbols("b", real=True)
    layer = Sum(W[j] * u[j], (j, 1, n)) + b
    yield Assertion(
        "one linear layer",
        Eq(gamma * layer + beta, Sum(gamma * W[j] * u[j], (j, 1, n)) + (gamma * b + beta)),
    )
    shifted = Batch(lambda r: x[r] + b)
    yield Corollary("with normalising, b cannot act: beta must", Eq(shifted.y(i), y(i)))
    yield Control(
        "beta scaled too",
        Eq(gamma * layer + beta, Sum(gamma * W[j] * u[j], (j, 1, n)) + gamma * (b + beta)),
    )
    yield Control(
        "the weights left unscaled",
        Eq(gamma * layer + beta, Sum(W[j] * u[j], (j, 1, n)) + (gamma * b + beta)),
    )
