"""How far the compiled tier may be off: each stage's error as a sum of named terms.

A stage maps enclosures to enclosures. Its error has two sources: what it rounds itself, with its
inputs taken as exact, and what it carries over from the radii of its inputs. Each function below
belongs to one stage and returns both, by name, so that a test can leave a term out and see the
bound fail (``tests/meta/test_error_terms.py``).

``u = 2^-53`` throughout. The roundings add up the relative errors of the double-word operations,
which are cited at :mod:`bnproof.certify.compiled`: at most ``3u^2`` for a sum,
``4u^2 (|a - b| + |b|)`` for a cheap difference, ``6u^2`` for a product, ``16u^2`` for a quotient,
``25/8 u^2`` for a root. They hold away from underflow and overflow (:func:`is_ordinary`); a channel
that is not ordinary is left to balls. Terms of higher order are covered by ``SLACK``, by which each
sum is enlarged. ``SLACK`` also covers the rounding of the bounds themselves, which are evaluated in
float64.

The notation is that of the stages: a centre ``c`` of x with ``d = x - c``, the mean's residue
``r = mu - c``, ``A = sum d^2``, ``w = v + eps``, ``a = gamma/sqrt(w)``; a centre ``c_g`` of g with
``h = g - c_g``, ``S = sum h``, ``P = sum h d``, ``T = sum g (x - mu)``, ``k = T/(m w)``. Arrays
have one entry a channel, ``depth`` is the number of values that a lane adds up
(:meth:`bnproof.certify.lanes.Lanes.depth`).

Start reading at :func:`threefold_error` and :func:`variance`; the two affine stages at the end are
the longest.
"""

from __future__ import annotations

import numpy as np

from bnproof.certify.enclosure import Array, Enclosure

# The unit roundoff of float64.
U = 2.0**-53
# What it has to cover (``u^3`` beside ``u^2``, and roundings of float64) is smaller by many powers
# of two, so a larger value would only widen enclosures, and a smaller one would still do.
SLACK = 1 + 2.0**-20
# An entry takes several products, each off by at most the smallest subnormal ``2^-1074`` where it
# underflows; this has room for ``2^14`` of them.
UNDERFLOW = 2.0**-1060
# Products of two such numbers stay within ``2^-800 .. 2^800``, so that they and their rounding
# errors, smaller by ``2^-106``, are far from both ends of float64.
SMALL, LARGE = 2.0**-400, 2.0**400
# By the name of a term, an upper bound per channel.
Terms = dict[str, Array]


def total(terms: Terms) -> Array:
    """The sum of the terms, rounded outwards; infinite where a term is not a number.

    NaN arises from 0 times infinity, where an input had no bound: then there is none here.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        summed = np.asarray(sum(terms.values()) * SLACK, dtype=np.float64)
    return np.where(np.isnan(summed), np.inf, summed)


def is_ordinary(*magnitudes: Array) -> Array:
    """Whether magnitudes are in the range where no operation under- or overflows.

    Parameters
    ----------
    *magnitudes
        Float64 arrays, of either sign, that broadcast.

    Returns
    -------
    array of bool
        True where each of them is zero or lies within ``2^-400 .. 2^400``. Exact zeros do no harm:
        what is made of them is exact.
    """
    with np.errstate(invalid="ignore"):
        # NaN is neither zero nor within any range, so it is not ordinary.
        inside = [(m == 0) | ((np.abs(m) >= SMALL) & (np.abs(m) <= LARGE)) for m in magnitudes]
    return np.logical_and.reduce(np.broadcast_arrays(*inside))


def threefold_error(depth: int) -> float:
    """Bound of the error of a three-fold sum, relative to the sum ``D`` of the terms' magnitudes.

    Parameters
    ----------
    depth
        ``n``, how many values are added up, the joined lanes included (so ``n >= 2``).

    Returns
    -------
    float
        ``10 (n u)^3 + 3u (n u)^2``, valid for ``n u <= 2^-10``.

    Notes
    -----
    The first level makes ``n`` exact additions, which leave errors of at most ``u D (1 + n u)``
    each, ``n u D`` together. The second level takes these and the values' trailing words (at most
    ``4u D`` together) in ``2n`` additions, whose errors are together at most
    ``2 (n u)^2 (1 + 4/n) D``. The third level is a plain sum of those, with a relative error of
    ``3.1 n u``. That is below ``10 (n u)^3 D``, for small n as well when both terms of the result
    are taken together. Finally the two lower levels become one word, with a relative error of
    ``u``. Ogita, Rump and Oishi 2005, proposition 4.5, is about sums of the same kind.
    """
    nu = depth * U
    # Of third order in ``n u``: for up to about ``u^(-1/3)`` values a sum loses no more than the
    # roundings of double words that come after it.
    return 10 * nu**3 + 3 * U * nu**2


def mean_residual(depth: int, m: int, total_: Array, mean_square: Array) -> Terms:
    """Error of ``r = (1/m) sum d``, where ``d = x - c`` is exact in two words.

    The sum errs by :func:`threefold_error` times ``sum |d|``, which is at most ``m sqrt(A/m)`` by
    the Cauchy-Schwarz inequality.

    Parameters
    ----------
    depth, m
        Values added up in a lane, and in a channel.
    total_
        ``sum d`` as computed.
    mean_square
        ``A/m``.
    """
    return {
        "sums": threefold_error(depth) * np.sqrt(mean_square),
        # Dropping the third word costs ``u^2``, the division ``16u^2``.
        "rounding": 17 * U**2 * np.abs(total_) / m,
    }


def variance(depth: int, r: Enclosure, mean_square: Array) -> Terms:
    """Error of ``v = A/m - r^2`` with ``A = sum d^2`` (theorem variance-formulas, shifted by c).

    Notes
    -----
    ``d^2 = (dh + dl)^2`` is kept as ``fl(dh^2)`` and ``fl(2 dh dl + rest)``. The latter rounds by
    ``u 3.1 u dh^2`` and leaves out ``dl^2 <= u^2 dh^2``; together with the dropped third word that
    is less than ``6u^2``. The division costs ``16u^2``, the square ``6u^2``, the difference
    ``3u^2``, where ``r^2 <= A/m``. All of it is at most ``31u^2 A/m``, besides what the three-fold
    sum loses. An error ``e`` of r carries over as ``2 |r| e + e^2``.
    """
    return {
        "rounding": (31 * U**2 + threefold_error(depth)) * mean_square,
        # ``|r~^2 - r^2| <= (2 |r| + e) e``.
        "mean": (2 * np.abs(r.mid) + r.rad) * r.rad,
    }


def relative_radius(radius: Array, size: Array) -> Array:
    """``radius/size``; zero without a radius, also where the size is 0, and infinite for a zero
    that is not exact."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(radius > 0, radius / size, 0.0)


