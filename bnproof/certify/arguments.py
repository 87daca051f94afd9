"""What may be handed to certify, checked in one place: every mistake is one sentence that names the
mend."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from bnproof.certify.enclosure import Array
from bnproof.formats import NAMES


def check_arguments(x: Array, *, dy: Array | None = None, **per_channel: Array | None) -> None:
    """Raise ``ValueError`` for a shape and ``TypeError`` for a type that batch normalisation does
    not have."""
    check_array("x", x)
    if not 2 <= x.ndim <= 5 or x.shape[1] == 0:
        raise ValueError(
            f"x has shape {x.shape}: give (N, C) or (N, C, *spatial), rank 2 to 5, C >= 1"
        )
    if dy is not None and check_array("dy", dy).shape != x.shape:
        raise ValueError(f"dy has shape {dy.shape}: give {x.shape}")
    for name, values in per_channel.items():
        if values is not None and check_array(name, values).shape != x.shape[1:2]:
            hint = (
                "; channels lie second: np.moveaxis(x, -1, 1)"
                if values.shape == x.shape[-1:]
                else ""
            )
            raise ValueError(f"{name} has shape {values.shape}: give {x.shape[1:2]}{hint}")


def check_array(name: str, values: Any) -> Array:
    """The values, a plain NumPy array of a supported dtype; raises ``TypeError`` otherwise."""
    if not isinstance(values, np.ndarray) or isinstance(values, np.ma.MaskedArray):
        raise TypeError(f"{name} is a {type(values).__name__}: give a NumPy array")
    if values.dtype.name not in NAMES:
        raise TypeError(f"{name} has dtype {values.dtype}: convert to one of {', '.join(NAMES)}")
    return values


def check_non_empty(x: Array) -> None:
    """Raise ``ValueError`` where a channel has no value."""
    if x.size == 0:
        raise ValueError(f"x has shape {x.shape}, no value per channel: give at least one")


def check_number(name: str, value: Any) -> float:
    """A finite number as a float of the same value; raises ``TypeError`` or ``ValueError``
    otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is {value!r}: give a float")
    size: Any = abs(value)
    if not size <= sys.float_info.max or float(value) != value:
        raise ValueError(f"{name} is {value}: give a finite number that a float64 holds")
    return float(value)


def check_eps(eps: Any) -> float:
    """``eps`` as a float; raises ``ValueError`` unless it is >= 0."""
    if (value := check_number("eps", eps)) < 0:
        raise ValueError(f"eps is {eps}: give a number >= 0")
    return value


def convert_parameter(value: Any, channels: int, absent: float) -> Array:
    """A parameter as float64 (exact), ``absent`` in place of ``None``."""
    return np.full(channels, absent) if value is None else np.asarray(value).astype(np.float64)
