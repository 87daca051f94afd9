"""Plain SGD in front of batch normalisation: the weights' norm against the theorem
weight-norm-growth.

Per row W of the layer, with ``G = dL/dW``, learning rate eta, no momentum and no decay:

    ``|W - eta G|^2 = |W|^2 - 2 eta <W, G> + eta^2 |G|^2``
    ``<W, G> = gamma eps/s^2 sum_i g_i xhat_i``

The inner product is 0 for ``eps = 0``. Then the norm only grows, and W's direction moves by a step
``eta/|W|^2``. PyTorch 2.10 and later refuse ``eps = 0`` in training, so eps is 1e-10. There W and G
are orthogonal to 8 digits, and the eps term can still be told from rounding. PyTorch's default 1e-5
is run beside it. The control leaves the eps term out.

The network is 64-32-10 with ReLU and cross-entropy on the digits, in batches of 64 and float64.
Without normalisation the hidden layer is ``W u + b``, with it ``gamma xhat(W u) + beta``, and both
have the same first weights and batches. The theorem is about W alone: the output layer, gamma and
beta have no such protection. So there are two set-ups. In ``first layer`` only W has the raised
rate and everything else learns at 0.1, which is the fair test of the claim. In ``all layers``
everything has it.

Start reading at :func:`train`; what one step is compared with is in
:mod:`bnproof.experiments.norm_growth`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from bnproof.experiments.networks import (
    draw_layers,
    draw_mini_batches,
    keep_finite,
    load_labelled_digits,
)
from bnproof.experiments.norm_growth import Growth, measure_growth
from bnproof.implementations.torch_training import Perceptron, use_one_thread
from bnproof.records import Row

# One hidden layer, whose W is the one the theorem speaks of.
WIDTHS = (64, 32, 10)
# From a usual rate to one at which a network without normalisation cannot learn.
RATES = (0.1, 1.0, 10.0, 100.0, 1000.0)
# The usual rate, for what the theorem does not speak of.
OTHER_RATE = 0.1
# 1e-10 stands for 0, which PyTorch refuses; 1e-5 is what it takes by default.
SHOWN_EPS, DEFAULT_EPS = 1e-10, 1e-5
FIRST, ALL = "first layer", "all layers"
# 280 steps. The growth is checked in each of them, so more epochs would only cost time.
EPOCHS = 10


@dataclass(frozen=True)
class Setup:
    """What is trained at which rate.

    Attributes
    ----------
    raised : str
        ``FIRST`` or ``ALL``: which layers have the learning rate ``rate``.
    eps : float or None
        The eps of the normalisation; ``None`` where there is none.
    rate : float
        The raised learning rate.
    """

    raised: str
    eps: float | None
    rate: float

    @property
    def other_rate(self) -> float:
        """The learning rate of everything but W."""
        return OTHER_RATE if self.raised == FIRST else self.rate


def measure_rows(seed: int) -> Iterator[Row]:
    """Curves of the first set-up at the shown eps, and a summary of every run.

    Parameters
    ----------
    seed : int
        Determines first weights and batches.

    Yields
    ------
    Row
        Of the kinds ``weight_norm`` (a point of a curve) and ``weight_norm_run``.
    """
    # PyTorch's own eps is needed once, to see the eps term at the size that users have.
    variants = (
        (FIRST, SHOWN_EPS),
        (FIRST, DEFAULT_EPS),
        (FIRST, None),
        (ALL, SHOWN_EPS),
        (ALL, None),
    )
    for (raised, eps), rate in product(variants, RATES):
        setup = Setup(raised, eps, rate)
        # Runs that explode are part of the measurement.
        with np.errstate(over="ignore", invalid="ignore"):
            steps, ending = train(setup, seed)
            if raised == FIRST and eps != DEFAULT_EPS:
                yield from record_curve(setup, steps)
            yield summarise(setup, steps, ending)


def train(setup: Setup, seed: int) -> tuple[list[Growth], Row]:
    """Train one network and look at every step.

    Parameters
    ----------
    setup : Setup
        Which layers learn at which rate, and the eps.
    seed : int
        Determines first weights and batches.

    Returns
    -------
    steps : list of Growth
        Every step up to the last finite one.
    ending : Row
        Whether all stayed finite, and loss and accuracy on all digits at the end.
    """
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
            # A step into infinity has no growth to compare: it counts as the end of the run.
            if not network.finite or not np.isfinite(growth.measured).all():
                break
            steps.append(growth)
        loss, accuracy = network.loss_and_accuracy(pixels, classes)
    # The step that broke off the loop counts as well.
    finite = network.finite and bool(np.isfinite(growth.measured).all())
    return steps, {"finite": finite, "final_loss": keep_finite(loss), "final_accuracy": accuracy}


def record_curve(setup: Setup, steps: list[Growth]) -> Iterator[Row]:
    """Some 50 steps of a run for a plot, evenly spread in the logarithm.

    Parameters
    ----------
    setup : Setup
        The run's set-up.
    steps : list of Growth
        Its steps.

    Yields
    ------
    Row
        Of the kind ``weight_norm``. ``step`` counts from 1, and the norm is that before the step.
    """
    # Rounded to whole steps some of the 60 coincide: the set keeps each once.
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
    """One run: the norms of its rows, their growth against the theorem, and how it ended.

    Parameters
    ----------
    setup : Setup
        The run's set-up.
    steps : list of Growth
        Its steps.
    ending : Row
        How it ended, from :func:`train`.

    Returns
    -------
    Row
        Of the kind ``weight_norm_run``. ``largest_relative_deviation`` is the distance of the
        measured growth from the expanded one, relative to ``|W'|^2``. The three
        ``.._over_rounding`` are in units of what rounding explains. ``fell`` is the share of steps
        and rows in which the norm fell, and ``fell_beyond_rounding`` counts only what rounding
        cannot explain.
    """
    # Before the last step, the last norm for which a growth is known.
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
    """The proved growth with its eps term and, as a control, without it.

    Parameters
    ----------
    steps : list of Growth
        The steps of one run.

    Returns
    -------
    Row
        ``theorem_over_rounding`` and ``without_eps_term_over_rounding``: the largest distance from
        the measured growth, in units of what rounding explains. Both are ``None`` where nothing is
        normalised.
    """
    pairs = [
        (s.rounding_ratio(s.predicted, r), s.rounding_ratio(s.squared, r))
        for s in steps
        if s.predicted is not None and (r := s.predicted_rounding) is not None
    ]
    proved, without = (
        (max(column) for column in zip(*pairs, strict=True)) if pairs else (None, None)
    )
    return {"theorem_over_rounding": proved, "without_eps_term_over_rounding": without}
