"""Folding into the layer in front: the bias, the axis, the memory, the number of times.

With ``gamma' = gamma/sqrt(v_r + eps)`` the folded layer has ``W' = gamma' W`` and ``b' = gamma' (b
- mu_r) + beta``. Projects compared the two networks at tolerances up to 2e-1, or on layers without
bias, with as many inputs as outputs, and with gamma = 1.
"""

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
        """``b' = b + beta - gamma' mu_r``, too large by ``(1 - gamma') b``.

        It went from a blog post into several YOLO code bases, and ncnn had it independently for
        four kinds of layer. A convolution in front of a batch norm usually has no bias, which hides
        it. With one, detections are lost or move.
        """
        own = 0 if bias is None else bias
        return super().fold_bias(None, scale, beta, running_mean) + own


@bug("O02", mechanism="bias dropped")
class MissingBiasStaysMissing(NumpyBatchNorm):
    """A layer without bias gets none: the fold is its scaled weight and ``None``."""

    def fold(self, weight: Array, bias: Array | None, *arguments: Any, **options: Any) -> Folded:
        """``b' = None`` where ``b`` is ``None``, though it has to be ``beta - gamma' mu_r``.

        tt-metal (found in review) and TASO merged the scale alone. Every channel is off by a
        constant.
        """
        folded, shift = super().fold(weight, bias, *arguments, **options)
        # With a bias the fold is right, which is why layers without one are needed to see it.
        return folded, None if bias is None else shift


@bug("O03", mechanism="bias dropped")
class BiasLostInRebuilding(NumpyBatchNorm):
    """The fold is right, but a layer that had no bias comes back as one whose bias is 0."""

    def fold(self, weight: Array, bias: Array | None, *arguments: Any, **options: Any) -> Folded:
        """``b' = 0`` where ``b`` is ``None``.

        In mmdetection the fused weights were right and had a bias, but the configuration rebuilt
        the convolutions with ``bias=False``, so that it was dropped when they were loaded. Nothing
        was detected any more.
        """
        folded, shift = super().fold(weight, bias, *arguments, **options)
        # 0 rather than ``None``, so that this differs from O02, which returns no bias at all.
        return folded, np.zeros_like(shift) if bias is None and shift is not None else shift


@bug("O04", mechanism="wrong axis")
class TransposedScaledByInput(NumpyBatchNorm):
    """Transposed weights are scaled along axis 0, their inputs; ``gamma'`` is repeated or cut to
    fit."""

    def fold_weight(self, weight: Array, scale: Array, kind: str, groups: int) -> Array:
        """``W'[i, o] = gamma'_i W[i, o]`` for transposed convolutions, whose outputs are on axis 1.

        Found in ultralytics, zennit, the ONNX optimizer, onnxsim and executorch between 2021 and
        2026. With unlike numbers of inputs and outputs it raises. With equal numbers it is silent,
        and outputs were wrong by 1.5 to 2.6.
        """
        # Resizing makes unequal numbers of channels a wrong answer too, where the real code raised.
        fitting = np.resize(scale, len(weight)) if kind == "conv_transpose" else scale
        return super().fold_weight(weight, fitting, "conv", groups)


@bug("O10", mechanism="division by gamma")
class DividedByScale(NumpyBatchNorm):
    """beta goes through the scale, ``b' = gamma' (b - mu_r + beta/gamma')``, which is NaN for
    ``gamma = 0``."""

    def fold_bias(
        self, bias: Array | None, scale: Array, beta: Array | None, running_mean: Array
    ) -> Array:
        """``b' = gamma' (b - mu_r + beta/gamma')``, where ``gamma' = 0`` gives ``0 * (beta/0)``,
        NaN.

        PyTorch's training aware of quantisation divides the output of the scaled convolution by
        ``gamma/s`` to get back the unscaled one. A single gamma of exactly 0, as some networks
        start with, made the loss NaN.
        """
        # NaN is what has to be seen; a warning would be seen first.
        with np.errstate(divide="ignore", invalid="ignore"):
            unscaled = (0 if beta is None else beta) / scale
            folded: Array = scale * ((0 if bias is None else bias) - running_mean + unscaled)
        return folded


@bug("O14", mechanism="argument modified")
class ScaledInPlace(NumpyBatchNorm):
    """The caller's own weights are scaled, so that a second layer that shares them is folded
    twice."""

    def fold_weight(self, weight: Array, scale: Array, kind: str, groups: int) -> Array:
        """``W`` becomes ``gamma' W`` in the caller's array.

        In TNN two convolutions shared one weight and had a batch norm each. The second fold scaled
        what the first had scaled already.
        """
        # Written through, so that whoever shares the array sees it.
        weight[...] = super().fold_weight(weight, scale, kind, groups)
        return weight


