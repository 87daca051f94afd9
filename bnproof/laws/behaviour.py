"""Laws about behaviour.

Whatever its numbers are, an implementation has to answer in the contract's form, leave its
arguments alone, repeat itself, and do without running statistics if it says that it can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bnproof.contract import METHODS, QUANTITIES, Call, Failure, FailureKind, Measurement
from bnproof.laws.answers import (
    Answers,
    Failed,
    NotOffered,
    check_count,
    check_form,
    find_changed,
)
from bnproof.laws.arguments import build_prototype
from bnproof.laws.comparing import compare, is_right, select_worst
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import EVERY

# a stable sort: the gradients first, in the order of the contract, then the rest
BACKWARD_FIRST = sorted(METHODS, key=lambda method: not method.endswith("vjp"))
# A law about behaviour is about everything that is returned.
ALL = tuple(QUANTITIES)


def list_laws() -> Iterable[Law]:
    """Yield the laws of this module."""
    yield Law(
        "answers",
        "",
        "every method answers, with the contract's shapes and dtypes",
        ALL,
        measure_answers,
        EVERY,
        by_method=True,
        area="behaviour",
        mend="answer in the contract's form, or leave the input out of what supports declares",
    )
    yield Law(
        "untouched",
        "",
        "nothing that is handed in is modified",
        ALL,
        measure_untouched,
        EVERY,
        by_method=True,
        area="behaviour",
        mend="write into an array of its own, not into one that was handed in",
    )
    yield Law(
        "repeats",
        "",
        "equal arguments give equal answers, to the last bit",
        ALL,
        measure_repeats,
        EVERY,
        by_method=True,
        area="behaviour",
        mend="compute every answer from the arguments of its call, and initialise what is written",
    )
    yield Law(
        "untracked",
        "collapse",
        "without running statistics: the same output, and None comes back",
        ("y",),
        measure_untracked,
        by_convention=True,
        area="statistics",
        extent="a call without running statistics",
        mend="return None for statistics that are not tracked, and the same output",
    )


def measure_failure(
    law: str,
    failure: Failure | None,
    quantities: tuple[str, ...] = (),
    calls: tuple[Call, ...] = (),
) -> Measurement:
    """Return what a law without a size saw.

    Parameters
    ----------
    law
        The law's id.
    failure
        What went wrong; ``None`` where the law holds.
    quantities
        What the measurement is about.
    calls
        The calls that show it.
    """
    # A failure has no size, so no bound explains it.
    ratio = float("inf") if failure else 0.0
    return Measurement(law, quantities, ratio, failure=failure, calls=calls)


def measure_answers(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure whether every offered method returns the promised shapes and dtypes.

    The gradients are asked for before the training step.  A backward pass that relies on statistics
    which its forward pass has kept then has none, or those of another case, and shows.

    Raises
    ------
    NotOffered
        If no method is offered for this case.
    """
    by_method = {method: answers.answer(method) for method in BACKWARD_FIRST}
    if all(isinstance(answer, NotOffered) for answer in by_method.values()):
        raise NotOffered("nothing is offered for this case")
    failures = [answer.failure for answer in by_method.values() if isinstance(answer, Failed)]
    failures += answers.noted
    return _measure_failures("answers", failures, answers)


def _measure_failures(law: str, failures: Sequence[Failure], answers: Answers) -> Measurement:
    """The first failure of each method, the others beside the first one; or that the law holds."""
    first = {failure.method: failure for failure in reversed(failures)}
    seen = [
        measure_failure(law, failure, calls=(answers.build_call(method),))
        for method, failure in reversed(first.items())
    ]
    return replace(seen[0], also=tuple(seen[1:])) if seen else measure_failure(law, None)


