"""The likely cause: models of known mechanisms are asked the same questions, and compared with what
came back.

A model fits where it breaks a law on the same input with the same answer, and breaks nothing that
the target keeps.  Where none fits, the pattern of broken laws gives at most the family; else the
cause is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from bnproof.certify.bounds import NoBound
from bnproof.contract import METHODS, QUANTITIES, Case, Cause, Measurement
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.layers import ThroughState
from bnproof.implementations.targets import as_implementation
from bnproof.laws.answers import Answers, Target
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import Supports
from bnproof.mutants.catalogue import Mutant, list_mutants
from bnproof.verification.families import find_family
from bnproof.verification.session import find_failed_method, measure
from bnproof.verification.walks import Walks, explore

CASES = 4  # inputs on which models are compared
TELLING = 5  # broken laws of an input that are looked at first
CLOSE = 2.0**-10  # of the error: how near a model's answer has to be
DIRECT = {  # laws that name their cause
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
class Evidence:
    """What is known of the target: broken laws with what they saw, and what sequences of calls
    broke."""

    target: Target
    seed: int
    supports: Supports
    broken: Mapping[str, Sequence[tuple[Case, Measurement]]]
    of_walks: Mapping[str, Measurement]
    shares: Mapping[str, float]  # in which part of its cases each law is broken
    clean: Sequence[Case] = ()  # on which no law is broken

    @property
    def violated(self) -> set[str]:
        """Every broken law."""
        return {*self.broken, *self.of_walks}

    def choose_cases(self) -> list[Case]:
        """A few small cases that between them show as many of the broken laws as possible."""
        shown: dict[int, tuple[Case, set[str]]] = {}
        for law, pairs in self.broken.items():
            for case, _ in pairs:
                shown.setdefault(id(case), (case, set()))[1].add(law)
        chosen: list[Case] = []
        missing = set(self.broken)
        while missing and len(chosen) < CASES:
            case, laws = max(
                shown.values(), key=lambda entry: (len(entry[1] & missing), -entry[0].x.size)
            )
            if not laws & missing:
                break
            chosen.append(case)
            missing -= laws
        others = sorted((case for case, _ in shown.values()), key=lambda case: case.x.size)
        further = [case for case in others if all(case is not known for known in chosen)]
        return [*chosen, *further[: CASES - len(chosen)]]


@dataclass(frozen=True)
class Exhibit:
    """One input: its oracle, every law that applies to it, and what the target's broken ones
    saw."""

    case: Case
    oracle: Oracle
    laws: Mapping[str, Law]
    seen: Mapping[str, Measurement]

    @classmethod
    def from_target(cls, target: Target, case: Case, laws: Mapping[str, Law]) -> Exhibit:
        """Judge the target once more."""
        oracle = Oracle.from_convention(target.convention, case)
        applying = {name: law for name, law in laws.items() if case.x.size <= law.most}
        return cls(case, oracle, applying, measure_broken(target, case, oracle, applying))

    def select_telling(self) -> dict[str, Measurement]:
        """A few of the broken laws: of those about numbers one for each method."""
        by_method = {_find_measured_method(seen) or name: name for name, seen in self.seen.items()}
        return {name: self.seen[name] for name in list(by_method.values())[:TELLING]}


def measure_broken(
    target: Target, case: Case, oracle: Oracle, laws: Mapping[str, Law]
) -> dict[str, Measurement]:
    """What the laws see that a target breaks on a case."""
    answers, broken = Answers(target, case), {}
    for name, law in laws.items():
        try:
            seen = measure(law, answers, oracle)
        except NoBound:
            continue
        if seen is not None and not seen.holds:
            broken[name] = seen
    return broken


def find_causes(evidence: Evidence, plan: Iterable[Law], *, without: str = "") -> dict[str, Cause]:
    """The likely cause of every broken law; ``without``: the id of a model that is left out."""
    laws = {law.id: law for law in plan}
    exhibits = [
        Exhibit.from_target(evidence.target, case, laws)
        for case in (*evidence.choose_cases(), *evidence.clean)
    ]
    models = [
        model
        for model in list_mutants().values()
        if model.kind != "correct" and model.id != without
    ]
    fitting = [
        (model, fit) for model in models if (fit := _match_laws(model, evidence, laws, exhibits))
    ]
    fitting.sort(key=lambda entry: -len(entry[1]))
    causes: dict[str, Cause] = {}
    for law in evidence.violated:
        fits = next((model for model, explained in fitting if law in explained), None)
        causes[law] = _name_cause(fits) if fits else _guess_cause(evidence, laws[law], laws)
    return causes


def _name_cause(mutant: Mutant) -> Cause:
    says = f"{mutant.mechanism}: {' '.join(mutant.says.split())}"
    return Cause(mutant.mechanism, says, "same values", mutant.row.sources)


def _guess_cause(evidence: Evidence, law: Law, laws: Mapping[str, Law]) -> Cause:
    for name, (mechanism, says) in DIRECT.items():
        methods = {find_failed_method(seen) for _, seen in evidence.broken.get(name, ())}
        about = {QUANTITIES[q].method for q in law.quantities if q in QUANTITIES}
        if name == law.id or (len(about) < len(METHODS) and about & methods):
            return Cause(mechanism, says, "same pattern")
    broken = [pair for pairs in evidence.broken.values() for pair in pairs]
    name = find_family([laws[name] for name in evidence.violated], broken, evidence.shares)
    if not name:
        return UNKNOWN
    return Cause(
        name,
        f"no known mechanism gives these answers; the broken laws are those of {name}",
        "same pattern",
    )


def _match_laws(
    model: Mutant, evidence: Evidence, laws: Mapping[str, Law], exhibits: Sequence[Exhibit]
) -> set[str]:
    """The broken laws that a model breaks in the same way; empty where it breaks one that the
    target keeps."""
    implementation = as_implementation(model.make, model.id)
    if isinstance(implementation, ThroughState):
        return _match_walks(implementation, evidence, laws)
    target = Target(
        implementation, resolve_convention(getattr(implementation, "convention", "torch"))
    )
    if not any(_agrees(target, exhibit) for exhibit in exhibits):
        return set()
    explained: set[str] = set()
    contradicted: set[str] = set()
    for exhibit in exhibits:
        broken = measure_broken(target, exhibit.case, exhibit.oracle, exhibit.laws)
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
        target, exhibit.case, exhibit.oracle, {name: exhibit.laws[name] for name in telling}
    )
    return any(_is_same_answer(broken.get(name), seen) for name, seen in telling.items())


def _find_measured_method(seen: Measurement) -> str:
    """The method that returns what was measured; empty for a failure without a quantity."""
    first = seen.quantities[0] if seen.quantities else ""
    return QUANTITIES[first].method if first in QUANTITIES else ""


def _is_same_answer(model: Measurement | None, seen: Measurement) -> bool:
    """The same answer: equal up to a small share of the error, at the same place; without a value,
    the same failure."""
    if model is None or model.quantities != seen.quantities:
        return False
    if seen.got is None or model.got is None:
        return seen.got == model.got and model.failure == seen.failure
    if not isfinite(seen.got):
        return repr(model.got) == repr(seen.got) and model.where == seen.where
    return model.where == seen.where and abs(seen.got - model.got) <= CLOSE * abs(
        seen.got - seen.exact[0]
    )


def _match_walks(model: ThroughState, evidence: Evidence, laws: Mapping[str, Law]) -> set[str]:
    """A model of a layer fits where the same sequences break the same laws with the same answers,
    or in the same words."""
    if not evidence.of_walks or not isinstance(evidence.target.implementation, ThroughState):
        return set()
    convention = resolve_convention(getattr(model, "convention", "torch"))
    wanted = [law for law in laws.values() if law.measure is None]
    broken = explore(Walks(model.make, wanted, convention, evidence.supports, evidence.seed))
    if broken.keys() != evidence.of_walks.keys():
        return set()
    same = all(_is_same_step(broken[law].seen, seen) for law, seen in evidence.of_walks.items())
    return set(evidence.violated) if same else set()


def _is_same_step(model: Measurement, seen: Measurement) -> bool:
    """The same value, or a failure of the same kind: the two layers may have been driven with other
    numbers."""
    if seen.got is not None:
        return _is_same_answer(model, seen)
    return seen.failure is not None and seen.failure.resembles(model.failure)
