"""The first answer on the values themselves: near 0 or not, the sigmoid, many factors, the shape.

Here the question is how normalised values are distributed. The theorems output-moments, chebyshev
and samuelson bound it, and clt-cumulants and shape-kept say what batch normalisation does to the
shape of a distribution.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sympy import sqrt

from bnproof.contract import Array
from bnproof.datasets import compute_activations, load_pixels
from bnproof.experiments.demonstrations import Number, demonstration
from bnproof.experiments.demonstrations.material import (
    HIDDEN,
    IMAGES,
    Material,
    evaluate,
    max_magnitude,
    moment,
    normalise,
    q,
    root_mean_square,
)
from bnproof.symbolic.setting import m, v


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
    yield Number(
        "BN, then a linear layer: largest change when the layer absorbs gamma and beta",
        max_magnitude(direct),
    )
    # Through ReLU gamma is taken out as a factor, and beta stays inside as beta/gamma.
    for says, signed in (("gamma > 0", np.abs(scale)), ("gamma of either sign", scale)):
        kept = np.maximum(normalise(data.hidden, signed, offset), 0) @ following.T
        absorbed = np.maximum(plain + offset / signed, 0) @ (following * signed).T
        yield Number(
            f"BN, ReLU, linear layer, {says}: largest change when it absorbs gamma",
            max_magnitude(kept - absorbed),
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
    yield Number("largest |sigmoid(xhat) - xhat| for |xhat| <= 0.5", max_magnitude(sigmoid - near))
    yield Number(
        "largest |sigmoid(xhat) - (1/2 + xhat/4)| for the same values",
        max_magnitude(sigmoid - (0.5 + near / 4)),
    )
    yield Number("largest |xhat|^3/48, the proved bound of that", max_magnitude(near**3 / 48))
    yield Number(
        "largest |tanh(xhat) - xhat| for the same values", max_magnitude(np.tanh(near) - near)
    )


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
    yield Number(
        "largest change of the skewness by BN", max_magnitude(moment(after, 3) - moment(before, 3))
    )
    yield Number(
        "largest change of the kurtosis by BN", max_magnitude(moment(after, 4) - moment(before, 4))
    )
    yield Number(
        "largest |skewness| after BN (0 for a normal distribution)", max_magnitude(moment(after, 3))
    )
    yield Number("largest kurtosis after BN (3 for a normal distribution)", moment(after, 4).max())
    # Pixels are far from normal, so the contrast is larger there.
    pixels = normalise(data.varying)
    yield Number("the same for the raw pixels that vary", moment(pixels, 4).max())
