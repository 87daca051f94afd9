"""Certified batch statistics: from the data in double words, or from exact sums, which merge.

Everything about a channel follows from its mean ``mu``, its variance ``v`` and, for gradients,
``mean g`` and ``T = sum g (x - mu)``. There are three ways to them, with one result
(:class:`Centred`, :class:`Upstream`):

- :func:`centre_batch` and :func:`sum_upstream` read the data with compiled kernels and bound the
  error;
- :class:`Statistics` are exact sums, which add up over parts of a batch that does not fit in
  memory;
- :func:`wrap_statistics` takes what is handed in (inference), which is exact.

The mean is kept as ``c + r``: a float ``c`` near it and a small residue ``r`` with a radius. So
``x - mu = (x - c) - r``, where the first difference is exact in two words and the second cancels
little. Start reading at :func:`centre_batch`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from flint import fmpq

from bnproof.certify import compiled, errors, machine
from bnproof.certify.enclosure import Array, Enclosure
from bnproof.certify.exact_sums import (
    ExactGradients,
    ExactMoments,
    round_to_double,
    split_rational,
    to_rational,
)
from bnproof.certify.lanes import Lanes
from bnproof.certify.validation import check_arguments

# The centre comes from a plain sum; where that was poor, a first correction is as good as the
# three-fold sums that gave it, and one more makes what is left small beside the spread. Further
# rounds would change the last bits of c and read all data again.
ROUNDS = 3


@dataclass(frozen=True)
class Centred:
    """What is known of the x of each channel: ``mu = c + r``, ``v``, and what there is to fall back
    on.

    Attributes
    ----------
    m
        The number of values in a channel.
    c
        The centres, float64 ``(C,)``.
    r, v
        Enclosures of ``mu - c`` and of the variance.
    constant
        Channels known to have only values equal to c, so that v is exactly 0.
    undefined
        Channels that hold NaN or infinity.
    extreme
        Channels with numbers for which double words could under- or overflow: everything about them
        is left to exact sums and balls.
    exact
        ``exact(j)`` has the exact mean and variance of channel j. It reads the data again, so it is
        called only where something is in doubt.
    """

    m: int
    c: Array
    r: Enclosure
    v: Enclosure
    constant: Array
    undefined: Array
    extreme: Array
    exact: Callable[[int], ExactMoments | Given]


@dataclass(frozen=True)
class Given:
    """A mean and a variance that are handed in, as rational numbers."""

    mean: fmpq
    variance: fmpq


@dataclass(frozen=True)
class Upstream:
    """What is known of the upstream gradient of each channel: ``mean g = c + r`` and
    ``T = sum g (x - mu)``.

    Attributes
    ----------
    c
        The centres of g, float64 ``(C,)``.
    r, joint
        Enclosures of ``mean g - c`` and of ``T``.
    size, joint_size
        ``sum |g|`` and ``sum |g (x - c)|`` in float64, on which widths are measured.
    constant
        Channels whose g is known to be c throughout.
    undefined
        Channels with NaN or infinity in g.
    joint_undefined
        Channels with NaN or infinity in g or x.
    extreme
        Channels left to exact sums and balls.
    exact
        ``exact(j)`` has the exact sums of channel j.
    """

    c: Array
    r: Enclosure
    joint: Enclosure
    size: Array
    joint_size: Array
    constant: Array
    undefined: Array
    joint_undefined: Array
    extreme: Array
    exact: Callable[[int], ExactGradients]


class Changed(RuntimeError):
    """An array was modified after it was certified, and something more was asked of it."""


@dataclass(frozen=True)
class Source:
    """An array that more may be asked about later, and a mark by which a change of it is noticed.

    Attributes
    ----------
    values
        The array itself. It is not copied where that can be avoided, hence the mark.
    lanes
        The memory order that kernels read it in.
    flat
        Its values in that order.
    mark
        The plain sums of its lanes. A change that leaves all of them as they were, such as swapping
        two values of a lane, is not noticed.
    """

    values: Array
    lanes: Lanes
    flat: Array
    mark: Array

    @classmethod
    def from_array(cls, x: Array, lanes: Lanes | None = None) -> Source:
        """An array as it is now.

        Parameters
        ----------
        x
            ``(N, C, *spatial)``.
        lanes
            The memory order to read it in, for dy that of x, so that kernels meet corresponding
            values. ``None`` stands for its own.
        """
        # The order of x also for dy, whatever dy's own strides are; ``flatten`` copies if need be.
        lanes = lanes or Lanes.from_array(x)
        flat = lanes.flatten(x)
        return cls(x, lanes, flat, _compute_mark(lanes, flat))

    @property
    def sums(self) -> Array:
        """The plain sum of each channel, to find a centre."""
        return self.lanes.join_lanes(self.mark, 1)[:, 0]

    def verify_unmodified(self) -> None:
        """Check that the array still is what was certified.

        Raises
        ------
        Changed
            Where some lane has another sum than it had.
        UnsoundArithmetic
            Where sums cannot be trusted on this thread.
        """
        machine.verify()
        if not np.array_equal(
            # A lane that sums to NaN has a mark like any other.
            _compute_mark(self.lanes, self.lanes.flatten(self.values)),
            self.mark,
            equal_nan=True,
        ):
            raise Changed("an array was modified since it was certified: certify it again")


def _compute_mark(lanes: Lanes, flat: Array) -> Array:
    """The plain sums of an array's lanes; NaN and overflow are marks like others."""
    with np.errstate(all="ignore"):
        return lanes.sum_lanes(compiled.sum_plain, (flat,), numbers=1)


