"""Sentences for readers: what a failure, a measurement or a violation says.

Everything that is shown (the verdict's messages, the command line, ``bnproof.testing``,
reproducers) is worded here.  Nothing is decided by these words: verdicts, shrinking and causes look
at the data alone, so a sentence may be improved at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal

from bnproof.contract import Cause, Failure, FailureKind, Measurement, Violation

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
    FailureKind.ACCEPTED: lambda f: (
        f"{f.method} answered; if that is meant, declare a convention such as 'paper'"
    ),
    FailureKind.RANGE: lambda f: (
        f"{_describe_call(f)}{f.subject} leaves its range" + (f": it is {f.got}" if f.got else "")
    ),
    FailureKind.CHANGED: lambda f: f"{f.method} changes {f.subject}",
    FailureKind.LOST: lambda f: f"{f.subject} does not come back as it was assigned",
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
    return (
        f"the running statistics follow the convention {fitting!r}, not {declared!r}: "
        f"declare convention = {fitting!r}, or check with --convention {fitting}"
    )


def describe_idle_expectation(law: str, reason: str) -> str:
    """Say that a law which was expected to fail holds."""
    return f"{law} was expected to fail ({reason}) and does not: drop the expectation"
