"""What is asked of an implementation: everything, or what its ``supports`` narrows it to.

``supports`` is an optional dictionary of the implementation.  A slip in it must not narrow a check
in silence, so every key and every value is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bnproof.contract import Case
from bnproof.formats import dtype_of

# In this order: the extreme cases take the first dtype offered for the most precise one, and the
# first rank for the one with the fewest axes.
DTYPES = ("float64", "float32", "float16", "bfloat16")
RANKS = (2, 3, 4, 5)


@dataclass(frozen=True)
class Supports:
    """What may be asked.

    Attributes
    ----------
    dtypes, ranks
        The dtypes and ranks that x may have.
    channels, eps, momentum
        Fixed values; ``None`` where any will do.  ``momentum`` is the weight of the new value.
    affine, track_running_stats
        Whether gamma and beta, and the running statistics, must be there (true), must not (false),
        or may (``None``).
    """

    dtypes: tuple[str, ...] = DTYPES
    ranks: tuple[int, ...] = RANKS
    channels: int | None = None
    eps: float | None = None
    momentum: float | None = None
    affine: bool | None = None
    track_running_stats: bool | None = None

    @classmethod
    def from_mapping(cls, supports: Mapping[str, Any] | None, momentum: str = "new") -> Supports:
        """Read the optional ``supports`` of an implementation.

        Parameters
        ----------
        supports
            The dictionary; ``None`` narrows nothing.
        momentum
            What a fixed momentum weighs, the "new" or the "old" value.

        Raises
        ------
        ValueError
            If a key means nothing, a value is of the wrong kind, or nothing is left to ask.

        Examples
        --------
        >>> from bnproof.laws.supports import Supports
        >>> said = {"dtypes": ["float32"], "momentum": 0.75}
        >>> narrow = Supports.from_mapping(said, momentum="old")
        >>> narrow.dtypes, narrow.momentum
        (('float32',), 0.25)
        """
        if not isinstance(supports, Mapping | None):
            raise ValueError(
                f"supports is {supports!r}: give a dictionary such as {{'dtypes': ['float32']}}"
            )
        # None says as little as leaving the key out.
        said = {name: value for name, value in (supports or {}).items() if value is not None}
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
        # In our order, so that equal sets give equal cases; unknown ranks and dtypes fall away.
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
            # Cases are written with the weight of the new value.
            fixed["momentum"] = 1 - fixed["momentum"]
        return cls(dtypes, ranks, said.get("num_features"), **fixed)

    def narrow(self, dtypes: Sequence[str] = (), ranks: Sequence[int] = ()) -> Supports:
        """Return the same with fewer dtypes and ranks; an empty list narrows nothing.

        Raises
        ------
        ValueError
            Where nothing is left to ask.
        """
        for name in dtypes:
            if name not in DTYPES:
                raise ValueError(f"there is no dtype {name!r}: use {', '.join(DTYPES)}")
        for rank in ranks:
            if rank not in RANKS:
                raise ValueError(f"there is no rank {rank}: use {', '.join(map(str, RANKS))}")
        narrowed = replace(
            self,
            dtypes=tuple(name for name in self.dtypes if not dtypes or name in dtypes),
            ranks=tuple(rank for rank in self.ranks if not ranks or rank in ranks),
        )
        if not narrowed.dtypes or not narrowed.ranks:
            what = "dtypes" if not narrowed.dtypes else "ranks"
            offered = ", ".join(map(str, getattr(self, what)))
            raise ValueError(f"nothing is left to ask: the target takes the {what} {offered}")
        return narrowed

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
        """The dtypes in which a wrong formula shows best.

        These are float64 and float32 where they are offered, else what there is.
        """
        return (
            tuple(dtype for dtype in self.dtypes if dtype in ("float64", "float32")) or self.dtypes
        )

    @property
    def half(self) -> tuple[str, ...]:
        """The half precisions among the dtypes."""
        return tuple(dtype for dtype in self.dtypes if dtype in ("float16", "bfloat16"))


def _refuse_slips(said: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` for a key nobody reads, or a value of the wrong kind."""
    kinds: dict[str, tuple[Callable[[Any], bool], str]] = {
        "dtypes": (_is_list, "a list such as ['float32']"),
        "ranks": (_is_list, "a list such as [2, 4]"),
        "num_features": (
            lambda value: _is_number(value) and isinstance(value, int) and value >= 1,
            "a whole number, 1 or more",
        ),
        "eps": (lambda value: _is_number(value) and value >= 0, "a number >= 0"),
        "momentum": (_is_number, "a number"),
        "affine": (lambda value: isinstance(value, bool), "True or False"),
        "track_running_stats": (lambda value: isinstance(value, bool), "True or False"),
    }
    for name, value in said.items():
        if name not in kinds:
            raise ValueError(f"supports has {name!r}, which means nothing: use {', '.join(kinds)}")
        accepts, what = kinds[name]
        if not accepts(value):
            raise ValueError(f"supports has {name} = {value!r}: give {what}")


def _is_number(value: Any) -> bool:
    """Whether it is a finite number.  ``True`` is an ``int`` in Python, and no number here."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_list(value: Any) -> bool:
    """Whether it is a list without gaps.

    NumPy reads ``None`` as float64, and calls ``np.dtype("float64")`` equal to it, hence ``is``.
    """
    return isinstance(value, list | tuple) and all(entry is not None for entry in value)


EVERYTHING = Supports()
