"""One row per subject: what the laws, the diagnosis and the baselines say of it.

Every function runs in a process of its own, takes plain values and returns plain values, so that
jobs and results can be sent between processes. Start reading at :func:`measure_mutant`.
"""

from __future__ import annotations

import time
from typing import Any

from bnproof.accuracy.assessment import assess
from bnproof.baselines.baseline import list_baselines
from bnproof.detection.subjects import COMPILES, load_subject
from bnproof.implementations.targets import UnusableTarget, as_implementation, load
from bnproof.laws.law import load_laws
from bnproof.mutants.catalogue import Mutant, list_mutants
from bnproof.records import Row
from bnproof.verification.examining import Examination, examine
from bnproof.verification.findings import locate
from bnproof.verification.planning import CheckOptions, plan_laws
from bnproof.wording import describe_measurement

# From best to worst.
BY_GROWTH = ("compensated", "pairwise", "naive")


def measure_mutant(name: str, effort: str, seed: int) -> Row:
    """Which laws find a bug, and what the diagnosis says of it.

    Parameters
    ----------
    name
        The id of a model, such as "G01".
    effort
        "quick", "standard" or "thorough".
    seed
        Equal seeds give equal cases.

    Returns
    -------
    dict
        A row of the kind "mutant": where the bug comes from, whether it is found, for each law that
        is broken in how many of how many cases, the findings, and the seconds that takes. The cause
        of the first finding is named twice, with all models at hand (``cause``) and without the
        bug's own (``cause_without``), as it would be for a bug that nobody has modelled.
    """
    # Only the examination is timed: the diagnosis and the grade are asked for this report alone.
    model, start = list_mutants()[name], time.perf_counter()
    examined = _examine(name, effort, seed)
    seconds = time.perf_counter() - start
    broken = {
        law: [tally.violated, tally.cases]
        for law, tally in examined.session.tallies.items()
        if tally.violated
    }
    findings = _list_findings(examined)
    return {
        "kind": "mutant",
        "id": name,
        "row": model.bug.id,
        "family": model.bug.family,
        "severity": model.bug.severity,
        "year": model.bug.year,
        "sources": list(model.bug.sources),
        "mechanism": model.mechanism,
        "model": model.kind,
        # One line, however the text is wrapped in the source.
        "says": " ".join(model.says.split()),
        "found": bool(broken),
        "laws": broken,
        "seconds": seconds,
        "findings": findings,
        "spots": _list_spots(examined),
        "cause": _choose_cause(findings),
        "cause_without": _choose_cause(_list_findings(examined, without=name)),
        **(grade_mutant(model) if model.grade else {"grade": None, "grade_expected": None}),
    }


def _examine(name: str, effort: str, seed: int) -> Examination:
    """What every law sees of a subject."""
    options = CheckOptions(effort, seed, target=name)
    return examine(load_subject(name), plan_laws(options), options)


def _list_findings(examined: Examination, without: str = "") -> list[Row]:
    """What a user would be told: the findings with their causes, the first one first.

    Parameters
    ----------
    examined
        What the laws saw.
    without
        The id of a model that the diagnosis must not know; empty for none.
    """
    return [
        {
            "area": one.area,
            "bug": one.group.cause.bug,
            "mechanism": one.group.cause.mechanism,
            "confidence": one.group.cause.confidence,
            "extent": one.extent.says,
            "laws": len({spot.law for spot in one.group.spots}),
        }
        for one in locate(examined, without=without)
    ]


def _choose_cause(findings: list[Row]) -> Row | None:
    """The cause of the first finding; ``None`` where nothing is broken."""
    first = findings[0] if findings else None
    return first and {name: first[name] for name in ("mechanism", "confidence")}


def _list_spots(examined: Examination) -> list[list[str]]:
    """The broken laws with the place and the method where they fail."""
    spots = examined.session.group_broken(examined.plan)
    return [[spot.law, spot.place, spot.method] for spot in spots]


