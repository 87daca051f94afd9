"""The thorough comparison: outputs, gradients and buffers next to PyTorch's, parameters and
statistics random."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.baselines.baseline import Baseline, BaselineResult, run_checks
from bnproof.baselines.side_by_side import State, list_checks

# The calls that ``torch.nn.BatchNorm2d`` and its autograd offer; folding and workers are not among
# them.
CALLS = ("train", "infer", "train_vjp", "infer_vjp")
VALUES = ("y", "running_mean", "running_var", "dx", "dgamma", "dbeta")


def run(implementation: Any, reference: Any) -> BaselineResult:
    """Compare outputs, buffers and gradients of training and inference with PyTorch's.

    x, dy, gamma, beta and the running mean are standard normal.  The running variance is uniform in
    [0, 1), as in the ONNX node tests, and both sides infer with the same statistics.  eps is 1e-5,
    momentum 0.1.  Tolerances: the defaults of ``torch.testing.assert_close``, for float32
    ``rtol = 1.3e-6, atol = 1e-5``.

    Notes
    -----
    The declared convention is kept to: momentum's side, channel axis, biased running variance
    (PyTorch's is converted), least eps.
    """
    return run_checks(
        list_checks(implementation, reference, 1, draw_state, calls=CALLS, values=VALUES)
    )


def draw_state(random: np.random.Generator, channels: int) -> State:
    """gamma, beta, running mean and variance of a layer that has been used, each ``(C,)``."""
    gamma, beta, mean = random.standard_normal((3, channels))
    return gamma, beta, mean, random.random(channels)


BASELINE = Baseline(
    name="allclose-full",
    says=(
        "outputs, gradients and running statistics are close to PyTorch's in float32, parameters"
        " random"
    ),
    source="https://docs.pytorch.org/docs/stable/testing.html",
    run=run,
)
