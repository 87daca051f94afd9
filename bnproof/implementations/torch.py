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
from bnproof.implementations.torch_arrays import (
    find_refusal,
    refuse_half_saves,
    refuse_half_sums,
    refuse_zero_eps,
    to_array,
    to_tensor,
)
from bnproof.implementations.torch_further import Further

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
        if is_half(a.x.dtype) and a.gamma is None and a.beta is None and a.running_mean is None:
            raise NotImplementedError(
                "with half precision alone PyTorch keeps the batch statistics in half precision"
            )
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
        tracked = (
            (np.zeros(a.x.shape[1], np.float32), np.ones(a.x.shape[1], np.float32))
            if is_half(a.x.dtype)
            else (None, None)
        )
        return self._vjp(a.dy, a.x, a.gamma, a.beta, *tracked, training=True, eps=a.eps)

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> tuple[Array | None, ...]:
        """``(dx, dgamma, dbeta)`` by autograd through the inference output."""
        return self._vjp(
            a.dy, a.x, a.gamma, a.beta, a.running_mean, a.running_var, training=False, eps=a.eps
        )

    def _vjp(
        self,
        dy: Array,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array | None,
        running_var: Array | None,
        *,
        training: bool,
        eps: float,
    ) -> tuple[Array | None, ...]:
        """The gradients of x, gamma and beta by autograd; ``None`` for an absent one."""
        refuse_half_sums(dy, x)
        leaves = [to_tensor(value, grad=True) for value in (x, gamma, beta)]
        statistics = to_tensor(running_mean), to_tensor(running_var)
        y = self.batch_norm(
            leaves[0], *statistics, *leaves[1:], training=training, momentum=0.0, eps=eps
        )
        y.backward(to_tensor(dy))
        return tuple(None if leaf is None else to_array(leaf.grad) for leaf in leaves)


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
        module = _build_module(
            a.x, a.gamma, a.beta, a.running_mean, a.running_var, a.eps, a.momentum
        ).train()
        y = module(to_tensor(a.x))
        return to_array(y), to_array(module.running_mean), to_array(module.running_var)

    @pack_arguments
    def infer(self, a: Arguments) -> Array | None:
        """One ``forward`` in eval mode."""
        module = _build_module(
            a.x, a.gamma, a.beta, a.running_mean, a.running_var, a.eps, 0.1
        ).eval()
        return to_array(module(to_tensor(a.x)))

    @pack_arguments
    def train_vjp(self, a: Arguments) -> tuple[Array | None, ...]:
        """Autograd through the module in training mode."""
        refuse_zero_eps(a.eps)
        # half precision asks for statistics in float32; they do not enter the gradients
        half = is_half(a.x.dtype)
        mean, var = (np.zeros(a.x.shape[1]), np.ones(a.x.shape[1])) if half else (None, None)
        return _module_vjp(
            a.dy, a.x, _build_module(a.x, a.gamma, a.beta, mean, var, a.eps, 0.1).train()
        )

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> tuple[Array | None, ...]:
        """Autograd through the module in eval mode."""
        return _module_vjp(
            a.dy,
            a.x,
            _build_module(a.x, a.gamma, a.beta, a.running_mean, a.running_var, a.eps, 0.1).eval(),
        )


def _build_module(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    eps: float,
    momentum: float,
) -> Any:
    """The module of x's rank with the given state.

    Raises
    ------
    NotImplementedError
        For gamma without beta or the reverse, and for half precision without anything in float32.
    """
    import torch

    if (gamma is None) != (beta is None):
        raise NotImplementedError("the modules have gamma and beta together or not at all")
    if is_half(x.dtype) and gamma is None and running_mean is None:
        raise NotImplementedError(
            "with half precision alone PyTorch keeps the batch statistics in half precision"
        )
    kind = {
        2: torch.nn.BatchNorm1d,
        3: torch.nn.BatchNorm1d,
        4: torch.nn.BatchNorm2d,
        5: torch.nn.BatchNorm3d,
    }[x.ndim]
    tracked = running_mean is not None
    module = kind(
        x.shape[1],
        eps=eps,
        momentum=momentum,
        affine=gamma is not None,
        track_running_stats=tracked,
        dtype=torch.float32 if is_half(x.dtype) else to_tensor(x).dtype,
    )
    with torch.no_grad():
        for name, value in (
            ("weight", gamma),
            ("bias", beta),
            ("running_mean", running_mean),
            ("running_var", running_var),
        ):
            if value is not None:
                getattr(module, name).copy_(to_tensor(value))
    return module


def _module_vjp(dy: Array, x: Array, module: Any) -> tuple[Array | None, ...]:
    """``(dx, dgamma, dbeta)`` by autograd through a module."""
    refuse_half_sums(dy, x)
    entry = to_tensor(x, grad=True)
    module(entry).backward(to_tensor(dy))
    parameters = (None if p is None else to_array(p.grad) for p in (module.weight, module.bias))
    return (to_array(entry.grad), *parameters)


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
