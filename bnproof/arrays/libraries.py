"""Arrays of any library as NumPy arrays, without a change of value.

No library is imported here.  An array is asked for what it offers: ``detach`` (PyTorch), ``get``
(CuPy), ``numpy`` (TensorFlow, Paddle), ``__array__`` or ``__dlpack__``.  bfloat16, which NumPy does
not know, is read through float32, which holds each of its values exactly.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import NAMES, dtype_of


class UnreadableArray(TypeError):
    """What was handed in is no array of numbers; the message says what to give instead."""


def read_array(value: Any, name: str) -> Array:
    """Read an array of any library.

    Parameters
    ----------
    value
        A NumPy array, a PyTorch tensor (on any device, with or without ``requires_grad``), an array
        of JAX, CuPy, MLX, TensorFlow or Paddle, or anything with ``__array__`` or ``__dlpack__``.
    name
        What the array is called in the message of an error.

    Returns
    -------
    numpy.ndarray
        With the same values and the same dtype; bfloat16 is that of ``ml_dtypes``.

    Raises
    ------
    UnreadableArray
        For a list or a number, which have no dtype, for a masked array, and for a dtype other than
        float16, bfloat16, float32 and float64.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.arrays.libraries import read_array
    >>> read_array(np.ones(2, np.float32), "gamma")
    array([1., 1.], dtype=float32)
    """
    array = value if isinstance(value, np.ndarray) else _convert(value, name)
    if isinstance(array, np.ma.MaskedArray):
        raise UnreadableArray(f"{name} is a masked array: fill it or leave the masked entries out")
    if array.dtype.name not in NAMES:
        raise UnreadableArray(f"{name} has dtype {array.dtype}: give one of {', '.join(NAMES)}")
    # Another byte order is another dtype object of the same values, which kernels do not read.
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _convert(value: Any, name: str) -> Array:
    """An array of another library as one of NumPy."""
    if isinstance(value, (list, tuple, int, float, complex, str, bytes)) or value is None:
        raise UnreadableArray(
            f"{name} is a {type(value).__name__}, which has no dtype: give an array"
        )
    # PyTorch keeps a tensor apart from its gradient and from other devices.
    if hasattr(value, "detach"):
        try:
            value = value.detach().cpu()
        except Exception as error:  # such as a tensor without storage
            raise UnreadableArray(f"{name} has no values: {error}") from error
    if "bfloat16" in str(getattr(value, "dtype", "")):
        return _read_bfloat16(value, name)
    # CuPy copies from its device only when it is asked to.
    if type(value).__module__.partition(".")[0] == "cupy":
        value = value.get()
    ways: tuple[Callable[[Any], Any], ...] = (np.asarray, lambda v: v.numpy(), np.from_dlpack)
    for read in ways:
        # An object may offer one of the three in name only, so each is tried.
        with suppress(Exception):
            array = read(value)
            if isinstance(array, np.ndarray) and array.dtype != object:
                return array
    raise UnreadableArray(
        f"{name} is a {type(value).__name__}, which cannot be read as an array: give a NumPy array,"
        " or something with __array__ or __dlpack__"
    )


def _read_bfloat16(value: Any, name: str) -> Array:
    """A bfloat16 array, through float32 where its library does not hand it out as it is."""
    bfloat16 = dtype_of("bfloat16")
    # JAX and TensorFlow share NumPy's extension dtype; elsewhere this raises or gives integers.
    with suppress(Exception):
        array = np.asarray(value)
        if array.dtype == bfloat16:
            return array
    wider: tuple[Callable[[], Any], ...] = (
        lambda: value.float(),  # PyTorch
        lambda: value.astype("float32"),  # Paddle, CuPy
        lambda: value.astype(_find_sibling(value, "float32")),  # MLX
    )
    for widen in wider:
        with suppress(Exception):
            return _convert(widen(), name).astype(bfloat16)
    raise UnreadableArray(
        f"{name} is a bfloat16 {type(value).__name__}: convert it to float32, which is exact"
    )


def _find_sibling(value: Any, name: str) -> Any:
    """A name of the module that the type of a value comes from."""
    return getattr(sys.modules[type(value).__module__], name)


def read_channels(value: Any, name: str, channels: int) -> Array | None:
    """Read one number per channel, in whatever shape it is kept.

    Parameters
    ----------
    value
        An array with ``channels`` entries, such as ``(C,)``, ``(1, C)`` or ``(1, C, 1, 1)``.  For
        ``None``, ``None`` comes back.
    name
        What the array is called in the message of an error.
    channels
        How many entries it has to have.

    Returns
    -------
    numpy.ndarray or None
        ``(C,)``.

    Raises
    ------
    ValueError
        For another number of entries, or where two axes have more than one.
    """
    if value is None:
        return None
    array = read_array(value, name)
    if array.size != channels or max(array.shape, default=1) != channels:
        raise ValueError(
            f"{name} has shape {array.shape}: give one entry per channel, ({channels},)"
        )
    return array.reshape(-1)


def move_channels(array: Array, channel_axis: int, name: str) -> Array:
    """Return a batch with its channels on axis 1.

    Parameters
    ----------
    array
        The batch, of rank 2 to 5.
    channel_axis
        Where its channels are.
    name
        What the array is called in the message of an error.

    Raises
    ------
    ValueError
        For another rank, or an axis that the array has not.
    """
    if not 2 <= array.ndim <= 5:
        raise ValueError(f"{name} has shape {array.shape}: give a batch of rank 2 to 5")
    if not isinstance(channel_axis, int) or not -array.ndim <= channel_axis < array.ndim:
        raise ValueError(f"channel_axis is {channel_axis}, but {name} has shape {array.shape}")
    return np.moveaxis(array, channel_axis, 1)
