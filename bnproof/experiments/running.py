"""Running statistics and inference on real data: NumPy against PyTorch and against the proved
recurrence."""

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
from bnproof.theorems.formulas import list_predictions
from bnproof.theorems.quantities import beta_collapsed, gamma_collapsed

TARGETS = ("numpy", "torch", "torch-modules")
EPS, ALPHA = 1e-5, 0.1
BATCH = 32


def measure_rows(seed: int) -> Iterator[Row]:
    """Every measurement of the report on running statistics."""
    data = compute_activations()
    yield from measure_recurrence(data, seed)
    yield from measure_bessel(data, seed)
    yield from measure_single_value(data)
    yield from measure_cumulative(data, seed)
    yield from compare_train_eval(data, seed)
    yield from measure_scatter(data, seed)


def compute_exact(name: str, **inputs: Any) -> Any:
    """A predicted formula in balls."""
    return lower(list_predictions()[name][1].statement.rhs)(BALLS, inputs)


def measure_recurrence(data: Array, seed: int) -> Iterator[Row]:
    """After every batch: the distance of each implementation's running statistics from the exact
    recurrence."""
    start = np.zeros(data.shape[1]), np.ones(data.shape[1])
    tracked = dict.fromkeys(TARGETS, start)
    with precision(BITS):
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
                _, mean, var = load(target).train(
                    batch, None, None, *tracked[target], eps=EPS, momentum=ALPHA
                )
                tracked[target] = (mean, var)
                for quantity, got in (("running_mean", mean), ("running_var", var)):
                    true = midpoints(truth[quantity])
                    yield {
                        "kind": "recurrence",
                        "step": step,
                        "target": target,
                        "quantity": quantity,
                        "value_of_first_feature": float(got[0]),
                        "largest_error": float(np.abs(got - true).max()),
                        "largest_ulp": float((np.abs(got - true) / np.spacing(np.abs(true))).max()),
                    }


def measure_bessel(data: Array, seed: int) -> Iterator[Row]:
    """With momentum 1 the running variance is what one batch contributes: its ratio to the biased
    variance."""
    for m in (2, 3, 8, 32, 128):
        batch = cut_batches(data, m, seed)[0]
        with precision(BITS):
            biased = midpoints(lower(v)(BALLS, {"x": BALLS.array(batch)}))
        for target in TARGETS:
            channels = batch.shape[1]
            zeros = np.zeros(channels)
            _, _, var = load(target).train(batch, None, None, zeros, zeros, eps=EPS, momentum=1.0)
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
    """What training on a single value per channel does."""
    channels = data.shape[1]
    for target in TARGETS:
        try:
            load(target).train(
                np.array(data[:1]),
                None,
                None,
                np.zeros(channels),
                np.ones(channels),
                eps=EPS,
                momentum=ALPHA,
            )
            outcome = "answers"
        except ValueError as error:
            outcome = f"ValueError: {error}"
        yield {"kind": "single_value", "target": target, "outcome": outcome}


def measure_cumulative(data: Array, seed: int) -> Iterator[Row]:
    """``momentum=None`` in PyTorch, momentum 1/t in NumPy: both the plain mean of the batch
    statistics."""
    cut = cut_batches(data, BATCH, seed)
    torch_mean, torch_var = track_cumulative(cut, EPS)
    reference, mean, var = load("numpy"), np.zeros(data.shape[1]), np.ones(data.shape[1])
    for t, batch in enumerate(cut, 1):
        _, mean, var = reference.train(batch, None, None, mean, var, eps=EPS, momentum=1 / t)
    unbiased = BATCH / (BATCH - 1)
    plain = {
        "running_mean": np.mean([b.mean(axis=0) for b in cut], axis=0),
        "running_var": np.mean([unbiased * b.var(axis=0) for b in cut], axis=0),
    }
    got: dict[str, dict[str, Any]] = {
        "numpy, momentum 1/t": {"running_mean": mean, "running_var": var},
        "torch, momentum=None": {"running_mean": torch_mean, "running_var": torch_var},
    }
    for target, statistics in got.items():
        for quantity, values in statistics.items():
            yield {
                "kind": "cumulative",
                "target": target,
                "quantity": quantity,
                "batches": len(cut),
                "largest_relative_difference": float(
                    (np.abs(values - plain[quantity]) / np.abs(plain[quantity])).max()
                ),
            }


def compare_train_eval(data: Array, seed: int) -> Iterator[Row]:
    """The same batch through training mode and through inference with the statistics tracked so
    far."""
    for target in ("numpy", "torch"):
        implementation = load(target)
        mean, var = np.zeros(data.shape[1]), np.ones(data.shape[1])
        for step, batch in enumerate(cut_batches(data, BATCH, seed), 1):
            y, mean, var = implementation.train(
                batch, None, None, mean, var, eps=EPS, momentum=ALPHA
            )
            gap = np.abs(y - implementation.infer(batch, None, None, mean, var, eps=EPS))
            yield {
                "kind": "train_eval",
                "target": target,
                "step": step,
                "root_mean_square_gap": float(np.sqrt((gap**2).mean())),
                "largest_gap": float(gap.max()),
            }


def measure_scatter(data: Array, seed: int, feature: int = 0) -> Iterator[Row]:
    """``(gamma', beta')`` of one feature batch by batch, for gamma = 1 and beta = 0, and the pair
    used at inference."""
    column = data[:, feature : feature + 1]
    scale, shift = lower(gamma_collapsed), lower(beta_collapsed)

    def evaluate_pair(values: Array) -> tuple[float, float]:
        inputs = {"x": BALLS.array(values), "eps": ball(EPS), "gamma": ball(1), "beta": ball(0)}
        with precision(BITS):
            first, second = (midpoints(program(BALLS, inputs)).item() for program in (scale, shift))
        return float(first), float(second)

    for size in (8, 32, 128):
        for number, batch in enumerate(cut_batches(column, size, seed), 1):
            gamma_prime, beta_prime = evaluate_pair(batch)
            yield {
                "kind": "scatter",
                "m": size,
                "batch": number,
                "gamma_prime": gamma_prime,
                "beta_prime": beta_prime,
            }
    gamma_prime, beta_prime = evaluate_pair(column)
    yield {
        "kind": "scatter",
        "m": len(column),
        "batch": 0,
        "gamma_prime": gamma_prime,
        "beta_prime": beta_prime,
    }
