"""How far the compiled tier may be off: each stage's error as a sum of named terms, ``u = 2^-53``
throughout.

A stage maps enclosures to enclosures.  Its error is what it rounds itself, with its inputs taken as
exact, and what it carries over from the radii of its inputs; both are proved at the stage.
Second-order terms are covered by ``SLACK``, by which each sum is enlarged; it also covers the
rounding of the bounds themselves, which are evaluated in float64.

The theorems behind the terms are cited at the operations in :mod:`bnproof.certify.compiled`.  They
need numbers away from underflow and overflow (``ordinary``); a channel that is not is left to
balls.
"""

from __future__ import annotations

import numpy as np

from bnproof.certify.enclosure import Array, Enclosure

U = 2.0**-53
SLACK = 1 + 2.0**-20
# several products, each off by at most the smallest subnormal where it underflows
UNDERFLOW = 2.0**-1060
SMALL, LARGE = 2.0**-400, 2.0**400
Terms = dict[str, Array]


def total(terms: Terms) -> Array:
    """The sum of the terms, rounded outwards; infinite where a term is not a number."""
    with np.errstate(invalid="ignore", over="ignore"):
        summed = np.asarray(sum(terms.values()) * SLACK, dtype=np.float64)
    return np.where(np.isnan(summed), np.inf, summed)


def is_ordinary(*magnitudes: Array) -> Array:
    """Whether all magnitudes are zero or lie within ``2^-400 .. 2^400``, where no operation under-
    or overflows."""
    with np.errstate(invalid="ignore"):
        inside = [(m == 0) | ((np.abs(m) >= SMALL) & (np.abs(m) <= LARGE)) for m in magnitudes]
    return np.logical_and.reduce(np.broadcast_arrays(*inside))


def threefold_error(depth: int) -> float:
    """Error of a three-fold sum of ``n`` values over the sum of their magnitudes ``D``:
    ``10 (n u)^3 + 3u (n u)^2``.

    First level: ``n`` exact additions leave errors of at most ``u D (1 + n u)`` each, ``n u D``
    together.  Second level: it takes these and the values' trailing words (at most ``4u D``
    together) in ``2n`` additions, whose errors are together at most ``2 (n u)^2 (1 + 4/n) D``.
    Third level: a plain sum of those, of relative error ``3.1 n u`` (``n`` counts the joined lanes
    too, so ``n >= 2``; the error is below ``10 (n u)^3 D`` for small n as well, where the two terms
    below are taken together). Finally the two lower levels become one word: relative error ``u``.
    Valid for ``n u <= 2^-10`` (Ogita, Rump and Oishi 2005, proposition 4.5, for sums of the same
    kind).
    """
    nu = depth * U
    return 10 * nu**3 + 3 * U * nu**2


def mean_residual(depth: int, m: int, total_: Array, mean_square: Array) -> Terms:
    """Of ``r = (1/m) sum d``, ``d = x - c`` exact in two words: ``sum |d| <= m sqrt(A/m)`` (Cauchy
    and Schwarz)."""
    return {
        "sums": threefold_error(depth) * np.sqrt(mean_square),
        "rounding": 17 * U**2 * np.abs(total_) / m,  # one word dropped: u^2; the division: 16 u^2
    }


def variance(depth: int, r: Enclosure, mean_square: Array) -> Terms:
    """Of ``v = A/m - r^2``, ``A = sum d^2`` (theorem variance-formulas, shifted by c).

    ``d^2 = (dh + dl)^2`` is kept as ``fl(dh^2)`` and ``fl(2 dh dl + rest)``: the latter rounds by
    ``u 3.1 u dh^2`` and leaves out ``dl^2 <= u^2 dh^2``.  The division, the square and the
    difference: ``16u^2``, ``6u^2`` and ``3u^2``, with ``r^2 <= A/m``; together with one word
    dropped ``31u^2``.
    """
    return {
        "rounding": (31 * U**2 + threefold_error(depth)) * mean_square,
        "mean": (2 * np.abs(r.mid) + r.rad) * r.rad,
    }


def inverse_root(v: Enclosure, w: Array) -> Array:
    """Relative error of ``1/sqrt(w)``, ``w = v + eps``, from v's radius: with ``t = rad/w``,
    ``1/sqrt(1-t) - 1 <= t/(2(1 - t))``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(v.rad > 0, v.rad / w, 0.0)
        return np.where(t < 1, t / (2 * (1 - t)), np.inf)


def scale(a: Array, v: Enclosure, w: Array) -> Terms:
    """Of ``a = gamma/sqrt(v + eps)``: the sum ``2u^2`` (halved by the root), the root ``25/8 u^2``,
    the quotient ``16u^2``."""
    return {"variance": np.abs(a) * inverse_root(v, w), "rounding": 21 * U**2 * np.abs(a)}


def relative_radius(a: Enclosure) -> Array:
    """``rad/|mid|``, zero for an exact zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(a.rad > 0, a.rad / np.abs(a.mid), 0.0)


