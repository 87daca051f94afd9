"""Where a defect shows: what its failing inputs have in common, and the others have not.

A defect of half precision fails on float16 alone, one of a one-pass variance from some ratio of
mean to standard deviation on, one of a kernel's block size from some number of channels on.  Every
case of a check has :class:`Traits`, and :func:`find_extent` looks for the one that tells the
failing cases from the others best.  It says where to look, and in which area the defect is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bnproof.contract import Case
from bnproof.formats import HALF, Format, parameter_dtype
from bnproof.laws.columns import to_columns

# Of the cases with a trait this share has to fail before the trait is told: below it, something
# else decides.
TELLING = 0.7
# Half precision is told from a smaller share on: sums have to be long, or values large, before what
# is kept in half precision shows.
SELDOM = 0.1
# A trait that hardly any case lacks says nothing. What fails has to be this much more frequent
# among the cases with the trait than among all.
GAIN = 1.25
# Up to this ratio of mean to standard deviation any arithmetic keeps its digits, so that a larger
# one cannot be the cause.
SMALL_KAPPA = 10.0
# Errors of a one-pass variance are as good as random, so that a few cases fail below the ratio of
# mean to standard deviation from which nearly all do.
OUTLIERS = 0.15
# Up to so many values per channel are summed without a visible loss in any order, and up to so many
# channels are one block of every kernel.
MANY = 33


@dataclass(frozen=True)
class Traits:
    """What may decide whether a case fails.

    Attributes
    ----------
    dtype, rank, channels, m
        Of x: its dtype, number of axes, channels, and values per channel.
    kappa
        The largest ratio of mean to standard deviation of a channel, infinite for a constant one.
    loss
        ``kappa^2 u`` with the unit roundoff of the sums: the relative error of a variance that is
        computed in one pass.
    absent
        Which of the affine parameters are missing.
    eps
        What is added to the variance.
    constant
        Whether a channel has no spread.
    samples
        The number of rows of x.
    """

    dtype: str
    rank: int
    channels: int
    m: int
    kappa: float
    loss: float
    absent: tuple[str, ...]
    eps: float
    constant: bool
    samples: int

    @classmethod
    def from_case(cls, case: Case) -> Traits:
        """Look at a case."""
        x = np.asarray(to_columns(case.x), dtype=float)
        spread = x.std(axis=0)
        # Rounding leaves a channel of one value a spread that is not quite 0.
        varied = np.ptp(x, axis=0) > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            kappas = np.abs(x.mean(axis=0)) / np.where(varied, spread, 0.0)
        kappa = float(np.nanmax(kappas, initial=0.0))
        u = Format.from_dtype(parameter_dtype(case.dtype)).u
        return cls(
            case.dtype.name,
            case.x.ndim,
            case.x.shape[1],
            case.m,
            kappa,
            kappa**2 * u,
            tuple(name for name in ("gamma", "beta") if getattr(case, name) is None),
            case.eps,
            not bool(varied.all()),
            len(case.x),
        )

    @property
    def half(self) -> bool:
        """Whether x is in half precision."""
        return self.dtype in HALF


@dataclass(frozen=True)
class Extent:
    """The inputs on which a defect shows.

    Attributes
    ----------
    says
        The inputs in words, such as "only float16".
    area
        The area that such a defect belongs to, wherever its laws do; empty where they decide.
    """

    says: str
    area: str = ""


@dataclass(frozen=True)
class _Candidate:
    """A trait that failing cases may have in common, all but a share of ``outliers``.

    Of the cases with it, a share of ``telling`` has to fail.  A ``weak`` trait says little where
    nearly all cases fail.
    """

    extent: Extent
    has: Callable[[Traits], bool]
    outliers: float = 0.0
    telling: float = TELLING
    weak: bool = False


def find_extent(failing: Sequence[Traits], holding: Sequence[Traits]) -> Extent:
    """Find what tells the failing cases from the others.

    Parameters
    ----------
    failing, holding
        The traits of the cases on which the laws of a defect fail, and of those on which they were
        judged and hold.  At least one case fails.

    Returns
    -------
    Extent
        The trait that all failing cases have and the smallest number of others.  Where none tells
        them apart, how many of the inputs fail.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from bnproof.verification.extents import Traits, find_extent
    >>> single = Traits("float32", 2, 3, 8, 1.0, 1e-7, (), 1e-5, False, 8)
    >>> half = replace(single, dtype="float16")
    >>> find_extent([half, half], [single, single])
    Extent(says='only float16', area='half')
    >>> find_extent([half, single], [])
    Extent(says='all inputs', area='')
    """
    if not holding:
        narrow = {one.dtype for one in failing} <= set(HALF)
        # Where nothing but half precision was asked, it is the working precision.
        return Extent("all inputs" + (" (half precision was asked alone)" if narrow else ""))
    every = len(failing) + len(holding)
    best, fewest = None, len(holding) + 1
    for candidate in _list_candidates(failing):
        if candidate.weak and len(failing) > TELLING * every:
            continue
        met = sum(map(candidate.has, failing))
        if met < (1 - candidate.outliers) * len(failing):
            continue
        others = sum(map(candidate.has, holding))
        share = met / (met + others)
        # Of equals, the first one is told: they are listed from the narrow to the wide.
        if share >= candidate.telling and share >= GAIN * len(failing) / every and others < fewest:
            best, fewest = candidate.extent, others
    amount = "nearly all" if len(failing) > TELLING * every else "some"
    return best or Extent(f"{amount} inputs ({len(failing)} of {every})")


def _list_candidates(failing: Sequence[Traits]) -> Iterator[_Candidate]:
    """Every trait that is worth naming, with the values of the failing cases."""
    dtypes = sorted({one.dtype for one in failing})
    half = set(dtypes) <= set(HALF)
    says = f"only {' and '.join(dtypes)}"
    yield _Candidate(
        Extent(says, "half" if half else ""),
        lambda traits: traits.dtype in dtypes,
        telling=SELDOM if half else TELLING,
    )
    yield from _list_conditioned(failing)
    for least in (True, False):
        yield from _list_sizes(failing, least=least)
    for absent in ({"gamma"}, {"beta"}, {"gamma", "beta"}):
        says = f"only without {' and '.join(sorted(absent, reverse=True))}"
        yield _Candidate(Extent(says), partial(_lacks, absent))
    yield _Candidate(Extent("only with gamma and beta"), lambda traits: not traits.absent)
    yield _Candidate(Extent("only a constant channel", "edges"), lambda traits: traits.constant)
    yield _Candidate(Extent("only eps = 0", "edges"), lambda traits: traits.eps == 0)


def _lacks(absent: set[str], traits: Traits) -> bool:
    """Whether these parameters are missing."""
    return absent <= set(traits.absent)


def _list_conditioned(failing: Sequence[Traits]) -> Iterator[_Candidate]:
    """A mean that is large against the spread."""
    ordered = sorted(failing, key=lambda one: one.loss)
    skipped = sum(one.kappa < SMALL_KAPPA for one in ordered)
    strained = [one for one in ordered if one.kappa >= SMALL_KAPPA]
    if skipped > OUTLIERS * len(failing) or not strained:
        return
    first = strained[0]
    finite = [one for one in strained if np.isfinite(one.kappa)]
    says = "only a constant channel"
    if finite:
        # Where both occur, float32 is told: it fails at ratios that are met in practice.
        shown = min(finite, key=lambda one: (one.dtype == "float64", one.loss))
        sums = "float64" if shown.dtype == "float64" else "float32"
        says = f"from mean/std = {shown.kappa:.2g} on in {sums}"
    yield _Candidate(
        Extent(f"mostly {says}" if skipped else says, "accuracy"),
        lambda traits: traits.loss >= first.loss,
        OUTLIERS,
    )


def _list_sizes(failing: Sequence[Traits], *, least: bool) -> Iterator[_Candidate]:
    """Shapes: at least or at most so many values, channels, axes or rows."""

    def build(what: str, area: str, read: Callable[[Traits], int]) -> _Candidate:
        sizes = [read(one) for one in failing]
        limit = min(sizes) if least else max(sizes)
        # The counts of rank come behind the word, those of everything else in front of it.
        count = what.format(limit)
        says = f"from {count} on" if least else f"up to {count}"
        if not least:
            return _Candidate(Extent(says), lambda traits: read(traits) <= limit, weak=True)
        far = area and (what.startswith("rank") or limit >= MANY)
        return _Candidate(Extent(says, area if far else ""), lambda traits: read(traits) >= limit)

    yield build("{} values per channel", "accuracy", lambda traits: traits.m)
    yield build("{} channels", "layout", lambda traits: traits.channels)
    yield build("rank {}", "layout", lambda traits: traits.rank)
    yield build("{} samples", "", lambda traits: traits.samples)


def find_place(traits: Traits) -> str:
    """Sort a failing case by where a defect of its own may show.

    Two defects that show in different places are told apart by this, before anything is known of
    either.

    Returns
    -------
    str
        "half" for half precision, "accuracy" for a mean far from 0 or many values, and else
        "ordinary".
    """
    if traits.half:
        return "half"
    return "accuracy" if traits.kappa > SMALL_KAPPA or traits.m >= MANY else "ordinary"
