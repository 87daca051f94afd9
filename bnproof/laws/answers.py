"""Asking an implementation.

A stranger's code may raise anything, change what it was handed, return another form, or share its
buffers between calls.  :class:`Target` makes one call safely and turns whatever happens into data;
:class:`Answers` asks each method once per case, so that all laws judge the same answers.
"""

from __future__ import annotations

import dis
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bnproof.contract import (
    METHODS,
    QUANTITIES,
    Array,
    Call,
    Case,
    Convention,
    Failure,
    FailureKind,
)
from bnproof.laws.arguments import build_arguments, build_prototype, is_available
from bnproof.wording import describe_failure

# The types of exceptions by which Python code refuses an input.
REFUSALS = (ValueError, TypeError, RuntimeError, AssertionError)


# Arguments that a target without running statistics is not handed in training.
UNTRACKED = ("running_mean", "running_var")


class NotOffered(Exception):
    """The implementation does not offer this method, or not for this case."""


class Failed(Exception):
    """The implementation raised, or its answer has the wrong form.

    Attributes
    ----------
    failure
        What went wrong, as data; the message is the same in words.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(describe_failure(failure))
        self.failure = failure


@dataclass(frozen=True)
class Blocked:
    """A method that did not come back from one of its calls, and is not called from then on.

    Attributes
    ----------
    reason
        What happened, such as "did not end within 60 s".
    call
        The number of the call that did not come back, counted from 1 for each method.
    """

    reason: str
    call: int


@dataclass(frozen=True)
class Monitor:
    """Who follows a check while it runs.

    Attributes
    ----------
    progress
        Is told how many of how many cases are judged.
    broken
        Is told the id of a law when it is broken for the first time.
    watch
        Is told of every call before it is made (method, and number of the call from 1), and of its
        end (an empty method).
    blocked
        Calls that must not be made again, since they ended the process or did not end.
    alone
        Whether this is a process of its own, where nobody else's Ctrl-C arrives.  A
        ``KeyboardInterrupt`` is then the target's own doing, and a finding like any other
        exception.
    """

    progress: Callable[[int, int], None] = lambda done, total: None
    broken: Callable[[str], None] = lambda law: None
    watch: Callable[[str, int], None] = lambda method, number: None
    blocked: Mapping[str, Blocked] = field(default_factory=dict)
    alone: bool = False


NOBODY = Monitor()


@dataclass(frozen=True)
class Target:
    """An implementation under its convention.

    Attributes
    ----------
    implementation
        What is called.
    convention
        How momentum, the axis of the channels and the running variance are to be read.
    monitor
        Who is told of the calls, and which of them must not be made again.
    constants
        Arguments that ``supports`` fixes, so that they cannot be varied.
    untracked
        Whether it keeps no running statistics, so that none are handed to it in training.
    methods
        The only methods that are called; all of them where it is empty.
    counts
        How often each method was called.
    """

    implementation: Any
    convention: Convention
    monitor: Monitor = NOBODY
    constants: frozenset[str] = frozenset()
    methods: frozenset[str] = frozenset()
    untracked: bool = False
    counts: dict[str, int] = field(default_factory=dict)

    def call(
        self, method: str, values: Mapping[str, Any], modified: list[Failure] | None = None
    ) -> Any:
        """Call a method with arguments by name.

        Parameters
        ----------
        method
            A name of :data:`bnproof.contract.METHODS`.
        values
            All its arguments, in the convention of the implementation.
        modified
            A list that gets a failure for every positional argument which the call changes.

        Returns
        -------
        object
            What the call returned, as it is.  An exception, ``SystemExit`` included, comes back as
            ``NotOffered`` or ``Failed``, and is not raised.

        Raises
        ------
        KeyboardInterrupt
            Only where it may be the user's own Ctrl-C.
        """
        if self.methods and method not in self.methods:
            return NotOffered(f"{method} is left out of this check")
        try:
            # Even this runs a stranger's code: a property may raise.
            function = getattr(self.implementation, method, None)
        except Exception as error:
            return Failed(wrap_exception(error, method, FailureKind.UNREADABLE))
        if function is None:
            return NotOffered(f"no {method}")
        # Counted also where the call is then refused, so that numbers agree between a run that hung
        # and the one that repeats it without the hanging call.
        number = self.counts[method] = self.counts.get(method, 0) + 1
        blocked = self.monitor.blocked.get(method)
        if blocked and number >= blocked.call:
            return Failed(Failure(FailureKind.BLOCKED, method, got=blocked.reason))
        positional = [values[name] for name in METHODS[method].parameters]
        keywords = {name: values[name] for name in METHODS[method].keywords}
        # Bytes and no copies of arrays: a NaN that stays is no change.
        before = [_read_bits(value) for value in positional]
        self.monitor.watch(method, number)
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
            # A Ctrl-C in the user's own process has to end the check.
            if isinstance(error, KeyboardInterrupt) and not self.monitor.alone:
                raise
            failed = Failed(wrap_exception(error, method))
            # Laws about refused inputs ask which exception it was.
            failed.__cause__ = error
            return failed
        finally:
            # Also after an exception: only a call that ended the whole process stays announced.
            self.monitor.watch("", 0)
        for name, value, bits in zip(METHODS[method].parameters, positional, before, strict=True):
            if modified is not None and _read_bits(value) != bits:
                modified.append(Failure(FailureKind.MODIFIED, method, name))
        return answer

    def check_answer(
        self, method: str, answer: Any, case: Case, noted: list[Failure] | None = None
    ) -> Any:
        """Return an answer by the names of its quantities, or ``Failed``.

        Parameters
        ----------
        method
            The method that answered.
        answer
            What :meth:`call` returned.
        case
            The case that was asked about; it decides shapes and dtypes.
        noted
            A list that gets a failure for every value per channel that comes back in the shape
            ``(1, C, 1, ...)``.  It is read as ``(C,)`` all the same, so that its numbers are
            judged.

        Returns
        -------
        dict, NotOffered or Failed
            Arrays with channels on axis 1.  They are copies, since an implementation may write its
            next answer into the same memory.
        """
        if isinstance(answer, (NotOffered, Failed)):
            return answer
        names = METHODS[method].names
        if problem := check_count(method, answer, len(names)):
            return Failed(problem)
        values = dict(zip(names, answer if len(names) > 1 else (answer,), strict=True))
        for name, value in values.items():
            expected = build_prototype(name, case, self.convention)
            if self.untracked and QUANTITIES[name].like in UNTRACKED:
                expected = None
            problem = check_form(method, name, value, expected)
            if problem and _is_expanded(value, expected):
                values[name] = value.reshape(expected.shape)
                if noted is not None:
                    noted.append(problem)
                problem = check_form(method, name, values[name], expected)
            if problem:
                return Failed(problem)
        return {name: self.copy_answer(name, value) for name, value in values.items()}

    def copy_answer(self, name: str, value: Any) -> Any:
        """Return a quantity as an array of its own, with channels on axis 1.

        Shards come one after the other, along axis 0; ``None`` stays.
        """
        if value is None:
            return None
        # Both copy.
        copy = np.concatenate(value) if isinstance(value, (list, tuple)) else np.array(value)
        entrywise = QUANTITIES[name].entrywise
        return np.moveaxis(copy, self.convention.channel_axis, 1) if entrywise else copy


@dataclass
class Answers:
    """What one target answers on one case.

    Attributes
    ----------
    target, case
        Who is asked, and about what.
    modified
        A failure for every argument that some call changed.
    noted
        A failure for every value per channel that came back with further axes.
    shared
        What laws of this case have already worked out, by a key of theirs.
    """

    target: Target
    case: Case
    modified: list[Failure] = field(default_factory=list)
    noted: list[Failure] = field(default_factory=list)
    shared: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    @property
    def convention(self) -> Convention:
        """The target's convention."""
        return self.target.convention

    def share(self, key: tuple[Any, ...], work_out: Callable[[], Any]) -> Any:
        """Return what several laws look at; the first one that asks works it out."""
        if key not in self.shared:
            self.shared[key] = work_out()
        return self.shared[key]

    def observe(self, quantity: str) -> Array | None:
        """Return one quantity as it was returned, with channels on axis 1.

        It is ``None`` where ``None`` is due, such as the gradient of an absent gamma.

        Raises
        ------
        NotOffered, Failed
            If the method gave no usable answer.
        """
        output: Array | None = self.require(QUANTITIES[quantity].method)[quantity]
        return output

    def require(self, method: str) -> dict[str, Any]:
        """Return the answers of a method by name; raise ``NotOffered`` or ``Failed``."""
        answer = self.answer(method)
        if isinstance(answer, Exception):
            # A kept exception is raised again, once for each law that needs the method.
            raise answer
        return dict(answer)

    def answer(self, method: str) -> Any:
        """Return the answers of a method by name, or ``NotOffered`` or ``Failed``; ask once."""
        return self.share(("answer", method), lambda: self.ask(method))

    def ask(self, method: str) -> Any:
        """Ask now, whatever was answered before."""
        if not is_available(method, self.case):
            return NotOffered(f"this case has nothing for {method}")
        return self.make_call(self.build_call(method), self.modified)

    def build_call(self, method: str, says: str = "", **changed: Any) -> Call:
        """Build a call on the case.

        Parameters
        ----------
        method
            The method to call.
        says
            What is special about the call.
        **changed
            Arguments that take the place of the case's own.
        """
        arguments = build_arguments(method, self.case, self.convention)
        if self.target.untracked and method in ("train", "train_shards"):
            arguments |= dict.fromkeys(UNTRACKED)
        arguments |= changed
        return Call(method, arguments, says=says)

    def make_call(self, call: Call, modified: list[Failure] | None = None) -> Any:
        """Make a call, and return its answers by name, or ``NotOffered`` or ``Failed``.

        Parameters
        ----------
        call
            What is asked; shapes and dtypes of the answers are those that the case asks for.
        modified
            As in :meth:`Target.call`.
        """
        answer = self.target.call(call.method, call.arguments, modified)
        return self.target.check_answer(call.method, answer, self.case, self.noted)


