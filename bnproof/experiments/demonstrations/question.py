"""The question: is normalising pointless, since gamma' x + beta' gives the same outputs?

On one batch it does give them, which is where the question is right. What these numbers show is
that the pair is another one in every batch, and that gradient descent takes other steps in (gamma',
beta') than in (gamma, beta).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sympy import Expr, sqrt

from bnproof.contract import Array
from bnproof.experiments.demonstrations import Number, demonstration, largest
from bnproof.experiments.demonstrations.material import (
    BATCH,
    HIDDEN,
    HIDDEN_SMALL,
    PIXELS,
    SMALL,
    Material,
    best_pair_residual,
    evaluate,
    fit,
    gradients,
    infer,
    max_magnitude,
    normalise,
    root_mean_square,
    track,
)
from bnproof.symbolic.setting import eps, i, mu, s, v, x
from bnproof.theorems.closed_forms import (
    beta_collapsed,
    beta_inference,
    gamma_collapsed,
    gamma_inference,
)

# Condition numbers of the squared loss (theorem least-squares-conditioning). That of (gamma, beta)
# is rational. That of (gamma', beta') is the solution of cond + 1/cond = c with a rational c.
normalised_condition = 1 + eps / v
_sum_with_inverse = (v + mu**2 + 1) ** 2 / v - 2
collapsed_condition: Expr = (_sum_with_inverse + sqrt(_sum_with_inverse**2 - 4)) / 2


@demonstration(HIDDEN)
def collapse(data: Material) -> Iterator[Number]:
    """On one batch ``y = gamma' x + beta'``: two implementations against the collapsed formula.

    The theorem collapse says that they agree, so the numbers are rounding. Constant pixels are
    included, for which v = 0 and eps alone keeps the formula alive.
    """
    gamma, beta = data.fitted
    collapsed = evaluate(
        gamma_collapsed * x[i] + beta_collapsed, i, x=data.hidden, gamma=gamma, beta=beta
    )
    for target in ("numpy", "torch"):
        gap = normalise(data.hidden, gamma, beta, target=target) - collapsed
        yield largest(f"largest |BN(x) - (gamma' x + beta')| on one batch, {target}, float64", gap)
    # No gamma is fitted here: for a constant pixel there is no best one.
    one = np.ones(data.pixels.shape[1])
    collapsed = evaluate(
        gamma_collapsed * x[i] + beta_collapsed, i, x=data.pixels, gamma=one, beta=0 * one
    )
    gap = normalise(data.pixels) - collapsed
    yield largest(
        "the same for 64 raw pixels, the constant ones included (gamma = 1, beta = 0)", gap
    )


def compare_best_pair(cut: list[Array], outputs: list[Array]) -> Iterator[Number]:
    """The error that one constant pair leaves which serves all batches together."""
    residual, where = best_pair_residual(cut, outputs), f"all {len(cut)} batches"
    yield Number(
        f"{where}: root mean square error of the best constant pair", root_mean_square(residual)
    )
    yield largest(f"{where}: largest error of the best constant pair", residual)


@demonstration(HIDDEN_SMALL)
def pointless(data: Material) -> Iterator[Number]:
    """The error the best constant pair cannot avoid.

    There is none on one batch, and none at inference, where the statistics are fixed (theorem
    inference-collapse). On several batches together there is one (theorem collapse-varies).
    """
    cut = data.cut_hidden(SMALL)
    outputs = [normalise(batch) for batch in cut]
    # A pair for each batch of its own reaches it, which is the theorem collapse.
    one_batch = max(
        max_magnitude(best_pair_residual([b], [y])) for b, y in zip(cut, outputs, strict=True)
    )
    yield Number("one batch at a time: largest error of the best constant pair (c, d)", one_batch)
    yield from compare_best_pair(cut, outputs)
    one = np.ones(cut[0].shape[1])
    # The statistics that inference would use after an epoch.
    mean, variance = track(cut, (0 * one, one))
    inputs = {"gamma": one, "beta": 0 * one, "mu_r": mean, "v_r": variance}
    slope, offset = (evaluate(pair, **inputs) for pair in (gamma_inference, beta_inference))
    gap = [infer(batch, one, 0 * one, (mean, variance)) - (slope * batch + offset) for batch in cut]
    yield largest(
        f"at inference, all {len(cut)} batches: largest error of the one pair gamma/s_r, ...", gap
    )


@demonstration(HIDDEN_SMALL)
def what_varies(data: Material) -> Iterator[Number]:
    """gamma and beta are one number a feature; gamma' and beta' are another number in every batch.

    The ranges are relative to the mean of ``|gamma'|`` and to ``|gamma|``, so that features of
    different size can be compared.
    """
    cut = data.cut_hidden(SMALL)
    gamma, beta = data.fitted
    slopes, offsets = (
        np.array([evaluate(pair, x=batch, gamma=gamma, beta=beta) for batch in cut])
        for pair in (gamma_collapsed, beta_collapsed)
    )
    # beta' may be near 0, so it is measured by |gamma| and not by its own size.
    relative = np.ptp(slopes, axis=0) / np.abs(slopes).mean(axis=0)
    yield Number(
        f"gamma' over {len(cut)} batches, one gamma: median of (largest - smallest)/mean",
        np.median(relative),
    )
    yield largest("the same for the feature where it varies most", relative)
    wandering = np.ptp(offsets, axis=0) / np.abs(gamma)
    yield Number(
        "beta' over the same batches, one beta: median of (largest - smallest)/|gamma|",
        np.median(wandering),
    )


@demonstration(PIXELS)
def redundant_but_easier(data: Material) -> Iterator[Number]:
    """On one batch each pair determines the other; as coordinates for gradient descent they differ.

    The first number goes there and back by ``gamma = gamma' s``, ``beta = beta' + gamma' mu``
    (theorem collapse-bijection). The others are condition numbers (theorem
    least-squares-conditioning).
    """
    gamma, beta = fit(normalise(data.varying), data.target(data.varying.shape[1]))
    inputs = {"x": data.varying, "gamma": gamma, "beta": beta}
    slope, offset, mean, std = (
        evaluate(e, **inputs) for e in (gamma_collapsed, beta_collapsed, mu, s)
    )
    # There and back again: what is left is rounding.
    gap = max(max_magnitude(slope * std - gamma), max_magnitude(offset + slope * mean - beta))
    yield Number("(gamma, beta) -> (gamma', beta') -> (gamma, beta): largest change", gap)
    normalised, collapsed = (
        evaluate(c, x=data.varying) for c in (normalised_condition, collapsed_condition)
    )
    yield largest(
        "condition number of the squared loss in (gamma, beta), 1 + eps/v: largest", normalised
    )
    yield Number("condition number in (gamma', beta'): smallest over the pixels", collapsed.min())
    yield Number(
        "condition number in (gamma', beta'): median over the pixels", np.median(collapsed)
    )
    yield largest("condition number in (gamma', beta'): largest", collapsed)


@demonstration(HIDDEN)
def one_step(data: Material) -> Iterator[Number]:
    """One step of equal length down the squared loss, from the same function: the functions reached
    differ.

    A step of length 1 in a pair changes the outputs by ``-(slope z + shift)/|(slope, shift)|``,
    with z the normalised values or x. The last number checks
    ``dL/dgamma = (dL/dgamma' - mu dL/dbeta')/s`` (theorem parameter-chain-rule).
    """
    one = np.ones(data.hidden.shape[1])
    y = normalise(data.hidden)
    g = (y - data.target(len(one))) / BATCH
    # (dgamma, dbeta) is the direction in (gamma, beta).
    dx, *normalised = gradients(g, data.hidden, one)
    # The start is gamma = 1, beta = 0; in (gamma', beta') the regressor is x itself.
    collapsed = [(g * data.hidden).sum(axis=0), g.sum(axis=0)]
    changes = [
        -(slope * values + shift) / np.hypot(slope, shift)
        for values, (slope, shift) in ((y, normalised), (data.hidden, collapsed))
    ]
    sizes = [np.linalg.norm(change, axis=0) for change in changes]
    cosine = (changes[0] * changes[1]).sum(axis=0) / (sizes[0] * sizes[1])
    yield Number(
        "change of the outputs by a step of length 1, in (gamma', beta') over in (gamma, beta):"
        " largest ratio",
        (sizes[1] / sizes[0]).max(),
    )
    yield Number("the same: smallest ratio", (sizes[1] / sizes[0]).min())
    yield Number(
        "cosine between the two changes of the outputs: smallest over the features", cosine.min()
    )
    # The Jacobian if the statistics were constants (theorem collapse-hides-gradient).
    constant = evaluate(gamma_collapsed, x=data.hidden, gamma=one) * g
    left_out = np.linalg.norm(dx - constant) / np.linalg.norm(dx)
    yield Number("error of the gradient for x if gamma', beta' were constants, relative", left_out)
    chain = (collapsed[0] - evaluate(mu, x=data.hidden) * collapsed[1]) / evaluate(
        s, x=data.hidden
    ) - normalised[0]
    yield largest("largest |dL/dgamma - (dL/dgamma' - mu dL/dbeta')/s|", chain)
