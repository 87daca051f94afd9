"""How far one step of plain SGD in front of batch normalisation lengthens a row of W.

Three numbers are set beside each other: the growth that is measured, the growth that the theorems
weight-norm-growth and euler prove, and how far rounding alone can lead the two apart. The last one
is derived from the a-priori bounds of :mod:`bnproof.certify.bounds`, so no tolerance is chosen.

Start reading at :func:`measure_growth`. The experiment that uses it is
:mod:`bnproof.experiments.weight_norm`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnproof.certify import bounds
from bnproof.certify.bounds import Precision
from bnproof.contract import Array
from bnproof.implementations.torch_training import TrainingStep

# The training runs in float64.
DOUBLE = Precision.from_dtype(np.float64)


@dataclass(frozen=True)
class Growth:
    """One step of training, row by row of W; every array has the shape ``(units,)``.

    Attributes
    ----------
    loss : float
        The loss before the step.
    norm : array
        ``|W|`` before the step.
    measured : array
        ``|W'|^2 - |W|^2``.
    expanded : array
        ``eta^2 |G|^2 - 2 eta <W, G>`` with the measured gradient, which is the same by algebra
        alone.
    squared : array
        ``eta^2 |G|^2``, the growth if eps were 0.
    rounding : array
        What rounding explains of ``measured`` minus ``expanded``.
    cosine : array
        The cosine between a row and its gradient, 0 where the gradient is 0.
    predicted : array or None
        The growth with the theorem's ``<W, G>``; ``None`` without normalisation, for which nothing
        is predicted.
    predicted_rounding : array or None
        What rounding explains of ``measured`` minus ``predicted``.
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
        """The largest distance of the measured growth from a prediction, in units of what rounding
        explains.

        Parameters
        ----------
        prediction, rounding : array of shape (units,)
            What the growth should be, and what rounding may add to the difference.

        Returns
        -------
        float
            At most 1 where rounding explains all of the difference.
        """
        return float((np.abs(self.measured - prediction) / rounding).max())


def measure_growth(step: TrainingStep, eta: float, eps: float | None) -> Growth:
    """The norm's growth in one step, with the growth that the theorem predicts for it.

    Parameters
    ----------
    step : TrainingStep
        W, its gradient G and W after the step.
    eta : float
        The learning rate of W.
    eps : float or None
        The eps of the normalisation; ``None`` where there is none.

    Returns
    -------
    Growth
        Row by row of W.

    Notes
    -----
    ``|W - eta G|^2 = |W|^2 - 2 eta <W, G> + eta^2 |G|^2`` is exact for real numbers. What is stored
    is ``W' = W - eta G + d`` with ``|d| <= u (|W'| + eta |G|)``, from the product and the
    difference. That changes ``|W'|^2`` by at most ``|d| (2 |W'| + |d|)``. The sums that are
    compared add ``gamma_n`` of the magnitudes of their terms.
    """
    W, G, moved = step.weight, step.gradient, step.moved
    # A sum over the inputs rounds once for each of them; the products and the final terms need a
    # few more.
    n = DOUBLE.gamma(W.shape[1] + 4)
    aligned, squared = (W * G).sum(axis=1), (G**2).sum(axis=1)
    norm, long = np.sqrt((W**2).sum(axis=1)), np.sqrt(squared)
    stored = DOUBLE.u * (np.abs(moved) + eta * np.abs(G))
    terms = np.abs(moved - W) * np.abs(moved + W) + eta**2 * G**2 + 2 * eta * np.abs(W * G)
    # SAFETY makes up for the rounding of this bound itself.
    rounding = (stored * (2 * np.abs(moved) + stored) + n * terms).sum(axis=1) * bounds.SAFETY
    growth = Growth(
        loss=step.loss,
        norm=norm,
        # A difference of squares as a product: |W'|^2 - |W|^2 would cancel.
        measured=((moved - W) * (moved + W)).sum(axis=1),
        expanded=eta**2 * squared - 2 * eta * aligned,
        squared=eta**2 * squared,
        rounding=rounding,
        # A row of zeros, or with no gradient, has no cosine; 0 is what a comparison can use.
        cosine=np.divide(aligned, norm * long, out=np.zeros_like(norm), where=norm * long > 0),
    )
    # Without normalisation W and G need not be orthogonal, and nothing is predicted.
    if eps is None:
        return growth
    proved, explained = predict_inner_product(step, eps)
    return replace(
        growth,
        predicted=growth.squared - 2 * eta * proved,
        predicted_rounding=rounding + 2 * eta * explained,
    )


def predict_inner_product(step: TrainingStep, eps: float) -> tuple[Array, Array]:
    """``<W, dL/dW> = gamma eps/s^2 sum_i g_i xhat_i``, and what rounding explains of the
    difference.

    Parameters
    ----------
    step : TrainingStep
        Holds ``x = W u``, the upstream gradient g and gamma as ``scale``.
    eps : float
        The eps of the normalisation.

    Returns
    -------
    tuple of two arrays of shape (units,)
        The inner product by the theorem euler, and the bound.

    Notes
    -----
    Since ``x_k = <W, u_k>`` and ``G = sum_k dx_k u_k``, the inner product is ``sum_k dx_k x_k``.
    Three errors add up. The error of dx counts times ``|x|``. The products ``W u`` and ``dx' u``
    have ``gamma_n`` and ``gamma_m`` of ``sum_k |dx_k| sum_j |W_j u_kj|``. The third is the error of
    the right-hand side as it is computed here.
    """
    x, g, gamma = step.x, step.g, step.scale
    mu, v = x.mean(axis=0), x.var(axis=0)
    batch = bounds.ExactBatch(x, x - mu, mu, v, eps)
    # eps/(v + eps) = eps/s^2.
    factor, dgamma = gamma * eps / (v + eps), (g * batch.xhat).sum(axis=0)
    dx = gamma / batch.s * (g - g.mean(axis=0) - batch.xhat * dgamma / batch.m)
    of_dx = bounds.input_gradient(DOUBLE, batch, g, gamma).total
    # sum_j |W_j u_kj|: what the roundings of W u are measured by, however much of it cancels.
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
