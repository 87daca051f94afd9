"""Certified folding of an inference-mode batch norm into the layer in front of it.

``BN(W u + b) = W' u + b'`` where every weight that feeds output o is multiplied by ``gamma'_o``,
and the bias goes through the batch norm itself (theorem fold-linear). So both are enclosed like
outputs of inference: the weights as values of a batch norm without shift, arranged with the outputs
as channels. :func:`fold` is the front door.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bnproof.certify import machine
from bnproof.certify.channels import build_map, choose_width
from bnproof.certify.enclosure import Array, Enclosure
from bnproof.certify.entrywise import enclose_outputs
from bnproof.certify.inference import remove_shift
from bnproof.certify.moments import Source, wrap_statistics
from bnproof.certify.validation import check_arguments, check_array


@dataclass(frozen=True)
class Folded:
    """Enclosures of a layer that absorbed the batch norm after it.

    Attributes
    ----------
    weight
        In the shape of the weight that was handed in.
    bias
        ``(out,)``.
    """

    weight: Enclosure
    bias: Enclosure


def fold(
    weight: Array,
    bias: Array | None,
    gamma: Array | None,
    beta: Array | None,
    running_mean: Array,
    running_var: Array,
    *,
    eps: float,
    kind: str = "linear",
    groups: int = 1,
    tighten: int = 0,
) -> Folded:
    """Enclosures of the layer in front of a batch norm, with the batch norm folded into it.

    Parameters
    ----------
    weight
        ``(out, in)`` for "linear", ``(out, in/groups, *k)`` for "conv", ``(in, out/groups, *k)``
        for "conv_transpose".
    bias
        ``(out,)``; ``None`` stands for 0.
    gamma, beta, running_mean, running_var, eps, tighten
        As in :func:`bnproof.certify.infer`, one value for each output.
    kind, groups
        What the layer is: "linear", "conv" or "conv_transpose", in so many groups. Groups matter
        for "conv_transpose" alone: elsewhere the first axis names the output.

    Returns
    -------
    Folded
        ``weight`` and ``bias``.

    Raises
    ------
    ValueError
        For another shape or kind, and for groups that do not divide the input channels.
    TypeError
        For an array of another type or dtype.
    UnsoundArithmetic
        Where this thread does not round to nearest, or flushes subnormals.

    Notes
    -----
    ``W'_o = gamma'_o W_o`` and ``b' = gamma' (b - mu_r) + beta`` with
    ``gamma' = gamma/sqrt(v_r + eps)`` (theorem fold-linear); for "conv_transpose"
    ``W'[i, j] = gamma'[h out/G + j] W[i, j]`` where input i is in group h.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof import certify
    >>> one = np.array([1.0])
    >>> certify.fold(np.array([[6.0]]), None, None, None, one, one, eps=3.0).weight.mid
    array([[3.]])
    """
    machine.verify()
    # Checked in this order so that a weight that is no array is not asked for its shape.
    arranged, back = arrange_by_output(check_array("weight", weight), kind, groups)
    out = arranged.shape[1]
    # In the weight's dtype: it decides how wide the enclosures of the bias may be.
    offset = np.zeros(out, weight.dtype) if bias is None else bias
    check_arguments(
        arranged,
        bias=offset,
        gamma=gamma,
        beta=beta,
        running_mean=running_mean,
        running_var=running_var,
    )
    check_array("running_mean", running_mean)
    check_array("running_var", running_var)
    with np.errstate(all="ignore"):
        # Statistics that are handed in are no sums over values: the number given here plays no
        # role.
        place = wrap_statistics(out, running_mean, running_var)
        affine_map = build_map(place, gamma, beta, eps)
        scaled, shifted = (
            enclose_outputs(Source.from_array(values), of_which, choose_width(values, tighten))
            for values, of_which in (
                (arranged, remove_shift(affine_map)),
                (offset[None], affine_map),
            )
        )
    return Folded(scaled.reshape(back), shifted.reshape(lambda values: values[0]))


def arrange_by_output(
    weight: Array, kind: str, groups: int
) -> tuple[Array, Callable[[Array], Array]]:
    """The weight with its outputs as channels, and the way back to its own shape.

    Parameters
    ----------
    weight, kind, groups
        As in :func:`fold`.

    Returns
    -------
    tuple
        The weight as ``(n, out, values)``, and a function that undoes the arrangement for any array
        of that shape.

    Raises
    ------
    ValueError
        For fewer than two axes, an empty weight, an unknown kind, or groups that do not divide the
        input channels.
    """
    shape = weight.shape
    if weight.ndim < 2 or weight.size == 0:
        raise ValueError(
            f"weight has shape {shape}: give (out, in), (out, in/groups, *k) or (in,"
            " out/groups, *k)"
        )
    if kind in ("linear", "conv"):
        return weight.reshape(1, shape[0], -1), lambda values: values.reshape(shape)
    if kind != "conv_transpose":
        raise ValueError(f"kind is {kind!r}: give 'linear', 'conv' or 'conv_transpose'")
    if groups < 1 or shape[0] % groups:
        raise ValueError(
            f"{groups} groups do not divide the {shape[0]} input channels of a transposed"
            " convolution"
        )
    # Output ``h out/G + j`` is made from the inputs of group h alone: the axes (group, input, j)
    # become (input, group j).
    split = weight.reshape(groups, shape[0] // groups, shape[1], -1)
    swapped = split.swapaxes(0, 1)
    return swapped.reshape(
        shape[0] // groups, groups * shape[1], -1
    ), lambda values: values.reshape(swapped.shape).swapaxes(0, 1).reshape(shape)
