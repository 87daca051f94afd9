"""Judging a target in a process of its own: a crash or a call that does not end becomes a
violation, and the rest goes on."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from bnproof.verification.child import Request, serve

if TYPE_CHECKING:
    from bnproof.verification.verdict import Verdict

Progress = Callable[[int, int], None]
IMPORT = "import"
LOADING = 60.0  # seconds a target may take to import, at least: frameworks are large


class CannotCheck(Exception):
    """The target cannot be used, or the request makes no sense; the message is one line."""


class Ended(Exception):
    """The process ended, or was ended, in a call."""

    def __init__(self, method: str, number: int, reason: str) -> None:
        super().__init__(reason)
        self.method, self.number, self.reason = method, number, reason


def supervise(
    request: Request, *, limit: float, progress: Progress = lambda done, total: None
) -> Verdict:
    """The verdict; ``limit``: seconds a single call may take.

    After a call that kills the process or does not end, everything is judged again without that
    method from that call on. Raises ``CannotCheck``.
    """
    blocked: dict[str, tuple[str, int]] = {}
    while True:
        try:
            return _attempt(request, blocked, limit, progress)
        except Ended as ended:
            if ended.method == IMPORT:
                raise CannotCheck(f"{request.target} does not import: it {ended.reason}") from ended
            if not ended.method or ended.method in blocked:
                raise CannotCheck(
                    f"checking {request.target} {ended.reason} outside of any call"
                ) from ended
            blocked[ended.method] = (ended.reason, ended.number)


def _attempt(
    request: Request, blocked: dict[str, tuple[str, int]], limit: float, progress: Progress
) -> Verdict:
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=serve, args=(theirs, request, blocked), daemon=True)
    process.start()
    theirs.close()
    try:
        return _listen(ours, process, limit, progress)
    finally:
        process.kill()
        process.join()
        ours.close()


def _listen(ours: Connection, process: Any, limit: float, progress: Progress) -> Verdict:
    """Listen until there is a verdict; raises ``Ended`` and ``CannotCheck``."""
    method, number, since = "", 0, time.monotonic()
    while True:
        allowed = max(limit, LOADING) if method == IMPORT else limit
        if method and time.monotonic() - since > allowed:
            raise Ended(method, number, f"did not end within {allowed:g} s")
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
            case "calling":
                method, number = what
                since = time.monotonic()


def _describe_death(code: int | None) -> str:
    if code is not None and code < 0:
        names = {entry.value: entry.name for entry in signal.Signals}
        return f"ended the process ({names.get(-code, f'signal {-code}')})"
    return f"ended the process (exit status {code})"