def select_channel(x: Array, j: int) -> Array:
    """The values of channel ``j`` as float64, one-dimensional; exact for every supported dtype."""
    return np.asarray(x[:, j], dtype=np.float64).reshape(-1)


def stack_words(e: Enclosure) -> Array:
    """The double words of an enclosure, ``(n, 2)``, as compiled functions take them."""
    return np.stack([e.mid, e.low], axis=-1)


def build_enclosure(words: Array, terms: errors.Terms) -> Enclosure:
    """An enclosure from double words ``(n, 2)``, with the sum of the terms as radius."""
    return Enclosure(words[:, 0], words[:, 1], errors.total(terms))


def centre_batch(source: Source) -> Centred:
    """The statistics of a batch, from the data.

    Parameters
    ----------
    source
        x, of at least one value per channel.

    Returns
    -------
    Centred
        With enclosures of a few ``u^2`` times the second moment about the centre.

    Notes
    -----
    Plain sums of the channels give a centre ``c``; three-fold sums of ``d = x - c`` and ``d^2``
    give the rest: ``mu = c + (1/m) sum d`` and ``v = (1/m) sum d^2 - r^2``, for every c (theorem
    variance-formulas). The errors are proportional to ``(1/m) sum d^2``, which is ``v + r^2``.
    Where ``r^2`` is more than a quarter of that, c moves by r and the sums are taken again; so
    ``v`` is at least three quarters of what its error is measured on, unless the third round was
    not enough, in which case the radius says so.
    """
    x, lanes, flat = source.values, source.lanes, source.flat
    m, depth = x.size // x.shape[1], lanes.depth()
    # A plain sum is enough: c need not be the mean, only near it.
    c = source.sums / m
    for n in range(ROUNDS):
        sums = lanes.sum_channels(
            compiled.sum_centred, (flat,), lanes.order_parameters(c), numbers=6, threefold=2
        )
        # Slices of the table are strided; the compiled functions are for contiguous arrays.
        total, squares = (
            compiled.to_double_words(np.ascontiguousarray(s)) for s in (sums[:, :3], sums[:, 3:])
        )
        mean, second = (compiled.quotients(s, float(m)) for s in (total, squares))
        # A centre that cannot come closer, because the step is below half its last place, stays.
        moved = (c + mean[:, 0] != c) & (mean[:, 0] ** 2 > second[:, 0] / 4)
        if n == ROUNDS - 1 or not moved.any():
            break
        # Channels that are good keep their centre, and get the same sums again.
        c = np.where(moved, c + mean[:, 0], c)
    r = build_enclosure(mean, errors.mean_residual(depth, m, total[:, 0], second[:, 0]))
    v = build_enclosure(
        compiled.subtract_products(second, mean, mean), errors.variance(depth, r, second[:, 0])
    )
    # The root mean square about 0 and about c: from these the size of everything in a channel
    # follows.
    undefined, extreme = _classify_channels(x, np.sqrt(c**2 + second[:, 0]), np.sqrt(second[:, 0]))
    return Centred(
        m,
        c,
        r,
        v,
        second[:, 0] == 0,
        undefined,
        extreme,
        lambda j: ExactMoments.from_values(select_channel(x, j)),
    )


