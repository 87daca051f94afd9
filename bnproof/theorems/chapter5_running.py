"""Chapter 5: running statistics and inference.

At inference there may be a single sample and no batch to take statistics of. Batch normalisation
then uses running statistics, which training has collected. After each batch every one of them makes
a step ``r <- (1 - alpha) r + alpha b`` towards the batch's own value b, where the momentum alpha is
the weight of the new value. The chapter asks what this recurrence computes, whether that is the
right variance, and how far inference is from training.

What the recurrence computes. ``ema-closed-form`` solves it: the start keeps the weight
``(1 - alpha)^T`` after T steps, and the batches share the rest, the older the less.
``momentum-conventions`` shows that frameworks that disagree about the word momentum compute the
same. ``cumulative`` is the variant that takes the plain mean of all batches.

Whether it is the right variance. The biased variance of a batch is too small on average, by the
factor (m - 1)/m (``bessel``). ``biased-running-gap`` follows this factor through the recurrence to
the variance of the inference output. Bessel's correction removes it, and has a price that
``repeated-batch`` shows: on one and the same batch, training and inference then never agree,
however long the statistics settle.

How far inference is from training. ``train-eval-gap`` writes the difference of the two outputs as
an affine function of x, and says when it vanishes. ``frozen`` states what inference has and
training has not: a sample's output does not depend on the other samples.

A batch on several devices. ``total-variance`` splits the variance of a batch into what lies within
the devices and what lies between them. Averaging variances misses the second part.

Some of the tools are new here. A ``Recurrence`` is proved by induction on T. ``E(f, M, sigma)`` is
the expected value over uncorrelated values of mean M and standard deviation sigma; nothing else is
presumed of them, which decides polynomials of degree two. A limit for large T needs
``0 < alpha < 2``, which says that ``|1 - alpha| < 1``.
"""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Derivative, Expr, IndexedBase, KroneckerDelta, Limit, Sum, Symbol, oo

from bnproof.symbolic.expectation import E
from bnproof.symbolic.setting import Batch, eps, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.symbolic.witnesses import Induction, Remainder
from bnproof.theorems.book import (
    Assertion,
    Control,
    Corollary,
    Derivation,
    Eq,
    Ge,
    Gt,
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
    beta_collapsed,
    beta_inference,
    gamma_collapsed,
    gamma_inference,
    infer_y,
    inference,
    mu_r,
    running_average,
    running_mean,
    running_var_biased,
    running_var_unbiased,
    s_r,
    shift_by,
    v_r,
)

PAPER = "Ioffe and Szegedy 2015, arXiv:1502.03167"
# the number of steps, and the running statistic before the first of them
T = Symbol("T", integer=True, nonnegative=True)
r_0 = Symbol("r_0", real=True)
# mean and standard deviation of the values that batches are drawn from
M, sigma = Symbol("M", real=True), Symbol("sigma", positive=True)
# the weight that the start has after T steps; 1 for T = 0 even if alpha = 1, since 0^0 = 1
kept = (1 - alpha) ** T


