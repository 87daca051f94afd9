"""Documented differences: implementations that declare what they do and have to pass.

A check that flags one of these would blame somebody for a choice that is documented. Each class
computes in another way than PyTorch does and says so in its ``convention`` or in ``supports``. The
same formula without the declaration is a bug and has its model in another module, such as R01 for
C02 and R06 for C01.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.contract import Array, Convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import values_per_channel
from bnproof.implementations.numpy_double import DoubleBackward
from bnproof.implementations.numpy_folding import Folding
from bnproof.implementations.signatures import Arguments, Trained, pack_arguments
from bnproof.mutants.catalogue import bug


@bug("C01", mechanism="none", kind="correct")
class MomentumOfTheOld(NumpyBatchNorm):
    """The momentum it is handed weighs the old value, ``a running + (1 - a) new``, and it says
    so."""

    convention: Any = Convention("momentum weighs the old value", momentum="old", one_value="raise")

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        """``a running + (1 - a) new``: Keras, Flax, ONNX, MXNet and Paddle weigh the old value.

        PyTorch, Flux and cuDNN weigh the new one, so their 0.1 is the others' 0.9. Who copies the
        number from one to the other gets bug R06.
        """
        # The statistics' own dtype, since a Python float would be rounded after the subtraction.
        kept = running.dtype.type(momentum)
        return kept * running + (1 - kept) * new.astype(running.dtype)


@bug("C02", mechanism="none", kind="correct")
class BiasedAndDeclared(NumpyBatchNorm):
    """The running variance follows ``v`` without Bessel's factor, and it says so."""

    convention: Any = Convention("biased running variance", running_var="biased", one_value="raise")

    def bessel(self, v: Array, m: int) -> Array:
        """``v`` itself: ONNX, Paddle, Flax and Keras without its fused kernel track the biased
        variance.

        The paper, PyTorch, cuDNN and TensorFlow's fused kernel track ``m/(m - 1) v``. More than ten
        threads ask PyTorch whether its factor is a bug. It is not, and neither is its absence where
        it is documented.
        """
        return v


@bug("C03", mechanism="none", kind="correct")
class OwnEps(NumpyBatchNorm):
    """eps is 1e-3 whatever is asked; ``supports`` fixes it, so that nothing else is asked."""

    supports = {"eps": 1e-3}

    def std(self, v: Array, eps: float) -> Array:
        """``sqrt(v + 0.001)``: defaults of eps between 1e-5 and 1e-3 are in use, and ports keep
        their own."""
        return super().std(v, 1e-3)

    def compute_fold_scale(self, gamma: Array | None, running_var: Array, eps: float) -> Array:
        """A fold has to use the eps of the layer, so the same one is fixed here."""
        return super().compute_fold_scale(gamma, running_var, 1e-3)


@bug("C04", mechanism="none", kind="correct")
class OneValueRaises(NumpyBatchNorm):
    """One value per channel in training: ``ValueError``, as declared."""

    convention: Any = Convention("one value raises", one_value="raise")


@bug("C04-beta", mechanism="none", kind="correct")
class OneValueIsBeta(DoubleBackward, Folding):
    """One value per channel in training: ``y = beta``, as declared, and a variance of 0 is
    tracked."""

    convention: Any = Convention("one value gives beta", one_value="beta")

    def train(self, x: Array, *arguments: Any, **options: Any) -> Trained:
        """One value is its own mean and has variance 0, so that ``xhat = 0`` and ``y = beta``.

        TensorFlow on a CPU and MXNet answer like this, where PyTorch raises ``ValueError``.
        """
        if values_per_channel(x) != 1:
            return super().train(x, *arguments, **options)
        # the value twice has the same mean, and variance 0
        y, mean, var = super().train(np.concatenate([x, x]), *arguments, **options)
        return y[:1], mean, var


@bug("C04-nan", mechanism="none", kind="correct")
class OneValueIsUndefined(OneValueIsBeta):
    """One value per channel in training: a running variance of 0/0, NaN, where the convention
    promises nothing."""

    convention: Any = Convention("one value gives anything", one_value="any")

    def train(self, x: Array, *arguments: Any, **options: Any) -> Trained:
        """The unbiased variance of one value is 0/0, which TensorFlow's fused kernel and Flux
        return as NaN.

        Where the convention is "any" nothing is promised, and a law must not ask. For a convention
        that promises beta the same NaN is bug R05.
        """
        # y and the running mean stay those of the convention that gives beta; only the variance is
        # 0/0.
        y, mean, var = super().train(x, *arguments, **options)
        return (
            y,
            mean,
            var if var is None or values_per_channel(x) != 1 else np.full_like(var, np.nan),
        )


@bug("C06", mechanism="none", kind="correct")
class WithoutParameters(NumpyBatchNorm):
    """``y = xhat``: scale and shift belong to a layer of their own, and neither gamma nor beta is
    taken."""

    supports = {"affine": False}

    def apply_affine(self, xhat: Array, gamma: Array | None, beta: Array | None) -> Array:
        """``xhat`` alone: Caffe keeps gamma and beta in a separate layer called Scale, which
        importers have to merge."""
        if gamma is not None or beta is not None:
            # Not a ``ValueError``: a case with parameters is not offered, rather than wrong.
            raise NotImplementedError("gamma and beta belong to the layer behind: give None")
        return xhat


@bug("C07", mechanism="none", kind="correct")
class EpsStoredWithVariance(NumpyBatchNorm):
    """Inference has no eps of its own: it is handed ``v_r + eps`` and takes the root of that."""

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        """``(x - mu_r)/sqrt(v')`` with ``v' = v_r + eps`` made beforehand.

        ncnn's converter adds eps to the variance that it stores, and its layer has none. That is
        the same map. It becomes bug I02 as soon as a layer adds eps as well.
        """
        # The sum is rounded as the reference rounds it, so that both agree in every bit.
        stored = a.running_var + a.running_var.dtype.type(a.eps)
        return a.call(super().infer, running_var=stored, eps=0.0)


@bug("C08", mechanism="none", kind="correct")
class HalfInHalfOut(NumpyBatchNorm):
    """Half precision stays half: ``y`` has the dtype of x, parameters and statistics are
    float32."""

    supports = {"dtypes": ["float16", "bfloat16"]}
