"""A limit of time for what runs in this process, such as a prover or a law that may hang."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class OutOfTime(BaseException):
    """Raised by the alarm.

    It is a ``BaseException``, so that no ``except Exception`` of what is limited can swallow it.
    """


@contextmanager
def limit_time(seconds: float) -> Iterator[None]:
    """Raise ``OutOfTime`` inside the block after so many seconds.

    It works by the process's alarm, so on the main thread only.  The handler that was there before
    is put back.
    """

    def ring(*_: object) -> None:
        raise OutOfTime

    # the alarm and not a thread: a thread could not interrupt a loop inside of SymPy
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        # the alarm is switched off first, or it could still ring in the old handler
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