def sum_upstream(source: Source, of_g: Source, of_x: Centred, *, centre: bool = True) -> Upstream:
    """The sums over the upstream gradient, from the data.

    Parameters
    ----------
    source, of_g
        x and dy, read in the same memory order.
    of_x
        The statistics that normalise x.
    centre
        Whether to centre g. Not at inference, where mu is given.

    Returns
    -------
    Upstream
        The mean of g, ``T``, and the sizes of both.

    Notes
    -----
    With ``h = g - c_g``, ``T = sum h (x - c) - r sum h`` for every ``c_g``, since
    ``sum (x - mu) = 0``. A centre near the mean of g makes what cancels exact: for a constant g
    every h is 0. At inference ``sum (x - mu_r)`` is not 0, so that ``c_g`` has to be.
    """
    x, dy, lanes = source.values, of_g.values, source.lanes
    m, depth = of_x.m, lanes.depth()
    # The same plain sum of g, unless T has to be about the mean that was handed in.
    c = of_g.sums / m if centre else np.zeros_like(of_x.c)
    for n in range(ROUNDS):
        centres = lanes.order_parameters(of_x.c, c)
        sums = lanes.sum_channels(
            compiled.sum_gradients, (source.flat, of_g.flat), centres, numbers=10, threefold=2
        )
        total, product = (
            compiled.to_double_words(np.ascontiguousarray(s)) for s in (sums[:, :3], sums[:, 3:6])
        )
        # In the order in which the kernel keeps them.
        h_size, product_size, size, joint_size = sums[:, 6:].T
        mean = compiled.quotients(total, float(m))
        moved = (c + mean[:, 0] != c) & (np.abs(mean[:, 0]) > h_size / (4 * m))
        if n == ROUNDS - 1 or not (centre and moved.any()):
            break
        c = np.where(moved, c + mean[:, 0], c)
    # S and P first: the error of T is made from theirs.
    sum_h = build_enclosure(total, errors.upstream_sum(depth, total[:, 0], h_size))
    sum_hd = build_enclosure(product, errors.products(depth, m, product_size, h_size))
    joint = compiled.subtract_products(product, stack_words(of_x.r), total)
    undefined, extreme = _classify_channels(dy, size / m, h_size / m)
    beyond, large = _classify_channels(x, joint_size, joint_size)
    # Where x is finite and the products overflow, exact sums have the answer.
    extreme |= large & ~np.isfinite(joint_size)
    return Upstream(
        c,
        build_enclosure(mean, errors.upstream_mean(m, sum_h, mean[:, 0])),
        build_enclosure(joint, errors.covariance(sum_hd, sum_h, of_x.r)),
        size,
        joint_size,
        h_size == 0,
        undefined,
        undefined | beyond,
        extreme,
        lambda j: ExactGradients.from_values(select_channel(dy, j), select_channel(x, j)),
    )