@bug("O17", mechanism="folded twice")
class FoldedTwice(NumpyBatchNorm):
    """The result is folded again: ``W' = gamma'^2 W``,
    ``b' = gamma' (gamma' (b - mu_r) + beta - mu_r) + beta``."""

    def fold(self, weight: Array, bias: Array | None, *arguments: Any, **options: Any) -> Folded:
        """The fold of the fold.

        In OpenCV a layer that was initialised again after fusion had its batch norm applied once
        more. In a darknet training graph the weights were folded at every batch until they were
        NaN.
        """
        once = super().fold(weight, bias, *arguments, **options)
        return super().fold(*once, *arguments, **options)


@bug("O21", mechanism="memory order ignored")
class FlattenedInMemoryOrder(NumpyBatchNorm):
    """Weights are flattened in the order they lie in memory and reshaped as if that were the order
    of their indices."""

    def fold_weight(self, weight: Array, scale: Array, kind: str, groups: int) -> Array:
        """Output o is scaled by ``gamma'_o``, but its weights are those that lie at the o-th place
        in memory.

        ``view`` raised for weights that are stored channels last. A reviewer in ultralytics warned
        that the obvious mend, to flatten by another call, would turn the error into wrong numbers.
        C-contiguous weights show nothing.
        """
        # "K" is the order of the memory; the reshape reads it as if it were that of the indices.
        return super().fold_weight(
            weight.ravel(order="K").reshape(weight.shape), scale, kind, groups
        )


@bug("O22", mechanism="eps ignored or replaced")
class EpsReadAsZero(NumpyBatchNorm):
    """Folding takes eps for 0: ``gamma' = gamma/sqrt(v_r)``."""

    def compute_fold_scale(self, gamma: Array | None, running_var: Array, eps: float) -> Array:
        """``gamma' = gamma/sqrt(v_r)``.

        onnx's released wheel for Linux fused wrongly, while the same sources built at home were
        right, and scores changed by 0.37. The thread names no formula. An eps that reads as 0 is a
        guess of what went wrong. It shows where ``v_r`` is near eps.
        """
        return super().compute_fold_scale(gamma, running_var, 0.0)


@bug("O23", mechanism="state carried between calls")
class WeightOfThePreviousCall(NumpyBatchNorm):
    """The scale is right, but multiplies the weight of the call before, if that had the same shape
    and dtype."""

    def __init__(self) -> None:
        self.previous: dict[Any, Array] = {}

    def fold_weight(self, weight: Array, scale: Array, kind: str, groups: int) -> Array:
        """``W' = gamma' W_before`` where an earlier call had a weight of the same shape and dtype.

        Passes of the ONNX optimizer and of AIMET took the tensor of another layer, and an F1 score
        fell by up to 5.5 %. One fold by itself is right, as is a network whose layers all differ in
        shape.
        """
        # Only a weight that fits can be taken by mistake without an error.
        key = weight.shape, weight.dtype
        taken, self.previous[key] = self.previous.get(key, weight), weight.copy()
        return super().fold_weight(taken, scale, kind, groups)


@bug("O24", mechanism="none", kind="correct")
class OtherRounding(NumpyBatchNorm):
    """Equivalent: ``gamma' = gamma (1/sqrt(v_r + eps))`` and
    ``b' = gamma' b + (beta - gamma' mu_r)``."""

    def compute_fold_scale(self, gamma: Array | None, running_var: Array, eps: float) -> Array:
        """``gamma (1/sqrt(v_r + eps))``: two roundings where the reference has one.

        Sums of differences of 0.185 over a large tensor, or single ones of 4e-6, were reported as
        bugs of mmcv, the ONNX optimizer and TVM. Folding changes roundings, and only a bound that
        grows with the kernel and the magnitudes tells this from a bug.
        """
        inverse = super().compute_fold_scale(None, running_var, eps)
        return inverse if gamma is None else gamma * inverse

    def fold_bias(
        self, bias: Array | None, scale: Array, beta: Array | None, running_mean: Array
    ) -> Array:
        """``gamma' b + (beta - gamma' mu_r)``: the same number, summed in another order."""
        own = 0 if bias is None else scale * bias
        return super().fold_bias(None, scale, beta, running_mean) + own
