"""Hypothesis strategies for cases: small ones on which every term matters, and wild ones that strain accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from bnproof.contract import Array, Case

EPS = (1e-5, 1e-3, 0.1, 0.5, 1.0)
MOMENTA = (0.25, 0.3, 0.7, 0.01, 0.0, 1.0)
_MOSTLY = st.sampled_from((True, True, True, True, False))


@dataclass(frozen=True)
class Asked:
    """What is asked of an implementation: everything, or what its ``supports`` narrows it to."""

    dtypes: tuple[str, ...] = ("float64", "float32")
    ranks: tuple[int, ...] = (2, 3, 4, 5)
    channels: int | None = None
    eps: float | None = None

    @classmethod
    def by(cls, supports: Mapping[str, Any] | None) -> Asked:
        """Read the optional ``supports`` of an implementation; raises ``ValueError`` where nothing is left to ask."""
        said = supports or {}
        try:
            names = {np.dtype(name).name for name in said.get("dtypes", cls.dtypes)}
        except TypeError as error:
            raise ValueError(f"supports names dtypes {said['dtypes']!r}: give names such as ['float32']") from error
        dtypes = tuple(dtype for dtype in cls.dtypes if dtype in names)
        ranks = tuple(r for r in cls.ranks if r in said.get("ranks", cls.ranks))
        if not dtypes or not ranks:
            raise ValueError(f"supports {dict(said)!r} leaves no case: name float32 or float64 and ranks 2 to 5")
        return cls(dtypes, ranks, said.get("num_features"), said.get("eps"))


@st.composite
def semantic(draw: st.DrawFn, asked: Asked = Asked()) -> Case:
    """Few values, eps of the order of v, gamma and beta distinct and some negative, running statistics far from 0, 1."""
    dtype = draw(st.sampled_from(asked.dtypes))
    channels = asked.channels or draw(st.integers(1, 3))
    spatial = [draw(st.integers(1, 3)) for _ in range(draw(st.sampled_from(asked.ranks)) - 2)]
    values = int(np.prod(spatial, dtype=int))
    shape = (draw(st.integers(1 if values > 1 else 2, max(2, 8 // values))), channels, *spatial)

    def entries(low: int, high: int, step: float, size: tuple[int, ...]) -> Array:
        count = int(np.prod(size))
        drawn = draw(st.lists(st.integers(low, high), min_size=count, max_size=count))
        return (np.array(drawn, dtype=float) * step).reshape(size).astype(dtype)

    return Case(
        x=_spread(entries(-12, 12, 0.125, shape)),
        dy=entries(-8, 8, 0.25, shape),
        gamma=_nudged(entries(-12, 12, 0.25, (channels,)), 0.375) if draw(_MOSTLY) else None,
        beta=entries(-12, 12, 0.25, (channels,)) if draw(_MOSTLY) else None,
        running_mean=entries(8, 24, 0.25, (channels,)) * draw(st.sampled_from((-1.0, 1.0))),
        running_var=entries(1, 40, 0.125, (channels,)),
        eps=draw(st.sampled_from(EPS)) if asked.eps is None else asked.eps,
        momentum=draw(st.sampled_from(MOMENTA)),
    )


def _spread(x: Array) -> Array:
    """The first entry of every channel raised above all others (they reach 1.5), so that no channel is constant."""
    raised = x.copy()
    raised.reshape(*x.shape[:2], -1)[0, :, 0] += x.dtype.type(3.125)
    return raised


def _nudged(gamma: Array, by: float) -> Array:
    """Never 0 or 1."""
    return gamma + gamma.dtype.type(by)


@st.composite
def wild(draw: st.DrawFn, asked: Asked = Asked()) -> Case:
    """Long batches, means far from 0, tiny spreads, constant channels, gamma zero or missing.

    Everything comes from one drawn seed, so shapes and scales are spread evenly.
    """
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = str(random.choice(asked.dtypes))
    shape = _wild_shape(random, asked)
    per_channel = (1, shape[1], *(1 for _ in shape[2:]))
    offset = random.choice([0.0, 1.0, -30.0, 1e3], size=per_channel)
    scale = random.choice([1.0, 1e-3, 20.0], size=per_channel)
    scale = np.where(random.random(per_channel) < 0.1, 0.0, scale)  # a constant channel
    x = (random.normal(size=shape) * scale + offset).astype(dtype)
    constant = bool(np.any(np.ptp(np.moveaxis(x, 1, -1).reshape(-1, shape[1]), axis=0) == 0))
    eps = float(random.choice(EPS if constant else (0.0, 1e-12, *EPS))) if asked.eps is None else asked.eps
    return Case(
        x=x,
        dy=(random.normal(size=shape) * 10.0 ** random.integers(-6, 6)).astype(dtype),
        gamma=_maybe(random, random.normal(size=shape[1]) * random.integers(0, 3, size=shape[1]), dtype),
        beta=_maybe(random, random.normal(size=shape[1]), dtype),
        running_mean=(random.normal(size=shape[1]) * 10).astype(dtype),
        running_var=random.gamma(1.0, 3.0, size=shape[1]).astype(dtype) + np.dtype(dtype).type(1e-6),
        eps=eps,
        momentum=float(random.choice(MOMENTA)),
    )


def _wild_shape(random: np.random.Generator, asked: Asked) -> tuple[int, ...]:
    """Rank, channels up to 7, spatial sizes up to 7 (now and then equal to the channels), 2 to about 700 values."""
    channels = asked.channels or int(random.integers(1, 8))
    spatial = [int(random.integers(1, 8)) for _ in range(int(random.choice(asked.ranks)) - 2)]
    if spatial and random.random() < 0.25:
        spatial[-1] = channels
    values = int(np.prod(spatial, dtype=int))
    most = int(random.choice((8, 32, 200, 700), p=(0.4, 0.4, 0.15, 0.05)))
    least = 1 if values > 1 else 2
    return (int(random.integers(least, max(least, most // values) + 1)), channels, *spatial)


def _maybe(random: np.random.Generator, values: Array, dtype: str) -> Array | None:
    return None if random.random() < 0.2 else values.astype(dtype)


def cases(asked: Asked = Asked()) -> st.SearchStrategy[Case]:
    """Semantic cases and, as often, wild ones."""
    return semantic(asked) | wild(asked)
