"""The quick comparison: the training output of a fresh layer next to PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np

from bnproof.baselines.baseline import Baseline, BaselineResult, run_checks
from bnproof.baselines.side_by_side import State, list_checks


def run(implementation: Any, reference: Any) -> BaselineResult:
    """Compare ``y`` of one training step with PyTorch's.

    x is standard normal, ``gamma = 1, beta = 0``, statistics (0, 1), eps 1e-5, momentum 0.1.
    Tolerances: the defaults of ``torch.testing.assert_close``, for float32
    ``rtol = 1.3e-6, atol = 1e-5``.

    """
    # The output alone: who compares in this way does not look at the buffers.  Seed 0, and 1 in the
    # full comparison, so that the two do not see the same batch.
    return run_checks(
        list_checks(implementation, reference, 0, start_state, calls=("train",), values=("y",))
    )


def start_state(random: np.random.Generator, channels: int) -> State:
    """gamma, beta, running mean and variance of a layer just made, each of shape ``(C,)``.

    ``random`` is not used: it is handed over because other states are drawn.
    """
    return np.ones(channels), np.zeros(channels), np.zeros(channels), np.ones(channels)


BASELINE = Baseline(
    name="allclose-forward",
    says="the training output of a fresh layer is close to PyTorch's in float32",
    source="https://docs.pytorch.org/docs/stable/testing.html",
    run=run,
)
