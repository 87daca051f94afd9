"""The compiled tier: double-word arithmetic (Numba) over whole arrays, and exact fixed-point sums.

A double word ``(h, l)`` stands for ``h + l`` with ``|l| <= u |h|``, ``u = 2^-53``.  Sources:
two_sum and two_prod are exact (Knuth 1969; with a fused multiply-add, Ogita, Rump and Oishi 2005,
section 2); relative errors of the double-word operations are proved in Joldes, Muller and Popescu
2017 (ACM TOMS 44(2); numbers of their algorithms below) and Lefevre, Louvet, Muller, Picot and
Rideau 2023 (square root).  They hold to nearest, with subnormals, and away from underflow and
overflow: :mod:`bnproof.certify.machine` checks the first two, :mod:`bnproof.certify.errors` names
the bounds and the range.

An array is read in memory order as ``(outer, groups, size)`` (:mod:`bnproof.certify.lanes`), in
strips of ``W`` lanes whose arithmetic is independent, so that the compiler turns each loop over
``lane`` into vector instructions.  All compiled code is in this one file because Numba's cache on
disk looks at no other when it asks whether a kernel is out of date.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

W = 64
HUGE = 2.0**1000  # beyond this an entry is left to balls
compiled = njit(cache=True, nogil=True, error_model="numpy")


@intrinsic  # type: ignore[misc]
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a b + c`` with one rounding."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


# -- double-word arithmetic ------------------------------------------------------------------------


@compiled
def two_sum(a, b):
    """``s + e = a + b`` exactly, ``s = fl(a + b)``."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@compiled
def fast_two_sum(a, b):
    """``two_sum`` for ``|a| >= |b|`` or ``a = 0``."""
    s = a + b
    return s, b - (s - a)


@compiled
def add(ah, al, bh, bl):
    """Double word plus double word (algorithm 6): relative error at most ``3u^2 + 13u^3``."""
    sh, sl = two_sum(ah, bh)
    th, tl = two_sum(al, bl)
    vh, vl = fast_two_sum(sh, sl + th)
    return fast_two_sum(vh, tl + vl)


@compiled
def subtract(ah, al, bh, bl):
    """Double word minus double word, cheaper (algorithm 5, its last step by ``two_sum``): error at
    most ``4u^2 (|a - b| + |b|)``.

    The low words' difference rounds by ``u (u |ah| + u |bh|)``, its sum with the error of the high
    words' by ``u (u |a - b| + u |ah| + u |bh|)``, and ``|a| <= |a - b| + |b|``: together
    ``3u^2 |a - b| + 4u^2 |b|`` to first order.
    """
    sh, sl = two_sum(ah, -bh)
    return two_sum(sh, sl + (al - bl))


@compiled
def add_float(ah, al, b):
    """Double word plus float (algorithm 4): relative error at most ``2u^2``."""
    sh, sl = two_sum(ah, b)
    return fast_two_sum(sh, al + sl)


@compiled
def multiply(ah, al, bh, bl):
    """Double word times double word (algorithm 11): relative error at most ``6u^2``."""
    p = ah * bh
    e = fma(ah, bh, -p)
    return fast_two_sum(p, e + fma(ah, bl, al * bh))


@compiled
def divide(ah, al, bh, bl):
    """Double word by double word (algorithm 17, its product by algorithm 9): relative error at most
    ``16u^2``.

    ``t = fl(ah/bh)`` leaves ``|a - b t| <= 3.1u |a|``; the product errs by ``2u^2``, the two
    differences and their sum by ``2.1u^2 + 3.2u^2``, the last quotient by ``3.2u^2``, and ``bh``
    for ``b`` in it by ``3.3u^2``, relative to ``a/b``.
    """
    t = ah / bh
    p = bh * t
    rh, rl = fast_two_sum(p, fma(bl, t, fma(bh, t, -p)))
    return fast_two_sum(t, ((ah - rh) + (al - rl)) / bh)


@compiled
def root(ah, al):
    """Square root of a double word (Lefevre et al. 2023, algorithm 8): relative error at most
    ``25/8 u^2``."""
    h = np.sqrt(ah)
    return fast_two_sum(h, (fma(-h, h, ah) + al) / (2.0 * h))


