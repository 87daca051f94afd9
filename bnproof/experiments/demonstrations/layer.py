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


def propagate(
    weight: Array, inputs: Array, wanted: Array, eps: float | None
) -> tuple[Array, Array, Array]:
    """``x = W u``, and ``dL/dy`` and ``dL/dx`` of the squared loss ``sum (y - t)^2/(2 m)``.

    y is ``BN(x)`` with this eps, or x itself where it is ``None``. gamma = 1 and beta = 0
    throughout: W alone is looked at.
    """
    x = inputs @ weight.T
    g = ((x if eps is None else normalise(x, eps=eps)) - wanted) / BATCH
    return x, g, g if eps is None else gradients(g, x, np.ones(len(weight)), eps=eps)[0]


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
    _, _, dx = propagate(weight, *data.layer_batches[0], eps)
    return dx @ weight, dx.T @ data.layer_batches[0][0]


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
        x, g, dx = propagate(weight, inputs, wanted, EPS if normalising else None)
        step = LayerStep(x, g, weight, dx.T @ inputs, weight - rate * (dx.T @ inputs))
        yield step
        weight = step.after
