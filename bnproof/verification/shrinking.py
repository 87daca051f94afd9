"""The smallest failing input: a wider dtype, fewer rows, channels and axes, plain numbers.

From a failing case simpler ones are proposed, the boldest first.  The first one that still fails
takes its place, and the search begins anew.  It ends where no proposal fails: no step leads from
there to a simpler failing case.  Start reading at :func:`shrink`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from bnproof.contract import Array, Case, Measurement, Weights
from bnproof.implementations.through_state import FIELDS
from bnproof.laws.columns import has_constant_channel

# Candidates tried for one law. Each one asks the target and judges the law again, so this caps the
# time that a violation takes. Halving first, most cases are small long before it is spent.
BUDGET = 250
# From the plainest on; the last one is the default of most layers.
EPS = (1.0, 0.1, 1e-3, 1e-5)
# Arrays with an entry for every entry of x: they are cut together, or shapes no longer agree.
ENTRYWISE = ("x", "dy", "ddx")
Recheck = Callable[[Case], Measurement | None]


def shrink(
    case: Case, seen: Measurement, recheck: Recheck, fixed: frozenset[str] = frozenset()
) -> tuple[Case, Measurement]:
    """Make a failing case as simple as possible.

    Parameters
    ----------
    case, seen
        The failing case, and what the law saw on it.
    recheck
        Returns what the law sees on another case, or ``None`` where that does not fail in the same
        way.
    fixed
        Numbers that cannot be chosen: "eps", "momentum".

    Returns
    -------
    tuple
        The case left and what the law saw on it: those handed in where nothing simpler fails.

    Notes
    -----
    The first simpler case that still fails is taken, again and again, until none does or the budget
    is spent.  Nothing is drawn at random, so the result is the same every time.
    """
    tried = 0
    while tried < BUDGET:
        # The proposals are made from the case as it is now, so after a success they have to be made
        # anew: a ``break`` here goes to the next round of the outer loop.
        for candidate in propose_simpler(case, fixed):
            tried += 1
            failing = _attempt(recheck, candidate)
            if failing is not None:
                case, seen = candidate, failing
                break
            if tried >= BUDGET:
                break
        else:
            break
    return case, seen


def _attempt(recheck: Recheck, candidate: Case) -> Measurement | None:
    """Ask what the law sees on a candidate; one that is no case of batch normalisation does not
    fail."""
    try:
        return recheck(candidate)
    except (
        ValueError,
        ArithmeticError,
    ):
        return None


def propose_simpler(case: Case, fixed: frozenset[str] = frozenset()) -> Iterator[Case]:
    """Propose simpler cases, the boldest first.

    Parameters
    ----------
    case
        The case to simplify.
    fixed
        Numbers that cannot be chosen.

    Yields
    ------
    Case
        Cases in float64 or float32, with fewer rows, channels, positions or axes, without a layer,
        ``ddx`` or shards, or with plainer numbers.  Each has two values per channel at least, and
        spread in every channel where eps is 0.
    """
    proposals = chain(
        _widen(case),
        _drop_rows(case),
        _drop_channels(case),
        _shorten_axes(case),
        _drop_extras(case),
        _take_plain_values(case, fixed),
        _round_arrays(case),
    )
    return (
        candidate
        for candidate in proposals
        # A single value is another matter: training may refuse it, whatever was wrong before.
        # Without eps a constant channel is undefined, and every law would seem broken.
        if candidate.m >= 2 and (candidate.eps > 0 or not has_constant_channel(candidate.x))
    )


def _widen(case: Case) -> Iterator[Case]:
    """The case in float64, or in float32 where it is in half precision.

    A reader needs no half precision to see a wrong formula.
    """
    for name in ("float64", "float32"):
        wider = np.dtype(name)
        if wider.itemsize > case.dtype.itemsize:
            widened = _change_arrays(case, (*ENTRYWISE, *FIELDS), partial(np.asarray, dtype=wider))
            layer = case.layer and replace(
                case.layer,
                weight=case.layer.weight.astype(wider),
                bias=None if case.layer.bias is None else case.layer.bias.astype(wider),
            )
            yield replace(widened, layer=layer)


def _take_plain_values(case: Case, fixed: frozenset[str]) -> Iterator[Case]:
    """The case with the values that a reader takes first: 0, 1, 2, ... for x, 1 for gamma and a
    variance, 0 for beta and a mean, a gradient of 1 in one place."""
    numbers = _rank_values(case.x)
    for offset in (0.0, *(10.0**k for k in range(1, 8))):
        with np.errstate(over="ignore"):
            plain = (numbers + offset).astype(case.dtype)
        if np.all(np.isfinite(plain)) and _is_plainer(plain, case.x):
            yield replace(case, x=plain)
    for name, value in (("gamma", 1), ("beta", 0), ("running_mean", 0), ("running_var", 1)):
        before = getattr(case, name)
        if before is not None and not np.all(before == value):
            yield _change_arrays(case, (name,), partial(np.full_like, fill_value=value))
    if np.count_nonzero(case.dy) > 1:
        single = np.zeros_like(case.dy)
        single[:1, ..., :1] = 1  # the first sample, in every channel of a plain batch
        yield replace(case, dy=single)
    # From the plainest on, up to the one that the case has.
    for eps in EPS[: EPS.index(case.eps) if case.eps in EPS else None]:
        if "eps" not in fixed and case.eps:
            yield replace(case, eps=eps)
    if "momentum" not in fixed and case.momentum not in (0.5, 0.0, 1.0):
        yield replace(case, momentum=0.5)


def _rank_values(x: Array) -> Array:
    """The place of every value in the order of its channel, from 0 on; equal values share one."""
    columns = np.moveaxis(np.asarray(x, dtype=float), 1, 0).reshape(x.shape[1], -1)
    ranks = np.stack([np.unique(column, return_inverse=True)[1] for column in columns])
    spread = ranks.reshape(x.shape[1], x.shape[0], *x.shape[2:])
    return np.moveaxis(spread, 0, 1).astype(float)


def _is_plainer(plain: Array, x: Array) -> bool:
    """Whether whole numbers are smaller than those that are there, or these are not whole."""
    before = np.asarray(x, dtype=float)
    if not np.array_equal(before, np.round(before)):
        return True
    return bool(np.abs(np.asarray(plain, dtype=float)).sum() < np.abs(before).sum())


def _keep_rows(case: Case, keep: Any) -> Case:
    """The case with some rows; workers share them anew, two of them if there are rows for two."""
    rows = len(case.x[keep])
    parts = (rows - rows // 2, rows // 2) if rows > 1 and case.parts else case.parts and (rows,)
    return _change_arrays(case, ENTRYWISE, lambda a: a[keep], parts=parts)


def _change_arrays(
    case: Case, names: Iterable[str], change: Callable[[Array], Array], **others: Any
) -> Case:
    """The case with some arrays changed, as copies of their own; an absent one stays absent."""
    there = {name: getattr(case, name) for name in names if getattr(case, name) is not None}
    changed: dict[str, Any] = {name: np.array(change(value)) for name, value in there.items()}
    return replace(case, **changed, **others)


def _drop_rows(case: Case) -> Iterator[Case]:
    """Either half of the rows, and of a few rows all but one."""
    n = len(case.x)
    if n > 2:
        yield _keep_rows(case, slice(0, n // 2))
        yield _keep_rows(case, slice(n // 2, None))
    # Beyond eight rows the halves come down fast enough; leaving out one row of many wins little
    # and costs a try for each.
    if 1 < n <= 8 and case.m > 2:
        for dropped in range(n):
            yield _keep_rows(case, [row for row in range(n) if row != dropped])


def _drop_channels(case: Case) -> Iterator[Case]:
    """One channel alone, or either half of many."""
    channels = case.x.shape[1]
    if 1 < channels <= 8:
        for kept in range(channels):
            yield _keep_channels(case, slice(kept, kept + 1), _keep_output(case.layer, kept))
    # The layer goes as well. Its outputs are the channels, and halving it would leave out what
    # groups tie together.
    elif channels > 8:
        yield _keep_channels(case, slice(0, channels // 2), None)
        yield _keep_channels(case, slice(channels // 2, None), None)


def _keep_channels(case: Case, kept: slice, layer: Weights | None) -> Case:
    case = _change_arrays(case, FIELDS, lambda a: a[kept], layer=layer)
    return _change_arrays(case, ENTRYWISE, lambda a: a[:, kept])


def _keep_output(layer: Weights | None, kept: int) -> Weights | None:
    """The layer with this output alone; ``None`` where groups tie outputs together."""
    if layer is None or layer.groups > 1:
        return None
    weight = (
        layer.weight[:, kept : kept + 1]
        if layer.kind == "conv_transpose"
        else layer.weight[kept : kept + 1]
    )
    return replace(
        layer,
        weight=weight.copy(),
        bias=None if layer.bias is None else layer.bias[kept : kept + 1].copy(),
    )


def _shorten_axes(case: Case) -> Iterator[Case]:
    """Half of a spatial axis, or an axis of one position dropped."""
    for axis in range(2, case.x.ndim):
        size = case.x.shape[axis]
        if size > 1 and case.m // size * (size // 2) >= 2:
            yield _change_arrays(
                case, ENTRYWISE, partial(np.take, indices=range(size // 2), axis=axis)
            )
        elif size == 1:
            yield _change_arrays(case, ENTRYWISE, partial(np.squeeze, axis=axis))


def _drop_extras(case: Case) -> Iterator[Case]:
    """The case without what only some laws look at."""
    if case.layer is not None:
        yield replace(case, layer=None)
    if case.ddx is not None:
        yield replace(case, ddx=None)
    if case.parts:
        yield replace(case, parts=())


def _round_arrays(case: Case) -> Iterator[Case]:
    """The case with fewer digits in one array: whole numbers first, then one decimal place, then
    three."""
    for name in (*ENTRYWISE, *FIELDS):
        value = getattr(case, name)
        if value is None or not value.size:
            continue
        # Whole numbers could make a gamma or a variance 0, which is a special case with laws of its
        # own.
        for digits in (1, 3) if name in ("gamma", "running_var") else (0, 1, 3):
            # Adding 0.0 turns -0.0 into 0.0, which reads better and is rarely what a failure needs.
            rounded = (np.round(value.astype(float), digits) + 0.0).astype(value.dtype)
            if not np.array_equal(rounded, value):
                yield replace(
                    case, **{name: np.maximum(rounded, 0) if name == "running_var" else rounded}
                )
