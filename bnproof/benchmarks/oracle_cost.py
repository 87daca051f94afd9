"""What certainty costs: certified batch normalisation beside NumPy's plain float64 two-pass, mpmath
and a loop over balls.

``python -m bnproof.benchmarks.oracle_cost`` interleaves the contestants in one process, each on one
thread, and writes records, page and table into ``reports/``.  A first round warms memory and caches
and is not counted; compilation is timed in processes of their own, once without and once with
Numba's cache on disk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import mpmath
import numpy as np
from flint import arb
from threadpoolctl import threadpool_limits

from bnproof import certify
from bnproof.cli._console import out_option, publish
from bnproof.contract import Array
from bnproof.implementations.targets import load
from bnproof.lowering.numbers import precision
from bnproof.records import Row, collect

EPS = 1e-5
SIZES = (10**6, 10**7)
# spatial sizes as networks have them
PLANES = {1: (100, 100), 3: (56, 56), 16: (28, 28), 64: (14, 14), 1024: (7, 7)}
DTYPES = ("float32", "float64")
SLOW = 10_000  # values for the contestants that take microseconds each
DIGITS = 34  # of mpmath: as many as a double word holds
COMPILE = """
import sys, time
start = time.perf_counter()
import numpy as np
from bnproof import certify
imported = time.perf_counter()
for dtype in ("float32", "float64"):
    x = np.ones((4, 2), dtype=dtype)
    x[0] = 0
    certify.train(x, eps=1e-5, dy=x).dgamma
print(imported - start, time.perf_counter() - imported)
"""


def normalise_two_pass(x: Array, gamma: Array, beta: Array) -> Array:
    """NumPy's plain float64 two-pass, cast included."""
    axes, per_channel = (0, *range(2, x.ndim)), (1, -1, *(1,) * (x.ndim - 2))
    wide = x.astype(np.float64)
    d = wide - wide.mean(axis=axes, keepdims=True)
    v = (d * d).mean(axis=axes, keepdims=True)
    y: Array = d / np.sqrt(v + EPS) * gamma.reshape(per_channel) + beta.reshape(per_channel)
    return y


def normalise_in_mpmath(x: Array, gamma: float, beta: float) -> list[Any]:
    """One channel in mpmath's floats."""
    with mpmath.workdps(DIGITS):
        values = [mpmath.mpf(value) for value in x.tolist()]
        mean = mpmath.fsum(values) / len(values)
        d = [value - mean for value in values]
        scale = gamma / mpmath.sqrt(mpmath.fsum(e * e for e in d) / len(d) + EPS)
        return [scale * e + beta for e in d]


def normalise_in_balls(x: Array, gamma: float, beta: float) -> list[arb]:
    """One channel in a loop over balls of 128 bits; the balls are not even turned into floats."""
    with precision(128):
        values = [arb(value) for value in x.tolist()]
        mean = sum(values, arb(0)) / len(values)
        d = [value - mean for value in values]
        scale = arb(gamma) / (sum((e * e for e in d), arb(0)) / len(d) + arb(EPS)).sqrt()
        b = arb(beta)
        return [scale * e + b for e in d]


