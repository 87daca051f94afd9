"""How near 0 normalised values are, between the proved bounds, and how many reach a sigmoid where
it is a straight line.

Proved for every mini-batch, ``q = v/(v + eps)``: root mean square ``sqrt(q)`` (output-moments),
``|xhat_i| <= sqrt((m - 1) q)`` (samuelson), at most a share ``q/t^2`` has ``|xhat_i| >= t``
(chebyshev); and ``|sigma(z) - 1/2 - z/4| <= |z|^3/48`` (sigmoid-near-zero).  Measured on
mini-batches of 128 of the digits' pixels, of a trained network's hidden activations and of as many
standard normal values, eps = 1e-5, float64.  Shares are of all values of all features and batches,
0 to 1; constant pixels count (their xhat is 0).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bnproof.contract import Array
from bnproof.datasets import cut_batches, load_datasets
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.records import Row

BATCH, EPS = 128, 1e-5
THRESHOLDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
AFFINE = ((1.0, 0.0), (2.0, 0.0), (4.0, 0.0), (1.0, 1.0))
TOLERATED = 0.01  # of the sigmoid's output range, which is 1


@dataclass(frozen=True)
class Normalised:
    """All mini-batches of one data set: ``x`` and ``xhat`` ``(batches, m, features)``, ``q``
    ``(batches, features)``."""

    name: str
    x: Array
    xhat: Array
    q: Array

    @property
    def size(self) -> Array:
        """``|xhat|``."""
        return np.abs(self.xhat)


def measure_rows(seed: int) -> Iterator[Row]:
    """Everything, data set by data set."""
    for name, data in load_samples(seed).items():
        cut = normalise_batches(name, data, seed)
        yield from measure_shares(cut)
        yield measure_moments(cut)
        yield from measure_sigmoids(cut)


def load_samples(seed: int) -> dict[str, Array]:
    """The digits' pixels and hidden activations, and a standard normal sample of the latter's
    shape."""
    real = load_datasets()
    shape = real["digits, hidden activations"].shape
    return real | {"standard normal": np.random.default_rng(seed).normal(size=shape)}


def normalise_batches(name: str, data: Array, seed: int) -> Normalised:
    """Every whole mini-batch through the reference implementation."""
    x = np.stack(cut_batches(data, BATCH, seed))
    implementation = NumpyBatchNorm()
    parts = [implementation.normalise(batch, EPS) for batch in x]
    v = np.stack([part[2][0] for part in parts])
    return Normalised(name, x, np.stack([part[0] for part in parts]), v / (v + EPS))


def measure_shares(cut: Normalised) -> Iterator[Row]:
    """The share of ``|xhat| >= t`` beside its bound: over all values, and the feature of a batch
    that comes closest."""
    for t in THRESHOLDS:
        outside = (cut.size >= t).mean(axis=1)
        bound = cut.q / t**2
        yield {
            "kind": "linear_range_share",
            "data": cut.name,
            "m": BATCH,
            "t": t,
            "share_below": float((cut.size < t).mean()),
            "share_outside": float(outside.mean()),
            "chebyshev": float(np.minimum(bound, 1).mean()),
            "largest_over_chebyshev": float((outside[cut.q > 0] / bound[cut.q > 0]).max()),
        }


def measure_moments(cut: Normalised) -> Row:
    """Size of the normalised values beside what is proved about it."""
    largest, samuelson = cut.size.max(axis=1), np.sqrt((BATCH - 1) * cut.q)
    measured, proved = np.sqrt((cut.xhat**2).mean(axis=1)), np.sqrt(cut.q)
    varied = cut.q > 0
    return {
        "kind": "linear_range_moments",
        "data": cut.name,
        "m": BATCH,
        "batches": len(cut.x),
        "features": cut.x.shape[2],
        "constant_share": float((~varied).mean()),
        "root_mean_square": float(np.sqrt((cut.xhat**2).mean())),
        "root_of_mean_q": float(np.sqrt(cut.q.mean())),
        "largest_root_mean_square_gap": float(np.abs(measured - proved).max()),
        "smallest_root_of_q_varied": float(proved[varied].min()),
        "largest": float(largest.max()),
        "samuelson": float(samuelson.max()),
        "largest_over_samuelson": float((largest[varied] / samuelson[varied]).max()),
        "median_over_samuelson": float(np.median(largest[varied] / samuelson[varied])),
    }


def measure_sigmoids(cut: Normalised) -> Iterator[Row]:
    """``z = gamma xhat + beta`` for some gamma, beta, and the values as they are (gamma and beta
    ``None``)."""
    yield measure_sigmoid(cut.name, cut.x, None, None)
    for gamma, beta in AFFINE:
        yield measure_sigmoid(cut.name, gamma * cut.xhat + beta, gamma, beta)


def measure_sigmoid(name: str, z: Array, gamma: float | None, beta: float | None) -> Row:
    """Share of values where the sigmoid is a straight line, or the identity, to 1 % of its output
    range.

    ``proved_share``: those with ``|z|^3/48`` within it, for which the theorem promises it.
    """
    sigmoid = 1 / (1 + np.exp(-z))
    return {
        "kind": "sigmoid_linear",
        "data": name,
        "gamma": gamma,
        "beta": beta,
        "share": float((np.abs(sigmoid - (0.5 + z / 4)) <= TOLERATED).mean()),
        "proved_share": float((np.abs(z) ** 3 / 48 <= TOLERATED).mean()),
        "identity_share": float((np.abs(sigmoid - z) <= TOLERATED).mean()),
        "mean_size": float(np.abs(z).mean()),
    }
