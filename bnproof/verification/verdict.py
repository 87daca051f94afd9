"""The result of a check: which laws hold, which are violated, and what each of them saw.

A verdict is plain data.  How it is shown is decided in :mod:`bnproof.cli` and
:mod:`bnproof.wording`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from bnproof.contract import Finding, Measurement, Violation
from bnproof.records import list_versions

if TYPE_CHECKING:
    import pandas as pd

# What a verdict's numbers depend on.
PACKAGES = ("bnproof", "numpy", "sympy", "python-flint")


@dataclass
class Tally:
    """What one law saw over all cases.

    Attributes
    ----------
    theorem
        The id of the theorem the law comes from; empty where the contract alone asks for it.
    cases, violated
        In how many cases the law was judged, and in how many it was broken.
    ratio
        The largest error in units of what the working precision explains: above 1 the law is
        broken.  Infinite where a law without a size is broken.
    ulp
        The largest error in units in the last place; ``None`` where the law compares no values.
    where
        The index of the entry with the largest ``ratio``.
    """

    theorem: str
    cases: int = 0
    violated: int = 0
    ratio: float = 0.0
    ulp: float | None = None
    where: tuple[int, ...] = ()

    def add(self, seen: Measurement) -> None:
        """Take in what the law saw on one more case."""
        self.cases += 1
        self.violated += not seen.holds
        # The index belongs to the largest error, so that a reader finds where a sum over all cases
        # is worst.
        if seen.ratio > self.ratio:
            self.ratio, self.where = seen.ratio, seen.where
        if seen.ulp is not None:
            self.ulp = max(self.ulp or 0.0, seen.ulp)


@dataclass
class Verdict:
    """Which laws hold, which are violated, and which the implementation does not offer.

    Attributes
    ----------
    target, convention, effort, seed, options
        What was checked, by the name of which convention, and how.
    findings
        What is wrong, one entry for each cause; the most harmful first.
    areas
        For each of :data:`bnproof.contract.AREAS`, whether it "holds", has a "finding", or is "not
        offered".
    affected
        The dtype, or "half precision", that all findings lie in, where others were asked as well;
        else empty.
    violations
        Broken laws, each with its message, the smallest failing input, a program and the likely
        cause.
    passed, not_offered
        Ids of the laws that hold in every case that was judged, and of those without such a case.
    unanswered
        Ids of laws that judged nothing because the method they are about fails.
    expected
        What failed as expected (a law, an area or a finding), with the reason that was given.
    accounted
        Broken laws without a violation: "expected" or "ignored", by the law's id.
    tallies
        Per law, what it saw over all cases; a law that judged nothing has none.
    unjudged
        Per law, the number of cases whose batch is too long for the precision (``m u >= 1``), for
        which no bound exists.
    cases
        How many cases were judged.
    seconds
        How long that took.  It is all that differs between two equal checks on one machine.
    """

    target: str
    convention: str
    effort: str
    seed: int
    findings: list[Finding] = field(default_factory=list)
    areas: dict[str, str] = field(default_factory=dict)
    affected: str = ""
    violations: list[Violation] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    expected: dict[str, str] = field(default_factory=dict)
    accounted: dict[str, str] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    unjudged: dict[str, int] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    cases: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every law that applies holds (violations that were expected aside)."""
        return not self.violations

    def find_state(self, law: str) -> str:
        """Say how a law came out: "holds", "violated", "expected", "ignored", "unanswered" or "not
        offered"."""
        # A law that failed as expected has no violation, and one that did not has one.
        if law in self.expected:
            return "expected"
        if any(violation.law == law for violation in self.violations):
            return "violated"
        if law in self.accounted:
            return self.accounted[law]
        if law in self.unanswered:
            return "unanswered"
        return "holds" if law in self.passed else "not offered"

    def to_dict(self) -> dict[str, Any]:
        """Collect everything, as the object that ``bnproof check --format json`` prints.

        Returns
        -------
        dict
            Plain JSON values.  Next to what the contract fixes (``target``, ``ok``, ``convention``,
            ``areas``, ``findings``, ``violations``, ``passed``, ``not_offered``, ``seconds``) it
            holds ``affected``, ``versions``,
            ``seed``, ``effort``, ``options``, ``expected``, ``cases``, ``unjudged``, and per law
            what it saw (``laws``).  An error that is infinite is ``None``, since JSON has no
            infinity.
        """
        return {
            "target": self.target,
            "ok": self.ok,
            "convention": self.convention,
            "areas": self.areas,
            "affected": self.affected,
            "findings": [_to_plain(finding) for finding in self.findings],
            "violations": [
                # An infinite size is left out, since JSON has no infinity.
                asdict(violation) | {"ulp": _to_finite(violation.ulp)}
                for violation in self.violations
            ],
            "passed": self.passed,
            "not_offered": self.not_offered,
            "unanswered": self.unanswered,
            "seconds": round(self.seconds, 3),
            "versions": list_versions(PACKAGES),
            "seed": self.seed,
            "effort": self.effort,
            "options": self.options,
            "expected": self.expected,
            "cases": self.cases,
            "unjudged": self.unjudged,
            "laws": self._list_rows(),
        }

    def _list_rows(self) -> list[dict[str, Any]]:
        """One row for each law that judged something, in the order of the first case it judged."""
        return [
            {
                "law": law,
                "verdict": self.find_state(law),
                "theorem": tally.theorem,
                "cases": tally.cases,
                "violated": tally.violated,
                # JSON has no infinity, which is the size of what has none.
                "worst_error": tally.ratio if tally.ratio < float("inf") else None,
                "ulp": _to_finite(tally.ulp),
                "where": list(tally.where),
            }
            for law, tally in self.tallies.items()
        ]

    def to_frame(self) -> pd.DataFrame:
        """Build a table with one row for each law that was judged.

        Returns
        -------
        pandas.DataFrame
            Columns ``law``, ``verdict``, ``theorem``, ``cases``, ``violated``, ``worst_error`` (in
            units of what the working precision explains), ``ulp`` and ``where``.
        """
        import pandas as pd

        return pd.DataFrame(self._list_rows())


