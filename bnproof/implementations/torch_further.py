"""What else PyTorch offers: differentiating batch norm twice, and folding it
(``torch.nn.utils.fusion``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half
from bnproof.implementations.signatures import Arguments, by_name
from bnproof.implementations.torch_arrays import array, needs_positive, sums_in_float32, tensor


class Further:
    """Double backward by autograd, and PyTorch's own fold; ``batch_norm`` is the function that is
    differentiated."""

    def batch_norm(self, *tensors: Any, training: bool, momentum: float, eps: float) -> Any:
        """``F.batch_norm`` of ``x, running_mean, running_var, weight, bias``."""
        from torch.nn.functional import batch_norm

        x, mean, var, weight, bias = tensors
        return batch_norm(x, mean, var, weight, bias, training, momentum, eps)

    @by_name
    def train_double_vjp(self, a: Arguments) -> tuple[Array | None, ...]:
        """``(d_dy, d_x, d_gamma)`` of ``sum ddx dx`` by autograd through the gradient of the
        training-mode output.

        Raises ``NotImplementedError`` for half precision, which autograd differentiates twice in
        half precision throughout.
        """
        import torch

        needs_positive(a.eps)
        sums_in_float32(a.ddx, a.dy, a.x)
        if is_half(a.x.dtype):
            raise NotImplementedError(
                "PyTorch differentiates a half-precision batch norm twice in half precision"
            )
        g, entry, weight = (tensor(values, grad=True) for values in (a.dy, a.x, a.gamma))
        y = self.batch_norm(entry, None, None, weight, None, training=True, momentum=0.0, eps=a.eps)
        (dx,) = torch.autograd.grad(y, entry, g, create_graph=True)
        leaves = [leaf for leaf in (g, entry, weight) if leaf is not None]
        found = [array(values) for values in torch.autograd.grad(dx, leaves, tensor(a.ddx))]
        return (*found, None) if a.gamma is None else tuple(found)

    @by_name
    def fold(self, a: Arguments) -> tuple[Array | None, Array | None]:
        """``fuse_linear_bn_weights`` or ``fuse_conv_bn_weights``.

        Raises ``NotImplementedError`` for grouped transposed convolutions, which these do not know.
        """
        from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

        if a.kind == "conv_transpose" and a.groups > 1:
            raise NotImplementedError(
                "torch.nn.utils.fusion has no groups: a grouped transposed convolution does not"
                " fold"
            )
        one, zero = np.ones_like(a.running_mean), np.zeros_like(a.running_mean)
        affine = [
            tensor(one if a.gamma is None else a.gamma),
            tensor(zero if a.beta is None else a.beta),
        ]
        given = [tensor(values) for values in (a.weight, a.bias, a.running_mean, a.running_var)]
        if a.kind == "linear":
            folded = fuse_linear_bn_weights(*given, a.eps, *affine)
        else:
            folded = fuse_conv_bn_weights(
                *given, a.eps, *affine, transpose=a.kind == "conv_transpose"
            )
        return array(folded[0]), array(folded[1])
