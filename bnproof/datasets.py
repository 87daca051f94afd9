"""Real mini-batches that need no network connection.

They come from the handwritten digits that scikit-learn brings along: once as raw pixels, and once
as what the hidden layer of a small trained network computes from them.  Drawn numbers are nearly
normal and independent; these are neither, which is why the experiments look at both.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.torch_network import train_activations


@cache
def load_pixels() -> Array:
    """Return the raw pixels of the digits.

    Returns
    -------
    numpy.ndarray
        ``(1797, 64)`` float64, whole numbers from 0 to 16, read-only.  Some pixels are constant, so
        their variance is exactly 0.
    """
    from sklearn.datasets import load_digits

    pixels: Array = load_digits().data.astype(np.float64)
    # One array is shared by all callers, since the function is cached.
    pixels.setflags(write=False)
    return pixels


@cache
def compute_activations(seed: int = 0) -> Array:
    """Train a network 64-32-10 on the digits, and return what reaches its hidden nonlinearity.

    Parameters
    ----------
    seed
        Of the network's initial weights and of the order of its batches.

    Returns
    -------
    numpy.ndarray
        ``(1797, 32)`` float64, read-only: the values ``W u + b`` of every digit after the training.
        On one machine they are the same for equal seeds.
    """
    from sklearn.datasets import load_digits

    # The brightest pixel is 16: inputs between 0 and 1 suit the learning rate of the training.
    activations = train_activations(
        load_pixels() / 16, load_digits().target, width=32, epochs=30, seed=seed
    )
    activations.setflags(write=False)
    return activations


def load_datasets() -> dict[str, Array]:
    """Return both data sets by name, each as ``(values, features)``."""
    return {
        "digits, raw pixels": load_pixels(),
        "digits, hidden activations": compute_activations(),
    }


def cut_batches(data: Array, size: int, seed: int) -> list[Array]:
    """Cut data into whole mini-batches, in a random order.

    Parameters
    ----------
    data
        ``(values, features)``.
    size
        The number of rows of each batch.  Rows that fill no whole batch are left out.
    seed
        Of the order of the rows.

    Returns
    -------
    list of numpy.ndarray
        Copies of shape ``(size, features)``; no row occurs twice.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.datasets import cut_batches
    >>> [batch.shape for batch in cut_batches(np.zeros((7, 2)), 3, seed=0)]
    [(3, 2), (3, 2)]
    """
    order = np.random.default_rng(seed).permutation(len(data))
    return [data[order[start : start + size]] for start in range(0, len(data) - size + 1, size)]
