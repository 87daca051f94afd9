"""Judging a target in a process of its own: a crash or a call that does not end becomes a
violation, and the rest goes on.

Only a process can be stopped from outside whatever it does.  After one has died in a method, a new
one judges everything again and no longer makes that call.  A check is deterministic, so it gets the
same answers up to there.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from bnproof.verification.child import Request, serve

if TYPE_CHECKING:
    from bnproof.verification.verdict import Verdict

Progress = Callable[[int, int], None]
Found = Callable[[str], None]
# What the numerical libraries read their number of threads from.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
# Threads that wait go to sleep and do not spin.
WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
# The name under which the child announces that it imports the target.
IMPORT = "import"
# Seconds a target may take to import, at least: frameworks are large. The limit for a call is often
# set to a few seconds, in which no framework can be imported.
LOADING = 60.0


class CannotCheck(Exception):
    """The target cannot be used, or the request makes no sense; the message is one line."""


class Ended(Exception):
    """The process ended, or was ended, in a call.

    Attributes
    ----------
    method, number
        The call that did not come back; an empty method stands for the time between calls.
    reason
        What happened, so that a sentence can go on with it: "did not end within 60 s".
    """

    def __init__(self, method: str, number: int, reason: str) -> None:
        super().__init__(reason)
        self.method, self.number, self.reason = method, number, reason


def supervise(
    request: Request,
    *,
    limit: float,
    progress: Progress = lambda done, total: None,
    broken: Found = lambda law: None,
    threads: int = 1,
) -> Verdict:
    """Judge a target in a process of its own.

    Parameters
    ----------
    request
        The target and the options of the check.
    limit
        Seconds a single call may take; the import may take ``LOADING`` seconds at least.
    progress
        Is told how many of how many cases are judged.  It starts again after a crash.
    broken
        Is told the id of a law when it is broken for the first time; again after a crash.
    threads
        How many threads the libraries of the target may start, unless the environment says it.

    Returns
    -------
    Verdict
        As :func:`bnproof.verification.run.check` returns it.  A method that killed the process or
        did not end is a violation of ``answers``, and not called from that call on.

    Raises
    ------
    CannotCheck
        Where the target or the request cannot be used, or the process ends outside of any call.
    """
    # Every round adds a method, so this ends after as many rounds as there are methods.
    blocked: dict[str, tuple[str, int]] = {}
    while True:
        try:
            with _limit_threads(threads):
                return _attempt(request, blocked, limit, progress, broken)
        except Ended as ended:
            if ended.method == IMPORT:
                raise CannotCheck(f"{request.target} does not import: it {ended.reason}") from ended
            # Judging again would end in the same way, and for ever.
            if not ended.method or ended.method in blocked:
                raise CannotCheck(
                    f"checking {request.target} {ended.reason} outside of any call"
                ) from ended
            blocked[ended.method] = (ended.reason, ended.number)


@contextmanager
def _limit_threads(threads: int) -> Iterator[None]:
    """Hand the number of threads to the child, by what libraries read when they are imported.

    The batches of a check are small. Several threads gain nothing on them, and threads that wait
    for each other by spinning slow everything down on a machine whose cores are busy.
    """
    before = dict(os.environ)
    for name in THREADS:
        os.environ.setdefault(name, str(threads))
    for name, value in WAITING.items():
        os.environ.setdefault(name, value)
    if threads == 1:
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _attempt(
    request: Request,
    blocked: dict[str, tuple[str, int]],
    limit: float,
    progress: Progress,
    broken: Found,
) -> Verdict:
    """Judge once in a new process, which is gone when this returns.

    The process is spawned, not forked: a fork would inherit the threads' locks of libraries that
    the parent has loaded, and may hang on them.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=serve, args=(theirs, request, blocked), daemon=True)
    process.start()
    # Only the child holds the other end now, so that its death shows as the end of the stream.
    theirs.close()
    try:
        return _listen(ours, process, limit, progress, broken)
    finally:
        # Also after a verdict: a target may leave threads behind that keep a process alive.
        process.kill()
        process.join()
        ours.close()


def _listen(
    ours: Connection, process: Any, limit: float, progress: Progress, broken: Found
) -> Verdict:
    """Listen until there is a verdict; raises ``Ended`` and ``CannotCheck``."""
    method, number, since = "", 0, time.monotonic()
    while True:
        allowed = max(limit, LOADING) if method == IMPORT else limit
        if method and time.monotonic() - since > allowed:
            raise Ended(method, number, f"did not end within {allowed:g} s")
        # It wakes up once a second at least, to look at the clock.
        if not ours.poll(min(limit, 1.0)):
            continue
        try:
            said, *what = ours.recv()
        except EOFError:
            process.join()
            raise Ended(method, number, _describe_death(process.exitcode)) from None
        match said:
            case "verdict":
                verdict: Verdict = what[0]
                return verdict
            case "cannot":
                raise CannotCheck(what[0])
            case "progress":
                progress(*what)
            case "broken":
                broken(*what)
            case "calling":
                method, number = what
                since = time.monotonic()


def _describe_death(code: int | None) -> str:
    """Say how a process ended, by its exit status or by the name of the signal (a negative
    code)."""
    if code is not None and code < 0:
        names = {entry.value: entry.name for entry in signal.Signals}
        return f"ended the process ({names.get(-code, f'signal {-code}')})"
    return f"ended the process (exit status {code})"
