"""Real mini-batches without a network connection: scikit-learn's bundled digits, raw and as hidden activations."""

from __future__ import annotations

from functools import cache

import numpy as np

from bnproof.contract import Array

HIDDEN = 32


@cache
def digits() -> Array:
    """The 1797 x 64 pixel values (0 to 16) as float64; some pixels are constant."""
    from sklearn.datasets import load_digits

    pixels: Array = load_digits().data.astype(np.float64)
    pixels.setflags(write=False)
    return pixels


@cache
def hidden_activations(seed: int = 0, epochs: int = 30) -> Array:
    """What reaches the hidden layer's nonlinearity, 1797 x 32 float64, after training 64-32-10 on the digits.

    PyTorch, float32, plain SGD on one thread; deterministic for a seed on one machine.
    """
    import torch
    from sklearn.datasets import load_digits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            inputs = torch.tensor(digits() / 16, dtype=torch.float32)
            classes = torch.tensor(load_digits().target)
            layers = (torch.nn.Linear(64, HIDDEN), torch.nn.Linear(HIDDEN, 10))
            network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1])
            optimiser = torch.optim.SGD(network.parameters(), lr=0.2)
            for _ in range(epochs):
                for chosen in torch.randperm(len(inputs)).split(64):
                    optimiser.zero_grad()
                    torch.nn.functional.cross_entropy(network(inputs[chosen]), classes[chosen]).backward()
                    optimiser.step()
            activations: Array = layers[0](inputs).detach().numpy().astype(np.float64)
    finally:
        torch.set_num_threads(threads)
    activations.setflags(write=False)
    return activations


def datasets() -> dict[str, Array]:
    """Both by name, as ``(values, features)``."""
    return {"digits, raw pixels": digits(), "digits, hidden activations": hidden_activations()}


def batches(data: Array, size: int, seed: int) -> list[Array]:
    """The data in a random order, cut into whole mini-batches of ``size``."""
    order = np.random.default_rng(seed).permutation(len(data))
    return [data[order[start : start + size]] for start in range(0, len(data) - size + 1, size)]
