"""What else PyTorch offers beside ``batch_norm``: differentiating it twice, and folding it.

Folding is ``torch.nn.utils.fusion``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half
from bnproof.implementations.signatures import Arguments, pack_arguments
from bnproof.implementations.torch_arrays import (
    refuse_half_sums,
    refuse_zero_eps,
    to_array,
    to_tensor,
)


class Further:
    """Double backward by autograd, and PyTorch's own fold.

    :meth:`batch_norm` is the function that is differentiated; a subclass may compile it.
    """

    def batch_norm(self, *tensors: Any, training: bool, momentum: float, eps: float) -> Any:
        """``F.batch_norm`` of ``x, running_mean, running_var, weight, bias``."""
        from torch.nn.functional import batch_norm

        x, mean, var, weight, bias = tensors
        return batch_norm(x, mean, var, weight, bias, training, momentum, eps)

    @pack_arguments
    def train_double_vjp(self, a: Arguments) -> tuple[Array | None, ...]:
        """``(d_dy, d_x, d_gamma)`` of ``sum ddx dx``.

        Autograd differentiates the gradient of the training-mode output.

        Raises
        ------
        NotImplementedError
            For half precision, in which autograd would compute throughout.
        """
        import torch

        refuse_zero_eps(a.eps)
        refuse_half_sums(a.ddx, a.dy, a.x)
        if is_half(a.x.dtype):
            raise NotImplementedError(
                "PyTorch differentiates a half-precision batch norm twice in half precision"
            )
        g, entry, weight = (to_tensor(values, grad=True) for values in (a.dy, a.x, a.gamma))
        y = self.batch_norm(entry, None, None, weight, None, training=True, momentum=0.0, eps=a.eps)
        (dx,) = torch.autograd.grad(y, entry, g, create_graph=True)
        leaves = [leaf for leaf in (g, entry, weight) if leaf is not None]
        gradients = [
            to_array(values) for values in torch.autograd.grad(dx, leaves, to_tensor(a.ddx))
        ]
        return (*gradients, None) if a.gamma is None else tuple(gradients)

    @pack_arguments
    def fold(self, a: Arguments) -> tuple[Array | None, Array | None]:
        """``fuse_linear_bn_weights`` or ``fuse_conv_bn_weights`` of ``torch.nn.utils.fusion``.

        Raises
        ------
        NotImplementedError
            For grouped transposed convolutions, which these functions do not know.
        """
        from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

        if a.kind == "conv_transpose" and a.groups > 1:
            raise NotImplementedError(
                "torch.nn.utils.fusion has no groups: a grouped transposed convolution does not"
                " fold"
            )
        # the functions take no absent gamma or beta
        one, zero = np.ones_like(a.running_mean), np.zeros_like(a.running_mean)
        affine = [
            to_tensor(one if a.gamma is None else a.gamma),
            to_tensor(zero if a.beta is None else a.beta),
        ]
        given = [to_tensor(values) for values in (a.weight, a.bias, a.running_mean, a.running_var)]
        if a.kind == "linear":
            folded = fuse_linear_bn_weights(*given, a.eps, *affine)
        else:
            folded = fuse_conv_bn_weights(
                *given, a.eps, *affine, transpose=a.kind == "conv_transpose"
            )
        return to_array(folded[0]), to_array(folded[1])
