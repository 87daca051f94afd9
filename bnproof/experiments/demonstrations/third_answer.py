"""The third answer: ellipses and circles, one pair for all features, and what W and b already
learn.

The picture behind this answer is a cloud of points that normalising makes round. Batch
normalisation stretches each axis by itself, so it cannot turn anything, and the correlations stay.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnproof.contract import Array
from bnproof.experiments.demonstrations import Number, demonstration, largest
from bnproof.experiments.demonstrations.material import (
    BATCH,
    HIDDEN,
    LAYER,
    PIXELS,
    Material,
    evaluate,
    fit,
    gradients,
    max_magnitude,
    normalise,
    q,
    root_mean_square,
)
from bnproof.experiments.demonstrations.question import compare_best_pair


def find_most_correlated(values: Array) -> tuple[int, int]:
    """The two different features with the largest absolute correlation, as their column numbers.

    Parameters
    ----------
    values : array of shape (m, features)
        At least two features, none of them constant.

    Returns
    -------
    tuple of two int
        The smaller number first.
    """
    # The upper triangle without the diagonal, where every feature has correlation 1 with itself.
    strength = np.abs(np.triu(np.corrcoef(values.T), k=1))
    first, second = np.unravel_index(strength.argmax(), strength.shape)
    return int(first), int(second)


def axes_ratio(values: Array) -> float:
    """Largest over smallest eigenvalue of the covariance.

    This is the squared ratio of the axes of the ellipse that the covariance describes, 1 for a
    circle.

    Parameters
    ----------
    values : array of shape (m, features)
        At least two features.

    Returns
    -------
    float
        At least 1.
    """
    low, *_, high = np.linalg.eigvalsh(np.cov(values.T))
    return float(high / low)


@demonstration(HIDDEN)
def ellipse(data: Material) -> Iterator[Number]:
    """Two correlated features before and after: the ellipse is stretched along the axes and stays
    one.

    The correlation is kept (theorem correlation-kept), so the covariance of the outputs is no
    multiple of the identity.
    """
    pair = list(find_most_correlated(data.hidden))
    before, after = data.hidden[:, pair], normalise(data.hidden)[:, pair]
    correlations = [np.corrcoef(values.T)[0, 1] for values in (before, after)]
    yield Number("correlation of the two most correlated features, before", correlations[0])
    yield Number("change of that correlation by BN", abs(correlations[1] - correlations[0]))
    yield Number("their covariance before: largest/smallest eigenvalue", axes_ratio(before))
    yield Number(
        "their covariance after, gamma = 1: largest/smallest eigenvalue (1 for a circle)",
        axes_ratio(after),
    )
    yield Number("the same for all 32 features", axes_ratio(normalise(data.hidden)))


def flat_share(values: Array) -> float:
    """Share of the values where a sigmoid's slope is below a tenth of its largest, which is 1/4."""
    sigmoid = 1 / (1 + np.exp(-values))
    return float(np.mean(10 * sigmoid * (1 - sigmoid) < 1 / 4))


@demonstration(PIXELS)
def width(data: Material) -> Iterator[Number]:
    """How much of a feature falls where a sigmoid is flat, and what gamma and beta do about it."""
    one, says = (
        np.ones(data.varying.shape[1]),
        "share where a sigmoid has less than a tenth of its largest slope",
    )
    yield Number(f"{says}: x, not normalised", flat_share(data.varying))
    yield Number(f"{says}: BN, gamma = 1, beta = 0", flat_share(normalise(data.varying)))
    yield Number(
        f"{says}: BN, gamma = 5, beta = 0 (too wide)", flat_share(normalise(data.varying, 5 * one))
    )
    yield Number(
        f"{says}: BN, gamma = 1, beta = 4 (shifted)",
        flat_share(normalise(data.varying, one, 4 * one)),
    )
    # Too narrow is seen in the spread, since a sigmoid is steepest near 0.
    narrow = np.ptp(normalise(data.varying, one / 10), axis=0)
    yield Number(
        "gamma = 1/10 (too narrow): median of largest - smallest output", np.median(narrow)
    )


