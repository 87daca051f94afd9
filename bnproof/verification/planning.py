"""What a check is asked to do: its options, and the laws that are left to judge.

Everything that can be wrong with a request is found out here, before anything slow begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from bnproof.contract import AREAS, METHODS, Convention, Finding
from bnproof.implementations.conventions import resolve_convention
from bnproof.laws.law import Law, load_laws

#: Cases drawn at random, by effort; those at the extremes come on top. Ten cases suffice for a
#: formula that is wrong everywhere. More of them reach combinations of rank, dtype and absent
#: parameters that ten cases miss, and the time of a check grows in proportion.
EFFORTS = {"quick": 10, "standard": 60, "thorough": 500}

#: Areas that a law about numbers may be told in, by the inputs on which it is broken.
SPECIAL = ("accuracy", "half", "layout", "edges")


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
        The only laws, areas or findings to tell of (all of them where it is empty), and those not
        to tell of.  The area ``half`` judges all laws, on half precision alone.
    expect
        Laws, areas or findings that are known to fail, with the reason; passing is then a
        violation.
    dtypes, ranks, methods
        The only dtypes and ranks of x to ask about, and the only methods to call; all that the
        implementation supports where they are empty.
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
    dtypes: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    methods: tuple[str, ...] = ()
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
    for method in options.methods:
        if method not in METHODS:
            raise ValueError(f"there is no method {method!r}: use {', '.join(METHODS)}")
    plan = select_laws(options.select, options.ignore, tuple(options.expect))
    if not plan:
        raise ValueError("no law is left: everything selected is ignored")
    planned = {law.id for law in plan}
    for name in options.expect:
        if name in load_laws() and name not in planned:
            raise UnknownLaw(
                f"{name} is expected to fail, but is not judged: select it, or drop the expectation"
            )
    return plan


def names_finding(name: str, finding: Finding) -> bool:
    """Whether a name stands for a finding: its own id, its area, or a law that it is about.

    Parameters
    ----------
    name
        What was selected, ignored or expected.
    finding
        What was found.
    """
    return name in (finding.id, finding.area, *finding.laws)


def tells(options: CheckOptions, finding: Finding) -> bool:
    """Whether a finding is to be told, by what was selected and ignored."""
    selected = (
        not options.select
        # All laws were judged, on half precision alone: whatever they find is of that area.
        or "half" in options.select
        or any(names_finding(name, finding) for name in options.select)
    )
    # A law that is ignored was not judged, so a finding has none of them.
    ignored = any(name in (finding.id, finding.area) for name in options.ignore)
    return selected and not ignored


def select_laws(
    select: tuple[str, ...], ignore: tuple[str, ...] = (), named: tuple[str, ...] = ()
) -> list[Law]:
    """Choose laws by name.

    Parameters
    ----------
    select
        Ids of the laws wanted, areas, or ids of findings; all laws where it is empty.  An area
        stands for all laws that can show a finding of it, and so does a finding of that area.
    ignore
        What to leave out.  Of these, only ids of laws choose anything here.
    named
        Further names that have to exist, though they choose nothing.

    Returns
    -------
    list of Law
        In the order in which laws are listed, whatever the order of ``select``.

    Raises
    ------
    UnknownLaw
        For a name that is none; the message names near ones.
    """
    for name in (*select, *ignore, *named):
        if name not in load_laws() and name.partition("/")[0] not in AREAS:
            # A cutoff below the usual 0.6, because ids are long and people type the beginning.
            # Where nothing is near, the whole list helps more than silence.
            known = [*load_laws(), *AREAS]
            near = get_close_matches(name, known, n=3, cutoff=0.4) or known
            raise UnknownLaw(f"there is no law or area {name!r}: try {', '.join(near)}")
    # "layout" is a law too: the area stands for it and for more.
    areas = {name.partition("/")[0] for name in select if name in AREAS or "/" in name}
    return [
        law
        for law in load_laws().values()
        if (not select or law.id in select or any(_can_show(law, area) for area in areas))
        and law.id not in ignore
    ]


def _can_show(law: Law, area: str) -> bool:
    """Whether a finding of an area may come from a law.

    A defect of numbers is told as one of accuracy, half precision, layout or edges where it shows
    on such inputs alone.
    """
    return area in law.areas or (area in SPECIAL and not law.area)