def choose_shape(size: int, channels: int, *, planes: bool) -> tuple[int, ...]:
    """``(N, C)`` or ``(N, C, H, W)`` with about ``size`` values."""
    if not planes:
        return (size // channels, channels)
    h, w = PLANES[channels]
    return (max(1, size // (channels * h * w)), channels, h, w)


def list_configurations() -> Iterator[Row]:
    """Every size, number of channels, form and dtype."""
    for size in SIZES:
        for channels in PLANES:
            for planes in (False, True):
                for dtype in DTYPES:
                    yield {
                        "shape": list(choose_shape(size, channels, planes=planes)),
                        "dtype": dtype,
                    }


def time_work(work: Callable[[], Any]) -> float:
    """Seconds; the result is let go before the clock stops."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def take_turns(contestants: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each contestant in every round; a first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds + 1):
        for name, work in contestants.items():
            times[name].append(time_work(work))
    return {name: seconds[1:] for name, seconds in times.items()}


def compare_contestants(configuration: Row, rounds: int) -> Row:
    """Seconds of each contestant in every round, and the memory the certified forward takes beyond
    its input."""
    random = np.random.default_rng(0)
    x, dy = (
        np.asarray(random.normal(size=configuration["shape"]), configuration["dtype"])
        for _ in range(2)
    )
    gamma, beta = random.normal(size=(2, x.shape[1]))
    contestants: dict[str, Callable[[], Any]] = {
        "numpy": lambda: normalise_two_pass(x, gamma, beta),
        "forward": lambda: certify.train(x, gamma, beta, eps=EPS).y,
        "gradient": lambda: certify.train(x, gamma, beta, eps=EPS, dy=dy).dx,
    }
    return {
        "kind": "oracle_cost",
        **configuration,
        "values": x.size,
        "seconds": take_turns(contestants, rounds),
        "bytes": measure_memory(x, gamma, beta),
    }


def measure_memory(x: Array, gamma: Array, beta: Array) -> float:
    """Peak bytes per value that the certified forward allocates, results included (NumPy reports
    its own to tracemalloc)."""
    tracemalloc.start()
    certify.train(x, gamma, beta, eps=EPS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / x.size


def measure_slow(rounds: int) -> Row:
    """Seconds for each of the arbitrary-precision contestants, and for the certified forward on as
    many and on many values."""
    x = np.random.default_rng(1).normal(size=SLOW)
    many = np.random.default_rng(1).normal(size=(SIZES[0], 1))
    affine = np.array([1.5]), np.array([0.5])
    contestants: dict[str, Callable[[], Any]] = {
        "forward": lambda: certify.train(many, *affine, eps=EPS),
        "forward_short": lambda: certify.train(x[:, None], *affine, eps=EPS),
        "balls": lambda: normalise_in_balls(x, 1.5, 0.5),
        "mpmath": lambda: normalise_in_mpmath(x, 1.5, 0.5),
    }
    counted: dict[str, list[float]] = {}
    # one after the other: millions of small objects leave memory in another state
    for name, work in contestants.items():
        counted |= take_turns({name: work}, rounds)
    return {
        "kind": "oracle_cost_slow",
        "values": SLOW,
        "many": SIZES[0],
        "digits": DIGITS,
        "seconds": counted,
    }


def measure_reference(rounds: int) -> Row:
    """Seconds of a float32 training step: the compensated reference beside PyTorch and plain NumPy,
    one thread each."""
    random = np.random.default_rng(2)
    x = np.asarray(random.normal(size=choose_shape(SIZES[0], 16, planes=True)), np.float32)
    affine = random.normal(size=(2, x.shape[1])).astype(np.float32)
    contestants: dict[str, Callable[[], Any]] = {
        name: partial(load(name).train, x, *affine, None, None, eps=EPS, momentum=0.1)
        for name in ("torch", "numpy", "compensated", "compensated-torch")
    }
    with threadpool_limits(1):
        counted = take_turns(contestants, rounds)
    return {
        "kind": "oracle_cost_reference",
        "shape": list(x.shape),
        "values": x.size,
        "seconds": counted,
    }


def measure_compilation() -> Row:
    """Seconds of the first certified call of every kernel in a fresh process: compiling, and from
    the cache on disk."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
        timings = []
        for _ in range(2):
            command = [sys.executable, "-c", COMPILE]
            printed = subprocess.run(
                command, env=environment, capture_output=True, text=True, check=True
            ).stdout
            timings.append([float(word) for word in printed.split()])
    (imports, first), (_, second) = timings
    return {"kind": "oracle_cost_compile", "imports": imports, "first": first, "second": second}


@click.command()
@out_option
@click.option(
    "--rounds", type=click.IntRange(min=1), default=7, show_default=True, help="Counted rounds."
)
def main(out: Path, rounds: int) -> None:
    """Measure, and write oracle_cost.ndjson, .md and .csv into the folder."""
    run = {"kind": "oracle_cost_run", "rounds": rounds, "dtypes": list(DTYPES)}
    rows: list[Row] = [run, measure_compilation(), measure_slow(rounds), measure_reference(rounds)]
    for configuration in list_configurations():
        rows.append(compare_contestants(configuration, rounds))
        click.echo(f"{configuration['dtype']} {configuration['shape']}", err=True)
    records = collect(0, [rows])
    publish("oracle_cost", records, out)


if __name__ == "__main__":
    main()
