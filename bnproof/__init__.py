"""bnproof proves what batch normalisation is, and finds out whether an implementation does it.

This module holds the one function that most users need, :func:`check`.  It imports nothing heavy
before the function is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnproof.arrays.tolerances import Tolerance
    from bnproof.contract import Convention
    from bnproof.verification.verdict import Verdict

__all__ = ["check", "tolerance", "wrap"]


def check(
    implementation: Any,
    *,
    effort: str = "standard",
    seed: int = 0,
    convention: str | Convention | None = None,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    expect: Mapping[str, str] | None = None,
    dtypes: Iterable[str] = (),
    ranks: Iterable[int] = (),
    methods: Iterable[str] = (),
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
        The only laws, areas or findings to tell of; empty selects all of them.
    ignore
        Laws, areas or findings that are left out.
    expect
        Laws, areas or findings that are known to fail, each with the reason.  Where one does not,
        that is a violation, so that an entry cannot outlive its bug.
    dtypes, ranks, methods
        The only dtypes and ranks of x to ask about, and the only methods to call; empty for all.

    Returns
    -------
    Verdict
        ``verdict.ok``, ``verdict.findings``, ``verdict.areas``, ``verdict.violations``,
        ``verdict.passed``, ``verdict.not_offered``;
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
        effort,
        seed,
        convention,
        tuple(select),
        tuple(ignore),
        dict(expect or {}),
        tuple(dtypes),
        tuple(ranks),
        tuple(methods),
    )
    return run(implementation, options)


def tolerance(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    *,
    eps: float,
    training: bool = True,
    dy: Any = None,
    running: tuple[Any, Any] | None = None,
    momentum: float | None = None,
    convention: str | Convention = "torch",
    channel_axis: int = 1,
    compute: str | None = None,
    accumulate: str | None = None,
    formula: str = "two-pass",
) -> Tolerance:
    """Derive how far a correct batch norm may be from the exact values, for these very inputs.

    Parameters
    ----------
    x
        The batch, of rank 2 to 5: float16, bfloat16, float32 or float64, of any library.
    gamma, beta
        Affine parameters with one entry per channel; ``None`` stands for 1 and for 0.
    eps
        What is added to the variance.
    training
        Whether the batch is normalised by its own statistics, or by the running ones.
    dy
        The upstream gradient; with it the gradients have tolerances too.
    running
        Running mean and variance: those before the step in training, those that normalise at
        inference.
    momentum
        As the convention means it; needed with ``running`` in training.
    convention
        What momentum weighs, and which variance is tracked.
    channel_axis
        Where the channels of x and dy are.
    compute
        The format that single operations are done in: "float16", "bfloat16", "float32", "float64",
        or "tf32", which is float32 with both factors of every product rounded to 11 bits.  ``None``
        means float32 for half precision, and else x's own.
    accumulate
        The format in which sums over the batch are added up.  ``None`` means float64 where that is
        computed in, and else float32.
    formula
        "two-pass", which includes updates and merges, or "one-pass" for ``mean(x^2) - mean(x)^2``.

    Returns
    -------
    Tolerance
        ``.y``, ``.dx``, ``.dgamma``, ``.dbeta``, ``.running_mean`` and ``.running_var`` are arrays
        in the shapes of what they bound, ``None`` for what was not asked about.
        ``.as_allclose("y")`` is a pair ``(rtol, atol)``.

    Raises
    ------
    NoBound
        Where nothing bounds a value: the batch is too long for the format of its sums, a number on
        the way overflows, or the spread drowns in rounding.
    TypeError, ValueError
        For what is no array, or a request that makes no sense.

    Notes
    -----
    The bounds hold in any order of summation.  They are derived in
    :mod:`bnproof.certify.bounds` from the standard model of arithmetic (Higham 2002, chapters 2 to
    4); that of the one-pass variance grows with ``(mean/std)^2`` (Chan, Golub and LeVeque 1983).

    Examples
    --------
    >>> import numpy as np
    >>> import bnproof
    >>> x = np.array([[1.0], [2.0], [4.0]], np.float32)
    >>> allowed = bnproof.tolerance(x, eps=1e-5)
    >>> allowed.y.shape, bool(allowed.y.max() < 1e-5)
    ((3, 1), True)
    """
    from bnproof.arrays import tolerances

    return tolerances.tolerance(
        x,
        gamma,
        beta,
        eps=eps,
        training=training,
        dy=dy,
        running=running,
        momentum=momentum,
        convention=convention,
        channel_axis=channel_axis,
        compute=compute,
        accumulate=accumulate,
        formula=formula,
    )


def wrap(*functions: Any, **options: Any) -> Any:
    """Make an implementation of functions with any signature.

    See :func:`bnproof.implementations.wrapping.wrap` for all that it takes: ``forward``,
    ``backward``, ``infer``, ``fold``, what each takes (``order``) and returns (``returns``), the
    framework of their arrays, and further arguments.

    Examples
    --------
    >>> import numpy as np
    >>> import bnproof
    >>> def normalise(inputs, scale, offset, mean, variance, epsilon):
    ...     return scale * (inputs - mean) / np.sqrt(variance + epsilon) + offset
    >>> wrapped = bnproof.wrap(infer=normalise, supports={"ranks": [2]})
    >>> bnproof.check(wrapped, effort="quick", select=["inference"], dtypes=["float64"]).ok
    True
    """
    from bnproof.implementations import wrapping

    return wrapping.wrap(*functions, **options)
