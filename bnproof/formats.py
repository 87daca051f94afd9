"""Binary floating-point formats.

A format has ``p`` bits of precision and normal numbers ``+-f 2^e`` with ``1 <= f < 2`` and ``e >=
emin``.  Everything that bounds and comparisons need to know of a dtype follows from that: the unit
roundoff, the unit in the last place, the smallest subnormal and the end of the range.  The module
also says in which dtype parameters and statistics are handed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# Apart from the others, because results in them are computed in float32 and rounded once.
HALF = ("float16", "bfloat16")
FULL = ("float32", "float64")
# What a case may be made of. Other dtypes are refused, because no bound was derived for them.
NAMES = (*HALF, *FULL)


def dtype_of(name: str) -> np.dtype[Any]:
    """Return the NumPy dtype of a format's name, "bfloat16" included.

    NumPy alone does not know the name "bfloat16"; ``ml_dtypes`` does.
    """
    # ``ml_dtypes`` has no attribute "float16" or "float32", so these fall through to NumPy.
    return np.dtype(getattr(ml_dtypes, name, name))


def is_half(dtype: Any) -> bool:
    """Whether a dtype (of NumPy, of PyTorch, or an array's) has 16 bits."""
    # PyTorch's dtypes have an ``itemsize`` like NumPy's, while their names differ.
    return int(dtype.itemsize) == 2


def parameter_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of parameters and statistics for an input's dtype.

    It is float32 for half precision, and else the input's own.  This is how frameworks keep them: a
    running mean in half precision would stop moving as soon as a step is below half a unit in its
    last place.
    """
    return np.dtype(np.float32) if is_half(dtype) else dtype


@dataclass(frozen=True)
class Format:
    """A binary floating-point format.

    Attributes
    ----------
    name
        The name of its dtype.
    p
        Bits of precision, the leading one included: 24 for float32.
    emin
        The exponent of the smallest normal number, ``2^emin``.
    largest
        The largest finite number.

    Examples
    --------
    >>> from bnproof.formats import Format, dtype_of
    >>> half = Format.from_dtype(dtype_of("float16"))
    >>> half.p, half.emin, half.largest, half.overflow
    (11, -14, 65504.0, 65520.0)
    >>> float(half.ulp(1000.0))
    0.5
    """

    name: str
    p: int
    emin: int
    largest: float

    @classmethod
    def from_dtype(cls, dtype: Any) -> Format:
        """Return the format of a dtype.

        Parameters
        ----------
        dtype
            float16, bfloat16 (of ``ml_dtypes``), float32 or float64, as anything that
            ``numpy.dtype`` reads.

        Raises
        ------
        TypeError
            For every other dtype, integers among them.
        """
        name = np.dtype(dtype).name
        if name not in NAMES:
            raise TypeError(f"{name} is not supported: convert to one of {', '.join(NAMES)}")
        # This knows NumPy's own dtypes too; ``numpy.finfo`` does not know bfloat16.
        info = ml_dtypes.finfo(dtype)
        return cls(name, int(info.nmant) + 1, int(info.minexp), float(info.max))

    @property
    def u(self) -> float:
        """The unit roundoff ``2^-p``.

        Rounding to nearest changes a normal number by at most this share of it.
        """
        return float(2.0**-self.p)

    @property
    def eta(self) -> float:
        """The smallest subnormal, ``2^(emin - p + 1)``."""
        return float(np.ldexp(1.0, self.emin - self.p + 1))

    @property
    def overflow(self) -> float:
        """The least number that rounds to infinity: half a unit above the largest one.

        For float64 it is infinite, since no float64 lies beyond the largest one.
        """
        # Ties go to the even neighbour, which here is the one beyond the range: half a unit past
        # the largest number rounds to infinity already.
        return self.largest + float(self.ulp(self.largest)) / 2

    def ulp(self, value: npt.ArrayLike) -> Array:
        """Return the unit in the last place of real numbers.

        Parameters
        ----------
        value
            Real numbers ``t`` as float64, of any shape.

        Returns
        -------
        numpy.ndarray
            ``2^(max(e, emin) - p + 1)`` with ``2^e <= |t| < 2^(e+1)``, as float64 and exact.

        Notes
        -----
        At a power of two this is the spacing above it.  At and below the subnormals, zero included,
        it is ``eta``.
        """
        number = np.asarray(value, dtype=np.float64)
        # ``frexp`` returns a fraction in [1/2, 1), so its exponent is one more than ``e``.
        _, exponent = np.frexp(number)
        exponent = np.where(number == 0, self.emin, exponent - 1)
        return np.ldexp(1.0, np.maximum(exponent, self.emin) - self.p + 1)
