"""Laws about degenerate batches.

A batch of one value or of none, NaN and infinity in one channel, a worker without samples, a sample
on its own: the formulas say what is right for some of these, the convention or the contract for the
others.  A refusal with ``ValueError`` is often as good as an answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from zlib import crc32

import numpy as np

from bnproof.contract import (
    METHODS,
    QUANTITIES,
    Array,
    Case,
    Failure,
    FailureKind,
    Measurement,
)
from bnproof.laws.answers import Answers, Failed, NotOffered
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.comparing import compare, is_right, list_right, select_worst
from bnproof.laws.law import Law
from bnproof.laws.memory import measure_call
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import INFERENCE, WORKERS

# Methods whose answers are known channel by channel. A fold has no x to spoil, and the double
# backward would be evaluated in balls, which is slow.
APART = ("train", "train_vjp", "infer", "infer_vjp", "train_shards", "train_shards_vjp")
# What an empty batch must not move.
STATISTICS = ("running_mean", "running_var")
# the family of bugs that these laws point to
DEGENERATE = frozenset({"edge-case"})


def list_laws() -> Iterable[Law]:
    """Yield the laws of this module."""
    yield Law(
        "one-value",
        "one-value",
        "m = 1 follows the convention: beta, or ValueError",
        ("y", "running_var"),
        measure_one_value,
        families=DEGENERATE,
        by_convention=True,
        area="edges",
        extent="a batch with one value per channel",
        mend="do what the convention says of a single value, or declare another convention",
    )
    says = "m = 0 raises ValueError, or returns nothing and leaves the statistics as they are"
    names = METHODS["train"].names
    yield Law(
        "empty-batch",
        "ema-closed-form",
        says,
        names,
        measure_empty_batch,
        families=DEGENERATE,
        area="edges",
        extent="a batch without samples",
        mend="raise ValueError for a batch without samples, or leave the statistics as they are",
    )
    says = "a worker without samples raises ValueError, or changes nothing for the others"
    names = METHODS["train_shards"].names
    yield Law(
        "empty-shard",
        "total-variance",
        says,
        names,
        measure_idle_worker,
        families=WORKERS,
        area="edges",
        extent="a worker without samples",
        mend="give a worker without samples the weight 0, and do not divide by its count",
    )
    says = "NaN and infinity in one channel do not reach the others"
    yield Law(
        "channels-apart",
        "",
        says,
        tuple(QUANTITIES),
        measure_channels_apart,
        area="edges",
        extent="a batch with NaN or infinity in one channel",
        mend="compute every channel from its own values alone",
    )
    says = "at inference a sample alone gives what it gives in its batch"
    yield Law(
        "inference-alone",
        "frozen",
        says,
        ("infer_y",),
        measure_sample_alone,
        families=INFERENCE,
        extent="a batch of one sample",
    )


def _cut(case: Case, kept: Any, **changed: Any) -> Case:
    """The case with some of the entries of x, without what is shared out among workers."""
    cut: dict[str, Any] = {"x": case.x[kept], "dy": case.dy[kept], "ddx": None, "parts": ()}
    return replace(case, **(cut | changed))


def measure_one_value(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure a batch of one value per channel, on one machine and on a worker.

    Parameters
    ----------
    answers
        The target on a case, which is cut down to its first value per channel.
    oracle
        What is right on the whole case; the cut case gets an oracle of its own.

    Returns
    -------
    Measurement or None
        The worse of the two methods; ``None`` where the convention promises nothing.

    Notes
    -----
    For ``m = 1`` the mean is the value itself, so ``xhat = (x - mu)/s = 0`` and ``y = beta``, for
    every eps > 0 (theorem one-value).  The convention says whether that has to come back, or
    ``ValueError``.
    """
    # PyTorch refuses, Keras and Flax answer: without a promise both are right.
    if answers.convention.one_value == "any":
        return None
    # The first value of every channel, which one worker holds; with eps = 0, v + eps would be 0.
    first = (slice(0, 1), slice(None), *(slice(0, 1) for _ in answers.case.x.shape[2:]))
    cut = _cut(answers.case, first, parts=(1,), eps=answers.case.eps or 1e-3)
    single = Answers(answers.target, cut)
    offered = [
        m for m in ("train", "train_shards") if not isinstance(answers.answer(m), NotOffered)
    ]
    return select_worst(_measure_one_value(method, single) for method in offered)


