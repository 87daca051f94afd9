"""PyTorch behind the contract: the function with autograd, and the modules.

The function is ``torch.nn.functional.batch_norm``, the modules are those of ``torch.nn``.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half
from bnproof.implementations.signatures import Arguments, pack_arguments
from bnproof.implementations.through_state import FIELDS, Statistics
from bnproof.implementations.torch_arrays import (
    find_refusal,
    refuse_half_alone,
    refuse_half_saves,
    refuse_half_sums,
    refuse_zero_eps,
    to_array,
    to_tensor,
)
from bnproof.implementations.torch_further import Further
from bnproof.implementations.torch_module import RANKS, TorchLayer

# compiled forms of one function: beyond PyTorch's small limit it falls back to uncompiled code
# without a word, and something else would be measured
VARIANTS = 10**6


class TorchFunctional(Further):
    """``torch.nn.functional.batch_norm``, with gradients by autograd."""

    convention = "torch"

    @pack_arguments
    def train(self, a: Arguments) -> tuple[Array | None, Array | None, Array | None]:
        """``F.batch_norm(..., training=True)``; the statistics it updates in place are copies."""
        refuse_zero_eps(a.eps)
        refuse_half_alone(a.x, a.gamma, a.beta, a.running_mean)
        mean, var = to_tensor(a.running_mean), to_tensor(a.running_var)
        tensors = (to_tensor(a.x), mean, var, to_tensor(a.gamma), to_tensor(a.beta))
        y = self.batch_norm(*tensors, training=True, momentum=a.momentum, eps=a.eps)
        return to_array(y), to_array(mean), to_array(var)

    @pack_arguments
    def infer(self, a: Arguments) -> Array | None:
        """``F.batch_norm(..., training=False)``."""
        tensors = map(to_tensor, (a.x, a.running_mean, a.running_var, a.gamma, a.beta))
        return to_array(self.batch_norm(*tensors, training=False, momentum=0.0, eps=a.eps))

    @pack_arguments
    def train_vjp(self, a: Arguments) -> tuple[Array | None, ...]:
        """``(dx, dgamma, dbeta)`` by autograd through the training-mode output.

        Half precision comes with float32 running statistics, as in a layer: without anything in
        float32 PyTorch keeps the batch statistics that its backward pass reads in half precision.
        """
        refuse_zero_eps(a.eps)
        return self._vjp(a, _start_statistics(a.x), training=True)

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> tuple[Array | None, ...]:
        """``(dx, dgamma, dbeta)`` by autograd through the inference output."""
        return self._vjp(a, (a.running_mean, a.running_var), training=False)

    def _vjp(
        self, a: Arguments, statistics: Statistics, *, training: bool
    ) -> tuple[Array | None, ...]:
        """The gradients of x, gamma and beta by autograd; ``None`` for an absent one."""
        refuse_half_sums(a.dy, a.x)
        x, *affine = leaves = [to_tensor(value, grad=True) for value in (a.x, a.gamma, a.beta)]
        tensors = (x, *map(to_tensor, statistics), *affine)
        y = self.batch_norm(*tensors, training=training, momentum=0.0, eps=a.eps)
        y.backward(to_tensor(a.dy))
        return tuple(None if leaf is None else to_array(leaf.grad) for leaf in leaves)


def _start_statistics(x: Array) -> Statistics:
    """What half precision is trained with: (0, 1) in float32; nothing for another x."""
    if not is_half(x.dtype):
        return None, None
    return np.zeros(x.shape[1], np.float32), np.ones(x.shape[1], np.float32)


@cache
def _compile_batch_norm() -> Any:
    """``F.batch_norm`` through ``torch.compile``, for any sizes."""
    import torch
    from torch.nn.functional import batch_norm

    def step(x: Any, mean: Any, var: Any, weight: Any, bias: Any, **options: Any) -> Any:
        return batch_norm(x, mean, var, weight, bias, **options)

    return torch.compile(step, dynamic=True, fullgraph=True)


class TorchCompiled(TorchFunctional):
    """``torch.nn.functional.batch_norm`` as ``torch.compile`` compiles it for this processor.

    Both its forward and its backward pass are compiled.
    """

    def batch_norm(self, *tensors: Any, training: bool, momentum: float, eps: float) -> Any:
        """``F.batch_norm``, compiled for every rank, dtype and layout that is met.

        Raises
        ------
        ValueError
            By which PyTorch refuses a batch; the compiler wraps it in an error of its own.
        NotImplementedError
            Where there is nothing to compile with.
        """
        from torch._dynamo import config
        from torch._dynamo.exc import BackendCompilerFailed, TorchRuntimeError

        variants = config.patch(recompile_limit=VARIANTS, accumulated_recompile_limit=VARIANTS)
        try:
            with variants, warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the compiler's own deprecations
                return _compile_batch_norm()(
                    *tensors, training=training, momentum=momentum, eps=eps
                )
        except BackendCompilerFailed as error:
            # The error itself begins with the name of the backend; the reason is inside it.
            reason = str(error.inner_exception).splitlines()[0]
            raise NotImplementedError(f"torch.compile cannot compile here: {reason}") from error
        except TorchRuntimeError as error:
            if refused := find_refusal(error):
                raise ValueError(str(refused)) from error
            raise

    @pack_arguments
    def train_vjp(self, a: Arguments) -> tuple[Array | None, ...]:
        """``(dx, dgamma, dbeta)`` through compiled code.

        Raises
        ------
        NotImplementedError
            For half precision, in which compiled code keeps what its backward pass reads.
        """
        refuse_half_saves(a.x)
        return a.call(super().train_vjp)

    def train_double_vjp(self, *tensors: Any, eps: float) -> tuple[Array | None, ...]:
        """Raises ``NotImplementedError``: what is compiled is differentiated once."""
        raise NotImplementedError("torch.compile does not support double backward")


class TorchModules:
    """``torch.nn.BatchNorm1d/2d/3d`` (by the rank of x) in train and eval mode."""

    convention = "torch"

    @pack_arguments
    def train(self, a: Arguments) -> tuple[Array | None, Array | None, Array | None]:
        """One ``forward`` in training mode on a module that holds the given state."""
        refuse_zero_eps(a.eps)
        layer = _make_layer(a, (a.running_mean, a.running_var), a.momentum)
        y, state = layer.forward(a.x, training=True), layer.state
        return y, state["running_mean"], state["running_var"]

    @pack_arguments
    def infer(self, a: Arguments) -> Array | None:
        """One ``forward`` in eval mode."""
        return _make_layer(a, (a.running_mean, a.running_var)).forward(a.x, training=False)

    @pack_arguments
    def train_vjp(self, a: Arguments) -> tuple[Array | None, ...]:
        """Autograd through the module in training mode."""
        refuse_zero_eps(a.eps)
        # half precision asks for statistics in float32; they do not enter the gradients
        layer = _make_layer(a, _start_statistics(a.x))
        refuse_half_sums(a.dy, a.x)
        layer.forward(a.x, training=True)
        return layer.backward(a.dy)

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> tuple[Array | None, ...]:
        """Autograd through the module in eval mode."""
        layer = _make_layer(a, (a.running_mean, a.running_var))
        layer.forward(a.x, training=False)
        return layer.backward(a.dy)


def _make_layer(a: Arguments, statistics: Statistics, momentum: float = 0.1) -> TorchLayer:
    """The module of x's rank with the given state.

    Raises
    ------
    NotImplementedError
        For gamma without beta or the reverse.
    """
    import torch

    if (a.gamma is None) != (a.beta is None):
        raise NotImplementedError("the modules have gamma and beta together or not at all")
    names = {rank: name for name, ranks in RANKS.items() for rank in ranks}
    module = getattr(torch.nn, names[a.x.ndim])(
        a.x.shape[1],
        eps=a.eps,
        momentum=momentum,
        affine=a.gamma is not None,
        track_running_stats=statistics[0] is not None,
    )
    layer = TorchLayer(module)
    layer.state = dict(zip(FIELDS, (a.gamma, a.beta, *statistics), strict=True))
    return layer


def track_cumulative(batches: list[Array], eps: float) -> tuple[Array | None, Array | None]:
    """What PyTorch's cumulative average tracks, ``BatchNorm1d(momentum=None)``.

    Parameters
    ----------
    batches
        ``(N, C)`` each, trained on in this order.
    eps
        Of the module.

    Returns
    -------
    tuple
        Running mean and variance, ``(C,)``.
    """
    import torch

    module = torch.nn.BatchNorm1d(
        batches[0].shape[1], eps=eps, momentum=None, dtype=to_tensor(batches[0]).dtype
    )
    for batch in batches:
        module(to_tensor(batch))
    return to_array(module.running_mean), to_array(module.running_var)


IMPLEMENTATIONS = {
    "torch": TorchFunctional,
    "torch-compiled": TorchCompiled,
    "torch-modules": TorchModules,
}
PACKAGE = "torch"
