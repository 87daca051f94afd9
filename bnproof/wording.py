"""Sentences for readers: what a failure, a measurement or a violation says.

Everything that is shown (the verdict's messages, the command line, ``bnproof.testing``,
reproducers) is worded here.  Nothing is decided by these words: verdicts, shrinking and causes look
at the data alone, so a sentence may be improved at any time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

import numpy as np

from bnproof.contract import (
    QUANTITIES,
    Array,
    Call,
    Cause,
    Failure,
    FailureKind,
    Finding,
    Measurement,
    Violation,
)
from bnproof.formats import HALF

# of an exact value: a float64 has up to 17, so an error of less than a unit still shows
DIGITS = Context(prec=20)
# of an error and of what explains it: a bound holds to a few digits at best
BOUND = ".3g"
# of a cause that are shown: some bugs were shipped by many projects, and three of these are enough
# to show that a mechanism is real
SOURCES = 3


def describe_failure(failure: Failure) -> str:
    """Say what went wrong with a call, in one line.

    Parameters
    ----------
    failure
        Any failure.  Where ``ValueError`` was asked for and something else came, that is added.

    Examples
    --------
    >>> from bnproof.contract import Failure, FailureKind
    >>> from bnproof.wording import describe_failure
    >>> describe_failure(Failure(FailureKind.SHAPE, "train", "y", got="(3,)", expected="(3, 2)"))
    'train: y has shape (3,), expected (3, 2)'
    """
    words = _FAILURES[failure.kind](failure)
    if failure.expected == "ValueError":
        return f"{words}, where ValueError is asked for"
    return words


def _describe_repeat(failure: Failure) -> str:
    """An exception, other bits or another form, when asked again."""
    what = f"{failure.method} answers differently when asked again with equal arguments"
    if failure.exception:
        return f"{what}: {failure.exception}: {failure.got}"
    return (
        f"{what}: {failure.subject} has other bits" if failure.subject else f"{what}: {failure.got}"
    )


def _describe_presence(failure: Failure) -> str:
    negation = "" if failure.got == "None" else "not "
    return f"{_describe_call(failure)}{failure.subject} is {negation}None"


def _describe_call(failure: Failure) -> str:
    """The method as a prefix; nothing for a failure of a state."""
    return f"{failure.method}: " if failure.method else ""


# One entry for every kind. A test goes through the kinds, so that a new one cannot lack its
# sentence.
_FAILURES: Mapping[FailureKind, Callable[[Failure], str]] = {
    FailureKind.RAISED: lambda f: f"{f.method} raised {f.exception}: {f.got}",
    FailureKind.UNREADABLE: lambda f: f"{f.method} cannot be read: {f.exception}: {f.got}",
    FailureKind.BLOCKED: lambda f: f"{f.method} {f.got}",
    FailureKind.COUNT: lambda f: f"{f.method} has to return {f.expected} values, not {f.got}",
    FailureKind.TYPE: lambda f: f"{_describe_call(f)}{f.subject} is a {f.got}, not a {f.expected}",
    FailureKind.SHAPE: lambda f: (
        f"{_describe_call(f)}{f.subject} has shape {f.got}, expected {f.expected}"
    ),
    FailureKind.DTYPE: lambda f: (
        f"{_describe_call(f)}{f.subject} has dtype {f.got}, expected {f.expected}"
    ),
    FailureKind.PRESENCE: _describe_presence,
    FailureKind.MODIFIED: lambda f: f"{f.method} modifies {f.subject}, which belongs to the caller",
    FailureKind.UNREPEATABLE: _describe_repeat,
    FailureKind.ACCEPTED: lambda f: f"{f.method} answered",
    FailureKind.RANGE: lambda f: (
        f"{_describe_call(f)}{f.subject} leaves its range" + (f": it is {f.got}" if f.got else "")
    ),
    FailureKind.CHANGED: lambda f: f"{f.method} changes {f.subject}",
    FailureKind.LOST: lambda f: f"{f.subject} does not come back as it was assigned",
    FailureKind.ATTACHED: lambda f: (
        f"{f.subject} keeps the graph of the step that made it, so that memory grows step by step"
    ),
    FailureKind.UNSAVED: lambda f: (
        f"{f.subject} is no part of state_dict, so that it is lost when the model is saved"
    ),
    FailureKind.NOT_FINITE: lambda f: f"{f.subject} is no longer finite after {f.got}",
    FailureKind.START: lambda f: f"a fresh layer's {f.subject} is {f.got}",
}


def describe_measurement(seen: Measurement, law: str) -> str:
    """Say what a law saw, in one line; empty where it holds.

    Parameters
    ----------
    seen
        What was measured.
    law
        The law in words; it is part of the sentence where two sides of a relation differ.
    """
    if seen.holds:
        return ""
    # The first call is the one that shows the violation.
    circumstances = f"{seen.calls[0].says}: " if seen.calls and seen.calls[0].says else ""
    if seen.failure:
        return circumstances + describe_failure(seen.failure)
    entry = f"{name_quantity(seen)}{list(seen.where)}"
    match seen.comparison:
        case "relation":
            return (
                f"{law}: the two sides differ by {seen.got:.6g} at {list(seen.where)}, "
                f"where the arithmetic explains {seen.allowed:{BOUND}}"
            )
        case "effect":
            return (
                f"{circumstances}{entry} moves by another amount than the exact one: "
                f"{seen.error:{BOUND}} off, {seen.allowed:{BOUND}} explained"
            )
    explained = (
        f"{seen.error:{BOUND}} apart where rounding in {seen.dtype} explains {seen.allowed:{BOUND}}"
    )
    return (
        f"{circumstances}{entry} is {seen.got:.17g}, the exact value is {format_exact(seen)},"
        f" {explained}"
    )


def name_quantity(seen: Measurement) -> str:
    """Name what a measurement is about: its quantities, else the method that failed, else all."""
    if seen.quantities:
        return ", ".join(seen.quantities)
    return (seen.failure.method if seen.failure else "") or "all"


def format_exact(seen: Measurement) -> str:
    """Write the exact value in twenty decimal digits.

    The two parts of a double word are added in decimal, where no digit of theirs is lost to a third
    float.
    """
    leading, trailing = map(Decimal, seen.exact)
    return str(DIGITS.add(leading, trailing))


def format_got(seen: Measurement) -> str:
    """Write the worst entry in hexadecimal; empty where no numbers were compared."""
    # Hexadecimal digits are exact, and ``float.fromhex`` reads them back.
    return "" if seen.got is None else seen.got.hex()


def format_expected(seen: Measurement) -> str:
    """Write the exact value in hexadecimal, and the error that is explained.

    Empty where no numbers were compared.
    """
    return "" if seen.got is None else f"{seen.exact[0].hex()} +- {seen.allowed:{BOUND}}"


def describe_wrong_values(
    quantity: str,
    *,
    count: int,
    size: int,
    where: tuple[int, ...],
    got: float,
    exact: tuple[float, float],
    error: float,
    allowed: float,
    arithmetic: str,
    cause: Cause | None,
) -> str:
    """Say which values of an array are wrong, and what may be the cause.

    Parameters
    ----------
    quantity
        What the array is.
    count, size
        How many values are wrong, of how many.
    where, got, exact, error, allowed
        The index of the one that is farthest off, its value, the exact one in two parts, the
        distance, and what rounding explains there.
    arithmetic
        The declared arithmetic in words.
    cause
        A mechanism that gives these values, where one is known.
    """
    name = quantity.removeprefix("infer_")
    values = "1 value is" if count == 1 else f"{count} of {size} values are"
    lines = [
        f"{name}: {values} farther from the exact one than {arithmetic} explains",
        f"  farthest: {name}[{', '.join(map(str, where))}] is {got:.17g}",
        f"  exact: {DIGITS.add(*map(Decimal, exact))}",
        f"  apart: {error:{BOUND}}, where rounding explains {allowed:{BOUND}}",
    ]
    if cause is not None and cause.confidence == "same values":
        lines.append(f"  likely cause, which gives these very values: {cause.says}")
        lines += [f"  seen before: {source}" for source in cause.sources[:SOURCES]]
    elif cause is not None:
        lines.append(f"  likely cause: all values are {cause.says}; declare it if it is meant")
    return "\n".join(lines)


#: What to do about a defect that shows on special inputs alone, whatever law it breaks.
MENDS = {
    "accuracy": "compute the variance from the deviations x - mean, in a second pass over x",
    "half": "compute and add up in float32, and round to the dtype of x once, at the end",
}
# Words for quantities whose names say less than their place.
PLACES = {"infer_": " at inference", "shards_": " on workers"}
# Names that a title lists; more of them say no more.
LISTED = 3


def describe_title(seen: Sequence[Measurement], law: str) -> str:
    """Say what is wrong, in one sentence without numbers.

    Parameters
    ----------
    seen
        What the broken laws of a finding saw, the most telling one first.
    law
        The law of the first one, in words.

    Examples
    --------
    >>> from bnproof.contract import Measurement
    >>> from bnproof.wording import describe_title
    >>> describe_title([Measurement("output", ("y",), 9.0, got=2.0)], "the output is ...")
    'y is wrong'
    """
    first = seen[0]
    if first.failure is not None:
        # The same failure in several circumstances is told once.
        first_of = {one.failure: one for one in reversed(seen) if one.failure is not None}
        messages = [describe_measurement(one, law) for one in seen if one in first_of.values()]
        return "; ".join(list(dict.fromkeys(messages))[:LISTED])
    wrong = {name for one in seen if one.got is not None for name in one.quantities}
    names = [_name_in_place(name) for name in QUANTITIES if name in wrong]
    if not names or first.comparison == "relation":
        return f"this does not hold: {law}"
    if len(names) > LISTED + 1:
        names = [*names[:LISTED], f"{len(names) - LISTED} more values"]
    listed = ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
    where = f" ({first.calls[0].says})" if first.calls and first.calls[0].says else ""
    return f"{listed} {'are' if len(names) > 1 else 'is'} wrong{where}"


def _name_in_place(quantity: str) -> str:
    """A quantity by the name that its own method gives it, and where that is."""
    for prefix, place in PLACES.items():
        if quantity.startswith(prefix):
            return quantity.removeprefix(prefix) + place
    return quantity


def describe_seen(seen: Measurement) -> str:
    """Say what came back, what is exact and what rounding explains, in short decimals.

    Empty where no numbers were compared.
    """
    if seen.got is None:
        return ""
    index = ", ".join(map(str, seen.where))
    names = [_name_in_place(name) for name in seen.quantities] or ["it"]
    name, blank, place = names[0].partition(" ")
    entry = f"{name}[{index}]{blank}{place}"
    explained = f"rounding explains {_write_allowed(seen.allowed)}"
    if seen.comparison == "value":
        digits = _count_digits(seen.got, seen.exact[0])
        # Adding 0.0 turns -0.0 into 0.0.
        got, exact = (f"{number + 0.0:.{digits}g}" for number in (seen.got, seen.exact[0]))
        return f"{entry} is {got}, exactly {exact}; {explained}"
    if seen.comparison == "effect":
        return f"{entry} moves wrongly by {abs(seen.got):.3g}; {explained}"
    return f"the two sides differ by {abs(seen.got):.3g}; {explained}"


# Below any error that a reader cares for; bounds of exact zeros are a few of the smallest numbers.
NEGLIGIBLE = 1e-37


def _write_allowed(allowed: float) -> str:
    """What rounding explains, in one digit."""
    return f"{allowed:.1g}" if not allowed < NEGLIGIBLE else "none of it"


def _count_digits(got: float, exact: float) -> int:
    """As many digits as tell the two apart, and two more."""
    return next((n + 2 for n in range(1, 16) if f"{got:.{n}g}" != f"{exact:.{n}g}"), 17)


def describe_call(call: Call) -> str:
    """Write a call with its arguments in short decimals, where they are exact and few.

    An array that is long or has no short decimals is shown by its shape and dtype.
    """
    arguments = [f"{name} = {_write_short(value)}" for name, value in call.arguments.items()]
    said = f"{call.says}: " if call.says else ""
    x = call.arguments.get("x")
    # Whether plain numbers are float64 or float32 decides nothing; half precision does.
    name = x.dtype.name if isinstance(x, np.ndarray) else "float64"
    dtype = f", x in {name}" if name in HALF else ""
    return f"{said}{call.method}({', '.join(arguments)}){dtype}"


# Entries and characters of an array that is shown in one line.
SHORT_ARRAY, SHORT_NUMBER = 12, 9


def _write_short(value: Any) -> str:
    """An argument in short decimals, or what it is."""
    if isinstance(value, list):
        return f"[{', '.join(map(_write_short, value))}]"
    if not isinstance(value, np.ndarray):
        return f"{value!r}"
    if not 0 < value.size <= SHORT_ARRAY or not has_short_decimals(value):
        return f"<{value.dtype.name} of shape {value.shape}>"
    numbers = (value.astype(np.float64) + 0.0).tolist()
    return str(numbers).replace(".0,", ",").replace(".0]", "]")


def has_short_decimals(value: Array) -> bool:
    """Whether every entry of an array is exactly a decimal of a few digits."""
    entries = value.astype(np.float64).ravel().tolist()
    return all(math.isfinite(entry) and len(repr(entry)) <= SHORT_NUMBER for entry in entries)


def describe_finding(finding: Finding) -> list[tuple[str, str]]:
    """Describe a finding in a few labelled lines.

    Parameters
    ----------
    finding
        What was found.

    Returns
    -------
    list of (str, str)
        A label and a text each; what is not known is left out.
    """
    example, cause = finding.example, finding.cause
    lines = [("wrong", finding.title)]
    if example is not None:
        if example.call is not None:
            lines.append(("input", describe_call(example.call)))
        if shown := describe_seen(example.seen):
            lines.append(("answer", shown))
    # A factor is a hint, which a known cause makes idle.
    if finding.residual and cause.confidence != "same values":
        lines.append(("that is", finding.residual))
    # An input of its own, such as a batch without samples, tells more than the family of a bug.
    guessed = cause.family or cause.confidence == "unknown"
    if cause.says and not (guessed and finding.area in ("layout", "edges", "behaviour")):
        # Whether a mechanism is known, or only what the broken laws have in common.
        label = "guess" if guessed else "cause"
        lines.append((label, describe_finding_cause(cause)))
    lines += [("seen in", source) for source in cause.sources[:1]]
    lines.append(("to do", finding.mend))
    return lines


def describe_finding_cause(cause: Cause) -> str:
    """Say the cause, without the marks of code in it."""
    return cause.says.replace("``", "")


# In the reader's words, since "same pattern" alone says nothing to a stranger.
CONFIDENCE = {
    "same values": "gives the same values",
    "same pattern": "by the pattern of laws",
    "unknown": "nothing fits",
}


def describe_cause(cause: Cause) -> str:
    """Say the likely cause of a violation, and how sure that is."""
    return f"likely cause ({CONFIDENCE[cause.confidence]}): {cause.says}"


def describe_violation(violation: Violation) -> str:
    """Describe a violation in full.

    Parameters
    ----------
    violation
        What was found.

    Returns
    -------
    str
        What is wrong, the residual, the likely cause, where that was seen before, and the program
        that shows it.  What is not known is left out.
    """
    cause = violation.cause
    lines = [
        f"{violation.law}: {violation.message}",
        violation.residual,
        describe_cause(cause) if cause and cause.confidence != "unknown" else "",
        *(f"seen before: {source}" for source in (cause.sources[:SOURCES] if cause else ())),
        violation.reproducer and f"to reproduce:\n\n{violation.reproducer}",
    ]
    return "\n".join(line for line in lines if line)


def describe_residual(quantity: str, changing: str, factor: str) -> str:
    """Say that a wrong value is a named factor times the exact one.

    Parameters
    ----------
    quantity
        The quantity that is wrong.
    changing
        The part of it that the factor changes, in words; empty where that is the whole.
    factor
        The factor in words.
    """
    return f"{changing or quantity} is {factor} the exact one"


def describe_other_convention(fitting: str, declared: str) -> str:
    """Say that the answers follow another convention than the one they were checked by.

    Parameters
    ----------
    fitting, declared
        The names of the convention that fits, and of the one that was assumed.
    """
    return f"the running statistics follow the convention {fitting!r}, not {declared!r}"


def describe_idle_expectation(law: str, reason: str) -> str:
    """Say that a law which was expected to fail holds."""
    return f"{law} was expected to fail ({reason}) and does not"
