"""Inputs of a given condition, length and magnitude, with their enclosures; and the memory layouts
they are handed over in.

There are three sweeps. "kappa" moves the mean of short batches away from 0, which tells how the
variance is computed. "values" makes batches longer, which tells how sums are taken. "magnitude"
scales short batches up, which tells where squares overflow. Start reading at :func:`draw_inputs`.
"""

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

# The default of PyTorch's layers: what most users have.
EPS = 1e-5
DTYPES = ("float32", "float64", "float16", "bfloat16")
LAYOUTS = ("2-d", "4-d", "4-d channels-last")
# Height and width of a 4-d input that has enough values.
SIDE = 8
# Of the sweeps over kappa and magnitude. Few values, so that the length plays no role, and many
# channels, so that their median is steady.
SHORT, CHANNELS = 32, 64
# Values of an input, unless two channels need more: it fits in memory several times.
MOST = 2**22
# How far the two halves of a batch lie from their common mean, in standard deviations of a half.
SPLIT = 2.0


@dataclass(frozen=True)
class Scope:
    """What is measured of an implementation.

    Attributes
    ----------
    dtypes, layouts
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
        """What an implementation's ``supports`` leaves to measure.

        Parameters
        ----------
        supports
            The narrowing, as :meth:`bnproof.laws.supports.Supports.from_mapping` reads it.

        Raises
        ------
        ValueError
            Where it leaves no dtype, or neither rank 2 nor rank 4.
        """
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
    """How closely to look.

    Attributes
    ----------
    per_decade
        Points for each factor of 10 in kappa.
    longest, step
        The longest batch has ``2^longest`` values; shorter ones differ by a factor of ``2^step``.
    generations
        Rounds of the guided search; with 0 the worst of the batches that were drawn is taken.
    """

    per_decade: int
    longest: int
    step: int
    generations: int


# Only the longest effort searches: each generation certifies a whole population.
EFFORTS = {
    "quick": Effort(1, 14, 2, 0),
    "standard": Effort(2, 20, 2, 0),
    "thorough": Effort(4, 24, 2, 400),
}


@dataclass(frozen=True)
class Input:
    """One batch of a sweep, as columns.

    Attributes
    ----------
    sweep
        "kappa", "values" or "magnitude".
    x
        ``(m, C)``, in the dtype that is measured.
    kappa
        The condition that the batch was made for.
    magnitude
        The power of two that its values were scaled by.
    eps
        What is added to the variance.
    """

    sweep: str
    x: Array
    kappa: float
    magnitude: float = 1.0
    eps: float = EPS

    @property
    def m(self) -> int:
        """The number of values in a channel."""
        return int(self.x.shape[0])

    @cached_property
    def exact(self) -> certify.Enclosure:
        """Enclosures of xhat, ``(m, C)``; worked out once for all that is measured on the input."""
        return certify.train(self.x, eps=self.eps).y

    def lay_out(self, layout: str) -> Array:
        """The same values in one of the three memory layouts.

        Parameters
        ----------
        layout
            "2-d", "4-d", or "4-d channels-last": the shape of the former with channels last in
            memory.

        Returns
        -------
        array
            ``(m, C)`` or ``(N, C, H, W)``, of which H and W are 8 where 64 divides m, and 1
            otherwise.
        """
        if layout == "2-d":
            return self.x
        side = SIDE if self.m % SIDE**2 == 0 else 1
        # This is a view of the columns, whose channels are last in memory.
        first = from_columns(self.x, (self.m // side**2, self.x.shape[1], side, side))
        return first if layout == "4-d channels-last" else np.ascontiguousarray(first)


def draw_inputs(dtype: str, effort: Effort, seed: int, scope: Scope = Scope()) -> Iterator[Input]:
    """All inputs of a dtype, the same ones for everything that is measured on them.

    Parameters
    ----------
    dtype
        The name of a dtype.
    effort
        How many points the sweeps have.
    seed
        Equal seeds give equal inputs.
    scope
        The number of channels and the eps, where an implementation fixes them.

    Yields
    ------
    Input
        The sweeps over kappa, over m, and over magnitude, each in rising order.

    Notes
    ----- Kappa runs over as many decades as the dtype has digits: beyond ``1/u`` the spread is
    below half a unit in the last place of the mean. The magnitude ends four powers of two below the
    largest number, which leaves room for the values' own spread.

    Examples
    --------
    >>> from bnproof.accuracy.inputs import EFFORTS, draw_inputs
    >>> drawn = list(draw_inputs("float16", EFFORTS["quick"], seed=0))
    >>> [round(one.kappa) for one in drawn if one.sweep == "kappa"]
    [1, 10, 100, 1000]
    """
    channels = scope.channels or CHANNELS
    random = np.random.default_rng(seed)
    form = Format.from_dtype(np.dtype(dtype))
    decades = int(np.log10(2) * form.p)  # half precision 3 and 2, float32 7, float64 15
    for kappa in np.geomspace(1, 10.0**decades, decades * effort.per_decade + 1).tolist():
        # Mean ``sqrt(kappa^2 - 1)`` and variance 1, on either side of 0.
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
    """Normal values, each channel with mean 0 and variance 1 up to rounding.

    Parameters
    ----------
    random
        The generator that is drawn from.
    m, channels
        The shape of the result.

    Returns
    -------
    array
        Float64 ``(m, channels)``. Without the standardising, channels of one input would have
        conditions of their own.
    """
    values = random.normal(size=(m, channels))
    centred: Array = (values - values.mean(axis=0)) / values.std(axis=0)
    return centred


def scale_channels(
    random: np.random.Generator, values: Array, dtype: str, magnitude: float = 1.0
) -> Array:
    """Each channel times a number of its own, in the dtype that is measured.

    Parameters
    ----------
    random
        The generator that is drawn from.
    values
        Float64 ``(m, C)``.
    dtype
        The name of the dtype of the result.
    magnitude
        A factor for all channels.

    Returns
    -------
    array
        The numbers are 1.2 to 4 times the magnitude: with a spread of exactly 1 a forgotten
        division by s would not show.
    """
    result: Array = (values * random.uniform(1.2, 4.0, size=values.shape[1]) * magnitude).astype(
        dtype
    )
    return result


def draw_halves(random: np.random.Generator, m: int, dtype: str, scope: Scope) -> Input:
    """A batch whose two halves lie on either side of 0, so that its mean is near 0.

    A rounded mean is hardly off then, but the sums on the way to it are large. What shows in the
    error is how these sums were taken.

    Parameters
    ----------
    random
        The generator that is drawn from.
    m
        The number of values in a channel.
    dtype
        The name of the dtype of x.
    scope
        The number of channels, where it is fixed, and the eps.

    Returns
    -------
    Input
        One of the sweep "values". Its kappa is nominal: all that matters is that it is near 1.
    """
    channels = scope.channels or max(2, min(16, MOST // m))
    # Drawn in float32, which takes half of the memory for the longest batches.
    values = random.standard_normal(size=(m, channels), dtype=np.float32)
    values += np.where(np.arange(m) < m // 2, np.float32(SPLIT), np.float32(-SPLIT))[:, None]
    scale = random.uniform(1.2, 4.0, size=channels)
    return Input(
        "values",
        (values * scale).astype(dtype),
        float(np.sqrt(1 + SPLIT**2 / m)),
        eps=scope.eps,
    )
