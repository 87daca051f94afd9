"""A small PyTorch network, trained here: where real hidden activations come from."""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.torch_training import use_one_thread


def train_activations(
    inputs: Array, classes: Array, *, width: int, epochs: int, seed: int
) -> Array:
    """Pre-activations of the hidden layer, ``(values, width)`` float64, after training a two-layer
    classifier.

    ``inputs`` ``(values, features)``, ``classes`` ``(values,)`` integers.  float32, ReLU,
    cross-entropy, plain SGD with batches of 64 and learning rate 0.2, one thread; deterministic for
    a seed on one machine.
    """
    import torch

    with use_one_thread(), torch.random.fork_rng():
        torch.manual_seed(seed)
        x, target = torch.tensor(inputs, dtype=torch.float32), torch.tensor(classes)
        first = torch.nn.Linear(inputs.shape[1], width)
        network = torch.nn.Sequential(
            first, torch.nn.ReLU(), torch.nn.Linear(width, int(classes.max()) + 1)
        )
        optimiser = torch.optim.SGD(network.parameters(), lr=0.2)
        for _ in range(epochs):
            for chosen in torch.randperm(len(x)).split(64):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(network(x[chosen]), target[chosen]).backward()
                optimiser.step()
        activations: Array = first(x).detach().numpy().astype(np.float64)
        return activations
