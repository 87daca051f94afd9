"""A-priori bounds of the double backward: how far rounding may be off in ``d_dy``, ``d_x`` and
``d_gamma``.

Every quantity is a sum of products of few ingredients (theorem double-backward).  An ingredient is
known by the sum of magnitudes it is made of, whatever the order, and its error; sums and products
of ingredients follow from the triangle inequality. So any arrangement of the same terms is
admitted, the expanded one of automatic differentiation included.
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

# products, additions and powers of s in the longest term of d_x, as automatic differentiation
# writes it
ROUNDINGS = 24


@dataclass(frozen=True)
class Ingredient:
    """A computed number: the sum of magnitudes of its terms, and a bound of its error."""

    magnitude: Array
    error: Array

    def __add__(self, other: Ingredient) -> Ingredient:
        return Ingredient(self.magnitude + other.magnitude, self.error + other.error)

    def __mul__(self, other: Ingredient) -> Ingredient:
        error = self.magnitude * other.error + self.error * (other.magnitude + other.error)
        return Ingredient(self.magnitude * other.magnitude, error)

    def mean(self, p: Precision) -> Ingredient:
        """The mean over the batch, in any order of summation."""
        m = len(self.magnitude)
        magnitude, error = self.magnitude.mean(axis=0), self.error.mean(axis=0)
        return Ingredient(magnitude, error + p.gamma(m + 2) * (magnitude + error) + m * p.eta)


def double_backward(
    p: Precision, b: ExactBatch, dy: Array, ddx: Array, gamma: Array
) -> tuple[Bound, Bound, Bound]:
    """``d_dy = gamma/s h^``, ``d_x = -gamma/s^2 (d g^ + c h^ + xhat mean(g^ h))``,
    ``d_gamma = (1/s) sum g^ h``.

    ``dy`` and ``ddx`` ``(m, C)``, ``gamma`` ``(C,)``; ``g^ = g - mean g - xhat c``,
    ``c = mean g xhat``, and the same for h.
    """
    xhat = Ingredient(np.abs(b.xhat), normalised_value(p, b).total)
    inverse = Ingredient(1 / b.s, inverse_std(p, b).total / b.s)
    g, h = (Ingredient(np.abs(values), np.zeros_like(values)) for values in (dy, ddx))
    c, d = (g * xhat).mean(p), (h * xhat).mean(p)
    g_hat, h_hat = g + g.mean(p) + xhat * c, h + h.mean(p) + xhat * d
    together = (g_hat * h).mean(p) + g.mean(p) * h.mean(p)
    scale = Ingredient(np.abs(gamma), np.zeros_like(gamma)) * inverse
    d_dy = _bound_result(p, scale * h_hat)
    d_x = _bound_result(
        p, scale * inverse * (d * g_hat + c * h_hat + xhat * together + xhat * c * d)
    )
    d_gamma = (
        (inverse * together).error + p.gamma(ROUNDINGS) * (inverse * together).magnitude + 4 * p.eta
    )
    return d_dy, d_x, Bound({"gradient sums": b.m * d_gamma})


def _bound_result(p: Precision, result: Ingredient) -> Bound:
    """Final roundings, and that of the result to the dtype it is stored in."""
    error = result.error + p.gamma(ROUNDINGS) * (result.magnitude + result.error) + 4 * p.eta
    return Bound(
        {"ingredients": error, "output rounding": p.storage_error(result.magnitude, error)}
    )
