"""The result of a check."""

from __future__ import annotations

import platform
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bnproof.contract import Measurement, Violation

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Tally:
    """What one law saw over all cases: how many it judged, in how many it was broken, its largest
    errors.

    ``ratio`` is in units of what the working precision explains, ``ulp`` in units in the last
    place; ``where`` is the index of the worst entry.
    """

    theorem: str
    cases: int = 0
    violated: int = 0
    ratio: float = 0.0
    ulp: float | None = None
    where: tuple[int, ...] = ()

    def add(self, seen: Measurement) -> None:
        """One more case."""
        self.cases += 1
        self.violated += not seen.holds
        if seen.ratio > self.ratio:
            self.ratio, self.where = seen.ratio, seen.where
        if seen.ulp is not None:
            self.ulp = max(self.ulp or 0.0, seen.ulp)


@dataclass
class Verdict:
    """Which laws hold, which are violated, and which the implementation does not offer.

    Parameters ---------- target, convention, effort, seed, options
        What was checked, and how.
    violations
        Broken laws, each with its message, the smallest failing input, a program and the likely
        cause.
    passed, not_offered, expected
        Ids of the other laws; expected failures with their reason.
    tallies
        Per law, what it saw over all cases.
    unjudged
        Per law, the cases whose batch is too long for the precision (``m u >= 1``), for which no
        bound exists.
    cases
        How many cases were judged.
    seconds
        How long that took.
    """

    target: str
    convention: str
    effort: str
    seed: int
    violations: list[Violation] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)
    expected: dict[str, str] = field(default_factory=dict)
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
        """ "holds", "violated", "expected" or "not offered"."""
        if law in self.expected:
            return "expected"
        if any(violation.law == law for violation in self.violations):
            return "violated"
        return "holds" if law in self.passed else "not offered"

    def to_dict(self) -> dict[str, Any]:
        """Everything, as the object that ``bnproof check --format json`` prints.

        Next to what the contract fixes (``target``, ``ok``, ``convention``, ``violations``,
        ``passed``, ``not_offered``, ``seconds``) it holds ``versions``, ``seed``, ``effort``,
        ``options``, ``expected``, ``cases``, ``unjudged``, and per law what it saw (``laws``).
        """
        return {
            "target": self.target,
            "ok": self.ok,
            "convention": self.convention,
            "violations": [asdict(violation) for violation in self.violations],
            "passed": self.passed,
            "not_offered": self.not_offered,
            "seconds": round(self.seconds, 3),
            "versions": _list_versions(),
            "seed": self.seed,
            "effort": self.effort,
            "options": self.options,
            "expected": self.expected,
            "cases": self.cases,
            "unjudged": self.unjudged,
            "laws": self._list_rows(),
        }

    def _list_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "law": law,
                "verdict": self.find_state(law),
                "theorem": tally.theorem,
                "cases": tally.cases,
                "violated": tally.violated,
                "worst_error": tally.ratio if tally.ratio < float("inf") else None,
                "ulp": tally.ulp if tally.ulp is None or tally.ulp < float("inf") else None,
                "where": list(tally.where),
            }
            for law, tally in self.tallies.items()
        ]

    def to_frame(self) -> pd.DataFrame:
        """One row for each law that was judged: its verdict, theorem, cases, worst error, and
        where."""
        import pandas as pd

        return pd.DataFrame(self._list_rows())


def _list_versions() -> dict[str, str]:
    from importlib.metadata import version

    packages = ("bnproof", "numpy", "sympy", "python-flint")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
