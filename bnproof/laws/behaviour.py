"""Laws about behaviour: it answers, repeats itself, keeps channels apart, takes any layout, and does as declared at m = 1."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from bnproof.contract import Array, Case, Measurement
from bnproof.laws.answers import Answers, Failed, NotOffered, same
from bnproof.laws.law import Law
from bnproof.laws.layout import columns
from bnproof.laws.oracle import Oracle


def listed() -> Iterable[Law]:
    """The laws of this module."""
    yield Law("answers", "", "every method answers in the contract's form, arguments untouched", "all", answers_at_all)
    yield Law("repeats", "", "equal arguments give equal answers, to the last bit", "all", repeats)
    yield Law("untracked", "", "without running statistics the output is the same and None comes back", "y", untracked)
    yield Law("channels-apart", "", "NaN in one channel does not reach the others", "y", channels_apart)
    yield Law("layout", "", "strided and read-only input is as good as any", "y", layout)
    yield Law("one-value", "", "m = 1 follows the convention: beta, or ValueError", "y", one_value)


def _outcome(law: str, quantity: str, problem: str) -> Measurement:
    return Measurement(law, quantity, np.inf if problem else 0.0, message=problem)


def answers_at_all(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Every offered method returns the promised shapes and dtypes and modifies nothing.

    The gradients are asked for before the training step, so that statistics kept from another call show.
    """
    found = (answers.train_vjp, answers.infer_vjp, answers.infer, answers.train)
    problems = [str(answer) for answer in found if isinstance(answer, Failed)] + answers.modified
    problem = problems[0] if problems else ""
    if not problem and all(isinstance(answer, NotOffered) for answer in found):
        raise NotOffered("nothing is offered for this case")
    return _outcome("answers", "all", problem)


def repeats(answers: Answers, oracle: Oracle) -> Measurement | None:
    """A second call with equal arguments gives the same bits."""
    for method in ("train", "infer", "train_vjp", "infer_vjp"):
        first = getattr(answers, method)
        if not isinstance(first, Exception):
            second = answers.ask(method)
            if isinstance(second, Exception) or not same(first, second):
                return _outcome("repeats", method, f"{method} answers differently when asked again")
    return _outcome("repeats", "all", "")


def untracked(answers: Answers, oracle: Oracle) -> Measurement | None:
    """``running_mean = running_var = None``: y as ever (within its bound), and ``None`` for the statistics.

    An implementation that cannot do without statistics does not offer this; one that answers has to be right.
    """
    (x, gamma, beta, *_), keywords = answers.arguments("train")
    result = _trained(answers, (x, gamma, beta, None, None), keywords)
    if isinstance(result, str):
        raise NotOffered(result)
    y, mean, var = result
    if mean is not None or var is not None:
        return _outcome("untracked", "y", "running statistics came back where None was handed in")
    return _outcome("untracked", "y", _beyond(answers, oracle, y, range(answers.case.x.shape[1])))


def channels_apart(answers: Answers, oracle: Oracle) -> Measurement | None:
    """The first channel filled with NaN: the others stay within their bounds."""
    channels = range(1, answers.case.x.shape[1])
    if not channels:
        return None
    spoiled = answers.case.x.copy()
    spoiled[:, 0] = np.nan
    result = _with_x(answers, lambda x: spoiled)
    if isinstance(result, str):
        return _outcome("channels-apart", "y", result)
    return _outcome("channels-apart", "y", _beyond(answers, oracle, result[0], channels))


def layout(answers: Answers, oracle: Oracle) -> Measurement | None:
    """The same x, reversed in memory along every axis and read-only."""

    def strided(x: Array) -> Array:
        flip = (slice(None, None, -1),) * x.ndim
        reversed_copy = np.array(x[flip])
        reversed_copy.setflags(write=False)
        return reversed_copy[flip]

    result = _with_x(answers, strided)
    if isinstance(result, str):
        return _outcome("layout", "y", result)
    return _outcome("layout", "y", _beyond(answers, oracle, result[0], range(answers.case.x.shape[1])))


def _with_x(answers: Answers, change: Callable[[Array], Array]) -> Any:
    (_, *rest), keywords = answers.arguments("train")
    first = change(np.array(answers.case.x))
    return _trained(answers, (answers.from_first(first), *rest), keywords)


def _trained(answers: Answers, positional: tuple[Any, ...], keywords: dict[str, float]) -> Any:
    """The three results of a training call with y's channels first, or what went wrong in one line."""
    if isinstance(answers.train, Exception):
        raise answers.train  # the plain call already fails: nothing to add
    answer = answers.call("train", positional, keywords)
    if isinstance(answer, NotOffered):
        raise answer
    if isinstance(answer, Failed):
        return str(answer)
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        return f"train returned {type(answer).__name__}, not 3 values"
    y, mean, var = answer
    if not isinstance(y, np.ndarray) or y.shape != positional[0].shape:
        return "y has another shape than x"
    return answers.to_first(y), mean, var


def _beyond(answers: Answers, oracle: Oracle, y: Array, channels: Iterable[int]) -> str:
    """Where some of the channels leave their bounds, in one line."""
    got = columns(y)
    errors = oracle.true("y").distance(got)
    bound = np.broadcast_to(oracle.bound("y").total, got.shape)
    for channel in channels:
        error, explained = errors[:, channel], bound[:, channel]
        if np.any(error > explained):
            worst = int(np.argmax(error - explained))
            return f"channel {channel} of y is off by {error[worst]:.3g}, where {explained[worst]:.3g} is explained"
    return ""


def one_value(answers: Answers, oracle: Oracle) -> Measurement | None:
    """A batch of one value per channel: the declared behaviour (theorem: xhat = 0, so y = beta)."""
    expected = answers.convention.one_value
    if expected == "any":
        return None
    case = answers.case
    first = (slice(0, 1), slice(None), *(slice(0, 1) for _ in case.x.shape[2:]))
    single = replace(case, x=case.x[first], dy=case.dy[first], eps=case.eps or 1e-3)
    asked = Answers(answers.implementation, answers.convention, single)
    answer = asked.call("train", *asked.arguments("train"))
    if isinstance(answer, NotOffered):
        raise answer
    if expected == "raise":
        refused = isinstance(answer, Failed) and isinstance(answer.__cause__, ValueError)
        did = (
            answer
            if isinstance(answer, Failed)
            else "it answered; if that is meant, declare a convention such as 'paper'"
        )
        got = "" if refused else f"m = 1 asks for ValueError; {did}"
        return _outcome("one-value", "y", got)
    checked = asked.checked("train", answer)
    problem = str(checked) if isinstance(checked, Failed) else _not_beta(asked, single, checked)
    return _outcome("one-value", "y", f"m = 1: {problem}" if problem else "")


def _not_beta(asked: Answers, single: Case, answer: Any) -> str:
    """y = beta within the bound; running_var finite and, tracked unbiased, between (1 - alpha) old and old."""
    y, _, var = answer
    oracle = Oracle(single)
    if problem := _beyond(asked, oracle, asked.to_first(y), range(single.x.shape[1])):
        return problem
    old, slack = single.running_var, oracle.bound("running_var_biased").total
    low = (1 - single.momentum) * old.astype(float) - slack
    if not np.all(np.isfinite(var)) or np.any(var < low) or np.any(var > old + slack):
        return "running_var leaves the range from (1 - alpha) times its old value to that value"
    return ""
