"""Running statistics: how they start, what they average, when they move, how they are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from bnproof.contract import Array, Convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import values_per_channel
from bnproof.implementations.numpy_double import DoubleBackward
from bnproof.implementations.numpy_folding import Folding
from bnproof.implementations.numpy_layer import Forward, NumpyLayer
from bnproof.mutants.catalogue import bug

Trained = tuple[Array, Array | None, Array | None]


@bug("R01", mechanism="Bessel's factor in the running variance")
class BiasedVarianceTracked(NumpyBatchNorm):
    """The running variance follows ``v`` where the convention promises ``m/(m - 1) v``."""

    def bessel(self, v: Array, m: int) -> Array:
        return v


@bug("R02", mechanism="Bessel's factor in the running variance")
class EstimatorByRank(NumpyBatchNorm):
    """The running variance follows ``m/(m - 1) v`` for inputs of rank 4 and ``v`` for all
    others."""

    def train(self, x: Array, *arguments: Any, **options: Any) -> Trained:
        path = NumpyBatchNorm() if x.ndim == 4 else BiasedVarianceTracked()
        return path.train(x, *arguments, **options)


@bug("R05", mechanism="Bessel's factor at one value")
class BesselOfOneValue(DoubleBackward, Folding):
    """One value per channel gives ``y = beta``, as declared, and a running variance of ``1/0 * 0``:
    NaN."""

    convention: Any = Convention("one value gives beta", one_value="beta")

    def train(self, x: Array, *arguments: Any, **options: Any) -> Trained:
        if values_per_channel(x) != 1:
            return super().train(x, *arguments, **options)
        # the value twice has the same mean, and variance 0
        y, mean, var = super().train(np.concatenate([x, x]), *arguments, **options)
        return y[:1], mean, None if var is None else np.full_like(var, np.nan)


@bug("R06", mechanism="momentum on the wrong side")
class MomentumWeighsOld(NumpyBatchNorm):
    """The weights of old and new are exchanged: ``alpha running + (1 - alpha) new``."""

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        return super().track(running, new, 1 - momentum)


@bug("R07", mechanism="statistics never updated")
class MomentumZero(NumpyBatchNorm):
    """Whatever the momentum, ``alpha = 0``: the statistics keep their old values."""

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        return super().track(running, new, 0.0)


@bug("R07-one", mechanism="momentum replaced by a constant")
class MomentumOne(NumpyBatchNorm):
    """Whatever the momentum, ``alpha = 1``: the statistics are those of the latest batch."""

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        return super().track(running, new, 1.0)


@bug("R09", mechanism="statistics never updated")
class NeverUpdated(NumpyBatchNorm):
    """Training hands back the running statistics it was given."""

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        return running.copy()


@bug("R09-layer", mechanism="statistics never updated")
class LayerNeverUpdated(NumpyLayer):
    """The layer computes new running statistics in training and does not keep them."""

    def run_training(self, step: Forward) -> Trained:
        return super().run_training(step)[0], step.running_mean, step.running_var


@bug("R11", mechanism="statistics updated at inference")
class UpdatedAtInference(NumpyLayer):
    """A forward at inference moves the running statistics towards its batch, after it has used
    them."""

    def forward(self, x: Array, *, training: bool) -> Array:
        y = super().forward(x, training=training)
        step = self.latest
        if step is not None and not self.uses_batch(step) and values_per_channel(x) > 1:
            _, self.running_mean, self.running_var = self.run_training(step)
        return y


@bug("R13", mechanism="statistics updated twice")
class UpdatedTwice(NumpyBatchNorm):
    """One step averages its batch in twice: ``(1 - alpha)^2 running + (1 - (1 - alpha)^2) new``."""

    def track(self, running: Array, new: Array, momentum: float) -> Array:
        return super().track(super().track(running, new, momentum), new, momentum)


@bug("R13-layer", mechanism="statistics updated twice")
class UpdatedInBackward(NumpyLayer):
    """``backward`` runs the training step again, and the running statistics take in its batch once
    more."""

    def backward(self, dy: Array) -> Trained:
        gradients = super().backward(dy)
        step = self.latest
        if step is not None and step.training and self.running_mean is not None:
            now = replace(step, running_mean=self.running_mean, running_var=self.running_var)
            _, self.running_mean, self.running_var = self.run_training(now)
        return gradients


@bug("R16", mechanism="wrong initial state")
class VarianceStartsAtZero(NumpyLayer):
    """A fresh layer has running variance 0, so that inference multiplies by ``1/sqrt(eps)``."""

    def initialise_statistics(self) -> tuple[Array, Array]:
        return np.zeros(self.num_features), np.zeros(self.num_features)


@bug("R17", mechanism="wrong initial state")
class DebiasedBeforeUpdate(NumpyLayer):
    """Before its first update a layer reads averages over ``1 - (1 - alpha)^0``: 0/0; afterwards
    they are right."""

    def initialise_statistics(self) -> tuple[Array, Array]:
        with np.errstate(invalid="ignore"):
            self.fresh = np.zeros(self.num_features) / (1 - (1 - self.momentum) ** 0)
        return self.fresh, self.fresh.copy()

    def run_training(self, step: Forward) -> Trained:
        if step.running_mean is not None and step.running_mean is self.fresh:
            mean, var = super().initialise_statistics()
            step = replace(step, running_mean=mean, running_var=var)
        return super().run_training(step)


class Reloading(NumpyLayer):
    """A layer that takes a new state only through :meth:`loaded`."""

    def load_state(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What becomes of an assigned state."""
        return values

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, self.load_state(value) if name == "state" else value)


@bug("R21", mechanism="state not loaded as given")
class EpsSubtractedOnLoad(Reloading):
    """Loading a state stores ``v_r - eps`` for the running variance, which a small variance makes
    negative."""

    def load_state(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        var = values["running_var"]
        return {**values, "running_var": None if var is None else var - var.dtype.type(self.eps)}


@bug("R23", mechanism="empty input not handled")
class EmptyBatchAveraged(NumpyBatchNorm):
    """A batch without samples has mean and variance 0/0, which the running statistics take in."""

    def train(self, x: Array, *arguments: Any, **options: Any) -> Trained:
        if values_per_channel(x) != 0:
            return super().train(x, *arguments, **options)
        mean, var = (None if old is None else np.full_like(old, np.nan) for old in arguments[2:])
        return x.copy(), mean, var


@bug("R26", mechanism="state not loaded as given")
class StatisticsNotLoaded(Reloading):
    """Loading a state takes gamma and beta and leaves the running statistics as they were."""

    def load_state(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**values, "running_mean": self.running_mean, "running_var": self.running_var}


@bug("R28", mechanism="wrong initial state")
class NotInitialised(NumpyLayer):
    """A fresh layer's running statistics are what was in memory, here NaN, and stay so until a
    state is loaded."""

    def initialise_statistics(self) -> tuple[Array, Array]:
        return np.full(self.num_features, np.nan), np.full(self.num_features, np.nan)
