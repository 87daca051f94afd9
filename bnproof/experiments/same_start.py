"""Two networks that are the same function of the first mini-batch: normalised with ``gamma, beta``,
and affine.

Theorem collapse: on one mini-batch ``gamma xhat + beta = gamma' h + beta'`` with
``gamma' = gamma/s``, ``beta' = beta - gamma mu/s``.  Digits, 64-32-32-10, tanh, float64; the pairs
of each hidden layer are collapsed with the first batch's statistics.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnproof.contract import Array
from bnproof.experiments.training import draw_layers, draw_mini_batches, load_labelled_digits
from bnproof.implementations.torch_training import Layer, Perceptron, use_one_thread
from bnproof.records import Row

WIDTHS = (64, 32, 32, 10)
EPS = 1e-5
NORMALISED, PLAIN = "gamma, beta on normalised values", "gamma', beta' on plain values"


def build_networks(seed: int) -> dict[str, Perceptron]:
    """Both, from the same first weights."""
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
    """Each hidden layer with ``mu`` and ``v`` of its ``W u`` as the batch passes the normalised
    network."""
    for layer in layers[:-1]:
        h = u @ layer.weight.T
        mu, v = h.mean(axis=0), h.var(axis=0)
        yield layer, mu, v
        u = np.tanh(layer.factor * (h - mu) / np.sqrt(v + EPS) + layer.shift)


def collapse_layers(layers: list[Layer], u: Array) -> list[Layer]:
    """The layers with ``gamma'`` and ``beta'`` in the places of gamma and beta, from the statistics
    of the batch ``u``."""
    plain = []
    for layer, mu, v in measure_statistics(layers, u):
        scale = layer.factor / np.sqrt(v + EPS)
        plain.append(Layer(layer.weight, layer.shift - scale * mu, scale))
    return [*plain, layers[-1]]


def measure_start(seed: int) -> Row:
    """How far the outputs of the two are apart on the first batch, and the condition numbers each
    learns with.

    Theorem least-squares-conditioning, over all hidden features: ``1 + eps/v``, and the solution of
    ``cond + 1/cond = (v + mu^2 + 1)^2/v - 2``.
    """
    batch = cut_first_batch(seed)
    with use_one_thread():
        ours, plain = (network.compute_outputs(batch) for network in build_networks(seed).values())
    passed = list(measure_statistics(draw_layers(WIDTHS, seed, scale=True), batch))
    mu, v = (np.concatenate([entry[part] for entry in passed]) for part in (1, 2))
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
