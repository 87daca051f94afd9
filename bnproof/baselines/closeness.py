"""Element-wise closeness, ``|got - expected| <= atol + rtol |expected|``, as NumPy and PyTorch
define it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.baselines.baseline import Differs
from bnproof.contract import Array

ASSERT_CLOSE = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
"""``(rtol, atol)`` that ``torch.testing.assert_close`` takes for each dtype unless told otherwise
(table in its documentation)."""


def assert_close(name: str, got: Any, expected: Array) -> None:
    """``torch.testing.assert_close`` with its defaults: same shape, same dtype, close for that
    dtype, NaN equal to nothing."""
    assert_similar(name, got, expected, *ASSERT_CLOSE[expected.dtype.name])


def assert_similar(name: str, got: Any, expected: Array, rtol: float, atol: float) -> None:
    """Same shape, same dtype, every entry close; raises ``Differs`` for the first entry that is
    not."""
    if not isinstance(got, np.ndarray):
        raise Differs(f"{name} is a {type(got).__name__}, not an array")
    if got.shape != expected.shape:
        raise Differs(f"{name} has shape {got.shape}, expected {expected.shape}")
    if got.dtype != expected.dtype:
        raise Differs(f"{name} has dtype {got.dtype}, expected {expected.dtype}")
    close = np.isclose(got.astype(float), expected.astype(float), rtol=rtol, atol=atol)
    if not close.all():
        at = tuple(int(i) for i in np.unravel_index(np.argmin(close), close.shape))
        raise Differs(
            f"{name}{list(at)} is {got[at]!s}, expected {expected[at]!s} ({(~close).sum()} of"
            f" {close.size} differ)"
        )
