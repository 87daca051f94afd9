"""Extreme cases, the same few in every check.

Some bugs show only at an extreme: beyond a block of 1,024 channels, on an image that no tile
divides, with a value far from all others, with a gamma of 0, or at the ends of half precision.
Random cases would meet these too rarely, so each extreme has a case that is made for it.

Apart from its extreme a case is benign: v is far above eps, the mean is of the order of the spread,
and no parameter is 0 or 1.  A violation then points to the extreme and to nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bnproof.contract import Array, Case, Weights
from bnproof.formats import dtype_of, parameter_dtype
from bnproof.laws.supports import Supports

WIDE = 1_031  # channels: more than 1,024, no multiple of anything
IMAGE = {3: (1_517,), 4: (37, 41), 5: (7, 13, 17)}  # spatial axes that no tile divides
# standard deviations of the others: further away changes little, as xhat stays below sqrt(m - 1)
OUTLIER = 100.0
# entries of x: fixed channels can make a case this large, and a check has to end
MOST = 400_000
# more than 65,535: the largest grid of a launch, and beyond half precision's largest number
MANY = 70_001


def draw_extreme_cases(supports: Supports, seed: int) -> Iterator[Case]:
    """Draw the extreme cases that an implementation may be asked.

    Parameters
    ----------
    supports
        What may be asked; it leaves out some cases, or changes their shape.
    seed
        Of the values; the shapes are always the same.

    Returns
    -------
    iterator of Case
        They come in a fixed order and share one generator, so a case depends on those before it.
        None has more than a few hundred thousand entries.
    """
    # More than the number of any drawn case, whose generator it would share otherwise.
    random = np.random.default_rng([seed, 2024])
    draw = partial(_draw_fitting, random, supports)
    channels, rank, wide = supports.channels or 2, supports.ranks[0], max(supports.ranks)
    ones, twos = (1,) * (rank - 2), (2,) * (rank - 2)
    # float64 and float32 where they are offered
    exact, rough = supports.full[0], supports.full[-1]
    # N, C and every spatial axis of one size: a confusion of axes changes no shape here, so the
    # values have to show it.
    size = min(supports.channels or 3, 8)
    for axes in supports.ranks:
        yield from draw(exact, (size, supports.channels or size, *(size,) * (axes - 2)))
    if supports.channels is None or supports.affine is None:
        yield from _draw_partial_cases(random, supports)
    for case in draw(rough, (3, channels, *twos), momentum=0.3):
        yield from _set_zeros(case, supports)
    long = 2_000 + int(random.integers(100))
    yield from map(_add_outlier, draw(exact, (long, channels, *ones), momentum=0.9))
    yield from draw(rough, (MANY, supports.channels or 1, *ones), momentum=0.3)
    spatial = *(1,) * (wide - 3), *(3,) * (wide > 2)
    yield from draw(rough, (3, supports.channels or WIDE, *spatial), momentum=0.3)
    # Images are what most batch norms are made for.
    image = 4 if 4 in supports.ranks else wide
    if image in IMAGE:
        yield from map(_shrink_variances, draw(rough, (2, channels, *IMAGE[image]), momentum=0.3))
    for dtype in supports.half:
        # So many values that, where positions multiply, their sum of squares is beyond float16.
        deep = (17, channels, *(17,) * (wide - 2)) if wide < 5 else (1, channels, 15, 17, 17)
        for case in draw(dtype, deep, scale=7.9, momentum=0.3):
            yield replace(case, gamma=None, beta=None) if supports.affine is None else case
        for case in draw(dtype, (4, channels, *twos)):
            yield _move_beyond_half(case, supports)
        parts = (MANY // 2, MANY - MANY // 2)
        yield from draw(dtype, (MANY, supports.channels or 1, *ones), parts=parts)


def _draw_fitting(
    random: np.random.Generator,
    supports: Supports,
    dtype: str,
    shape: tuple[int, ...],
    **options: Any,
) -> Iterator[Case]:
    """The case of this shape, or none where fixed channels make it too large."""
    # Looked at first: drawing 70,001 values for each of 2,048 channels takes half a minute.
    if math.prod(shape) <= MOST:
        yield _draw_case(random, supports, dtype, shape, **options)


def _draw_partial_cases(random: np.random.Generator, supports: Supports) -> Iterator[Case]:
    """gamma or beta alone, or neither; and layers whose groups have several inputs and outputs.

    There are three such cases.
    """
    # Where ``affine`` is fixed there is no choice, and only the layers differ.
    kept = (
        [(True, False), (False, True), (False, False)]
        if supports.affine is None
        else [(supports.affine, supports.affine)] * 3
    )
    layers = _draw_layers(random, supports) if supports.channels is None else [None] * 3
    shape = (3, supports.channels or 4, *(2,) * (supports.ranks[0] - 2))
    for (gamma, beta), layer in zip(kept, layers, strict=True):
        for case in _draw_fitting(random, supports, supports.full[0], shape):
            yield replace(
                case,
                gamma=case.gamma if gamma else None,
                beta=case.beta if beta else None,
                layer=layer,
            )


def _draw_layers(random: np.random.Generator, supports: Supports) -> list[Weights | None]:
    """Three layers with 4 outputs, with bias and without.

    Groups of several inputs and outputs tell an output of the layer from one of its group.
    """
    like = dtype_of(supports.full[0])

    def draw_normal(*shape: int) -> Array:
        return random.normal(size=shape).astype(like)

    return [
        Weights(draw_normal(4, 3, 2), draw_normal(4), "conv", 2),
        Weights(draw_normal(6, 2, 3), draw_normal(4), "conv_transpose", 2),
        Weights(draw_normal(3, 4, 2, 2), None, "conv_transpose", 1),
    ]


def _draw_case(
    random: np.random.Generator,
    supports: Supports,
    dtype: str,
    shape: tuple[int, ...],
    *,
    scale: float = 1.7,
    momentum: float = 0.7,
    parts: tuple[int, ...] = (),
) -> Case:
    """A benign case of one shape: v far above eps, gamma negative, nothing 0 or 1.

    ``scale`` is the standard deviation of x.  Without ``parts`` two workers share the batch.
    """
    like = dtype_of(dtype)
    parameters = parameter_dtype(like)

    def draw_uniform(low: float, high: float) -> Array:
        return random.uniform(low, high, size=shape[1]).astype(parameters)

    return Case(
        # The mean is of the order of the spread, so kappa is about 1.2.
        x=(random.normal(size=shape) * scale + 0.6 * scale).astype(like),
        dy=random.normal(size=shape).astype(like),
        gamma=None if supports.affine is False else draw_uniform(-3, -1),
        beta=None if supports.affine is False else draw_uniform(1, 2),
        running_mean=draw_uniform(3, 5),
        running_var=draw_uniform(4, 9),
        eps=0.1 if supports.eps is None else supports.eps,
        momentum=momentum if supports.momentum is None else supports.momentum,
        # One third and two thirds; without the empty part of a very short batch.
        parts=parts or tuple(n for n in (shape[0] // 3, shape[0] - shape[0] // 3) if n),
    )


def _add_outlier(case: Case) -> Case:
    """One value a hundred standard deviations from the others.

    Its xhat is nearly as large as any can be, ``sqrt(m - 1)`` (theorem samuelson), and what is
    clipped at a few standard deviations shows.
    """
    x = case.x.copy()
    x.reshape(*x.shape[:2], -1)[1, :, 0] += x.dtype.type(OUTLIER * float(np.std(x.astype(float))))
    return replace(case, x=x)


def _set_zeros(case: Case, supports: Supports) -> Iterator[Case]:
    """A layer as it is made, one channel of it without an upstream gradient; then gamma 0 alone.

    Neither a zero nor the start of a layer may be taken for something that is absent.
    """
    zeros, ones = np.zeros_like(case.running_mean), np.ones_like(case.running_var)
    gamma, beta = (None, None) if supports.affine is False else (ones, zeros)
    dy = case.dy.copy()
    dy[:, 0] = 0
    yield replace(case, dy=dy, gamma=gamma, beta=beta, running_mean=zeros, running_var=ones)
    if gamma is not None:
        yield replace(case, gamma=zeros)


def _shrink_variances(case: Case) -> Case:
    """Running variances of 0 (where eps is not 0), and near it."""
    # Every other channel, so that a test of the whole array for zeros does not help.
    zero = (np.arange(case.x.shape[1]) % 2 == 0) & (case.eps > 0)
    return replace(case, running_var=np.where(zero, 0.0, 1e-13).astype(case.running_var.dtype))


def _move_beyond_half(case: Case, supports: Supports) -> Case:
    """Running statistics and an eps that float32 holds and half precision does not.

    Variances lie above float16's largest number and below its smallest normal one.  What is rounded
    to float16 before it is used becomes infinite, or is a fifth off, and eps becomes 0.  bfloat16
    has the range of float32 but 8 bits, to which 300.3 and 1.0003 do not fit.
    """
    # Large statistics in even channels, small ones in odd channels.
    even = np.arange(case.x.shape[1]) % 2 == 0
    means = np.where(even, 300.3, 1.0003).astype(case.running_mean.dtype)
    variances = np.where(even, 1e5, 1e-7).astype(case.running_var.dtype)
    per_channel = (1, -1, *(1,) * (case.x.ndim - 2))
    spread, centre = (
        values.astype(float).reshape(per_channel) for values in (np.sqrt(variances), means)
    )
    x = (np.asarray(case.x, dtype=float) * spread + centre).astype(case.dtype)
    # Below half of float16's smallest subnormal: rounded to float16 it is 0.
    eps = 1e-8 if supports.eps is None else supports.eps
    return replace(case, x=x, running_mean=means, running_var=variances, eps=eps)
