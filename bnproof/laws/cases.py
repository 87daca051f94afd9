"""Cases, each a function of a seed.

Three kinds of cases look for different things.  *Semantic* cases have few values, eps of the order
of v, and everything distinct and far from 0 and 1, so that leaving out a term or confusing two
moves the answer far beyond rounding, in float32 too.  *Conditioned* cases have few values and a
condition number ``kappa = sqrt(1 + mu^2/v)`` from 1 up to where the working precision ends, which
strains the variance.  *Long* cases have many values at a small kappa, which strains sums.

Start reading at :func:`draw_case`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from bnproof.contract import Array, Case, Weights
from bnproof.formats import dtype_of, is_half, parameter_dtype
from bnproof.laws.columns import has_constant_channel
from bnproof.laws.supports import Supports

# from the default of most frameworks to the order of 1; an eps of 0 comes with strained cases only
EPS = (1e-5, 1e-3, 0.1, 0.25, 1.0)
# no 0.1, which may be built in, and no 0.5, which hides an exchange of the old and the new value
MOMENTA = (0.25, 0.3, 0.7, 0.01, 0.9, 0.0, 1.0)
# convolutions twice as often, since they have groups and kernels besides
KINDS = ("linear", "conv", "conv", "conv_transpose", "conv_transpose")
# entries of a random case, where the channels are fixed at a large number
WIDEST = 100_000


def draw_semantic_case(supports: Supports, random: np.random.Generator) -> Case:
    """Draw a case in which every term of the formulas shows.

    Parameters
    ----------
    supports
        What may be asked of the implementation.
    random
        Where the draws come from.

    Returns
    -------
    Case
        With ``m <= 32``, ``kappa <= 4`` and ``v/eps`` between 1/6 and 6 (where eps is not 0).
        gamma and beta are never 0, 1 or equal, and some are negative; running statistics are far
        from 0 and 1, where a layer starts.

    Notes
    -----
    Everything is a small whole number times a scale.  The scale of x follows eps, also where the
    implementation fixes eps at a default.
    """
    dtype = dtype_of(str(random.choice((*supports.full * 3, *supports.half))))
    parameters = parameter_dtype(dtype)
    shape = _draw_small_shape(random, supports)
    channels = shape[1]
    eps = float(random.choice(EPS)) if supports.eps is None else supports.eps
    # With eps far above v every channel looks constant, and far below it eps does not show.
    unit = _choose_unit(eps)
    gamma, beta = _draw_affine(random, supports, channels, parameters)
    # In units of x: twice the smallest variance and more, and never 0.
    far = random.integers(20, 150, size=channels) * unit**2
    return Case(
        x=(_draw_integers(random, shape) * unit).astype(dtype),
        dy=(random.integers(-8, 8, size=shape, endpoint=True) * 0.25).astype(dtype),
        gamma=gamma,
        beta=beta,
        running_mean=(
            random.integers(6, 24, size=channels) * random.choice([-1, 1], size=channels) * unit
        ).astype(parameters),
        # Moved away from 1, which is what a fresh layer starts from.
        running_var=(far + 3 * unit**2 * (np.abs(far - 1) < unit**2)).astype(parameters),
        eps=eps,
        momentum=float(random.choice(MOMENTA)) if supports.momentum is None else supports.momentum,
        ddx=(random.integers(-8, 8, size=shape, endpoint=True) * 0.25).astype(dtype),
        parts=_draw_parts(shape[0], int(random.integers(2**16))),
        layer=_draw_layer(channels, parameters.name, int(random.integers(2**16))),
    )


def _draw_small_shape(random: np.random.Generator, supports: Supports) -> tuple[int, ...]:
    """A shape with 2 to 32 values per channel; up to 3 channels, unless their number is fixed."""
    channels = supports.channels or int(random.integers(1, 4))
    spatial = [int(random.integers(1, 4)) for _ in range(int(random.choice(supports.ranks)) - 2)]
    values = int(np.prod(spatial, dtype=int))
    least = 1 if values > 1 else 2
    return (int(random.integers(least, max(least, min(8, 32 // values)) + 1)), channels, *spatial)


def _choose_unit(eps: float) -> float:
    """A scale with at most two binary digits next to ``sqrt(eps)/6``.

    Whole numbers with a variance of 9 to 144, times such a scale, have v near eps.
    """
    # Without the least value, eps = 0 would leave x without a scale.
    wanted = np.sqrt(max(eps, 2.0**-40)) / 6
    # Few digits, so that whole numbers times the unit fit the few bits of half precision.
    power = 2.0 ** np.floor(np.log2(wanted))
    return float(min((power, 1.5 * power, 2 * power), key=lambda unit: abs(np.log(unit / wanted))))


def _draw_integers(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Whole numbers up to 12 in magnitude, with some spread in every channel.

    The standard deviation is at least 3, and at least the mean divided by 3.8, so ``kappa <= 4``.
    """
    integers = random.integers(-12, 12, size=shape, endpoint=True).astype(float)
    for channel in range(shape[1]):
        values = integers[:, channel]
        # Drawn again until it fits: a shift or a stretch would leave the whole numbers.
        while values.std() < max(3.0, abs(values.mean()) / 3.8):
            values = random.integers(-12, 12, size=values.shape, endpoint=True).astype(float)
        integers[:, channel] = values
    return integers


