"""The process a target runs in: it loads the target, judges it, and says what it is doing."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


@dataclass(frozen=True)
class Request:
    """What ``bnproof check`` was asked."""

    target: str
    effort: str
    seed: int
    convention: str | None
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    expect: dict[str, str]
    replayed: str | None


def serve(connection: Connection, request: Request, blocked: dict[str, tuple[str, int]]) -> None:
    """Send ``("calling", method, number)``, ``("progress", done, total)`` and in the end ``("verdict", verdict)``, or ``("cannot", why)``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is for the parent, which ends this process
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever the target prints
    try:
        connection.send(("verdict", _judged(connection, request, blocked)))
    except _refusals() as error:
        connection.send(("cannot", str(error.args[0] if error.args else error)))


def _judged(connection: Connection, request: Request, blocked: dict[str, tuple[str, int]]) -> Any:
    from bnproof.implementations.targets import UnusableTarget, load
    from bnproof.laws.answers import Blocked
    from bnproof.verification.run import check

    connection.send(("calling", "import", 0))
    try:
        implementation = load(request.target)
    except KeyboardInterrupt as error:  # the target's own: Ctrl-C does not arrive here
        raise UnusableTarget(f"{request.target} does not import: KeyboardInterrupt") from error
    connection.send(("calling", "", 0))
    return check(
        implementation,
        effort=request.effort,
        seed=request.seed,
        convention=request.convention,
        select=request.select,
        ignore=request.ignore,
        expect=request.expect,
        target=request.target,
        progress=lambda done, total: connection.send(("progress", done, total)),
        replayed=Path(request.replayed) if request.replayed else None,
        watched={
            "watch": lambda method, number: connection.send(("calling", method, number)),
            "alone": True,
            "blocked": {method: Blocked(*reason) for method, reason in blocked.items()},
        },
    )


def _refusals() -> tuple[type[Exception], ...]:
    """What says that the request cannot be carried out."""
    from bnproof.implementations.conventions import UnknownConvention
    from bnproof.implementations.targets import UnusableTarget
    from bnproof.verification.examining import UnknownLaw

    return UnusableTarget, UnknownLaw, UnknownConvention, ValueError
