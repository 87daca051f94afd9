"""Hidden activations of a small trained network: what they are, and that a seed repeats them."""

import numpy as np
import torch

from bnproof.implementations.torch_network import train_activations

RANDOM = np.random.default_rng(0)
INPUTS, CLASSES = RANDOM.normal(size=(100, 3)), np.arange(100) % 2


def activations(**changed):
    """Those of a hidden layer of five units."""
    options = {"width": 5, "epochs": 1, "seed": 4} | changed
    return train_activations(INPUTS, CLASSES, **options)


def test_before_training_they_are_those_of_the_first_linear_layer():
    """PyTorch's own layer under the same seed, before the nonlinearity, in float32 digits."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        first = torch.nn.Linear(3, 5)
    expected = first(torch.tensor(INPUTS, dtype=torch.float32)).detach().numpy()
    found = activations(epochs=0)
    assert (found.shape, found.dtype) == ((100, 5), np.float64)
    assert np.array_equal(found, expected)
    assert found.min() < 0


def test_a_seed_repeats_them_and_training_changes_them():
    """Same seed, same bits; another seed or another epoch, other values."""
    first = activations()
    assert np.array_equal(first, activations())
    for other in (activations(seed=5), activations(epochs=0), activations(epochs=2)):
        assert not np.array_equal(first, other)


def test_nothing_is_left_behind():
    """Random numbers go on where they were, and so does the number of threads."""
    torch.manual_seed(1)
    expected, threads = torch.rand(3).tolist(), torch.get_num_threads()
    torch.manual_seed(1)
    activations()
    assert torch.rand(3).tolist() == expected
    assert torch.get_num_threads() == threads


def test_training_tells_the_classes_apart():
    """With the class as the input, the mean activations of both classes move away from each
    other."""

    def gap(epochs):
        found = train_activations(
            np.where(CLASSES, 1.0, -1.0).reshape(-1, 1), CLASSES, width=8, epochs=epochs, seed=0
        )
        return np.abs(found[CLASSES == 1].mean(0) - found[CLASSES == 0].mean(0)).max()

    assert gap(20) > gap(0)
