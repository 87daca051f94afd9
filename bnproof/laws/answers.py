"""Asking an implementation: its convention applied, its arguments watched, each answer asked for
once per case."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnproof.contract import METHODS, QUANTITIES, Array, Case, Convention, Failure, FailureKind
from bnproof.laws.arguments import build_arguments, build_prototype, is_available
from bnproof.wording import describe_failure


class NotOffered(Exception):
    """The implementation does not offer this method, or not for this case."""


class Failed(Exception):
    """The implementation raised, or its answer has the wrong form."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(describe_failure(failure))
        self.failure = failure


@dataclass(frozen=True)
class Blocked:
    """A method that did not come back from its call number ``call`` (from 1): it is not called from
    then on.

    ``reason``: what happened, such as "did not end within 60 s".
    """

    reason: str
    call: int


def ignore_call(method: str, call: int) -> None:
    """Nobody is told of a call."""


@dataclass(frozen=True)
class Target:
    """An implementation under its convention.

    ``watch`` is told of every call before it is made (method and number of the call), and of its
    end (an empty method); ``constants``: arguments that ``supports`` fixes; ``alone``: in a process
    of its own, where nobody else's Ctrl-C arrives.
    """

    implementation: Any
    convention: Convention
    watch: Callable[[str, int], None] = ignore_call
    blocked: Mapping[str, Blocked] = field(default_factory=dict)
    constants: frozenset[str] = frozenset()
    alone: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def call(
        self, method: str, values: Mapping[str, Any], modified: list[Failure] | None = None
    ) -> Any:
        """Call with arguments by name; an exception, ``SystemExit`` included, comes back as
        ``NotOffered`` or ``Failed``.

        ``modified`` gets a failure for every argument that the call changes.
        """
        try:
            function = getattr(self.implementation, method, None)
        except Exception as error:
            return Failed(wrap_exception(error, method, FailureKind.UNREADABLE))
        if function is None:
            return NotOffered(f"no {method}")
        number = self.counts[method] = self.counts.get(method, 0) + 1
        if method in self.blocked and number >= self.blocked[method].call:
            return Failed(Failure(FailureKind.BLOCKED, method, got=self.blocked[method].reason))
        positional = [values[name] for name in METHODS[method].parameters]
        keywords = {name: values[name] for name in METHODS[method].keywords}
        before = [_read_bits(value) for value in positional]
        self.watch(method, number)
        try:
            # NaN and overflow are judged, not warned of
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                answer = function(*positional, **keywords)
        except NotImplementedError as missing:
            return NotOffered(read_first_line(missing) or f"{method} raises NotImplementedError")
        except (
            BaseException
        ) as error:  # whatever a stranger's code raises is a finding, not our end
            if isinstance(error, KeyboardInterrupt) and not self.alone:
                raise
            failed = Failed(wrap_exception(error, method))
            failed.__cause__ = error
            return failed
        finally:
            self.watch("", 0)
        for name, value, bits in zip(METHODS[method].parameters, positional, before, strict=True):
            if modified is not None and _read_bits(value) != bits:
                modified.append(Failure(FailureKind.MODIFIED, method, name))
        return answer

    def check_answer(self, method: str, answer: Any, case: Case) -> Any:
        """The answers by name, channels on axis 1, as copies (they may share memory with the next),
        or ``Failed``."""
        if isinstance(answer, (NotOffered, Failed)):
            return answer
        names = METHODS[method].names
        if problem := check_count(method, answer, len(names)):
            return Failed(problem)
        values = dict(zip(names, answer if len(names) > 1 else (answer,), strict=True))
        for name, value in values.items():
            if problem := check_form(
                method, name, value, build_prototype(name, case, self.convention)
            ):
                return Failed(problem)
        return {name: self.copy_answer(name, value) for name, value in values.items()}

    def copy_answer(self, name: str, value: Any) -> Any:
        """An answer as an array of its own, shards one after the other, channels on axis 1;
        ``None`` stays."""
        if value is None:
            return None
        copy = np.concatenate(value) if isinstance(value, (list, tuple)) else np.array(value)
        last = QUANTITIES[name].entrywise and self.convention.channel_axis == -1
        return np.moveaxis(copy, -1, 1) if last else copy


