"""Folding a batch norm at inference into the layer in front of it, in NumPy."""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array


class Folding:
    """The linear layer that does what a linear layer and a batch norm after it do at inference.

    Notes
    -----
    Theorem fold-linear.  With ``gamma' = gamma/sqrt(v_r + eps)``, output o of the folded layer has
    ``W'_o = gamma'_o W_o`` and ``b' = gamma' (b - mu_r) + beta``.
    """

    def compute_fold_scale(self, gamma: Array | None, running_var: Array, eps: float) -> Array:
        """``gamma' = gamma/sqrt(v_r + eps)``, shape ``(out,)``; a missing gamma is 1."""
        one = np.ones_like(running_var)
        scale: Array = (one if gamma is None else gamma) / np.sqrt(
            running_var + running_var.dtype.type(eps)
        )
        return scale

    def fold_weight(self, weight: Array, scale: Array, kind: str, groups: int) -> Array:
        """The weights of output o times ``gamma'_o``.

        Parameters
        ----------
        weight
            ``(out, in)``, ``(out, in/groups, *k)`` or, for a transposed convolution,
            ``(in, out/groups, *k)``.
        scale
            ``gamma'``, shape ``(out,)``.
        kind
            "linear", "conv" or "conv_transpose".
        groups
            The number of groups; only a transposed convolution needs it, since it keeps the outputs
            of a group on axis 1.
        """
        if kind != "conv_transpose":
            return weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
        rows = np.repeat(scale.reshape(groups, -1), weight.shape[0] // groups, axis=0)
        return weight * rows.reshape(*weight.shape[:2], *(1,) * (weight.ndim - 2))

    def fold_bias(
        self, bias: Array | None, scale: Array, beta: Array | None, running_mean: Array
    ) -> Array:
        """``gamma' (b - mu_r) + beta``; a missing b or beta is 0, the folded bias is not."""
        folded: Array = ((0 if bias is None else bias) - running_mean) * scale + (
            0 if beta is None else beta
        )
        return folded

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
    ) -> tuple[Array, Array | None]:
        """The weight and the bias of the folded layer.

        Parameters
        ----------
        weight, kind, groups
            As in :meth:`fold_weight`.
        bias
            ``(out,)`` or ``None``.
        gamma, beta
            ``(out,)``; ``None`` stands for 1 and 0.
        running_mean, running_var
            ``(out,)``.
        eps
            Is added to the variance.

        Returns
        -------
        tuple
            ``(weight, bias)`` in the weight's dtype.
        """
        scale = self.compute_fold_scale(gamma, running_var, eps)
        folded = self.fold_weight(weight, scale, kind, groups)
        shift = self.fold_bias(bias, scale, beta, running_mean)
        return folded.astype(weight.dtype, copy=False), shift.astype(weight.dtype, copy=False)
