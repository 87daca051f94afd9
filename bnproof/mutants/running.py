"""Running statistics: how they start, what they average, when they move, how they are loaded.

They do not enter the training output, so that a loss falls as it should and only inference is
wrong. Projects' tests compared outputs and not buffers, or took a single step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import values_per_channel
from bnproof.implementations.numpy_layer import Forward, NumpyLayer
from bnproof.implementations.signatures import Trained
from bnproof.mutants.catalogue import bug
from bnproof.mutants.conventions import OneValueIsBeta, OneValueIsUndefined


@bug("R01", mechanism="Bessel's factor in the running variance")
class BiasedVarianceTracked(NumpyBatchNorm):
    """The running variance follows ``v`` where the convention promises ``m/(m - 1) v``."""

    def bessel(self, v: Array, m: int) -> Array:
        """``v``, too small by ``(m - 1)/m``.

        ARENA, MLX, tinygrad, FastNN and tt-metal promised what PyTorch does and tracked this, some
        of them on one device only. With m = 2 it is half of the right variance, with m = 1000 it is
        0.1 % less, which a tolerance swallows. It is the convention of others: see C02.
        """
        return v


@bug("R02", mechanism="Bessel's factor in the running variance")
class EstimatorByRank(NumpyBatchNorm):
    """The running variance follows ``m/(m - 1) v`` for inputs of rank 4 and ``v`` for all
    others."""

    def train(self, x: Array, *arguments: Any, **options: Any) -> Trained:
        """``m/(m - 1) v`` is tracked on rank 4, ``v`` on the other ranks.

        TensorFlow's fused kernel takes images and has the factor, while the plain path for other
        ranks has not. Others differed between devices. The same numbers in another shape leave
        another model.
        """
        # 4 is the rank of images, the only one that the fused kernels take.
        path = NumpyBatchNorm() if x.ndim == 4 else BiasedVarianceTracked()
        return path.train(x, *arguments, **options)


@bug("R05", mechanism="Bessel's factor at one value")
class BesselOfOneValue(OneValueIsUndefined):
    """One value per channel gives ``y = beta``, as declared, and a running variance of ``1/0 * 0``:
    NaN."""

    # ``v_r`` becomes NaN where a channel has one value, since its factor is 1/0 and its variance 0.
    # The odd last sample of an epoch is enough. Training goes on and inference is NaN for good. It
    # was reported for torch, PyTorch, Flux, TensorFlow, MXNet and SparseConvNet. C04-nan computes
    # the same and promises nothing.
    convention: Any = OneValueIsBeta.convention


@bug("R06", mechanism="momentum on the wrong side")
class MomentumWeighsOld(NumpyBatchNorm):
    """The weights of old and new are exchanged: ``alpha running + (1 - alpha) new``."""

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        """``alpha running + (1 - alpha) new``.

        The commonest slip of all: OneFlow and DL4J in their calls of cuDNN, the ONNX importers and
        exporters, a lesson of d2l and many ports. With alpha = 0.1 the statistics are nine parts
        the latest batch instead of one part, and inference is noisy.
        """
        return super().track(running, new, 1 - momentum)


@bug("R07", mechanism="statistics never updated")
class MomentumZero(NumpyBatchNorm):
    """Whatever the momentum, ``alpha = 0``: the statistics keep their old values."""

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        """``running``: a momentum of 0 that meant "keep nothing" was taken for "learn nothing".

        Keras and PyTorch have threads about it. Statistics stay at (0, 1), as in R09.
        """
        return super().track(running, new, 0.0)


@bug("R07-one", mechanism="momentum replaced by a constant")
class MomentumOne(NumpyBatchNorm):
    """Whatever the momentum, ``alpha = 1``: the statistics are those of the latest batch."""

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        """``new``: inference goes by the latest batch alone."""
        return super().track(running, new, 1.0)


@bug("R09", mechanism="statistics never updated")
class NeverUpdated(NumpyBatchNorm):
    """Training hands back the running statistics it was given."""

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        """``running``, copied.

        aprender, MLX, tinygrad, tch-rs and others computed new statistics and lost them: a value
        that nobody stored, an operation that was never run, a transformation that drops side
        effects. Inference uses (0, 1) and is wrong by as much as the data are not standardised.
        """
        return running.copy()


@bug("R09-layer", mechanism="statistics never updated")
class LayerNeverUpdated(NumpyLayer):
    """The layer computes new running statistics in training and does not keep them."""

    def run_training(self, step: Forward) -> Trained:
        """The right output, and the old statistics in place of the new ones."""
        # ``forward`` stores what comes back here, so handing back the old ones loses the new.
        return super().run_training(step)[0], step.running_mean, step.running_var


@bug("R11", mechanism="statistics updated at inference")
class UpdatedAtInference(NumpyLayer):
    """A forward at inference moves the running statistics towards its batch, after it has used
    them."""

    def forward(self, x: Array, *, training: bool) -> Array:
        """The right output, after which ``mu_r`` and ``v_r`` move as in training.

        Flux kept its test mode on the CPU path only, so that the GPU went on updating. The second
        call at inference answers differently from the first, and test data leak into the model.
        """
        y = super().forward(x, training=training)
        step = self.latest
        # A single value has no unbiased variance, and the reference would refuse to train on it.
        if step is not None and not self.uses_batch(step) and values_per_channel(x) > 1:
            _, self.running_mean, self.running_var = self.run_training(step)
        return y


@bug("R13", mechanism="statistics updated twice")
class UpdatedTwice(NumpyBatchNorm):
    """One step averages its batch in twice: ``(1 - alpha)^2 running + (1 - (1 - alpha)^2) new``."""

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        """``(1 - alpha)^2 running + (1 - (1 - alpha)^2) new``: the update is applied to its own
        result.

        Checkpointing of activations runs the forward again in the backward, and PyTorch, fairscale
        and others update each time. Outputs and gradients agree. The average forgets twice as fast.
        """
        return super().track(super().track(running, new, momentum), new, momentum)


@bug("R13-layer", mechanism="statistics updated twice")
class UpdatedInBackward(NumpyLayer):
    """``backward`` runs the training step again, and the running statistics take in its batch once
    more."""

    def backward(self, dy: Array) -> Trained:
        """The right gradients, after which the statistics take in the same batch again."""
        gradients = super().backward(dy)
        step = self.latest
        if step is not None and step.training and self.running_mean is not None:
            # The statistics as they are by now; those of the step are from before its own update.
            now = replace(step, running_mean=self.running_mean, running_var=self.running_var)
            _, self.running_mean, self.running_var = self.run_training(now)
        return gradients


@bug("R16", mechanism="wrong initial state")
class VarianceStartsAtZero(NumpyLayer):
    """A fresh layer has running variance 0, so that inference multiplies by ``1/sqrt(eps)``."""

    def initialise_statistics(self) -> tuple[Array, Array]:
        """``(0, 0)`` where a fresh layer has ``(0, 1)``.

        equinox, nnabla, Chainer, Sonnet and CNTK had it. Inference before training multiplies by
        316 in each layer, for eps = 1e-5, and by 1e9 after a few. Early averages are too small.
        """
        return np.zeros(self.num_features), np.zeros(self.num_features)


@bug("R17", mechanism="wrong initial state")
class DebiasedBeforeUpdate(NumpyLayer):
    """Before its first update a layer reads averages over ``1 - (1 - alpha)^0``: 0/0; afterwards
    they are right."""

    def initialise_statistics(self) -> tuple[Array, Array]:
        """``0/(1 - (1 - alpha)^0) = 0/0``: an average of nothing, divided by its weight.

        equinox divides its averages by the weight they have gathered, which is 0 before the first
        step. A fresh model infers NaN, and a trained one is right.
        """
        # The exponent 0 is the number of updates so far; the NaN is wanted, its warning is not.
        with np.errstate(invalid="ignore"):
            self.fresh = np.zeros(self.num_features) / (1 - (1 - self.momentum) ** 0)
        return self.fresh, self.fresh.copy()

    def run_training(self, step: Forward) -> Trained:
        """From the first step on the statistics are those of the reference, which starts at ``(0,
        1)``."""
        # By identity: a loaded state that happens to be NaN is not a fresh one.
        if step.running_mean is not None and step.running_mean is self.fresh:
            mean, var = super().initialise_statistics()
            step = replace(step, running_mean=mean, running_var=var)
        return super().run_training(step)


class Reloading(NumpyLayer):
    """A layer that takes a new state only through :meth:`load_state`."""

    def load_state(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What becomes of an assigned state."""
        return values

    def __setattr__(self, name: str, value: Any) -> None:
        """Pass what is assigned to ``state`` through ``load_state``, and anything else as it is."""
        # Overriding the setter of a property means repeating the property; this catches the
        # assignment before it.
        super().__setattr__(name, self.load_state(value) if name == "state" else value)


