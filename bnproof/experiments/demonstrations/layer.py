"""A linear layer with one unit a class in front of batch normalisation: its gradients and a few
steps of training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bnproof.contract import Array
from bnproof.experiments.demonstrations.material import BATCH, EPS, Material, gradients, normalise


class LayerStep(NamedTuple):
    """One step on W: ``x = W u`` and ``g = dL/dy`` ``(values, units)``; W, dL/dW and W after it
    ``(units, inputs)``."""

    x: Array
    g: Array
    before: Array
    gradient: Array
    after: Array


def layer_gradients(data: Material, weight: Array, eps: float) -> tuple[Array, Array]:
    """``(dL/du, dL/dW)`` of ``BN(W u)`` on the first mini-batch, squared loss against the class
    indicators."""
    inputs, wanted = data.layer_batches[0]
    x = inputs @ weight.T
    g = (normalise(x, eps=eps) - wanted) / BATCH
    dx = gradients(g, x, np.ones(len(weight)), eps=eps)[0]
    return dx @ weight, dx.T @ inputs


def descend(data: Material, rate: float, *, normalising: bool) -> Iterator[LayerStep]:
    """An epoch of plain SGD on W alone, squared loss of ``BN(W u)`` (eps = 1e-5) or of ``W u``,
    step by step."""
    weight = data.weight
    for inputs, wanted in data.layer_batches:
        x = inputs @ weight.T
        g = ((normalise(x, eps=EPS) if normalising else x) - wanted) / BATCH
        dx = gradients(g, x, np.ones(len(weight)), eps=EPS)[0] if normalising else g
        step = LayerStep(x, g, weight, dx.T @ inputs, weight - rate * (dx.T @ inputs))
        yield step
        weight = step.after