def wrap_statistics(m: int, mean: Array, variance: Array) -> Centred:
    """Statistics that are handed in: exact, so there is no radius.

    Parameters
    ----------
    m
        How many values a channel has.
    mean, variance
        ``(C,)``, of any supported dtype. A channel with a negative variance, NaN or infinity is
        undefined.
    """
    mean, variance = mean.astype(np.float64), variance.astype(np.float64)
    undefined = ~(np.isfinite(mean) & np.isfinite(variance) & (variance >= 0))
    extreme = ~undefined & ~errors.is_ordinary(mean, np.sqrt(np.abs(variance)))
    # One conversion per channel, and only where it is needed.
    exact = lambda j: Given(*map(to_rational, (float(mean[j]), float(variance[j]))))  # noqa: E731
    r, v = Enclosure.from_floats(0 * mean), Enclosure.from_floats(variance)
    return Centred(m, mean, r, v, np.zeros_like(undefined), undefined, extreme, exact)


def _classify_channels(x: Array, size: Array, spread: Array) -> tuple[Array, Array]:
    """Which channels hold something that is not finite, and which are extreme.

    Parameters
    ----------
    x
        The values.
    size, spread
        Two magnitudes per channel. NaN, infinity, zero or a magnitude out of range make a channel
        worth a look; others are fine, and their values are not read.
    """
    # Zero is looked at too: a sum of squares may have underflowed.
    odd = ~errors.is_ordinary(size, spread) | (size == 0)
    undefined, extreme = np.zeros_like(odd), np.zeros_like(odd)
    for j in np.flatnonzero(odd).tolist():
        undefined[j] = not np.isfinite(select_channel(x, j)).all()
        extreme[j] = not undefined[j] and bool(np.any(x[:, j]))
    return undefined, extreme


# -- from exact sums -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statistics:
    """Exact sums per channel of a batch or a part of one.

    Those of parts add up with ``+`` to those of the whole, without any error, in any order (theorem
    total-variance says what that does to the variance). They are what :func:`bnproof.certify.train`
    takes as ``statistics``.

    Attributes
    ----------
    m
        The number of values in a channel.
    moments
        One :class:`bnproof.certify.exact_sums.ExactMoments` per channel; ``None`` for a channel
        that holds NaN or infinity.
    gradients
        One :class:`bnproof.certify.exact_sums.ExactGradients` per channel, ``None`` where dy holds
        NaN or infinity; or ``None`` altogether where there was no dy.
    """

    m: int
    moments: tuple[ExactMoments | None, ...]
    gradients: tuple[ExactGradients | None, ...] | None = None

    def __add__(self, other: Statistics) -> Statistics:
        """The statistics of both parts together.

        Raises
        ------
        ValueError
            For another number of channels, or where only one part has gradients.
        """
        if not isinstance(other, Statistics):
            return NotImplemented
        if len(self.moments) != len(other.moments) or (self.gradients is None) != (
            other.gradients is None
        ):
            raise ValueError(
                "these are not parts of one batch: give both the same channels, and dy to both or"
                " to none"
            )
        # Both have them or neither has, which was checked above.
        gradients = (
            None if self.gradients is None else _merge_sums(self.gradients, other.gradients or ())
        )
        return Statistics(self.m + other.m, _merge_sums(self.moments, other.moments), gradients)

    def to_centred(self) -> Centred:
        """``mu = c + r`` and ``v``, rounded from exact numbers: three doubles for mu, two for v."""
        table = np.full((7, len(self.moments)), np.nan)
        for j, own in enumerate(self.moments):
            if own is not None:
                # The nearest double to the mean: r is then less than half a unit of it.
                c = round_to_double(own.mean)
                # Three words of mu in all, c and two of r.
                table[:, j] = c, *_split_difference(own.mean, c), *split_rational(own.variance)
        c, r, v = table[0], Enclosure(*table[1:4]), Enclosure(*table[4:])
        undefined = np.array([own is None for own in self.moments])
        constant = (v.mid == 0) & (v.rad == 0)
        # A variance that is positive and rounds to 0 is not that of a constant channel: it is
        # extreme.
        inside = errors.is_ordinary(np.sqrt(c**2 + v.mid), np.sqrt(v.mid)) & (
            constant | (v.mid > 0)
        )
        extreme = ~undefined & ~inside
        return Centred(
            self.m,
            c,
            r,
            v,
            constant,
            undefined,
            extreme,
            lambda j: require_present(self.moments[j]),
        )

    def to_upstream(self) -> Upstream:
        """``mean g = c + r`` and ``T``, rounded from exact numbers.

        ``|sum g|`` and ``|T|`` stand for the sizes ``sum |g|`` and ``sum |g (x - c)|``, which exact
        sums do not tell. They are no larger, so enclosures become narrower than promised, not
        wider.
        """
        gradients = require_present(self.gradients)
        table = np.full((7, len(gradients)), np.nan)
        for j, (of_x, of_g) in enumerate(zip(self.moments, gradients, strict=True)):
            if of_g is not None:
                mean = of_g.total / self.m
                c = round_to_double(mean)
                table[:4, j] = c, *_split_difference(mean, c)
            if of_g is not None and of_x is not None:
                table[4:, j] = split_rational(of_g.covariance(of_x.mean))
        c, r, joint = table[0], Enclosure(*table[1:4]), Enclosure(*table[4:])
        undefined = np.array([own is None for own in gradients])
        beyond = undefined | np.isnan(joint.mid)
        extreme = ~beyond & ~errors.is_ordinary(c, joint.mid)
        sizes = np.abs(c) * self.m, np.abs(joint.mid)
        return Upstream(
            c,
            r,
            joint,
            *sizes,
            np.zeros_like(undefined),
            undefined,
            beyond,
            extreme,
            lambda j: require_present(gradients[j]),
        )


