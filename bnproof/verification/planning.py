"""What a check is asked to do: its options, and the laws they leave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from bnproof.contract import Convention
from bnproof.implementations.conventions import resolve_convention
from bnproof.laws.answers import Blocked, ignore_call
from bnproof.laws.law import Law, load_laws

#: Cases drawn at random, by effort; those at the extremes come on top.
EFFORTS = {"quick": 10, "standard": 60, "thorough": 500}


class UnknownLaw(LookupError):
    """No law has this name; the message suggests near ones."""


@dataclass(frozen=True)
class CheckOptions:
    """What ``bnproof check`` and ``bnproof.check`` take.

    Parameters
    ----------
    effort
        "quick", "standard" or "thorough": how many cases are drawn.
    seed
        Equal seeds give equal cases and verdicts.
    convention
        A convention, or the name of one, instead of the declared one.
    select, ignore
        Ids of the only laws to judge, and of laws not to judge.
    expect
        Ids of laws that are known to fail, with the reason; passing is then a violation.
    replay
        A file that ``bnproof check --format json`` wrote: only the failing inputs in it are judged.
    target
        What the verdict and the reproducers call the implementation.
    """

    effort: str = "standard"
    seed: int = 0
    convention: str | Convention | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    expect: Mapping[str, str] = field(default_factory=dict)
    replay: Path | None = None
    target: str = ""


DEFAULTS = CheckOptions()


def ignore_progress(done: int, total: int) -> None:
    """Nobody is told how far the check is."""


@dataclass(frozen=True)
class Monitor:
    """Who follows a check while it runs.

    Parameters
    ----------
    progress
        Is told how many of how many cases are judged.
    watch
        Is told of every call before it is made, and of its end.
    blocked
        Calls that must not be made again, since they ended the process or did not end.
    alone
        Whether this is a process of its own, where nobody else's Ctrl-C arrives.
    """

    progress: Callable[[int, int], None] = ignore_progress
    watch: Callable[[str, int], None] = ignore_call
    blocked: Mapping[str, Blocked] = field(default_factory=dict)
    alone: bool = False


NOBODY = Monitor()


def plan_laws(options: CheckOptions) -> list[Law]:
    """The laws to judge.

    Raises
    ------
    UnknownLaw
        For a name that is no law's, or an expectation of a law that is not judged.
    UnknownConvention
        For a name that is no convention's.
    ValueError
        For an effort that there is not, or where no law is left.
    """
    if options.effort not in EFFORTS:
        raise ValueError(f"there is no effort {options.effort!r}: use one of {', '.join(EFFORTS)}")
    if options.convention is not None:
        resolve_convention(options.convention)
    plan = select_laws(options.select, options.ignore, tuple(options.expect))
    if not plan:
        raise ValueError("no law is left: everything selected is ignored")
    planned = {law.id for law in plan}
    for name in options.expect:
        if name not in planned:
            raise UnknownLaw(
                f"{name} is expected to fail, but is not judged: select it, or drop the expectation"
            )
    return plan


def select_laws(
    select: tuple[str, ...], ignore: tuple[str, ...] = (), named: tuple[str, ...] = ()
) -> list[Law]:
    """Those selected (all of them where none is) without those ignored; raises ``UnknownLaw``, also
    for ``named`` ones."""
    for name in (*select, *ignore, *named):
        if name not in load_laws():
            near = get_close_matches(name, load_laws(), n=3, cutoff=0.4) or list(load_laws())
            raise UnknownLaw(f"there is no law {name!r}: try {', '.join(near)}")
    return [
        law
        for law in load_laws().values()
        if (not select or law.id in select) and law.id not in ignore
    ]
