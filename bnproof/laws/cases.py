"""Hypothesis strategies for cases: small ones on which every term matters, and wild ones that strain accuracy."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from bnproof.contract import Array, Case

EPS = (1e-5, 1e-3, 0.1, 0.5, 1.0)
MOMENTA = (0.25, 0.3, 0.7, 0.01, 1.0)
_MOSTLY = st.sampled_from((True, True, True, True, False))


def shapes(most: int) -> st.SearchStrategy[tuple[int, ...]]:
    """``(N, C, *spatial)`` of rank 2 to 5 with at least two and at most about ``most`` values per channel."""

    @st.composite
    def shape(draw: st.DrawFn) -> tuple[int, ...]:
        channels = draw(st.integers(1, 3))
        spatial = draw(st.lists(st.integers(1, 3), max_size=3))
        values = int(np.prod(spatial, dtype=int))
        n = draw(st.integers(1 if values > 1 else 2, max(2, most // values)))
        return (n, channels, *spatial)

    return shape()


@st.composite
def semantic(draw: st.DrawFn, dtype: str = "float64") -> Case:
    """Few values, eps of the order of v, gamma and beta distinct and some negative, running statistics far from 0, 1."""
    shape = draw(shapes(8))
    channels = shape[1]

    def entries(low: int, high: int, step: float, size: tuple[int, ...]) -> Array:
        count = int(np.prod(size))
        drawn = draw(st.lists(st.integers(low, high), min_size=count, max_size=count))
        return (np.array(drawn, dtype=float) * step).reshape(size).astype(dtype)

    x = entries(-12, 12, 0.125, shape)
    return Case(
        x=_spread(x),
        dy=entries(-8, 8, 0.25, shape),
        gamma=_nudged(entries(-12, 12, 0.25, (channels,)), 0.375) if draw(_MOSTLY) else None,
        beta=entries(-12, 12, 0.25, (channels,)) if draw(_MOSTLY) else None,
        running_mean=entries(8, 24, 0.25, (channels,)) * draw(st.sampled_from((-1.0, 1.0))),
        running_var=entries(1, 40, 0.125, (channels,)),
        eps=draw(st.sampled_from(EPS)),
        momentum=draw(st.sampled_from(MOMENTA)),
    )


def _spread(x: Array) -> Array:
    """The first entry of every channel raised, so that no channel is constant."""
    raised = x.copy()
    raised.reshape(*x.shape[:2], -1)[0, :, 0] += x.dtype.type(1.75)
    return raised


def _nudged(gamma: Array, by: float) -> Array:
    """Never 0 or 1."""
    return gamma + gamma.dtype.type(by)


@st.composite
def wild(draw: st.DrawFn) -> Case:
    """Long batches, means far from 0, tiny spreads, constant channels, gamma zero or missing; float32 and float64."""
    dtype = draw(st.sampled_from(("float32", "float64")))
    shape = draw(shapes(draw(st.sampled_from((4, 32, 400)))))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    per_channel = (1, shape[1], *(1 for _ in shape[2:]))
    offset = random.choice([0.0, 1.0, -30.0, 1e3], size=per_channel)
    scale = random.choice([1.0, 1e-3, 20.0], size=per_channel)
    scale = np.where(random.random(per_channel) < 0.15, 0.0, scale)  # a constant channel
    x = (random.normal(size=shape) * scale + offset).astype(dtype)
    constant = bool(np.any(scale == 0)) or bool(
        np.any(np.ptp(np.moveaxis(x, 1, -1).reshape(-1, shape[1]), axis=0) == 0)
    )
    eps = draw(st.sampled_from(EPS if constant else (0.0, 1e-12, *EPS)))
    return Case(
        x=x,
        dy=(random.normal(size=shape) * 10.0 ** random.integers(-6, 6)).astype(dtype),
        gamma=_maybe(random, random.normal(size=shape[1]) * random.integers(0, 3, size=shape[1]), dtype),
        beta=_maybe(random, random.normal(size=shape[1]), dtype),
        running_mean=(random.normal(size=shape[1]) * 10).astype(dtype),
        running_var=random.gamma(1.0, 3.0, size=shape[1]).astype(dtype) + np.dtype(dtype).type(1e-6),
        eps=eps,
        momentum=draw(st.sampled_from(MOMENTA)),
    )


def _maybe(random: Any, values: Array, dtype: str) -> Array | None:
    return None if random.random() < 0.15 else values.astype(dtype)


def cases() -> st.SearchStrategy[Case]:
    """Semantic cases in both precisions and, as often, wild ones."""
    return semantic() | semantic(dtype="float32") | wild() | wild()
