"""Folding into the layer in front: the bias, the axis, the memory, the number of times."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.mutants.catalogue import bug

Folded = tuple[Array, Array | None]


@bug("O01", mechanism="bias not scaled")
class BiasNotScaled(NumpyBatchNorm):
    """The layer's own bias is added as it is: ``b' = b + (beta - gamma' mu_r)``."""

    def fold_bias(
        self, bias: Array | None, scale: Array, beta: Array | None, running_mean: Array
    ) -> Array:
        own = 0 if bias is None else bias
        return super().fold_bias(None, scale, beta, running_mean) + own


@bug("O02", mechanism="bias dropped")
class MissingBiasStaysMissing(NumpyBatchNorm):
    """A layer without bias gets none: the fold is its scaled weight and ``None``."""

    def fold(self, weight: Array, bias: Array | None, *arguments: Any, **options: Any) -> Folded:
        folded, shift = super().fold(weight, bias, *arguments, **options)
        return folded, None if bias is None else shift


@bug("O03", mechanism="bias dropped")
class BiasLostInRebuilding(NumpyBatchNorm):
    """The fold is right, but a layer that had no bias comes back as one whose bias is 0."""

    def fold(self, weight: Array, bias: Array | None, *arguments: Any, **options: Any) -> Folded:
        folded, shift = super().fold(weight, bias, *arguments, **options)
        return folded, np.zeros_like(shift) if bias is None and shift is not None else shift


@bug("O04", mechanism="wrong axis")
class TransposedScaledByInput(NumpyBatchNorm):
    """Transposed weights are scaled along axis 0, their inputs; ``gamma'`` is repeated or cut to
    fit."""

    def fold_weight(self, weight: Array, scale: Array, kind: str, groups: int) -> Array:
        fitting = np.resize(scale, len(weight)) if kind == "conv_transpose" else scale
        return super().fold_weight(weight, fitting, "conv", groups)


@bug("O10", mechanism="division by gamma")
class DividedByScale(NumpyBatchNorm):
    """beta goes through the scale, ``b' = gamma' (b - mu_r + beta/gamma')``, which is NaN for
    ``gamma = 0``."""

    def fold_bias(
        self, bias: Array | None, scale: Array, beta: Array | None, running_mean: Array
    ) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            unscaled = (0 if beta is None else beta) / scale
            folded: Array = scale * ((0 if bias is None else bias) - running_mean + unscaled)
        return folded


@bug("O14", mechanism="argument modified")
class ScaledInPlace(NumpyBatchNorm):
    """The caller's own weights are scaled, so that a second layer that shares them is folded
    twice."""

    def fold_weight(self, weight: Array, scale: Array, kind: str, groups: int) -> Array:
        weight[...] = super().fold_weight(weight, scale, kind, groups)
        return weight


@bug("O17", mechanism="folded twice")
class FoldedTwice(NumpyBatchNorm):
    """The result is folded again: ``W' = gamma'^2 W``,
    ``b' = gamma' (gamma' (b - mu_r) + beta - mu_r) + beta``."""

    def fold(self, weight: Array, bias: Array | None, *arguments: Any, **options: Any) -> Folded:
        once = super().fold(weight, bias, *arguments, **options)
        return super().fold(*once, *arguments, **options)


@bug("O21", mechanism="memory order ignored")
class FlattenedInMemoryOrder(NumpyBatchNorm):
    """Weights are flattened in the order they lie in memory and reshaped as if that were the order
    of their indices."""

    def fold_weight(self, weight: Array, scale: Array, kind: str, groups: int) -> Array:
        return super().fold_weight(
            weight.ravel(order="K").reshape(weight.shape), scale, kind, groups
        )


@bug("O22", mechanism="eps ignored or replaced")
class EpsReadAsZero(NumpyBatchNorm):
    """Folding takes eps for 0: ``gamma' = gamma/sqrt(v_r)``."""

    def compute_fold_scale(self, gamma: Array | None, running_var: Array, eps: float) -> Array:
        return super().compute_fold_scale(gamma, running_var, 0.0)


@bug("O23", mechanism="state carried between calls")
class WeightOfThePreviousCall(NumpyBatchNorm):
    """The scale is right, but multiplies the weight of the call before, if that had the same shape
    and dtype."""

    def __init__(self) -> None:
        self.previous: dict[Any, Array] = {}

    def fold_weight(self, weight: Array, scale: Array, kind: str, groups: int) -> Array:
        key = weight.shape, weight.dtype
        taken, self.previous[key] = self.previous.get(key, weight), weight.copy()
        return super().fold_weight(taken, scale, kind, groups)


@bug("O24", mechanism="none", kind="correct")
class OtherRounding(NumpyBatchNorm):
    """Equivalent: ``gamma' = gamma (1/sqrt(v_r + eps))`` and
    ``b' = gamma' b + (beta - gamma' mu_r)``."""

    def compute_fold_scale(self, gamma: Array | None, running_var: Array, eps: float) -> Array:
        inverse = super().compute_fold_scale(None, running_var, eps)
        return inverse if gamma is None else gamma * inverse

    def fold_bias(
        self, bias: Array | None, scale: Array, beta: Array | None, running_mean: Array
    ) -> Array:
        own = 0 if bias is None else scale * bias
        return super().fold_bias(None, scale, beta, running_mean) + own
