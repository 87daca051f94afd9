"""One measured point: an implementation's normalised values on one input, against their
enclosures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bnproof import certify
from bnproof.accuracy.inputs import EPS, Input
from bnproof.certify import UlpSummary, bounds
from bnproof.contract import Array, Convention
from bnproof.formats import Format, parameter_dtype
from bnproof.laws.answers import Failed, NotOffered, Target, check_form
from bnproof.laws.columns import to_columns

SAMPLE = 2**20  # ulp are taken of so many entries at most
WRONG = 0.5  # an error of xhat of this size leaves no digit right: xhat has root mean square 1


@dataclass(frozen=True)
class Subject:
    """What is measured, and how: in which dtype, memory layout, on how many threads."""

    target: str
    implementation: Any
    convention: Convention
    dtype: str
    layout: str = "2-d"
    threads: int = 1
    eps: float = EPS

    def compute_output(
        self, x: Array, gamma: Array | None = None, beta: Array | None = None
    ) -> Array:
        """``y`` in training mode; raises ``NotOffered``, or ``Failed`` with the reason."""
        like = parameter_dtype(x.dtype)
        own = np.moveaxis(x, 1, -1) if self.convention.channel_axis == -1 else x
        values = {
            "x": np.array(own),
            "gamma": gamma,
            "beta": beta,
            "running_mean": np.zeros(x.shape[1], like),
            "running_var": np.ones(x.shape[1], like),
            "eps": self.eps,
            "momentum": 0.1 if self.convention.momentum == "new" else 0.9,
        }
        with self._quieten():
            answer = Target(self.implementation, self.convention).call("train", values)
        if isinstance(answer, (NotOffered, Failed)):
            raise answer
        y = answer[0] if isinstance(answer, (tuple, list)) and answer else None
        if failure := check_form("train", "y", y, own):
            raise Failed(failure)
        assert isinstance(y, np.ndarray)
        return np.moveaxis(y, -1, 1) if self.convention.channel_axis == -1 else y

    @contextmanager
    def _quieten(self) -> Iterator[None]:
        """So many threads; what is printed goes to standard error."""
        with threadpool_limits(self.threads), redirect_stdout(sys.stderr):
            yield


@dataclass(frozen=True)
class AccuracyPoint:
    """Errors on one input.

    ``ulp``: median, 99th percentile, maximum, in ulp of the exact xhat; ``largest``: the largest
    absolute error; ``typical``: the median over channels of their largest; ``shift``: root mean
    square over channels of the errors' mean, in units of u: what the mean was off by, since the
    rounding of single entries averages out.  Infinite where nothing finite came back. ``beyond``:
    some error is more than rounding explains (looked at for kappa = 1); ``reason``: why there is no
    output at all.
    """

    subject: Subject
    sweep: str
    kappa: float
    m: int
    magnitude: float
    ulp: tuple[float, float, float]
    largest: float
    typical: float
    shift: float
    beyond: bool = False
    reason: str = ""

    @property
    def wrong(self) -> bool:
        """Whether some output is not finite or has no digit right."""
        return not self.largest < WRONG


def measure_point(subject: Subject, on: Input) -> AccuracyPoint:
    """The errors of ``y`` for gamma = 1, beta = 0; raises ``NotOffered`` where the implementation
    does not take the input."""
    reason = ""
    try:
        got = to_columns(subject.compute_output(on.lay_out(subject.layout)))
    except Failed as failure:
        reason = str(failure)
        got = np.full(on.x.shape, np.nan, dtype=on.x.dtype)
    exact, count = on.exact, max(1, SAMPLE // on.x.shape[1])
    some = UlpSummary.from_values("y", got[:count], exact.reshape(lambda words: words[:count]))
    with np.errstate(all="ignore"):
        errors = got.astype(np.float64)
        errors -= exact.mid
        errors -= exact.low
        shift = float(np.sqrt((errors.mean(axis=0) ** 2).mean())) / Format.from_dtype(on.x.dtype).u
        largest = np.abs(errors, out=errors).max(axis=0)
    largest = np.where(np.isfinite(largest), largest, np.inf)
    beyond = (
        on.sweep == "kappa"
        and on.kappa == 1
        and bool(np.any(exact.distance(got) > bound_rounding(on)))
    )
    return AccuracyPoint(
        subject,
        on.sweep,
        on.kappa,
        on.m,
        on.magnitude,
        (some.median, some.p99, some.max),
        float(largest.max()),
        float(np.median(largest)),
        shift if np.isfinite(shift) else float("inf"),
        beyond,
        reason,
    )


def bound_rounding(on: Input) -> Array:
    """What rounding in the working precision explains, entry by entry."""
    exact = certify.train(on.x, eps=on.eps)
    x = on.x.astype(np.float64)
    batch = bounds.ExactBatch(
        x, (x - exact.mu.mid) - exact.mu.low, exact.mu.mid, exact.v.mid, on.eps
    )
    ones = np.ones(x.shape[1])
    with np.errstate(all="ignore"):
        return bounds.output(bounds.Precision.from_dtype(on.x.dtype), batch, ones, 0 * ones).total
