"""The quick comparison: the training output of a fresh layer next to PyTorch's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bnproof.baselines.baseline import Baseline, BaselineResult, Check, finding
from bnproof.baselines.declared import Declared
from bnproof.baselines.side_by_side import State, agree, batches, expected, under_test


def run(implementation: Any, reference: Any) -> BaselineResult:
    """``y`` of one training step, x standard normal, ``gamma = 1, beta = 0``, statistics (0, 1),
    eps 1e-5, momentum 0.1.

    Tolerances: the defaults of ``torch.testing.assert_close``, for float32
    ``rtol = 1.3e-6, atol = 1e-5``.
    """
    return finding(_checks(implementation, reference))


def fresh(random: np.random.Generator, channels: int) -> State:
    """gamma, beta, running mean and variance of a layer just made."""
    return np.ones(channels), np.zeros(channels), np.zeros(channels), np.ones(channels)


def _checks(implementation: Any, reference: Any) -> Iterator[Check]:
    declared = Declared.by(implementation)
    for case in batches(declared, 0, fresh):
        answer = expected(reference, declared, case, "train")
        if answer is not None:
            side = under_test(implementation, declared, case)
            yield f"train on {case.x.shape}", partial(agree, side.train, {"y": answer["y"]})


BASELINE = Baseline(
    name="allclose-forward",
    says="the training output of a fresh layer is close to PyTorch's in float32",
    source="https://docs.pytorch.org/docs/stable/testing.html",
    run=run,
)
