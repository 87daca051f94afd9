"""Inference: by the wrong statistics, by the wrong eps, by parameters that were changed on the
way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_layer import Forward, NumpyLayer
from bnproof.implementations.signatures import Arguments, pack_arguments
from bnproof.mutants.catalogue import bug

Gradients = tuple[Array, Array | None, Array | None]


@bug("I01", mechanism="inference by batch statistics")
class InferenceByBatch(NumpyBatchNorm):
    """Inference normalises by its own batch, ``y = gamma (x - mu)/sqrt(v + eps) + beta``, and
    differentiates that."""

    def infer(
        self, x: Array, gamma: Array | None, beta: Array | None, *statistics: Array, eps: float
    ) -> Array:
        return self.apply_affine(self.normalise(x, eps)[0], gamma, beta).astype(x.dtype, copy=False)

    def infer_vjp(
        self,
        dy: Array,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        *statistics: Array,
        eps: float,
    ) -> Gradients:
        return self.train_vjp(dy, x, gamma, beta, eps=eps)


@bug("I02", mechanism="eps counted twice")
class EpsTwice(NumpyBatchNorm):
    """eps is added to a running variance that was stored with it:
    ``s_r = sqrt((v_r + eps) + eps)``."""

    def infer(self, *arguments: Any, eps: float) -> Array:
        return super().infer(*arguments, eps=2 * eps)

    def infer_vjp(self, *arguments: Any, eps: float) -> Gradients:
        return super().infer_vjp(*arguments, eps=2 * eps)


@bug("I05", mechanism="sums taken for means")
class SumsHandedOut(NumpyLayer):
    """``state`` shows ``w mu_r`` and ``w v_r``, sums of weight ``w``, not the means that the layer
    works with."""

    weight = 1.0

    def run_training(self, step: Forward) -> Gradients:
        answer = super().run_training(step)
        # every step adds its batch to what is kept of the others
        self.weight = 1 + (1 - self.momentum) * self.weight
        return answer

    @property
    def state(self) -> dict[str, Any]:
        sums = {"running_mean": self.running_mean, "running_var": self.running_var}
        return super().state | {
            name: None if mean is None else mean * self.weight for name, mean in sums.items()
        }

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        NumpyLayer.__dict__["state"].fset(self, values)
        self.weight = 1.0


def narrow(x: Array, parameter: Array) -> Array:
    """A parameter in the dtype of a half-precision x."""
    with np.errstate(over="ignore"):
        return parameter.astype(x.dtype) if is_half(x.dtype) else parameter


@bug("I06", mechanism="parameters rounded to half", kind="numerical")
class ParametersInHalf(NumpyBatchNorm):
    """For half-precision x, ``gamma`` and ``v_r`` are rounded to x's dtype first: ``v_r`` may
    become inf or 0."""

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        gamma = None if a.gamma is None else narrow(a.x, a.gamma)
        return a.call(super().infer, gamma=gamma, running_var=narrow(a.x, a.running_var))


@bug("I08", mechanism="statistics ignored at inference")
class StatisticsLeftOut(NumpyBatchNorm):
    """Inference is ``y = gamma x + beta``, right only where ``mu_r = 0`` and ``v_r + eps = 1``."""

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        zero, one = np.zeros_like(a.running_mean), np.ones_like(a.running_var)
        return a.call(super().infer, running_mean=zero, running_var=one, eps=0.0)

    def infer_vjp(
        self,
        dy: Array,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        *statistics: Array,
        eps: float,
    ) -> Gradients:
        zero, one = (
            np.full_like(given, value) for given, value in zip(statistics, (0, 1), strict=True)
        )
        return super().infer_vjp(dy, x, gamma, beta, zero, one, eps=0.0)
