"""The likely causes: models of known mechanisms are asked the same questions as the target.

The catalogue of known bugs (:mod:`bnproof.mutants`) holds a small implementation for each
mechanism, whose answers are compared with those that came back.  A model fits where it breaks a law
on the same input with the same answer, and breaks nothing that the target keeps.  Two wrong
formulas differ from each other about as much as from the right one, so equal answers on several
inputs leave little room for chance.

A target may have several defects.  So a broken law is looked at in each place where it fails (half
precision, a mean far from 0, ordinary inputs) by itself, and the models share these *spots* among
them: the model that explains most comes first, and the next one explains what is left.

What no model explains is told by area, with the family that the pattern of broken laws points to
(:mod:`bnproof.verification.families`), or as unknown.  No verdict depends on any of this.  Start
reading at :func:`diagnose`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from bnproof.contract import QUANTITIES, Case, Cause, Convention, Measurement
from bnproof.formats import is_half
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.targets import as_implementation
from bnproof.implementations.through_state import ThroughState
from bnproof.laws.answers import Answers, Target
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.mutants.catalogue import MENDS, Mutant, list_mutants, read_bugs
from bnproof.verification.examining import Examination
from bnproof.verification.extents import SMALL_KAPPA, Traits, find_place
from bnproof.verification.families import find_family
from bnproof.verification.growth import grows_like_one_pass
from bnproof.verification.session import Broken, Spot, find_like, find_spot, measure_broken
from bnproof.verification.walk_judge import Walked
from bnproof.verification.walks import explore

# Every model of the catalogue is asked about each of these inputs, so their number sets the time
# a diagnosis takes. On a single one, two mechanisms may happen to give the same answer; and each
# place in which laws fail needs one of its own.
CASES = 6
# Of an input, so many broken laws are looked at before a model is judged by all of them. Most
# models fail this first look.
TELLING = 8
# How near a model's answer has to be, as a share of the error. The target rounds differently from
# the model, which moves an answer by far less than this. Another mechanism moves it by about the
# error itself.
CLOSE = 2.0**-10
# Laws that tell their cause themselves, without any model.
DIRECT = {
    "repeats": (
        "state carried between calls",
        (
            "an answer depends on more than its arguments: state kept between calls, uninitialised"
            " memory, or a race"
        ),
    ),
    "untouched": ("argument modified", "an array of the caller is overwritten"),
}
# The families of the catalogue, in words for a reader.
FAMILIES = {
    "forward": "the forward pass",
    "gradient": "the gradients",
    "running-stats": "the running statistics",
    "inference": "inference",
    "fold": "folding",
    "distributed": "the synchronised step",
    "layout": "the memory layout",
    "dtype": "half-precision arithmetic",
    "variance-numerics": "the arithmetic of the variance",
    "edge-case": "degenerate batches",
}
HALF_STRIDED = Cause(
    "half sums of strided arrays",
    "arrays of half precision are summed in half precision where they are not contiguous, as"
    " PyTorch 2.13 does in its backward pass",
    "same pattern",
)
ONE_PASS = Cause(
    "one-pass variance",
    "one-pass variance: the error of the output grows with the square of mean/std, as that of"
    " mean(x^2) - mean(x)^2 does",
    "same pattern",
    read_bugs()["V01"].sources,
    "V01",
    MENDS["one-pass variance"],
)
UNKNOWN = Cause("unknown", "no known mechanism gives these answers", "unknown")


@dataclass(frozen=True)
class Group:
    """Spots with one cause, or with one that is not known.

    Attributes
    ----------
    cause
        What probably went wrong there.
    spots
        The broken laws, each where it fails; in the order of the plan.
    """

    cause: Cause
    spots: tuple[Spot, ...]


@dataclass(frozen=True)
class Exhibit:
    """One input with everything a model is compared by.

    Attributes
    ----------
    case
        The input.
    oracle
        Its exact values and bounds, under the target's convention.
    laws
        The laws that apply to a batch of this size, by id.
    seen
        What the target's broken laws saw; empty on a clean case.
    expected
        The laws that a correct batch norm breaks here, because the models follow one convention and
        the target another.  No model is blamed for them.
    """

    case: Case
    oracle: Oracle
    laws: Mapping[str, Law]
    seen: Mapping[str, Measurement]
    expected: frozenset[str] = frozenset()

    @classmethod
    def from_target(cls, target: Target, case: Case, laws: Mapping[str, Law]) -> Exhibit:
        """Judge the target once more on a case, by all laws that apply to it."""
        oracle = Oracle.from_convention(target.convention, case)
        applying = {name: law for name, law in laws.items() if case.x.size <= law.most}
        seen = measure_broken(Answers(target, case), oracle, applying)
        exhibit = cls(case, oracle, applying, seen)
        correct = _build_model(NumpyBatchNorm, "numpy", target.convention)
        return replace(exhibit, expected=frozenset(exhibit.measure(correct, applying)))

    def measure(self, model: Target, laws: Mapping[str, Law]) -> dict[str, Measurement]:
        """Measure what a model breaks here, of some of the laws."""
        # with the eps that the target's convention makes of the one that is handed over
        case = replace(self.case, eps=self.oracle.case.eps)
        broken = measure_broken(Answers(model, case), self.oracle, laws)
        return {name: seen for name, seen in broken.items() if name not in self.expected}

    def list_spots(self) -> Iterator[tuple[Spot, Measurement]]:
        """List the spots that this input shows, each with what was seen."""
        place = find_place(Traits.from_case(self.case))
        for name, seen in self.seen.items():
            law = self.laws[name]
            for one in (seen, *seen.also) if law.by_method else (seen,):
                yield find_spot(law, Broken(self.case, one, law.area or place)), one

    def select_telling(self) -> dict[str, Measurement]:
        """Choose a few of the broken laws.

        Of those about numbers it takes one for each quantity: two bugs may meet in one method.
        """
        by_quantity = {
            (seen.quantities or (name,))[0] if seen.got is not None else name: name
            for name, seen in self.seen.items()
        }
        return {name: self.seen[name] for name in list(by_quantity.values())[:TELLING]}


def choose_cases(broken: Mapping[Spot, Sequence[Broken]]) -> list[Case]:
    """Choose a few small cases that between them show as many of the spots as possible.

    Parameters
    ----------
    broken
        Spot by spot the failing cases that were kept.

    Returns
    -------
    list of Case
        At most ``CASES``.  The one that adds most spots comes first; of equals, the one with the
        fewest entries.  What room is left goes to the smallest of the others.
    """
    shown: dict[int, tuple[Case, set[Spot]]] = {}
    for spot, kept in broken.items():
        for one in kept:
            shown.setdefault(id(one.case), (one.case, set()))[1].add(spot)
    chosen: list[Case] = []
    missing = set(broken)
    while missing and len(chosen) < CASES:
        case, spots = max(
            shown.values(), key=lambda entry: (len(entry[1] & missing), -entry[0].x.size)
        )
        if not spots & missing:
            break
        chosen.append(case)
        # Greedy: each case is chosen for the spots that no earlier one shows.
        missing -= spots
    others = sorted((case for case, _ in shown.values()), key=lambda case: case.x.size)
    further = [case for case in others if all(case is not known for known in chosen)]
    return [*chosen, *further[: CASES - len(chosen)]]


def diagnose(examination: Examination, *, without: str = "") -> list[Group]:
    """Group everything that is broken by its likely cause.

    Parameters
    ----------
    examination
        What all laws saw of the target, which is asked again.
    without
        The id of a model that is left out.  Diagnosis is tested in this way: without its own model
        a bug must not get the name of another one.

    Returns
    -------
    list of Group
        Between them they have every spot once.  A target with two bugs that show apart gets a group
        for each.
    """
    broken = examination.session.group_broken(examination.plan)
    walks = [Spot(law.id, law.area) for law in examination.plan if law.id in examination.walks]
    laws = {law.id: law for law in examination.judgeable}
    # The clean cases are exhibits as well: the target breaks nothing there, and a model that does
    # is ruled out.
    exhibits = [
        Exhibit.from_target(examination.session.target, case, laws)
        for case in (*choose_cases(broken), *examination.session.clean)
    ]
    matches = [
        match
        for model in list_mutants().values()
        # Models of correct variants break no law, so they explain none.
        if model.kind != "correct" and model.id != without
        if (match := _match(model, examination, laws, exhibits)).explained
    ]
    left = [*broken, *walks]
    shares: list[tuple[Match, list[Spot]]] = []
    while matches:
        # ``max`` keeps the order of the catalogue among equals.
        best = max(matches, key=lambda match: len(match.explained.intersection(left)))
        explained = [spot for spot in left if spot in best.explained]
        if not explained:
            break
        shares.append((best, explained))
        left = [spot for spot in left if spot not in best.explained]
    for spot in left[:]:
        # A model that breaks the law here too, with another answer, still accounts for it: the two
        # round differently, or two defects meet.
        own = next((spots for known, spots in shares if known.breaks(spot, broken)), None)
        if own is not None:
            own.append(spot)
            left.remove(spot)
    order = {spot: number for number, spot in enumerate((*broken, *walks))}
    groups = [
        Group(_name_cause(match.model), tuple(sorted(spots, key=order.__getitem__)))
        for match, spots in shares
    ]
    return _follow([*groups, *_guess_groups(left, broken, examination, laws)], broken, laws)


def _follow(
    groups: Sequence[Group],
    broken: Mapping[Spot, Sequence[Broken]],
    laws: Mapping[str, Law],
) -> list[Group]:
    """Join what follows from another group with it, and keep the order of the others.

    A sequence of calls shows the wrong formula of a single one, and whatever comes from a method
    that does not repeat itself is no news.
    """
    joined: list[Group] = []
    for group in groups:
        number = None
        if group.cause.confidence != "same values":
            number = _find_causing(group, groups, joined, laws)
            unsteady = (n for n, other in enumerate(joined) if _is_unsteady(group, other, broken))
            number = next(unsteady, None) if number is None else number
            number = _find_edges(group, joined, laws) if number is None else number
        if number is None:
            joined.append(group)
        else:
            other = joined[number]
            joined[number] = replace(other, spots=(*other.spots, *group.spots))
    return joined


def _find_causing(
    group: Group, groups: Sequence[Group], joined: Sequence[Group], laws: Mapping[str, Law]
) -> int | None:
    """The first of the joined groups that has a law from which one of this group follows.

    ``None`` where some law of the group follows from nothing that is broken.
    """
    known = {spot.law for other in groups if other is not group for spot in other.spots}
    if not all(known.intersection(laws[spot.law].follows) for spot in group.spots):
        return None
    causing = {name for spot in group.spots for name in laws[spot.law].follows}
    return next(
        (n for n, other in enumerate(joined) if causing & {spot.law for spot in other.spots}), None
    )


def _find_edges(group: Group, joined: Sequence[Group], laws: Mapping[str, Law]) -> int | None:
    """The first of the joined groups that is about degenerate batches alone, if this one is too:
    who treats no such batch has one thing to add."""

    def is_about_edges(one: Group) -> bool:
        return all(laws[spot.law].area == "edges" for spot in one.spots)

    if not is_about_edges(group):
        return None
    return next((n for n, other in enumerate(joined) if is_about_edges(other)), None)


def _is_unsteady(group: Group, other: Group, broken: Mapping[Spot, Sequence[Broken]]) -> bool:
    """Whether a group is about methods alone whose answers another one says to be unsteady."""
    unsteady = {spot.method for spot in other.spots if spot.law in DIRECT}
    about = {
        _find_measured_method(one.seen) for spot in group.spots for one in broken.get(spot, ())
    }
    return bool(about) and about <= unsteady


def _name_cause(mutant: Mutant) -> Cause:
    """The mechanism of a model, in the words of its docstring, and where the bug was seen."""
    says = f"{mutant.mechanism}: {' '.join(mutant.says.split())}"
    return Cause(
        mutant.mechanism, says, "same values", mutant.bug.sources, mutant.bug.id, mutant.mend
    )


def _guess_groups(
    spots: Sequence[Spot],
    broken: Mapping[Spot, Sequence[Broken]],
    examination: Examination,
    laws: Mapping[str, Law],
) -> list[Group]:
    """The spots that no model explains, by what they are about."""
    direct = {
        law: {spot.method for spot in spots if spot.law == law}
        for law in DIRECT
        if any(spot.law == law for spot in spots)
    }
    ordinary = {
        (spot.law, _find_home(spot, broken, laws)) for spot in spots if spot.place == "ordinary"
    }
    grouped: dict[tuple[str, ...], list[Spot]] = {}
    for spot in spots:
        telling = _find_direct(spot, broken, direct)
        home = _find_home(spot, broken, laws)
        if telling:
            key: tuple[str, ...] = ("direct", telling)
        elif home == "layout" and _is_strained(spot, broken):
            # Another layout is summed in another order, whose noise is as large there.
            key = ("accuracy",)
        elif home == "edges" and not spot.method:
            # Who treats no degenerate batch has one thing to add.
            key = (home,)
        elif laws[spot.law].area:
            # A law that asks for a special input is a matter of its own, and so is every method
            # that fails in a way of its own.
            key = (home, spot.method or spot.law)
        elif spot.place == "ordinary" or (spot.law, home) in ordinary:
            # What fails on ordinary inputs fails elsewhere for the same reason.
            key = (home,)
        else:
            key = (spot.place,)
        grouped.setdefault(key, []).append(spot)
    _join_places(grouped, examination)
    groups = []
    for key, members in grouped.items():
        if key[0] == "direct":
            mechanism, says = DIRECT[key[1]]
            cause_of = Cause(mechanism, says, "same pattern", mend=MENDS[mechanism])
        elif key == ("accuracy",) and _is_one_pass(examination):
            cause_of = ONE_PASS
        elif all(laws[spot.law].area == "layout" and _is_half(spot, broken) for spot in members):
            cause_of = HALF_STRIDED
        else:
            cause_of = _guess_cause(members, broken, examination, laws)
        groups.append(Group(cause_of, tuple(members)))
    return groups


def _join_places(grouped: dict[tuple[str, ...], list[Spot]], examination: Examination) -> None:
    """Make one group of half precision and strained inputs where one law fails in both.

    It is one defect then, which ordinary inputs are too small to show, unless the strained inputs
    have a cause of their own.
    """
    half, strained = ("half",), ("accuracy",)
    if half in grouped and strained in grouped:
        shared = {s.law for s in grouped[half]} & {s.law for s in grouped[strained]}
        if shared and not _is_one_pass(examination):
            grouped[strained] += grouped.pop(half)


def _is_one_pass(examination: Examination) -> bool:
    """Whether the error of the output grows as that of a one-pass variance does."""
    session = examination.session
    return grows_like_one_pass(session.target, session.supports)


def _find_direct(
    spot: Spot,
    broken: Mapping[Spot, Sequence[Broken]],
    direct: Mapping[str, set[str]],
) -> str:
    """The law that tells the cause of this spot directly, if one does; else empty.

    It explains another law only where both are about the same method.
    """
    if spot.law in direct:
        return spot.law
    about = {_find_measured_method(one.seen) for one in broken.get(spot, ())} - {""}
    return next((law for law, methods in direct.items() if about and about <= methods), "")


def _is_half(spot: Spot, broken: Mapping[Spot, Sequence[Broken]]) -> bool:
    """Whether every failing case is in half precision."""
    kept = broken.get(spot, ())
    return bool(kept) and all(is_half(one.case.dtype) for one in kept)


def _is_strained(spot: Spot, broken: Mapping[Spot, Sequence[Broken]]) -> bool:
    """Whether every failing case has a mean that is large against the spread."""
    kept = broken.get(spot, ())
    return bool(kept) and all(Traits.from_case(one.case).kappa > SMALL_KAPPA for one in kept)


def _find_home(spot: Spot, broken: Mapping[Spot, Sequence[Broken]], laws: Mapping[str, Law]) -> str:
    """The area of the law, or that of the quantities that are wrong most often."""
    law = laws[spot.law]
    if law.area:
        return law.area
    areas = [find_area(law, one.seen) for one in broken.get(spot, ())]
    return max(areas, key=areas.count, default="formula")


def find_area(law: Law, seen: Measurement) -> str:
    """Find the area of what a law saw: its own, else that of the quantity that is wrong."""
    if law.area:
        return law.area
    named = [name for name in (*seen.quantities, *law.quantities) if name in QUANTITIES]
    return QUANTITIES[named[0]].area if named else "formula"


def _guess_cause(
    members: Sequence[Spot],
    broken: Mapping[Spot, Sequence[Broken]],
    examination: Examination,
    laws: Mapping[str, Law],
) -> Cause:
    """The family that the pattern of these spots points to."""
    pairs = [(one.case, one.seen) for spot in members for one in broken.get(spot, ())]
    violated = [laws[spot.law] for spot in members]
    name = find_family(violated, pairs, examination.shares)
    if not name:
        return UNKNOWN
    return Cause(
        name,
        f"no known mechanism gives these answers; the broken laws point to {FAMILIES[name]}",
        "same pattern",
        family=True,
    )


def _build_model(make: Callable[..., Any], name: str, convention: Convention) -> Target:
    """A model that follows the convention of the target, as far as its formulas allow.

    Momentum and the channels' axis are translated when arguments are built.  What is tracked is a
    formula of the model, which is replaced unless the model itself gets it wrong.
    """
    own = resolve_convention(getattr(make, "convention", "torch"))
    if (
        isinstance(make, type)
        and own.running_var != convention.running_var
        and getattr(make, "bessel", None) is NumpyBatchNorm.bessel
    ):
        make = type(make.__name__, (make,), {"bessel": lambda self, v, m: v})
        own = replace(own, running_var=convention.running_var)
    return Target(as_implementation(make, name), own)


@dataclass(frozen=True)
class Match:
    """How a model compares with the target.

    Attributes
    ----------
    model
        The model of a known bug.
    explained
        The spots where it gives the same answers on all exhibits.
    touched
        The spots where it breaks the same law, with the same answer or with another one.
    breaks_on
        Asks it about a spot that no exhibit shows.
    """

    model: Mutant
    explained: frozenset[Spot]
    touched: frozenset[Spot] = frozenset()
    breaks_on: Callable[[Spot, Broken], bool] = lambda spot, broken: False

    def breaks(self, spot: Spot, broken: Mapping[Spot, Sequence[Broken]]) -> bool:
        """Whether the model breaks the law there as well."""
        if spot in self.touched:
            return True
        smallest = min(broken.get(spot, ()), key=lambda one: one.case.x.size, default=None)
        return smallest is not None and self.breaks_on(spot, smallest)


def _match(
    model: Mutant, examination: Examination, laws: Mapping[str, Law], exhibits: Sequence[Exhibit]
) -> Match:
    """Compare a model with the target on every exhibit.

    It explains nothing where it breaks a law that the target keeps on the same case, for then the
    target does something else.  A spot is not explained where the two differ on one exhibit, even
    if they agree on all others.
    """
    convention = examination.session.target.convention
    target = _build_model(model.make, model.id, convention)
    if isinstance(target.implementation, ThroughState):
        spots = _match_walks(target.implementation, examination, laws)
        return Match(model, frozenset(spots), frozenset(spots))
    # A cheap look at few laws spares nearly all models the full comparison.
    if not any(_agrees(target, exhibit) for exhibit in exhibits):
        return Match(model, frozenset())
    explained: set[Spot] = set()
    touched: set[Spot] = set()
    contradicted: set[Spot] = set()
    for exhibit in exhibits:
        broken = exhibit.measure(target, exhibit.laws)
        if not broken.keys() <= exhibit.seen.keys():
            return Match(model, frozenset())
        for spot, seen in exhibit.list_spots():
            answer = _find_answer(broken, spot, exhibit.laws)
            touched |= {spot} if answer else set()
            (explained if _is_same_answer(answer, seen) else contradicted).add(spot)

    def breaks_on(spot: Spot, broken: Broken) -> bool:
        exhibit = Exhibit(broken.case, Oracle.from_convention(convention, broken.case), laws, {})
        answers = exhibit.measure(target, {spot.law: laws[spot.law]})
        return _find_answer(answers, spot, laws) is not None

    return Match(model, frozenset(explained - contradicted), frozenset(touched), breaks_on)


def _find_answer(
    broken: Mapping[str, Measurement], spot: Spot, laws: Mapping[str, Law]
) -> Measurement | None:
    """What a model's broken laws say of a spot."""
    seen = broken.get(spot.law)
    return seen and find_like(seen, laws[spot.law], spot.method)


