"""The same network in two parametrisations, ``gamma xhat + beta`` and ``gamma' h + beta'``.

The first normalises with batch statistics, the second does not. Both are trained on the digits by
plain SGD: 64-32-32-10, tanh, cross-entropy, batches of 64, float64. ``gamma' = gamma/s`` and
``beta' = beta - gamma mu/s`` are set from the first batch (theorem collapse), so that both networks
start as the same function of that batch. Weights, batches and the learning rates that are tried are
the same for both. Each is judged at its own best rate.

Trained is either everything, or the pairs and the output layer only, with the hidden weights
frozen. The second is what the theorem least-squares-conditioning speaks about. There
``(gamma, beta)`` sees the condition number ``1 + eps/v``, and ``(gamma', beta')`` that of
``[[v + mu^2, mu], [mu, 1]]``, which is recorded at the start. At their best rates both train at the
edge of stability, where a change in the last bit changes the second digit of a final loss.

The loss is in nats and of all digits as one batch, with its own statistics where it is normalised.
A run has diverged if its final loss is not finite or above the first.

Start reading at :func:`measure_rows`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from bnproof.experiments.networks import draw_mini_batches, keep_finite, load_labelled_digits
from bnproof.experiments.same_start import NORMALISED, PLAIN, build_networks, measure_start
from bnproof.implementations.torch_training import use_one_thread
from bnproof.records import Row

# Half a decade apart. The best rate of each has to lie inside this grid, which a test checks, since
# otherwise the grid and not the parametrisation would decide.
RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
# Several, because a single training at its best rate is not a stable number.
SEEDS = 5
# The loss is recorded every 7 steps, which divides the 28 steps of an epoch.
EPOCHS, EVERY = 7, 7
# What is trained, in the words of the rows. The ledger and the plots find the rows by them.
EVERYTHING, PAIRS = "everything", "scales, shifts and output layer"


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    trained, parametrisation : str
        What was trained, and which of the two networks.
    rate : float
        The learning rate of all that was trained.
    seed : int
        Determines first weights and batches.
    losses : tuple of float
        The loss in nats after every ``EVERY`` steps, from step 0 on; not finite where training blew
        up.
    accuracy : float
        The share of all digits that are classified correctly at the end, 0 to 1.
    """

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
        # Not the same as ``>``, because a comparison with NaN is false.
        return not self.final <= self.losses[0]

    def find_step(self, loss: float) -> int:
        """The first recorded step with at most this loss.

        Parameters
        ----------
        loss : float
            The loss in nats that is to be reached.

        Returns
        -------
        int
            A multiple of ``EVERY``, since the loss is not known between records.

        Raises
        ------
        StopIteration
            Where the run never gets there; the runs it is asked of all do.
        """
        return EVERY * next(index for index, value in enumerate(self.losses) if value <= loss)


def measure_rows(seed: int) -> Iterator[Row]:
    """The start, every run, and curves and summaries of both parametrisations at their best rates.

    Parameters
    ----------
    seed : int
        The first of ``SEEDS`` consecutive seeds.

    Yields
    ------
    Row
        Of the kinds ``parametrisation_start``, ``parametrisation_run``, ``parametrisation_rate``,
        ``parametrisation`` (a point of a curve) and ``parametrisation_summary``.
    """
    seeds = range(seed, seed + SEEDS)
    # The start is shared by all that follows, so it is measured once a seed.
    yield from map(measure_start, seeds)
    for trained in (EVERYTHING, PAIRS):
        runs = {
            name: [train(trained, name, rate, own) for rate, own in product(RATES, seeds)]
            for name in (NORMALISED, PLAIN)
        }
        best = {name: find_best_runs(group) for name, group in runs.items()}
        # The highest final loss among the best runs: the lowest that each of them reaches.
        target = max(run.final for group in best.values() for run in group)
        for name, group in runs.items():
            yield from map(record_run, group)
            yield from map(record_rate, group_by_rate(group))
            yield from record_curve(best[name])
            yield summarise(best[name], target)


def train(trained: str, parametrisation: str, rate: float, seed: int) -> Run:
    """One run; every rate starts from the same network and sees the same batches.

    Parameters
    ----------
    trained : str
        ``EVERYTHING`` or ``PAIRS``.
    parametrisation : str
        ``NORMALISED`` or ``PLAIN``.
    rate : float
        The learning rate.
    seed : int
        Determines first weights and batches.

    Returns
    -------
    Run
        With the loss at the start and after every ``EVERY`` steps.
    """
    pixels, classes = load_labelled_digits()
    network = build_networks(seed)[parametrisation]
    # The third weight is the output layer's, which is trained in both set-ups.
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
    """The runs of the rate with the lowest mean final loss.

    A rate at which a seed ends with a loss that is not a number counts as infinitely bad.

    Parameters
    ----------
    runs : list of Run
        All runs of one parametrisation, every rate of ``RATES`` among them.

    Returns
    -------
    list of Run
        Those of the best rate, one a seed.
    """
    # NaN compares as neither smaller nor larger, so it is made infinite first.
    return min(
        group_by_rate(runs),
        key=lambda group: float(np.nan_to_num(mean_final_loss(group), nan=np.inf)),
    )


def mean_final_loss(runs: list[Run]) -> float:
    """The mean of the final losses."""
    return float(np.mean([run.final for run in runs]))


def label_run(run: Run) -> Row:
    """What a run is, as the keys that every row of this experiment has."""
    return {
        "trained": run.trained,
        "parametrisation": run.parametrisation,
        "learning_rate": run.rate,
    }


def record_run(run: Run) -> Row:
    """How one run ended; a loss that is no finite number becomes ``None``."""
    return {
        "kind": "parametrisation_run",
        **label_run(run),
        "seed": run.seed,
        "final_loss": keep_finite(run.final),
        "final_accuracy": run.accuracy,
        "diverged": run.diverged,
    }


def record_rate(runs: list[Run]) -> Row:
    """One learning rate over all seeds, with the number of runs that diverged.

    Parameters
    ----------
    runs : list of Run
        The runs of that rate, one a seed.

    Returns
    -------
    Row
        Of the kind ``parametrisation_rate``. A mean or an extreme that is no finite number is
        ``None``, and the mean is so as soon as one seed has no finite loss.
    """
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
    """Loss against steps, every second of those measured.

    Parameters
    ----------
    runs : list of Run
        The runs whose curves are shown.

    Yields
    ------
    Row
        Of the kind ``parametrisation``: one point of one run.
    """
    for run in runs:
        # Half the points are enough for a plot.
        for index, loss in list(enumerate(run.losses))[::2]:
            own = {"seed": run.seed, "step": EVERY * index, "loss": keep_finite(loss)}
            yield {"kind": "parametrisation", **label_run(run), **own}


def summarise(runs: list[Run], target: float) -> Row:
    """One parametrisation at its best rate.

    Parameters
    ----------
    runs : list of Run
        Its runs at that rate, one a seed.
    target : float
        The highest final loss of any seed of either parametrisation at its best.

    Returns
    -------
    Row
        Of the kind ``parametrisation_summary``, with final losses and the steps each run needs to
        reach ``target``.
    """
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
