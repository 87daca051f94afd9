"""Sentences for readers: what a failure, a measurement or a violation says.

Everything that is shown (the verdict's messages, the command line, ``bnproof.testing``,
reproducers) is worded here, and nothing is decided by these words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal

from bnproof.contract import Cause, Failure, FailureKind, Measurement, Violation

DIGITS = Context(prec=20)  # of an exact value: more than a float64 has
BOUND = ".3g"  # an error and what explains it
SOURCES = 3  # of a cause that are shown


def describe_failure(failure: Failure) -> str:
    """What went wrong with a call, in one line."""
    words = _FAILURES[failure.kind](failure)
    if failure.expected == "ValueError":
        return f"{words}, where ValueError is asked for"
    return words


def _describe_repeat(failure: Failure) -> str:
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
    return f"{failure.method}: " if failure.method else ""


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
    """What a law saw, in one line; empty where it holds.  ``law``: the law in words."""
    if seen.holds:
        return ""
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
    """What a measurement is about: its quantities, else the method that failed, else everything."""
    if seen.quantities:
        return ", ".join(seen.quantities)
    return (seen.failure.method if seen.failure else "") or "all"


def format_exact(seen: Measurement) -> str:
    """The exact value in twenty digits."""
    leading, trailing = map(Decimal, seen.exact)
    return str(DIGITS.add(leading, trailing))


def format_got(seen: Measurement) -> str:
    """The worst entry in hexadecimal; empty where no numbers were compared."""
    return "" if seen.got is None else seen.got.hex()


def format_expected(seen: Measurement) -> str:
    """The exact value in hexadecimal, and the error that is explained; empty where no numbers were
    compared."""
    return "" if seen.got is None else f"{seen.exact[0].hex()} +- {seen.allowed:{BOUND}}"


CONFIDENCE = {
    "same values": "gives the same values",
    "same pattern": "by the pattern of laws",
    "unknown": "nothing fits",
}


def describe_cause(cause: Cause) -> str:
    """The likely cause of a violation, and how sure that is."""
    return f"likely cause ({CONFIDENCE[cause.confidence]}): {cause.says}"


def describe_violation(violation: Violation) -> str:
    """A violation in full: what is wrong, the likely cause, where it was seen before, and the
    program that shows it."""
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
    """That a wrong value is a named factor times the exact one."""
    return f"{changing or quantity} is {factor} the exact one"


def describe_other_convention(fitting: str, declared: str) -> str:
    """That the answers follow another convention than the one they were checked by."""
    return (
        f"the running statistics follow the convention {fitting!r}, not {declared!r}: "
        f"declare convention = {fitting!r}, or check with --convention {fitting}"
    )


def describe_idle_expectation(law: str, reason: str) -> str:
    """That a law which was expected to fail holds."""
    return f"{law} was expected to fail ({reason}) and does not: drop the expectation"
