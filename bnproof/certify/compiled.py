"""The compiled tier: double-word arithmetic (Numba) over whole arrays, and exact fixed-point sums.

A double word ``(h, l)`` stands for the unevaluated sum ``h + l`` with ``|l| <= u |h|``, where
``u = 2^-53`` is the unit roundoff of float64. It carries about 106 bits. The operations below are
exact (two_sum, and the product with its fused remainder) or have a relative error of a few ``u^2``,
which is proved in the sources:

- two_sum: Knuth 1969. The exact product needs a fused multiply-add: Ogita, Rump and Oishi 2005,
  section 2.
- sums, products and quotients of double words: Joldes, Muller and Popescu 2017 (ACM TOMS 44(2)).
  The algorithm numbers below are theirs.
- the square root: Lefevre, Louvet, Muller, Picot and Rideau 2023.

The proofs assume rounding to nearest and gradual underflow, and numbers away from underflow and
overflow. :mod:`bnproof.certify.machine` checks the first two on the running thread;
:mod:`bnproof.certify.errors` states the resulting bounds and the admitted range.

All kernels read an array in memory order as ``(outer, groups, size)``, described in
:mod:`bnproof.certify.lanes`. They go through each row in strips of ``W`` values, one value a lane.
Lanes do not depend on each other, so the compiler can turn each loop over ``lane`` into vector
instructions. These arguments recur:

- ``flat``, ``upstream``: the values of x and of dy in memory order, one-dimensional.
- ``start``, ``outer``, ``groups``, ``size``: which part of them is read, and how it is nested.
- ``spread``: true where neighbouring lanes belong to different channels. Then parameters and sums
  are stored strip by strip; otherwise they are stored group by group, and a group is a channel.
- ``sums``, ``doubtful``: results that are added to, so that several calls can share them.

All compiled code is in this one file because Numba's cache on disk looks at no other when it asks
whether a kernel is out of date. Start reading at ``two_sum`` and ``accumulate``, then at
``compute_affine``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

# A multiple of every vector width. Shorter strips would leave the processor waiting for the
# previous addition of the same sum; longer ones cost more memory per strip and more lanes to join.
W = 64
# An entry beyond this is left to balls: near the largest double (just below ``2^1024``) an
# intermediate product could overflow although the result does not.
HUGE = 2.0**1000
# Never with ``fastmath``: it would let the compiler cancel ``(s - a) - b`` to zero, and two_sum
# with it. NumPy's error model makes ``0/0`` NaN instead of an exception. The lock of the
# interpreter is not needed, so threads may run kernels side by side.
compiled = njit(cache=True, nogil=True, error_model="numpy")


@intrinsic  # type: ignore[misc]
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """``a b + c`` with one rounding, as the processor's own instruction.

    Numba has no function for it. Where the machine lacks the instruction, LLVM calls the C library,
    which is slow and may round twice; :func:`probe_arithmetic` is how certify finds that out.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate


# -- double-word arithmetic ------------------------------------------------------------------------


@compiled
def two_sum(a, b):
    """``s + e = a + b`` exactly, with ``s = fl(a + b)`` (Knuth 1969).

    Six operations, for any order of magnitudes, as long as nothing overflows. Additions are exact
    at the subnormal end, so underflow does no harm.
    """
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@compiled
def fast_two_sum(a, b):
    """``two_sum`` in three operations, for ``|a| >= |b|`` or ``a = 0``."""
    s = a + b
    return s, b - (s - a)


@compiled
def add(ah, al, bh, bl):
    """Double word plus double word (algorithm 6): relative error at most ``3u^2 + 13u^3``.

    Unlike the cheaper :func:`subtract`, it keeps a small relative error where the operands cancel.
    """
    sh, sl = two_sum(ah, bh)
    th, tl = two_sum(al, bl)
    vh, vl = fast_two_sum(sh, sl + th)
    return fast_two_sum(vh, tl + vl)


