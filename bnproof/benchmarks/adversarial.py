"""Random and adversarial inputs for certify, and whether the exact values lie in their enclosures.

The room ``certify`` promises intervals that certainly hold the exact value.  This module attacks
the promise.  It draws batches of the kinds that arithmetic finds hard: large means with a small
spread, values near the ends of the format, constant channels, single infinities, odd layouts in
memory. The exact values to compare with are the proved formulas of the book, lowered to balls of
2,000 bits.  Nothing of certify's own takes part in them.

Start reading at :func:`draw_input`, then :func:`find_misses`.  ``bnproof.benchmarks.containment``
does this for very many inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from flint import arb

from bnproof import certify
from bnproof.contract import Array
from bnproof.laws.columns import to_columns
from bnproof.lowering.numbers import Balls, ball, precision
from bnproof.lowering.program import lower
from bnproof.symbolic.setting import i, mu, s, v, xhat
from bnproof.theorems.formulas import find_free_index, list_predictions

BITS = (2_000, 16_000)  # the second where numbers a thousand powers of two apart meet
# the four formats that certify takes
DTYPES = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
Random = np.random.Generator


@dataclass(frozen=True)
class AdversarialInput:
    """Arguments of a training step and of inference.

    Attributes
    ----------
    x, dy
        The batch and the upstream gradient, both ``(N, C, *spatial)`` of rank 2 to 5, in one of the
        dtypes of ``DTYPES``.
    gamma, beta
        The affine parameters ``(C,)``, or ``None``, which stands for 1 and 0.
    running_mean, running_var
        The running statistics ``(C,)`` before the step.
    eps
        A number that is at least 0.
    momentum
        The weight of the new value, also outside of ``[0, 1]``.
    unbiased
        Whether the running variance takes in ``m/(m - 1) v`` or ``v``.
    """

    x: Array
    dy: Array
    gamma: Array | None
    beta: Array | None
    running_mean: Array
    running_var: Array
    eps: float
    momentum: float
    unbiased: bool


def draw_input(random: Random) -> AdversarialInput:
    """One input of any dtype, rank and memory layout, each channel of a kind of its own.

    Parameters
    ----------
    random
        The source of chance; the same state gives the same input.

    Returns
    -------
    AdversarialInput
        Finite values mostly.  Now and then one entry of a channel is NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.benchmarks.adversarial import (
    ...     draw_input,
    ...     enclose_quantities,
    ...     find_misses,
    ... )
    >>> given = draw_input(np.random.default_rng(0))
    >>> find_misses(given, enclose_quantities(given))
    []
    """
    # float64 has the most edges, and the short formats few values to be wrong about
    dtype = DTYPES[random.choice(4, p=(0.1, 0.1, 0.3, 0.5))]
    shape = _draw_shape(random)
    x = _draw_array(random, shape, dtype, CHANNELS)
    dy = _draw_array(random, shape, dtype, UPSTREAM)
    if random.random() < 0.2:  # proportional to x: what flows back through s matters
        with np.errstate(over="ignore"):
            dy = (x.astype(np.float64) * random.normal()).astype(dtype)
    # mixed precision, as frameworks keep parameters of short formats
    parameter_dtype = np.float32 if dtype in (np.float16, ml_dtypes.bfloat16) else dtype
    gamma, beta = (_draw_parameter(random, shape[1], parameter_dtype) for _ in range(2))
    return AdversarialInput(
        x=_lay_out(random, x),
        dy=_lay_out(random, dy),
        gamma=gamma,
        beta=beta,
        running_mean=_draw_values(random, shape[1], parameter_dtype),
        running_var=np.abs(_draw_values(random, shape[1], parameter_dtype)),
        # besides usual values: none, subnormal ones, one that drowns every variance, and one far
        # below every squared spread
        eps=float(random.choice([0.0, 1e-5, 1e-5, 1e-3, 1.0, 1e-12, 1e-40, 1e-300, 5e-324, 1e20])),
        # also outside of [0, 1], where the recurrence is still a formula
        momentum=float(random.choice([0.1, 0.3, 0.0, 1.0, 0.999, -0.5, 1e-20])),
        unbiased=bool(random.random() < 0.5),
    )


def _draw_shape(random: Random) -> tuple[int, ...]:
    """Mostly few values; now and then rows long enough for every path of the kernels."""
    # rank 2 to 5: up to three spatial dimensions
    rank = int(random.integers(2, 6))
    # 33 channels leave a rest behind for kernels that take several at once
    channels = int(random.choice([1, 2, 3, 5, 33]))
    if random.random() < 0.1:
        return (
            int(random.integers(1, 4)),
            min(channels, 3),
            *([int(random.integers(16, 80))] if rank > 2 else []),
        )
    spatial = [int(random.integers(1, 4)) for _ in range(rank - 2)]
    longest = 40 if channels < 5 and random.random() < 0.2 else 5
    return (
        int(random.integers(1, longest)),
        min(channels, 40 // int(np.prod(spatial, dtype=int))) or 1,
        *spatial,
    )


def _draw_array(
    random: Random,
    shape: tuple[int, ...],
    dtype: Any,
    kinds: tuple[Callable[[Random, int], Array], ...],
) -> Array:
    """An array whose channels are each of a kind drawn at random, within the range of the dtype.

    Values beyond the largest number of the dtype become that number.  Infinities stay what they
    are.
    """
    count = int(np.prod(shape)) // shape[1]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        made = [kinds[random.integers(len(kinds))](random, count) for _ in range(shape[1])]
        values = np.stack(made).reshape(shape[1], shape[0], *shape[2:])
        # clipped, so that float16 is not all infinite; the infinities wanted are made by a kind of
        # their own
        largest = float(ml_dtypes.finfo(dtype).max)
        clipped = np.where(np.isfinite(values), np.clip(values, -largest, largest), values)
        return np.ascontiguousarray(np.moveaxis(clipped, 0, 1)).astype(dtype)


# One kind a line. Those that appear twice are drawn twice as often.
CHANNELS: tuple[Callable[[Random, int], Array], ...] = (
    lambda r, n: r.normal(size=n),
    lambda r, n: r.normal(size=n),
    # a mean up to 2^52 times the spread: x - mu cancels nearly all digits
    lambda r, n: r.normal(size=n) + 2.0 ** r.integers(0, 52),
    # the spread from far below a unit of 1 to far above it
    lambda r, n: r.normal(size=n) * 2.0 ** r.integers(-60, 60) + 1.0,
    # few whole numbers: statistics that are exact, entries equal to the mean
    lambda r, n: r.integers(-3, 4, size=n).astype(float),
    # constant: v = 0 exactly, although the sum of the values may round
    lambda r, n: np.full(n, r.normal() * 10.0 ** r.integers(-5, 20)),
    # a spread of one unit in the last place
    lambda r, n: np.where(r.random(n) < 0.5, 0.1, np.nextafter(0.1, 1)),
    # plus and minus the same: for even m the mean is 0
    lambda r, n: np.where(np.arange(n) % 2, 1.0, -1.0) * r.normal(),
    # one scale from anywhere in float64, subnormal and overflowing ones included
    lambda r, n: r.normal(size=n) * 2.0 ** r.integers(-1080, 1024),
    # a scale for each entry: one or two decide the statistics, the others vanish beside them
    lambda r, n: r.normal(size=n) * 2.0 ** r.integers(-1080, 1024, size=n),
    # near the largest float64, where sums and squares overflow and some entries are infinite
    lambda r, n: r.normal(size=n) * 1.7e308,
    # small multiples of the smallest subnormal number
    lambda r, n: r.integers(-3, 4, size=n) * 5e-324,
    # one outlier: all other entries are normalised to nearly the same value
    lambda r, n: np.where(np.arange(n) == 0, 1.0, r.normal(size=n) * 1e-30),
    lambda r, n: np.zeros(n),
    lambda r, n: np.where(
        # one entry that is no number, so the channel has no exact value
        np.arange(n) == r.integers(n),
        r.choice([np.nan, np.inf, -np.inf]),
        r.normal(size=n),
    ),
)
UPSTREAM: tuple[Callable[[Random, int], Array], ...] = (
    *CHANNELS,
    # the gradient of sum y, for which dx is exactly 0
    lambda r, n: np.ones(n),
    lambda r, n: r.normal(size=n) * 10.0 ** r.integers(-30, 30),
    # the gradient of one output: a row of the Jacobian
    lambda r, n: np.where(np.arange(n) == r.integers(n), r.normal(), 0.0),
)


def _draw_parameter(random: Random, channels: int, dtype: Any) -> Array | None:
    """A value per channel, or ``None`` as where a layer has no such parameter."""
    return None if random.random() < 0.15 else _draw_values(random, channels, dtype)


def _draw_values(random: Random, channels: int, dtype: Any) -> Array:
    """One value per channel: ordinary, zero, one, large, tiny, or far beyond those."""
    # 10^300 squared is beyond float64, and 10^-300 squared below it
    exponents = random.choice([0, 0, 0, 20, -20, 300, -300], size=channels)
    values = random.normal(size=channels) * 10.0**exponents
    kind = random.random(channels)
    with np.errstate(over="ignore", under="ignore"):
        chosen = np.where(kind < 0.1, 0.0, np.where(kind < 0.2, 1.0, values)).astype(dtype)
    # what overflows in a short format becomes 1: infinite parameters are no subject here
    return np.where(np.isfinite(chosen), chosen, 1).astype(dtype)


def _lay_out(random: Random, x: Array) -> Array:
    """The same entries, laid out in memory in one of several ways.

    They are channels last, rows backwards, every other place of a wider array, Fortran's order, and
    foreign byte order.
    """
    match random.integers(6):
        case 0:
            return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
        case 1:
            # a negative stride
            return np.array(x[::-1])[::-1]
        case 2:
            wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
            wide[..., ::2] = x
            return wide[..., ::2]
        case 3:
            return np.asfortranarray(x)
        case 4 if x.dtype.name in ("float32", "float64"):
            return x.astype(x.dtype.newbyteorder())
    return x


def enclose_quantities(given: AdversarialInput, tighten: int = 0) -> dict[str, certify.Enclosure]:
    """Everything certify says about an input, under the names of the formulas.

    Parameters
    ----------
    given
        The input.
    tighten
        Further bits of narrowness that are asked of certify, as in ``certify.train``.

    Returns
    -------
    dict of str to Enclosure
        The batch statistics, the outputs and gradients of training, the running statistics, and
        with the prefix ``infer_`` the outputs and gradients of inference.
    """
    running = (given.running_mean, given.running_var)
    options: dict[str, Any] = {"eps": given.eps, "dy": given.dy, "tighten": tighten}
    trained = certify.train(
        given.x,
        given.gamma,
        given.beta,
        running=running,
        momentum=given.momentum,
        unbiased=given.unbiased,
        **options,
    )
    inferred = certify.infer(given.x, given.gamma, given.beta, *running, **options)
    names = ("mu", "v", "s", "xhat", "y", "dx", "dgamma", "dbeta", "running_mean")
    enclosures = {name: getattr(trained, name) for name in names}
    # the formulas of the two conventions have names of their own in the book
    enclosures["running_var_unbiased" if given.unbiased else "running_var_biased"] = (
        trained.running_var
    )
    return enclosures | {
        f"infer_{name}": getattr(inferred, name) for name in ("y", "dx", "dgamma", "dbeta")
    }


def evaluate_formulas(given: AdversarialInput, names: list[str], bits: int) -> dict[str, Any]:
    """The exact values by the proved formulas of the book, in balls.

    Parameters
    ----------
    given
        The input, whose floats are taken as exact numbers.
    names
        Quantities, as :func:`enclose_quantities` names them.
    bits
        The precision of the balls.

    Returns
    -------
    dict of str to array
        Arrays of balls.  What divides by zero, or meets NaN or infinity, is a ball that is no
        number.
    """
    channels = given.x.shape[1]
    # an absent gamma counts as 1, an absent beta as 0
    ones, zeros = np.ones(channels), np.zeros(channels)
    arrays = {
        "x": to_columns(given.x),
        "g": to_columns(given.dy),
        "gamma": ones if given.gamma is None else given.gamma,
        "beta": zeros if given.beta is None else given.beta,
        "mu_r": given.running_mean,
        "v_r": given.running_var,
    }
    # these four are definitions of the setting; all others are claims that the book proves
    own = {"mu": (mu,), "v": (v,), "s": (s,), "xhat": (xhat(i), i)}
    with precision(bits):
        inputs: dict[str, Any] = {name: to_balls(values) for name, values in arrays.items()}
        inputs |= {"eps": ball(given.eps), "alpha": ball(given.momentum)}
        results = {}
        for name in names:
            formula = own.get(name) or (
                list_predictions()[name][1].statement.rhs,
                *filter(None, [find_free_index(name)]),
            )
            if name == "running_var_unbiased" and len(arrays["x"]) == 1:
                # Bessel's factor is no number
                results[name] = np.full(channels, arb("nan"), dtype=object)
            else:
                results[name] = lower(*formula)(Balls(), inputs)
        return results


def to_balls(values: Array) -> Any:
    """Exact balls of floats, of the same shape; NaN and infinity are no numbers."""
    made = [
        ball(value) if np.isfinite(value) else arb("nan")
        for value in np.asarray(values, float).reshape(-1).tolist()
    ]
    result = np.empty(values.shape, dtype=object)
    result.reshape(-1)[:] = made
    return result


def find_misses(given: AdversarialInput, enclosures: dict[str, certify.Enclosure]) -> list[str]:
    """The entries at which an enclosure is wrong.

    Parameters
    ----------
    given
        The input.
    enclosures
        What certify says about it.

    Returns
    -------
    list of str
        One line for each entry whose exact value lies outside, or is a number where none was given,
        or the other way round.  It is empty where certify keeps its promise.

    Notes
    -----
    A ball has a width of its own.  Where 2,000 bits leave it too wide to lie inside of an
    enclosure, the same is tried once more with 16,000.  Only what remains then counts.
    """
    for bits in BITS:
        true = evaluate_formulas(given, list(enclosures), bits)
        with precision(bits):
            problems = [
                problem
                for name, enclosure in enclosures.items()
                for problem in _compare_entries(name, enclosure, true[name])
            ]
        # the larger precision is asked only where the smaller one leaves something open
        if not problems:
            break
    return problems


def _compare_entries(name: str, enclosure: certify.Enclosure, true: Any) -> Iterator[str]:
    """The misses of one quantity, with balls and enclosure brought into one shape."""
    # columns (m, C), the shape in which formulas are lowered
    flat = [
        to_columns(words) if words.ndim > 1 else words
        for words in (enclosure.mid, enclosure.low, enclosure.rad)
    ]
    # a formula without the batch in it, such as that of a gradient at inference, may give fewer
    # entries
    value = np.broadcast_to(true, flat[0].shape)
    for at in np.ndindex(*flat[0].shape):
        problem = _describe_miss(value[at], *(float(words[at]) for words in flat))
        if problem:
            yield f"{name}{list(at)}: {problem}"


def _describe_miss(value: arb, mid: float, low: float, rad: float) -> str:
    """What is wrong with an interval, if it cannot be shown to hold the value.

    An exact enclosure (``rad = 0``) has no width for a ball to lie in, so it has to overlap the
    ball. An infinite one says that the value is beyond the largest float64, on the same side.
    """
    # no number on one side has to be no number on the other
    if np.isnan(mid) or not value.is_finite():
        return "" if np.isnan(mid) and not value.is_finite() else f"{value.str(6)} against {mid}"
    if np.isinf(mid):
        return (
            ""
            if abs(value) >= arb(np.finfo(float).max) and (value > 0) == (mid > 0)
            else f"{value.str(6)} against {mid}"
        )
    off = value - mid - low
    # a comparison of balls is true only if it holds for the whole ball
    if abs(off) <= arb(rad) or (rad == 0 and off.contains(0)):
        return ""
    return (
        f"{value.str(40)} is {abs(off).str(6)} from {mid.hex()} + {low.hex()}, where {rad:.6g} is"
        " allowed"
    )
