"""Two networks that are the same function of the first mini-batch, one normalised and one affine.

On one mini-batch ``gamma xhat + beta = gamma' h + beta'`` with ``gamma' = gamma/s`` and
``beta' = beta - gamma mu/s`` (theorem collapse). So the pairs of each hidden layer are collapsed
with the first batch's statistics, layer by layer, and the second network is given the collapsed
ones. What the two do after the first step is what :mod:`bnproof.experiments.parametrisations`
measures.

The networks are 64-32-32-10 on the digits, with tanh, in float64.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnproof.contract import Array
from bnproof.experiments.networks import draw_layers, draw_mini_batches, load_labelled_digits
from bnproof.implementations.torch_training import Layer, Perceptron, use_one_thread
from bnproof.records import Row

# Two hidden layers, so that one normalised layer feeds another.
WIDTHS = (64, 32, 32, 10)
EPS = 1e-5
# Rows, plots and the ledger name the two networks by these words.
NORMALISED, PLAIN = "gamma, beta on normalised values", "gamma', beta' on plain values"


def build_networks(seed: int) -> dict[str, Perceptron]:
    """Both networks, made from the same first weights.

    Parameters
    ----------
    seed : int
        Determines the weights and the first mini-batch.

    Returns
    -------
    dict of str to Perceptron
        ``NORMALISED`` and ``PLAIN``. The second has scales and shifts from the first batch, and
        does not normalise.
    """
    layers = draw_layers(WIDTHS, seed, scale=True)
    return {
        NORMALISED: Perceptron(layers, nonlinearity="tanh", eps=EPS),
        PLAIN: Perceptron(
            collapse_layers(layers, cut_first_batch(seed)), nonlinearity="tanh", eps=None
        ),
    }


def cut_first_batch(seed: int) -> Array:
    """The pixels of the first mini-batch of the training with this seed."""
    pixels, _ = load_labelled_digits()
    return pixels[next(draw_mini_batches(len(pixels), 1, seed))]


def measure_statistics(layers: list[Layer], u: Array) -> Iterator[tuple[Layer, Array, Array]]:
    """``mu`` and ``v`` of each hidden layer's ``W u``, as the batch passes the normalised network.

    Parameters
    ----------
    layers : list of Layer
        All layers; the last is not normalised and is left out.
    u : array of shape (values, inputs)
        The batch.

    Yields
    ------
    tuple of Layer, array, array
        The layer, and the mean and biased variance of its units.
    """
    for layer in layers[:-1]:
        h = u @ layer.weight.T
        # np.var is the biased variance, which is what a batch is normalised with.
        mu, v = h.mean(axis=0), h.var(axis=0)
        yield layer, mu, v
        # The next layer sees what the normalised network hands on, not W u.
        u = np.tanh(layer.factor * (h - mu) / np.sqrt(v + EPS) + layer.shift)


def collapse_layers(layers: list[Layer], u: Array) -> list[Layer]:
    """The layers with ``gamma'`` and ``beta'`` in the places of gamma and beta.

    Parameters
    ----------
    layers : list of Layer
        The layers of the normalised network.
    u : array of shape (values, inputs)
        The batch whose statistics are frozen.

    Returns
    -------
    list of Layer
        Hidden layers with ``gamma/s`` and ``beta - gamma mu/s``, and the last layer as it is.
    """
    plain = []
    for layer, mu, v in measure_statistics(layers, u):
        scale = layer.factor / np.sqrt(v + EPS)
        plain.append(Layer(layer.weight, layer.shift - scale * mu, scale))
    return [*plain, layers[-1]]


def measure_start(seed: int) -> Row:
    """How far apart the two networks are on the first batch, and the condition numbers they learn
    with.

    Parameters
    ----------
    seed : int
        Determines the weights and the first mini-batch.

    Returns
    -------
    Row
        Of the kind ``parametrisation_start``; condition numbers are over all hidden features.

    Notes
    -----
    By the theorem least-squares-conditioning the normalised pair sees ``1 + eps/v``. The plain pair
    sees the solution ``cond >= 1`` of ``cond + 1/cond = (v + mu^2 + 1)^2/v - 2``.
    """
    batch = cut_first_batch(seed)
    # On several threads the order of sums, and with it the last bits, may change.
    with use_one_thread():
        ours, plain = (network.compute_outputs(batch) for network in build_networks(seed).values())
    passed = list(measure_statistics(draw_layers(WIDTHS, seed, scale=True), batch))
    mu, v = (np.concatenate([entry[part] for entry in passed]) for part in (1, 2))
    # With c + 1/c = 2h the larger solution is c = h + sqrt(h^2 - 1); h is at least 1.
    half = ((v + mu**2 + 1) ** 2 / v - 2) / 2
    condition = half + np.sqrt(half**2 - 1)
    return {
        "kind": "parametrisation_start",
        "seed": seed,
        "largest_difference": float(np.abs(ours - plain).max()),
        "largest_output": float(np.abs(ours).max()),
        "condition_plain_median": float(np.median(condition)),
        "condition_plain_largest": float(condition.max()),
        "condition_normalised_largest": float((1 + EPS / v).max()),
    }
