"""Certified batch statistics: from the data in double words, or from exact sums, which merge over
parts of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from flint import fmpq

from bnproof.certify import compiled, errors, machine
from bnproof.certify.arguments import check_arguments
from bnproof.certify.enclosure import Array, Enclosure
from bnproof.certify.exact import (
    ExactGradients,
    ExactMoments,
    round_to_double,
    split_rational,
    to_rational,
)
from bnproof.certify.lanes import Lanes

ROUNDS = 3  # a plain sum for a centre, its correction, and once more


@dataclass(frozen=True)
class Centred:
    """Per channel ``mu = c + r`` and ``v``, and what there is to fall back on.

    ``constant``: all values equal, so that v is exactly 0; ``undefined``: NaN or infinity in the
    channel; ``extreme``: numbers for which double words could under- or overflow, so that
    everything about the channel is left to exact sums and balls; ``exact(j)``: the channel's exact
    moments.
    """

    m: int
    c: Array
    r: Enclosure
    v: Enclosure
    constant: Array
    undefined: Array
    extreme: Array
    exact: Callable[[int], Moments]


class Moments(Protocol):
    """What a fallback needs of a channel: exact mean and variance."""

    @property
    def mean(self) -> fmpq: ...

    @property
    def variance(self) -> fmpq: ...


@dataclass(frozen=True)
class Given:
    """A mean and a variance that are handed in."""

    mean: fmpq
    variance: fmpq


@dataclass(frozen=True)
class Upstream:
    """Per channel ``mean g = c + r``, ``T = sum g (x - mu)``, and the sizes ``sum |g|`` and
    ``sum |g (x - c)|``.

    ``constant``: g is known to be ``c`` throughout; ``undefined``: NaN or infinity in g;
    ``joint_undefined``: in g or x.
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
    """An array was modified after it was certified."""


@dataclass(frozen=True)
class Source:
    """An array that more may be asked about later: in memory order, and the plain sums of its
    lanes, by which it is known."""

    values: Array
    lanes: Lanes
    flat: Array
    mark: Array

    @classmethod
    def from_array(cls, x: Array, lanes: Lanes | None = None) -> Source:
        """Of an array as it is now, in its own memory order or in another's."""
        lanes = lanes or Lanes.from_array(x)
        flat = lanes.flatten(x)
        return cls(x, lanes, flat, _compute_mark(lanes, flat))

    @property
    def sums(self) -> Array:
        """The plain sum of each channel, to find a centre."""
        return self.lanes.join_lanes(self.mark, 1)[:, 0]

    def verify_unmodified(self) -> None:
        """Raise ``Changed`` where some lane has another sum than it had, ``UnsoundArithmetic``
        where sums cannot be trusted."""
        machine.verify()
        if not np.array_equal(
            _compute_mark(self.lanes, self.lanes.flatten(self.values)), self.mark, equal_nan=True
        ):
            raise Changed("an array was modified since it was certified: certify it again")


def _compute_mark(lanes: Lanes, flat: Array) -> Array:
    with np.errstate(all="ignore"):
        return lanes.sum_lanes(compiled.sum_plain, (flat,), numbers=1)


def select_channel(x: Array, j: int) -> Array:
    """The values of channel ``j`` as float64."""
    return np.asarray(x[:, j], dtype=np.float64).reshape(-1)


def stack_words(e: Enclosure) -> Array:
    """The double words of an enclosure, ``(n, 2)``."""
    return np.stack([e.mid, e.low], axis=-1)


def build_enclosure(words: Array, terms: errors.Terms) -> Enclosure:
    """Double words ``(n, 2)`` with the sum of the terms as radius."""
    return Enclosure(words[:, 0], words[:, 1], errors.total(terms))