def measure_untouched(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure whether the arguments are what they were after every call, bit for bit."""
    measure_answers(answers, oracle)
    return _measure_failures("untouched", answers.modified, answers)


def measure_repeats(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure whether equal arguments give equal answers, to the last bit.

    Every method is asked again at once, and once more after a call with other values of the same
    shapes: a cache that goes by the shape gives the other values' answer then.
    """
    for method in METHODS:
        # The answer that all other laws judge, so that what repeats is what was judged.
        first = answers.answer(method)
        if isinstance(first, Exception):
            continue
        first_call = answers.build_call(method)
        other = _flip_arguments(first_call.arguments)
        # First nothing in between, then one call with other values.
        for between in ((), (Call(method, other, says="in between"),)):
            for call in between:
                # What it answers is of no interest here, and neither is whether it raises.
                answers.target.call(method, call.arguments)
            failure = _compare_repeated(method, first, answers.ask(method))
            if failure:
                return measure_failure("repeats", failure, calls=(first_call, *between, first_call))
    return measure_failure("repeats", None)


def _compare_repeated(method: str, first: Any, second: Any) -> Failure | None:
    """How a second answer differs from the first one; ``None`` where it does not."""
    if isinstance(second, Failed):
        return replace(second.failure, kind=FailureKind.UNREPEATABLE, method=method)
    if isinstance(second, Exception):
        return Failure(
            FailureKind.UNREPEATABLE, method, exception=type(second).__name__, got=str(second)
        )
    differs = find_changed(first, second)
    return Failure(FailureKind.UNREPEATABLE, method, differs) if differs else None


def _flip_arguments(values: Mapping[str, Any]) -> dict[str, Any]:
    """Every array the other way round along its first axis: other values, equal shapes."""

    def flip(value: Any) -> Any:
        if isinstance(value, list):
            return [flip(part) for part in value]
        return np.array(value[::-1], order="C") if isinstance(value, np.ndarray) else value

    return {name: flip(value) for name, value in values.items()}


def measure_untracked(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure training with ``running_mean = running_var = None``.

    The output stays within its bound, and ``None`` comes back for the statistics.  An
    implementation that cannot do without statistics does not offer this; one that answers has to be
    right.

    Raises
    ------
    NotOffered
        If it does not train without running statistics.
    """
    # What fails with statistics is told by another law.
    methods = [m for m in ("train", "train_shards") if not isinstance(answers.answer(m), Exception)]
    outcomes = [_measure_untracked(method, answers, oracle) for method in methods]
    # An exception of any kind means that it is not offered: the contract does not say which one to
    # raise.
    if outcomes and isinstance(outcomes[0], Exception):
        raise NotOffered("it does not train without running statistics")
    measured = [seen for seen in outcomes if isinstance(seen, Measurement)]
    # with statistics or without, workers do what one machine does
    if measured and isinstance(outcomes[-1], Failed):
        return measure_failure("untracked", outcomes[-1].failure, ("shards_y",))
    return select_worst(measured)


def _measure_untracked(
    method: str, answers: Answers, oracle: Oracle
) -> Measurement | Exception | None:
    """What one of the two training methods does without statistics.

    An exception is returned, not raised: what it means depends on the other method.
    """
    name = METHODS[method].names[0]
    if not is_right(answers, oracle, name):
        return None
    call = answers.build_call(
        method, "without running statistics", running_mean=None, running_var=None
    )
    answer = answers.target.call(method, call.arguments)
    if isinstance(answer, (NotOffered, Failed)):
        return answer
    failure = check_count(method, answer, 3)
    if not failure:
        # Only the output is expected in its own form.
        expected = build_prototype(name, answers.case, answers.convention), None, None
        forms = zip(METHODS[method].names, answer, expected, strict=True)
        failures = [check_form(method, *form) for form in forms]
        # statistics that come back are the news
        failure = next(filter(None, reversed(failures)), None)
    if failure:
        return measure_failure("untracked", failure, (name,), (call,))
    observed = answers.target.copy_answer(name, answer[0])
    return compare("untracked", name, observed, oracle, calls=(call,))
