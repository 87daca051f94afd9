"""Real mini-batches without a network connection: scikit-learn's bundled digits, raw and as hidden
activations."""

from __future__ import annotations

from functools import cache

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.torch_network import train_activations


@cache
def load_pixels() -> Array:
    """The 1797 x 64 pixel values (0 to 16) as float64; some pixels are constant."""
    from sklearn.datasets import load_digits

    pixels: Array = load_digits().data.astype(np.float64)
    pixels.setflags(write=False)
    return pixels


@cache
def compute_activations(seed: int = 0) -> Array:
    """What reaches the hidden layer's nonlinearity, 1797 x 32 float64, after training 64-32-10 on
    the digits."""
    from sklearn.datasets import load_digits

    activations = train_activations(
        load_pixels() / 16, load_digits().target, width=32, epochs=30, seed=seed
    )
    activations.setflags(write=False)
    return activations


def load_datasets() -> dict[str, Array]:
    """Both by name, as ``(values, features)``."""
    return {
        "digits, raw pixels": load_pixels(),
        "digits, hidden activations": compute_activations(),
    }


def cut_batches(data: Array, size: int, seed: int) -> list[Array]:
    """The data in a random order, cut into whole mini-batches of ``size``."""
    order = np.random.default_rng(seed).permutation(len(data))
    return [data[order[start : start + size]] for start in range(0, len(data) - size + 1, size)]
