"""bnproof proves what batch normalisation is, and finds out whether an implementation does it.

This module holds the one function that most users need, :func:`check`.  It imports nothing heavy
before the function is called.
"""

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

    Parameters
    ----------
    implementation
        An object, class or module with ``train``; a layer's class or factory; a PyTorch, Flax or
        Keras layer; the path of an ONNX file.
    effort
        "quick", "standard" or "thorough": 10, 60 or 500 drawn cases, and a few extreme ones
        besides.
    seed
        Equal seeds give equal verdicts.
    convention
        A convention, or the name of one, instead of the declared one.  ``None`` leaves the declared
        one, which is "torch" where nothing is declared.
    select
        Ids of the only laws to judge; empty selects all of them.
    ignore
        Ids of laws that are not judged.
    expect
        Ids of laws that are known to fail, each with the reason.  If such a law holds, that is a
        violation, so that an entry cannot outlive its bug.

    Returns
    -------
    Verdict
        ``verdict.ok``, ``verdict.violations``, ``verdict.passed``, ``verdict.not_offered``;
        ``verdict.to_frame()`` is a table of the laws, ``verdict.to_dict()`` everything.

    Raises
    ------
    LookupError
        If the implementation gives no usable answer, or a law or convention has no such name.
    ValueError
        For an effort that there is not, or where no law is left.

    Notes
    -----
    A law is violated only where an answer is further from the exact value than rounding in the
    working precision can explain.  No tolerance is chosen anywhere.

    Examples
    --------
    >>> import bnproof
    >>> from bnproof.implementations.numpy import NumpyBatchNorm
    >>> bnproof.check(NumpyBatchNorm(), effort="quick", select=["output"]).ok
    True
    """
    # Imported here, because SymPy, PyTorch and Numba come along, and ``import bnproof`` has to stay
    # quick.
    from bnproof.verification.planning import CheckOptions
    from bnproof.verification.run import check as run

    options = CheckOptions(
        effort, seed, convention, tuple(select), tuple(ignore), dict(expect or {})
    )
    return run(implementation, options)