def centre_batch(source: Source) -> Centred:
    """The statistics of ``x``: plain sums of the channels give a centre ``c``, three-fold sums of
    ``d = x - c`` and ``d^2`` give the rest.

    ``mu = c + (1/m) sum d`` and ``v = (1/m) sum d^2 - r^2`` for every c (theorem
    variance-formulas); where ``r^2`` is not small beside the second moment, c moves by r and the
    sums are taken again.
    """
    x, lanes, flat = source.values, source.lanes, source.flat
    m, depth = x.size // x.shape[1], lanes.depth()
    c = source.sums / m
    for n in range(ROUNDS):
        sums = lanes.sum_channels(
            compiled.sum_centred, (flat,), lanes.order_parameters(c), numbers=6, threefold=2
        )
        total, squares = (
            compiled.to_double_words(np.ascontiguousarray(s)) for s in (sums[:, :3], sums[:, 3:])
        )
        mean, second = (compiled.quotients(s, float(m)) for s in (total, squares))
        moved = (c + mean[:, 0] != c) & (mean[:, 0] ** 2 > second[:, 0] / 4)
        if n == ROUNDS - 1 or not moved.any():
            break
        c = np.where(moved, c + mean[:, 0], c)
    r = build_enclosure(mean, errors.mean_residual(depth, m, total[:, 0], second[:, 0]))
    v = build_enclosure(
        compiled.subtract_products(second, mean, mean), errors.variance(depth, r, second[:, 0])
    )
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
    """The sums over ``h = g - c_g``: ``T = sum h (x - c) - r sum h`` for every c_g, since
    ``sum (x - mu) = 0``.

    A centre near the mean of g makes what cancels exact.  Without ``centre`` (inference: mu is
    given and that sum is not 0) ``c_g = 0``.
    """
    x, dy, lanes = source.values, of_g.values, source.lanes
    m, depth = of_x.m, lanes.depth()
    c = of_g.sums / m if centre else np.zeros_like(of_x.c)
    for n in range(ROUNDS):
        centres = lanes.order_parameters(of_x.c, c)
        sums = lanes.sum_channels(
            compiled.sum_gradients, (source.flat, of_g.flat), centres, numbers=10, threefold=2
        )
        total, product = (
            compiled.to_double_words(np.ascontiguousarray(s)) for s in (sums[:, :3], sums[:, 3:6])
        )
        h_size, product_size, size, joint_size = sums[:, 6:].T
        mean = compiled.quotients(total, float(m))
        moved = (c + mean[:, 0] != c) & (np.abs(mean[:, 0]) > h_size / (4 * m))
        if n == ROUNDS - 1 or not (centre and moved.any()):
            break
        c = np.where(moved, c + mean[:, 0], c)
    sum_h = build_enclosure(total, errors.upstream_sum(depth, total[:, 0], h_size))
    sum_hd = build_enclosure(product, errors.products(depth, m, product_size, h_size))
    joint = compiled.subtract_products(product, stack_words(of_x.r), total)
    undefined, extreme = _classify_channels(dy, size / m, h_size / m)
    beyond, large = _classify_channels(x, joint_size, joint_size)
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
    """Statistics that are handed in, float64, exact."""
    undefined = ~(np.isfinite(mean) & np.isfinite(variance) & (variance >= 0))
    extreme = ~undefined & ~errors.is_ordinary(mean, np.sqrt(np.abs(variance)))
    exact = lambda j: Given(to_rational(float(mean[j])), to_rational(float(variance[j])))  # noqa: E731
    none = np.zeros_like(undefined)
    return Centred(
        m,
        mean,
        Enclosure.from_floats(0 * mean),
        Enclosure.from_floats(variance),
        none,
        undefined,
        extreme,
        exact,
    )


def _classify_channels(x: Array, size: Array, spread: Array) -> tuple[Array, Array]:
    """Which channels hold something that is not finite, and which are extreme: out of range, and
    not all zero."""
    odd = ~errors.is_ordinary(size, spread) | (size == 0)
    undefined, extreme = np.zeros_like(odd), np.zeros_like(odd)
    for j in np.flatnonzero(odd).tolist():
        undefined[j] = not np.isfinite(select_channel(x, j)).all()
        extreme[j] = not undefined[j] and bool(np.any(x[:, j]))
    return undefined, extreme


# -- from exact sums -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statistics:
    """Exact sums over ``m`` values per channel, ``None`` for a channel that holds NaN or infinity.

    Those of parts of a batch add up to those of the whole, without any error (theorem
    total-variance says what that does to the variance).
    """

    m: int
    moments: tuple[ExactMoments | None, ...]
    gradients: tuple[ExactGradients | None, ...] | None = None

    def __add__(self, other: Statistics) -> Statistics:
        """Those of both parts together; raises ``ValueError`` for other channels, or where only one
        has gradients."""
        if not isinstance(other, Statistics):
            return NotImplemented
        if len(self.moments) != len(other.moments) or (self.gradients is None) != (
            other.gradients is None
        ):
            raise ValueError(
                "these are not parts of one batch: give both the same channels, and dy to both or"
                " to none"
            )
        gradients = (
            None if self.gradients is None else _merge_sums(self.gradients, other.gradients or ())
        )
        return Statistics(self.m + other.m, _merge_sums(self.moments, other.moments), gradients)

    def to_centred(self) -> Centred:
        """``mu = c + r`` and ``v``, rounded to three and two doubles."""
        table = np.full((7, len(self.moments)), np.nan)
        for j, own in enumerate(self.moments):
            if own is not None:
                c = round_to_double(own.mean)
                table[:, j] = c, *_split_difference(own.mean, c), *split_rational(own.variance)
        c, r, v = table[0], Enclosure(*table[1:4]), Enclosure(*table[4:])
        undefined = np.array([own is None for own in self.moments])
        constant = (v.mid == 0) & (v.rad == 0)
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
        """``mean g = c + r`` and ``T``, rounded; ``|sum g|`` and ``|T|`` stand for the sizes that
        exact sums do not tell."""
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
    """What is there: a channel without exact sums is undefined and never asked for them."""
    assert value is not None
    return value


def _merge_sums(
    one: tuple[Sums | None, ...], other: tuple[Sums | None, ...]
) -> tuple[Sums | None, ...]:
    return tuple(None if a is None or b is None else a + b for a, b in zip(one, other, strict=True))


def _split_difference(value: fmpq, c: float) -> tuple[float, float, float]:
    return split_rational(value - to_rational(c)) if np.isfinite(c) else (np.nan, np.nan, np.nan)


def statistics(x: Array, dy: Array | None = None) -> Statistics:
    """The exact sums of a part of a batch: ``sum x``, ``sum x^2``, and with ``dy`` also ``sum g``,
    ``sum g x``, per channel.

    ``x``, ``dy`` of shape ``(N, C, *spatial)``, rank 2 to 5, N = 0 included; float16, bfloat16,
    float32 or float64. For data that does not fit in memory: add up the statistics of all parts,
    then hand them to :func:`train` with each part in turn.  Raises ``ValueError`` for other shapes,
    ``TypeError`` for other dtypes.
    """
    machine.verify()
    check_arguments(x, dy=dy)
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
