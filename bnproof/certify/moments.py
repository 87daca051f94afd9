"""Certified batch statistics: from the data in double words, or from exact sums, which merge over
parts of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from flint import fmpq

from bnproof.certify import compiled, errors, machine
from bnproof.certify.arguments import checked
from bnproof.certify.enclosure import Array, Enclosure
from bnproof.certify.exact import ExactGradients, ExactMoments, nearest, rational, words
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
    def of(cls, x: Array, lanes: Lanes | None = None) -> Source:
        """Of an array as it is now, in its own memory order or in another's."""
        lanes = lanes or Lanes.of(x)
        flat = lanes.flat(x)
        return cls(x, lanes, flat, _marked(lanes, flat))

    @property
    def sums(self) -> Array:
        """The plain sum of each channel, to find a centre."""
        return self.lanes.joined(self.mark, 1)[:, 0]

    def verify(self) -> None:
        """Raise ``Changed`` where some lane has another sum than it had, ``UnsoundArithmetic``
        where sums cannot be trusted."""
        machine.verify()
        if not np.array_equal(
            _marked(self.lanes, self.lanes.flat(self.values)), self.mark, equal_nan=True
        ):
            raise Changed("an array was modified since it was certified: certify it again")


def _marked(lanes: Lanes, flat: Array) -> Array:
    with np.errstate(all="ignore"):
        return lanes.lane_sums(compiled.plain_sums, (flat,), numbers=1)


def channel(x: Array, j: int) -> Array:
    """The values of channel ``j`` as float64."""
    return np.asarray(x[:, j], dtype=np.float64).reshape(-1)


def words_of(e: Enclosure) -> Array:
    """The double words of an enclosure, ``(n, 2)``."""
    return np.stack([e.mid, e.low], axis=-1)


def enclosure(words: Array, terms: errors.Terms) -> Enclosure:
    """Double words ``(n, 2)`` with the sum of the terms as radius."""
    return Enclosure(words[:, 0], words[:, 1], errors.total(terms))


def centred(of: Source) -> Centred:
    """The statistics of ``x``: plain sums of the channels give a centre ``c``, three-fold sums of
    ``d = x - c`` and ``d^2`` give the rest.

    ``mu = c + (1/m) sum d`` and ``v = (1/m) sum d^2 - r^2`` for every c (theorem
    variance-formulas); where ``r^2`` is not small beside the second moment, c moves by r and the
    sums are taken again.
    """
    x, lanes, flat = of.values, of.lanes, of.flat
    m, depth = x.size // x.shape[1], lanes.depth()
    c = of.sums / m
    for n in range(ROUNDS):
        sums = lanes.sums(
            compiled.centred_sums, (flat,), lanes.parameters(c), numbers=6, threefold=2
        )
        total, squares = (
            compiled.double_words(np.ascontiguousarray(s)) for s in (sums[:, :3], sums[:, 3:])
        )
        mean, second = (compiled.quotients(s, float(m)) for s in (total, squares))
        moved = (c + mean[:, 0] != c) & (mean[:, 0] ** 2 > second[:, 0] / 4)
        if n == ROUNDS - 1 or not moved.any():
            break
        c = np.where(moved, c + mean[:, 0], c)
    r = enclosure(mean, errors.mean_residual(depth, m, total[:, 0], second[:, 0]))
    v = enclosure(
        compiled.less_products(second, mean, mean), errors.variance(depth, r, second[:, 0])
    )
    undefined, extreme = _odd(x, np.sqrt(c**2 + second[:, 0]), np.sqrt(second[:, 0]))
    return Centred(
        m, c, r, v, second[:, 0] == 0, undefined, extreme, lambda j: ExactMoments.of(channel(x, j))
    )


def upstream(of: Source, of_g: Source, of_x: Centred, *, centre: bool = True) -> Upstream:
    """The sums over ``h = g - c_g``: ``T = sum h (x - c) - r sum h`` for every c_g, since
    ``sum (x - mu) = 0``.

    A centre near the mean of g makes what cancels exact.  Without ``centre`` (inference: mu is
    given and that sum is not 0) ``c_g = 0``.
    """
    x, dy, lanes = of.values, of_g.values, of.lanes
    m, depth = of_x.m, lanes.depth()
    c = of_g.sums / m if centre else np.zeros_like(of_x.c)
    for n in range(ROUNDS):
        centres = lanes.parameters(of_x.c, c)
        sums = lanes.sums(
            compiled.gradient_sums, (of.flat, of_g.flat), centres, numbers=10, threefold=2
        )
        total, product = (
            compiled.double_words(np.ascontiguousarray(s)) for s in (sums[:, :3], sums[:, 3:6])
        )
        h_size, product_size, size, joint_size = sums[:, 6:].T
        mean = compiled.quotients(total, float(m))
        moved = (c + mean[:, 0] != c) & (np.abs(mean[:, 0]) > h_size / (4 * m))
        if n == ROUNDS - 1 or not (centre and moved.any()):
            break
        c = np.where(moved, c + mean[:, 0], c)
    sum_h = enclosure(total, errors.upstream_sum(depth, total[:, 0], h_size))
    sum_hd = enclosure(product, errors.products(depth, m, product_size, h_size))
    joint = compiled.less_products(product, words_of(of_x.r), total)
    undefined, extreme = _odd(dy, size / m, h_size / m)
    beyond, large = _odd(x, joint_size, joint_size)
    extreme |= large & ~np.isfinite(joint_size)
    return Upstream(
        c,
        enclosure(mean, errors.upstream_mean(m, sum_h, mean[:, 0])),
        enclosure(joint, errors.covariance(sum_hd, sum_h, of_x.r)),
        size,
        joint_size,
        h_size == 0,
        undefined,
        undefined | beyond,
        extreme,
        lambda j: ExactGradients.of(channel(dy, j), channel(x, j)),
    )


