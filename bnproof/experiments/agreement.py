"""How far the implementations are from the exact values on real data, quantity by quantity.

Every implementation gets the same mini-batch of the digits. Each array it returns is compared with
the oracle, which knows the exact value of every entry and how far rounding alone may lead a correct
computation away from it. The laws do the same on drawn cases; here the batch is one that a network
really sees, with constant pixels and with features of very different spread.
"""

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

# The calls that training and inference of a network need. Folding, double backward and synchronised
# workers are left to the laws.
MEASURED = [
    q.name for q in QUANTITIES.values() if q.method in ("train", "infer", "train_vjp", "infer_vjp")
]
# The second PyTorch entry is the layer with a state, the first the function it is built on.
TARGETS = ("numpy", "torch", "torch-modules")
# A usual batch size. The a-priori bound grows with m, so that much larger batches would hide more.
BATCH = 128


def draw_case(values: Array, dtype: str, seed: int) -> Case:
    """A mini-batch of real values with a random rest, as one input of every method.

    Parameters
    ----------
    values : array of shape (m, channels)
        The real values. They are rounded to ``dtype``, and the rounded ones count as exact.
    dtype : str
        The dtype of every array of the case.
    seed : int
        Determines gamma, beta, the upstream gradient and the running statistics.

    Returns
    -------
    Case
        With eps = 1e-5 and momentum 0.1, the defaults of PyTorch.

    Notes
    -----
    gamma has mean 1 and standard deviation 1, so that some of its entries are negative. The
    upstream gradient is random and never constant, because for a constant one dx is 0 and proves
    nothing (theorem vacuous-loss).
    """
    random = np.random.default_rng(seed)
    channels = (values.shape[1],)
    return Case(
        x=values.astype(dtype),
        dy=random.normal(size=values.shape).astype(dtype),
        gamma=random.normal(1.0, 1.0, size=channels).astype(dtype),
        beta=random.normal(size=channels).astype(dtype),
        running_mean=random.normal(size=channels).astype(dtype),
        # A gamma distribution: a variance has to be positive, and this one is rarely near 0.
        running_var=random.gamma(2.0, 2.0, size=channels).astype(dtype),
        eps=1e-5,
        momentum=0.1,
    )


def measure_rows(seed: int) -> Iterator[Row]:
    """Compare every implementation with the exact values, on both data sets and in both dtypes.

    Parameters
    ----------
    seed : int
        Determines the order of the images and everything random in the case.

    Yields
    ------
    Row
        Of the kind ``agreement``: the largest error of one quantity as ``ratio``, in units of the
        a-priori bound, and as ``ulp``. After the quantities of an implementation follows one row of
        the kind ``degenerate``.
    """
    for name, data in load_datasets().items():
        values = cut_batches(data, BATCH, seed)[0]
        for dtype in ("float32", "float64"):
            case = draw_case(values, dtype, seed)
            # One oracle for all implementations: the exact values are the expensive part.
            oracle = Oracle(case)
            for target in TARGETS:
                implementation = load(target)
                answers = Answers(
                    Target(implementation, resolve_convention(implementation.convention)), case
                )
                for quantity in MEASURED:
                    seen = measure_value(quantity, answers, oracle)
                    # None: the implementation has no such output.
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
    """What an implementation returns for constant channels, where v = 0 and the exact output is
    beta.

    Parameters
    ----------
    name, target : str
        The data set and the implementation, as they are named in the row.
    answers : Answers
        What the implementation answers on the case.

    Returns
    -------
    Row
        Of the kind ``degenerate``, with the number of constant channels and the largest
        ``|y - beta|`` over them, which is 0 where there are none.
    """
    case = answers.case
    # Equal values, not a small variance: the computed variance of a constant may be above 0.
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
