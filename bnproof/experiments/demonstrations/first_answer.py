"""The first answer: invariance under scaling, and what gamma and beta are for.

Each demonstration computes the two sides of a theorem on the hidden activations of the digits. It
shows how far apart they are where the theorem applies, and how far where one of its conditions is
broken.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnproof.experiments.demonstrations import Number, demonstration
from bnproof.experiments.demonstrations.layer import descend, layer_gradients
from bnproof.experiments.demonstrations.material import (
    ALPHA,
    BATCH,
    BRIGHTEST,
    EPS,
    HIDDEN,
    HIDDEN_SMALL,
    LAYER,
    SMALL,
    Material,
    evaluate,
    infer,
    max_magnitude,
    normalise,
    root_mean_square,
    track,
)
from bnproof.symbolic.setting import beta, eps, gamma, i, s, v, x, xhat
from bnproof.theorems.closed_forms import alpha, dgamma, s_r, scale_by, shift_by

# UP is no power of two, because scaling by one would be exact in floating point and show nothing.
# DOWN brings v near eps, where eps matters.
UP, DOWN = 3.0, 0.01
AFTER = 10  # batches until a jump of the bias is looked at again


@demonstration(HIDDEN)
def scaling(data: Material) -> Iterator[Number]:
    """``BN(a x)`` against ``BN(x)``: equal for a > 0 and eps = 0, and for nothing else.

    For a < 0 the sign of gamma flips. For eps > 0 the exact law is that of the theorem scale-eps:
    scaling by a is the same as dividing eps by ``a^2``.
    """
    # With eps = 0 the law is exact, and only rounding is left; eps = 1e-5 is what layers use.
    x, exact, usual = data.hidden, normalise(data.hidden, eps=0), normalise(data.hidden)
    yield Number(
        f"largest |BN({UP:g} x) - BN(x)|, eps = 0", max_magnitude(normalise(UP * x, eps=0) - exact)
    )
    yield Number(
        f"largest |BN(-{UP:g} x) - BN(x)|, eps = 0",
        max_magnitude(normalise(-UP * x, eps=0) - exact),
    )
    yield Number(
        f"largest |BN(0 x) - BN(x)|, eps = {EPS:g}", max_magnitude(normalise(0 * x) - usual)
    )
    yield Number(
        f"largest |BN({DOWN:g} x) - BN(x)|, eps = {EPS:g}",
        max_magnitude(normalise(DOWN * x) - usual),
    )
    # Both sides see the same eps relative to v, so only rounding is left.
    law = normalise(DOWN * x) - normalise(x, eps=EPS / DOWN**2)
    yield Number(
        f"the exact law: largest |BN({DOWN:g} x) - BN(x) with eps/{DOWN:g}^2|, eps = {EPS:g}",
        max_magnitude(law),
    )


@demonstration(LAYER)
def propagated_error(data: Material) -> Iterator[Number]:
    """The gradients for the input u and for the weight W of ``BN(W u)`` when W is scaled.

    By the theorem layer-scale-gradients, with eps = 0, the first does not change and the second is
    divided by the scale. A row of W and its gradient are orthogonal (theorem euler), which the
    cosine shows.
    """
    W, norm = data.weight, np.linalg.norm
    # eps = 0 for the exact statement, EPS for how far usual layers are from it.
    du, dW = layer_gradients(data, W, 0)
    du_up, dW_up = layer_gradients(data, UP * W, 0)
    du_usual, _ = layer_gradients(data, W, EPS)
    du_down, _ = layer_gradients(data, DOWN * W, EPS)
    yield Number(f"W -> {UP:g} W, eps = 0: relative change of dL/du", norm(du_up - du) / norm(du))
    yield Number(f"W -> {UP:g} W, eps = 0: |dL/dW| after/before", norm(dW_up) / norm(dW))
    yield Number(
        f"W -> {DOWN:g} W, eps = {EPS:g}: relative change of dL/du",
        norm(du_down - du_usual) / norm(du_usual),
    )
    # The cosine of each row of W with its gradient.
    radial = (W * dW).sum(axis=1) / (norm(W, axis=1) * norm(dW, axis=1))
    yield Number(
        "eps = 0: largest cosine between a row of W and its gradient", max_magnitude(radial)
    )


@demonstration(
    f"digits, pixels/{BRIGHTEST} through a linear layer, one epoch of batches of {BATCH}"
)
def no_explosion(data: Material, rate: float = 10.0) -> Iterator[Number]:
    """Growth of the weights at a high learning rate, with and without normalising, and the proved
    growth law.

    The law is that of the theorem weight-norm-growth, with its eps term, checked after every step.
    """
    # |W| as one Frobenius norm over all rows; the law is checked row by row.
    start, one, law = np.linalg.norm(data.weight), np.ones(len(data.weight)), 0.0
    for step in descend(data, rate, normalising=True):
        # <W, dL/dW> of each row, by the theorem euler.
        radial = evaluate(gamma * eps / s**2 * dgamma, x=step.x, g=step.g, gamma=one)
        before, moved, after = (
            np.sum(a**2, axis=1) for a in (step.before, rate * step.gradient, step.after)
        )
        # The relative distance of |W'|^2 from the law: a ratio minus 1.
        law = max(law, max_magnitude(after / (before - 2 * rate * radial + moved) - 1))
    yield Number(
        f"BN(W u), rate {rate:g}: |W| after/before the epoch", np.linalg.norm(step.after) / start
    )
    yield Number(
        "BN(W u): largest relative distance of a row's |W|^2 from the proved growth law", law
    )
    yield Number(
        "BN(W u): root mean square of the outputs at the last step",
        root_mean_square(normalise(step.x)),
    )
    # Only the last step is looked at: without normalising there is no law to check.
    *_, step = descend(data, rate, normalising=False)
    yield Number(
        f"W u alone, rate {rate:g}: |W| after/before the epoch", np.linalg.norm(step.after) / start
    )
    yield Number(
        "W u alone: root mean square of the outputs at the last step", root_mean_square(step.x)
    )


@demonstration(HIDDEN)
def plain_affine(data: Material) -> Iterator[Number]:
    """A plain affine map sees every scale; batch normalisation with the same gamma, beta does not.

    See the theorem affine-not-invariant.
    """
    slope, offset = data.fitted
    change = evaluate(
        gamma * (scale_by * x[i]) + beta - (gamma * x[i] + beta),
        i,
        x=data.hidden,
        gamma=slope,
        beta=offset,
        a=UP,
    )
    yield Number(f"largest |(gamma {UP:g} x + beta) - (gamma x + beta)|", max_magnitude(change))
    yield Number("root mean square of the same change", root_mean_square(change))
    outputs = [normalise(values, slope, offset) for values in (data.hidden, UP * data.hidden)]
    yield Number(
        f"largest |BN({UP:g} x) - BN(x)| with the same gamma, beta, eps = {EPS:g}",
        max_magnitude(outputs[1] - outputs[0]),
    )


@demonstration(HIDDEN)
def with_gamma_and_beta(data: Material) -> Iterator[Number]:
    """The same as :func:`scaling` with the gamma and beta fitted to the classes.

    They change nothing about the invariance. The last number is the proved bound of the change that
    eps leaves, ``|gamma xhat| eps/(2 v) |1 - 1/a^2|`` (theorem scale-defect).
    """
    x, (scale, offset) = data.hidden, data.fitted
    exact, usual = normalise(x, scale, offset, eps=0), normalise(x, scale, offset)
    up, down = normalise(UP * x, scale, offset, eps=0), normalise(-UP * x, scale, offset, eps=0)
    yield Number(f"largest |BN({UP:g} x) - BN(x)|, eps = 0", max_magnitude(up - exact))
    yield Number(f"largest |BN(-{UP:g} x) - BN(x)|, eps = 0", max_magnitude(down - exact))
    # By the theorem scale-exact a < 0 gives what -gamma gives.
    mirrored = normalise(x, -scale, offset, eps=0)
    yield Number(
        f"largest |BN(-{UP:g} x) - BN(x) with -gamma|, eps = 0", max_magnitude(down - mirrored)
    )
    shrunk = normalise(DOWN * x, scale, offset) - usual
    yield Number(f"largest |BN({DOWN:g} x) - BN(x)|, eps = {EPS:g}", max_magnitude(shrunk))
    bound = evaluate(
        gamma * xhat(i) * eps / (2 * v) * (1 - 1 / scale_by**2), i, x=x, gamma=scale, a=DOWN
    )
    yield Number("the proved bound of that, largest", max_magnitude(bound))


@demonstration(HIDDEN_SMALL)
def bias_jump(data: Material) -> Iterator[Number]:
    """A bias before BN jumps: training does not see it, inference does until the running mean has
    followed.

    After T batches ``gamma c (1 - alpha)^T/s_r`` of a jump c remains (theorem bias-at-inference).
    The last number is how far the measured change is from that.
    """
    cut, (scale, offset) = data.cut_hidden(SMALL), data.fitted
    # A standard deviation of each feature: large against the noise, small against overflow.
    jump = cut[0].std(axis=0)
    # The last batches are kept back for the time after the jump.
    seen, later = cut[:-AFTER], cut[-AFTER:]
    # Statistics that have settled, so that the jump alone moves the output.
    before = track(seen, (np.zeros(len(scale)), np.ones(len(scale))))
    gap = normalise(cut[0] + jump, scale, offset) - normalise(cut[0], scale, offset)
    yield Number(
        "training mode: largest change of the output when the bias jumps by a standard deviation",
        max_magnitude(gap),
    )
    misses = []
    # At once, where all of the jump is seen, and after some batches.
    for steps in (0, AFTER):
        # The same later batches, with and without the jump, from the same statistics.
        plain, biased = (
            track(later[:steps], before),
            track([b + jump for b in later[:steps]], before),
        )
        change = infer(cut[0] + jump, scale, offset, biased) - infer(cut[0], scale, offset, plain)
        kept = gamma * shift_by * (1 - alpha) ** steps / s_r
        predicted = evaluate(kept, gamma=scale, c=jump, alpha=ALPHA, v_r=plain[1])
        misses.append(max_magnitude(change - predicted))
        yield Number(
            f"inference, {steps} batches after the jump: largest change of the output",
            max_magnitude(change),
        )
    yield Number("largest distance of those changes from gamma c (1 - alpha)^T/s_r", max(misses))