def _draw_affine(
    random: np.random.Generator, supports: Supports, channels: int, dtype: np.dtype[Any]
) -> tuple[Array | None, Array | None]:
    """gamma and beta, now and then one of them or both missing; never 0, 1 or equal."""
    # Absent parameters take another path through most implementations.
    there = (
        random.random(2) < 0.8 if supports.affine is None else (supports.affine, supports.affine)
    )
    steps = [random.integers(-12, 12, size=channels), random.integers(-12, 12, size=channels)]
    # The offsets differ and are no multiples of 1/4, so neither is 0 or 1, and they are never
    # equal.
    gamma, beta = (0.25 * k + offset for k, offset in zip(steps, (0.375, 0.0625), strict=True))
    return (gamma.astype(dtype) if there[0] else None, beta.astype(dtype) if there[1] else None)


def _draw_parts(rows: int, seed: int) -> tuple[int, ...]:
    """Unequal shares of the rows for two to six workers; a single row has one worker."""
    random = np.random.default_rng(seed)
    workers = min(rows, int(random.choice((2, 3, 3, 4, 6))))
    # Cuts at different places: equal shares would hide a mean of means taken for the mean.
    cuts = (
        sorted(random.choice(np.arange(1, rows), size=workers - 1, replace=False))
        if rows > 1
        else []
    )
    ends = [0, *(int(cut) for cut in cuts), rows]
    return tuple(end - start for start, end in pairwise(ends))