def _agrees(target: Target, exhibit: Exhibit) -> bool:
    """A first look: whether a model breaks any of a few laws in the same way."""
    telling = exhibit.select_telling()
    broken = exhibit.measure(target, {name: exhibit.laws[name] for name in telling})
    return any(_is_same_answer(broken.get(name), seen) for name, seen in telling.items())


def _find_measured_method(seen: Measurement) -> str:
    """The method that returns what was measured; empty for a failure without a quantity."""
    first = seen.quantities[0] if seen.quantities else ""
    return QUANTITIES[first].method if first in QUANTITIES else ""


def _is_same_answer(model: Measurement | None, seen: Measurement) -> bool:
    """Whether a model gave the same answer as the target.

    Values have to be equal up to ``CLOSE`` of the error and worst at the same place.  Where the law
    compared no values, the failure has to be the same.
    """
    if model is None or model.quantities != seen.quantities:
        return False
    if seen.got is None or model.got is None:
        return seen.got == model.got and model.failure == seen.failure
    if not isfinite(seen.got):
        # The text tells NaN, inf and -inf apart, and NaN is not equal to itself.
        return repr(model.got) == repr(seen.got) and model.where == seen.where
    return model.where == seen.where and abs(seen.got - model.got) <= CLOSE * abs(
        seen.got - seen.exact[0]
    )


