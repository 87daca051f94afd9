"""The likely cause: models of known mechanisms are asked the same questions, and compared with what
came back.

The catalogue of known bugs (:mod:`bnproof.mutants`) holds a small implementation for each
mechanism.  A model fits where it breaks a law on the same input with the same answer, and breaks
nothing that the target keeps.  Two wrong formulas differ from each other about as much as from the
right one, so equal answers on several inputs leave little room for chance.

Where none fits, the pattern of broken laws gives at most the family
(:mod:`bnproof.verification.families`); else the cause is unknown.  No verdict depends on any of
this.  Start reading at :func:`find_causes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from bnproof.contract import METHODS, QUANTITIES, Case, Cause, Measurement
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.targets import as_implementation
from bnproof.implementations.through_state import ThroughState
from bnproof.laws.answers import Answers, Target
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.mutants.catalogue import Mutant, list_mutants
from bnproof.verification.examining import Examination
from bnproof.verification.families import find_family
from bnproof.verification.session import Broken, find_failed_method, measure_broken
from bnproof.verification.walk_judge import Walked
from bnproof.verification.walks import explore

# Every model of the catalogue is asked about each of these inputs, so their number sets the time
# a diagnosis takes. On a single one, two mechanisms may happen to give the same answer.
CASES = 4
# Of an input, so many broken laws are looked at before a model is judged by all of them. Most
# models fail this first look.
TELLING = 5
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
UNKNOWN = Cause("unknown", "no known mechanism gives these answers", "unknown")


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
    """

    case: Case
    oracle: Oracle
    laws: Mapping[str, Law]
    seen: Mapping[str, Measurement]

    @classmethod
    def from_target(cls, target: Target, case: Case, laws: Mapping[str, Law]) -> Exhibit:
        """Judge the target once more on a case, by all laws that apply to it."""
        oracle = Oracle.from_convention(target.convention, case)
        applying = {name: law for name, law in laws.items() if case.x.size <= law.most}
        return cls(case, oracle, applying, measure_broken(Answers(target, case), oracle, applying))

    def select_telling(self) -> dict[str, Measurement]:
        """Choose a few of the broken laws.

        Of those about numbers it takes one for each method: a wrong formula usually shows in all
        outputs of its method, and one of them tells whether a model is the same.
        """
        by_method = {_find_measured_method(seen) or name: name for name, seen in self.seen.items()}
        return {name: self.seen[name] for name in list(by_method.values())[:TELLING]}


def choose_cases(broken: Mapping[str, Sequence[Broken]]) -> list[Case]:
    """Choose a few small cases that between them show as many of the broken laws as possible.

    Parameters
    ----------
    broken
        Law by law the failing cases that were kept.

    Returns
    -------
    list of Case
        At most ``CASES``.  The one that adds most broken laws comes first; of equals, the one with
        the fewest entries.  What room is left goes to the smallest of the others.
    """
    shown: dict[int, tuple[Case, set[str]]] = {}
    for law, kept in broken.items():
        for one in kept:
            shown.setdefault(id(one.case), (one.case, set()))[1].add(law)
    chosen: list[Case] = []
    missing = set(broken)
    while missing and len(chosen) < CASES:
        case, laws = max(
            shown.values(), key=lambda entry: (len(entry[1] & missing), -entry[0].x.size)
        )
        if not laws & missing:
            break
        chosen.append(case)
        # Greedy: each case is chosen for the broken laws that no earlier one shows.
        missing -= laws
    others = sorted((case for case, _ in shown.values()), key=lambda case: case.x.size)
    further = [case for case in others if all(case is not known for known in chosen)]
    return [*chosen, *further[: CASES - len(chosen)]]


