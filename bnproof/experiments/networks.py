"""What the experiments that train a network share.

That is the labelled digits, the first weights and the order of the mini-batches. All of it is
determined by a seed, so that two networks that are compared see the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from bnproof.contract import Array
from bnproof.datasets import load_pixels
from bnproof.implementations.torch_training import Layer

# 28 whole batches an epoch.
BATCH = 64


@cache
def load_labelled_digits() -> tuple[Array, Array]:
    """The digits and what they show.

    Returns
    -------
    tuple of two arrays
        Pixels scaled to [0, 1], of shape ``(1797, 64)`` in float64, and the digit each image shows.
    """
    # Imported where it is used, since scikit-learn takes long to load.
    from sklearn.datasets import load_digits

    pixels, classes = load_pixels() / 16, np.array(load_digits().target)
    # The arrays are cached and handed to everybody, so nobody may write into them.
    for array in (pixels, classes):
        array.setflags(write=False)
    return pixels, classes


def draw_layers(widths: Sequence[int], seed: int, *, scale: bool) -> list[Layer]:
    """First weights of a fully connected network.

    Parameters
    ----------
    widths : sequence of int
        Number of inputs, of units of each hidden layer, and of classes.
    seed : int
        Determines the weights.
    scale : bool
        Whether hidden layers get a scale, of 1 at the start. The last layer never does.

    Returns
    -------
    list of Layer
        Weights uniform in ``+-1/sqrt(inputs)``, which is PyTorch's own choice, and shifts 0.
    """
    random = np.random.default_rng(seed)
    layers = []
    for number, (inputs, units) in enumerate(pairwise(widths), 2):
        weight = random.uniform(-1, 1, (units, inputs)) / math.sqrt(inputs)
        hidden = number < len(widths)
        layers.append(Layer(weight, np.zeros(units), np.ones(units) if scale and hidden else None))
    return layers


def draw_mini_batches(values: int, epochs: int, seed: int) -> Iterator[Array]:
    """Indices of whole mini-batches, every epoch in a new random order.

    Parameters
    ----------
    values : int
        How many values there are.
    epochs : int
        How often each is used at most.
    seed : int
        Determines the orders.

    Yields
    ------
    array of int, of length ``BATCH``
        What is left over at the end of an epoch is not used in it.
    """
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        # One generator for all epochs, or every epoch would have the same order.
        order = random.permutation(values)
        yield from (order[start : start + BATCH] for start in range(0, values - BATCH + 1, BATCH))


def keep_finite(value: float) -> float | None:
    """The value for a record, or ``None`` where it is no finite number, which JSON cannot hold.

    Examples
    --------
    >>> [keep_finite(value) for value in (0.5, float("inf"), float("nan"))]
    [0.5, None, None]
    """
    return float(value) if math.isfinite(value) else None
