"""How far one step of plain SGD in front of batch normalisation lengthens a row of W: measured,
proved, and rounding.

Theorems weight-norm-growth and euler; what rounding explains is derived from the a-priori bounds of
:mod:`bnproof.certify.bounds`, so no tolerance is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnproof.certify import bounds
from bnproof.certify.bounds import Precision
from bnproof.contract import Array
from bnproof.implementations.torch_training import TrainingStep

DOUBLE = Precision.from_dtype(np.float64)


@dataclass(frozen=True)
class Growth:
    """One step, row by row ``(units,)``.

    ``norm``: ``|W|`` before it; ``measured``: ``|W'|^2 - |W|^2``; ``expanded``:
    ``eta^2 |G|^2 - 2 eta <W, G>``; ``squared``: ``eta^2 |G|^2`` alone; ``predicted``: with the
    theorem's ``<W, G>``.  ``rounding`` and ``predicted_rounding``: what rounding explains of
    ``measured`` minus ``expanded`` or ``predicted``.  Without normalisation nothing is predicted.
    """

    loss: float
    norm: Array
    measured: Array
    expanded: Array
    squared: Array
    rounding: Array
    cosine: Array
    predicted: Array | None = None
    predicted_rounding: Array | None = None

    def rounding_ratio(self, prediction: Array, rounding: Array) -> float:
        """The largest distance of the measured growth from a prediction; 1 is all that rounding
        explains."""
        return float((np.abs(self.measured - prediction) / rounding).max())


def measure_growth(step: TrainingStep, eta: float, eps: float | None) -> Growth:
    """The norm's growth, and ``eta^2 |G|^2 - 2 eta <W, G>`` with the measured and with the proved
    ``<W, G>``.

    Stored is ``W' = W - eta G + d`` with ``|d| <= u (|W'| + eta |G|)``; the sums add ``gamma_n`` of
    their magnitudes.
    """
    W, G, moved = step.weight, step.gradient, step.moved
    n = DOUBLE.gamma(W.shape[1] + 4)
    aligned, squared = (W * G).sum(axis=1), (G**2).sum(axis=1)
    norm, long = np.sqrt((W**2).sum(axis=1)), np.sqrt(squared)
    stored = DOUBLE.u * (np.abs(moved) + eta * np.abs(G))
    terms = np.abs(moved - W) * np.abs(moved + W) + eta**2 * G**2 + 2 * eta * np.abs(W * G)
    rounding = (stored * (2 * np.abs(moved) + stored) + n * terms).sum(axis=1) * bounds.SAFETY
    growth = Growth(
        loss=step.loss,
        norm=norm,
        measured=((moved - W) * (moved + W)).sum(axis=1),
        expanded=eta**2 * squared - 2 * eta * aligned,
        squared=eta**2 * squared,
        rounding=rounding,
        cosine=np.divide(aligned, norm * long, out=np.zeros_like(norm), where=long > 0),
    )
    if eps is None:
        return growth
    proved, explained = predict_inner_product(step, eps)
    return replace(
        growth,
        predicted=growth.squared - 2 * eta * proved,
        predicted_rounding=rounding + 2 * eta * explained,
    )


def predict_inner_product(step: TrainingStep, eps: float) -> tuple[Array, Array]:
    """``<W, dL/dW> = gamma eps/s^2 sum_i g_i xhat_i`` (theorem euler) and what rounding explains of
    the difference.

    ``<W, G> = sum_k dx_k x_k``: the error of dx times ``|x|``; of the products ``W u`` and
    ``dx' u``, ``gamma_n`` and ``gamma_m`` of ``sum_k |dx_k| sum_j |W_j u_kj|``; and the error of
    the right-hand side as it is computed here.
    """
    x, g, gamma = step.x, step.g, step.scale
    mu, v = x.mean(axis=0), x.var(axis=0)
    batch = bounds.ExactBatch(x, x - mu, mu, v, eps)
    factor, dgamma = gamma * eps / (v + eps), (g * batch.xhat).sum(axis=0)
    dx = gamma / batch.s * (g - g.mean(axis=0) - batch.xhat * dgamma / batch.m)
    of_dx = bounds.input_gradient(DOUBLE, batch, g, gamma).total
    reach = np.abs(step.inputs) @ np.abs(step.weight).T
    left = (
        of_dx * np.abs(x)
        + DOUBLE.gamma(batch.m + step.weight.shape[1] + 2) * (np.abs(dx) + of_dx) * reach
    )
    of_factor = bounds.variance(DOUBLE, batch).total / (v + eps) + DOUBLE.gamma(6)
    of_dgamma = bounds.parameter_gradients(DOUBLE, batch, g)[0].total
    return factor * dgamma, left.sum(axis=0) + np.abs(factor) * (
        of_dgamma + np.abs(dgamma) * of_factor
    )