@bug("R21", mechanism="state not loaded as given")
class EpsSubtractedOnLoad(Reloading):
    """Loading a state stores ``v_r - eps`` for the running variance, which a small variance makes
    negative."""

    def load_state(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """``v_r - eps`` is stored for ``v_r``.

        detectron2, MXNet and converters of MobileNet took off the eps that another library was
        going to add again. In a dead channel, whose variance is 0, it leaves -1e-5, and a smaller
        eps at inference takes the root of a negative number.
        """
        var = values["running_var"]
        return {**values, "running_var": None if var is None else var - var.dtype.type(self.eps)}


@bug("R23", mechanism="empty input not handled")
class EmptyBatchAveraged(NumpyBatchNorm):
    """A batch without samples has mean and variance 0/0, which the running statistics take in."""

    def train(self, x: Array, *arguments: Any, **options: Any) -> Trained:
        """``mu_r`` and ``v_r`` become NaN after a batch without samples.

        PyTorch and Sonnet averaged in 0/0. Detection networks hand on as many regions as they find,
        sometimes none. The right answer is an empty output and unchanged statistics.
        """
        if values_per_channel(x) != 0:
            return super().train(x, *arguments, **options)
        mean, var = (None if old is None else np.full_like(old, np.nan) for old in arguments[2:])
        # x is empty, so that a copy of it is the empty output.
        return x.copy(), mean, var


@bug("R26", mechanism="state not loaded as given")
class StatisticsNotLoaded(Reloading):
    """Loading a state takes gamma and beta and leaves the running statistics as they were."""

    def load_state(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The layer's own running statistics in place of those that are loaded.

        Copies for averaging weights, in mean-teacher, ignite, composer and TensorFlow's addons,
        took the parameters and left the buffers. The averaged network infers by (0, 1) or by stale
        statistics, and its parameters look right.
        """
        return {**values, "running_mean": self.running_mean, "running_var": self.running_var}


@bug("R28", mechanism="wrong initial state")
class NotInitialised(NumpyLayer):
    """A fresh layer's running statistics are what was in memory, here NaN, and stay so until a
    state is loaded."""

    def initialise_statistics(self) -> tuple[Array, Array]:
        """NaN, which stands for memory that nobody wrote to.

        equinox allocated its buffers empty and filled them in the first training step. Inference
        before that reads whatever was in memory, and so it may look right. NaN here makes the model
        repeat itself.
        """
        # Two arrays, as the reference has them: one for both would tie mean and variance together.
        return np.full(self.num_features, np.nan), np.full(self.num_features, np.nan)
