"""One measured point: an implementation's normalised values on one input, against their enclosures.

Gamma is 1 and beta 0, so that the output is xhat itself, whose root mean square is 1: errors of it
can be compared between inputs of any magnitude. Start reading at :func:`measure_point`.
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
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

# Ulp are taken of so many entries at most: more would hardly move the percentiles.
SAMPLE = 2**20
# An error of xhat of this size leaves no digit right: xhat has root mean square 1.
WRONG = 0.5


@dataclass(frozen=True)
class Subject:
    """What is measured, and how.

    Attributes
    ----------
    target, implementation
        A name, and the object with ``train``.
    convention
        What the implementation's momentum weighs, and where it has its channels.
    dtype, layout, threads
        In which dtype and memory layout it gets x, and on how many threads it may run.
    eps
        What is added to the variance.
    """

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
        """``y`` in training mode, with the channels second.

        Parameters
        ----------
        x
            ``(N, C, *spatial)``; handed over with the channels where the convention has them.
        gamma, beta
            ``(C,)``, or ``None``.

        Raises
        ------
        NotOffered
            Where the implementation does not take such an input.
        Failed
            Where it raises, or what it returns has another shape or dtype; with the reason.
        """
        like = parameter_dtype(x.dtype)
        own = np.moveaxis(x, 1, -1) if self.convention.channel_axis == -1 else x
        # Absent or odd statistics are the business of the laws: here they are ordinary.
        values = {
            "x": np.array(own),
            "gamma": gamma,
            "beta": beta,
            "running_mean": np.zeros(x.shape[1], like),
            "running_var": np.ones(x.shape[1], like),
            "eps": self.eps,
            "momentum": 0.1 if self.convention.momentum == "new" else 0.9,
        }
        # What is printed goes to standard error.
        with threadpool_limits(self.threads), redirect_stdout(sys.stderr):
            answer = Target(self.implementation, self.convention).call("train", values)
        if isinstance(answer, (NotOffered, Failed)):
            raise answer
        y = answer[0] if isinstance(answer, (tuple, list)) and answer else None
        if failure := check_form("train", "y", y, own):
            raise Failed(failure)
        assert isinstance(y, np.ndarray)
        return np.moveaxis(y, -1, 1) if self.convention.channel_axis == -1 else y


@dataclass(frozen=True)
class AccuracyPoint:
    """The errors of one subject on one input.

    Attributes
    ----------
    subject
        What was measured.
    sweep, kappa, m, magnitude
        The input.
    ulp
        Median, 99th percentile and maximum of the error, in ulp of the exact xhat.
    largest
        The largest absolute error.
    typical
        The median over channels of their largest error: one unlucky channel does not move it.
    shift
        Root mean square over channels of the mean error, in units of u. It is what the mean was off
        by, since the roundings of single entries average out.
    beyond
        Whether some error is more than rounding explains; looked at for ``kappa = 1`` alone.
    reason
        Why there is no output at all; empty where there is one.

    Notes
    -----
    Errors are infinite where an output is not finite.
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
        # Written with ``not``, so that NaN counts as wrong.
        return not self.largest < WRONG


def measure_point(subject: Subject, on: Input) -> AccuracyPoint:
    """The errors of ``y`` for ``gamma = 1`` and ``beta = 0``.

    Parameters
    ----------
    subject
        What is asked.
    on
        The input.

    Returns
    -------
    AccuracyPoint
        With a reason, and infinite errors, where the implementation failed on the input.

    Raises
    ------
    NotOffered
        Where the implementation does not take the input.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.accuracy.inputs import Input
    >>> from bnproof.accuracy.measured import Subject, measure_point
    >>> from bnproof.implementations.conventions import resolve_convention
    >>> from bnproof.implementations.targets import load
    >>> subject = Subject("numpy", load("numpy"), resolve_convention("torch"), "float64")
    >>> point = measure_point(subject, Input("kappa", np.array([[1.0], [2.0], [4.0]]), kappa=1.0))
    >>> point.m, point.wrong, point.beyond
    (3, False, False)
    """
    reason = ""
    try:
        got = to_columns(subject.compute_output(on.lay_out(subject.layout)))
    except Failed as failure:
        reason = str(failure)
        got = np.full(on.x.shape, np.nan, dtype=on.x.dtype)
    # Whole rows, so that every channel is in the sample.
    exact, count = on.exact, max(1, SAMPLE // on.x.shape[1])
    some = UlpSummary.from_values("y", got[:count], exact.reshape(lambda words: words[:count]))
    with np.errstate(all="ignore"):
        # In place, because the longest inputs take much memory.
        errors = got.astype(np.float64)
        errors -= exact.mid
        errors -= exact.low
        shift = float(np.sqrt((errors.mean(axis=0) ** 2).mean())) / Format.from_dtype(on.x.dtype).u
        largest = np.abs(errors, out=errors).max(axis=0)
    # A channel with an output that is not finite has an infinite error, not NaN.
    largest = np.where(np.isfinite(largest), largest, np.inf)
    # With a larger kappa the bound grows as the error does, which is what the grades look at.
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


def keep_finite(value: float | None) -> float | None:
    """The number; ``None``, which JSON has, where there is none or it is not finite."""
    return value if value is not None and np.isfinite(value) else None


def bound_rounding(on: Input) -> Array:
    """What rounding in the working precision explains, entry by entry.

    Parameters
    ----------
    on
        The input, for ``gamma = 1`` and ``beta = 0``.

    Returns
    -------
    array
        ``(m, C)``, the bound of :func:`bnproof.certify.bounds.output`.
    """
    exact = certify.train(on.x, eps=on.eps)
    x = on.x.astype(np.float64)
    batch = bounds.ExactBatch(
        x, (x - exact.mu.mid) - exact.mu.low, exact.mu.mid, exact.v.mid, on.eps
    )
    ones = np.ones(x.shape[1])
    with np.errstate(all="ignore"):
        return bounds.output(bounds.Precision.from_dtype(on.x.dtype), batch, ones, 0 * ones).total