@theorem(
    source="Algorithms 1 and 2 of the paper, subtracted", uses=("collapse", "inference-collapse")
)
def train_eval_gap() -> Iterator[Item]:
    """Training and inference output of the same batch differ by an affine function of x; the gap is
    0 at every entry of a batch with v > 0 only if gamma = 0, or the batch's mean and variance equal
    the running ones."""
    alive = v_r + eps > 0
    slope, offset = gamma_collapsed - gamma_inference, beta_collapsed - beta_inference
    yield Assertion("the gap", Eq(y(i) - infer_y(i), slope * x[i] + offset), (alive,))
    # The gap is affine, so two sums over the batch show all of it: one against x - mu and one
    # against 1. Where the gap is 0 at every entry, both are 0, and v > 0 then gives the two
    # conditions no_slope and no_offset.
    gap = y(j) - infer_y(j)
    yield Assertion(
        "its slope shows", Eq(Sum((x[j] - mu) * gap, (j, 1, m)), m * v * slope), (alive,)
    )
    yield Assertion(
        "its offset shows", Eq(Sum(gap, (j, 1, m)), m * (slope * mu + offset)), (alive,)
    )
    no_slope, no_offset = Eq(slope, 0), Eq(slope * mu + offset, 0)
    yield Assertion(
        "no gap, gamma != 0: equal variances", Eq(v, v_r), (no_slope, Ne(gamma, 0), alive)
    )
    yield Assertion("and equal means", Eq(mu, mu_r), (no_offset, Ne(gamma, 0), alive))
    yield Corollary("gamma = 0: no gap", Eq(y(i), infer_y(i)), (Eq(gamma, 0), alive))
    yield Control("no gap in general", Eq(y(i), infer_y(i)), (alive,), common=True)
    # each of the two conditions alone is too little
    yield Control("equal means are enough", Eq(y(i), infer_y(i)), (Eq(mu_r, mu), alive))
    yield Control("equal variances are enough", Eq(y(i), infer_y(i)), (Eq(v_r, v), alive))


@theorem(source=f"{PAPER}, section 3.1 (moving averages); induction")
def ema_closed_form() -> Iterator[Item]:
    """r_t = (1 - alpha) r_(t-1) + alpha b_t for t = 1..T gives r_T = (1 - alpha)^T r_0 + alpha
    sum_t (1 - alpha)^(T-t) b_t (with 0^0 = 1): proved by induction on T, base and step."""
    t = Symbol("t", integer=True, positive=True)
    b = IndexedBase("b", real=True)

    def average(steps: Expr) -> Expr:
        """The closed form after so many steps."""
        return (1 - alpha) ** steps * r_0 + alpha * Sum(
            (1 - alpha) ** (steps - t) * b[t], (t, 1, steps)
        )

    # what all batches together weigh; the rest of 1 is the weight of the start
    weights = alpha * Sum((1 - alpha) ** (T - t), (t, 1, T))
    yield Recurrence("the closed form", T, r_0, lambda T, r: running_average(r, b[T + 1]), average)
    yield Assertion(
        "the weights of the batches sum to 1 - (1 - alpha)^T",
        Eq(weights, 1 - kept),
        by=Induction(T),
    )
    # The left-hand side makes a step towards the new value, the right-hand side takes a weighted
    # mean. An implementation may use either; the prediction is the second.
    yield Assertion(
        "one step of the running mean",
        Eq(mu_r + alpha * (mu - mu_r), running_mean),
        predicts="running_mean",
    )
    yield Assertion(
        "one step of the running variance, biased",
        Eq(v_r + alpha * (v - v_r), running_var_biased),
        predicts="running_var_biased",
    )
    # divided by m - 1: frameworks that correct the bias track this number
    sample_variance = Sum((x[j] - mu) ** 2, (j, 1, m)) / (m - 1)
    yield Assertion(
        "one step of the running variance, with Bessel's factor m/(m - 1)",
        Eq(running_average(v_r, sample_variance), running_var_unbiased),
        (m >= 2,),
        predicts="running_var_unbiased",
    )
    yield Control(
        "the exponent off by one",
        Eq(average(T + 1), (1 - alpha) * average(T) + alpha * (1 - alpha) * b[T + 1]),
    )
    yield Control(
        "the weights swapped", Eq(average(T + 1), alpha * average(T) + (1 - alpha) * b[T + 1])
    )
    yield Control("the weights sum to 1", Eq(weights, 1), common=True)
    yield Control(
        "Bessel's factor dropped",
        Eq(running_average(v_r, sample_variance), running_var_biased),
        (m >= 2,),
    )


