"""From groups of broken laws to findings: what is wrong, where it shows, why, and what to do.

A group has one cause (:mod:`bnproof.verification.diagnosis`).  Here it gets its area, the inputs on
which it shows, its violations and the simplest one of them as an example.  Start reading at
:func:`list_findings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bnproof.contract import AREAS, Cause, Example, Finding, Violation
from bnproof.laws.law import Law
from bnproof.laws.quantities import FORMULAS
from bnproof.mutants.catalogue import read_bugs
from bnproof.verification.diagnosis import DIRECT, Group, diagnose, find_area
from bnproof.verification.examining import Examination
from bnproof.verification.extents import Extent, find_extent
from bnproof.verification.session import Spot
from bnproof.verification.violations import Shown, fit_convention, list_shown
from bnproof.wording import MENDS, describe_other_convention, describe_title

# Laws that compare one output with its exact value. Their messages show a number next to the right
# one, so they read best and come first.
VALUE_LAWS = {formula.law for formula in FORMULAS.values()}
# Areas that laws about numbers belong to. A defect that shows on special inputs alone is told in
# the area of these inputs.
NUMERIC = AREAS[: AREAS.index("workers") + 1]
# Areas of known bugs that show on no ordinary input, by their family.
FAMILY_AREAS = {"variance-numerics": "accuracy", "dtype": "half"}
# Mechanisms that make any output wrong: they are told as what they are.
BEHAVIOUR = {mechanism for mechanism, _ in DIRECT.values()}


@dataclass(frozen=True)
class Explained:
    """A finding with the violations that belong to it, the one that is shown first."""

    finding: Finding
    violations: tuple[Violation, ...]


def list_findings(examination: Examination) -> list[Explained]:
    """Group everything that is broken into findings.

    Parameters
    ----------
    examination
        What all laws saw of the target, which is asked again for smaller inputs.

    Returns
    -------
    list of Explained
        The most harmful first: in the order of the areas, and within one area those with a known
        cause first.
    """
    laws = {law.id: law for law in examination.plan}
    explained = [_explain(located, examination, laws) for located in locate(examination)]
    if examination.settled:
        explained.append(_tell_convention(examination))
    explained.sort(key=lambda one: AREAS.index(one.finding.area))
    return list(_number(explained))


@dataclass(frozen=True)
class Located:
    """A group of broken laws, its area, and the inputs on which it shows."""

    group: Group
    area: str
    extent: Extent


def locate(examination: Examination, *, without: str = "") -> list[Located]:
    """Find the groups of everything that is broken, and where each of them shows.

    Parameters
    ----------
    examination
        What all laws saw.
    without
        The id of a model that the diagnosis must not know.

    Returns
    -------
    list of Located
        The most harmful first.
    """
    laws = {law.id: law for law in examination.plan}
    located = []
    for group in diagnose(examination, without=without):
        extent = find_group_extent(group.spots, examination, laws)
        located.append(Located(group, find_group_area(group, extent, examination, laws), extent))
    return sorted(
        located,
        key=lambda one: (AREAS.index(one.area), one.group.cause.confidence != "same values"),
    )


def _number(explained: Sequence[Explained]) -> Iterator[Explained]:
    """Give findings of one name a number, and their violations the finding's id."""
    seen: dict[str, int] = {}
    for one in explained:
        name = one.finding.id
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name = f"{name}-{seen[name]}"
        finding = replace(one.finding, id=name)
        yield Explained(finding, tuple(replace(v, finding=name) for v in one.violations))


def _tell_convention(examination: Examination) -> Explained:
    """The finding that the target follows a convention without saying so."""
    name = examination.session.target.convention.name
    says = describe_other_convention(name, examination.settled)
    cause = Cause("convention", "the running statistics follow it on every input", "same pattern")
    finding = Finding(
        "statistics/convention",
        "statistics",
        says,
        ("running-mean", "running-variance"),
        "all inputs",
        cause,
        f"declare convention = {name!r}, or check with --convention {name}",
    )
    message = f"{says}: {finding.mend}"
    return Explained(finding, (Violation("convention", "running_mean, running_var", message, ""),))


