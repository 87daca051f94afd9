"""A layer with state as an implementation.

Every method of the contract makes a layer, sets its state, calls it, and reads the state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import parameter_dtype
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.signatures import Arguments, Gradients, Trained, pack_arguments

FIELDS = ("gamma", "beta", "running_mean", "running_var")
Statistics = tuple[Array | None, Array | None]


class ThroughState:
    """What a layer computes, as the contract's functions.

    gamma and beta come together or not at all, as layers have them.

    Parameters
    ----------
    make
        The layer's class or factory: ``make(num_features, *, eps, momentum, affine,
        track_running_stats)`` gives an object with ``forward``, ``backward`` and a ``state`` that
        can be set.  Its ``convention`` and ``supports`` become those of the implementation.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make
        self.supports = getattr(make, "supports", None)
        self.momentum = (self.supports or {}).get("momentum", 0.25)  # where it does not matter
        self.tracks = (self.supports or {}).get("track_running_stats") is not False
        if hasattr(make, "convention"):
            self.convention = make.convention

    def _count_channels(self, x: Array) -> int:
        axis = resolve_convention(getattr(self, "convention", "torch")).channel_axis
        return x.shape[axis]

    def _make_layer(self, a: Arguments, statistics: Statistics, momentum: float) -> Any:
        """A layer whose state is made of the parameters handed over and of running statistics."""
        if (a.gamma is None) != (a.beta is None):
            raise NotImplementedError("a layer has gamma and beta together or not at all")
        layer = self.make(
            self._count_channels(a.x),
            eps=a.eps,
            momentum=momentum,
            affine=a.gamma is not None,
            track_running_stats=statistics[0] is not None,
        )
        if not isinstance(getattr(layer, "state", None), Mapping):
            raise TypeError(
                f"{type(layer).__name__} has no state: make it a dictionary of {', '.join(FIELDS)}"
                " that can be set"
            )
        layer.state = dict(zip(FIELDS, (a.gamma, a.beta, *statistics), strict=True))
        return layer

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        """One ``forward`` in training; the statistics are those of the state after it."""
        layer = self._make_layer(a, (a.running_mean, a.running_var), a.momentum)
        y = layer.forward(a.x, training=True)
        state = layer.state
        return y, state["running_mean"], state["running_var"]

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        """One ``forward`` at inference."""
        layer = self._make_layer(a, (a.running_mean, a.running_var), self.momentum)
        y: Array = layer.forward(a.x, training=False)
        return y

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """``forward`` in training, then ``backward``.

        The contract gives this method no running statistics.  A layer needs some, so it starts from
        (0, 1); they do not enter the gradients.
        """
        # mean 0, variance 1, float32 for half precision
        like = parameter_dtype(a.x.dtype) if a.gamma is None else a.gamma.dtype
        channels = self._count_channels(a.x)
        start = (np.zeros(channels, like), np.ones(channels, like)) if self.tracks else (None, None)
        layer = self._make_layer(a, start, self.momentum)
        layer.forward(a.x, training=True)
        gradients: Gradients = layer.backward(a.dy)
        return gradients

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> Gradients:
        """``forward`` at inference, then ``backward``."""
        layer = self._make_layer(a, (a.running_mean, a.running_var), self.momentum)
        layer.forward(a.x, training=False)
        gradients: Gradients = layer.backward(a.dy)
        return gradients
