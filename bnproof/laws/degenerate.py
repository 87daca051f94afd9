"""Laws of the edges: one value, no value, NaN and infinity in one channel, a worker that holds nothing, a sample alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from zlib import crc32

import numpy as np

from bnproof.contract import Array, Call, Case, Measurement
from bnproof.laws.answers import Answers, Failed, NotOffered
from bnproof.laws.behaviour import outcome
from bnproof.laws.judging import held, right, worst
from bnproof.laws.law import Law
from bnproof.laws.layouts import judged
from bnproof.laws.methods import METHODS, arguments
from bnproof.laws.oracle import Oracle

APART = ("train", "train_vjp", "infer", "infer_vjp", "train_shards", "train_shards_vjp")
STATISTICS = ("running_mean", "running_var")


def listed() -> Iterable[Law]:
    """The laws of this module."""
    yield Law(
        "one-value", "one-value", "m = 1 follows the convention: beta, or ValueError", "y, running_var", one_value
    )
    says = "m = 0 raises ValueError, or returns nothing and leaves the statistics as they are"
    yield Law("empty-batch", "ema-closed-form", says, "y, running_mean, running_var", empty_batch)
    says = "a worker without samples raises ValueError, or changes nothing for the others"
    yield Law("empty-shard", "total-variance", says, ", ".join(METHODS["train_shards"].answers), empty_shard)
    says = "NaN and infinity in one channel do not reach the others"
    yield Law("channels-apart", "", says, "all", channels_apart)
    says = "at inference a sample alone gives what it gives in its batch"
    yield Law("inference-alone", "frozen", says, "infer_y", inference_alone)


def _single(case: Case) -> Case:
    """One value per channel."""
    first = (slice(0, 1), slice(None), *(slice(0, 1) for _ in case.x.shape[2:]))
    return replace(case, x=case.x[first], dy=case.dy[first], ddx=None, parts=(1,), eps=case.eps or 1e-3)


def one_value(answers: Answers, oracle: Oracle) -> Measurement | None:
    """A batch of one value per channel, on one machine or on a worker: the declared behaviour (xhat = 0, so y = beta)."""
    if answers.convention.one_value == "any":
        return None
    asked = Answers(answers.target, _single(answers.case))
    methods = [method for method in ("train", "train_shards") if not isinstance(answers.answer(method), NotOffered)]
    return worst([_one_value(method, asked) for method in methods])


def _one_value(method: str, asked: Answers) -> Measurement:
    call = Call(method, arguments(method, asked.case, asked.convention), says="m = 1")
    answer = asked.answer(method)
    if asked.convention.one_value == "raise":
        refused = isinstance(answer, Failed) and isinstance(answer.__cause__, ValueError)
        meant = "it answered; if that is meant, declare a convention such as 'paper'"
        did = str(answer) if isinstance(answer, Failed) else meant
        refused = refused or isinstance(answer, NotOffered)
        return outcome("one-value", "y", "" if refused else f"m = 1 asks for ValueError; {did}", (call,))
    if isinstance(answer, Exception):
        return outcome("one-value", "y", "" if isinstance(answer, NotOffered) else f"m = 1: {answer}", (call,))
    single = Oracle(replace(asked.case, eps=max(asked.case.eps, asked.convention.eps_min)))
    y, _, var = METHODS[method].answers
    problem = _variance_out_of_range(single, answer[var])
    if problem:
        return outcome("one-value", "running_var", problem, (call,))
    return held("one-value", y, answer[y], single, asked.convention.running_var, calls=(call,))


def _variance_out_of_range(oracle: Oracle, var: Array) -> str:
    """running_var has to be finite and, with Bessel's 1/0 left out or not, between (1 - alpha) old and old."""
    old, slack = oracle.case.running_var, oracle.bound("running_var_biased").total
    low = (1 - oracle.case.momentum) * old.astype(float) - slack
    inside = np.all(np.isfinite(var)) and np.all(var >= low) and np.all(var <= old + slack)
    return "" if inside else "m = 1: running_var leaves the range from (1 - alpha) times its old value to that value"


def empty_batch(answers: Answers, oracle: Oracle) -> Measurement | None:
    """``m = 0``, by ``N = 0`` or by an empty spatial axis: ``ValueError``, or an empty output and the statistics as they were."""
    of, methods = answers.case, [m for m in ("train", "infer") if not isinstance(answers.answer(m), Exception)]
    empties = {"N = 0": (slice(0, 0),), "an empty spatial axis": (slice(None), slice(None), slice(0, 0))}
    found = [
        _empty(method, answers, says, replace(of, x=of.x[cut], dy=of.dy[cut], ddx=None, parts=()))
        for says, cut in empties.items()
        if len(cut) <= of.x.ndim
        for method in methods
    ]
    return worst(found)