@compiled
def subtract(ah, al, bh, bl):
    """Double word minus double word, cheaper than :func:`add`: error at most
    ``4u^2 (|a - b| + |b|)``.

    Algorithm 5, with its last step done by ``two_sum``. The difference of the low words rounds by
    ``u (u |ah| + u |bh|)``. Its sum with the error of the high words' difference rounds by
    ``u (u |a - b| + u |ah| + u |bh|)``. Since ``|a| <= |a - b| + |b|``, both together are
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
    """Double word times double word (algorithm 11): relative error at most ``6u^2``.

    The product of the low words, at most ``u^2`` of the result, is left out.
    """
    p = ah * bh
    e = fma(ah, bh, -p)
    return fast_two_sum(p, e + fma(ah, bl, al * bh))


@compiled
def divide(ah, al, bh, bl):
    """Double word by double word (algorithm 17, its product by algorithm 9): relative error at most
    ``16u^2``.

    The first quotient ``t = fl(ah/bh)`` leaves a remainder ``|a - b t| <= 3.1u |a|``. Relative to
    ``a/b``, the product ``b t`` errs by ``2u^2``; the two differences and their sum by
    ``2.1u^2 + 3.2u^2``; the last quotient by ``3.2u^2``, and taking ``bh`` for ``b`` in it by
    ``3.3u^2``. A zero divisor gives NaN.
    """
    t = ah / bh
    p = bh * t
    rh, rl = fast_two_sum(p, fma(bl, t, fma(bh, t, -p)))
    return fast_two_sum(t, ((ah - rh) + (al - rl)) / bh)


@compiled
def root(ah, al):
    """Square root of a double word (Lefevre et al. 2023, algorithm 8): relative error at most
    ``25/8 u^2``.

    One Newton step from the rounded root ``h`` of the high word: ``h + (a - h^2)/(2h)``. The fused
    operation gives ``ah - h^2`` exactly. A root of zero comes out as NaN, from ``0/0``; callers set
    such channels aside.
    """
    h = np.sqrt(ah)
    return fast_two_sum(h, (fma(-h, h, ah) + al) / (2.0 * h))


@compiled
def accumulate(sums, at, value):
    """Add ``value`` to the three-fold sum at ``at``, ``at + W``, ``at + 2W``.

    Each level takes the rounding error of the level above, which two_sum gives exactly; only
    additions to the third level round (Ogita, Rump and Oishi 2005).
    :func:`bnproof.certify.errors.threefold_error` bounds what is lost.
    """
    h, e = two_sum(sums[at], value)
    sums[at] = h
    accumulate_trailing(sums, at, e)


@compiled
def accumulate_trailing(sums, at, value):
    """Add ``value`` to the second and third level of the three-fold sum at ``at``.

    That is where the trailing word of a value of two words enters: it is about ``u`` times the
    leading one.
    """
    q, f = two_sum(sums[at + W], value)
    sums[at + W] = q
    sums[at + 2 * W] += f


# -- sums over the batch ---------------------------------------------------------------------------


@compiled
def fill_lanes(scratch, parameters, group):
    """Fill ``W`` lanes with each parameter of a group.

    The inner loops read parameters lane by lane. Repeating a channel's parameter in all lanes lets
    one loop serve both ways in which channels lie in memory.
    """
    count = len(scratch) // W
    for which in range(count):
        scratch[which * W : (which + 1) * W] = parameters[group * count + which]


@compiled
def sum_plain(flat, start, outer, groups, size, spread, sums):
    """Plain sums of ``x``, one per lane, to find a centre and to notice a modified array.

    Their rounding errors do not matter: any centre near the mean will do.
    """
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
    """Three-fold sums of ``d = x - c`` and of ``d^2``: six numbers a lane.

    ``d = dh + dl`` is exact. Of ``d^2 = dh^2 + 2 dh dl + dl^2`` the leading ``fl(dh^2)`` goes in at
    the first level, its exact remainder together with ``2 dh dl`` at the second; ``dl^2``, below
    ``u^2`` of the whole, is left out and counted by :func:`bnproof.certify.errors.variance`.
    """
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
                    accumulate_trailing(total, lane, dl)
                    p = dh * dh
                    accumulate(total, lane + 3 * W, p)
                    accumulate_trailing(total, lane + 3 * W, fma(2.0 * dh, dl, fma(dh, dh, -p)))


@compiled
def sum_gradients(flat, upstream, start, outer, groups, size, spread, centres, sums):
    """Three-fold sums of ``h = g - c_g`` and ``h d`` with ``d = x - c``, and four plain sums: ten a
    lane.

    The plain sums are of ``|h|``, ``|h d|``, ``|g|`` and ``|g d|``. They bound errors and measure
    sizes, so that a rounding of theirs is covered by the slack of the bounds.
    """
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
                    accumulate_trailing(total, lane, hl)
                    p = hh * dh
                    accumulate(total, lane + 3 * W, p)
                    accumulate_trailing(
                        total, lane + 3 * W, fma(hh, dl, fma(hl, dh, fma(hh, dh, -p)))
                    )
                    total[lane + 6 * W] += abs(hh)
                    total[lane + 7 * W] += abs(p)
                    total[lane + 8 * W] += abs(value)
                    total[lane + 9 * W] += abs(value * dh)


@compiled
def join_lanes(sums, lanes, channel, count, result):
    """Join the lanes of each channel into ``result``, of shape ``(channels, k)``.

    The first ``3 count`` numbers are three-fold sums, the others plain ones. Each level of a lane's
    sum is added to the same level of the channel's, and what is rounded off moves down, so a joined
    lane costs the error bound no more than another value of the batch.
    """
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
    """Three-fold sums ``(n, 3)`` as double words ``(n, 2)``, with one rounding, of the lower
    word."""
    words = np.empty((len(threefold), 2))
    for n in range(len(threefold)):
        h, q = two_sum(threefold[n, 0], threefold[n, 1])
        words[n, 0], words[n, 1] = two_sum(h, q + threefold[n, 2])
    return words


@compiled
def quotients(words, divisor):
    """Double words ``(n, 2)`` divided by a float: relative error at most ``16u^2``."""
    result = np.empty_like(words)
    for n in range(len(words)):
        result[n] = divide(words[n, 0], words[n, 1], divisor, 0.0)
    return result


@compiled
def subtract_products(minuend, left, right):
    """``minuend - left right`` for double words ``(n, 2)``: the product errs by ``6u^2``, the
    sum by ``3u^2``."""
    result = np.empty_like(minuend)
    for n in range(len(minuend)):
        ph, pl = multiply(left[n, 0], left[n, 1], right[n, 0], right[n, 1])
        result[n] = add(minuend[n, 0], minuend[n, 1], -ph, -pl)
    return result


@compiled
def affine_scale(gamma, v, eps):
    """``gamma/sqrt(v + eps)`` for each channel.

    Parameters
    ----------
    gamma
        Floats ``(n,)``, exact.
    v
        Variances as double words ``(n, 2)``.
    eps
        A float.

    Returns
    -------
    array
        Double words ``(n, 2)``; :func:`bnproof.certify.errors.scale` bounds their error.
    """
    scale = np.empty_like(v)
    for n in range(len(v)):
        wh, wl = add_float(v[n, 0], v[n, 1], eps)
        sh, sl = root(wh, wl)
        scale[n] = divide(gamma[n], 0.0, sh, sl)
    return scale


@compiled
def regression_slope(joint, v, eps, m):
    """``k = T/(m (v + eps))`` for each channel, the slope of g regressed on x (exactly so for
    ``eps = 0``).

    ``joint`` (``T = sum g (x - mu)``) and ``v`` are double words ``(n, 2)``, ``eps`` and ``m``
    floats; :func:`bnproof.certify.errors.slope` bounds the error.
    """
    slope = np.empty_like(joint)
    for n in range(len(joint)):
        wh, wl = add_float(v[n, 0], v[n, 1], eps)
        bh, bl = multiply(wh, wl, m, 0.0)
        slope[n] = divide(joint[n, 0], joint[n, 1], bh, bl)
    return slope


# -- every entry -----------------------------------------------------------------------------------


@compiled
def compute_affine(flat, start, outer, groups, size, spread, parameters, mid, low, rad, doubtful):
    """``a (x - c - r) + b`` for every entry, as ``mid + low``, with ``rad = rho |mid| + delta``.

    The nine parameters of a channel are ``c``, ``r`` (two words), ``a`` (two words), ``b``,
    ``rho``, ``delta`` and a threshold. ``doubtful`` counts, per strip or group, the entries that
    are not certain to be narrow: those of magnitude at most the threshold, those beyond ``HUGE``,
    and NaN. Only channels with such entries are looked at again.
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
                    # Written so that NaN, for which every comparison is false, counts as doubtful.
                    count += 0 if t[lane + 8 * W] < size_of < HUGE else 1
                doubtful[strip if spread else g] += count


