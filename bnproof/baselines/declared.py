"""What an implementation says of itself, and how a baseline keeps to it: convention, layout, and
what it supports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnproof.contract import Array, Convention
from bnproof.implementations.conventions import resolve_convention

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Declared:
    """The declared convention and the optional ``supports`` (dtypes, ranks, num_features, eps,
    momentum)."""

    convention: Convention
    supports: Mapping[str, Any]

    @classmethod
    def from_implementation(cls, implementation: Any) -> Declared:
        """Read both; without a declaration ``torch`` and everything."""
        convention = resolve_convention(getattr(implementation, "convention", "torch"))
        return cls(convention, getattr(implementation, "supports", None) or {})

    # -- what is supported -------------------------------------------------------------------------

    def takes(self, *, dtype: str, shape: Shape, eps: float, momentum: float | None = None) -> bool:
        """Whether a given case (shape ``(N, C, *spatial)``, momentum its own) lies inside what is
        supported."""
        fixed = {"num_features": shape[1], "eps": eps} | (
            {} if momentum is None else {"momentum": momentum}
        )
        return (
            dtype in self._select_dtypes((dtype,))
            and len(shape) in self.supports.get("ranks", (len(shape),))
            and all(self._choose_value(name, value) == value for name, value in fixed.items())
            and eps >= self.convention.eps_min
        )

    def choose_dtype(self, *usual: str) -> str | None:
        """The first of the usual dtypes that is supported."""
        return next(iter(self._select_dtypes(usual)), None)

    def choose_shapes(self, usual: Sequence[Shape], others: Sequence[Shape]) -> list[Shape]:
        """The usual shapes of a supported rank, or else the others; with the supported number of
        channels."""
        ranks = self.supports.get("ranks", (2, 3, 4, 5))
        fitting = [s for s in usual if len(s) in ranks] or [s for s in others if len(s) in ranks]
        return [(s[0], self._choose_value("num_features", s[1]), *s[2:]) for s in fitting]

    def choose_eps(self, usual: float) -> float:
        """The usual eps, or the only one supported."""
        return float(self._choose_value("eps", usual))

    def choose_momentum(self, usual: float) -> float:
        """The weight of the new value: the usual one, or what the only supported momentum amounts
        to."""
        return self.convert_momentum(
            float(self._choose_value("momentum", self.convert_momentum(usual)))
        )

    def _select_dtypes(self, usual: Sequence[str]) -> list[str]:
        supported = {np.dtype(name).name for name in self.supports.get("dtypes", usual)}
        return [name for name in usual if name in supported]

    def _choose_value(self, name: str, usual: Any) -> Any:
        fixed = self.supports.get(name)
        return usual if fixed is None else fixed

    # -- its convention ----------------------------------------------------------------------------

    def convert_momentum(self, new: float) -> float:
        """From the weight of the new value to its own momentum, and back; rounded so that 1 - 0.9
        is 0.1."""
        return new if self.convention.momentum == "new" else round(1 - new, 12)

    def convert_eps(self, eps: float) -> float:
        """The eps it computes with: a smaller one is raised to the convention's least."""
        return max(eps, self.convention.eps_min)

    def convert_layout(self, x: Array) -> Array:
        """``(N, C, *spatial)`` with the channels where it has them, contiguous."""
        return np.ascontiguousarray(np.moveaxis(x, 1, self.convention.channel_axis))

    def convert_running_var(self, unbiased: Array, old: Array, alpha: float, m: int) -> Array:
        """``(1 - alpha) old + alpha v`` from ``(1 - alpha) old + alpha m/(m - 1) v`` where the
        biased one is tracked."""
        if self.convention.running_var == "unbiased":
            return unbiased
        kept = (1 - alpha) * old.astype(float)
        return (kept + (unbiased - kept) * ((m - 1) / m)).astype(old.dtype)
