"""The quick comparison: the training output of a fresh layer next to PyTorch's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bnproof.baselines.baseline import Baseline, BaselineResult, Check, run_checks
from bnproof.baselines.declared import Declared
from bnproof.baselines.side_by_side import (
    State,
    assert_agrees,
    call_reference,
    draw_batches,
    prepare_side,
)


def run(implementation: Any, reference: Any) -> BaselineResult:
    """Compare ``y`` of one training step with PyTorch's.

    x is standard normal, ``gamma = 1, beta = 0``, statistics (0, 1), eps 1e-5, momentum 0.1.
    Tolerances: the defaults of ``torch.testing.assert_close``, for float32
    ``rtol = 1.3e-6, atol = 1e-5``.

    """
    return run_checks(_list_checks(implementation, reference))


def start_state(random: np.random.Generator, channels: int) -> State:
    """gamma, beta, running mean and variance of a layer just made, each of shape ``(C,)``.

    ``random`` is not used: it is handed over because other states are drawn.
    """
    return np.ones(channels), np.zeros(channels), np.zeros(channels), np.ones(channels)


def _list_checks(implementation: Any, reference: Any) -> Iterator[Check]:
    """One check for each shape that the reference offers."""
    declared = Declared.from_implementation(implementation)
    # Seed 0, and 1 in the full comparison, so that the two do not see the same batch.
    for case in draw_batches(declared, 0, start_state):
        answer = call_reference(reference, declared, case, "train")
        if answer is not None:
            side = prepare_side(implementation, declared, case)
            # The output alone: who compares in this way does not look at the buffers.
            yield f"train on {case.x.shape}", partial(assert_agrees, side.train, {"y": answer["y"]})


BASELINE = Baseline(
    name="allclose-forward",
    says="the training output of a fresh layer is close to PyTorch's in float32",
    source="https://docs.pytorch.org/docs/stable/testing.html",
    run=run,
)
