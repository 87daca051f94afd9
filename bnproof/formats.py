"""Binary floating-point formats, and which of them parameters and statistics are handed over in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
HALF = ("float16", "bfloat16")
FULL = ("float32", "float64")
NAMES = (*HALF, *FULL)


def dtype_of(name: str) -> np.dtype[Any]:
    """The NumPy dtype of a format's name, ``bfloat16`` included."""
    return np.dtype(getattr(ml_dtypes, name, name))


def is_half(dtype: Any) -> bool:
    """Whether a dtype (of NumPy, of PyTorch, or an array's) has 16 bits."""
    return int(dtype.itemsize) == 2


def parameter_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of parameters and statistics for an input's dtype: float32 for half precision, else
    its own."""
    return np.dtype(np.float32) if is_half(dtype) else dtype


@dataclass(frozen=True)
class Format:
    """``p`` bits of precision; normal numbers from ``2^emin`` to ``largest``."""

    name: str
    p: int
    emin: int
    largest: float

    @classmethod
    def from_dtype(cls, dtype: Any) -> Format:
        """The format of a dtype: float16, bfloat16 (``ml_dtypes``), float32 or float64; raises
        ``TypeError`` for others."""
        name = np.dtype(dtype).name
        if name not in NAMES:
            raise TypeError(f"{name} is not supported: convert to one of {', '.join(NAMES)}")
        info = ml_dtypes.finfo(dtype)
        return cls(name, int(info.nmant) + 1, int(info.minexp), float(info.max))

    @property
    def u(self) -> float:
        """Unit roundoff ``2^-p``: rounding to nearest changes a normal number by at most this share
        of it."""
        return float(2.0**-self.p)

    @property
    def eta(self) -> float:
        """The smallest subnormal, ``2^(emin - p + 1)``."""
        return float(np.ldexp(1.0, self.emin - self.p + 1))

    @property
    def overflow(self) -> float:
        """From here on numbers round to infinity: half a unit past the largest (infinite where
        float64 cannot say it)."""
        return self.largest + float(self.ulp(self.largest)) / 2

    def ulp(self, value: npt.ArrayLike) -> Array:
        """The unit in the last place of a real number ``t``: ``2^(max(e, emin) - p + 1)`` with
        ``2^e <= |t| < 2^(e+1)``.

        So at a power of two it is the spacing above; at and below the subnormals, zero included, it
        is ``eta``. ``value``: float64; the result is float64, exact.
        """
        number = np.asarray(value, dtype=np.float64)
        _, exponent = np.frexp(number)
        exponent = np.where(number == 0, self.emin, exponent - 1)
        return np.ldexp(1.0, np.maximum(exponent, self.emin) - self.p + 1)
