"""Tolerances that test suites have typed in, and bounds from the maxima of a tensor.

Both are compared with tolerances that are derived entry by entry.  A typed-in pair means
``|got - exact| <= atol + rtol |exact|`` for all inputs alike; a bound from maxima is one number for
a whole tensor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bnproof.baselines.closeness import ASSERT_CLOSE
from bnproof.contract import Array

# The spacing of float32 at 1, which the bounds from maxima count in.
SPACING = 2.0**-23


@dataclass(frozen=True)
class TypedTolerance:
    """A pair that a project uses for its batch norms.

    Attributes
    ----------
    name
        The project, or its test.
    source
        Where the pair stands.
    pairs
        ``(rtol, atol)`` by dtype.
    """

    name: str
    source: str
    pairs: Mapping[str, tuple[float, float]]

    def accepts(self, got: Array, exact: Array) -> bool | None:
        """Whether every entry is close enough; ``None`` for a dtype it has no pair for.

        Parameters
        ----------
        got
            What was returned, in its own dtype.
        exact
            The exact values as float64.
        """
        pair = self.pairs.get(got.dtype.name)
        if pair is None:
            return None
        rtol, atol = pair
        with np.errstate(all="ignore"):
            close = np.abs(got.astype(np.float64) - exact) <= atol + rtol * np.abs(exact)
        return bool(np.all(close))


#: The strictest first.
TYPED = (
    TypedTolerance(
        "torch.testing.assert_close",
        "https://docs.pytorch.org/docs/stable/testing.html",
        {**ASSERT_CLOSE, "bfloat16": (1.6e-2, 1e-5)},
    ),
    TypedTolerance(
        "Liger's proposed batch norm",
        "https://github.com/linkedin/Liger-Kernel/pull/321",
        {"float32": (1e-4, 1e-4)},
    ),
    TypedTolerance(
        "ONNX's node tests",
        "https://github.com/onnx/onnx/blob/main/onnx/backend/test/runner/__init__.py",
        dict.fromkeys(("float16", "float32", "float64"), (1e-3, 1e-7)),
    ),
    TypedTolerance(
        "KernelBench",
        "https://github.com/ScalingIntelligence/KernelBench",
        dict.fromkeys(("float16", "bfloat16", "float32"), (1e-2, 1e-2)),
    ),
    TypedTolerance(
        "proposed for PyTorch in bfloat16",
        "https://github.com/pytorch/pytorch/pull/179454",
        {"bfloat16": (0.1, 0.5)},
    ),
)


def bound_by_maxima(x: Array, gamma: Array, beta: Array) -> float:
    """The tolerance of y in float32 that hipDNN derives from the maxima of x, gamma and beta.

    Parameters
    ----------
    x
        Columns ``(m, C)``, not all zero.
    gamma, beta
        ``(C,)``.

    Returns
    -------
    float
        ``max|gamma| (3/2 g + 7 e) + max|beta| e`` with ``e = 2^-23`` and
        ``g = 2 m e/(1 - 2 m e)``, or ``6 sqrt(2 m) e`` from ``2 m e = 0.01`` on.

    Notes
    -----
    The mean and the variance are taken to be off by ``g max|x|`` and ``g max|x|^2``, and the
    variance to be about ``max|x|^2``, so that the magnitude of x cancels.  Its authors say that
    this does not hold for nearly constant inputs off zero (rocm-libraries, pull request 6579,
    function ``calculateBatchnormTrainingTolerance``).
    """
    steps = 2 * len(x) * SPACING
    growth = steps / (1 - steps) if steps < 0.01 else 6 * float(np.sqrt(2 * len(x))) * SPACING
    # of the variance: half the relative error of a sum of squares, and of a division and a
    # difference; of the mean: all of it; then six single operations
    share = (growth + 2 * SPACING) / 2 + growth + 6 * SPACING
    return float(np.abs(gamma).max() * share + np.abs(beta).max() * SPACING)
