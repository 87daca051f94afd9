"""The arithmetic that the compiled tier relies on, checked on the thread that is about to use it.

The proofs need rounding to nearest, subnormal numbers, and products fused with one rounding. The
first two are settings of the processor that belong to a thread and that other libraries change:
``torch.set_flush_denormal`` and ``fesetround`` are the known ways. A check costs one call of a
compiled function on three small arrays, so every door of certify makes it.
"""

from __future__ import annotations

import numpy as np

from bnproof.certify.compiled import probe_arithmetic

# The smallest normal double: half of it is subnormal, and 0 where subnormal results are flushed.
TINY = 2.0**-1022
HALF_TINY = 2.0**-1023
# The smallest subnormal: times 1 it is 0 where subnormal inputs count as zero.
SMALLEST = 2.0**-1074
# One sum for each directed mode. To nearest the first two keep the larger term, and the third, a
# tie, goes to the even neighbour above.
SUMS = np.array([[1.0, 2.0**-60], [-1.0, -(2.0**-60)], [1 + 2.0**-52, 2.0**-53]])
PRODUCTS = np.array([[TINY, 0.5], [SMALLEST, 1.0]])
# ``(1 + 2^-30)^2 = 1 + 2^-29 + 2^-60``: only a product that is not rounded on its own leaves
# ``2^-60``.
FUSED = np.array([[1 + 2.0**-30, 1 + 2.0**-30, -(1 + 2.0**-29)]])


class UnsoundArithmetic(ArithmeticError):
    """This thread does not round as the proofs assume; the message says what to switch back."""


def verify() -> None:
    """Raise ``UnsoundArithmetic`` unless this thread does arithmetic as the proofs assume.

    Raises
    ------
    UnsoundArithmetic
        Where a sum is not rounded to nearest, where a subnormal number is flushed to zero, or where
        a fused multiply-add rounds twice. The message names the setting.

    Notes
    -----
    Rounding upwards moves ``1 + 2^-60``, rounding downwards ``-1 - 2^-60``, and rounding towards
    zero ``(1 + 2^-52) + 2^-53``, which is a tie. Bits are compared, because where subnormals are
    flushed they also compare equal to zero.
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
    """Whether numbers are the expected ones bit for bit."""
    return computed.tobytes() == np.array(expected).tobytes()