@theorem(
    source="documentation of PyTorch (new weight) and Keras, Flax, ONNX, Paddle (old weight)",
    uses=("ema-closed-form",),
)
def momentum_conventions() -> Iterator[Item]:
    """A momentum that weighs the new value by alpha (PyTorch, MLX, tinygrad) and one that weighs
    the old value by rho = 1 - alpha (Keras, Flax, ONNX, Paddle) are the same recurrence."""
    rho = Symbol("rho", real=True)
    old, new = Symbol("r_old", real=True), Symbol("b_new", real=True)
    # what a user has to do who takes a value of momentum from one framework to the other
    converted = (Eq(rho, 1 - alpha),)
    by_old = rho * old + (1 - rho) * new
    yield Assertion("the same recurrence", Eq(running_average(old, new), by_old), converted)
    yield Derivation(
        "as a step towards the new value",
        running_average(old, new),
        (
            Line("distribute", old - alpha * old + alpha * new, "(1 - alpha) r = r - alpha r"),
            Line("collect", old + alpha * (new - old), "a step of length alpha from r towards b"),
        ),
    )
    yield Control(
        "the same number handed to both",
        Eq(running_average(old, new), by_old),
        (Eq(rho, alpha),),
        common=True,
    )


@theorem(
    source="documentation of PyTorch: momentum=None; the recursive mean", uses=("ema-closed-form",)
)
def cumulative() -> Iterator[Item]:
    """With momentum 1/t in step t (PyTorch's momentum=None) the running statistic is the plain mean
    of the batch statistics, and the value it started from is forgotten."""
    # T >= 1: the first step has momentum 1, so b_1 replaces the start, and no r_0 is left
    t, T = Symbol("t", integer=True, positive=True), Symbol("T", integer=True, positive=True)
    b = IndexedBase("b", real=True)

    def step(T: Expr, r: Expr) -> Expr:
        """From the mean of T values to that of T + 1, with momentum ``1/(T + 1)``."""
        return (1 - 1 / (T + 1)) * r + b[T + 1] / (T + 1)

    def mean(T: Expr) -> Expr:
        """``(1/T) sum_t b_t``."""
        return Sum(b[t], (t, 1, T)) / T

    yield Recurrence("the plain mean", T, b[1], step, mean)
    yield Control(
        "momentum 1/t counted from 0", Eq((1 - 1 / T) * mean(T) + b[T + 1] / T, mean(T + 1))
    )
    yield Control(
        "a constant momentum gives the mean too",
        Eq(running_average(mean(T), b[T + 1]), mean(T + 1)),
        common=True,
    )


@theorem(source="Bessel's correction; expectation of power sums of uncorrelated values")
def bessel() -> Iterator[Item]:
    """For uncorrelated values of equal mean and (finite) variance E[v] = (m - 1)/m sigma^2 for
    every m; for m >= 2 the factor m/(m - 1) makes it unbiased."""
    # All of these use E[x_a x_b] = M^2 + sigma^2 delta_ab and no more: independence is not needed.
    yield Assertion("the batch mean is unbiased", Eq(E(mu, M, sigma), M))
    yield Assertion("its spread", Eq(E((mu - M) ** 2, M, sigma), sigma**2 / m))
    yield Assertion("the biased variance", Eq(E(v, M, sigma), (m - 1) / m * sigma**2))
    # m >= 2: one value says nothing about the spread
    yield Assertion("with Bessel's factor", Eq(E(m / (m - 1) * v, M, sigma), sigma**2), (m >= 2,))
    yield Control("v is unbiased", Eq(E(v, M, sigma), sigma**2), common=True)
    yield Control("the factor upside down", Eq(E(v, M, sigma), m / (m - 1) * sigma**2), (m >= 2,))
    yield Control("the mean squared is unbiased", Eq(E(mu**2, M, sigma), M**2))