Sums = TypeVar("Sums", ExactMoments, ExactGradients)
Known = TypeVar("Known")


def require_present(value: Known | None) -> Known:
    """The value, which is there: a channel without exact sums is undefined and never asked for
    them."""
    assert value is not None
    return value


def _merge_sums(
    one: tuple[Sums | None, ...], other: tuple[Sums | None, ...]
) -> tuple[Sums | None, ...]:
    """The sums of two parts, channel by channel; a channel that one part does not know is lost."""
    return tuple(None if a is None or b is None else a + b for a, b in zip(one, other, strict=True))


def _split_difference(value: fmpq, c: float) -> tuple[float, float, float]:
    """``value - c`` as ``mid, low, rad``; NaN where c is beyond the largest double."""
    return split_rational(value - to_rational(c)) if np.isfinite(c) else (np.nan, np.nan, np.nan)


def statistics(x: Array, dy: Array | None = None) -> Statistics:
    """The exact sums of a batch or of a part of one.

    For data that does not fit in memory: add up the statistics of all parts, then hand them to
    :func:`bnproof.certify.train` with each part in turn.

    Parameters
    ----------
    x
        ``(N, C, *spatial)``, rank 2 to 5, N = 0 included; float16, bfloat16, float32 or float64.
    dy
        The upstream gradient, in the shape of x: then the sums for gradients are included.

    Returns
    -------
    Statistics
        ``sum x``, ``sum x^2``, and with ``dy`` also ``sum g``, ``sum g x``, per channel.

    Raises
    ------
    ValueError, TypeError
        For another shape, for another dtype.
    UnsoundArithmetic
        Where this thread does not round to nearest, or flushes subnormals.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof import certify
    >>> x = np.array([[1.0], [2.0], [4.0]])
    >>> certify.statistics(x[:1]) + certify.statistics(x[1:]) == certify.statistics(x)
    True
    """
    machine.verify()
    check_arguments(x, dy=dy)
    # One conversion per channel, shared by the moments and the products with g.
    columns = [select_channel(x, j) for j in range(x.shape[1])]
    moments = tuple(
        ExactMoments.from_values(values) if np.isfinite(values).all() else None
        for values in columns
    )
    m = x.size // x.shape[1]
    if dy is None:
        return Statistics(m, moments)
    ups = [select_channel(dy, j) for j in range(x.shape[1])]
    pairs = zip(ups, columns, strict=True)
    return Statistics(
        m,
        moments,
        tuple(
            ExactGradients.from_values(up, values) if np.isfinite(up).all() else None
            for up, values in pairs
        ),
    )
