"""Plain SGD in front of batch normalisation: the weights' norm against the theorem
weight-norm-growth.

Per row W of the layer, ``G = dL/dW``, learning rate eta, no momentum, no decay:

    ``|W - eta G|^2 = |W|^2 - 2 eta <W, G> + eta^2 |G|^2``  with
    ``<W, G> = gamma eps/s^2 sum_i g_i xhat_i``,

which is 0 for ``eps = 0``: then the norm only grows, and W's direction moves by a step
``eta/|W|^2``.  PyTorch 2.10 and later refuse ``eps = 0`` in training, so eps is 1e-10, where W and
G are orthogonal to 8 digits and the eps term can still be told from rounding; PyTorch's default
1e-5 is run beside it.  The control leaves the eps term out.

Digits, 64-32-10, ReLU, cross-entropy, batches of 64, float64.  The theorem is about W alone: the
output layer, gamma and beta have no such protection.  So there are two set-ups.  In ``first layer``
only W has the raised rate and everything else learns at 0.1, with and without normalisation: the
fair test of the claim.  In ``all layers`` everything has it. Without normalisation the layer is
``W u + b``, with it ``gamma xhat(W u) + beta``; same first weights, same batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from bnproof.experiments.norm_growth import Growth, measure_growth
from bnproof.experiments.training import (
    draw_layers,
    draw_mini_batches,
    keep_finite,
    load_labelled_digits,
)
from bnproof.implementations.torch_training import Perceptron, use_one_thread
from bnproof.records import Row

WIDTHS = (64, 32, 10)
RATES = (0.1, 1.0, 10.0, 100.0, 1000.0)
OTHER_RATE = 0.1
SHOWN_EPS, DEFAULT_EPS = 1e-10, 1e-5
FIRST, ALL = "first layer", "all layers"
EPOCHS = 10


@dataclass(frozen=True)
class Setup:
    """Which layers have the learning rate ``rate``, and the eps of the normalisation (``None``:
    there is none)."""

    raised: str
    eps: float | None
    rate: float

    @property
    def other_rate(self) -> float:
        """The learning rate of everything but W."""
        return OTHER_RATE if self.raised == FIRST else self.rate


def measure_rows(seed: int) -> Iterator[Row]:
    """Curves of the first set-up at the shown eps, and a summary of every run."""
    variants = (
        (FIRST, SHOWN_EPS),
        (FIRST, DEFAULT_EPS),
        (FIRST, None),
        (ALL, SHOWN_EPS),
        (ALL, None),
    )
    for (raised, eps), rate in product(variants, RATES):
        setup = Setup(raised, eps, rate)
        with np.errstate(over="ignore", invalid="ignore"):
            steps, ending = train(setup, seed)
            if raised == FIRST and eps != DEFAULT_EPS:
                yield from record_curve(setup, steps)
            yield summarise(setup, steps, ending)


def train(setup: Setup, seed: int) -> tuple[list[Growth], Row]:
    """Every step up to the last finite one, and how it ended: finite or not, loss and accuracy on
    all digits."""
    pixels, classes = load_labelled_digits()
    layers = draw_layers(WIDTHS, seed, scale=setup.eps is not None)
    steps: list[Growth] = []
    with use_one_thread():
        network = Perceptron(layers, nonlinearity="relu", eps=setup.eps)
        for chosen in draw_mini_batches(len(pixels), EPOCHS, seed):
            rates = (setup.rate, setup.other_rate)
            step = network.step(
                pixels[chosen], classes[chosen], rate=setup.other_rate, weight_rates=rates
            )
            growth = measure_growth(step, setup.rate, setup.eps)
            if not network.finite or not np.isfinite(growth.measured).all():
                break
            steps.append(growth)
        loss, accuracy = network.loss_and_accuracy(pixels, classes)
    finite = network.finite and bool(np.isfinite(growth.measured).all())
    return steps, {"finite": finite, "final_loss": keep_finite(loss), "final_accuracy": accuracy}


def record_curve(setup: Setup, steps: list[Growth]) -> Iterator[Row]:
    """Some 50 steps, evenly spread in the logarithm; ``step`` counts from 1, the norm is that
    before the step."""
    for step in sorted({round(t) for t in np.geomspace(1, len(steps), 60)}):
        norm = steps[step - 1].norm
        yield {
            "kind": "weight_norm",
            "normalised": setup.eps is not None,
            "learning_rate": setup.rate,
            "step": step,
            "loss": keep_finite(steps[step - 1].loss),
            "norm_smallest": float(norm.min()),
            "norm_median": float(np.median(norm)),
            "norm_largest": float(norm.max()),
            "effective_step": float(np.median(setup.rate / norm**2)),
        }


def summarise(setup: Setup, steps: list[Growth], ending: Row) -> Row:
    """One run: the ends of the norm (row-wise), its growth against the theorem, how it ended.

    ``largest_relative_deviation``: of the measured growth from the expanded one, relative to
    ``|W'|^2``; the three ``.._over_rounding`` in units of what rounding explains.
    """
    last = steps[-1].norm
    return {
        "kind": "weight_norm_run",
        "raised": setup.raised,
        "normalised": setup.eps is not None,
        "eps": setup.eps,
        "learning_rate": setup.rate,
        "other_rate": setup.other_rate,
        "steps": len(steps),
        "norm_at_start": float(np.median(steps[0].norm)),
        "norm_smallest": float(last.min()),
        "norm_median": float(np.median(last)),
        "norm_largest": float(last.max()),
        "effective_step_at_start": float(np.median(setup.rate / steps[0].norm ** 2)),
        "effective_step": float(np.median(setup.rate / last**2)),
        "largest_relative_deviation": max(
            float((np.abs(s.measured - s.expanded) / (s.norm**2 + s.measured)).max()) for s in steps
        ),
        "deviation_over_rounding": max(s.rounding_ratio(s.expanded, s.rounding) for s in steps),
        **compare_to_theorem(steps),
        "largest_cosine": max(float(np.abs(s.cosine).max()) for s in steps),
        "fell": float(np.mean([s.measured < 0 for s in steps])),
        "fell_beyond_rounding": float(np.mean([s.measured < -s.rounding for s in steps])),
        **ending,
    }


def compare_to_theorem(steps: list[Growth]) -> Row:
    """The proved growth with its eps term and, as a control, without; ``None`` where nothing is
    normalised."""
    pairs = [
        (s.rounding_ratio(s.predicted, r), s.rounding_ratio(s.squared, r))
        for s in steps
        if s.predicted is not None and (r := s.predicted_rounding) is not None
    ]
    proved, without = (
        (max(column) for column in zip(*pairs, strict=True)) if pairs else (None, None)
    )
    return {"theorem_over_rounding": proved, "without_eps_term_over_rounding": without}
