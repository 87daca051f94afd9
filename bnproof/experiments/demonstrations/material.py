"""The mini-batches the demonstrations work on, and the few measures they share.

:class:`Material` holds the data. :func:`normalise`, :func:`gradients`, :func:`infer` and
:func:`track` ask an implementation, and :func:`evaluate` asks the book: it runs a proved formula on
floats, so that each number compares what is computed with what is proved.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Expr, Sum, Symbol, sqrt

from bnproof.contract import Array
from bnproof.datasets import compute_activations, cut_batches, load_pixels
from bnproof.experiments.networks import load_labelled_digits
from bnproof.implementations.targets import load
from bnproof.lowering.numbers import Floats
from bnproof.lowering.program import lower
from bnproof.symbolic.setting import eps, j, m, mu, v, x

# The defaults of PyTorch; ALPHA weighs the new value.
EPS, ALPHA = 1e-5, 0.1
# The larger for what one batch shows, the smaller where batches are compared with each other.
BATCH, SMALL = 128, 32
# Pixel values run from 0 to 16.
BRIGHTEST = 16
# The book's formulas run in float64 here, as the implementations do.
FLOATS = Floats()
# The data in the words that pages show.
HIDDEN = f"digits, hidden activations, batch of {BATCH}"
HIDDEN_SMALL = f"digits, hidden activations, batches of {SMALL}"
PIXELS = f"digits, raw pixels that vary, batch of {BATCH}"
LAYER = f"digits, pixels/{BRIGHTEST} through a linear layer, batch of {BATCH}"
IMAGES = "digits, all images"

# The variance of the normalised values (theorem output-moments).
q = v / (v + eps)


@dataclass(frozen=True)
class Material:
    """Real mini-batches in a random order that the seed determines.

    All arrays are float64 with features last. They are computed when they are first asked for.

    Attributes
    ----------
    seed : int
        Determines the order of the images and all random weights.
    """

    seed: int

    @property
    def random(self) -> np.random.Generator:
        """A fresh source of random weights, the same at every use."""
        # Not kept: a demonstration must not depend on which others ran before it.
        return np.random.default_rng(self.seed)

    def cut_hidden(self, size: int) -> list[Array]:
        """Mini-batches of the 32 hidden pre-activations.

        Parameters
        ----------
        size : int
            Values per mini-batch.

        Returns
        -------
        list of array of shape (size, 32)
            Whole mini-batches alone.
        """
        return cut_batches(compute_activations(), size, self.seed)

    @cached_property
    def hidden(self) -> Array:
        """The first mini-batch of hidden pre-activations, ``(128, 32)``."""
        return self.cut_hidden(BATCH)[0]

    @cached_property
    def pixels(self) -> Array:
        """The first mini-batch of raw pixels, ``(128, 64)``; some pixels are constant."""
        return cut_batches(load_pixels(), BATCH, self.seed)[0]

    @cached_property
    def varying(self) -> Array:
        """The raw pixels that vary within that mini-batch, so that ``v > 0``."""
        return self.varying_batches[0]

    @cached_property
    def varying_batches(self) -> list[Array]:
        """All mini-batches of the pixels that vary within the first; a few are constant in another
        one."""
        varies = np.ptp(self.pixels, axis=0) > 0
        return [batch[:, varies] for batch in cut_batches(load_pixels(), BATCH, self.seed)]

    @cached_property
    def layer_batches(self) -> list[tuple[Array, Array]]:
        """Inputs of a linear layer, ``(128, 64)`` in [0, 1], with the classes as indicators,
        ``(128, 10)``."""
        inputs = cut_batches(load_pixels() / BRIGHTEST, BATCH, self.seed)
        # Inputs and labels are cut with the same seed, so that they belong together.
        return list(zip(inputs, (indicators(labels) for labels in self._labels), strict=True))

    @cached_property
    def weight(self) -> Array:
        """Random weights of a linear layer with one unit a class, ``(10, 64)``."""
        units, inputs = 10, load_pixels().shape[1]
        # A stream of its own, apart from that of ``random`` and from the order of the batches.
        return np.random.default_rng((self.seed, units)).normal(size=(units, inputs)) / np.sqrt(
            inputs
        )

    @cached_property
    def _labels(self) -> list[Array]:
        return cut_batches(load_labelled_digits()[1], BATCH, self.seed)

    def target(self, features: int) -> Array:
        """What each feature of the first mini-batch is fitted to.

        Feature number n is to tell whether the digit is ``n modulo 10``, so any number of features
        has a target from real labels.

        Parameters
        ----------
        features : int
            How many columns are wanted.

        Returns
        -------
        array of shape (128, features)
            Of zeros and ones.
        """
        shown = indicators(self._labels[0])
        # Repeated where there are more features than digits.
        return shown[:, np.arange(features) % shown.shape[1]]

    @cached_property
    def fitted(self) -> tuple[Array, Array]:
        """The (gamma, beta) of the hidden batch with the least squared distance from
        :meth:`target`.

        Some of the gammas are negative, so that a sign that is lost shows.
        """
        return fit(normalise(self.hidden), self.target(self.hidden.shape[1]))


def indicators(labels: Array) -> Array:
    """``(values, 10)``: 1 in the column of the class, else 0.

    Examples
    --------
    >>> import numpy as np
    >>> indicators(np.array([2]))
    array([[0., 0., 1., 0., 0., 0., 0., 0., 0., 0.]])
    """
    return np.eye(10)[labels]


def normalise(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    eps: float = EPS,
    target: str = "numpy",
) -> Array:
    """The training-mode output of an implementation.

    Parameters
    ----------
    x : array of shape (values, features)
        The mini-batch.
    gamma, beta : array of shape (features,), optional
        Missing ones count as 1 and 0.
    eps : float
        The eps of the normalisation.
    target : str
        The implementation, by the name of a built-in one.

    Returns
    -------
    array of shape (values, features)
        y.
    """
    # No running statistics are asked for, so the momentum has no effect.
    y: Array = load(target).train(x, gamma, beta, None, None, eps=eps, momentum=ALPHA)[0]
    return y


def gradients(
    g: Array, x: Array, gamma: Array, *, eps: float = EPS, target: str = "numpy"
) -> tuple[Array, ...]:
    """``(dx, dgamma, dbeta)`` of an implementation in training mode.

    Parameters
    ----------
    g : array of shape (values, features)
        The upstream gradient.
    x : array of shape (values, features)
        The mini-batch.
    gamma : array of shape (features,)
        The scale; beta is 0, which no gradient depends on.
    eps : float
        The eps of the normalisation.
    target : str
        The implementation, by the name of a built-in one.

    Returns
    -------
    tuple of three arrays
        The vector-Jacobian product.
    """
    result: tuple[Array, ...] = load(target).train_vjp(g, x, gamma, np.zeros_like(gamma), eps=eps)
    return result


def infer(x: Array, gamma: Array, beta: Array, statistics: tuple[Array, Array]) -> Array:
    """The inference output of the NumPy reference with the given running mean and variance."""
    y: Array = load("numpy").infer(x, gamma, beta, *statistics, eps=EPS)
    return y


def track(cut: list[Array], statistics: tuple[Array, Array]) -> tuple[Array, Array]:
    """Running mean and variance after training on the batches one by one.

    Parameters
    ----------
    cut : list of array of shape (m, features)
        The batches, in the order they are trained on.
    statistics : tuple of two arrays of shape (features,)
        Mean and variance before the first batch.

    Returns
    -------
    tuple of two arrays of shape (features,)
        Mean and variance after the last one, by the NumPy reference with the momentum ``ALPHA``.
    """
    mean, variance = statistics
    for batch in cut:
        _, mean, variance = load("numpy").train(
            batch, None, None, mean, variance, eps=EPS, momentum=ALPHA
        )
    return mean, variance


def evaluate(formula: Expr, *free: Symbol, **inputs: Any) -> Array:
    """A formula of the book in float64.

    Parameters
    ----------
    formula : Expr
        What is evaluated, such as ``gamma_collapsed``.
    *free : Symbol
        Its free indices. Each becomes an axis of length m, in this order, before the features.
    **inputs
        Arrays by the names of the formula's symbols; eps is 1e-5 unless given.

    Returns
    -------
    array of shape (m, ..., features)
        One axis of length m for each free index.
    """
    return np.asarray(lower(formula, *free)(FLOATS, {"eps": EPS} | inputs))


def moment(values: Array, order: int) -> Array:
    """The standardised moment ``mean((x - mu)^k)/v^(k/2)`` of each feature, with k = ``order``.

    Examples
    --------
    Four values, of which three lie together, are skewed:

    >>> import numpy as np
    >>> moment(np.array([[1.0], [1.0], [1.0], [5.0]]), 3).round(3)
    array([1.155])
    """
    return evaluate(Sum((x[j] - mu) ** order, (j, 1, m)) / m / sqrt(v) ** order, x=values)


def fit(values: Array, target: Array) -> tuple[Array, Array]:
    """The least-squares line through (values, target), feature by feature.

    Parameters
    ----------
    values, target : array of shape (m, features)
        Where the line is taken, and what it should be there. No feature may be constant.

    Returns
    -------
    tuple of two arrays of shape (features,)
        Slope and intercept.
    """
    # Centred first: the slope is cov(values, target)/var(values), and the plain normal equations
    # cancel.
    centred = values - values.mean(axis=0)
    # The factor 1/m of covariance and variance cancels, so biased ones will do.
    slope: Array = (centred * target).mean(axis=0) / (centred**2).mean(axis=0)
    return slope, target.mean(axis=0) - slope * values.mean(axis=0)


def best_pair_residual(inputs: list[Array], outputs: list[Array]) -> Array:
    """What the best constant pair (c, d) of each feature leaves of the outputs.

    Parameters
    ----------
    inputs, outputs : list of array of shape (m, features)
        Batches and what is to be reached on them. One pair has to serve all of them together.

    Returns
    -------
    array of shape (all values, features)
        ``y - (c x + d)`` with c and d of least squares.
    """
    # One pair for all batches: fitted to each by itself there would be nothing left.
    together, wanted = np.concatenate(inputs), np.concatenate(outputs)
    slope, offset = fit(together, wanted)
    return wanted - (slope * together + offset)


def max_magnitude(values: Any) -> float:
    """The largest absolute value."""
    return float(np.abs(values).max())


def root_mean_square(values: Any) -> float:
    """The root mean square of all entries."""
    return float(np.sqrt(np.mean(np.square(values))))
