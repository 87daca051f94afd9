"""The process a target runs in: it loads the target, judges it, and says what it is doing.

A stranger's code may crash, hang, print or exit.  It does so in this process, and the parent
(:mod:`bnproof.verification.supervisor`) follows over a pipe.  Each call is announced before it is
made, so that the parent knows which call did not come back.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from bnproof.verification.verdict import Verdict


@dataclass(frozen=True)
class Request:
    """What ``bnproof check`` was asked.

    Attributes
    ----------
    target
        The target as it was typed.  It is loaded in the child alone.
    options
        The other fields of :class:`~bnproof.verification.planning.CheckOptions`, by name.  All of
        it has to survive pickling, since the process is spawned.
    """

    target: str
    options: dict[str, Any]


def serve(connection: Connection, request: Request, blocked: dict[str, tuple[str, int]]) -> None:
    """Judge the target and send what happens.

    Sends ``("calling", method, number)`` before a call and ``("calling", "", 0)`` after it,
    ``("progress", done, total)`` after a case, ``("broken", law)`` when a law is broken for the
    first time, and in the end ``("verdict", verdict)`` or ``("cannot", why)``.

    Parameters
    ----------
    connection
        The end of the pipe that this process writes to.
    request
        What to check.
    blocked
        For each method that an earlier process did not come back from: why, and at which of its
        calls (from 1).  From that call on the method is not called.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the parent, which ends this process
    # The target may print. Standard output belongs to the parent, which writes one JSON
    # object there, so the descriptor itself is turned to standard error. What a C library or a
    # shell writes goes there too.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        connection.send(("verdict", _check(connection, request, blocked)))
    except _list_refusals() as error:
        connection.send(("cannot", str(error.args[0] if error.args else error)))


def _check(
    connection: Connection, request: Request, blocked: dict[str, tuple[str, int]]
) -> Verdict:
    """Load the target and judge it, telling the parent of every call."""
    from bnproof.implementations.targets import UnusableTarget, load
    from bnproof.laws.answers import Blocked, Monitor
    from bnproof.verification.planning import CheckOptions
    from bnproof.verification.run import check

    options = CheckOptions(target=request.target, **request.options)
    # The import counts as a call, because it may crash or hang like any other one.
    connection.send(("calling", "import", 0))
    try:
        implementation = load(request.target)
    except KeyboardInterrupt as error:  # the target's own: Ctrl-C does not arrive here
        raise UnusableTarget(f"{request.target} does not import: KeyboardInterrupt") from error
    # Between two calls no clock runs: the laws themselves may take as long as they need.
    connection.send(("calling", "", 0))
    monitor = Monitor(
        progress=lambda done, total: connection.send(("progress", done, total)),
        broken=lambda law: connection.send(("broken", law)),
        watch=lambda method, number: connection.send(("calling", method, number)),
        blocked={method: Blocked(*reason) for method, reason in blocked.items()},
        alone=True,
    )
    return check(implementation, options, monitor)


def _list_refusals() -> tuple[type[Exception], ...]:
    """What says that the request cannot be carried out.

    A ``ValueError`` comes from a bad effort, from ``supports`` that leaves nothing to ask, and from
    a file that cannot be replayed.
    """
    from bnproof.implementations.conventions import UnknownConvention
    from bnproof.implementations.targets import UnusableTarget
    from bnproof.verification.planning import UnknownLaw

    return UnusableTarget, UnknownLaw, UnknownConvention, ValueError
