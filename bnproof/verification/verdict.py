"""The result of a check."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from bnproof.contract import Violation


@dataclass
class Worst:
    """What one law saw over all cases: how many it judged, in how many it was broken, the largest error in bounds and in ulp."""

    theorem: str
    cases: int = 0
    violated: int = 0
    ratio: float = 0.0
    ulp: float | None = None


@dataclass
class Verdict:
    """Which laws hold, which are violated, and which the implementation does not offer.

    ``unjudged``: per law, the cases whose batch is too long for the precision (``m u >= 1``), for which no bound exists.
    """

    target: str
    convention: str
    effort: str
    seed: int
    violations: list[Violation] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    not_offered: list[str] = field(default_factory=list)
    expected: dict[str, str] = field(default_factory=dict)
    worst: dict[str, Worst] = field(default_factory=dict)
    unjudged: dict[str, int] = field(default_factory=dict)
    cases: int = 0
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every law that applies holds (violations that were expected aside)."""
        return not self.violations

    def as_json(self) -> dict[str, Any]:
        """The object of ``bnproof check --format json``."""
        return {
            "target": self.target,
            "ok": self.ok,
            "convention": self.convention,
            "violations": [asdict(violation) for violation in self.violations],
            "passed": self.passed,
            "not_offered": self.not_offered,
            "seconds": round(self.seconds, 3),
        }
