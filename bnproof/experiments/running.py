"""Running statistics and inference on real data, NumPy against PyTorch and against the proved
recurrence.

The data are the hidden activations of a small network, in mini-batches of 32. Six measurements
follow each other, and each is a generator of rows of a kind of its own:

- ``recurrence``: the tracked statistics against ``r = (1 - alpha) r + alpha b``, evaluated in balls
  (theorem ema-closed-form);
- ``bessel``: the factor m/(m - 1) that the tracked variance carries;
- ``single_value``: what training on one value per channel does, where that factor does not exist;
- ``cumulative``: momentum 1/t, which gives the plain mean of all batch statistics;
- ``train_eval``: the same batch in training mode and at inference (theorem train-eval-gap);
- ``scatter``: the collapsed pair of every batch (theorem collapse-varies).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.datasets import compute_activations, cut_batches
from bnproof.implementations.targets import load
from bnproof.implementations.torch import track_cumulative
from bnproof.lowering.numbers import BALLS, BITS, ball, midpoints, precision
from bnproof.lowering.program import lower
from bnproof.records import Row
from bnproof.symbolic.setting import v
from bnproof.theorems.closed_forms import beta_collapsed, gamma_collapsed
from bnproof.theorems.formulas import list_predictions

# All three follow the convention of PyTorch: momentum weighs the new value, the tracked variance is
# unbiased.
TARGETS = ("numpy", "torch", "torch-modules")
# The defaults of PyTorch. ALPHA is the weight of the new value.
EPS, ALPHA = 1e-5, 0.1
# Small enough that Bessel's factor is far from 1, and that an epoch has enough batches for the
# running statistics to settle.
BATCH = 32
# The names of what is tracked, in the order in which train returns them.
QUANTITIES = ("running_mean", "running_var")
Statistics = tuple[Array, Array]


def measure_rows(seed: int) -> Iterator[Row]:
    """Every measurement of the report on running statistics.

    Parameters
    ----------
    seed : int
        Determines the order of the values, and with it the batches.

    Yields
    ------
    Row
        Of the six kinds that the module lists, in that order.
    """
    data = compute_activations()
    yield from measure_recurrence(data, seed)
    yield from measure_bessel(data, seed)
    yield from measure_single_value(data)
    yield from measure_cumulative(data, seed)
    yield from compare_train_eval(data, seed)
    yield from measure_scatter(data, seed)


def compute_exact(name: str, **inputs: Any) -> Any:
    """The right-hand side of a predicted formula of the book, evaluated in balls.

    Parameters
    ----------
    name : str
        The output it predicts, such as ``"running_mean"``.
    **inputs
        What the formula is made of, as balls or arrays of them. The caller sets the precision.
    """
    return lower(list_predictions()[name][1].statement.rhs)(BALLS, inputs)


def build_start(data: Array) -> Statistics:
    """The statistics before the first batch: mean 0 and variance 1 for each feature."""
    return np.zeros(data.shape[1]), np.ones(data.shape[1])


def train(
    target: str, batch: Array, statistics: Statistics, momentum: float
) -> tuple[Array, Statistics]:
    """The output and the new statistics of one call in training mode, without gamma and beta."""
    y, mean, var = load(target).train(batch, None, None, *statistics, eps=EPS, momentum=momentum)
    return y, (mean, var)


def measure_recurrence(data: Array, seed: int) -> Iterator[Row]:
    """How far each implementation's running statistics are from the exact recurrence, after every
    batch.

    Parameters
    ----------
    data : array of shape (values, features)
        What is cut into batches.
    seed : int
        Determines the order.

    Yields
    ------
    Row
        Of the kind ``recurrence``. ``largest_error`` and ``largest_ulp`` are over all features.
    """
    start = build_start(data)
    tracked = dict.fromkeys(TARGETS, start)
    with precision(BITS):
        # The exact statistics stay balls from step to step, so the reference never rounds to
        # float64.
        truth = {"running_mean": BALLS.array(start[0]), "running_var": BALLS.array(start[1])}
        for step, batch in enumerate(cut_batches(data, BATCH, seed), 1):
            inputs = {"x": BALLS.array(batch), "alpha": ball(ALPHA)}
            truth = {
                "running_mean": compute_exact("running_mean", mu_r=truth["running_mean"], **inputs),
                "running_var": compute_exact(
                    "running_var_unbiased", v_r=truth["running_var"], **inputs
                ),
            }
            for target in TARGETS:
                # Each goes on from its own statistics, so that errors may add up as they do in
                # training.
                _, tracked[target] = train(target, batch, tracked[target], ALPHA)
                for quantity, got in zip(QUANTITIES, tracked[target], strict=True):
                    true = midpoints(truth[quantity])
                    yield {
                        "kind": "recurrence",
                        "step": step,
                        "target": target,
                        "quantity": quantity,
                        "value_of_first_feature": float(got[0]),
                        "largest_error": float(np.abs(got - true).max()),
                        # np.spacing is the unit in the last place of the exact value.
                        "largest_ulp": float((np.abs(got - true) / np.spacing(np.abs(true))).max()),
                    }


def measure_bessel(data: Array, seed: int) -> Iterator[Row]:
    """The ratio of the tracked variance to the biased one, which should be m/(m - 1).

    With momentum 1 the running variance is what a single batch contributes, whatever it was before.

    Parameters
    ----------
    data : array of shape (values, features)
        What is cut into batches.
    seed : int
        Determines the order.

    Yields
    ------
    Row
        Of the kind ``bessel``, with the smallest and the largest ratio over the features that vary.
    """
    # 2 is the smallest m with a factor at all; at 128 the factor is close to 1.
    for m in (2, 3, 8, 32, 128):
        batch = cut_batches(data, m, seed)[0]
        with precision(BITS):
            biased = midpoints(lower(v)(BALLS, {"x": BALLS.array(batch)}))
        for target in TARGETS:
            # With momentum 1 the old statistics have the weight 0.
            zeros = np.zeros(batch.shape[1])
            _, (_, var) = train(target, batch, (zeros, zeros), momentum=1.0)
            ratio = np.asarray(var)[biased > 0] / biased[biased > 0]
            yield {
                "kind": "bessel",
                "m": m,
                "target": target,
                "predicted": m / (m - 1),
                "smallest": float(ratio.min()),
                "largest": float(ratio.max()),
            }


def measure_single_value(data: Array) -> Iterator[Row]:
    """What training on a single value per channel does: an answer, or a refusal with its text.

    ``m/(m - 1)`` does not exist for m = 1, and the convention of these targets is to refuse.

    Parameters
    ----------
    data : array of shape (values, features)
        Its first row is the batch.

    Yields
    ------
    Row
        Of the kind ``single_value``. ``outcome`` is "answers" or the name and the text of the
        error.
    """
    for target in TARGETS:
        try:
            train(target, np.array(data[:1]), build_start(data), ALPHA)
            outcome = "answers"
        except ValueError as error:
            outcome = f"ValueError: {error}"
        yield {"kind": "single_value", "target": target, "outcome": outcome}


def measure_cumulative(data: Array, seed: int) -> Iterator[Row]:
    """Momentum 1/t against ``momentum=None`` of PyTorch, both the plain mean of the batch
    statistics.

    Parameters
    ----------
    data : array of shape (values, features)
        What is cut into batches.
    seed : int
        Determines the order.

    Yields
    ------
    Row
        Of the kind ``cumulative``, with the largest relative difference from the plain mean.

    Notes
    -----
    With ``alpha = 1/t`` the recurrence is ``r_t = r_{t-1} + (b_t - r_{t-1})/t``, the running mean
    (theorem cumulative). Its first step has the weight 1, so the start does not matter.
    """
    cut = cut_batches(data, BATCH, seed)
    statistics = build_start(data)
    for t, batch in enumerate(cut, 1):
        _, statistics = train("numpy", batch, statistics, momentum=1 / t)
    # What is averaged is the variance with Bessel's factor, as both track it.
    unbiased = BATCH / (BATCH - 1)
    plain = (
        np.mean([b.mean(axis=0) for b in cut], axis=0),
        np.mean([unbiased * b.var(axis=0) for b in cut], axis=0),
    )
    for target, tracked in (
        ("numpy, momentum 1/t", statistics),
        ("torch, momentum=None", track_cumulative(cut, EPS)),
    ):
        for quantity, got, true in zip(QUANTITIES, tracked, plain, strict=True):
            yield {
                "kind": "cumulative",
                "target": target,
                "quantity": quantity,
                "batches": len(cut),
                "largest_relative_difference": float((np.abs(got - true) / np.abs(true)).max()),
            }


def compare_train_eval(data: Array, seed: int) -> Iterator[Row]:
    """The same batch through training mode, and through inference with the statistics tracked so
    far.

    Both outputs are with gamma = 1 and beta = 0, so the unit of a difference is a standard
    deviation of the output.

    Parameters
    ----------
    data : array of shape (values, features)
        What is cut into batches.
    seed : int
        Determines the order.

    Yields
    ------
    Row
        Of the kind ``train_eval``, one for each implementation and batch, with the largest and the
        root mean square difference.
    """
    for target in ("numpy", "torch"):
        statistics = build_start(data)
        for step, batch in enumerate(cut_batches(data, BATCH, seed), 1):
            y, statistics = train(target, batch, statistics, ALPHA)
            # The statistics have already moved towards this very batch.
            gap = np.abs(y - load(target).infer(batch, None, None, *statistics, eps=EPS))
            yield {
                "kind": "train_eval",
                "target": target,
                "step": step,
                "root_mean_square_gap": float(np.sqrt((gap**2).mean())),
                "largest_gap": float(gap.max()),
            }


def measure_scatter(data: Array, seed: int, feature: int = 0) -> Iterator[Row]:
    """``(gamma', beta')`` of one feature batch by batch, and the one pair that inference uses.

    Parameters
    ----------
    data : array of shape (values, features)
        What is cut into batches.
    seed : int
        Determines the order.
    feature : int
        The column that is looked at.

    Yields
    ------
    Row
        Of the kind ``scatter``, with gamma = 1 and beta = 0. The last row, with ``batch`` 0, has
        all values as one batch.

    Notes
    -----
    ``gamma' = gamma/s`` and ``beta' = beta - gamma mu/s``. If one pair could stand for batch
    normalisation, every batch would give the same.
    """
    column = data[:, feature : feature + 1]
    scale, shift = lower(gamma_collapsed), lower(beta_collapsed)

    def build_row(values: Array, number: int) -> Row:
        inputs = {"x": BALLS.array(values), "eps": ball(EPS), "gamma": ball(1), "beta": ball(0)}
        with precision(BITS):
            first, second = (midpoints(program(BALLS, inputs)).item() for program in (scale, shift))
        return {
            "kind": "scatter",
            "m": len(values),
            "batch": number,
            "gamma_prime": float(first),
            "beta_prime": float(second),
        }

    # Four times larger each: the spread of a mean falls with the root of m.
    for size in (8, 32, 128):
        for number, batch in enumerate(cut_batches(column, size, seed), 1):
            yield build_row(batch, number)
    yield build_row(column, 0)