def wrap_exception(
    error: BaseException, method: str, kind: FailureKind = FailureKind.RAISED
) -> Failure:
    """Return an exception as a failure of a method."""
    text = read_first_line(error)
    refusal = bool(text) and isinstance(error, REFUSALS) and _is_raised_on_purpose(error)
    return Failure(kind, method, exception=type(error).__name__, got=text, refusal=refusal)


def _is_raised_on_purpose(error: BaseException) -> bool:
    """Whether a ``raise`` (or a failed ``assert``) stands where the exception comes from.

    An exception that comes out of an operation, such as an index beyond the end, is a crash
    whatever its type.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    code = trace.tb_frame.f_code.co_code
    return dis.opname[code[trace.tb_lasti]] in ("RAISE_VARARGS", "RERAISE")


def check_count(method: str, answer: Any, count: int) -> Failure | None:
    """Find out whether a method returns the right number of values.

    Parameters
    ----------
    method
        The method that answered.
    answer
        What it returned.
    count
        How many quantities it has; one alone is not wrapped in a tuple.

    Returns
    -------
    Failure or None
        ``None`` where the number is right.
    """
    if count == 1 or (isinstance(answer, (tuple, list)) and len(answer) == count):
        return None
    got = f"{len(answer)} of them" if isinstance(answer, (tuple, list)) else type(answer).__name__
    return Failure(FailureKind.COUNT, method, got=got, expected=str(count))


def check_form(method: str, name: str, value: Any, expected: Any) -> Failure | None:
    """Compare the form of an answer with that of the argument it has to be like.

    Parameters
    ----------
    method, name
        The method, and the quantity that it returned.
    value
        The answer.
    expected
        An array of the right shape and dtype, a list of such arrays for shards, or ``None`` where
        ``None`` is due.

    Returns
    -------
    Failure or None
        The first difference: absent or present, no array, another shape, another dtype.
    """

    def build_failure(kind: FailureKind, got: Any, wanted: Any) -> Failure:
        return Failure(kind, method, name, got=str(got), expected=str(wanted))

    # Shards come back as a list, or as a tuple, of one array per worker.
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
        got, wanted = ("None" if one is None else "a value" for one in (value, expected))
        return build_failure(FailureKind.PRESENCE, got, wanted)
    # A masked array hides entries from every comparison.
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
        return build_failure(FailureKind.TYPE, type(value).__name__, "NumPy array")
    if value.shape != expected.shape:
        return build_failure(FailureKind.SHAPE, value.shape, expected.shape)
    return (
        None
        if value.dtype == expected.dtype
        else build_failure(FailureKind.DTYPE, value.dtype, expected.dtype)
    )


def _is_expanded(value: Any, expected: Any) -> bool:
    """Whether an array has one value per channel, on one axis among others of size 1."""
    if not isinstance(value, np.ndarray) or not isinstance(expected, np.ndarray):
        return False
    return expected.ndim == 1 and value.ndim > 1 and max(value.shape) == value.size == expected.size


def _read_bits(value: Any) -> Any:
    """What a value is in memory: NaNs count as equal, and 0 and -0 do not."""
    if isinstance(value, list):
        return [_read_bits(entry) for entry in value]
    return value.tobytes() if isinstance(value, np.ndarray) else value


def read_first_line(error: BaseException) -> str:
    """Return the first line of an error's text, whatever its ``__str__`` does."""
    try:
        return (str(error).splitlines() or [""])[0]
    except Exception:
        return "(its text cannot be read)"


def find_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Find the first array that has another shape, dtype or other bits; empty if none has.

    Bits are compared, not values, so that NaN is equal to itself and -0 is not equal to 0.

    Parameters
    ----------
    before, after
        Arrays by name, ``None`` for what is absent.  Names that are only in ``after`` are free.
    """

    def describe(value: Any) -> Any:
        array = np.asarray(value)
        return None if value is None else (array.shape, array.dtype, array.tobytes())

    changed = (name for name, value in before.items() if describe(value) != describe(after[name]))
    return next(changed, "")