def _match_walks(
    model: ThroughState, examination: Examination, laws: Mapping[str, Law]
) -> set[Spot]:
    """The spots that a model of a layer explains: all of them, or none.

    The same sequences have to break the same laws, with the same answers or in the same words.  A
    state carries what one call did wrong into the next ones, so a part of the laws shows nothing.
    """
    session, seen = examination.session, examination.walks
    if not seen or not isinstance(session.target.implementation, ThroughState):
        return set()
    convention = resolve_convention(getattr(model, "convention", "torch"))
    wanted = frozenset(law.id for law in laws.values() if law.measure is None)
    broken = explore(Walked(model.make, convention, session.supports, wanted, session.seed))
    if broken.keys() != seen.keys():
        return set()
    same = all(_is_same_step(broken[law].seen, one.seen) for law, one in seen.items())
    if not same:
        return set()
    return {
        *session.group_broken(examination.plan),
        *(Spot(law.id, law.area) for law in examination.plan if law.id in seen),
    }


def _is_same_step(model: Measurement, seen: Measurement) -> bool:
    """Whether two layers broke a law in the same way.

    The two may have been driven with other numbers, because a walk is shortened for each by itself.
    So a failure counts as the same if it is of the same kind.
    """
    if seen.got is not None:
        return _is_same_answer(model, seen)
    return seen.failure is not None and seen.failure.resembles(model.failure)
