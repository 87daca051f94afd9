"""Random and adversarial inputs for certify, and whether the exact values lie in their enclosures.

The exact values are the proved formulas of the book, lowered to balls of 2,000 bits: nothing of
certify's own takes part.
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
DTYPES = (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)
Random = np.random.Generator


@dataclass(frozen=True)
class AdversarialInput:
    """Arguments of a training step and of inference."""

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
    """One input: any dtype, rank and memory layout, each channel of a kind of its own."""
    dtype = DTYPES[random.choice(4, p=(0.1, 0.1, 0.3, 0.5))]
    shape = _draw_shape(random)
    x = _draw_array(random, shape, dtype, CHANNELS)
    dy = _draw_array(random, shape, dtype, UPSTREAM)
    if random.random() < 0.2:  # proportional to x: what flows back through s matters
        with np.errstate(over="ignore"):
            dy = (x.astype(np.float64) * random.normal()).astype(dtype)
    parameter_dtype = np.float32 if dtype in (np.float16, ml_dtypes.bfloat16) else dtype
    gamma, beta = (_draw_parameter(random, shape[1], parameter_dtype) for _ in range(2))
    return AdversarialInput(
        x=_lay_out(random, x),
        dy=_lay_out(random, dy),
        gamma=gamma,
        beta=beta,
        running_mean=_draw_values(random, shape[1], parameter_dtype),
        running_var=np.abs(_draw_values(random, shape[1], parameter_dtype)),
        eps=float(random.choice([0.0, 1e-5, 1e-5, 1e-3, 1.0, 1e-12, 1e-40, 1e-300, 5e-324, 1e20])),
        momentum=float(random.choice([0.1, 0.3, 0.0, 1.0, 0.999, -0.5, 1e-20])),
        unbiased=bool(random.random() < 0.5),
    )


def _draw_shape(random: Random) -> tuple[int, ...]:
    """Mostly few values; now and then rows long enough for every path of the kernels."""
    rank = int(random.integers(2, 6))
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
    count = int(np.prod(shape)) // shape[1]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        made = [kinds[random.integers(len(kinds))](random, count) for _ in range(shape[1])]
        values = np.stack(made).reshape(shape[1], shape[0], *shape[2:])
        largest = float(ml_dtypes.finfo(dtype).max)
        clipped = np.where(np.isfinite(values), np.clip(values, -largest, largest), values)
        return np.ascontiguousarray(np.moveaxis(clipped, 0, 1)).astype(dtype)


CHANNELS: tuple[Callable[[Random, int], Array], ...] = (
    lambda r, n: r.normal(size=n),
    lambda r, n: r.normal(size=n),
    lambda r, n: r.normal(size=n) + 2.0 ** r.integers(0, 52),
    lambda r, n: r.normal(size=n) * 2.0 ** r.integers(-60, 60) + 1.0,
    lambda r, n: r.integers(-3, 4, size=n).astype(float),
    lambda r, n: np.full(n, r.normal() * 10.0 ** r.integers(-5, 20)),
    lambda r, n: np.where(r.random(n) < 0.5, 0.1, np.nextafter(0.1, 1)),
    lambda r, n: np.where(np.arange(n) % 2, 1.0, -1.0) * r.normal(),
    lambda r, n: r.normal(size=n) * 2.0 ** r.integers(-1080, 1024),
    lambda r, n: r.normal(size=n) * 2.0 ** r.integers(-1080, 1024, size=n),
    lambda r, n: r.normal(size=n) * 1.7e308,
    lambda r, n: r.integers(-3, 4, size=n) * 5e-324,
    lambda r, n: np.where(np.arange(n) == 0, 1.0, r.normal(size=n) * 1e-30),
    lambda r, n: np.zeros(n),
    lambda r, n: np.where(
        np.arange(n) == r.integers(n), r.choice([np.nan, np.inf, -np.inf]), r.normal(size=n)
    ),
)
UPSTREAM: tuple[Callable[[Random, int], Array], ...] = (
    *CHANNELS,
    lambda r, n: np.ones(n),
    lambda r, n: r.normal(size=n) * 10.0 ** r.integers(-30, 30),
    lambda r, n: np.where(np.arange(n) == r.integers(n), r.normal(), 0.0),
)


def _draw_parameter(random: Random, channels: int, dtype: Any) -> Array | None:
    return None if random.random() < 0.15 else _draw_values(random, channels, dtype)


def _draw_values(random: Random, channels: int, dtype: Any) -> Array:
    """Ordinary, zero, one, large, tiny, and beyond all measure."""
    exponents = random.choice([0, 0, 0, 20, -20, 300, -300], size=channels)
    values = random.normal(size=channels) * 10.0**exponents
    kind = random.random(channels)
    with np.errstate(over="ignore", under="ignore"):
        chosen = np.where(kind < 0.1, 0.0, np.where(kind < 0.2, 1.0, values)).astype(dtype)
    return np.where(np.isfinite(chosen), chosen, 1).astype(dtype)


def _lay_out(random: Random, x: Array) -> Array:
    """The same entries, laid out in memory in one of several ways."""
    match random.integers(6):
        case 0:
            return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
        case 1:
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
    """Everything certify says about an input, under the names of the formulas."""
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
    enclosures["running_var_unbiased" if given.unbiased else "running_var_biased"] = (
        trained.running_var
    )
    return enclosures | {
        f"infer_{name}": getattr(inferred, name) for name in ("y", "dx", "dgamma", "dbeta")
    }


def evaluate_formulas(given: AdversarialInput, names: list[str], bits: int) -> dict[str, Any]:
    """The formulas in balls; what divides by zero or meets NaN is no number."""
    channels = given.x.shape[1]
    ones, zeros = np.ones(channels), np.zeros(channels)
    arrays = {
        "x": to_columns(given.x),
        "g": to_columns(given.dy),
        "gamma": ones if given.gamma is None else given.gamma,
        "beta": zeros if given.beta is None else given.beta,
        "mu_r": given.running_mean,
        "v_r": given.running_var,
    }
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
    """Exact balls of floats; NaN and infinity are no numbers."""
    made = [
        ball(value) if np.isfinite(value) else arb("nan")
        for value in np.asarray(values, float).reshape(-1).tolist()
    ]
    result = np.empty(values.shape, dtype=object)
    result.reshape(-1)[:] = made
    return result


def find_misses(given: AdversarialInput, enclosures: dict[str, certify.Enclosure]) -> list[str]:
    """The entries whose exact value lies outside, or is a number where none was given, or the other
    way round."""
    for bits in BITS:
        true = evaluate_formulas(given, list(enclosures), bits)
        with precision(bits):
            problems = [
                problem
                for name, enclosure in enclosures.items()
                for problem in _compare_entries(name, enclosure, true[name])
            ]
        if not problems:
            break
    return problems


def _compare_entries(name: str, enclosure: certify.Enclosure, true: Any) -> Iterator[str]:
    flat = [
        to_columns(words) if words.ndim > 1 else words
        for words in (enclosure.mid, enclosure.low, enclosure.rad)
    ]
    value = np.broadcast_to(true, flat[0].shape)
    for at in np.ndindex(*flat[0].shape):
        problem = _describe_miss(value[at], *(float(words[at]) for words in flat))
        if problem:
            yield f"{name}{list(at)}: {problem}"


def _describe_miss(value: arb, mid: float, low: float, rad: float) -> str:
    """What is wrong with an interval, if it cannot be shown to hold the value; an exact one has to
    overlap it."""
    if np.isnan(mid) or not value.is_finite():
        return "" if np.isnan(mid) and not value.is_finite() else f"{value.str(6)} against {mid}"
    if np.isinf(mid):
        return (
            ""
            if abs(value) >= arb(np.finfo(float).max) and (value > 0) == (mid > 0)
            else f"{value.str(6)} against {mid}"
        )
    off = value - mid - low
    if abs(off) <= arb(rad) or (rad == 0 and off.contains(0)):
        return ""
    return (
        f"{value.str(40)} is {abs(off).str(6)} from {mid.hex()} + {low.hex()}, where {rad:.6g} is"
        " allowed"
    )
