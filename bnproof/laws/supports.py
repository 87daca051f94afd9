"""What is asked of an implementation: everything, or what its ``supports`` narrows it to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnproof.contract import Case
from bnproof.formats import dtype_of

DTYPES = ("float64", "float32", "float16", "bfloat16")
RANKS = (2, 3, 4, 5)


@dataclass(frozen=True)
class Supports:
    """``channels``, ``eps``, ``momentum``: fixed values; ``affine`` and ``track_running_stats``:
    whether gamma and beta, and the running statistics, must be there, must not, or may."""

    dtypes: tuple[str, ...] = DTYPES
    ranks: tuple[int, ...] = RANKS
    channels: int | None = None
    eps: float | None = None
    momentum: float | None = None
    affine: bool | None = None
    track_running_stats: bool | None = None

    @classmethod
    def from_mapping(cls, supports: Mapping[str, Any] | None, momentum: str = "new") -> Supports:
        """Read the optional ``supports`` of an implementation; raises ``ValueError`` where nothing
        is left to ask.

        ``momentum``: what a fixed momentum weighs, the "new" or the "old" value; here it is the
        weight of the new one.
        """
        if not isinstance(supports, Mapping | None):
            raise ValueError(
                f"supports is {supports!r}: give a dictionary such as {{'dtypes': ['float32']}}"
            )
        said = dict(supports or {})
        _refuse_slips(said)
        try:
            names = {
                dtype_of(name).name if isinstance(name, str) else np.dtype(name).name
                for name in said.get("dtypes", DTYPES)
            }
        except TypeError as error:
            raise ValueError(
                f"supports names dtypes {said['dtypes']!r}: give names such as ['float32']"
            ) from error
        dtypes = tuple(dtype for dtype in DTYPES if dtype in names)
        ranks = tuple(r for r in RANKS if r in said.get("ranks", RANKS))
        if not dtypes or not ranks:
            raise ValueError(
                f"supports {said!r} leaves no case: name float32 or float64 and ranks 2 to 5"
            )
        fixed = {
            name: said.get(name) for name in ("eps", "momentum", "affine", "track_running_stats")
        }
        if fixed["momentum"] is not None and momentum == "old":
            fixed["momentum"] = 1 - fixed["momentum"]
        return cls(dtypes, ranks, said.get("num_features"), **fixed)

    def admits(self, case: Case) -> bool:
        """Whether a case has a rank, a dtype and a number of channels that may be asked."""
        fits = case.x.ndim in self.ranks and case.dtype.name in self.dtypes
        return fits and self.channels in (None, case.x.shape[1])

    @property
    def constants(self) -> frozenset[str]:
        """The arguments that cannot be chosen."""
        return frozenset(name for name in ("eps", "momentum") if getattr(self, name) is not None)

    @property
    def full(self) -> tuple[str, ...]:
        """The dtypes in which semantics show best: float64 where it is offered, float32, else what
        there is."""
        return (
            tuple(dtype for dtype in self.dtypes if dtype in ("float64", "float32")) or self.dtypes
        )

    @property
    def half(self) -> tuple[str, ...]:
        """The half precisions among the dtypes."""
        return tuple(dtype for dtype in self.dtypes if dtype in ("float16", "bfloat16"))


def _refuse_slips(said: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` for a key nobody reads, or a value of the wrong kind."""
    kinds: dict[str, tuple[tuple[type, ...], str]] = {
        "dtypes": ((list, tuple), "a list such as ['float32']"),
        "ranks": ((list, tuple), "a list such as [2, 4]"),
        "num_features": ((int,), "a whole number, 1 or more"),
        "eps": ((int, float), "a number >= 0"),
        "momentum": ((int, float), "a number"),
        "affine": ((bool,), "True or False"),
        "track_running_stats": ((bool,), "True or False"),
    }
    for name, value in said.items():
        if name not in kinds:
            raise ValueError(f"supports has {name!r}, which means nothing: use {', '.join(kinds)}")
        accepted, what = kinds[name]
        negative = (
            name in ("num_features", "eps")
            and isinstance(value, (int, float))
            and value < (name != "eps")
        )
        if value is not None and (not isinstance(value, accepted) or negative):
            raise ValueError(f"supports has {name} = {value!r}: give {what}")


EVERYTHING = Supports()