def find_causes(examination: Examination, *, without: str = "") -> dict[str, Cause]:
    """Find the likely cause of every broken law.

    Parameters
    ----------
    examination
        What all laws saw of the target, which is asked again.
    without
        The id of a model that is left out.  Diagnosis is tested in this way: without its own model
        a bug must not get the name of another one.

    Returns
    -------
    dict
        By the id of the law, its cause.  Several laws may have the same one, and a target with two
        bugs gets both, each for the laws it explains.

    Notes
    -----
    Of several models that explain a law, the one that explains most laws is named.
    """
    laws = {law.id: law for law in examination.judgeable}
    session = examination.session
    # The clean cases are exhibits as well: the target breaks nothing there, and a model that does
    # is ruled out.
    exhibits = [
        Exhibit.from_target(session.target, case, laws)
        for case in (*choose_cases(session.broken), *session.clean)
    ]
    models = [
        model
        for model in list_mutants().values()
        # Models of correct variants break no law, so they explain none.
        if model.kind != "correct" and model.id != without
    ]
    fitting = [
        (model, fit) for model in models if (fit := _match_laws(model, examination, laws, exhibits))
    ]
    # The model that explains most comes first, and the sort keeps the order of the catalogue among
    # equals.
    fitting.sort(key=lambda entry: -len(entry[1]))
    causes: dict[str, Cause] = {}
    # in the order of the plan, for a set has none
    for law in (name for name in laws if name in examination.broken):
        fits = next((model for model, explained in fitting if law in explained), None)
        causes[law] = _name_cause(fits) if fits else _guess_cause(examination, laws[law], laws)
    return causes


def _name_cause(mutant: Mutant) -> Cause:
    """The mechanism of a model, in the words of its docstring, and where the bug was seen."""
    says = f"{mutant.mechanism}: {' '.join(mutant.says.split())}"
    return Cause(mutant.mechanism, says, "same values", mutant.bug.sources)


def _guess_cause(examination: Examination, law: Law, laws: Mapping[str, Law]) -> Cause:
    """The cause of a law that no model explains: one that a law names directly, else the family.

    A direct cause explains a law only where both are about the same method.  A law about all
    methods says nothing about that.
    """
    broken = examination.session.broken
    for name, (mechanism, says) in DIRECT.items():
        methods = {find_failed_method(one.seen) for one in broken.get(name, ())}
        about = {QUANTITIES[q].method for q in law.quantities if q in QUANTITIES}
        if name == law.id or (len(about) < len(METHODS) and about & methods):
            return Cause(mechanism, says, "same pattern")
    # All failing cases count, not only those of this law: the pattern is that of the whole target.
    pairs = [(one.case, one.seen) for kept in broken.values() for one in kept]
    violated = [laws[name] for name in examination.broken]
    name = find_family(violated, pairs, examination.shares)
    if not name:
        return UNKNOWN
    return Cause(
        name,
        f"no known mechanism gives these answers; the broken laws are those of {name}",
        "same pattern",
    )


def _match_laws(
    model: Mutant, examination: Examination, laws: Mapping[str, Law], exhibits: Sequence[Exhibit]
) -> set[str]:
    """The laws that a model explains: it breaks them wherever the target does, with the same
    answers.

    Empty where the model breaks a law that the target keeps on the same case, for then the target
    does something else.  A law is contradicted where the two differ on one exhibit, even if they
    agree on all others.
    """
    implementation = as_implementation(model.make, model.id)
    if isinstance(implementation, ThroughState):
        return _match_walks(implementation, examination, laws)
    target = Target(
        implementation, resolve_convention(getattr(implementation, "convention", "torch"))
    )
    # A cheap look at few laws spares nearly all models the full comparison.
    if not any(_agrees(target, exhibit) for exhibit in exhibits):
        return set()
    explained: set[str] = set()
    contradicted: set[str] = set()
    for exhibit in exhibits:
        broken = measure_broken(Answers(target, exhibit.case), exhibit.oracle, exhibit.laws)
        if not broken.keys() <= exhibit.seen.keys():
            return set()
        same = {law for law, seen in exhibit.seen.items() if _is_same_answer(broken.get(law), seen)}
        explained |= same
        contradicted |= exhibit.seen.keys() - same
    return explained - contradicted


def _agrees(target: Target, exhibit: Exhibit) -> bool:
    """A first look: whether a model breaks any of a few laws in the same way."""
    telling = exhibit.select_telling()
    broken = measure_broken(
        Answers(target, exhibit.case),
        exhibit.oracle,
        {name: exhibit.laws[name] for name in telling},
    )
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
) -> set[str]:
    """The laws that a model of a layer explains: all of them, or none.

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
    return examination.broken if same else set()


def _is_same_step(model: Measurement, seen: Measurement) -> bool:
    """Whether two layers broke a law in the same way.

    The two may have been driven with other numbers, because a walk is shortened for each by itself.
    So a failure counts as the same if it is of the same kind.
    """
    if seen.got is not None:
        return _is_same_answer(model, seen)
    return seen.failure is not None and seen.failure.resembles(model.failure)