def affine_output(a: Enclosure, r: Enclosure, b: Array) -> tuple[Terms, Terms]:
    """Of ``y = a (d - r) + b`` as ``rho |y| + delta``: the terms of ``rho`` and of ``delta``.

    The difference: ``4u^2`` of itself and of ``|r|``; the product: ``6u^2`` of
    ``|y - b| <= |y| + |b|``; the sum: ``2u^2`` of ``|y|``.
    """
    of_product = {"scale": relative_radius(a), "rounding": np.full_like(a.mid, 10 * U**2)}
    rho = {**of_product, "rounding": np.full_like(a.mid, 12 * U**2)}
    delta = {f"{name} at b": term * np.abs(b) for name, term in of_product.items()}
    carried = (np.abs(a.mid) + a.rad) * (r.rad + 4 * U**2 * np.abs(r.mid))
    return rho, {**delta, "mean": carried, "underflow": np.where(a.mid == 0, 0.0, UNDERFLOW)}


def upstream_sum(depth: int, total_: Array, size: Array) -> Terms:
    """Of ``S = sum h``, ``h = g - c_g`` exact in two words; ``size = sum |h|``; one word
    dropped."""
    return {"sums": threefold_error(depth) * size, "rounding": U**2 * np.abs(total_)}


def upstream_mean(m: int, sums: Enclosure, mean: Array) -> Terms:
    """Of ``S/m``: the division ``16u^2``."""
    return {"sums": sums.rad / m, "rounding": 16 * U**2 * np.abs(mean)}


def products(depth: int, m: int, size: Array, upstream: Array) -> Terms:
    """Of ``P = sum h d``: each product ``8u^2 |h d|`` (as for squares, with a third rounding), the
    sums, one word dropped.

    ``size = sum |h d|``; ``upstream = sum |h|``: where that is 0, every product is.
    """
    return {
        "products": (9 * U**2 + threefold_error(depth)) * size,
        "underflow": np.where(upstream > 0, m * UNDERFLOW, 0.0),
    }


def covariance(products_: Enclosure, sums: Enclosure, r: Enclosure) -> Terms:
    """Of ``T = P - r S``: the product ``6u^2``, the difference ``3u^2``, and what P, r and S carry
    over."""
    crossed = np.abs(r.mid * sums.mid)
    return {
        "products": products_.rad,
        "mean": np.abs(sums.mid) * r.rad,
        "upstream sum": (np.abs(r.mid) + r.rad) * sums.rad,
        "rounding": U**2 * (9 * crossed + 3 * np.abs(products_.mid)),
    }


def slope(k: Array, joint: Enclosure, v: Enclosure, w: Array, m: int) -> Terms:
    """Of ``k = T/(m (v + eps))``: the sum ``2u^2``, the product ``6u^2``, the quotient ``16u^2``;
    T's and v's radii.

    ``T/(m w')`` with ``w' >= w (1 - t)``: relative ``t/(1 - t)``.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(v.rad > 0, v.rad / w, 0.0)
        spread = np.where(t < 1, t / (1 - t), np.inf)
        carried = np.where(joint.rad > 0, joint.rad / (m * w), 0.0)
    return {
        "covariance": carried * (1 + spread),
        "variance": np.where(k == 0, 0.0, np.abs(k) * spread),
        "rounding": 24 * U**2 * np.abs(k),
    }


def input_gradient(
    a: Enclosure, r: Enclosure, upstream: Enclosure, k: Enclosure
) -> tuple[Terms, Terms, Terms]:
    """Of ``dx = a z``, ``z = h - r_g - k (d - r)``: terms of ``rho``, ``rho_x`` and ``delta`` in
    ``rho |dx| + rho_x |d| + delta``.

    ``h - r_g`` rounds by ``4u^2`` of itself, at most ``|z| + |k (d - r)|``, and of ``|r_g|``;
    ``d - r`` by ``4u^2`` of itself and of ``|r|``, the product with k by ``6u^2``; their difference
    by ``4u^2`` of ``|z|`` and of that product; the product with a by ``6u^2``: in all ``14u^2 |z|``
    and ``18u^2 |k (d - r)|``.  ``|d|`` is evaluated with one rounding, which ``SLACK`` covers.
    """
    size = np.abs(a.mid) + a.rad
    bent = 18 * U**2 * (np.abs(k.mid) + k.rad) + k.rad
    rho = {"scale": relative_radius(a), "rounding": np.full_like(a.mid, 14 * U**2)}
    rho_x = {"slope": size * bent}
    delta = {
        "upstream mean": size * (upstream.rad + 4 * U**2 * np.abs(upstream.mid)),
        "mean": size * (np.abs(k.mid) + k.rad) * (r.rad + 4 * U**2 * np.abs(r.mid)),
        "slope at c": size * bent * np.abs(r.mid),
        "underflow": np.where(a.mid == 0, 0.0, UNDERFLOW * (1 + size)),
    }
    return rho, rho_x, delta
