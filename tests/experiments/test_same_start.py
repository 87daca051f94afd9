"""Collapsing hidden layers on one batch, and the condition numbers at the start, by hand.

With eps = 0 and whole numbers everything here is exact. That the two networks on the digits are the
same function of their first batch is tested with the other experiments.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from bnproof.experiments import same_start
from bnproof.experiments.same_start import (
    NORMALISED,
    PLAIN,
    collapse_layers,
    measure_start,
    measure_statistics,
)
from bnproof.implementations.torch_training import Layer

# W u is 3 - 2 and 3 + 2, so that mu = 3 and v = 4.
U = np.array([[1.0], [5.0], [1.0], [5.0]])
LAST = Layer(np.array([[7.0, 7.0]]), np.zeros(1))


def layer(weight, shift, scale):
    """A layer with one input or more."""
    return Layer(np.array(weight), np.array(shift), np.array(scale))


@pytest.fixture(autouse=True)
def no_eps(monkeypatch):
    """Statistics that are squares of whole numbers have exact roots."""
    monkeypatch.setattr(same_start, "EPS", 0.0)


def test_a_hidden_layer_is_collapsed_with_its_batch():
    """``gamma' = gamma/s`` and ``beta' = beta - gamma mu/s`` for each unit; weights stay."""
    first = layer([[1.0], [-2.0]], [1.0, 0.5], [4.0, -8.0])
    (plain, last) = collapse_layers([first, LAST], U)
    # The second unit has mu = -6 and s = 4.
    assert plain.factor.tolist() == [4 / 2, -8 / 4]
    assert plain.shift.tolist() == [1 - 4 * 3 / 2, 0.5 - (-8) * (-6) / 4]
    assert plain.weight is first.weight
    assert last is LAST


def test_the_collapsed_layer_is_the_same_function_of_the_batch():
    """``gamma' h + beta'`` is ``gamma xhat + beta`` there, and something else on another batch."""
    first = layer([[1.0]], [1.0], [4.0])
    plain = collapse_layers([first, LAST], U)[0]
    xhat = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    collapsed = plain.factor * (U @ plain.weight.T) + plain.shift
    assert np.array_equal(collapsed, 4 * xhat + 1)
    # Shifted by 2 the normalised values stay, and the plain ones do not.
    assert not np.array_equal(plain.factor * (U + 2) + plain.shift, 4 * xhat + 1)


def test_the_next_layer_sees_what_the_normalised_network_hands_on():
    """The tanh of ``gamma xhat + beta`` and not of ``W u``; the last layer is left out."""
    layers = [layer([[1.0]], [0.0], [4.0]), layer([[1.0]], [0.0], [1.0]), LAST]
    passed = [(own, mu.item(), v.item()) for own, mu, v in measure_statistics(layers, U)]
    # Of what the first hands on, half is tanh(4) and half tanh(-4).
    assert passed == [(layers[0], 3.0, 4.0), (layers[1], 0.0, np.tanh(4.0) ** 2)]


def test_a_missing_scale_counts_as_one():
    """A layer without one is collapsed as if it had a scale of 1."""
    (plain, _) = collapse_layers([Layer(np.array([[1.0]]), np.array([5.0])), LAST], U)
    assert (plain.factor.tolist(), plain.shift.tolist()) == ([0.5], [5 - 3 / 2])


def test_condition_numbers_by_hand(monkeypatch):
    """Of ``[[v + mu^2, mu], [mu, 1]]``: 4 and 1 where it is diagonal, 16 for v = 1 and mu = 3/2,
    which has trace 17/4 and determinant 1, hence the eigenvalues 1/4 and 4."""
    outputs = {NORMALISED: [[1.0, -8.0]], PLAIN: [[1.5, -8.0]]}
    networks = {
        name: SimpleNamespace(compute_outputs=lambda batch, values=values: np.array(values))
        for name, values in outputs.items()
    }
    statistics = [(None, np.zeros(2), np.array([4.0, 1.0])), (None, np.array([1.5]), np.ones(1))]
    monkeypatch.setattr(same_start, "cut_first_batch", lambda seed: U)
    monkeypatch.setattr(same_start, "build_networks", lambda seed: networks)
    monkeypatch.setattr(same_start, "measure_statistics", lambda layers, batch: iter(statistics))
    monkeypatch.setattr(same_start, "EPS", 0.5)
    row = measure_start(77)
    assert (row["seed"], row["largest_difference"], row["largest_output"]) == (77, 0.5, 8.0)
    assert (row["condition_plain_median"], row["condition_plain_largest"]) == (4.0, 16.0)
    # 1 + eps/v is largest for the smallest v, which is 1.
    assert row["condition_normalised_largest"] == 1.5
