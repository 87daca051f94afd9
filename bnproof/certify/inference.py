"""Certified inference with given statistics.

With fixed statistics ``y`` is an affine function of each entry alone (theorem inference-collapse),
so a spoiled entry spoils nothing else and the gradient has no cross terms. :func:`infer` is the
front door.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnproof.certify import machine
from bnproof.certify.channels import Certified, build_map, choose_width
from bnproof.certify.enclosure import Array
from bnproof.certify.entrywise import Map, enclose_outputs
from bnproof.certify.moments import Source, sum_upstream, wrap_statistics
from bnproof.certify.validation import check_arguments, check_array, check_non_empty


@dataclass(frozen=True)
class Inference(Certified):
    """Enclosures of inference with given statistics.

    ``y`` and, where ``dy`` was given, ``dx`` have x's shape; ``s``, ``dgamma`` and ``dbeta`` have
    ``(C,)``.
    """


def infer(
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    running_mean: Array,
    running_var: Array,
    *,
    eps: float,
    dy: Array | None = None,
    tighten: int = 0,
) -> Inference:
    """Enclosures of what inference returns, for exactly the numbers handed in.

    Parameters
    ----------
    x, gamma, beta, eps, dy, tighten
        As in :func:`bnproof.certify.train`; N may be 0, without ``dy``.
    running_mean, running_var
        The statistics that normalise, ``(C,)`` each.

    Returns
    -------
    Inference
        ``y``; with ``dy`` also ``dx``, ``dgamma``, ``dbeta``. An entry of x that is not finite has
        no exact value, the others do; a negative ``running_var`` leaves its channel without any.

    Raises
    ------
    ValueError, TypeError
        For bad arguments.
    UnsoundArithmetic
        Where this thread does not round to nearest, or flushes subnormals.

    Notes
    -----
    ``y = gamma (x - mu_r)/sqrt(v_r + eps) + beta``: theorems inference-collapse and
    inference-gradient of the book.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof import certify
    >>> one = np.array([1.0])
    >>> certify.infer(np.array([[5.0]]), None, None, one, one, eps=3.0).y.mid
    array([[2.]])
    """
    machine.verify()
    check_arguments(
        x, dy=dy, gamma=gamma, beta=beta, running_mean=running_mean, running_var=running_var
    )
    width = choose_width(x, tighten)
    # Above, ``None`` would pass as a parameter that was left out; statistics may not be missing.
    check_array("running_mean", running_mean)
    check_array("running_var", running_var)
    source = Source.from_array(x)
    with np.errstate(all="ignore"):
        place = wrap_statistics(x.size // x.shape[1], running_mean, running_var)
        affine_map = build_map(place, gamma, beta, eps)
        y = enclose_outputs(source, affine_map, width)
        if dy is None:
            return Inference(affine_map, None, width, (source,), y, None)
        # Without a value the sums over dy would divide by ``m = 0``.
        check_non_empty(x)
        of_g = Source.from_array(dy, source.lanes)
        up = sum_upstream(source, of_g, place, centre=False)
        # The gradient is the same map without its shifts, applied to dy instead of x.
        dx = enclose_outputs(of_g, remove_shift(affine_map), width)
    return Inference(affine_map, up, width, (source, of_g), y, dx)


def remove_shift(affine_map: Map) -> Map:
    """The map ``x -> gamma/s x``: the same scale, with mean and beta set to 0."""
    zeros = np.zeros_like(affine_map.beta)
    place = affine_map.place
    # The variance is kept as it is, undefined channels included.
    still = wrap_statistics(place.m, zeros, place.v.mid)
    return Map(still, affine_map.gamma, zeros, affine_map.eps)