def given(m: int, mean: Array, variance: Array) -> Centred:
    """Statistics that are handed in, float64, exact."""
    undefined = ~(np.isfinite(mean) & np.isfinite(variance) & (variance >= 0))
    extreme = ~undefined & ~errors.ordinary(mean, np.sqrt(np.abs(variance)))
    exact = lambda j: Given(rational(float(mean[j])), rational(float(variance[j])))  # noqa: E731
    none = np.zeros_like(undefined)
    return Centred(
        m,
        mean,
        Enclosure.exactly(0 * mean),
        Enclosure.exactly(variance),
        none,
        undefined,
        extreme,
        exact,
    )


def _odd(x: Array, size: Array, spread: Array) -> tuple[Array, Array]:
    """Which channels hold something that is not finite, and which are extreme: out of range, and
    not all zero."""
    odd = ~errors.ordinary(size, spread) | (size == 0)
    undefined, extreme = np.zeros_like(odd), np.zeros_like(odd)
    for j in np.flatnonzero(odd).tolist():
        undefined[j] = not np.isfinite(channel(x, j)).all()
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
            None if self.gradients is None else _joined(self.gradients, other.gradients or ())
        )
        return Statistics(self.m + other.m, _joined(self.moments, other.moments), gradients)

    def centred(self) -> Centred:
        """``mu = c + r`` and ``v``, rounded to three and two doubles."""
        table = np.full((7, len(self.moments)), np.nan)
        for j, of in enumerate(self.moments):
            if of is not None:
                c = nearest(of.mean)
                table[:, j] = c, *_words_from(of.mean, c), *words(of.variance)
        c, r, v = table[0], Enclosure(*table[1:4]), Enclosure(*table[4:])
        undefined = np.array([of is None for of in self.moments])
        constant = (v.mid == 0) & (v.rad == 0)
        inside = errors.ordinary(np.sqrt(c**2 + v.mid), np.sqrt(v.mid)) & (constant | (v.mid > 0))
        extreme = ~undefined & ~inside
        return Centred(
            self.m, c, r, v, constant, undefined, extreme, lambda j: known(self.moments[j])
        )

    def upstream(self) -> Upstream:
        """``mean g = c + r`` and ``T``, rounded; ``|sum g|`` and ``|T|`` stand for the sizes that
        exact sums do not tell."""
        gradients = known(self.gradients)
        table = np.full((7, len(gradients)), np.nan)
        for j, (of_x, of_g) in enumerate(zip(self.moments, gradients, strict=True)):
            if of_g is not None:
                mean = of_g.total / self.m
                c = nearest(mean)
                table[:4, j] = c, *_words_from(mean, c)
            if of_g is not None and of_x is not None:
                table[4:, j] = words(of_g.covariance(of_x.mean))
        c, r, joint = table[0], Enclosure(*table[1:4]), Enclosure(*table[4:])
        undefined = np.array([of is None for of in gradients])
        beyond = undefined | np.isnan(joint.mid)
        extreme = ~beyond & ~errors.ordinary(c, joint.mid)
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
            lambda j: known(gradients[j]),
        )


Sums = TypeVar("Sums", ExactMoments, ExactGradients)
Known = TypeVar("Known")


def known(value: Known | None) -> Known:
    """What is there: a channel without exact sums is undefined and never asked for them."""
    assert value is not None
    return value


def _joined(
    one: tuple[Sums | None, ...], other: tuple[Sums | None, ...]
) -> tuple[Sums | None, ...]:
    return tuple(None if a is None or b is None else a + b for a, b in zip(one, other, strict=True))


def _words_from(value: fmpq, c: float) -> tuple[float, float, float]:
    return words(value - rational(c)) if np.isfinite(c) else (np.nan, np.nan, np.nan)


def statistics(x: Array, dy: Array | None = None) -> Statistics:
    """The exact sums of a part of a batch: ``sum x``, ``sum x^2``, and with ``dy`` also ``sum g``,
    ``sum g x``, per channel.

    ``x``, ``dy`` of shape ``(N, C, *spatial)``, rank 2 to 5, N = 0 included; float16, bfloat16,
    float32 or float64. For data that does not fit in memory: add up the statistics of all parts,
    then hand them to :func:`train` with each part in turn.  Raises ``ValueError`` for other shapes,
    ``TypeError`` for other dtypes.
    """
    machine.verify()
    checked(x, dy=dy)
    columns = [channel(x, j) for j in range(x.shape[1])]
    moments = tuple(
        ExactMoments.of(values) if np.isfinite(values).all() else None for values in columns
    )
    m = x.size // x.shape[1]
    if dy is None:
        return Statistics(m, moments)
    ups = [channel(dy, j) for j in range(x.shape[1])]
    pairs = zip(ups, columns, strict=True)
    return Statistics(
        m,
        moments,
        tuple(
            ExactGradients.of(up, values) if np.isfinite(up).all() else None for up, values in pairs
        ),
    )
