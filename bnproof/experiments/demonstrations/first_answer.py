"""The first answer: invariance under scaling, what gamma and beta are for, and the values
themselves.

On invariance each demonstration computes the two sides of a theorem on the hidden activations of
the digits. It shows how far apart they are where the theorem applies, and how far where one of its
conditions is broken.

From :func:`not_mostly_near_zero` on the question is how normalised values are distributed: near 0
or not, the sigmoid, many factors, the shape. The theorems output-moments, chebyshev and samuelson
bound it, and clt-cumulants and shape-kept say what batch normalisation does to the shape of a
distribution.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sympy import sqrt

from bnproof.contract import Array
from bnproof.datasets import compute_activations, load_pixels
from bnproof.experiments.demonstrations import Number, demonstration, largest
from bnproof.experiments.demonstrations.layer import descend, layer_gradients
from bnproof.experiments.demonstrations.material import (
    ALPHA,
    BATCH,
    BRIGHTEST,
    EPS,
    HIDDEN,
    HIDDEN_SMALL,
    IMAGES,
    LAYER,
    SMALL,
    Material,
    evaluate,
    infer,
    max_magnitude,
    moment,
    normalise,
    q,
    root_mean_square,
    track,
)
from bnproof.symbolic.setting import beta, eps, gamma, i, m, s, v, x, xhat
from bnproof.theorems.closed_forms import alpha, dgamma, s_r, scale_by, shift_by

# UP is no power of two, because scaling by one would be exact in floating point and show nothing.
# DOWN brings v near eps, where eps matters.
UP, DOWN = 3.0, 0.01
AFTER = 10  # batches until a jump of the bias is looked at again


def compare_scaled(
    x: Array, factors: tuple[float, ...], eps: float, *pair: Array
) -> Iterator[Number]:
    """How far ``BN(a x)`` is from ``BN(x)``, for each factor a, with a (gamma, beta) or without."""
    usual = normalise(x, *pair, eps=eps)
    for a in factors:
        gap = normalise(a * x, *pair, eps=eps) - usual
        yield largest(f"largest |BN({a:g} x) - BN(x)|, eps = {eps:g}", gap)


@demonstration(HIDDEN)
def scaling(data: Material) -> Iterator[Number]:
    """``BN(a x)`` against ``BN(x)``: equal for a > 0 and eps = 0, and for nothing else.

    For a < 0 the sign of gamma flips. For eps > 0 the exact law is that of the theorem scale-eps:
    scaling by a is the same as dividing eps by ``a^2``.
    """
    x = data.hidden
    # With eps = 0 the law is exact, and only rounding is left; eps = 1e-5 is what layers use.
    yield from compare_scaled(x, (UP, -UP), 0)
    yield from compare_scaled(x, (0, DOWN), EPS)
    # Both sides see the same eps relative to v, so only rounding is left.
    law = normalise(DOWN * x) - normalise(x, eps=EPS / DOWN**2)
    yield largest(
        f"the exact law: largest |BN({DOWN:g} x) - BN(x) with eps/{DOWN:g}^2|, eps = {EPS:g}", law
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
    yield largest("eps = 0: largest cosine between a row of W and its gradient", radial)


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
    yield largest(f"largest |(gamma {UP:g} x + beta) - (gamma x + beta)|", change)
    yield Number("root mean square of the same change", root_mean_square(change))
    outputs = [normalise(values, slope, offset) for values in (data.hidden, UP * data.hidden)]
    yield largest(
        f"largest |BN({UP:g} x) - BN(x)| with the same gamma, beta, eps = {EPS:g}",
        outputs[1] - outputs[0],
    )


@demonstration(HIDDEN)
def with_gamma_and_beta(data: Material) -> Iterator[Number]:
    """The same as :func:`scaling` with the gamma and beta fitted to the classes.

    They change nothing about the invariance. The last number is the proved bound of the change that
    eps leaves, ``|gamma xhat| eps/(2 v) |1 - 1/a^2|`` (theorem scale-defect).
    """
    x, (scale, offset) = data.hidden, data.fitted
    yield from compare_scaled(x, (UP, -UP), 0, scale, offset)
    # By the theorem scale-exact a < 0 gives what -gamma gives.
    mirrored = normalise(-UP * x, scale, offset, eps=0) - normalise(x, -scale, offset, eps=0)
    yield largest(f"largest |BN(-{UP:g} x) - BN(x) with -gamma|, eps = 0", mirrored)
    yield from compare_scaled(x, (DOWN,), EPS, scale, offset)
    bound = evaluate(
        gamma * xhat(i) * eps / (2 * v) * (1 - 1 / scale_by**2), i, x=x, gamma=scale, a=DOWN
    )
    yield largest("the proved bound of that, largest", bound)


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
    yield largest(
        "training mode: largest change of the output when the bias jumps by a standard deviation",
        gap,
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
        yield largest(
            f"inference, {steps} batches after the jump: largest change of the output", change
        )
    yield Number("largest distance of those changes from gamma c (1 - alpha)^T/s_r", max(misses))


@demonstration(HIDDEN)
def not_mostly_near_zero(data: Material) -> Iterator[Number]:
    """How large normalised values are, between the proved bounds.

    The last two numbers are a measured share over Chebyshev's bound and a measured size over
    Samuelson's, so neither exceeds 1 by more than rounding.
    """
    # Raw pixels are the better case for the claim: many are 0 in most images.
    normalised, pixels = normalise(data.hidden), np.abs(normalise(data.varying)) <= 0.5
    yield Number("root mean square of xhat", root_mean_square(normalised))
    yield Number("share of xhat within 0.5 of 0", np.mean(np.abs(normalised) <= 0.5))
    yield Number("the same for the raw pixel that is most often near 0", pixels.mean(axis=0).max())
    # The bound q/t^2 for t = 2.
    beyond = (np.abs(normalised) >= 2).mean(axis=0) / evaluate(q / 4, x=data.hidden)
    yield Number("share with |xhat| >= 2 over Chebyshev's bound q/4, largest", beyond.max())
    # By feature, since q differs from feature to feature.
    extreme = np.abs(normalised).max(axis=0) / evaluate(sqrt((m - 1) * q), x=data.hidden)
    yield Number("largest |xhat| over Samuelson's bound sqrt((m - 1) q)", extreme.max())


@demonstration(HIDDEN)
def not_a_must(data: Material) -> Iterator[Number]:
    """gamma and beta folded into a linear layer that follows, directly and through ReLU.

    ``W (gamma xhat + beta) + b`` is the linear layer ``(W gamma) xhat + (b + W beta)``. ReLU
    commutes with a positive factor alone, so through it only gamma > 0 can be absorbed (theorem
    affine-absorbed).
    """
    scale, offset = data.fitted
    random = data.random
    following, b = random.normal(size=(10, len(scale))), random.normal(size=10)
    plain, outputs = normalise(data.hidden), normalise(data.hidden, scale, offset)
    direct = outputs @ following.T + b - (plain @ (following * scale).T + (b + following @ offset))
    yield largest(
        "BN, then a linear layer: largest change when the layer absorbs gamma and beta", direct
    )
    # Through ReLU gamma is taken out as a factor, and beta stays inside as beta/gamma.
    for says, signed in (("gamma > 0", np.abs(scale)), ("gamma of either sign", scale)):
        kept = np.maximum(normalise(data.hidden, signed, offset), 0) @ following.T
        absorbed = np.maximum(plain + offset / signed, 0) @ (following * signed).T
        yield largest(
            f"BN, ReLU, linear layer, {says}: largest change when it absorbs gamma", kept - absorbed
        )


@demonstration(HIDDEN)
def sigmoid_near_zero(data: Material) -> Iterator[Number]:
    """The sigmoid and tanh on the normalised values near 0, against the identity and their
    tangents.

    The theorem sigmoid-near-zero bounds the distance from the tangent ``1/2 + z/4`` by
    ``|z|^3/48``.
    """
    normalised = normalise(data.hidden)
    # Where a sigmoid is said to be linear; further out there is nothing to compare.
    near = normalised[np.abs(normalised) <= 0.5]
    sigmoid, smallest = 1 / (1 + np.exp(-near)), np.abs(near).argmin()
    yield Number("sigmoid of the normalised value nearest 0", sigmoid[smallest])
    yield largest("largest |sigmoid(xhat) - xhat| for |xhat| <= 0.5", sigmoid - near)
    yield largest(
        "largest |sigmoid(xhat) - (1/2 + xhat/4)| for the same values", sigmoid - (0.5 + near / 4)
    )
    yield largest("largest |xhat|^3/48, the proved bound of that", near**3 / 48)
    yield largest("largest |tanh(xhat) - xhat| for the same values", np.tanh(near) - near)


def excess_kurtosis(values: Array) -> Array:
    """The standardised fourth cumulant (excess kurtosis) of each feature, ``m_4/v^2 - 3``.

    It is 0 for a normal distribution and never below -2, where half of the values lie on each of
    two points.

    Parameters
    ----------
    values : array of shape (m, features)
        No feature may be constant.

    Returns
    -------
    array of shape (features,)
        In float64.
    """
    return moment(values, 4) - 3


@demonstration(IMAGES)
def many_factors(data: Material) -> Iterator[Number]:
    """Fourth standardised cumulant of one pixel and of ``W u``, a sum over all pixels.

    For independent terms the cumulant of a weighted sum is ``sum_j w_j^4 k_j/(sum_j w_j^2)^2``,
    with weights in units of the pixels' standard deviations (theorem clt-cumulants). Real pixels
    are correlated, so the prediction is a guide only, and the pixels are shuffled to see it hold.
    Adding b does not change a cumulant of order two or more.
    """
    # A constant pixel has no standardised cumulant.
    pixels = load_pixels()[:, np.ptp(load_pixels(), axis=0) > 0]
    random = data.random
    # Each column by itself, so that single pixels keep their distribution and lose their
    # correlation.
    weight, shuffled = random.normal(size=(32, pixels.shape[1])), random.permuted(pixels, axis=0)
    # w_j^2 v_j, the variance that pixel j contributes.
    strength = weight**2 * evaluate(v, x=pixels)
    predicted = (strength**2 * excess_kurtosis(pixels)).sum(axis=1) / strength.sum(axis=1) ** 2
    # The standard error of a normal sample's kurtosis.
    noise = np.sqrt(24 / len(pixels))
    for says, cumulants in (
        ("one term, weight times pixel", excess_kurtosis(pixels)),
        ("W u, 32 units with random weights", excess_kurtosis(pixels @ weight.T)),
        (
            "W u, were the pixels independent (a guide only: they are correlated), predicted",
            predicted,
        ),
        (
            (
                "W u, each pixel shuffled among the images, so independent (sampling error"
                f" {noise:.2g})"
            ),
            excess_kurtosis(shuffled @ weight.T),
        ),
        ("W u + b, 32 units after training", excess_kurtosis(compute_activations())),
    ):
        yield Number(f"median |excess kurtosis|: {says}", np.median(np.abs(cumulants)))


@demonstration(HIDDEN)
def shape_kept(data: Material) -> Iterator[Number]:
    """Skewness and kurtosis before and after: batch normalisation leaves the shape as it is.

    It is an increasing affine map of one batch, so standardised moments stay (theorem shape-kept).
    Those of real features are not those of a normal distribution, neither before nor after.
    """
    before, after = data.hidden, normalise(data.hidden)
    yield largest("largest change of the skewness by BN", moment(after, 3) - moment(before, 3))
    yield largest("largest change of the kurtosis by BN", moment(after, 4) - moment(before, 4))
    yield largest("largest |skewness| after BN (0 for a normal distribution)", moment(after, 3))
    yield Number("largest kurtosis after BN (3 for a normal distribution)", moment(after, 4).max())
    # Pixels are far from normal, so the contrast is larger there.
    pixels = normalise(data.varying)
    yield Number("the same for the raw pixels that vary", moment(pixels, 4).max())
