"""Inference: by the wrong statistics, by the wrong eps, by parameters that were changed on the way.

At inference ``y = gamma (x - mu_r)/sqrt(v_r + eps) + beta`` is the same map for every input. A
freshly made layer, which tests like to compare, has ``gamma = v_r = 1`` and ``beta = mu_r = 0``: it
is nearly the identity, and so are most of these bugs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_layer import Forward, NumpyLayer
from bnproof.implementations.signatures import Arguments, Gradients, pack_arguments
from bnproof.mutants.catalogue import bug


@bug("I01", mechanism="inference by batch statistics")
class InferenceByBatch(NumpyBatchNorm):
    """Inference normalises by its own batch, ``y = gamma (x - mu)/sqrt(v + eps) + beta``, and
    differentiates that."""

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        """``gamma (x - mu)/sqrt(v + eps) + beta`` with the statistics of the batch at hand.

        MatConvNet's wrapper, Keras on CNTK, GAN code and a Paddle kernel did so, where the switch
        between training and inference was missing or not connected. The answer for one sample
        depends on the others, and a single sample is all beta.
        """
        # The running statistics are taken and not read, as by a switch that is not connected.
        y = self.apply_affine(self.normalise(a.x, a.eps)[0], a.gamma, a.beta)
        return y.astype(a.x.dtype, copy=False)

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> Gradients:
        """The gradient of that, so that backward and forward agree."""
        return self.train_vjp(a.dy, a.x, a.gamma, a.beta, eps=a.eps)


@bug("I02", mechanism="eps counted twice")
class EpsTwice(NumpyBatchNorm):
    """eps is added to a running variance that was stored with it:
    ``s_r = sqrt((v_r + eps) + eps)``."""

    def infer(self, *arguments: Any, eps: float) -> Array:
        """``gamma (x - mu_r)/sqrt((v_r + eps) + eps) + beta``.

        Chainer stored a variance that contained eps already, and an ncnn converter added eps for a
        layer that has its own. With eps = 1e-5 and v_r = 1 that is 5e-6 of the output.
        """
        return super().infer(*arguments, eps=2 * eps)

    def infer_vjp(self, *arguments: Any, eps: float) -> Gradients:
        """The gradient of that."""
        return super().infer_vjp(*arguments, eps=2 * eps)


@bug("I05", mechanism="sums taken for means")
class SumsHandedOut(NumpyLayer):
    """``state`` shows ``w mu_r`` and ``w v_r``, sums of weight ``w``, not the means that the layer
    works with."""

    # A fresh state counts as one batch, so that sums and means agree until the first step.
    weight = 1.0

    def run_training(self, step: Forward) -> Gradients:
        """The right training step, and the weight that the sums have after it: ``w <- 1 + (1 -
        alpha) w``.

        Caffe's layer stores sums and, in a third blob, the factor to divide them by. Importers for
        MXNet, Chainer and others took the sums for means or the factor for a decay. In a trained
        network that factor is near 1000. NVIDIA's fork of Caffe read it in another way, and a
        network scored 0 %.
        """
        answer = super().run_training(step)
        # every step adds its batch to what is kept of the others
        self.weight = 1 + (1 - self.momentum) * self.weight
        return answer

    @property
    def state(self) -> dict[str, Any]:
        """The state with ``w mu_r`` and ``w v_r`` in place of the statistics."""
        sums = {"running_mean": self.running_mean, "running_var": self.running_var}
        return super().state | {
            name: None if mean is None else mean * self.weight for name, mean in sums.items()
        }

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        # ``super().state = values`` does not reach the setter of a property.
        NumpyLayer.__dict__["state"].fset(self, values)
        # What is assigned is taken for means; the sums start again from it.
        self.weight = 1.0


def narrow(x: Array, parameter: Array) -> Array:
    """A parameter in the dtype of a half-precision x, and otherwise as it is.

    Examples
    --------
    >>> narrow(np.zeros(2, np.float16), np.array([1e5, 1e-8, 0.5], np.float32))
    array([inf, 0. , 0.5], dtype=float16)
    >>> narrow(np.zeros(2, np.float32), np.array([1e5], np.float32))
    array([100000.], dtype=float32)
    """
    # The overflow to infinity is the bug; NumPy's warning would come before the law that sees it.
    with np.errstate(over="ignore"):
        return parameter.astype(x.dtype) if is_half(x.dtype) else parameter


@bug("I06", mechanism="parameters rounded to half", kind="numerical")
class ParametersInHalf(NumpyBatchNorm):
    """For half-precision x, ``gamma`` and ``v_r`` are rounded to x's dtype first: ``v_r`` may
    become inf or 0."""

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        """``v_r`` above 65504 is infinite in float16, and below 3e-8 it is 0.

        Apple's converter narrowed gamma and the running variance with the input, as did others for
        TensorRT and ROCm. An infinite variance makes its channel beta, without a warning. Between
        the two, everything carries an error of half precision, which a tolerance of 1e-2 accepts.
        """
        # beta and the running mean are left alone: rounding them only shifts the output.
        gamma = None if a.gamma is None else narrow(a.x, a.gamma)
        return a.call(super().infer, gamma=gamma, running_var=narrow(a.x, a.running_var))


def replace_statistics(a: Arguments) -> dict[str, Any]:
    """Statistics (0, 1) and eps = 0: the reference computes ``gamma x + beta`` exactly."""
    zero, one = np.zeros_like(a.running_mean), np.ones_like(a.running_var)
    return {"running_mean": zero, "running_var": one, "eps": 0.0}


@bug("I08", mechanism="statistics ignored at inference")
class StatisticsLeftOut(NumpyBatchNorm):
    """Inference is ``y = gamma x + beta``, right only where ``mu_r = 0`` and ``v_r + eps = 1``."""

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        """``gamma x + beta``.

        A Paddle converter for TensorRT handed gamma and beta on as scale and shift. Its unit test
        had the defaults (1, 0, 0, 1), for which that is right, and a reviewer asked why the test
        had not caught it.
        """
        return a.call(super().infer, **replace_statistics(a))

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> Gradients:
        """The gradient of ``gamma x + beta``."""
        return a.call(super().infer_vjp, **replace_statistics(a))