@compiled
def compute_input_gradient(
    flat, upstream, start, outer, groups, size, spread, parameters, mid, low, rad, doubtful
):
    """``a (g - c_g - r_g - k (x - c - r))`` for every entry, as ``mid + low``.

    The radius is ``rho |mid| + rho_x |x - c| + delta``. The thirteen parameters of a channel are
    ``c``, ``r`` (two words), ``c_g``, ``r_g`` (two words), ``k`` (two words), ``a`` (two words),
    ``rho``, ``rho_x`` and ``delta``. ``doubtful`` counts, per strip or group, the entries whose
    interval holds zero without being exactly zero, and those beyond ``HUGE``. Whether the others
    are narrow is decided per channel, in :func:`bnproof.certify.entrywise.run_input_gradient`.
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

# A fixed-point number (Kulisch 1971) of 72 digits, 32 bits each, kept in 64-bit integers. Digit n
# counts units of ``2^(32 n - 1152)``. The lowest place lies below every bit of a subnormal: a value
# is deposited as 53 bits from ``2^(exponent - 53)`` up, which is ``2^-1126`` at least, and 1152 is
# the next multiple of 32. The highest is past ``2^29`` times the largest double. Digits have signs
# and carries stay where they arise until the number is read; the 31 bits left over in each digit
# are what limits the number of values.
LIMBS = 72
BOTTOM = 1152


@compiled
def deposit(limbs, value):
    """Add a finite double to a fixed-point number, exactly.

    The 53 bits of the significand are cut into 32-bit digits at the double's place, so at most
    three digits change. No digit moves by more than ``2^33`` in one call: below ``2^30`` calls
    nothing overflows.
    """
    if value != 0.0:
        mantissa, exponent = math.frexp(abs(value))
        # ``2^53``: the scaled significand is a whole number, so the conversion is exact.
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
    """Add ``values`` into ``limbs``, whose units are ``2^(32 n - 1152)``; for fewer than
    ``2^29`` values."""
    for n in range(len(values)):
        deposit(limbs, values[n])


@compiled
def deposit_products(left, right, limbs):
    """Add the products ``left * right`` into ``limbs``; false where some product may not be exact.

    A product is the two words ``p = fl(a b)`` and ``a b - p``, both deposited. The second word is a
    double as long as no bit of it lies below ``2^-1074`` and ``p`` does not overflow.
    """
    exact = True
    for n in range(len(left)):
        p = left[n] * right[n]
        # A product that underflowed to zero is not zero: that is what is looked at.
        if p == 0.0:
            exact = exact and (left[n] == 0.0 or right[n] == 0.0)
            continue
        # The lowest bit of a product lies at least ``2^-106 |p|`` high, so from 1e-280 (about
        # ``2^-930``) on it is far above the smallest subnormal. The upper limit keeps away from
        # overflow.
        exact = exact and 1e-280 < abs(p) < 1e300
        deposit(limbs, p)
        deposit(limbs, fma(left[n], right[n], -p))
    return exact


# -- the machine -----------------------------------------------------------------------------------


@compiled
def probe_arithmetic(sums, products, fused):
    """``a + b`` and ``a b`` of pairs, ``a b + c`` of triples, as the kernels of this thread compute
    them.

    It has to be compiled like the kernels: NumPy's own loops may use other instructions, and
    rounding modes belong to a thread.

    Parameters
    ----------
    sums, products
        Pairs ``(n, 2)``.
    fused
        Triples ``(n, 3)``.

    Returns
    -------
    tuple of array
        The rounded sums, products and fused results, ``(n,)`` each.
    """
    once = np.empty(len(fused))
    for n in range(len(fused)):
        once[n] = fma(fused[n, 0], fused[n, 1], fused[n, 2])
    return sums[:, 0] + sums[:, 1], products[:, 0] * products[:, 1], once