@dataclass
class Answers:
    """What one target answers on one case."""

    target: Target
    case: Case
    modified: list[Failure] = field(default_factory=list)
    # what laws of this case have already worked out
    shared: dict[Any, Any] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def convention(self) -> Convention:
        """The target's convention."""
        return self.target.convention

    def observe(self, quantity: str) -> Array | None:
        """One output as it was returned, channels on axis 1; raises ``NotOffered`` or
        ``Failed``."""
        output: Array | None = self.require(QUANTITIES[quantity].method)[quantity]
        return output

    def require(self, method: str) -> dict[str, Any]:
        """The answers of a method by name; raises ``NotOffered`` or ``Failed``."""
        answer = self.answer(method)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def answer(self, method: str) -> Any:
        """The answers of a method by name, or ``NotOffered`` or ``Failed``; asked for once."""
        if method not in self.known:
            self.known[method] = self.ask(method)
        return self.known[method]

    def ask(self, method: str, **changed: Any) -> Any:
        """Ask now, with some arguments changed."""
        if not is_available(method, self.case):
            return NotOffered(f"this case has nothing for {method}")
        values = build_arguments(method, self.case, self.convention) | changed
        return self.target.check_answer(
            method, self.target.call(method, values, self.modified), self.case
        )


def wrap_exception(
    error: BaseException, method: str, kind: FailureKind = FailureKind.RAISED
) -> Failure:
    """An exception as a failure of a method."""
    return Failure(kind, method, exception=type(error).__name__, got=read_first_line(error))


def check_count(method: str, answer: Any, count: int) -> Failure | None:
    """The failure of a method that returns another number of values; ``None`` where it does not."""
    if count == 1 or (isinstance(answer, (tuple, list)) and len(answer) == count):
        return None
    got = f"{len(answer)} of them" if isinstance(answer, (tuple, list)) else type(answer).__name__
    return Failure(FailureKind.COUNT, method, got=got, expected=str(count))


def check_form(method: str, name: str, value: Any, expected: Any) -> Failure | None:
    """How an answer's form differs from that of the argument it is to be like; ``None`` where it
    does not."""

    def build_failure(kind: FailureKind, got: Any, wanted: Any) -> Failure:
        return Failure(kind, method, name, got=str(got), expected=str(wanted))

    if isinstance(expected, list):
        if not isinstance(value, (list, tuple)) or len(value) != len(expected):
            return build_failure(
                FailureKind.TYPE, type(value).__name__, f"list of {len(expected)} arrays"
            )
        pairs = enumerate(zip(value, expected, strict=True))
        problems = (check_form(method, f"{name}[{n}]", *pair) for n, pair in pairs)
        return next(filter(None, problems), None)
    if value is None or expected is None:
        if value is expected:
            return None
        return build_failure(
            FailureKind.PRESENCE,
            "None" if value is None else "a value",
            "None" if expected is None else "a value",
        )
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        return build_failure(FailureKind.TYPE, type(value).__name__, "NumPy array")
    if value.shape != expected.shape:
        return build_failure(FailureKind.SHAPE, value.shape, expected.shape)
    return (
        None
        if value.dtype == expected.dtype
        else build_failure(FailureKind.DTYPE, value.dtype, expected.dtype)
    )


def _read_bits(value: Any) -> Any:
    if isinstance(value, list):
        return [_read_bits(entry) for entry in value]
    return value.tobytes() if isinstance(value, np.ndarray) else value


def read_first_line(error: BaseException) -> str:
    """The first line of an error's text, whatever its ``__str__`` does."""
    try:
        return (str(error).splitlines() or [""])[0]
    except Exception:
        return "(its text cannot be read)"


def find_difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """The first answer of which two calls differ in a bit; empty where they are equal."""
    return next(
        (name for name, value in first.items() if _read_bits(value) != _read_bits(second[name])), ""
    )
