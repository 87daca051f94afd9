"""How near 0 normalised values are, and how many reach a sigmoid where it is a straight line.

Four theorems bound what can be seen here. They hold for every mini-batch, with ``q = v/(v + eps)``:

- the root mean square of xhat is ``sqrt(q)`` (output-moments);
- ``|xhat_i| <= sqrt((m - 1) q)`` (samuelson);
- at most a share ``q/t^2`` of the values has ``|xhat_i| >= t`` (chebyshev);
- ``|sigma(z) - 1/2 - z/4| <= |z|^3/48`` (sigmoid-near-zero).

How many values lie where is no theorem, so it is measured. The data are mini-batches of 128 of the
digits' pixels, of a trained network's hidden activations and of as many standard normal values,
with eps = 1e-5 in float64. Shares run from 0 to 1 and are of all values of all features and
batches. Constant pixels count, and their xhat is 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bnproof.contract import Array
from bnproof.datasets import cut_batches, load_datasets
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.records import Row

# The batch size bounds the largest |xhat| (samuelson); eps is the default of PyTorch.
BATCH, EPS = 128, 1e-5
# From well inside the straight part of a sigmoid to where Chebyshev's bound begins to say
# something.
THRESHOLDS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
# The fresh layer, two larger scales that leave the straight part, and one shift.
AFFINE = ((1.0, 0.0), (2.0, 0.0), (4.0, 0.0), (1.0, 1.0))
# Of the sigmoid's output range, which is 1. It is part of the question that is asked, not a
# tolerance of a test: a larger value would call more of the sigmoid straight.
TOLERATED = 0.01


@dataclass(frozen=True)
class Normalised:
    """All mini-batches of one data set, before and after normalising.

    Attributes
    ----------
    name : str
        The data set.
    x, xhat : array of shape (batches, m, features)
        The values and the normalised values, float64.
    q : array of shape (batches, features)
        ``v/(v + eps)`` of each feature of a batch, 0 where it is constant.
    """

    name: str
    x: Array
    xhat: Array
    q: Array

    @property
    def size(self) -> Array:
        """``|xhat|``."""
        return np.abs(self.xhat)


def measure_rows(seed: int) -> Iterator[Row]:
    """Shares, moments and the sigmoid, data set by data set.

    Parameters
    ----------
    seed : int
        Determines the order of the images and the normal sample.

    Yields
    ------
    Row
        Of the kinds ``linear_range_share``, ``linear_range_moments`` and ``sigmoid_linear``.
    """
    for name, data in load_samples(seed).items():
        cut = normalise_batches(name, data, seed)
        yield from measure_shares(cut)
        yield measure_moments(cut)
        yield from measure_sigmoids(cut)


def load_samples(seed: int) -> dict[str, Array]:
    """The digits' pixels, their hidden activations, and a standard normal sample of the latter's
    shape.

    The normal sample is the case the textbook picture has in mind, so that the others can be told
    from it.

    Parameters
    ----------
    seed : int
        Determines the normal sample.

    Returns
    -------
    dict of str to array of shape (values, features)
        The values by the name of the data set.
    """
    real = load_datasets()
    shape = real["digits, hidden activations"].shape
    return real | {"standard normal": np.random.default_rng(seed).normal(size=shape)}


def normalise_batches(name: str, data: Array, seed: int) -> Normalised:
    """Every whole mini-batch through the reference implementation.

    Parameters
    ----------
    name : str
        How the data set is called in the rows.
    data : array of shape (values, features)
        What is cut into batches of ``BATCH``; what is left over is not used.
    seed : int
        Determines the order.

    Returns
    -------
    Normalised
        The batches side by side.
    """
    x = np.stack(cut_batches(data, BATCH, seed))
    implementation = NumpyBatchNorm()
    parts = [implementation.normalise(batch, EPS) for batch in x]
    v = np.stack([part[2][0] for part in parts])
    return Normalised(name, x, np.stack([part[0] for part in parts]), v / (v + EPS))


def measure_shares(cut: Normalised) -> Iterator[Row]:
    """The share of ``|xhat| >= t`` beside its bound, for each threshold.

    Parameters
    ----------
    cut : Normalised
        The batches of one data set.

    Yields
    ------
    Row
        Of the kind ``linear_range_share``. ``share_outside`` and ``chebyshev`` are means over all
        features and batches. ``largest_over_chebyshev`` is the one feature of one batch that comes
        closest to its own bound, and at most 1 by the theorem.
    """
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
            # Capped at 1 before the mean is taken: no share is larger.
            "chebyshev": float(np.minimum(bound, 1).mean()),
            # A constant feature has the bound 0 and no value outside: 0/0 is left out.
            "largest_over_chebyshev": float((outside[cut.q > 0] / bound[cut.q > 0]).max()),
        }


def measure_moments(cut: Normalised) -> Row:
    """Size of the normalised values beside what is proved about it.

    Parameters
    ----------
    cut : Normalised
        The batches of one data set.

    Returns
    -------
    Row
        Of the kind ``linear_range_moments``. ``largest_root_mean_square_gap`` is the largest
        distance of a feature's root mean square from the proved ``sqrt(q)``, hence pure rounding.
        The ratios to Samuelson's bound leave constant features out.
    """
    largest, samuelson = cut.size.max(axis=1), np.sqrt((BATCH - 1) * cut.q)
    measured, proved = np.sqrt((cut.xhat**2).mean(axis=1)), np.sqrt(cut.q)
    # A constant feature has q = 0 and cannot be compared with a bound of 0.
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
    """``z = gamma xhat + beta`` for some gamma and beta, and the values as they are.

    The row of the values that are not normalised has ``None`` for gamma and beta.

    Parameters
    ----------
    cut : Normalised
        The batches of one data set.

    Yields
    ------
    Row
        Of the kind ``sigmoid_linear``: the plain values first, then one for each pair of
        ``AFFINE``.
    """
    yield measure_sigmoid(cut.name, cut.x, None, None)
    for gamma, beta in AFFINE:
        yield measure_sigmoid(cut.name, gamma * cut.xhat + beta, gamma, beta)


def measure_sigmoid(name: str, z: Array, gamma: float | None, beta: float | None) -> Row:
    """Share of values for which the sigmoid is a straight line, or the identity, to 1 % of its
    output range.

    Parameters
    ----------
    name : str
        The data set.
    z : array
        What the sigmoid is given, of any shape.
    gamma, beta : float or None
        What z was made with, for the row; ``None`` where it was not normalised.

    Returns
    -------
    Row
        Of the kind ``sigmoid_linear``. ``share`` counts the values within ``TOLERATED`` of the line
        ``1/2 + z/4``. ``proved_share`` counts those with ``|z|^3/48`` within it, for which the
        theorem sigmoid-near-zero promises as much, so it is never the larger. ``identity_share``
        compares with z itself.
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