def inverse_root(v: Enclosure, w: Array) -> Array:
    """Relative error of ``1/sqrt(w)`` with ``w = v + eps``, carried over from v's radius.

    With ``t = rad/w`` it is ``1/sqrt(1 - t) - 1 <= t/(2 (1 - t))``, and there is no bound for
    ``t >= 1``, where ``w`` might be zero.
    """
    t = relative_radius(v.rad, w)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(t < 1, t / (2 * (1 - t)), np.inf)


def scale(a: Array, v: Enclosure, w: Array) -> Terms:
    """Error of ``a = gamma/sqrt(v + eps)``: what v's radius does, and ``21u^2``.

    The sum ``v + eps`` errs by ``2u^2``, which the root halves, the root by ``25/8 u^2``, the
    quotient by ``16u^2``.
    """
    return {"variance": np.abs(a) * inverse_root(v, w), "rounding": 21 * U**2 * np.abs(a)}


def affine_output(a: Enclosure, r: Enclosure, b: Array) -> tuple[Terms, Terms]:
    """Error of ``y = a (d - r) + b``, as ``rho |y| + delta``.

    Returns
    -------
    tuple of Terms
        The terms of ``rho`` and those of ``delta``.

    Notes
    -----
    The difference errs by ``4u^2`` of itself and of ``|r|``, the product by ``6u^2``, both relative
    to ``|y - b| <= |y| + |b|``. So ``10u^2`` and a's relative radius apply to ``|y|`` and, as part
    of ``delta``, to ``|b|``. The final sum errs by ``2u^2`` of ``|y|``. The mean's radius and the
    ``4u^2 |r|`` are multiplied by ``|a|``.
    """
    of_product = {
        "scale": relative_radius(a.rad, np.abs(a.mid)),
        "rounding": np.full_like(a.mid, 10 * U**2),
    }
    rho = {**of_product, "rounding": np.full_like(a.mid, 12 * U**2)}
    delta = {f"{name} at b": term * np.abs(b) for name, term in of_product.items()}
    # The largest scale that is possible, times the error of the mean.
    carried = (np.abs(a.mid) + a.rad) * (r.rad + 4 * U**2 * np.abs(r.mid))
    return rho, {**delta, "mean": carried, "underflow": np.where(a.mid == 0, 0.0, UNDERFLOW)}


def upstream_sum(depth: int, total_: Array, size: Array) -> Terms:
    """Error of ``S = sum h``, where ``h = g - c_g`` is exact in two words.

    ``size = sum |h|``; dropping the third word of the sum costs ``u^2``.
    """
    return {"sums": threefold_error(depth) * size, "rounding": U**2 * np.abs(total_)}