@compiled
def accumulate(sums, at, value):
    """Add ``value`` to the three-fold sum at ``at``, ``at + W``, ``at + 2W``: each level takes the
    rounding error of the last."""
    h, e = two_sum(sums[at], value)
    q, f = two_sum(sums[at + W], e)
    sums[at] = h
    sums[at + W] = q
    sums[at + 2 * W] += f


# -- sums over the batch ---------------------------------------------------------------------------


@compiled
def fill_lanes(scratch, parameters, group):
    """``W`` lanes of each of a group's parameters."""
    count = len(scratch) // W
    for which in range(count):
        scratch[which * W : (which + 1) * W] = parameters[group * count + which]


@compiled
def sum_plain(flat, start, outer, groups, size, spread, sums):
    """Plain sums of ``x`` per lane, to find a centre."""
    for a in range(outer):
        for g in range(groups):
            first = start + (a * groups + g) * size
            for strip in range((size + W - 1) // W):
                at = (strip if spread else g) * W
                row = flat[first + strip * W : first + min(size, (strip + 1) * W)]
                total = sums[at : at + W]
                for lane in range(len(row)):
                    total[lane] += np.float64(row[lane])


@compiled
def sum_centred(flat, start, outer, groups, size, spread, centre, sums):
    """Three-fold sums of ``d = x - c`` and of ``d^2`` per lane: six numbers a lane."""
    scratch = np.empty(W)
    for a in range(outer):
        for g in range(groups):
            first = start + (a * groups + g) * size
            if not spread:
                fill_lanes(scratch, centre, g)
            for strip in range((size + W - 1) // W):
                row = flat[first + strip * W : first + min(size, (strip + 1) * W)]
                c = centre[strip * W : (strip + 1) * W] if spread else scratch
                at = (strip if spread else g) * 6 * W
                total = sums[at : at + 6 * W]
                for lane in range(len(row)):
                    dh, dl = two_sum(np.float64(row[lane]), -c[lane])
                    accumulate(total, lane, dh)
                    q, f = two_sum(total[lane + W], dl)
                    total[lane + W] = q
                    total[lane + 2 * W] += f
                    p = dh * dh
                    accumulate(total, lane + 3 * W, p)
                    q, f = two_sum(total[lane + 4 * W], fma(2.0 * dh, dl, fma(dh, dh, -p)))
                    total[lane + 4 * W] = q
                    total[lane + 5 * W] += f


@compiled
def sum_gradients(flat, upstream, start, outer, groups, size, spread, centres, sums):
    """Three-fold sums of ``h = g - c_g`` and ``h d``, ``d = x - c``; plain sums of ``|h|``,
    ``|h d|``, ``|g|``, ``|g d|``: ten a lane."""
    scratch = np.empty(2 * W)
    for a in range(outer):
        for g in range(groups):
            first = start + (a * groups + g) * size
            if not spread:
                fill_lanes(scratch, centres, g)
            for strip in range((size + W - 1) // W):
                begin, end = first + strip * W, first + min(size, (strip + 1) * W)
                row, up = flat[begin:end], upstream[begin:end]
                c = centres[strip * 2 * W : (strip + 1) * 2 * W] if spread else scratch
                at = (strip if spread else g) * 10 * W
                total = sums[at : at + 10 * W]
                for lane in range(len(row)):
                    dh, dl = two_sum(np.float64(row[lane]), -c[lane])
                    value = np.float64(up[lane])
                    hh, hl = two_sum(value, -c[lane + W])
                    accumulate(total, lane, hh)
                    q, f = two_sum(total[lane + W], hl)
                    total[lane + W] = q
                    total[lane + 2 * W] += f
                    p = hh * dh
                    accumulate(total, lane + 3 * W, p)
                    q, f = two_sum(total[lane + 4 * W], fma(hh, dl, fma(hl, dh, fma(hh, dh, -p))))
                    total[lane + 4 * W] = q
                    total[lane + 5 * W] += f
                    total[lane + 6 * W] += abs(hh)
                    total[lane + 7 * W] += abs(p)
                    total[lane + 8 * W] += abs(value)
                    total[lane + 9 * W] += abs(value * dh)


@compiled
def join_lanes(sums, lanes, channel, count, result):
    """Join the lanes of each channel: ``count`` three-fold sums, then plain ones, into ``result``
    of shape ``(channels, k)``."""
    numbers = result.shape[1]
    for n in range(len(lanes)):
        strip, lane = lanes[n] // W, lanes[n] % W
        own = result[channel[n]]
        base = strip * numbers * W + lane
        for k in range(count):
            for level in range(3):
                value = sums[base + (3 * k + level) * W]
                for below in range(level, 2):
                    own[3 * k + below], value = two_sum(own[3 * k + below], value)
                own[3 * k + 2] += value
        for k in range(3 * count, numbers):
            own[k] += sums[base + k * W]


# -- per channel -----------------------------------------------------------------------------------


@compiled
def to_double_words(threefold):
    """``(n, 3)`` three-fold sums as ``(n, 2)`` double words: one rounding, of the lower word."""
    words = np.empty((len(threefold), 2))
    for n in range(len(threefold)):
        h, q = two_sum(threefold[n, 0], threefold[n, 1])
        words[n, 0], words[n, 1] = two_sum(h, q + threefold[n, 2])
    return words


@compiled
def quotients(words, divisor):
    """Double words ``(n, 2)`` divided by a float."""
    result = np.empty_like(words)
    for n in range(len(words)):
        result[n] = divide(words[n, 0], words[n, 1], divisor, 0.0)
    return result


@compiled
def subtract_products(minuend, left, right):
    """``minuend - left right``: double words ``(n, 2)``."""
    result = np.empty_like(minuend)
    for n in range(len(minuend)):
        ph, pl = multiply(left[n, 0], left[n, 1], right[n, 0], right[n, 1])
        result[n] = add(minuend[n, 0], minuend[n, 1], -ph, -pl)
    return result


@compiled
def affine_scale(gamma, v, eps):
    """``gamma/sqrt(v + eps)``: double words ``(n, 2)`` of ``gamma (n,)``, ``v (n, 2)`` and a float
    ``eps``."""
    scale = np.empty_like(v)
    for n in range(len(v)):
        wh, wl = add_float(v[n, 0], v[n, 1], eps)
        sh, sl = root(wh, wl)
        scale[n] = divide(gamma[n], 0.0, sh, sl)
    return scale


@compiled
def regression_slope(joint, v, eps, m):
    """``T/(m (v + eps))``: double words ``(n, 2)``."""
    slope = np.empty_like(joint)
    for n in range(len(joint)):
        wh, wl = add_float(v[n, 0], v[n, 1], eps)
        bh, bl = multiply(wh, wl, m, 0.0)
        slope[n] = divide(joint[n, 0], joint[n, 1], bh, bl)
    return slope


# -- every entry -----------------------------------------------------------------------------------


@compiled
def compute_affine(flat, start, outer, groups, size, spread, parameters, mid, low, rad, doubtful):
    """``a (x - c - r) + b`` as ``mid + low``, ``rad = rho |mid| + delta``; counts, per strip or
    group, what is not above a threshold.

    Nine parameters: ``c``, ``r`` (two words), ``a`` (two words), ``b``, ``rho``, ``delta``,
    threshold.
    """
    scratch = np.empty(9 * W)
    for a in range(outer):
        for g in range(groups):
            first = start + (a * groups + g) * size
            if not spread:
                fill_lanes(scratch, parameters, g)
            for strip in range((size + W - 1) // W):
                begin, end = first + strip * W, first + min(size, (strip + 1) * W)
                row, high, trailing, radius = (
                    flat[begin:end],
                    mid[begin:end],
                    low[begin:end],
                    rad[begin:end],
                )
                t = parameters[strip * 9 * W : (strip + 1) * 9 * W] if spread else scratch
                for lane in range(len(row)):
                    dh, dl = two_sum(np.float64(row[lane]), -t[lane])
                    dh, dl = subtract(dh, dl, t[lane + W], t[lane + 2 * W])
                    ph, pl = multiply(dh, dl, t[lane + 3 * W], t[lane + 4 * W])
                    high[lane], trailing[lane] = add_float(ph, pl, t[lane + 5 * W])
                count = 0
                for lane in range(len(row)):
                    size_of = abs(high[lane])
                    radius[lane] = t[lane + 6 * W] * size_of + t[lane + 7 * W]
                    count += 0 if t[lane + 8 * W] < size_of < HUGE else 1
                doubtful[strip if spread else g] += count


@compiled
def compute_input_gradient(
    flat, upstream, start, outer, groups, size, spread, parameters, mid, low, rad, doubtful
):
    """``a (g - c_g - r_g - k (x - c - r))`` as ``mid + low``,
    ``rad = rho |mid| + rho_x |x - c| + delta``.

    Thirteen parameters: ``c``, ``r`` (2), ``c_g``, ``r_g`` (2), ``k`` (2), ``a`` (2), ``rho``,
    ``rho_x``, ``delta``. Counts, per strip or group, the entries whose interval holds zero without
    being exactly zero.
    """
    scratch = np.empty(13 * W)
    for a in range(outer):
        for g in range(groups):
            first = start + (a * groups + g) * size
            if not spread:
                fill_lanes(scratch, parameters, g)
            for strip in range((size + W - 1) // W):
                begin, end = first + strip * W, first + min(size, (strip + 1) * W)
                row, up = flat[begin:end], upstream[begin:end]
                high, trailing, radius = mid[begin:end], low[begin:end], rad[begin:end]
                t = parameters[strip * 13 * W : (strip + 1) * 13 * W] if spread else scratch
                for lane in range(len(row)):
                    dh, dl = two_sum(np.float64(row[lane]), -t[lane])
                    dh, dl = subtract(dh, dl, t[lane + W], t[lane + 2 * W])
                    hh, hl = two_sum(np.float64(up[lane]), -t[lane + 3 * W])
                    hh, hl = subtract(hh, hl, t[lane + 4 * W], t[lane + 5 * W])
                    qh, ql = multiply(dh, dl, t[lane + 6 * W], t[lane + 7 * W])
                    zh, zl = subtract(hh, hl, qh, ql)
                    high[lane], trailing[lane] = multiply(zh, zl, t[lane + 8 * W], t[lane + 9 * W])
                count = 0
                for lane in range(len(row)):
                    bound = t[lane + 10 * W] * abs(high[lane]) + t[lane + 12 * W]
                    bound += t[lane + 11 * W] * abs(np.float64(row[lane]) - t[lane])
                    radius[lane] = bound
                    count += 0 if bound < abs(high[lane]) < HUGE or bound == 0.0 else 1
                doubtful[strip if spread else g] += count


# -- exact sums ------------------------------------------------------------------------------------

# 32 bits each, from 2^-1152 (below every bit of a subnormal) to past 2^29 times the largest double
LIMBS = 72
BOTTOM = 1152


@compiled
def deposit(limbs, value):
    """Add a finite double to a fixed-point number, exactly."""
    if value != 0.0:
        mantissa, exponent = math.frexp(abs(value))
        bits = np.uint64(mantissa * 9007199254740992.0)
        place = exponent - 53 + BOTTOM
        limb, shift = place // 32, np.uint64(place % 32)
        sign = 1 if value > 0.0 else -1
        mask = np.uint64(0xFFFFFFFF)
        lower = (bits & mask) << shift
        upper = (bits >> np.uint64(32)) << shift
        limbs[limb] += sign * np.int64(lower & mask)
        limbs[limb + 1] += sign * np.int64((lower >> np.uint64(32)) + (upper & mask))
        limbs[limb + 2] += sign * np.int64(upper >> np.uint64(32))


@compiled
def deposit_sum(values, limbs):
    """``sum values`` into ``limbs``, units ``2^(32 n - 1152)``; fewer than 2^29 values."""
    for n in range(len(values)):
        deposit(limbs, values[n])


@compiled
def deposit_products(left, right, limbs):
    """``sum left * right`` into ``limbs``; false where the words of a product may not be exact."""
    exact = True
    for n in range(len(left)):
        p = left[n] * right[n]
        if p == 0.0:
            exact = exact and (left[n] == 0.0 or right[n] == 0.0)
            continue
        exact = exact and 1e-280 < abs(p) < 1e300
        deposit(limbs, p)
        deposit(limbs, fma(left[n], right[n], -p))
    return exact


# -- the machine -----------------------------------------------------------------------------------


@compiled
def probe_arithmetic(sums, products, fused):
    """``a + b`` and ``a b`` of pairs, ``a b + c`` of triples, as kernels of this thread do them."""
    once = np.empty(len(fused))
    for n in range(len(fused)):
        once[n] = fma(fused[n, 0], fused[n, 1], fused[n, 2])
    return sums[:, 0] + sums[:, 1], products[:, 0] * products[:, 1], once