@demonstration(HIDDEN)
def shared(data: Material) -> Iterator[Number]:
    """One pair for all features against a pair a feature.

    Both are asked for each feature's own mean and standard deviation. A shared pair gives all
    features the same mean and, but for eps, the same spread (theorem shared-affine).
    """
    one, mean, std = (
        np.ones(data.hidden.shape[1]),
        data.hidden.mean(axis=0),
        data.hidden.std(axis=0),
    )
    # The best shared pair in the sense of least squares is the mean of what is asked for.
    y = normalise(data.hidden, std.mean() * one, mean.mean() * one)
    yield Number(
        "one shared pair: means of the features, largest - smallest", np.ptp(y.mean(axis=0))
    )
    yield Number(
        "one shared pair: standard deviations, largest - smallest (0 but for eps)",
        np.ptp(y.std(axis=0)),
    )
    yield Number(
        "the best shared beta: root mean square miss of the features' own means",
        root_mean_square(y.mean(axis=0) - mean),
    )
    yield Number(
        "gamma = the mean of their standard deviations: root mean square miss of those",
        root_mean_square(y.std(axis=0) - std),
    )
    # t/sqrt(q) instead of t makes up for what eps takes away.
    own = normalise(data.hidden, std / np.sqrt(evaluate(q, x=data.hidden)), mean)
    miss = max(max_magnitude(own.mean(axis=0) - mean), max_magnitude(own.std(axis=0) - std))
    yield Number("a pair a feature: largest miss of means and standard deviations", miss)


@demonstration(f"digits, raw pixels that vary in the first batch, batches of {BATCH}")
def not_equivalent(data: Material) -> Iterator[Number]:
    """Learning a scale and a shift without normalising gives other functions and other steps.

    The first three numbers are about functions, as in
    :func:`bnproof.experiments.demonstrations.question.pointless` and
    :func:`bnproof.experiments.demonstrations.textbook.same_family`. The last is about gradient
    descent.
    """
    cut = data.varying_batches
    outputs = [normalise(batch) for batch in cut]
    yield from compare_best_pair(cut, outputs)
    u = data.varying - data.varying.mean(axis=0)
    combined = normalise(-u) - 3 * normalise(u) + 2 * normalise(2 * u)
    yield largest(
        "first batch, u = x - mu: largest |F(-u) - 3 F(u) + 2 F(2 u)|, 0 for an affine map",
        combined,
    )
    g, one = (outputs[0] - data.target(u.shape[1])) / BATCH, np.ones(u.shape[1])
    # (dgamma, dbeta), the step in (gamma, beta); the other change is the step in (c, d).
    _, *slopes = gradients(g, data.varying, one)
    changes = (
        slopes[0] * outputs[0] + slopes[1],
        (g * data.varying).sum(axis=0) * data.varying + g.sum(axis=0),
    )
    ratio = [np.linalg.norm(change, axis=0) for change in changes]
    yield Number(
        "first batch: change of y by a small gradient step, without/with normalising, median",
        np.median(ratio[1] / ratio[0]),
    )


@demonstration(LAYER)
def already_learnt(data: Material) -> Iterator[Number]:
    """Without normalising, an affine pair after a linear layer is one more name for its W and b.

    With normalising it is not: put into W and b, |gamma| and beta are normalised away. See the
    theorem affine-after-linear-redundant.
    """
    (inputs, wanted), random = data.layer_batches[0], data.random
    # Random values will do, because the statement is one of algebra.
    W, b, gamma, beta = data.weight, *random.normal(size=(3, len(data.weight)))
    layer = inputs @ W.T + b
    gap = gamma * layer + beta - (inputs @ (gamma[:, None] * W).T + (gamma * b + beta))
    yield largest("largest |gamma (W u + b) + beta - ((gamma W) u + (gamma b + beta))|", gap)
    extended = np.column_stack([inputs, np.ones(len(inputs))])
    # The column of ones makes b one more weight.
    best = extended @ np.linalg.lstsq(extended, wanted)[0]
    slope, offset = fit(best, wanted)
    yield largest(
        "W, b of least squared error, then gamma, beta fitted on top: largest |gamma - 1|",
        slope - 1,
    )
    yield largest("the same: largest |beta|", offset)
    # |gamma|, because with gamma < 0 the sign would be left over.
    before = normalise(np.abs(gamma) * layer + beta, eps=0) - normalise(layer, eps=0)
    yield largest(
        "|gamma| and beta in W and b before BN, eps = 0: largest change of the output", before
    )
    # The same pair where it has an effect: behind the normalisation.
    after = normalise(layer, np.abs(gamma), beta, eps=0) - normalise(layer, eps=0)
    yield largest("the same two after BN: largest change of the output", after)
