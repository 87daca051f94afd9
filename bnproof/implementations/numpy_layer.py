"""A batch norm layer with state, in NumPy.

It is the reference for sequences of training, inference, backward and reloading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm


@dataclass(frozen=True)
class Forward:
    """What ``backward`` needs of its ``forward``: input, parameters and statistics as they were."""

    x: Array
    training: bool
    gamma: Array | None
    beta: Array | None
    running_mean: Any
    running_var: Any


class NumpyLayer:
    """:class:`NumpyBatchNorm` with a state of its own.

    A fresh layer has gamma = 1, beta = 0 and running statistics (0, 1), in float64.  Without
    running statistics inference normalises by the batch, as PyTorch's layers do.  A batch that
    raises leaves the state as it was.

    Parameters
    ----------
    num_features
        The number of channels C.
    eps
        Is added to the variance.
    momentum
        The weight of the new statistics.
    affine
        Whether the layer has gamma and beta.
    track_running_stats
        Whether it has running statistics.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.implementations.numpy_layer import NumpyLayer
    >>> layer = NumpyLayer(1, eps=0.0, momentum=0.5)
    >>> layer.forward(np.array([[1.0], [3.0]]), training=True).ravel()
    array([-1.,  1.])
    >>> layer.state["running_mean"], layer.state["running_var"]
    (array([1.]), array([1.5]))
    """

    convention = "torch"
    formula: NumpyBatchNorm = NumpyBatchNorm()

    def __init__(
        self,
        num_features: int,
        *,
        eps: float,
        momentum: float,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        mean, var = self.initialise_statistics()
        self.gamma: Array | None = np.ones(num_features) if affine else None
        self.beta: Array | None = np.zeros(num_features) if affine else None
        self.running_mean: Array | None = mean if track_running_stats else None
        self.running_var: Array | None = var if track_running_stats else None
        self.latest: Forward | None = None

    def initialise_statistics(self) -> tuple[Array, Array]:
        """The running statistics of a fresh layer: mean 0, variance 1."""
        return np.zeros(self.num_features), np.ones(self.num_features)

    @property
    def state(self) -> dict[str, Any]:
        """Copies of gamma, beta and the running statistics; ``None`` for an absent one."""
        values = (self.gamma, self.beta, self.running_mean, self.running_var)
        names = ("gamma", "beta", "running_mean", "running_var")
        return {
            name: None if value is None else value.copy()
            for name, value in zip(names, values, strict=True)
        }

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        self.gamma, self.beta, self.running_mean, self.running_var = (
            None if values[name] is None else np.array(values[name])
            for name in ("gamma", "beta", "running_mean", "running_var")
        )

    def forward(self, x: Array, *, training: bool) -> Array:
        """The output for a batch.

        Parameters
        ----------
        x
            ``(N, C, *spatial)``.
        training
            Whether the batch's statistics normalise it, and the running ones follow them.

        Raises
        ------
        ValueError
            In training, for one value per channel.
        """
        before = Forward(
            np.array(x), training, self.gamma, self.beta, self.running_mean, self.running_var
        )
        if not self.uses_batch(before):
            y = self.run_inference(before)
        else:
            y, mean, var = self.run_training(before)
            if training:
                self.running_mean, self.running_var = mean, var
        self.latest = before
        return y

    def uses_batch(self, step: Forward) -> bool:
        """Whether the batch's own statistics normalise it."""
        return step.training or step.running_mean is None

    def run_training(self, step: Forward) -> tuple[Array, Array | None, Array | None]:
        """The output and the new running statistics."""
        statistics = (step.running_mean, step.running_var)
        return self.formula.train(
            step.x, step.gamma, step.beta, *statistics, eps=self.eps, momentum=self.momentum
        )

    def run_inference(self, step: Forward) -> Array:
        """The output by the running statistics."""
        return self.formula.infer(
            step.x, step.gamma, step.beta, step.running_mean, step.running_var, eps=self.eps
        )

    def backward(self, dy: Array) -> tuple[Array, Array | None, Array | None]:
        """``(dx, dgamma, dbeta)`` of the latest ``forward``, with the parameters it had.

        It may be called again, and gives the same answer.

        Raises
        ------
        RuntimeError
            Where there was no ``forward``.
        """
        step = self.latest
        if step is None:
            raise RuntimeError("backward needs a forward first: call forward(x, training=...)")
        if self.uses_batch(step):
            return self.formula.train_vjp(dy, step.x, step.gamma, step.beta, eps=self.eps)
        return self.formula.infer_vjp(
            dy, step.x, step.gamma, step.beta, step.running_mean, step.running_var, eps=self.eps
        )


IMPLEMENTATIONS = {"numpy-layer": NumpyLayer}