def measure_pair(
    names: tuple[str, str], alone: tuple[list[list[str]], ...], effort: str, seed: int
) -> Row:
    """Whether two bugs in one implementation are told as two findings with both causes.

    Parameters
    ----------
    names
        Ids of two models, which are combined in one class.
    alone
        What each of them breaks by itself, as their rows say (``spots``).
    effort, seed
        As for :func:`measure_mutant`.

    Returns
    -------
    dict
        A row of the kind "pair". ``apart`` says whether the two can be told apart at all: each
        breaks a law in a place where the other does not, alone and together. ``both`` says whether
        both causes are named.
    """
    models = [list_mutants()[name] for name in names]
    bases: Any = tuple(model.make for model in models)
    both = type("Both", bases, {})
    options = CheckOptions(effort, seed, target="both")
    examined = examine(as_implementation(both, "both"), plan_laws(options), options)
    spots = _list_spots(examined)
    apart = all(
        any(spot in own and spot not in other for spot in spots)
        for own, other in (alone, alone[::-1])
    )
    findings = _list_findings(examined)
    named = {finding["mechanism"] for finding in findings}
    return {
        "kind": "pair",
        "names": list(names),
        "mechanisms": [model.mechanism for model in models],
        "apart": apart,
        "findings": findings,
        "both": all(model.mechanism in named for model in models),
    }


def grade_mutant(model: Mutant) -> Row:
    """The grade of a badly computed formula, beside the one that its model expects.

    Parameters
    ----------
    model
        A model whose slip is one of accuracy, so that laws need not find it.

    Returns
    -------
    dict
        ``grade`` and ``grade_expected``. Where the latter has two parts, as in "two-pass, naive",
        the second is the worst grade of the target's sums over all layouts, threads and dtypes.
    """
    assessment = assess(model.id, model.make(), effort="quick")
    sums = [
        summation.grade
        for one in assessment.graded
        for summation in one.summations.values()
        if summation.grade
    ]
    # Too few lengths leave no grade of the sums; the empty string then stands for none.
    longest = max(sums, key=BY_GROWTH.index, default="")
    grade = f"{assessment.grade}, {longest}" if "," in model.grade else assessment.grade
    return {"grade": grade, "grade_expected": model.grade}


def measure_baselines(name: str) -> list[Row]:
    """What every baseline says of a subject.

    Parameters
    ----------
    name
        The id of a model, or a target.

    Returns
    -------
    list of dict
        Rows of the kind "baseline": whether it is flagged, whether the baseline could be asked at
        all (``offered``), the reason, and the seconds. PyTorch is what the baselines compare with.
    """
    rows, subject, reference = [], load_subject(name), load("torch")
    for baseline in list_baselines().values():
        start = time.perf_counter()
        result = baseline.run(subject, reference)
        rows.append(
            {
                "kind": "baseline",
                "id": name,
                "baseline": baseline.name,
                "flagged": result.flagged,
                "offered": result.offered,
                "reason": result.reason,
                "seconds": time.perf_counter() - start,
            }
        )
    return rows


def measure_correct(name: str, effort: str, seed: int) -> Row:
    """Whether a correct implementation is flagged: every flag is a false alarm.

    Parameters
    ----------
    name
        A target, or the id of a model of what was no bug.
    effort
        "quick", "standard" or "thorough".
    seed
        Equal seeds give equal cases.

    Returns
    -------
    dict
        A row of the kind "correct". Its ``flagged`` has a sentence for each broken law, and
        ``unusable`` says why the implementation cannot be asked here; both are usually empty.

    Raises
    ------
    UnusableTarget
        Where an implementation cannot be used that needs no compiler.
    """
    start = time.perf_counter()
    flagged: dict[str, str] = {}
    unusable = ""
    try:
        examined = _examine(name, effort, seed)
        # The first failing case of a law is enough: one is one too many.
        seen = {law: kept[0].seen for law, kept in examined.session.broken.items()}
        seen |= {law: broken.seen for law, broken in examined.walks.items()}
        flagged |= {
            law: describe_measurement(one, load_laws()[law].says) for law, one in seen.items()
        }
    except UnusableTarget as error:
        if name not in COMPILES:
            raise
        # There is nothing to compile with here, which is no fault of the implementation.
        unusable = str(error)
    return {
        "kind": "correct",
        "id": name,
        "effort": effort,
        "seed": seed,
        "flagged": flagged,
        "unusable": unusable,
        "seconds": time.perf_counter() - start,
    }
