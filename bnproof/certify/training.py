"""Certified training mode: the exact outputs, statistics and gradients of a training step.

:func:`train` is the front door. It takes the statistics of the batch
(:mod:`bnproof.certify.moments`), encloses ``y`` and ``dx`` entry by entry
(:mod:`bnproof.certify.entrywise`) and returns a :class:`Training`, whose other quantities are
enclosed when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb, fmpq

from bnproof.certify import machine
from bnproof.certify.channels import Certified, build_map, choose_width
from bnproof.certify.enclosure import BITS, Array, Enclosure
from bnproof.certify.entrywise import Back, Map, enclose_input_gradients, enclose_outputs
from bnproof.certify.exact_sums import to_rational
from bnproof.certify.moments import Source, Statistics, Upstream, centre_batch, sum_upstream
from bnproof.certify.refine import Rooted
from bnproof.certify.validation import check_arguments, check_array, check_non_empty, check_number
from bnproof.lowering.numbers import precision


@dataclass(frozen=True)
class Tracked:
    """Running statistics before the step, and how they move: ``(1 - alpha) r + alpha b``.

    Attributes
    ----------
    mean, var
        Float64 ``(C,)``.
    momentum
        ``alpha``, the weight of the new value.
    unbiased
        Whether ``b`` of the variance is ``m/(m - 1) v``, or v itself.
    """

    mean: Array
    var: Array
    momentum: float
    unbiased: bool


@dataclass(frozen=True)
class Training(Certified):
    """Enclosures of training mode on one batch.

    ``y``, ``xhat`` and, where ``dy`` was given, ``dx`` have x's shape. All else has ``(C,)``:
    ``mu``, ``v``, ``s``, ``dgamma``, ``dbeta``, ``running_mean``, ``running_var``. What was not
    handed over for a quantity is said by an ``AttributeError`` when it is asked for.
    """

    _tracked: Tracked | None

    @cached_property
    def mu(self) -> Enclosure:
        """The mean, ``(1/m) sum x``."""
        place = self.forward.place
        with np.errstate(all="ignore"):
            # A lower bound of ``(1/m) sum |x|``: it is at least ``|mu|``, and ``sum |x|`` is at
            # least the root of ``sum x^2``.
            size = np.maximum(np.abs(place.c), np.sqrt((place.c**2 + place.v.mid) / place.m))
        return self.enclose_channels(
            lambda: Enclosure.from_floats(place.c).to_balls() + place.r.to_balls(),
            size,
            lambda j: Rooted(b=place.exact(j).mean),
            place.undefined,
            place.extreme,
        )

    @cached_property
    def v(self) -> Enclosure:
        """The biased variance, ``(1/m) sum (x - mu)^2``."""
        place = self.forward.place
        return self.enclose_channels(
            place.v.to_balls,
            place.v.mid,
            lambda j: Rooted(b=place.exact(j).variance),
            place.undefined,
            place.extreme,
        )

    @cached_property
    def xhat(self) -> Enclosure:
        """The normalised values, ``(x - mu)/s``: the output for ``gamma = 1`` and ``beta = 0``."""
        # The kernel reads all of x again, so it is compared with its mark first.
        source, place = self.sources[0], self.forward.place
        source.verify_unmodified()
        with np.errstate(all="ignore"):
            affine_map = Map(place, np.ones_like(place.c), np.zeros_like(place.c), self.forward.eps)
            return enclose_outputs(source, affine_map, self.width)

    @cached_property
    def running_mean(self) -> Enclosure:
        """The running mean after the step, ``(1 - alpha) r + alpha mu``."""
        place = self.forward.place
        return self._move_statistic(
            self._running.mean, self.mu, lambda j: place.exact(j).mean, place.undefined
        )

    @cached_property
    def running_var(self) -> Enclosure:
        """The running variance after the step, ``(1 - alpha) r + alpha m/(m - 1) v``.

        With ``v`` itself where ``unbiased=False``. For ``m = 1`` there is no unbiased variance, and
        the answer is NaN.
        """
        place, tracked, v = self.forward.place, self._running, self.v
        # A rational factor, so that the fallback stays exact.
        factor = fmpq(place.m, place.m - 1) if tracked.unbiased and place.m > 1 else fmpq(1)
        # Bessel's factor does not exist for one value.
        undefined = place.undefined | (tracked.unbiased and place.m == 1)
        with precision(BITS):
            new = Enclosure.from_balls(v.to_balls() * arb(factor))
        return self._move_statistic(
            tracked.var, new, lambda j: factor * place.exact(j).variance, undefined
        )

    @property
    def _running(self) -> Tracked:
        """The running statistics; raises ``AttributeError`` where none were handed over."""
        if self._tracked is None:
            raise AttributeError(
                "there are no running statistics: hand over running=(mean, var) and momentum"
            )
        return self._tracked

    def _move_statistic(
        self, old: Array, new: Enclosure, exact: Callable[[int], fmpq], undefined: Array
    ) -> Enclosure:
        """``(1 - alpha) r + alpha b`` for the running mean or variance.

        Parameters
        ----------
        old, new
            ``r`` as floats, and ``b`` enclosed.
        exact
            ``exact(j)`` is ``b`` of channel j.
        undefined
            Channels without ``b``.
        """
        # As the exact value of the float: ``1 - alpha`` in float64 would already be rounded.
        alpha = to_rational(self._running.momentum)
        kept, moved = float(abs(arb(1 - alpha)).mid()), abs(self._running.momentum)
        with np.errstate(all="ignore"):
            # Half of the sum of magnitudes: ``new.mid`` is only near b, and these are floats.
            size = (kept * np.abs(old) + moved * np.abs(new.mid)) / 2

        def compute_balls() -> Any:
            return Enclosure.from_floats(old).to_balls() * arb(1 - alpha) + new.to_balls() * arb(
                alpha
            )

        def compute_number(j: int) -> Rooted:
            return Rooted(b=(1 - alpha) * to_rational(old[j]) + alpha * exact(j))

        undefined = undefined | ~np.isfinite(old)
        return self.enclose_channels(
            compute_balls, size, compute_number, undefined, self.forward.place.extreme
        )


def train(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    eps: float,
    dy: Array | None = None,
    running: tuple[Array, Array] | None = None,
    momentum: float | None = None,
    unbiased: bool = True,
    statistics: Statistics | None = None,
    tighten: int = 0,
) -> Training:
    """Enclosures of what a training step returns, for exactly the numbers handed in.

    Parameters
    ----------
    x
        The batch, ``(N, C, *spatial)``, rank 2 to 5, any strides; float16, bfloat16, float32 or
        float64.
    gamma, beta
        Affine parameters, ``(C,)`` of any of these dtypes; ``None`` stands for 1 and for 0.
    eps
        Added to the variance; it counts as the exact value of the float.
    dy
        The upstream gradient, in the shape of x: then ``dx``, ``dgamma``, ``dbeta`` are enclosed.
    running, momentum
        Running mean and variance, ``(C,)`` each, and the weight of the new value: then
        ``running_mean`` and ``running_var`` are enclosed.
    unbiased
        Whether the running variance tracks ``m/(m - 1) v``, or v itself.
    statistics
        The exact sums of a whole batch of which x is a part, from
        :func:`bnproof.certify.statistics`. ``None`` where x is the whole batch.
    tighten
        So many bits narrower than ``2^-20`` ulp, at most 32.

    Returns
    -------
    Training
        ``mu``, ``v``, ``s``, ``xhat``, ``y`` and what was asked for besides. y and dx are computed
        at once, the rest when it is asked for.

    Raises
    ------
    ValueError, TypeError
        For bad arguments.
    UnsoundArithmetic
        Where this thread does not round to nearest, or flushes subnormals.

    Notes
    -----
    ``mu = sum x / m``, ``v = sum (x - mu)^2 / m``, ``y = gamma (x - mu)/sqrt(v + eps) + beta``:
    Algorithm 1 of Ioffe and Szegedy 2015 (arXiv:1502.03167). The gradients and the recurrence are
    the theorems gradient-x, gradient-affine and ema-closed-form of the book.

    A quantity that is asked for later raises ``Changed`` where x or dy was modified in between, if
    that is noticed (:class:`bnproof.certify.moments.Source`).

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof import certify
    >>> exact = certify.train(np.array([[-1.0], [1.0]]), eps=3.0)
    >>> exact.y.mid.ravel()
    array([-0.5,  0.5])

    Gradients and running statistics come with their inputs:

    >>> zero, one = np.zeros(1), np.ones(1)
    >>> x, dy = np.array([[-1.0], [1.0]]), np.array([[1.0], [3.0]])
    >>> exact = certify.train(x, eps=3.0, dy=dy, running=(zero, one), momentum=0.5)
    >>> exact.dx.mid.ravel()
    array([-0.375,  0.375])
    >>> exact.dgamma.mid, exact.running_var.mid
    (array([1.]), array([1.5]))
    """
    machine.verify()
    check_arguments(x, dy=dy, gamma=gamma, beta=beta)
    check_non_empty(x)
    width = choose_width(x, tighten)
    # x is read here, before any of it is converted: everything later refers to this moment.
    source = Source.from_array(x)
    with np.errstate(all="ignore"):
        place = (
            centre_batch(source)
            if statistics is None
            else _check_statistics(statistics, x).to_centred()
        )
        affine_map = build_map(place, gamma, beta, eps)
        y = enclose_outputs(source, affine_map, width)
        tracked = _read_running(running, momentum, x.shape[1], unbiased=unbiased)
        # Without dy nothing about gradients is computed, and asking for them raises.
        if dy is None:
            return Training(affine_map, None, width, (source,), y, None, tracked)
        of_g = Source.from_array(dy, source.lanes)
        up = sum_upstream(source, of_g, place) if statistics is None else _read_upstream(statistics)
        dx = enclose_input_gradients(source, of_g, Back(affine_map, up), width)
    return Training(affine_map, up, width, (source, of_g), y, dx, tracked)


def _check_statistics(statistics: Statistics, x: Array) -> Statistics:
    """The statistics, once x can be a part of their batch.

    Raises
    ------
    TypeError
        For something else than :class:`Statistics`.
    ValueError
        For another number of channels, or fewer values than x has.
    """
    if not isinstance(statistics, Statistics):
        raise TypeError(
            f"statistics is a {type(statistics).__name__}: give what certify.statistics returns"
        )
    if len(statistics.moments) != x.shape[1] or statistics.m < x.size // x.shape[1]:
        raise ValueError(
            f"the statistics are of {statistics.m} values in {len(statistics.moments)} channels, x"
            f" of shape {x.shape} is no part of that"
        )
    return statistics


def _read_upstream(statistics: Statistics) -> Upstream:
    """The sums over the whole batch's upstream gradient; raises ``ValueError`` where there are
    none."""
    if statistics.gradients is None:
        raise ValueError(
            "the statistics hold no gradient sums: hand dy to certify.statistics as well"
        )
    return statistics.to_upstream()


def _read_running(
    running: tuple[Array, Array] | None, momentum: float | None, channels: int, *, unbiased: bool
) -> Tracked | None:
    """The running statistics and the momentum, checked; ``None`` where there are none.

    The sentences of the errors name the two arrays, which come as a tuple.
    """
    if running is None:
        return None
    if momentum is None:
        raise ValueError("momentum is missing: give the weight of the new value, for instance 0.1")
    # An array of two rows would unpack as well; a tuple shows that both were meant.
    if not isinstance(running, tuple) or len(running) != 2:
        raise TypeError(f"running is a {type(running).__name__}: give (running_mean, running_var)")
    mean, var = (
        check_array(name, values)
        for name, values in zip(("running_mean", "running_var"), running, strict=True)
    )
    if mean.shape != (channels,) or var.shape != (channels,):
        raise ValueError(
            f"running statistics have shapes {mean.shape} and {var.shape}: give {(channels,)}"
        )
    return Tracked(
        mean.astype(np.float64),
        var.astype(np.float64),
        check_number("momentum", momentum),
        unbiased,
    )
