"""Chapter 5: running statistics and inference."""

from __future__ import annotations

from collections.abc import Iterator

from sympy import Expr, IndexedBase, Integer, Ne, Sum, Symbol

from bnproof.symbolic.setting import eps, gamma, i, j, m, mu, v, x, y
from bnproof.theorems.book import Claim, Control, Corollary, Derivation, Eq, Item, Line, theorem
from bnproof.theorems.quantities import (
    alpha,
    beta_collapsed,
    beta_inference,
    gamma_collapsed,
    gamma_inference,
    infer_y,
    mu_r,
    running,
    running_mean,
    running_var_biased,
    running_var_unbiased,
    v_r,
)

PAPER = "Ioffe and Szegedy 2015, arXiv:1502.03167"


@theorem(source="Algorithms 1 and 2 of the paper, subtracted")
def train_eval_gap() -> Iterator[Item]:
    """Training and inference output of the same batch differ by an affine function of x; the gap is 0 at every entry of
    a batch with v > 0 only if gamma = 0, or the batch's mean and variance equal the running ones."""
    alive = v_r + eps > 0
    slope, offset = gamma_collapsed - gamma_inference, beta_collapsed - beta_inference
    yield Claim("the gap", Eq(y(i) - infer_y(i), slope * x[i] + offset), (alive,))
    gap = y(j) - infer_y(j)
    yield Claim("its slope shows", Eq(Sum((x[j] - mu) * gap, (j, 1, m)), m * v * slope), (alive,))
    yield Claim("its offset shows", Eq(Sum(gap, (j, 1, m)), m * (slope * mu + offset)), (alive,))
    no_slope, no_offset = Eq(slope, 0), Eq(slope * mu + offset, 0)
    yield Claim("no gap, gamma != 0: equal variances", Eq(v, v_r), (no_slope, Ne(gamma, 0), alive))
    yield Claim("and equal means", Eq(mu, mu_r), (no_slope, no_offset, Ne(gamma, 0), alive))
    yield Corollary("gamma = 0: no gap", Eq(y(i), infer_y(i)), (Eq(gamma, 0), alive))
    yield Control("no gap in general", Eq(y(i), infer_y(i)), (alive,), common=True)
    yield Control("equal means are enough", Eq(y(i), infer_y(i)), (Eq(mu_r, mu), alive))
    yield Control("equal variances are enough", Eq(y(i), infer_y(i)), (Eq(v_r, v), alive))


@theorem(source=f"{PAPER}, section 3.1 (moving averages); induction")
def ema_closed_form() -> Iterator[Item]:
    """r_t = (1 - alpha) r_(t-1) + alpha b_t for t = 1..T gives r_T = (1 - alpha)^T r_0 + alpha sum_t (1 - alpha)^(T-t) b_t
    (with 0^0 = 1): proved by induction on T, base and step."""
    T = Symbol("T", integer=True, nonnegative=True)
    t = Symbol("t", integer=True, positive=True)
    r0, b = Symbol("r_0", real=True), IndexedBase("b", real=True)

    def average(steps: Expr) -> Expr:
        return (1 - alpha) ** steps * r0 + alpha * Sum((1 - alpha) ** (steps - t) * b[t], (t, 1, steps))

    def weights(steps: Expr) -> Expr:
        return alpha * Sum((1 - alpha) ** (steps - t), (t, 1, steps))

    yield Claim("induction, base: T = 0", Eq(average(Integer(0)), r0))
    yield Claim("induction, step: T to T + 1", Eq(average(T + 1), (1 - alpha) * average(T) + alpha * b[T + 1]))
    yield Claim("the weights of the batches, base", Eq(weights(Integer(0)), 1 - (1 - alpha) ** 0))
    yield Claim(
        "the weights of the batches, step (they sum to 1 - (1 - alpha)^T)",
        Eq((1 - alpha) * weights(T) + alpha, weights(T + 1)),
    )
    yield Claim(
        "and so does the closed form", Eq((1 - alpha) * (1 - (1 - alpha) ** T) + alpha, 1 - (1 - alpha) ** (T + 1))
    )
    yield Claim("one step of the running mean", Eq(mu_r + alpha * (mu - mu_r), running_mean), predicts="running_mean")
    yield Claim(
        "one step of the running variance, biased",
        Eq(v_r + alpha * (v - v_r), running_var_biased),
        predicts="running_var_biased",
    )
    sample_variance = Sum((x[j] - mu) ** 2, (j, 1, m)) / (m - 1)
    yield Claim(
        "one step of the running variance, with Bessel's factor m/(m - 1)",
        Eq(running(v_r, sample_variance), running_var_unbiased),
        (m >= 2,),
        predicts="running_var_unbiased",
    )
    yield Control(
        "the exponent off by one", Eq(average(T + 1), (1 - alpha) * average(T) + alpha * (1 - alpha) * b[T + 1])
    )
    yield Control("the weights swapped", Eq(average(T + 1), alpha * average(T) + (1 - alpha) * b[T + 1]))
    yield Control("the weights sum to 1", Eq(weights(T + 1), 1), common=True)
    yield Control("Bessel's factor dropped", Eq(running(v_r, sample_variance), running_var_biased), (m >= 2,))


@theorem(source="documentation of PyTorch (new weight) and Keras, Flax, ONNX, Paddle (old weight)")
def momentum_conventions() -> Iterator[Item]:
    """A momentum that weighs the new value by alpha (PyTorch, MLX, tinygrad) and one that weighs the old value by
    rho = 1 - alpha (Keras, Flax, ONNX, Paddle) are the same recurrence."""
    rho = Symbol("rho", real=True)
    old, new = Symbol("r_old", real=True), Symbol("b_new", real=True)
    converted = (Eq(rho, 1 - alpha),)
    by_old = rho * old + (1 - rho) * new
    yield Claim("the same recurrence", Eq(running(old, new), by_old), converted)
    yield Derivation(
        "as a step towards the new value",
        running(old, new),
        (
            Line("distribute", old - alpha * old + alpha * new, "(1 - alpha) r = r - alpha r"),
            Line("collect", old + alpha * (new - old), "a step of length alpha from r towards b"),
        ),
    )
    yield Control("the same number handed to both", Eq(running(old, new), by_old), (Eq(rho, alpha),), common=True)
