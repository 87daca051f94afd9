"""What a check is asked to do: its options, and the laws that are left to judge.

Everything that can be wrong with a request is found out here, before anything slow begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from bnproof.contract import Convention
from bnproof.implementations.conventions import resolve_convention
from bnproof.laws.law import Law, load_laws

#: Cases drawn at random, by effort; those at the extremes come on top. Ten cases suffice for a
#: formula that is wrong everywhere. More of them reach combinations of rank, dtype and absent
#: parameters that ten cases miss, and the time of a check grows in proportion.
EFFORTS = {"quick": 10, "standard": 60, "thorough": 500}


class UnknownLaw(LookupError):
    """No law has this name, or it is not judged here; the message suggests what to do."""


@dataclass(frozen=True)
class CheckOptions:
    """What ``bnproof check`` and ``bnproof.check`` take.

    Attributes
    ----------
    effort
        "quick", "standard" or "thorough": how many cases are drawn.
    seed
        Equal seeds give equal cases and verdicts.
    convention
        A convention, or the name of one, instead of the declared one.  ``None`` takes the declared
        one, and "torch" where none is declared.
    select, ignore
        Ids of the only laws to judge (all of them where it is empty), and of laws not to judge.
    expect
        Ids of laws that are known to fail, with the reason; passing is then a violation.
    replay
        A file that ``bnproof check --format json`` wrote: only the failing inputs in it are judged.
    target
        What the verdict and the reproducers call the implementation; where it is empty, a name is
        made from the implementation's class.
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


def plan_laws(options: CheckOptions) -> list[Law]:
    """Choose the laws to judge, and refuse a request that makes no sense.

    Parameters
    ----------
    options
        What was asked; ``effort``, ``convention``, ``select``, ``ignore`` and ``expect`` are looked
        at.

    Returns
    -------
    list of Law
        In the order in which laws are listed, at least one.

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
    """Choose laws by name.

    Parameters
    ----------
    select
        Ids of the laws wanted; all laws where it is empty.
    ignore
        Ids of laws to leave out, also of those selected.
    named
        Further ids that have to exist, though they choose nothing.

    Returns
    -------
    list of Law
        In the order in which laws are listed, whatever the order of ``select``.

    Raises
    ------
    UnknownLaw
        For an id that is no law's; the message names near ones.
    """
    for name in (*select, *ignore, *named):
        if name not in load_laws():
            # A cutoff below the usual 0.6, because ids are long and people type the beginning.
            # Where nothing is near, the whole list helps more than silence.
            near = get_close_matches(name, load_laws(), n=3, cutoff=0.4) or list(load_laws())
            raise UnknownLaw(f"there is no law {name!r}: try {', '.join(near)}")
    return [
        law
        for law in load_laws().values()
        if (not select or law.id in select) and law.id not in ignore
    ]
