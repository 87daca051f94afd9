"""Laws about behaviour: it answers, it leaves its arguments alone, it repeats itself, m = 1 follows the convention."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from bnproof.contract import Measurement
from bnproof.laws.answers import Answers, Failed, NotOffered, same
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle


def listed() -> Iterable[Law]:
    """The laws of this module."""
    yield Law("answers", "", "every method answers in the contract's form, arguments untouched", "all", answers_at_all)
    yield Law("repeats", "", "equal arguments give equal answers, to the last bit", "all", repeats)
    yield Law("one-value", "", "m = 1 follows the convention: beta, or ValueError", "y", one_value)


def _outcome(law: str, quantity: str, problem: str) -> Measurement:
    return Measurement(law, quantity, np.inf if problem else 0.0, message=problem)


def answers_at_all(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Every offered method returns the promised shapes and dtypes and modifies nothing."""
    found = (answers.train, answers.infer, answers.train_vjp, answers.infer_vjp)
    problems = [str(answer) for answer in found if isinstance(answer, Failed)] + answers.modified
    problem = problems[0] if problems else ""
    if not problem and all(isinstance(answer, NotOffered) for answer in found):
        raise NotOffered("nothing is offered for this case")
    return _outcome("answers", "all", problem)


def repeats(answers: Answers, oracle: Oracle) -> Measurement | None:
    """A second call with equal arguments gives the same bits."""
    for method, parts in (("train", 3), ("infer", 1), ("train_vjp", 3), ("infer_vjp", 3)):
        first = getattr(answers, method)
        if not isinstance(first, Exception):
            second = answers.ask(method, parts)
            if isinstance(second, Exception) or not same(first, second):
                return _outcome("repeats", method, f"{method} answers differently when asked again")
    return _outcome("repeats", "all", "")


def one_value(answers: Answers, oracle: Oracle) -> Measurement | None:
    """A batch of one value per channel: the declared behaviour (theorem: xhat = 0, so y = beta)."""
    expected = answers.convention.one_value
    if expected == "any":
        return None
    c = answers.case
    first = (slice(0, 1), slice(None), *(slice(0, 1) for _ in c.x.shape[2:]))
    single = replace(c, x=c.x[first], dy=c.dy[first], eps=c.eps or 1e-3)
    positional, keywords = Answers(answers.implementation, answers.convention, single).arguments("train")
    try:
        y, _, running_var = answers.implementation.train(*positional, **keywords)
    except NotImplementedError as missing:
        raise NotOffered(str(missing)) from missing
    except ValueError as refusal:
        return _outcome("one-value", "y", "" if expected == "raise" else f"m = 1 raised ValueError: {refusal}")
    except Exception as error:
        return _outcome("one-value", "y", f"m = 1 raised {type(error).__name__}: {error}")
    if expected == "raise":
        return _outcome("one-value", "y", "m = 1 in training gave an answer where the convention asks for ValueError")
    beta = np.zeros(c.x.shape[1]) if c.beta is None else c.beta
    wrong = not np.array_equal(np.ravel(y), beta.astype(c.dtype)) or not np.all(np.isfinite(running_var))
    return _outcome("one-value", "y", "m = 1 does not give beta with finite statistics" if wrong else "")
