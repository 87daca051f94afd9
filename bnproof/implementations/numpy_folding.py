"""Folding a batch norm at inference into the layer in front of it, in NumPy."""

from __future__ import annotations

import numpy as np

from bnproof.contract import Array


class Folding:
    """``W'_o = gamma'_o W_o``, ``b' = gamma' (b - mu_r) + beta`` with
    ``gamma' = gamma/sqrt(v_r + eps)`` (theorem fold-linear)."""

    def compute_fold_scale(self, gamma: Array | None, running_var: Array, eps: float) -> Array:
        """``gamma' = gamma/sqrt(v_r + eps)``, shape ``(out,)``."""
        one = np.ones_like(running_var)
        scale: Array = (one if gamma is None else gamma) / np.sqrt(
            running_var + running_var.dtype.type(eps)
        )
        return scale

    def fold_weight(self, weight: Array, scale: Array, kind: str, groups: int) -> Array:
        """The weights of output o times ``gamma'_o``: axis 0, or axis 1 of every group of a
        transposed convolution."""
        if kind != "conv_transpose":
            return weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
        rows = np.repeat(scale.reshape(groups, -1), weight.shape[0] // groups, axis=0)
        return weight * rows.reshape(*weight.shape[:2], *(1,) * (weight.ndim - 2))

    def fold_bias(
        self, bias: Array | None, scale: Array, beta: Array | None, running_mean: Array
    ) -> Array:
        """``gamma' (b - mu_r) + beta``; a missing b or beta is 0."""
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
        """``(weight, bias)``; weights ``(out, in)``, ``(out, in/groups, *k)`` or, transposed,
        ``(in, out/groups, *k)``."""
        scale = self.compute_fold_scale(gamma, running_var, eps)
        folded = self.fold_weight(weight, scale, kind, groups)
        shift = self.fold_bias(bias, scale, beta, running_mean)
        return folded.astype(weight.dtype, copy=False), shift.astype(weight.dtype, copy=False)