@theorem(source="bessel and ema-closed-form, combined", uses=("bessel", "ema-closed-form"))
def biased_running_gap() -> Iterator[Item]:
    """Tracking the biased v of i.i.d. values: E r_T = (1 - alpha)^T r_0 + (1 - (1 - alpha)^T) (m -
    1)/m sigma^2. For 0 < alpha < 2 it tends to (m - 1)/m sigma^2, and with eps = 0 and mu_r = E x
    the inference variance is then gamma^2 m/(m - 1)."""
    expected = (m - 1) / m * sigma**2
    # |1 - alpha| < 1, so that the start is forgotten
    settles = (alpha > 0, alpha < 2)
    yield Assertion(
        "one batch contributes",
        Eq(E(running_average(v_r, v), M, sigma), running_average(v_r, expected)),
    )
    yield Recurrence(
        "the expected running variance",
        T,
        r_0,
        lambda T, r: running_average(r, expected),
        lambda T: (1 - alpha) ** T * r_0 + (1 - (1 - alpha) ** T) * expected,
    )
    yield Assertion(
        "in the limit", Eq(Limit(kept * r_0 + (1 - kept) * expected, T, oo), expected), settles
    )
    # the output less beta, squared, for a new value x_i and statistics that have settled at
    # mu_r = M and v_r = expected
    output = (gamma * (x[i] - M) / s_r) ** 2
    settled = (Eq(v_r, expected), Eq(eps, 0))
    yield Assertion(
        "eps = 0: the inference variance", Eq(E(output, M, sigma), gamma**2 * m / (m - 1)), settled
    )
    yield Control(
        "the limit is sigma^2",
        Eq(Limit(kept * r_0 + (1 - kept) * expected, T, oo), sigma**2),
        settles,
        common=True,
    )
    yield Control(
        "the inference variance is gamma^2", Eq(E(output, M, sigma), gamma**2), settled, common=True
    )
    yield Control("the start is never forgotten", Eq(Limit(kept * r_0, T, oo), r_0), settles)


@theorem(source="ema-closed-form for equal batches", uses=("ema-closed-form", "train-eval-gap"))
def repeated_batch() -> Iterator[Item]:
    """The same batch for ever: the biased running variance tends to v, so training and inference
    agree in the end; with Bessel's factor it tends to m v/(m - 1), and they never do (for v > 0,
    gamma != 0)."""
    settles = (alpha > 0, alpha < 2)

    def track(new: Expr) -> Expr:
        """The running statistic after T steps towards one and the same value."""
        return kept * r_0 + (1 - kept) * new

    unbiased = m / (m - 1) * v
    yield Recurrence(
        "tracking b for ever",
        T,
        r_0,
        lambda T, r: running_average(r, v),
        lambda T: (1 - alpha) ** T * r_0 + (1 - (1 - alpha) ** T) * v,
    )
    yield Assertion("the biased limit", Eq(Limit(track(v), T, oo), v), settles)
    yield Assertion(
        "the limit with Bessel's factor",
        Eq(Limit(track(unbiased), T, oo), unbiased),
        (m >= 2, *settles),
    )
    yield Assertion("the running mean", Eq(Limit(track(mu), T, oo), mu), settles)
    # the limits, put in as conditions: mu_r and v_r are what the recurrence tends to
    agree = (Eq(mu_r, mu), Eq(v_r, v))
    yield Assertion("biased: training and inference agree", Eq(y(i), infer_y(i)), agree)
    # m v/(m - 1) is v + v/(m - 1). So inference with Bessel's factor is training with a larger eps,
    # and its s, called longer here, is the larger one.
    wide = v / (m - 1)
    longer, shorter = Batch(x.__getitem__, eps=eps + wide).std, s
    yield Assertion(
        "with Bessel's factor 1/s stays above 1/s_r",
        Gt(1 / shorter, 1 / longer),
        (v > 0,),
        by=Remainder(wide / (shorter * longer * (shorter + longer))),
    )
    # 1/s - 1/s_r without a difference of roots, by ``(a - b)(a + b) = a^2 - b^2``
    apart = wide / (shorter * longer * (shorter + longer))
    yield Assertion(
        "so the outputs differ: the sum of their squared differences",
        Gt(Sum((gamma * (x[i] - mu) * (1 / shorter - 1 / longer)) ** 2, (i, 1, m)), 0),
        (Ne(gamma, 0), v > 0),
        by=Remainder(gamma**2 * m * v * apart**2),
    )
    yield Control(
        "with Bessel's factor they agree too",
        Eq(y(i), infer_y(i)),
        (Eq(mu_r, mu), Eq(v_r, unbiased), m >= 2),
        common=True,
    )
    yield Control("Bessel's limit is v", Eq(Limit(track(unbiased), T, oo), v), (m >= 2, *settles))


