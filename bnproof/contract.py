"""The types everything agrees on: implementations, conventions, cases, measurements, violations.  No logic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Trains(Protocol):
    """The least an implementation under test offers; the other methods are looked up one by one."""

    def train(
        self,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array | None,
        running_var: Array | None,
        *,
        eps: float,
        momentum: float,
    ) -> tuple[Array, Array | None, Array | None]:
        """``(y, running_mean, running_var)`` of a training step on ``x`` of shape ``(N, C, *spatial)``."""


@dataclass(frozen=True)
class Convention:
    """What implementations legitimately differ in.

    ``momentum``: weight of the "new" or of the "old" value; ``running_var``: tracked "unbiased" (Bessel's factor) or
    "biased"; ``one_value``: a single value per channel in training gives "beta", has to "raise", or "any";
    ``channel_axis``: 1 or -1; ``eps_min``: smaller eps are raised to it.
    """

    name: str
    momentum: Literal["new", "old"] = "new"
    running_var: Literal["unbiased", "biased"] = "unbiased"
    one_value: Literal["beta", "raise", "any"] = "any"
    channel_axis: Literal[1, -1] = 1
    eps_min: float = 0.0


@dataclass(frozen=True)
class Case:
    """One input: ``x`` and ``dy`` of shape ``(N, C, *spatial)``, the others ``(C,)``; ``momentum`` weighs the new value."""

    x: Array
    dy: Array
    gamma: Array | None
    beta: Array | None
    running_mean: Array
    running_var: Array
    eps: float
    momentum: float

    @property
    def m(self) -> int:
        """Values per channel, ``N * prod(spatial)``."""
        return self.x.size // self.x.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The working dtype."""
        return self.x.dtype


@dataclass(frozen=True)
class Measurement:
    """What one law saw on one case.

    ``ratio``: the largest error in units of what the working precision explains (above 1: violated); ``ulp``: the
    largest error in units in the last place of the sum of magnitudes the output is made of; ``at``: where.
    """

    law: str
    quantity: str
    ratio: float
    ulp: float | None = None
    at: tuple[int, ...] = ()
    got: str = ""
    expected: str = ""
    message: str = ""

    @property
    def holds(self) -> bool:
        """Whether the law held."""
        return self.ratio <= 1


@dataclass(frozen=True)
class Violation:
    """A broken law with the smallest input that was found to break it."""

    law: str
    quantity: str
    message: str
    reproducer: str