def _empty(method: str, answers: Answers, says: str, case: Case) -> Measurement:
    values = arguments(method, case, answers.convention)
    call, quantity = Call(method, values, says=says), next(iter(METHODS[method].answers))
    answer = answers.target.checked(method, answers.target.call(method, values), case)
    if isinstance(answer, Exception):
        refused = isinstance(answer, NotOffered) or isinstance(answer.__cause__, ValueError)
        problem = "" if refused else f"{says} asks for ValueError or an empty result; {answer}"
        return outcome("empty-batch", quantity, problem, (call,))
    moved = [name for name in STATISTICS if name in answer and not np.array_equal(answer[name], values[name])]
    problem = f"{says}: {moved[0]} changes" if moved else ""
    return outcome("empty-batch", moved[0] if moved else quantity, problem, (call,))


def empty_shard(answers: Answers, oracle: Oracle) -> Measurement | None:
    """One more worker, which holds nothing: ``ValueError``, or the values of the whole batch."""
    answers.required("train_shards")
    with_idle = replace(answers.case, parts=(answers.case.parts[0], 0, *answers.case.parts[1:]))
    found = []
    for method in ("train_shards", "train_shards_vjp"):
        asked = Answers(answers.target, with_idle)
        answer = asked.answer(method)
        if isinstance(answer, NotOffered) or (isinstance(answer, Failed) and isinstance(answer.__cause__, ValueError)):
            continue
        call = Call(method, arguments(method, with_idle, answers.convention), says="one worker holds nothing")
        names = [name for name in METHODS[method].answers if right(answers, oracle, name)]
        found.append(judged("empty-shard", call, asked, Oracle(replace(oracle.case, parts=with_idle.parts)), names))
    return worst([seen for seen in found if seen]) if found else outcome("empty-shard", "shards_y", "")


def channels_apart(answers: Answers, oracle: Oracle) -> Measurement | None:
    """One channel filled with NaN, or with an infinity in it: the others stay within their bounds, in every output."""
    channels = answers.case.x.shape[1]
    if channels == 1:
        return None
    bits = crc32(answers.case.x.tobytes())
    value, spoiled = (np.nan, np.inf)[bits % 2], bits // 2 % channels
    found = [
        seen
        for method in APART
        if not isinstance(answers.answer(method), Exception)
        for seen in _spoiled(method, value, spoiled, answers, oracle)
    ]
    return worst(found)


def _spoiled(method: str, value: float, spoiled: int, answers: Answers, oracle: Oracle) -> Iterable[Measurement]:
    x = answers.case.x.copy()
    if np.isnan(value):
        x[:, spoiled] = value
    else:
        x.reshape(*x.shape[:2], -1)[0, spoiled, 0] = value
    values = arguments(method, replace(answers.case, x=x), answers.convention)
    call = Call(method, values, says=f"x has {value} in channel {spoiled}")
    answer = answers.target.checked(method, answers.target.call(method, values), answers.case)
    if isinstance(answer, NotOffered):
        return
    if isinstance(answer, Failed):
        yield outcome("channels-apart", method, f"{call.says}: {answer}", (call,))
        return
    others = [channel for channel in range(x.shape[1]) if channel != spoiled]
    for name, got in answer.items():
        if got is not None and right(answers, oracle, name):
            of = answers.convention.running_var
            seen = held("channels-apart", name, got, oracle, of, channels=others, calls=(call,))
            yield replace(seen, message=f"{call.says}: {seen.message}" if seen.message else "")


def inference_alone(answers: Answers, oracle: Oracle) -> Measurement | None:
    """The first and the last sample of the batch on their own: their outputs stay within their bounds."""
    answers.required("infer")
    if not right(answers, oracle, "infer_y"):
        return None
    found: list[Any] = []
    for row in {0, len(answers.case.x) - 1}:
        alone = replace(
            answers.case, x=answers.case.x[row : row + 1], dy=answers.case.dy[row : row + 1], ddx=None, parts=()
        )
        call = Call("infer", arguments("infer", alone, answers.convention), says=f"sample {row} alone")
        of = Oracle(replace(alone, eps=oracle.case.eps))
        found.append(judged("inference-alone", call, answers, of, ("infer_y",)))
    return worst([seen for seen in found if seen])
