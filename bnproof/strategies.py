"""Hypothesis strategies for batch normalisation: batches, parameters, running statistics, and whole
cases.

They are made for property tests of any batch norm.  Everything is composed of
:mod:`hypothesis.extra.numpy`, so a failing example shrinks to few small whole numbers.
``bnproof check`` draws its own cases, each from a seed; these are for your tests.

Examples
--------
>>> from hypothesis import given, settings
>>> import numpy as np
>>> from bnproof.strategies import batches
>>> @settings(max_examples=10)
... @given(batches(dtypes=("float64",)))
... def the_output_has_the_shape_of_the_batch(x):
...     assert (x - x.mean(axis=(0, *range(2, x.ndim)), keepdims=True)).shape == x.shape
>>> the_output_has_the_shape_of_the_batch()
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from bnproof.contract import Array, Case
from bnproof.formats import NAMES, dtype_of, parameter_dtype

# Samples, and sizes of a spatial axis: few enough that a failing example can be read.
MOST = 6
# Channels: more than two, so that some confusions of them are no mere exchange.
WIDEST = 4
LARGEST = 16  # the largest entry in magnitude, times a scale: sums of squares stay exact in float32
# Never 0: with a constant channel that is undefined. The larger ones are no smaller than many
# variances, so that a misplaced eps shows.
EPS = (1e-5, 1e-3, 0.1, 1.0)


def _entries(
    shape: tuple[int, ...], low: int = -LARGEST, high: int = LARGEST
) -> st.SearchStrategy[Array]:
    """Draw whole numbers as float64; they are exact in every dtype, and shrink towards 0."""
    return arrays_of.arrays(np.int64, shape, elements=st.integers(low, high)).map(
        lambda a: a.astype(float)
    )


def batches(
    *,
    dtypes: Sequence[str] = NAMES,
    ranks: Sequence[int] = (2, 3, 4, 5),
    channels: int | None = None,
    least: int = 1,
) -> st.SearchStrategy[Array]:
    """Draw batches ``x``.

    Parameters
    ----------
    dtypes
        Names of floating-point dtypes: "float16", "bfloat16", "float32", "float64".
    ranks
        How many axes x may have: 2 for ``(N, C)``, more for ``(N, C, *spatial)``.
    channels
        The number of channels C; between 1 and 4 where it is ``None``.
    least
        The least number of values per channel, ``m = N * prod(spatial)``.

    Returns
    -------
    SearchStrategy
        Of arrays of shape ``(N, C, *spatial)``.  Their entries are whole numbers times a power of
        two, so that no entry is rounded.

    Notes
    -----
    Constant channels are among the batches, and so are, with ``least=1``, batches of a single value
    per channel.
    """

    @st.composite
    def draw_batch(draw: st.DrawFn) -> Array:
        rank = draw(st.sampled_from(sorted(ranks)))
        # Half as long as the batch may be: in rank 5 three such axes multiply.
        spatial = draw(st.tuples(*[st.integers(1, MOST // 2)] * (rank - 2)))
        # Rounded up: so many samples, times the positions, are at least ``least`` values.
        enough = -(-least // int(np.prod(spatial, dtype=int)))
        samples = draw(st.integers(enough, max(enough, MOST)))
        width = draw(st.integers(1, WIDEST)) if channels is None else channels
        scale = 2.0 ** draw(st.integers(-3, 3))
        dtype = dtype_of(draw(st.sampled_from(list(dtypes))))
        return (draw(_entries((samples, width, *spatial))) * scale).astype(dtype)

    return draw_batch()


def parameters(
    channels: int, dtype: str = "float32", *, absent: bool = True
) -> st.SearchStrategy[tuple[Array | None, Array | None]]:
    """Draw affine parameters.

    Parameters
    ----------
    channels
        The number of channels C.
    dtype
        The name of their dtype.
    absent
        Whether each of them may be ``None``.

    Returns
    -------
    SearchStrategy
        Of pairs ``(gamma, beta)`` of shape ``(C,)``: multiples of 1/4, of both signs, zero among
        them.
    """
    one = _entries((channels,)).map(lambda values: (values / 4).astype(dtype_of(dtype)))
    either = st.none() | one if absent else one
    return st.tuples(either, either)


def statistics(channels: int, dtype: str = "float32") -> st.SearchStrategy[tuple[Array, Array]]:
    """Draw running statistics.

    Parameters
    ----------
    channels
        The number of channels C.
    dtype
        The name of their dtype.

    Returns
    -------
    SearchStrategy
        Of pairs ``(running_mean, running_var)`` of shape ``(C,)``; variances are positive.
    """
    like = dtype_of(dtype)
    means = _entries((channels,)).map(lambda values: (values / 2).astype(like))
    # From 1 on, since a running variance of 0 without eps is undefined.
    variances = _entries((channels,), low=1).map(lambda values: (values / 4).astype(like))
    return st.tuples(means, variances)


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    dtypes: Sequence[str] = NAMES,
    ranks: Sequence[int] = (2, 3, 4, 5),
    channels: int | None = None,
    least: int = 2,
) -> Case:
    """Draw everything that a training step, its gradients and inference take.

    Parameters
    ----------
    dtypes, ranks, channels, least
        As in :func:`batches`.  The default of ``least`` is 2, because for a single value per
        channel the convention decides what is right.

    Returns
    -------
    SearchStrategy
        Of :class:`bnproof.contract.Case`: ``x``, ``dy`` and ``ddx`` of one shape, parameters and
        statistics of shape ``(C,)`` (in float32 for half precision), ``eps > 0``, and the weight
        ``momentum`` of the new value.
    """
    x = draw(batches(dtypes=dtypes, ranks=ranks, channels=channels, least=least))
    width, kept = x.shape[1], parameter_dtype(x.dtype).name
    gamma, beta = draw(parameters(width, kept))
    mean, var = draw(statistics(width, kept))
    dy, ddx = ((draw(_entries(x.shape)) / 4).astype(x.dtype) for _ in range(2))
    return Case(
        x,
        dy,
        gamma,
        beta,
        mean,
        var,
        eps=draw(st.sampled_from(EPS)),
        momentum=draw(st.sampled_from((0.0, 0.1, 0.25, 0.9, 1.0))),
        ddx=ddx,
    )
