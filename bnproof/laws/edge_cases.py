"""Cases at the edges, the same few in every check: long batches, odd channel counts, the ends of half precision's range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from bnproof.contract import Array, Case, Weights
from bnproof.laws.asked import Asked
from bnproof.lowering.numbers import dtype_of

WIDE = 257  # channels: more than 256, no power of two
MOST = 400_000
MANY = 70_001  # more than 65,535: the largest grid of a launch, and beyond half precision's largest number


def edge_cases(asked: Asked, seed: int) -> Iterator[Case]:
    """As many of them as ``asked`` permits, none with more than a few hundred thousand entries."""
    return (case for case in _edge_cases(asked, seed) if case.x.size <= MOST)


def _edge_cases(asked: Asked, seed: int) -> Iterator[Case]:
    random = np.random.default_rng([seed, 2024])
    yield from _square(random, asked)
    channels, rank, wide = asked.channels or 2, asked.ranks[0], max(asked.ranks)
    if asked.channels is None:
        yield from _grouped(random, asked)
    ones, exact, rough = (1,) * (rank - 2), asked.full[0], asked.full[-1]  # float64 and float32 where they are offered
    yield _case(random, asked, exact, (2_000 + int(random.integers(100)), channels, *ones), momentum=0.9)
    yield _case(random, asked, rough, (MANY, asked.channels or 1, *ones), momentum=0.3)
    yield _case(random, asked, rough, (3, asked.channels or WIDE, *(3,) * (wide - 2)), momentum=0.3)
    for dtype in asked.half:
        deep = (16, channels, *(16,) * (wide - 2)) if wide < 5 else (1, channels, 16, 16, 16)
        yield _case(random, asked, dtype, deep, scale=7.9, momentum=0.3)
        yield _statistics_beyond_half(random, asked, dtype, (4, channels, *(2,) * (rank - 2)))
        yield _case(random, asked, dtype, (MANY, asked.channels or 1, *ones), parts=(MANY // 2, MANY - MANY // 2))


def _grouped(random: np.random.Generator, asked: Asked) -> Iterator[Case]:
    """Layers whose groups have several inputs and several outputs, with bias and without."""
    case = _case(random, asked, asked.full[0], (3, 4, *(2,) * (asked.ranks[0] - 2)))
    like = case.running_var.dtype
    for kind, groups, shape in (
        ("conv", 2, (4, 3, 2)),
        ("conv_transpose", 2, (6, 2, 3)),
        ("conv_transpose", 1, (3, 4, 2, 2)),
    ):
        bias = random.normal(size=4).astype(like) if groups == 2 else None
        layer = Weights(random.normal(size=shape).astype(like), bias, kind, groups)  # type: ignore[arg-type]
        yield replace(case, layer=layer)


def _square(random: np.random.Generator, asked: Asked) -> Iterator[Case]:
    """N, C and every spatial axis of one size, in every rank; gamma and beta there, missing, and each on its own."""
    both = [(True, True)] if asked.affine is None else [(asked.affine, asked.affine)]
    apart = [(True, False), (False, True), (False, False)] if asked.affine is None else []
    size = min(asked.channels or 3, 8)
    for number, (rank, (gamma, beta)) in enumerate(product(asked.ranks, both + apart)):
        if rank == asked.ranks[number % len(asked.ranks)] or (gamma, beta) == both[0]:
            case = _case(
                random, asked, asked.full[0], (size, asked.channels or size, *(size,) * (rank - 2)), momentum=0.7
            )
            yield replace(case, gamma=case.gamma if gamma else None, beta=case.beta if beta else None)


def _case(
    random: np.random.Generator,
    asked: Asked,
    dtype: str,
    shape: tuple[int, ...],
    *,
    scale: float = 1.7,
    momentum: float = 0.7,
    parts: tuple[int, ...] = (),
) -> Case:
    like = dtype_of(dtype)
    parameters = dtype_of("float32") if like.itemsize == 2 else like

    def drawn(low: float, high: float) -> Array:
        return random.uniform(low, high, size=shape[1]).astype(parameters)

    return Case(
        x=(random.normal(size=shape) * scale + 0.6 * scale).astype(like),
        dy=random.normal(size=shape).astype(like),
        gamma=None if asked.affine is False else drawn(-3, -1),
        beta=None if asked.affine is False else drawn(1, 2),
        running_mean=drawn(3, 5),
        running_var=drawn(4, 9),
        eps=0.1 if asked.eps is None else asked.eps,
        momentum=momentum if asked.momentum is None else asked.momentum,
        parts=parts or tuple(n for n in (shape[0] // 3, shape[0] - shape[0] // 3) if n),
    )


def _statistics_beyond_half(random: np.random.Generator, asked: Asked, dtype: str, shape: tuple[int, ...]) -> Case:
    """Running variances above float16's largest number and below its smallest, means and an eps that only float32 holds."""
    case = _case(random, asked, dtype, shape)
    even = np.arange(shape[1]) % 2 == 0
    means = np.where(even, 300.3, 1.0003).astype(case.running_mean.dtype)
    variances = np.where(even, 1e5, 1e-7).astype(case.running_var.dtype)
    per_channel = (1, -1, *(1,) * (len(shape) - 2))
    spread, centre = (values.astype(float).reshape(per_channel) for values in (np.sqrt(variances), means))
    x = (np.asarray(case.x, dtype=float) * spread + centre).astype(case.dtype)
    eps = 1e-8 if asked.eps is None else asked.eps
    return replace(case, x=x, running_mean=means, running_var=variances, eps=eps)
