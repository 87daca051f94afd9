"""The arithmetic that the compiled tier relies on: rounding to nearest, subnormals kept, products
fused with one rounding."""

from __future__ import annotations

import numpy as np

from bnproof.certify.compiled import probe_arithmetic

TINY = 2.0**-1022  # the smallest normal double
HALF_TINY = 2.0**-1023
SMALLEST = 2.0**-1074
SUMS = np.array([[1.0, 2.0**-60], [-1.0, -(2.0**-60)], [1 + 2.0**-52, 2.0**-53]])
PRODUCTS = np.array([[TINY, 0.5], [SMALLEST, 1.0]])
FUSED = np.array([[1 + 2.0**-30, 1 + 2.0**-30, -(1 + 2.0**-29)]])


class UnsoundArithmetic(ArithmeticError):
    """This thread does not round as the proofs assume; the message says what to switch back."""


def verify() -> None:
    """Raise ``UnsoundArithmetic`` unless this thread rounds to nearest, keeps subnormals and fuses
    products.

    Rounding upwards moves ``1 + 2^-60``, downwards ``-1 - 2^-60``, and towards zero
    ``(1 + 2^-52) + 2^-53``, which is a tie. Bits are compared: where subnormals are flushed they
    also compare equal to zero.
    """
    sums, products, fused = probe_arithmetic(SUMS, PRODUCTS, FUSED)
    if not _matches(sums, 1.0, -1.0, 1 + 2.0**-51):
        raise UnsoundArithmetic(
            "this thread does not round to nearest: restore the rounding mode"
            " (fesetround(FE_TONEAREST))"
        )
    if not _matches(products, HALF_TINY, SMALLEST):
        raise UnsoundArithmetic(
            "this thread flushes subnormal numbers to zero: switch it off, for instance"
            " torch.set_flush_denormal(False)"
        )
    if not _matches(fused, 2.0**-60):
        raise UnsoundArithmetic(
            "fused multiply-add rounds twice on this machine: certify cannot run here"
        )


def _matches(computed: np.ndarray, *expected: float) -> bool:
    return computed.tobytes() == np.array(expected).tobytes()