# As the contract calls it.
HOW = {"same values": "same values", "same pattern": "pattern", "unknown": "unknown"}
# Entries of an array that are written out. Longer ones are in the violation's case.
WRITTEN = 4096


def _to_finite(size: float | None) -> float | None:
    """A size, or ``None`` where it is infinite or no number."""
    return size if size is not None and math.isfinite(size) else None


def _to_plain(finding: Finding) -> dict[str, Any]:
    """A finding as plain JSON values, with the names of the contract."""
    cause, example = finding.cause, finding.example
    seen = example and example.seen
    return {
        "id": finding.id,
        "area": finding.area,
        "title": finding.title,
        "laws": list(finding.laws),
        "extent": finding.extent,
        "cause": {
            "id": cause.bug or None,
            "how": HOW[cause.confidence],
            "says": cause.says,
            "seen": list(cause.sources),
        },
        "mend": finding.mend,
        "residual": finding.residual,
        "example": seen
        and {
            "method": example.call.method if example and example.call else "",
            "arguments": {
                name: _to_plain_argument(value)
                for name, value in (
                    example.call.arguments.items() if example and example.call else ()
                )
            },
            "quantity": ", ".join(seen.quantities),
            "where": list(seen.where),
            "got": _to_plain_number(seen.got),
            "exact": None if seen.got is None else _to_plain_number(seen.exact[0]),
            "allowed": None if seen.got is None else _to_plain_number(seen.allowed),
        },
        "reproducer": finding.reproducer,
        "touches": list(finding.touches),
    }


def _to_plain_number(value: float | None) -> float | str | None:
    """A number; its name where JSON has none for it."""
    return value if value is None or math.isfinite(value) else str(value)


def _to_plain_argument(value: Any) -> Any:
    """An argument as nested lists with its dtype and shape; a list of arrays as a list of these."""
    if isinstance(value, list):
        return [_to_plain_argument(part) for part in value]
    if not isinstance(value, np.ndarray):
        return value
    # Through float64, which holds every entry exactly and which JSON can write.
    numbers = value.astype(np.float64)
    entries = np.where(np.isfinite(numbers), numbers, 0.0).tolist()
    if not np.all(np.isfinite(numbers)):
        entries = np.vectorize(_to_plain_number, otypes=[object])(numbers).tolist()
    return {
        "dtype": value.dtype.name,
        "shape": list(value.shape),
        "values": entries if value.size <= WRITTEN else None,
    }