def _measure_one_value(method: str, single: Answers) -> Measurement:
    """What one of the two training methods makes of a single value.

    It is a failure, or the output compared with beta.
    """
    calls = (single.build_call(method, "m = 1"),)
    answer = single.answer(method)
    y, _, var = METHODS[method].names
    if single.convention.one_value == "raise":
        return measure_failure("one-value", _check_refusal(method, answer), ("y",), calls)
    if isinstance(answer, Exception):
        return measure_failure("one-value", getattr(answer, "failure", None), ("y",), calls)
    # Bessel's factor is 1/0 for one value: what is tracked may leave it out, which the biased
    # convention does
    biased = Oracle.from_convention(replace(single.convention, running_var="biased"), single.case)
    if _is_out_of_range(biased, answer[var]):
        failure = Failure(FailureKind.RANGE, method, "running_var")
        return measure_failure("one-value", failure, ("running_var",), calls)
    return compare("one-value", y, answer[y], biased, calls=calls)


def _check_refusal(method: str, answer: Any) -> Failure | None:
    """How an answer is no refusal; ``None`` where it is one.

    Refusals are ``ValueError``, and a method that is not offered.
    """
    if isinstance(answer, NotOffered):
        return None
    if isinstance(answer, Failed):
        # The exception itself is asked for, since its subclasses are refusals too.
        refused = isinstance(answer.__cause__, ValueError)
        return None if refused else replace(answer.failure, expected="ValueError")
    return Failure(FailureKind.ACCEPTED, method, expected="ValueError")


def _is_out_of_range(oracle: Oracle, var: Array) -> bool:
    """Whether a running variance is not finite, or not between ``(1 - alpha) r`` and ``r``.

    One value has the biased variance 0, which leads to the lower end.  Bessel's factor would be
    1/0, so an implementation may also leave the statistic as it is, which is the upper end.
    """
    old, slack = oracle.case.running_var, oracle.bound("running_var").total
    # The slack is the bound of an ordinary step, so rounding is no violation.
    low = (1 - oracle.case.momentum) * old.astype(float) - slack
    return not (np.all(np.isfinite(var)) and np.all(var >= low) and np.all(var <= old + slack))


