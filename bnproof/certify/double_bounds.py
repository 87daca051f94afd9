"""A-priori bounds of the double backward: how far rounding may be off in ``d_dy``, ``d_x``,
``d_gamma``.

Every quantity is a sum of products of few ingredients (theorem double-backward). An ingredient is
known by the sum of magnitudes of its terms, whatever their order and however they cancel, and by
its error. What sums and products of ingredients have follows from the triangle inequality. So any
arrangement of the same terms is admitted, the expanded one of automatic differentiation included;
the price is a wider bound where terms cancel.

The model of arithmetic is that of :mod:`bnproof.certify.bounds`. Start reading at
:func:`double_backward`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnproof.certify.bounds import (
    Array,
    Bound,
    ExactBatch,
    Precision,
    inverse_std,
    normalised_value,
)

# Products, additions and powers of s in the longest term of ``d_x``, as automatic differentiation
# writes it. Their number enters a bound only as ``24 u``, beside sums over the batch.
ROUNDINGS = 24


@dataclass(frozen=True)
class Ingredient:
    """A computed number: the sum of magnitudes of its terms, and a bound of its error.

    Attributes
    ----------
    magnitude
        Non-negative, ``(m, C)`` or ``(C,)``.
    error
        Of the same shape.
    """

    magnitude: Array
    error: Array

    def __add__(self, other: Ingredient) -> Ingredient:
        """A sum: magnitudes add up, and so do errors; its own rounding is counted at the end."""
        # Not ``|a + b|``: another order of the same terms may add them at different times.
        return Ingredient(self.magnitude + other.magnitude, self.error + other.error)

    def __mul__(self, other: Ingredient) -> Ingredient:
        """A product: ``|a~ b~ - a b| <= |a| e_b + e_a (|b| + e_b)``."""
        error = self.magnitude * other.error + self.error * (other.magnitude + other.error)
        return Ingredient(self.magnitude * other.magnitude, error)

    def mean(self, p: Precision) -> Ingredient:
        """The mean over the batch, in any order of summation: ``gamma_{m+2}`` of the computed
        magnitudes."""
        m = len(self.magnitude)
        magnitude, error = self.magnitude.mean(axis=0), self.error.mean(axis=0)
        return Ingredient(magnitude, error + p.gamma(m + 2) * (magnitude + error) + m * p.eta)


def double_backward(
    p: Precision, b: ExactBatch, dy: Array, ddx: Array, gamma: Array
) -> tuple[Bound, Bound, Bound]:
    """Bounds for the gradients that the gradients' own backward pass returns.

    ``d_dy = gamma/s h^``, ``d_x = -gamma/s^2 (d g^ + c h^ + xhat mean(g^ h))`` and
    ``d_gamma = (1/s) sum g^ h``.

    Parameters
    ----------
    p, b
        The precision and the batch.
    dy, ddx
        ``g``, the upstream gradient, and ``h``, the one of dx, ``(m, C)``.
    gamma
        ``(C,)``.

    Returns
    -------
    tuple of Bound
        For ``d_dy`` and ``d_x``, ``(m, C)``, and for ``d_gamma``, ``(C,)``.

    Notes
    -----
    ``g^ = g - mean g - xhat c`` with ``c = mean(g xhat)``, and the same for h with ``d``. Signs do
    not matter here: ingredients only add.
    """
    xhat = Ingredient(np.abs(b.xhat), normalised_value(p, b).total)
    inverse = Ingredient(1 / b.s, inverse_std(p, b).total / b.s)
    g, h = (Ingredient(np.abs(values), np.zeros_like(values)) for values in (dy, ddx))
    c, d = (g * xhat).mean(p), (h * xhat).mean(p)
    g_hat, h_hat = g + g.mean(p) + xhat * c, h + h.mean(p) + xhat * d
    # ``mean(g^ h)`` may also be written with the means of g and h multiplied on their own.
    together = (g_hat * h).mean(p) + g.mean(p) * h.mean(p)
    scale = Ingredient(np.abs(gamma), np.zeros_like(gamma)) * inverse
    d_dy = _bound_result(p, scale * h_hat)
    d_x = _bound_result(
        p, scale * inverse * (d * g_hat + c * h_hat + xhat * together + xhat * c * d)
    )
    # ``(1/s) sum g^ h`` is m times this mean: the factor follows with the result.
    d_gamma = (
        (inverse * together).error + p.gamma(ROUNDINGS) * (inverse * together).magnitude + 4 * p.eta
    )
    return d_dy, d_x, Bound({"gradient sums": b.m * d_gamma})


def _bound_result(p: Precision, result: Ingredient) -> Bound:
    """The final roundings of a quantity, and that of storing it in its dtype."""
    error = result.error + p.gamma(ROUNDINGS) * (result.magnitude + result.error) + 4 * p.eta
    return Bound(
        {"ingredients": error, "output rounding": p.storage_error(result.magnitude, error)}
    )
