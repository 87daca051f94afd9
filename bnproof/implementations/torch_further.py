"""What else PyTorch offers: differentiating batch norm twice, and folding it (``torch.nn.utils.fusion``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half
from bnproof.implementations.torch_arrays import array, needs_positive, sums_in_float32, tensor


class Further:
    """Double backward by autograd, and PyTorch's own fold; ``batch_norm`` is the function that is differentiated."""

    def batch_norm(self, *tensors: Any, training: bool, momentum: float, eps: float) -> Any:
        """``F.batch_norm`` of ``x, running_mean, running_var, weight, bias``."""
        from torch.nn.functional import batch_norm

        x, mean, var, weight, bias = tensors
        return batch_norm(x, mean, var, weight, bias, training, momentum, eps)

    def train_double_vjp(
        self, ddx: Array, dy: Array, x: Array, gamma: Array | None, *, eps: float
    ) -> tuple[Array | None, ...]:
        """``(d_dy, d_x, d_gamma)`` of ``sum ddx dx`` by autograd through the gradient of the training-mode output.

        Raises ``NotImplementedError`` for half precision, which autograd differentiates twice in half precision throughout.
        """
        import torch

        needs_positive(eps)
        sums_in_float32(ddx, dy, x)
        if is_half(x.dtype):
            raise NotImplementedError("PyTorch differentiates a half-precision batch norm twice in half precision")
        g, entry, weight = (tensor(values, grad=True) for values in (dy, x, gamma))
        y = self.batch_norm(entry, None, None, weight, None, training=True, momentum=0.0, eps=eps)
        (dx,) = torch.autograd.grad(y, entry, g, create_graph=True)
        leaves = [leaf for leaf in (g, entry, weight) if leaf is not None]
        found = [array(values) for values in torch.autograd.grad(dx, leaves, tensor(ddx))]
        return (*found, None) if gamma is None else tuple(found)

    def fold(
        self,
        weight: Array,
        bias: Array | None,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array,
        running_var: Array,
        *,
        eps: float,
        kind: str,
        groups: int,
    ) -> tuple[Array | None, Array | None]:
        """``fuse_linear_bn_weights`` or ``fuse_conv_bn_weights``.

        Raises ``NotImplementedError`` for grouped transposed convolutions, which these do not know.
        """
        from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

        if kind == "conv_transpose" and groups > 1:
            raise NotImplementedError(
                "torch.nn.utils.fusion has no groups: a grouped transposed convolution does not fold"
            )
        one, zero = np.ones_like(running_mean), np.zeros_like(running_mean)
        affine = [tensor(one if gamma is None else gamma), tensor(zero if beta is None else beta)]
        given = [tensor(values) for values in (weight, bias, running_mean, running_var)]
        if kind == "linear":
            folded = fuse_linear_bn_weights(*given, eps, *affine)
        else:
            folded = fuse_conv_bn_weights(*given, eps, *affine, transpose=kind == "conv_transpose")
        return array(folded[0]), array(folded[1])