def _explain(located: Located, examination: Examination, laws: dict[str, Law]) -> Explained:
    """One group as a finding."""
    group, area = located.group, located.area
    shown = list_shown(group.spots, examination, group.cause)
    # Of what does not repeat itself a single call shows nothing. Else values come first, then what
    # has no exact value of its own.
    direct = group.cause.mechanism in BEHAVIOUR
    shown.sort(
        key=lambda one: (
            (direct and one.violation.law not in DIRECT)
            or one.violation.law not in (*VALUE_LAWS, *DIRECT)
        )
    )
    lead = shown[0]
    refuses = lead.seen.failure is not None and lead.seen.failure.refusal
    name = group.cause.bug or ("refuses" if refuses else _name_group(group))
    return Explained(
        Finding(
            f"{area}/{name}",
            area,
            describe_title([one.seen for one in shown], laws[lead.violation.law].says),
            tuple(dict.fromkeys(spot.law for spot in group.spots)),
            located.extent.says,
            group.cause,
            _find_mend(located, lead, examination, laws),
            Example(lead.call, lead.seen),
            lead.violation.reproducer,
            lead.violation.residual,
            _list_touched(located, examination, laws),
        ),
        tuple(one.violation for one in shown),
    )


def _find_mend(
    located: Located, lead: Shown, examination: Examination, laws: dict[str, Law]
) -> str:
    """What to do: about the mechanism, else on such inputs, else where the right formula stands."""
    group, law = located.group, laws[lead.violation.law]
    mend = group.cause.mend or MENDS.get(located.area, "")
    own = dict.fromkeys(laws[spot.law].mend for spot in group.spots if laws[spot.law].mend)
    if located.area == "edges" and own and (not mend or len(own) > 1):
        # Each kind of degenerate batch needs its own treatment.
        mend = "; ".join(own)
    mend = mend or law.mend or _refer(law)
    if located.area == "statistics" and (fitting := fit_convention(examination)):
        # Another convention may be what is wanted.
        return f"declare convention = {fitting.name!r} if that is meant; else {mend}"
    return mend


def _list_touched(
    located: Located, examination: Examination, laws: dict[str, Law]
) -> tuple[str, ...]:
    """The areas in which a group breaks laws; its own one alone where special inputs decide it."""
    homes = _find_homes(located.group, examination, laws)
    if located.area in NUMERIC:
        return tuple(area for area in NUMERIC if area in {*homes, located.area})
    return (located.area,)


def _find_homes(group: Group, examination: Examination, laws: dict[str, Law]) -> set[str]:
    """The areas of what the laws of a group saw."""
    return {
        find_area(laws[spot.law], broken.seen)
        for spot in group.spots
        for broken in examination.session.broken.get(spot.law, ())
        if broken.place == spot.place
    } or {laws[spot.law].area for spot in group.spots}


def _name_group(group: Group) -> str:
    """A name from the first spot; with its method where each method counts."""
    first = group.spots[0]
    return f"{first.law}-{first.method}" if first.method else first.law


def _refer(law: Law) -> str:
    """Where the right formula stands."""
    return f"compare with the derivation: bnproof show {law.theorem}" if law.theorem else law.says


def find_group_extent(
    spots: Sequence[Spot], examination: Examination, laws: dict[str, Law]
) -> Extent:
    """Find on which inputs the laws of a group fail.

    Parameters
    ----------
    spots
        The broken laws, each where it fails.
    examination
        What all laws saw.
    laws
        All laws by id.
    """
    session = examination.session
    numeric = [spot for spot in spots if not laws[spot.law].extent]
    special = " or ".join(dict.fromkeys(filter(None, (laws[spot.law].extent for spot in spots))))
    places = {(spot.law, spot.place) for spot in numeric}
    failing: set[int] = set()
    holding: set[int] = set()
    for spot in numeric:
        for number, holds in session.outcomes.get(spot.law, {}).items():
            if holds:
                holding.add(number)
            elif (spot.law, session.find_place(laws[spot.law], number)) in places:
                failing.add(number)
    if not failing:
        return Extent(f"only {special or 'a sequence of calls'}")
    return find_extent(
        [session.traits[number] for number in sorted(failing)],
        [session.traits[number] for number in sorted(holding - failing)],
    )


def find_group_area(
    group: Group, extent: Extent, examination: Examination, laws: dict[str, Law]
) -> str:
    """Find the area of a group.

    It is that of the inputs where it shows on special ones alone, and else the first of the areas
    of its laws.
    """
    if group.cause.mechanism in BEHAVIOUR:
        return "behaviour"
    homes = _find_homes(group, examination, laws)
    numeric = [area for area in NUMERIC if area in homes]
    if numeric:
        if examination.half_alone:
            return "half"
        return extent.area or FAMILY_AREAS.get(_find_family(group), numeric[0])
    # Laws about memory that fail on strained inputs alone show the noise of the arithmetic there.
    if homes == {"layout"} and extent.area == "accuracy":
        return "accuracy"
    return min(homes, key=AREAS.index)


def _find_family(group: Group) -> str:
    """The family of the known bug that is the cause, where it fails on no ordinary input."""
    if not group.cause.bug or any(spot.place == "ordinary" for spot in group.spots):
        return ""
    return read_bugs()[group.cause.bug].family
