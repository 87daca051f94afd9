"""bnproof proves what batch normalisation is, and finds out whether an implementation does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnproof.contract import Convention
    from bnproof.verification.verdict import Verdict

__all__ = ["check"]


def check(
    implementation: Any,
    *,
    effort: str = "standard",
    seed: int = 0,
    convention: str | Convention | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    expect: Mapping[str, str] | None = None,
) -> Verdict:
    """Run the laws on an implementation; see :func:`bnproof.verification.run.check`.

    ``verdict.ok``, ``verdict.violations``, ``verdict.passed`` and ``verdict.not_offered`` say what was found.
    """
    from bnproof.verification.run import check as run

    return run(
        implementation,
        effort=effort,
        seed=seed,
        convention=convention,
        select=select,
        ignore=ignore,
        expect=expect,
    )
