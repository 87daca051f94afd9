"""Element-wise closeness, ``|got - expected| <= atol + rtol |expected|``, as NumPy and PyTorch
define it.

It does not know how large an error rounding alone may make at an entry, so that it accepts some
bugs and would refuse some correct outputs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.baselines.baseline import Differs
from bnproof.contract import Array

ASSERT_CLOSE = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
"""``(rtol, atol)`` that ``torch.testing.assert_close`` takes for each dtype unless told otherwise
(table in its documentation)."""


def assert_close(name: str, got: Any, expected: Array) -> None:
    """Assert what ``torch.testing.assert_close`` asserts with its defaults.

    The shape and the dtype are the same and every entry is close for that dtype, NaN being close to
    nothing.

    Parameters
    ----------
    name
        What to call the array in a message.
    got
        What came back, of any type.
    expected
        An array of a dtype in :data:`ASSERT_CLOSE`.

    Raises
    ------
    Differs
        See :func:`assert_similar`.
    """
    assert_similar(name, got, expected, *ASSERT_CLOSE[expected.dtype.name])


def assert_similar(name: str, got: Any, expected: Array, rtol: float, atol: float) -> None:
    """Assert the same shape, the same dtype, and that every entry is close.

    Parameters
    ----------
    name
        What to call the array in a message.
    got
        What came back, of any type.
    expected
        What has to come back.
    rtol, atol
        ``|got - expected| <= atol + rtol |expected|`` has to hold.

    Raises
    ------
    Differs
        For what is no array, has another shape or dtype, or for the first entry that is not close.

    Examples
    --------
    >>> one = np.array([1.0, 2.0])
    >>> assert_similar("y", one, one, rtol=0, atol=0)
    >>> assert_similar("y", one, np.array([1.0, 2.5]), rtol=0, atol=0.25)
    Traceback (most recent call last):
        ...
    bnproof.baselines.baseline.Differs: y[1] is 2.0, expected 2.5 (1 of 2 differ)
    """
    if not isinstance(got, np.ndarray):
        raise Differs(f"{name} is a {type(got).__name__}, not an array")
    if got.shape != expected.shape:
        raise Differs(f"{name} has shape {got.shape}, expected {expected.shape}")
    if got.dtype != expected.dtype:
        raise Differs(f"{name} has dtype {got.dtype}, expected {expected.dtype}")
    # In float64, so that the comparison rounds nothing: in half precision the tolerance itself
    # would be rounded.
    close = np.isclose(got.astype(float), expected.astype(float), rtol=rtol, atol=atol)
    if not close.all():
        at = tuple(int(i) for i in np.unravel_index(np.argmin(close), close.shape))
        raise Differs(
            f"{name}{list(at)} is {got[at]!s}, expected {expected[at]!s} ({(~close).sum()} of"
            f" {close.size} differ)"
        )