def measure_empty_batch(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure ``m = 0``, by ``N = 0`` and by an empty spatial axis.

    ``ValueError`` is right, and so is an empty output with the statistics as they were.

    Parameters
    ----------
    answers
        The target on a case.  A method that fails on the case itself is not asked again.
    oracle
        Not used: an empty output has no exact values.

    Returns
    -------
    Measurement or None
        The first failure, if there is one; ``None`` where no method can be asked.

    Notes
    -----
    A mean over no values is 0/0.  What is written into a running statistic then is NaN, and stays
    NaN in every later step.
    """
    methods = [m for m in ("train", "infer") if not isinstance(answers.answer(m), Exception)]
    empties = {
        "N = 0": (slice(0, 0),),
        "an empty spatial axis": (slice(None), slice(None), slice(0, 0)),
    }
    return select_worst(
        _measure_empty(method, Answers(answers.target, _cut(answers.case, kept)), says)
        for says, kept in empties.items()
        if len(kept) <= answers.case.x.ndim
        for method in methods
    )


def _measure_empty(method: str, empty: Answers, says: str) -> Measurement:
    """One method on one empty batch; ``says`` tells how it is empty."""
    call, first = empty.build_call(method, says), METHODS[method].names[:1]
    answer = empty.make_call(call)
    if isinstance(answer, Exception):
        return measure_failure("empty-batch", _check_refusal(method, answer), first, (call,))
    moved = [
        name
        for name in STATISTICS
        if name in answer and not np.array_equal(answer[name], call.arguments[name])
    ]
    failure = Failure(FailureKind.CHANGED, method, moved[0]) if moved else None
    return measure_failure("empty-batch", failure, tuple(moved[:1]) or first, (call,))


def measure_idle_worker(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure a synchronised step with one more worker, which holds nothing.

    Parameters
    ----------
    answers
        The target on a case; its workers get another one, second in line.
    oracle
        What is right for the whole batch.

    Returns
    -------
    Measurement
        Of the worst output that is right without the idle worker.

    Raises
    ------
    NotOffered, Failed
        If there is no synchronised step on the case itself.

    Notes
    -----
    ``ValueError`` is right, and so are the values of the whole batch.  In the merged mean
    ``sum (m_j/m) mu_j`` (theorem total-variance) such a worker has the weight 0, while its own mean
    is 0/0; an implementation that multiplies the two gets NaN.
    """
    answers.require("train_shards")
    # Second in line, so that the first worker is an ordinary one.
    with_idle = replace(answers.case, parts=(answers.case.parts[0], 0, *answers.case.parts[1:]))
    # Exact values are those of the whole batch; the bounds count one worker more.
    exact = Oracle(replace(oracle.case, parts=with_idle.parts), oracle.running_var)
    measurements: list[Measurement | None] = []
    for method in ("train_shards", "train_shards_vjp"):
        idle = Answers(answers.target, with_idle)
        answer = idle.answer(method)
        if isinstance(answer, Exception) and not _check_refusal(method, answer):
            continue
        call = idle.build_call(method, "one worker holds nothing")
        # What is wrong without the idle worker too is told by other laws.
        names = list_right(answers, oracle, method)
        measurements.append(measure_call("empty-shard", call, idle, exact, names))
    return (
        select_worst(measurements)
        if measurements
        else measure_failure("empty-shard", None, ("shards_y",))
    )


def measure_channels_apart(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure whether the channels keep apart.

    One channel is filled with NaN, or an infinity stands in it.  All the others have to stay within
    their bounds, in every output.

    Parameters
    ----------
    answers
        The target on a case.
    oracle
        What is right there; in the other channels that is right of the spoiled batch too.

    Returns
    -------
    Measurement or None
        The worst output of any method; ``None`` for a single channel.
    """
    channels = answers.case.x.shape[1]
    if channels == 1:
        return None
    # The case decides, and no generator: judged again, it is spoiled in the same way.
    bits = crc32(answers.case.x.tobytes())
    value, spoiled = (np.nan, np.inf)[bits % 2], bits // 2 % channels
    return select_worst(
        seen
        for method in APART
        if not isinstance(answers.answer(method), Exception)
        for seen in _measure_spoiled(method, value, spoiled, answers, oracle)
    )


def _measure_spoiled(
    method: str, value: float, spoiled: int, answers: Answers, oracle: Oracle
) -> Iterable[Measurement]:
    """What one method makes of a spoiled channel, in every quantity it gives rightly else."""
    x = answers.case.x.copy()
    if np.isnan(value):
        x[:, spoiled] = value
    else:
        # A view, since the copy is contiguous.
        x.reshape(*x.shape[:2], -1)[0, spoiled, 0] = value
    other = Answers(answers.target, replace(answers.case, x=x))
    calls = (other.build_call(method, f"x has {value} in channel {spoiled}"),)
    answer = other.make_call(calls[0])
    if isinstance(answer, NotOffered):
        return
    if isinstance(answer, Failed):
        yield measure_failure("channels-apart", answer.failure, METHODS[method].names, calls)
        return
    # What becomes of the spoiled channel itself is not judged: the contract says nothing about it.
    others = [channel for channel in range(x.shape[1]) if channel != spoiled]
    for name, got in answer.items():
        if got is not None and is_right(answers, oracle, name):
            yield compare("channels-apart", name, got, oracle, channels=others, calls=calls)


def measure_sample_alone(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure the first and the last sample of the batch on their own, at inference.

    At inference ``y = gamma (x - mu_r)/s_r + beta`` holds entry by entry, so the outputs do not
    depend on the rest of the batch (theorem frozen).

    Parameters
    ----------
    answers
        The target on a case.
    oracle
        What is right there; each sample gets an oracle of its own.

    Returns
    -------
    Measurement or None
        The worse of the two samples; ``None`` where the whole batch has a wrong answer already.

    Raises
    ------
    NotOffered, Failed
        If there is no inference on the case itself.
    """
    answers.require("infer")
    if not is_right(answers, oracle, "infer_y"):
        return None
    measurements: list[Measurement | None] = []
    # A set: a batch of one sample is asked for once.
    for row in {0, len(answers.case.x) - 1}:
        alone = Answers(answers.target, _cut(answers.case, slice(row, row + 1)))
        call = alone.build_call("infer", f"sample {row} alone")
        exact = Oracle.from_convention(answers.convention, alone.case)
        measurements.append(measure_call("inference-alone", call, alone, exact, ("infer_y",)))
    return select_worst(measurements)
