"""Laws about behaviour: it answers in the contract's form, leaves its arguments alone, repeats itself, does without statistics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from bnproof.contract import Call, Measurement
from bnproof.laws.answers import Answers, Failed, NotOffered, malformed, same
from bnproof.laws.judging import held, right, worst
from bnproof.laws.law import Law
from bnproof.laws.methods import METHODS, arguments, like
from bnproof.laws.oracle import Oracle

EVERY = 10**9  # no batch is too long
BACKWARD_FIRST = sorted(METHODS, key=lambda method: not method.endswith("vjp"))  # kept statistics show


def listed() -> Iterable[Law]:
    """The laws of this module."""
    yield Law(
        "answers", "", "every method answers, with the contract's shapes and dtypes", "all", answers_at_all, EVERY
    )
    yield Law("untouched", "", "nothing that is handed in is modified", "all", untouched, EVERY, each=True)
    yield Law("repeats", "", "equal arguments give equal answers, to the last bit", "all", repeats, EVERY, each=True)
    yield Law(
        "untracked", "collapse", "without running statistics: the same output, and None comes back", "y", untracked
    )


def outcome(law: str, quantity: str, problem: str, calls: tuple[Call, ...] = ()) -> Measurement:
    """A law that holds or not, without a size."""
    return Measurement(law, quantity, float("inf") if problem else 0.0, message=problem, calls=calls)


def answers_at_all(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Every offered method returns the promised shapes and dtypes.

    The gradients are asked for before the training step, so that statistics kept from another call show.
    """
    found = {method: answers.answer(method) for method in BACKWARD_FIRST}
    if all(isinstance(answer, NotOffered) for answer in found.values()):
        raise NotOffered("nothing is offered for this case")
    failed = next((method for method, answer in found.items() if isinstance(answer, Failed)), "")
    return outcome("answers", failed or "all", str(found[failed]) if failed else "", _calls(answers, failed))


def _calls(answers: Answers, method: str) -> tuple[Call, ...]:
    return (Call(method, arguments(method, answers.case, answers.convention)),) if method else ()


def untouched(answers: Answers, oracle: Oracle) -> Measurement | None:
    """After every call the arguments are what they were, bit for bit."""
    answers_at_all(answers, oracle)
    problem = answers.modified[0] if answers.modified else ""
    return outcome("untouched", "all", problem, _calls(answers, problem.partition(" ")[0]))


def repeats(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Asked again, and once more after a call with other values of the same shapes, it gives the same bits."""
    for method in METHODS:
        first = answers.answer(method)
        if isinstance(first, Exception):
            continue
        asked = Call(method, arguments(method, answers.case, answers.convention))
        other = _flipped(asked.arguments)
        for between in ((), (Call(method, other, says="in between"),)):
            for call in between:
                answers.target.call(method, call.arguments)
            problem = _differs(method, first, answers.ask(method))
            if problem:
                return outcome("repeats", method, problem, (asked, *between, asked))
    return outcome("repeats", "all", "")


def _differs(method: str, first: Any, second: Any) -> str:
    what = f"{method} answers differently when asked again with equal arguments"
    if isinstance(second, Exception):
        return f"{what}: {second}"
    differs = same(first, second)
    return f"{what}: {differs} has other bits" if differs else ""


def _flipped(values: Mapping[str, Any]) -> dict[str, Any]:
    """Every array the other way round along its first axis."""

    def flip(value: Any) -> Any:
        if isinstance(value, list):
            return [flip(part) for part in value]
        return np.array(value[::-1], order="C") if isinstance(value, np.ndarray) else value

    return {name: flip(value) for name, value in values.items()}


def untracked(answers: Answers, oracle: Oracle) -> Measurement | None:
    """``running_mean = running_var = None``: y as ever (within its bound), and ``None`` for the statistics.

    An implementation that cannot do without statistics does not offer this; one that answers has to be right.
    """
    methods = [m for m in ("train", "train_shards") if not isinstance(answers.answer(m), Exception)]
    found = [_untracked(method, answers, oracle) for method in methods]
    if found and isinstance(found[0], Exception):
        raise NotOffered(str(found[0]))
    judged = [seen for seen in found if isinstance(seen, Measurement)]
    if judged and isinstance(found[-1], Failed):  # with statistics or without, workers do what one machine does
        return outcome("untracked", "shards_y", f"without running statistics: {found[-1]}")
    return worst(judged)


def _untracked(method: str, answers: Answers, oracle: Oracle) -> Measurement | Exception | None:
    name = next(iter(METHODS[method].answers))
    if not right(answers, oracle, name):
        return None
    values = arguments(method, answers.case, answers.convention) | {"running_mean": None, "running_var": None}
    calls = (Call(method, values, says="without running statistics"),)
    answer = answers.target.call(method, values)
    if isinstance(answer, (NotOffered, Failed)):
        return answer
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        return outcome("untracked", name, f"{method} has to return 3 values", calls)
    y, mean, var = answer
    if mean is not None or var is not None:
        return outcome("untracked", name, "running statistics came back where None was handed in", calls)
    if problem := malformed(name, y, like(name, answers.case, answers.convention)):
        return outcome("untracked", name, f"{method}: {problem}", calls)
    return held("untracked", name, answers.target.laid(name, y), oracle, answers.convention.running_var, calls=calls)
