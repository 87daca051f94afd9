"""What the experiments that train a network share: labelled digits, first weights, the order of the
mini-batches."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from bnproof.contract import Array
from bnproof.datasets import load_pixels
from bnproof.implementations.torch_training import Layer

BATCH = 64


@cache
def load_labelled_digits() -> tuple[Array, Array]:
    """Pixels scaled to 0..1, 1797 x 64 float64, and the digit each image shows."""
    from sklearn.datasets import load_digits

    pixels, classes = load_pixels() / 16, np.array(load_digits().target)
    for array in (pixels, classes):
        array.setflags(write=False)
    return pixels, classes


def draw_layers(widths: Sequence[int], seed: int, *, scale: bool) -> list[Layer]:
    """Weights uniform in ``+-1/sqrt(inputs)`` (PyTorch's own choice), shifts 0, scales 1 where
    wanted (not in the last)."""
    random = np.random.default_rng(seed)
    layers = []
    for number, (inputs, units) in enumerate(pairwise(widths), 2):
        weight = random.uniform(-1, 1, (units, inputs)) / math.sqrt(inputs)
        hidden = number < len(widths)
        layers.append(Layer(weight, np.zeros(units), np.ones(units) if scale and hidden else None))
    return layers


def draw_mini_batches(values: int, epochs: int, seed: int) -> Iterator[Array]:
    """Indices of whole mini-batches of ``BATCH``, every epoch in a new random order."""
    random = np.random.default_rng(seed)
    for _ in range(epochs):
        order = random.permutation(values)
        yield from (order[start : start + BATCH] for start in range(0, values - BATCH + 1, BATCH))


def keep_finite(value: float) -> float | None:
    """The value for a record; ``None`` where it is no finite number, which JSON cannot hold."""
    return float(value) if math.isfinite(value) else None
