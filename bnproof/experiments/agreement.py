"""How far the implementations are from the exact values on real data, quantity by quantity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bnproof.contract import QUANTITIES, Array, Case
from bnproof.datasets import cut_batches, load_datasets
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.targets import load
from bnproof.laws.answers import Answers, Target
from bnproof.laws.oracle import Oracle
from bnproof.laws.values import measure_value
from bnproof.records import Row

MEASURED = [
    q.name for q in QUANTITIES.values() if q.method in ("train", "infer", "train_vjp", "infer_vjp")
]
TARGETS = ("numpy", "torch", "torch-modules")
BATCH = 128


def draw_case(values: Array, dtype: str, seed: int) -> Case:
    """A mini-batch of real values with random gamma (some negative), beta, upstream gradient and
    running statistics."""
    random = np.random.default_rng(seed)
    channels = (values.shape[1],)
    return Case(
        x=values.astype(dtype),
        dy=random.normal(size=values.shape).astype(dtype),
        gamma=random.normal(1.0, 1.0, size=channels).astype(dtype),
        beta=random.normal(size=channels).astype(dtype),
        running_mean=random.normal(size=channels).astype(dtype),
        running_var=random.gamma(2.0, 2.0, size=channels).astype(dtype),
        eps=1e-5,
        momentum=0.1,
    )


def measure_rows(seed: int) -> Iterator[Row]:
    """One row per data set, dtype, implementation and quantity: error over bound, and in ulp."""
    for name, data in load_datasets().items():
        values = cut_batches(data, BATCH, seed)[0]
        for dtype in ("float32", "float64"):
            case = draw_case(values, dtype, seed)
            oracle = Oracle(case)
            for target in TARGETS:
                implementation = load(target)
                answers = Answers(
                    Target(implementation, resolve_convention(implementation.convention)), case
                )
                for quantity in MEASURED:
                    seen = measure_value(quantity, answers, oracle)
                    if seen is not None:
                        yield {
                            "kind": "agreement",
                            "data": name,
                            "m": case.m,
                            "channels": case.x.shape[1],
                            "dtype": dtype,
                            "target": target,
                            "quantity": quantity,
                            "ratio": seen.ratio,
                            "ulp": seen.ulp,
                        }
                yield measure_degenerate(name, target, answers)


def measure_degenerate(name: str, target: str, answers: Answers) -> Row:
    """What happens on constant channels (v = 0): the exact output is beta."""
    case = answers.case
    constant = np.ptp(case.x, axis=0) == 0
    y = answers.observe("y")
    beta = np.zeros(case.x.shape[1]) if case.beta is None else case.beta
    gap = 0.0 if y is None or not constant.any() else float(np.abs(y - beta)[:, constant].max())
    return {
        "kind": "degenerate",
        "data": name,
        "dtype": str(case.dtype),
        "target": target,
        "constant_channels": int(constant.sum()),
        "largest_distance_from_beta": gap,
    }