@theorem(source="the law of total variance; Chan, Golub and LeVeque 1979, for K parts")
def total_variance() -> Iterator[Item]:
    """A batch split over K workers of sizes n_k: v = sum_k n_k/n (v_k + (mu_k - mu)^2). Averaging
    the v_k misses the spread of the workers' means, so synchronised batch normalisation has to
    exchange means too."""
    K = Symbol("K", integer=True, positive=True)
    # u[k, i] is value i of worker k, who has n[k] of them; workers may have different sizes
    n, u = IndexedBase("n", integer=True, positive=True), IndexedBase("u", real=True)
    size = Sum(n[k], (k, 1, K))

    def sum_everywhere(summand: Expr) -> Expr:
        """The sum over every entry u[k, i] of every worker."""
        return Sum(summand, (i, 1, n[k]), (k, 1, K))

    def mean(k: Expr) -> Expr:
        """The mean of worker k."""
        return Sum(u[k, i], (i, 1, n[k])) / n[k]

    def variance(k: Expr) -> Expr:
        """The biased variance of worker k about its own mean."""
        return Sum((u[k, i] - mean(k)) ** 2, (i, 1, n[k])) / n[k]

    whole_mean = sum_everywhere(u[k, i]) / size
    whole = sum_everywhere((u[k, i] - whole_mean) ** 2) / size
    # the two parts: the mean of the variances, and the variance of the means, both weighted by size
    within = Sum(n[k] * variance(k), (k, 1, K)) / size
    between = Sum(n[k] * (mean(k) - whole_mean) ** 2, (k, 1, K)) / size
    yield Assertion("the mean", Eq(whole_mean, Sum(n[k] * mean(k), (k, 1, K)) / size))
    yield Assertion(
        "the variance",
        Eq(whole, Sum(n[k] * (variance(k) + (mean(k) - whole_mean) ** 2), (k, 1, K)) / size),
    )
    yield Assertion(
        "averaging the workers' variances never gives too much",
        Ge(whole, within),
        by=Remainder(between),
    )
    yield Control("the average of the workers' variances", Eq(whole, within), common=True)
    yield Control(
        "workers weighted equally",
        Eq(whole, Sum(variance(k) + (mean(k) - whole_mean) ** 2, (k, 1, K)) / K),
    )
    yield Control(
        "the mean of the workers' means", Eq(whole_mean, Sum(mean(k), (k, 1, K)) / K), common=True
    )


@theorem(source="Algorithm 2: inference uses constants", uses=("inference-collapse",))
def frozen() -> Iterator[Item]:
    """Inference is batch-independent: one sample's output does not depend on the others, and
    neither does its gradient."""
    alive = (v_r + eps > 0,)
    h = Symbol("h", real=True)
    # the batch with h added to entry k alone
    changed = Batch(lambda r: x[r] + h * KroneckerDelta(r, k))
    slope = gamma_inference * h * KroneckerDelta(i, k)
    yield Assertion(
        "changing x_k changes y_k alone", Eq(inference(changed.entry(i)), infer_y(i) + slope), alive
    )
    yield Relation(
        "inference-shift",
        "at inference a shift of the input passes through: gamma/s_r c",
        lambda infer_y, infer_y_shifted: Eq(
            infer_y_shifted(i), infer_y(i) + gamma_inference * shift_by
        ),
        alive,
        {"infer_y_shifted": Observed("infer_y", x=lambda r: x[r] + shift_by)},
    )
    yield Control(
        "so it is in training",
        Eq(changed.y(i), y(i) + gamma / s * h * KroneckerDelta(i, k)),
        common=True,
    )
    yield Control(
        "one sample's training output does not depend on another",
        Eq(Derivative(xhat(i), x[k]), KroneckerDelta(i, k) / s),
    )
