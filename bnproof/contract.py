"""The types everything agrees on: implementations, conventions, cases, measurements, violations.  No logic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Weights:
    """The layer in front of a batch norm, with C outputs.

    ``weight``: ``(C, in)`` for "linear", ``(C, in/groups, *k)`` for "conv", ``(in, C/groups, *k)`` for "conv_transpose";
    ``bias``: ``(C,)`` or ``None``.
    """

    weight: Array
    bias: Array | None
    kind: Literal["linear", "conv", "conv_transpose"]
    groups: int = 1


@dataclass(frozen=True)
class Case:
    """One input: ``x``, ``dy`` and ``ddx`` of shape ``(N, C, *spatial)``, parameters and statistics ``(C,)``.

    ``momentum`` weighs the new value; ``ddx`` is the upstream gradient of dx; ``parts`` are the rows of x each worker of a
    synchronised step holds (0 for an idle one), N in all; ``layer`` is what a fold scales.
    """

    x: Array
    dy: Array
    gamma: Array | None
    beta: Array | None
    running_mean: Array
    running_var: Array
    eps: float
    momentum: float
    ddx: Array | None = None
    parts: tuple[int, ...] = ()
    layer: Weights | None = None

    @property
    def m(self) -> int:
        """Values per channel, ``N * prod(spatial)``."""
        return self.x.size // self.x.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The working dtype."""
        return self.x.dtype


@dataclass(frozen=True)
class Call:
    """A call that shows something: the arguments by name, in order.

    ``views``: Python expressions in the argument's name that give its layout in memory (``"x[::-1]"``); ``says``: what is special.
    """

    method: str
    arguments: Mapping[str, Any]
    views: Mapping[str, str] = field(default_factory=dict)
    says: str = ""


@dataclass(frozen=True)
class Measurement:
    """What one law saw on one case.

    ``ratio``: the largest error in units of what the working precision explains (above 1: violated); ``ulp``: the
    largest error in units in the last place of the sum of magnitudes the output is made of; ``at``: where; ``calls``: what was
    asked, where it is not one call on the case itself.
    """

    law: str
    quantity: str
    ratio: float
    ulp: float | None = None
    at: tuple[int, ...] = ()
    got: str = ""
    expected: str = ""
    message: str = ""
    calls: tuple[Call, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the law held."""
        return self.ratio <= 1


@dataclass(frozen=True)
class Cause:
    """A likely cause: a known mechanism, what fits it, and where it happened before.

    ``confidence``: "same values" (a model of the mechanism returns what was returned), "same pattern" (it breaks the same laws),
    or "unknown" (nothing fits).
    """

    mechanism: str
    says: str
    confidence: Literal["same values", "same pattern", "unknown"]
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Violation:
    """A broken law with the smallest input that was found to break it.

    ``got`` and ``expected``: the worst entry and the enclosure it left, ``ulp`` its error; ``residual``: a simple factor or difference
    that turns the one into the other; ``case``: the input in hexadecimal floats, for ``--replay``.
    """

    law: str
    quantity: str
    message: str
    reproducer: str
    got: str = ""
    expected: str = ""
    ulp: float | None = None
    residual: str = ""
    cause: Cause | None = None
    case: Mapping[str, Any] | None = None