def _draw_layer(channels: int, dtype: str, seed: int) -> Weights:
    """A layer with as many outputs as there are channels.

    It is linear, or a convolution of 1 to 3 dimensions, which may be grouped, depthwise or
    transposed.
    """
    random = np.random.default_rng(seed)
    kind = str(random.choice(KINDS))
    groups = (
        int(random.choice([n for n in range(1, channels + 1) if channels % n == 0]))
        if kind != "linear"
        else 1
    )
    inputs = int(random.integers(1, 4))  # per group
    kernel = (
        ()
        if kind == "linear"
        else tuple(int(n) for n in random.integers(1, 4, size=random.integers(1, 4)))
    )
    shape = {
        "linear": (channels, inputs),
        "conv": (channels, inputs, *kernel),
        "conv_transpose": (groups * inputs, channels // groups, *kernel),
    }[kind]
    # A missing bias counts as 0 in a fold, and is easily forgotten.
    bias = random.normal(size=channels) * 3 if random.random() < 0.75 else None
    return Weights(
        random.normal(size=shape).astype(dtype_of(dtype)),
        None if bias is None else bias.astype(dtype_of(dtype)),
        kind,  # type: ignore[arg-type]
        groups,
    )


def draw_conditioned_case(supports: Supports, random: np.random.Generator) -> Case:
    """Draw a case that strains the variance.

    It has ``m <= 32``, and ``kappa = sqrt(1 + mu^2/v)`` anywhere from 1 to ``1/sqrt(u)`` and
    somewhat beyond.  Scales differ between channels, and now and then a channel is constant.  The
    parameters are those of :func:`draw_semantic_case`.
    """
    return _draw_case(supports, random, most=32, kappas=True)


def draw_long_case(supports: Supports, random: np.random.Generator) -> Case:
    """Draw a case that strains sums: 33 to about 700 values per channel, ``kappa <= 3``.

    The parameters are those of :func:`draw_semantic_case`.
    """
    return _draw_case(supports, random, most=700, kappas=False)


def _draw_case(supports: Supports, random: np.random.Generator, *, most: int, kappas: bool) -> Case:
    """A case of normal values, with shapes and scales spread evenly.

    ``most``: values per channel; ``kappas``: whether means are far from 0 and channels may be
    constant.
    """
    dtype = dtype_of(str(random.choice((*supports.full * 3, *supports.half))))
    parameters = parameter_dtype(dtype)
    shape = _draw_shape(random, supports, most)
    channels = shape[1]
    per_channel = (1, channels, *(1 for _ in shape[2:]))
    scale = _draw_scales(random, dtype, per_channel)
    # The decimal exponent of mu/sigma: about 1/sqrt(u), where a one-pass variance has lost all its
    # digits, and somewhat more in float32.
    largest = (
        {"float64": 8.0, "float32": 4.5, "float16": 1.5, "bfloat16": 1.0}[dtype.name]
        if kappas
        else 0.2
    )
    offset = (
        10 ** random.uniform(0, largest, size=per_channel)
        * random.choice([-1, 1], size=per_channel)
        * scale
    )
    flat = kappas and supports.eps != 0  # v + eps = 0 is undefined and not supports
    x = (
        random.normal(size=shape) * np.where(flat & (random.random(per_channel) < 0.1), 0, scale)
        + offset
    )
    x = x.astype(dtype)
    # Also where rounding to the dtype has made a channel constant.
    constant = has_constant_channel(x)
    eps = (
        float(random.choice(EPS if constant else (0.0, 1e-12, *EPS)))
        if supports.eps is None
        else supports.eps
    )
    affine = random.random() < 0.8 if supports.affine is None else supports.affine
    # One gamma in three is 0: then dx is 0, and a division by gamma shows.
    gamma = random.normal(size=channels) * random.integers(0, 3, size=channels)
    # Gradients of very different sizes leave the range of float16.
    half = is_half(dtype)
    return Case(
        x=x,
        dy=(random.normal(size=shape) * 10.0 ** (0 if half else random.integers(-6, 6))).astype(
            dtype
        ),
        gamma=gamma.astype(parameters) if affine else None,
        beta=random.normal(size=channels).astype(parameters) if affine else None,
        running_mean=(random.normal(size=channels) * 10 * scale.reshape(-1)).astype(parameters),
        running_var=(
            (random.gamma(1.0, 3.0, size=channels) + 0.01) * scale.reshape(-1) ** 2
        ).astype(parameters),
        eps=eps,
        momentum=float(random.choice(MOMENTA)) if supports.momentum is None else supports.momentum,
        ddx=random.normal(size=shape).astype(dtype) if kappas else None,
        parts=_draw_parts(shape[0], int(random.integers(2**16))),
        layer=_draw_layer(channels, parameters.name, int(random.integers(2**16))),
    )


def _draw_scales(random: np.random.Generator, dtype: np.dtype[Any], size: tuple[int, ...]) -> Array:
    """Between 2^-10 and 2^10, 2^-3 and 2^3 in float16; never a power of two."""
    widest = 3 if dtype.name == "float16" else 10
    return np.asarray(
        2.0 ** random.integers(-widest, widest, size=size) * random.uniform(1.1, 1.9, size=size)
    )


def _draw_shape(random: np.random.Generator, supports: Supports, most: int) -> tuple[int, ...]:
    """A shape with at least 2 values per channel, and more than 32 in a long case.

    The rank is a supported one.  Channels and spatial sizes go up to 7, and now and then a spatial
    size equals the channels.
    """
    channels = supports.channels or int(random.integers(1, 8))
    most = max(2, min(most, WIDEST // channels))
    spatial = [int(random.integers(1, 8)) for _ in range(int(random.choice(supports.ranks)) - 2)]
    # The longest axis goes first, so that the shape keeps its rank.
    while spatial and np.prod(spatial, dtype=int) > most:
        spatial[int(np.argmax(spatial))] = 1
    # An axis as long as the channels: a confusion of the two raises no error of shapes.
    if spatial and random.random() < 0.25 and channels <= most:
        spatial = [*[1] * (len(spatial) - 1), channels]
    values = int(np.prod(spatial, dtype=int))
    least = 1 if values > 1 else 2
    least = max(least, 33 // values + 1 if most > 32 else 0)
    return (int(random.integers(least, max(least, most // values) + 1)), channels, *spatial)


# semantic ones twice: most bugs are another formula
KINDS_OF_CASES = (draw_semantic_case, draw_semantic_case, draw_conditioned_case, draw_long_case)


def draw_case(supports: Supports, seed: int, number: int) -> Case:
    """Draw case ``number`` of a seed.

    Half of the cases are semantic, the rest strain the arithmetic.

    Parameters
    ----------
    supports
        What may be asked of the implementation.
    seed, number
        They alone decide the case, so any case can be drawn again without those before it.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.laws.cases import draw_case
    >>> from bnproof.laws.supports import EVERYTHING
    >>> first, again = (draw_case(EVERYTHING, seed=0, number=3) for _ in range(2))
    >>> np.array_equal(first.x, again.x)
    True
    """
    # A generator for each case, so that no case depends on how much another one draws.
    return KINDS_OF_CASES[number % len(KINDS_OF_CASES)](
        supports, np.random.default_rng([seed, number])
    )
