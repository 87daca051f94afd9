"""The thorough comparison: outputs, gradients and buffers next to PyTorch's, parameters and
statistics random."""

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

# The calls that ``torch.nn.BatchNorm2d`` and its autograd offer; folding and workers are not among
# them.
CALLS = ("train", "infer", "train_vjp", "infer_vjp")


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
    return run_checks(_list_checks(implementation, reference))


def draw_state(random: np.random.Generator, channels: int) -> State:
    """gamma, beta, running mean and variance of a layer that has been used, each ``(C,)``."""
    gamma, beta, mean = random.standard_normal((3, channels))
    return gamma, beta, mean, random.random(channels)


def _list_checks(implementation: Any, reference: Any) -> Iterator[Check]:
    """One check for each shape and call that the reference offers."""
    declared = Declared.from_implementation(implementation)
    for case in draw_batches(declared, 1, draw_state):
        # All answers first: an implementation that writes into its arguments must not spoil the
        # expected values of the calls after it.
        answers = {call: call_reference(reference, declared, case, call) for call in CALLS}
        side = prepare_side(implementation, declared, case)
        for call, answer in answers.items():
            if answer is not None:
                yield (
                    f"{call} on {case.x.shape}",
                    partial(assert_agrees, getattr(side, call), answer),
                )


BASELINE = Baseline(
    name="allclose-full",
    says=(
        "outputs, gradients and running statistics are close to PyTorch's in float32, parameters"
        " random"
    ),
    source="https://docs.pytorch.org/docs/stable/testing.html",
    run=run,
)
