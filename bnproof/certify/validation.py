"""What may be handed to certify, checked in one place.

Every mistake is answered by one sentence that says what was given and what to give instead. Nothing
is converted silently: an array of integers, a list or a masked array is refused, because an
enclosure is of exactly the numbers that are handed in.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from bnproof.certify.enclosure import Array
from bnproof.formats import NAMES


def check_arguments(x: Array, *, dy: Array | None = None, **per_channel: Array | None) -> None:
    """Check the shapes and dtypes of a batch and of what comes with it.

    Parameters
    ----------
    x
        The batch, ``(N, C, *spatial)``, rank 2 to 5, ``C >= 1``. It may be empty; see
        :func:`check_non_empty`.
    dy
        An upstream gradient of the same shape, or ``None``.
    **per_channel
        Arrays ``(C,)`` by the name that a message should use, or ``None``.

    Raises
    ------
    ValueError
        For a shape that batch normalisation does not have. Where a parameter fits the last axis,
        the message tells how to move the channels to the second.
    TypeError
        For something other than a NumPy array of a supported dtype.
    """
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
    """The values, once they are a plain NumPy array of a supported dtype.

    Raises
    ------
    TypeError
        For anything else. A masked array is refused too: what its mask hides has no agreed meaning
        here.
    """
    # ``MaskedArray`` is a subclass of ``ndarray``; its hidden entries would count as values.
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
    """A finite number as a float of the same value.

    Parameters
    ----------
    name
        What a message calls the number.
    value
        A Python or NumPy integer or float. ``True`` and ``False`` are refused: they are integers to
        Python, and a mistake here.

    Raises
    ------
    TypeError
        For another type.
    ValueError
        For NaN, infinity, and a number that float64 does not hold exactly, such as ``2**53 + 1``.

    Examples
    --------
    >>> from bnproof.certify.validation import check_number
    >>> check_number("momentum", 1)
    1.0
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} is {value!r}: give a float")
    # The size is compared first: ``float`` of an integer beyond the largest double raises. Written
    # with ``not``, because comparisons with NaN are false.
    size: Any = abs(value)
    if not size <= sys.float_info.max or float(value) != value:
        raise ValueError(f"{name} is {value}: give a finite number that a float64 holds")
    return float(value)


def check_eps(eps: Any) -> float:
    """``eps`` as a float; raises like :func:`check_number`, and ``ValueError`` where it is
    negative."""
    if (value := check_number("eps", eps)) < 0:
        raise ValueError(f"eps is {eps}: give a number >= 0")
    return value


def convert_parameter(value: Any, channels: int, absent: float) -> Array:
    """A parameter as float64, which is exact for every supported dtype.

    Parameters
    ----------
    value
        An array ``(C,)``, or ``None`` for a parameter that was left out.
    channels
        C.
    absent
        The value that stands for ``None`` in every channel: 1 for gamma, 0 for beta.
    """
    return np.full(channels, absent) if value is None else np.asarray(value).astype(np.float64)
