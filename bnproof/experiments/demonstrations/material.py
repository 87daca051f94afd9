"""The mini-batches the demonstrations work on, and the few measures they share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from sympy import Expr, Sum, Symbol, sqrt

from bnproof.contract import Array
from bnproof.datasets import compute_activations, cut_batches, load_pixels
from bnproof.implementations.targets import load
from bnproof.lowering.numbers import Floats
from bnproof.lowering.program import lower
from bnproof.symbolic.setting import eps, j, m, mu, v, x

EPS, ALPHA = 1e-5, 0.1
BATCH, SMALL = 128, 32
BRIGHTEST = 16  # pixel values run from 0 to 16
FLOATS = Floats()
HIDDEN = f"digits, hidden activations, batch of {BATCH}"
HIDDEN_SMALL = f"digits, hidden activations, batches of {SMALL}"
PIXELS = f"digits, raw pixels that vary, batch of {BATCH}"
LAYER = f"digits, pixels/{BRIGHTEST} through a linear layer, batch of {BATCH}"
IMAGES = "digits, all images"

q = v / (v + eps)


@dataclass(frozen=True)
class Material:
    """Real mini-batches in a random order that the seed determines; all arrays float64, features
    last."""

    seed: int

    @property
    def random(self) -> np.random.Generator:
        """A fresh source of random weights, the same at every use."""
        return np.random.default_rng(self.seed)

    def cut_hidden(self, size: int) -> list[Array]:
        """Mini-batches of the 32 hidden pre-activations, each ``(size, 32)``."""
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
        return list(zip(inputs, (indicators(labels) for labels in self._labels), strict=True))

    @cached_property
    def weight(self) -> Array:
        """Random weights of a linear layer with one unit a class, ``(10, 64)``."""
        units, inputs = 10, load_pixels().shape[1]
        return np.random.default_rng((self.seed, units)).normal(size=(units, inputs)) / np.sqrt(
            inputs
        )

    @cached_property
    def _labels(self) -> list[Array]:
        return cut_batches(load_classes(), BATCH, self.seed)

    def target(self, features: int) -> Array:
        """What each feature of the first mini-batch is fitted to: whether the digit is its number
        modulo 10."""
        shown = indicators(self._labels[0])
        return shown[:, np.arange(features) % shown.shape[1]]

    @cached_property
    def fitted(self) -> tuple[Array, Array]:
        """The (gamma, beta) of the hidden batch with the least squared distance from
        :meth:`target`; some are negative."""
        return fit(normalise(self.hidden), self.target(self.hidden.shape[1]))


@cache
def load_classes() -> Array:
    """The digit each of the 1797 images shows."""
    from sklearn.datasets import load_digits

    labels: Array = load_digits().target
    return labels


def indicators(labels: Array) -> Array:
    """``(values, 10)``: 1 in the column of the class, else 0."""
    return np.eye(10)[labels]


@cache
def load_builtin(name: str) -> Any:
    """A built-in implementation."""
    return load(name)


def normalise(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    eps: float = EPS,
    target: str = "numpy",
) -> Array:
    """The training-mode output of an implementation, ``(values, features)``; a missing gamma is 1,
    a missing beta 0."""
    y: Array = load_builtin(target).train(x, gamma, beta, None, None, eps=eps, momentum=ALPHA)[0]
    return y


def gradients(
    g: Array, x: Array, gamma: Array, *, eps: float = EPS, target: str = "numpy"
) -> tuple[Array, ...]:
    """``(dx, dgamma, dbeta)`` of an implementation for the upstream gradient ``g``."""
    result: tuple[Array, ...] = load_builtin(target).train_vjp(
        g, x, gamma, np.zeros_like(gamma), eps=eps
    )
    return result


def infer(x: Array, gamma: Array, beta: Array, statistics: tuple[Array, Array]) -> Array:
    """The inference output with running statistics."""
    y: Array = load_builtin("numpy").infer(x, gamma, beta, *statistics, eps=EPS)
    return y


def track(cut: list[Array], statistics: tuple[Array, Array]) -> tuple[Array, Array]:
    """Running mean and variance after training on the batches one by one."""
    mean, variance = statistics
    for batch in cut:
        _, mean, variance = load_builtin("numpy").train(
            batch, None, None, mean, variance, eps=EPS, momentum=ALPHA
        )
    return mean, variance


def evaluate(formula: Expr, *free: Symbol, **inputs: Any) -> Array:
    """A formula of the book in float64: ``(m, ..., features)`` with an axis per free index; eps is
    1e-5 unless given."""
    return np.asarray(lower(formula, *free)(FLOATS, {"eps": EPS} | inputs))


def moment(values: Array, order: int) -> Array:
    """The standardised moment ``mean((x - mu)^k)/v^(k/2)`` of each feature."""
    return evaluate(Sum((x[j] - mu) ** order, (j, 1, m)) / m / sqrt(v) ** order, x=values)


def fit(values: Array, target: Array) -> tuple[Array, Array]:
    """Slope and intercept of the least-squares line through (values, target), feature by
    feature."""
    centred = values - values.mean(axis=0)
    slope: Array = (centred * target).mean(axis=0) / (centred**2).mean(axis=0)
    return slope, target.mean(axis=0) - slope * values.mean(axis=0)


def best_pair_residual(inputs: list[Array], outputs: list[Array]) -> Array:
    """What the best constant pair (c, d) a feature leaves of the outputs, over all batches
    together."""
    together, wanted = np.concatenate(inputs), np.concatenate(outputs)
    slope, offset = fit(together, wanted)
    return wanted - (slope * together + offset)


def max_magnitude(values: Any) -> float:
    """The largest absolute value."""
    return float(np.abs(values).max())


def root_mean_square(values: Any) -> float:
    """The root mean square of all entries."""
    return float(np.sqrt(np.mean(np.square(values))))


def spread(values: Any) -> float:
    """The largest minus the smallest."""
    return float(np.ptp(values))
