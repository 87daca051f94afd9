"""A linear layer with one unit a class in front of batch normalisation.

Its gradients and a few steps of training are written out here in NumPy, so that a demonstration can
look at every array on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bnproof.contract import Array
from bnproof.experiments.demonstrations.material import BATCH, EPS, Material, gradients, normalise


class LayerStep(NamedTuple):
    """One step of training on W.

    Attributes
    ----------
    x, g : array of shape (values, units)
        ``W u`` and the upstream gradient ``dL/dy``.
    before, gradient, after : array of shape (units, inputs)
        W, ``dL/dW`` and W after the step.
    """

    x: Array
    g: Array
    before: Array
    gradient: Array
    after: Array


def layer_gradients(data: Material, weight: Array, eps: float) -> tuple[Array, Array]:
    """``(dL/du, dL/dW)`` of ``BN(W u)`` on the first mini-batch.

    Parameters
    ----------
    data : Material
        The mini-batches.
    weight : array of shape (units, inputs)
        W.
    eps : float
        The eps of the normalisation; it may be 0.

    Returns
    -------
    tuple of two arrays
        The gradients of the squared loss against the class indicators, shaped like u and W.
    """
    inputs, wanted = data.layer_batches[0]
    x = inputs @ weight.T
    # The gradient of sum (y - t)^2/(2 m).
    g = (normalise(x, eps=eps) - wanted) / BATCH
    # gamma = 1 and beta = 0 throughout: W alone is looked at.
    dx = gradients(g, x, np.ones(len(weight)), eps=eps)[0]
    return dx @ weight, dx.T @ inputs


def descend(data: Material, rate: float, *, normalising: bool) -> Iterator[LayerStep]:
    """An epoch of plain SGD on W alone, step by step.

    Parameters
    ----------
    data : Material
        The mini-batches and the first W.
    rate : float
        The learning rate.
    normalising : bool
        Whether the squared loss is that of ``BN(W u)``, with eps = 1e-5, or of ``W u``.

    Yields
    ------
    LayerStep
        One for each mini-batch.
    """
    weight = data.weight
    for inputs, wanted in data.layer_batches:
        x = inputs @ weight.T
        g = ((normalise(x, eps=EPS) if normalising else x) - wanted) / BATCH
        dx = gradients(g, x, np.ones(len(weight)), eps=EPS)[0] if normalising else g
        step = LayerStep(x, g, weight, dx.T @ inputs, weight - rate * (dx.T @ inputs))
        yield step
        weight = step.after
