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
    """Run the laws of batch normalisation on an implementation or a layer, and say which hold.

    Parameters ---------- implementation
        An object, class or module with ``train``; a layer's class or factory; a PyTorch, Flax or
        Keras layer; the path of an ONNX file.
    effort
        "quick", "standard" or "thorough": 10, 60 or 500 drawn cases, and those at the extremes.
    seed
        Equal seeds give equal verdicts.
    convention
        A convention, or the name of one, instead of the declared one.
    select, ignore
        Ids of the only laws to judge, and of laws not to judge.
    expect
        Ids of laws that are known to fail, with the reason; passing is then a violation.

    Returns ------- Verdict
        ``verdict.ok``, ``verdict.violations``, ``verdict.passed``, ``verdict.not_offered``;
        ``verdict.to_frame()`` is a table of the laws, ``verdict.to_dict()`` everything.

    Raises
    ------
    LookupError
        Where the implementation gives no usable answer, or a law or convention has no such name.
    ValueError
        For an effort that there is not, or where no law is left.

    Examples
    --------
    >>> import bnproof
    >>> from bnproof.implementations.numpy import NumpyBatchNorm
    >>> bnproof.check(NumpyBatchNorm(), effort="quick", select=["output"]).ok
    True
    """
    from bnproof.verification.planning import CheckOptions
    from bnproof.verification.run import check as run

    options = CheckOptions(
        effort, seed, convention, tuple(select), tuple(ignore), dict(expect or {})
    )
    return run(implementation, options)
