"""Inputs of a given condition, length and magnitude, with their enclosures; and the memory layouts
they are handed over in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bnproof import certify
from bnproof.contract import Array
from bnproof.formats import HALF, Format
from bnproof.laws.columns import from_columns
from bnproof.laws.supports import Supports

EPS = 1e-5
DTYPES = ("float32", "float64", "float16", "bfloat16")
LAYOUTS = ("2-d", "4-d", "4-d channels-last")
SIDE = 8  # height and width of a 4-d input that has enough values
SHORT, CHANNELS = 32, 64  # of the sweep over kappa
MOST = 2**22  # values of an input, unless two channels need more
SPLIT = 2.0  # how far the two halves of a batch lie from their common mean, in standard deviations


@dataclass(frozen=True)
class Scope:
    """What is measured of an implementation.

    Parameters ---------- dtypes, layouts
        The dtypes and the memory layouts it takes.
    channels, eps
        The number of channels and the eps it fixes; ``channels`` is ``None`` where any number will
        do.
    searched
        Whether it takes rank 3, which the guided search uses.
    """

    dtypes: tuple[str, ...] = DTYPES
    layouts: tuple[str, ...] = LAYOUTS
    channels: int | None = None
    eps: float = EPS
    searched: bool = True

    @classmethod
    def from_supports(cls, supports: Supports) -> Scope:
        """What an implementation's ``supports`` leaves; raises ``ValueError`` where that is
        nothing."""
        layouts = tuple(layout for layout in LAYOUTS if int(layout[0]) in supports.ranks)
        dtypes = tuple(name for name in DTYPES if name in supports.dtypes)
        if not dtypes or not layouts:
            names = ", ".join(DTYPES)
            raise ValueError(
                f"supports leaves nothing to measure: name rank 2 or 4 and one of {names}"
            )
        eps = EPS if supports.eps is None else float(supports.eps)
        return cls(dtypes, layouts, supports.channels, eps, 3 in supports.ranks)


@dataclass(frozen=True)
class Effort:
    """How closely to look: points per decade of kappa, the longest batch ``2^longest``, steps in
    that exponent, generations of the guided search (0: the worst of those drawn)."""

    per_decade: int
    longest: int
    step: int
    generations: int


EFFORTS = {
    "quick": Effort(1, 14, 2, 0),
    "standard": Effort(2, 20, 2, 0),
    "thorough": Effort(4, 24, 2, 400),
}


@dataclass(frozen=True)
class Input:
    """``x`` of shape ``(m, C)``: one of a sweep over "kappa", "values" (of m) or "magnitude"."""

    sweep: str
    x: Array
    kappa: float
    magnitude: float = 1.0
    eps: float = EPS

    @property
    def m(self) -> int:
        return int(self.x.shape[0])

    @cached_property
    def exact(self) -> certify.Enclosure:
        """xhat."""
        return certify.train(self.x, eps=self.eps).y

    def lay_out(self, layout: str) -> Array:
        """The values as 2-d, 4-d, or 4-d with channels last in memory."""
        if layout == "2-d":
            return self.x
        side = SIDE if self.m % SIDE**2 == 0 else 1
        first = from_columns(self.x, (self.m // side**2, self.x.shape[1], side, side))
        return first if layout == "4-d channels-last" else np.ascontiguousarray(first)


def draw_inputs(dtype: str, effort: Effort, seed: int, scope: Scope = Scope()) -> Iterator[Input]:
    """All inputs of a dtype, the same ones for everything that is measured on them."""
    channels = scope.channels or CHANNELS
    random = np.random.default_rng(seed)
    form = Format.from_dtype(_resolve_dtype(dtype))
    decades = int(np.log10(2) * form.p)  # half precision 3 and 2, float32 7, float64 15
    for kappa in np.geomspace(1, 10.0**decades, decades * effort.per_decade + 1).tolist():
        values = draw_standardised(random, SHORT, channels) + np.sqrt(kappa**2 - 1) * random.choice(
            [-1.0, 1.0], channels
        )
        yield Input("kappa", scale_channels(random, values, dtype), kappa, eps=scope.eps)
    for exponent in range(
        effort.step, min(effort.longest, 16 if dtype in HALF else 24) + 1, effort.step
    ):
        yield draw_halves(random, 2**exponent, dtype, scope)
    top = int(np.log2(form.largest)) - 4
    for exponent in np.unique(np.linspace(0, top, 16).astype(int)).tolist():
        magnitude = float(np.ldexp(1.0, exponent))
        values = scale_channels(
            random, draw_standardised(random, SHORT, channels), dtype, magnitude
        )
        yield Input("magnitude", values, 1.0, magnitude, scope.eps)


def draw_standardised(random: np.random.Generator, m: int, channels: int) -> Array:
    """Normal values, each channel with mean 0 and variance 1."""
    values = random.normal(size=(m, channels))
    centred: Array = (values - values.mean(axis=0)) / values.std(axis=0)
    return centred


def scale_channels(
    random: np.random.Generator, values: Array, dtype: str, magnitude: float = 1.0
) -> Array:
    """Each channel times a number of its own, 1.2 to 4 times the magnitude: a spread of exactly 1
    would hide what is forgotten."""
    result: Array = (values * random.uniform(1.2, 4.0, size=values.shape[1]) * magnitude).astype(
        _resolve_dtype(dtype)
    )
    return result


def draw_halves(random: np.random.Generator, m: int, dtype: str, scope: Scope) -> Input:
    """A batch whose two halves lie on either side of 0, so that its mean is near 0.

    So a rounded mean is hardly off, but the sums on the way to it are large: what shows is how they
    were taken.
    """
    channels = scope.channels or max(2, min(16, MOST // m))
    values = random.standard_normal(size=(m, channels), dtype=np.float32)
    values += np.where(np.arange(m) < m // 2, np.float32(SPLIT), np.float32(-SPLIT))[:, None]
    scale = random.uniform(1.2, 4.0, size=channels)
    return Input(
        "values",
        (values * scale).astype(_resolve_dtype(dtype)),
        float(np.sqrt(1 + SPLIT**2 / m)),
        eps=scope.eps,
    )


def _resolve_dtype(dtype: str) -> np.dtype:  # type: ignore[type-arg]
    """The dtype of that name; ``ml_dtypes`` registers bfloat16 with NumPy."""
    return np.dtype(dtype)
