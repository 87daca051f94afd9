"""The same network in two parametrisations: ``gamma xhat + beta`` with batch statistics, and
``gamma' h + beta'`` without.

Digits, 64-32-32-10, tanh, cross-entropy, plain SGD, batches of 64, float64.  ``gamma' = gamma/s``
and ``beta' = beta - gamma mu/s`` are set from the first batch (theorem collapse), so that both
networks start as the same function of that batch.  Same weights, same batches, the same learning
rates for both; each is judged at its own best.

Trained is everything, or the pairs and the output layer only, with the hidden weights frozen.  The
second is what the theorem least-squares-conditioning speaks about: there ``(gamma, beta)`` sees the
condition number ``1 + eps/v``, ``(gamma', beta')`` that of ``[[v + mu^2, mu], [mu, 1]]`` (recorded
at the start).  With both at the edge of stability, at their best rates, a change in the last bit
changes the second digit of a final loss.

Loss: nats, of all digits as one batch (with its own statistics where it is normalised).  Diverged:
the final loss is not finite or above the first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from bnproof.experiments.same_start import NORMALISED, PLAIN, build_networks, measure_start
from bnproof.experiments.training import draw_mini_batches, keep_finite, load_labelled_digits
from bnproof.implementations.torch_training import use_one_thread
from bnproof.records import Row

RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
SEEDS = 5
EPOCHS, EVERY = 7, 7
EVERYTHING, PAIRS = "everything", "scales, shifts and output layer"


@dataclass(frozen=True)
class Run:
    """One training: the loss after every ``EVERY`` steps, from step 0."""

    trained: str
    parametrisation: str
    rate: float
    seed: int
    losses: tuple[float, ...]
    accuracy: float

    @property
    def final(self) -> float:
        """The loss after the last step."""
        return self.losses[-1]

    @property
    def diverged(self) -> bool:
        """Whether the final loss is not finite or above the first."""
        return not self.final <= self.losses[0]

    def find_step(self, loss: float) -> int:
        """The first recorded step with at most this loss."""
        return EVERY * next(index for index, value in enumerate(self.losses) if value <= loss)


def measure_rows(seed: int) -> Iterator[Row]:
    """The start, every run, and for what is trained the curves and summaries of both at their best
    rates."""
    seeds = range(seed, seed + SEEDS)
    yield from map(measure_start, seeds)
    for trained in (EVERYTHING, PAIRS):
        runs = {
            name: [train(trained, name, rate, own) for rate, own in product(RATES, seeds)]
            for name in (NORMALISED, PLAIN)
        }
        best = {name: find_best_runs(group) for name, group in runs.items()}
        target = max(run.final for group in best.values() for run in group)
        for name, group in runs.items():
            yield from map(record_run, group)
            yield from map(record_rate, group_by_rate(group))
            yield from record_curve(best[name])
            yield summarise(best[name], target)


def train(trained: str, parametrisation: str, rate: float, seed: int) -> Run:
    """One run; every rate starts from the same network and sees the same batches."""
    pixels, classes = load_labelled_digits()
    network = build_networks(seed)[parametrisation]
    hidden = rate if trained == EVERYTHING else 0.0
    with use_one_thread():
        losses = [network.loss_and_accuracy(pixels, classes)[0]]
        for step, chosen in enumerate(draw_mini_batches(len(pixels), EPOCHS, seed), 1):
            network.step(
                pixels[chosen], classes[chosen], rate=rate, weight_rates=(hidden, hidden, rate)
            )
            if step % EVERY == 0:
                loss, accuracy = network.loss_and_accuracy(pixels, classes)
                losses.append(loss)
    return Run(trained, parametrisation, rate, seed, tuple(losses), accuracy)


def group_by_rate(runs: list[Run]) -> list[list[Run]]:
    """The runs of each rate, over all seeds."""
    return [[run for run in runs if run.rate == rate] for rate in RATES]


def find_best_runs(runs: list[Run]) -> list[Run]:
    """The runs of the rate with the lowest mean final loss."""
    return min(
        group_by_rate(runs),
        key=lambda group: float(np.nan_to_num(mean_final_loss(group), nan=np.inf)),
    )


def mean_final_loss(runs: list[Run]) -> float:
    """The mean of the final losses."""
    return float(np.mean([run.final for run in runs]))


def label_run(run: Run) -> Row:
    """What a run is, as the keys every row has."""
    return {
        "trained": run.trained,
        "parametrisation": run.parametrisation,
        "learning_rate": run.rate,
    }


def record_run(run: Run) -> Row:
    """How one run ended."""
    return {
        "kind": "parametrisation_run",
        **label_run(run),
        "seed": run.seed,
        "final_loss": keep_finite(run.final),
        "final_accuracy": run.accuracy,
        "diverged": run.diverged,
    }


def record_rate(runs: list[Run]) -> Row:
    """One learning rate over all seeds."""
    final = [run.final for run in runs]
    return {
        "kind": "parametrisation_rate",
        **label_run(runs[0]),
        "seeds": len(runs),
        "final_loss_mean": keep_finite(mean_final_loss(runs)),
        "final_loss_smallest": keep_finite(min(final)),
        "final_loss_largest": keep_finite(max(final)),
        "diverged": sum(run.diverged for run in runs),
    }


def record_curve(runs: list[Run]) -> Iterator[Row]:
    """Loss against steps, every second of those measured."""
    for run in runs:
        for index, loss in list(enumerate(run.losses))[::2]:
            own = {"seed": run.seed, "step": EVERY * index, "loss": keep_finite(loss)}
            yield {"kind": "parametrisation", **label_run(run), **own}


def summarise(runs: list[Run], target: float) -> Row:
    """One parametrisation at its best rate; ``target``: the highest final loss of any seed of
    either at its best."""
    final, reached = [run.final for run in runs], [run.find_step(target) for run in runs]
    return {
        "kind": "parametrisation_summary",
        **label_run(runs[0]),
        "seeds": len(runs),
        "steps": EVERY * (len(runs[0].losses) - 1),
        "final_loss_mean": mean_final_loss(runs),
        "final_loss_smallest": min(final),
        "final_loss_largest": max(final),
        "final_accuracy_mean": float(np.mean([run.accuracy for run in runs])),
        "target_loss": target,
        "steps_to_target_mean": float(np.mean(reached)),
        "steps_to_target_smallest": min(reached),
        "steps_to_target_largest": max(reached),
    }
