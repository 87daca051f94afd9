"""One row per subject: what the laws, the diagnosis and the baselines say of it.  Every function
runs in a process of its own."""

from __future__ import annotations

import time

from bnproof.accuracy.assessment import assess
from bnproof.baselines.baseline import baselines
from bnproof.contract import Cause
from bnproof.detection.subjects import COMPILES, implementation
from bnproof.implementations.targets import UnusableTarget, load
from bnproof.laws.law import laws
from bnproof.mutants.catalogue import Mutant, mutants
from bnproof.records import Row
from bnproof.verification.diagnosis import find_causes
from bnproof.verification.examining import Examination, examine
from bnproof.verification.planning import CheckOptions, plan_laws
from bnproof.wording import describe_measurement

BY_GROWTH = ("compensated", "pairwise", "naive")


def of_mutant(name: str, effort: str, seed: int) -> Row:
    """Which laws find a bug, in how many cases and seconds, and what the diagnosis says with and
    without its own model."""
    model, start = mutants()[name], time.perf_counter()
    examined = _examine(name, effort, seed)
    seconds = time.perf_counter() - start
    broken = {
        law: [of.violated, of.cases] for law, of in examined.session.tallies.items() if of.violated
    }
    diagnosed = {
        key: _leading(examined, without)
        for key, without in (("cause", ""), ("cause_without", name))
    }
    return {
        "kind": "mutant",
        "id": name,
        "row": model.row.id,
        "family": model.row.family,
        "severity": model.row.severity,
        "year": model.row.year,
        "sources": list(model.row.sources),
        "mechanism": model.mechanism,
        "model": model.kind,
        "says": " ".join(model.says.split()),
        "found": bool(broken),
        "laws": broken,
        "seconds": seconds,
        **(diagnosed if broken else {"cause": None, "cause_without": None}),
        **(graded(model) if model.grade else {"grade": None, "grade_expected": None}),
    }


def _examine(name: str, effort: str, seed: int) -> Examination:
    """Every law on a subject."""
    options = CheckOptions(effort, seed, target=name)
    return examine(implementation(name), plan_laws(options), options)


def _leading(examined: Examination, without: str) -> Row | None:
    """The cause named for most of the broken laws."""
    if not examined.evidence.violated:
        return None
    found = list(find_causes(examined.evidence, examined.judged, without=without).values())
    named: dict[tuple[str, str], list[Cause]] = {}
    for cause in found:
        named.setdefault((cause.mechanism, cause.confidence), []).append(cause)
    first = max(named.values(), key=len)[0]
    return {"mechanism": first.mechanism, "confidence": first.confidence}


def graded(model: Mutant) -> Row:
    """The grade of a badly computed formula, with that of its longest sums."""
    found = assess(model.id, model.make(), effort="quick")
    sums = [of.grade for one in found.graded for of in one.summations.values() if of.grade]
    longest = max(sums, key=BY_GROWTH.index, default="")
    told = f"{found.grade}, {longest}" if "," in model.grade else found.grade
    return {"grade": told, "grade_expected": model.grade}


def of_baselines(name: str) -> list[Row]:
    """What every baseline says of a subject."""
    rows, subject, reference = [], implementation(name), load("torch")
    for baseline in baselines().values():
        start = time.perf_counter()
        found = baseline.run(subject, reference)
        rows.append(
            {
                "kind": "baseline",
                "id": name,
                "baseline": baseline.name,
                "flagged": found.flagged,
                "offered": found.offered,
                "reason": found.reason,
                "seconds": time.perf_counter() - start,
            }
        )
    return rows


def of_correct(name: str, effort: str, seed: int) -> Row:
    """Whether a correct implementation is flagged; ``unusable``: why it cannot be asked here."""
    start = time.perf_counter()
    flagged: dict[str, str] = {}
    unusable = ""
    try:
        examined = _examine(name, effort, seed)
        seen = {law: kept[0].seen for law, kept in examined.session.broken.items()}
        seen |= {law: broken.seen for law, broken in examined.walks.items()}
        flagged |= {law: describe_measurement(one, laws()[law].says) for law, one in seen.items()}
    except UnusableTarget as error:
        if name not in COMPILES:
            raise
        unusable = str(error)  # nothing to compile with
    return {
        "kind": "correct",
        "id": name,
        "effort": effort,
        "seed": seed,
        "flagged": flagged,
        "unusable": unusable,
        "seconds": time.perf_counter() - start,
    }
