"""The process a target runs in: it loads the target, judges it, and says what it is doing."""

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
    """What ``bnproof check`` was asked: a target as it was typed, and the options of the check by
    name."""

    target: str
    options: dict[str, Any]


def serve(connection: Connection, request: Request, blocked: dict[str, tuple[str, int]]) -> None:
    """Judge the target and send what happens.

    Sends ``("calling", method, number)``, ``("progress", done, total)``, and in the end
    ``("verdict", verdict)`` or ``("cannot", why)``.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the parent, which ends this process
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever the target prints
    try:
        connection.send(("verdict", _check(connection, request, blocked)))
    except _list_refusals() as error:
        connection.send(("cannot", str(error.args[0] if error.args else error)))


def _check(
    connection: Connection, request: Request, blocked: dict[str, tuple[str, int]]
) -> Verdict:
    from bnproof.implementations.targets import UnusableTarget, load
    from bnproof.laws.answers import Blocked
    from bnproof.verification.planning import CheckOptions, Monitor
    from bnproof.verification.run import check

    options = CheckOptions(target=request.target, **request.options)
    connection.send(("calling", "import", 0))
    try:
        implementation = load(request.target)
    except KeyboardInterrupt as error:  # the target's own: Ctrl-C does not arrive here
        raise UnusableTarget(f"{request.target} does not import: KeyboardInterrupt") from error
    connection.send(("calling", "", 0))
    monitor = Monitor(
        progress=lambda done, total: connection.send(("progress", done, total)),
        watch=lambda method, number: connection.send(("calling", method, number)),
        blocked={method: Blocked(*reason) for method, reason in blocked.items()},
        alone=True,
    )
    return check(implementation, options, monitor)


def _list_refusals() -> tuple[type[Exception], ...]:
    """What says that the request cannot be carried out."""
    from bnproof.implementations.conventions import UnknownConvention
    from bnproof.implementations.targets import UnusableTarget
    from bnproof.verification.planning import UnknownLaw

    return UnusableTarget, UnknownLaw, UnknownConvention, ValueError
