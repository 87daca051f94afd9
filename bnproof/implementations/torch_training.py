"""Plain gradient descent on small fully connected networks in PyTorch, in float64.

Every step gives its arrays out.  This is no implementation of batch normalisation: it calls
``torch.nn.functional.batch_norm`` inside a network that is trained.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnproof.contract import Array


@contextmanager
def use_one_thread() -> Iterator[None]:
    """Let PyTorch compute on one thread, so that a seed determines every bit on one machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True)
class Layer:
    """``z = scale h + shift`` with ``h = W u`` or, where the network normalises, ``h = xhat(W u)``.

    Attributes
    ----------
    weight
        W, ``(units, inputs)``.
    shift
        ``(units,)``.
    scale
        ``(units,)``; ``None`` stands for a constant 1.
    """

    weight: Array
    shift: Array
    scale: Array | None = None

    @property
    def factor(self) -> Array:
        """The scale, 1 where it is missing."""
        return np.ones_like(self.shift) if self.scale is None else self.scale


@dataclass(frozen=True)
class TrainingStep:
    """One step ``W - eta G`` of the first layer, with ``G = dL/dW``, on a mini-batch.

    Attributes
    ----------
    loss
        Before the step, in nats.
    weight, gradient, moved
        W, G, and W after the step, ``(units, inputs)``.
    inputs
        u, ``(values, inputs)``.
    x
        ``W u``, ``(values, units)``.
    g
        The upstream gradient ``dL/dz``, ``(values, units)``.
    scale
        ``(units,)``.
    """

    loss: float
    weight: Array
    gradient: Array
    moved: Array
    inputs: Array
    x: Array
    g: Array
    scale: Array


class Perceptron:
    """A classifier of :class:`Layer`; its loss is the mean cross-entropy in nats.

    Parameters
    ----------
    layers
        The layers with their first values.
    nonlinearity
        What follows all layers but the last: the name of a function of ``torch``.
    eps
        All layers but the last are batch-normalised with it, always by the statistics of the batch
        at hand.  ``None``: nothing is normalised.
    """

    def __init__(self, layers: Sequence[Layer], *, nonlinearity: str, eps: float | None) -> None:
        import torch

        self.nonlinearity = getattr(torch, nonlinearity)
        self.eps = eps
        self.parameters = [
            {name: _make_leaf(value) for name, value in vars(layer).items() if value is not None}
            for layer in layers
        ]

    def step(
        self, inputs: Array, classes: Array, *, rate: float, weight_rates: Sequence[float]
    ) -> TrainingStep:
        """One step of gradient descent.

        Parameters
        ----------
        inputs
            ``(values, inputs)``.
        classes
            ``(values,)``, integers.
        rate
            Scales and shifts move by minus this times their gradients.
        weight_rates
            The same for each layer's weight.

        Returns
        -------
        TrainingStep
            What the first layer saw.
        """
        import torch

        x, z, output = self._forward(inputs)
        loss = torch.nn.functional.cross_entropy(output, torch.tensor(classes))
        before = [dict(layer) for layer in self.parameters]
        places = [(number, name) for number, layer in enumerate(before) for name in layer]
        *gradients, g = torch.autograd.grad(
            loss, [*(before[number][name] for number, name in places), z]
        )
        for (number, name), gradient in zip(places, gradients, strict=True):
            moved = (
                before[number][name].detach()
                - (weight_rates[number] if name == "weight" else rate) * gradient
            )
            self.parameters[number][name] = moved.requires_grad_()
        first = before[0]
        scale = first.get("scale", torch.ones_like(first["shift"]))
        weight, gradient, moved = first["weight"], gradients[0], self.parameters[0]["weight"]
        u = torch.tensor(inputs)
        return TrainingStep(
            loss.item(),
            *(tensor.detach().numpy() for tensor in (weight, gradient, moved, u, x, g, scale)),
        )

    def compute_outputs(self, inputs: Array) -> Array:
        """The last layer's ``z``, ``(values, classes)``, for the inputs as one batch."""
        import torch

        with torch.no_grad():
            return np.asarray(self._forward(inputs)[2].numpy())

    def loss_and_accuracy(self, inputs: Array, classes: Array) -> tuple[float, float]:
        """Mean cross-entropy in nats, and the share of correct answers."""
        import torch

        output, target = torch.tensor(self.compute_outputs(inputs)), torch.tensor(classes)
        correct = (output.argmax(dim=1) == target).double().mean()
        return torch.nn.functional.cross_entropy(output, target).item(), correct.item()

    @property
    def finite(self) -> bool:
        """Whether every parameter is a finite number."""
        return all(
            bool(tensor.isfinite().all()) for layer in self.parameters for tensor in layer.values()
        )

    def _forward(self, inputs: Array) -> tuple[Any, Any, Any]:
        """The first layer's ``W u`` and ``z``, and the output."""
        import torch

        u = torch.tensor(inputs)
        *hidden, last = self.parameters
        seen = []
        for layer in hidden:
            x = u @ layer["weight"].T
            seen.append((x, self._apply_affine(x, layer)))
            u = self.nonlinearity(seen[-1][1])
        return *seen[0], u @ last["weight"].T + last["shift"]

    def _apply_affine(self, x: Any, layer: dict[str, Any]) -> Any:
        """``scale xhat + shift`` or, without normalising, ``scale x + shift``."""
        from torch.nn.functional import batch_norm

        if self.eps is not None:
            return batch_norm(
                x, None, None, layer.get("scale"), layer["shift"], training=True, eps=self.eps
            )
        return (x * layer["scale"] if "scale" in layer else x) + layer["shift"]


def _make_leaf(array: Array) -> Any:
    """An array as a tensor whose gradient is asked for."""
    import torch

    return torch.tensor(array, dtype=torch.float64, requires_grad=True)