def upstream_mean(m: int, sums: Enclosure, mean: Array) -> Terms:
    """Error of ``S/m``: that of S divided by m, and ``16u^2`` for the division."""
    return {"sums": sums.rad / m, "rounding": 16 * U**2 * np.abs(mean)}


def products(depth: int, m: int, size: Array, upstream: Array) -> Terms:
    """Error of ``P = sum h d``.

    Each product errs by ``8u^2 |h d|`` (as for the squares of :func:`variance`, with a third
    rounding), dropping the third word costs ``u^2``, and then there is the three-fold sum.

    Parameters
    ----------
    depth, m
        Values added up in a lane, and in a channel.
    size
        ``sum |h d|``.
    upstream
        ``sum |h|``. Where it is 0, every product is, and nothing underflows.
    """
    return {
        "products": (9 * U**2 + threefold_error(depth)) * size,
        "underflow": np.where(upstream > 0, m * UNDERFLOW, 0.0),
    }


def covariance(products_: Enclosure, sums: Enclosure, r: Enclosure) -> Terms:
    """Error of ``T = P - r S``: the product ``6u^2``, the difference ``3u^2``, and what P, r and S
    carry over.

    ``T = sum g (x - mu)`` for any two centres, because ``sum (x - mu) = 0``.
    """
    # The magnitude of the product that is subtracted; the difference may be much smaller.
    crossed = np.abs(r.mid * sums.mid)
    return {
        "products": products_.rad,
        "mean": np.abs(sums.mid) * r.rad,
        "upstream sum": (np.abs(r.mid) + r.rad) * sums.rad,
        "rounding": U**2 * (9 * crossed + 3 * np.abs(products_.mid)),
    }


def slope(k: Array, joint: Enclosure, v: Enclosure, w: Array, m: int) -> Terms:
    """Error of ``k = T/(m (v + eps))``.

    The sum errs by ``2u^2``, the product by ``6u^2``, the quotient by ``16u^2``. The true
    ``w' >= w (1 - t)``, ``t = rad/w``, changes ``T/(m w')`` by a relative ``t/(1 - t)``; T's radius
    is divided by the smallest such ``w'``.
    """
    t = relative_radius(v.rad, w)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(t < 1, t / (1 - t), np.inf)
    return {
        "covariance": relative_radius(joint.rad, m * w) * (1 + spread),
        "variance": np.where(k == 0, 0.0, np.abs(k) * spread),
        "rounding": 24 * U**2 * np.abs(k),
    }


def input_gradient(
    a: Enclosure, r: Enclosure, upstream: Enclosure, k: Enclosure
) -> tuple[Terms, Terms, Terms]:
    """Error of ``dx = a z`` with ``z = h - r_g - k (d - r)``, as ``rho |dx| + rho_x |d| + delta``.

    Parameters
    ----------
    a, r, k
        The scale, the residue of x's mean, and the slope.
    upstream
        The residue ``r_g`` of g's mean.

    Returns
    -------
    tuple of Terms
        The terms of ``rho``, of ``rho_x`` and of ``delta``. One term may depend on the entry only
        through ``|dx|`` and ``|d|``, because the kernel has nothing else at hand.

    Notes
    -----
    ``h - r_g`` rounds by ``4u^2`` of itself, which is at most ``|z| + |k (d - r)|``, and by
    ``4u^2`` of ``|r_g|``. ``d - r`` rounds by ``4u^2`` of itself and of ``|r|``, its product with k
    by ``6u^2``. The difference of the two rounds by ``4u^2`` of ``|z|`` and of that product, the
    product with a by ``6u^2``. In all that is ``14u^2 |z|`` and ``18u^2 |k (d - r)|``. ``|d|`` is
    evaluated with one rounding, which ``SLACK`` covers.
    """
    size = np.abs(a.mid) + a.rad
    # Error of the slope, and the roundings of its product: both multiply ``|d - r| <= |d| + |r|``.
    bent = 18 * U**2 * (np.abs(k.mid) + k.rad) + k.rad
    relative = relative_radius(a.rad, np.abs(a.mid))
    rho = {"scale": relative, "rounding": np.full_like(a.mid, 14 * U**2)}
    rho_x = {"slope": size * bent}
    delta = {
        "upstream mean": size * (upstream.rad + 4 * U**2 * np.abs(upstream.mid)),
        "mean": size * (np.abs(k.mid) + k.rad) * (r.rad + 4 * U**2 * np.abs(r.mid)),
        "slope at c": size * bent * np.abs(r.mid),
        "underflow": np.where(a.mid == 0, 0.0, UNDERFLOW * (1 + size)),
    }
    return rho, rho_x, delta
