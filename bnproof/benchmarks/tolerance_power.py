"""Tolerances, derived and typed in: what each accepts of known bugs, and what of correct results.

``python -m bnproof.benchmarks.tolerance_power`` writes records, a page and a table into
``reports/``.  It measures three things.

- Every model of a known bug that is wrong in an output, a gradient, a statistic or a fold is given
  the inputs on which it stands out most.  The pair that :meth:`Tolerance.as_allclose` derives for
  these inputs, and the pairs that projects have typed in, then judge what it returns.
- On batches ever nearer to a constant off zero, the error of PyTorch is compared with the derived
  tolerance, and with one from the maxima of the tensors.
- Correct implementations are handed to the assertions of :mod:`bnproof.testing` as often as
  ``--calls`` says, on random, constant, huge, tiny and half-precision data.

The exit status is 1 where a correct result was refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np

from bnproof.arrays.asserting import (
    assert_backward,
    assert_forward,
    assert_inference,
    assert_statistics,
)
from bnproof.arrays.tolerances import find_allclose, tolerance
from bnproof.baselines.typed_tolerances import TYPED, bound_by_maxima
from bnproof.certify.bounds import NoBound
from bnproof.cli._console import out_option, publish
from bnproof.contract import METHODS, Array, Case
from bnproof.formats import NAMES, Format, dtype_of, parameter_dtype
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.targets import as_implementation, load
from bnproof.laws.answers import Answers, Target
from bnproof.laws.cases import draw_case
from bnproof.laws.comparing import as_columns, overflows
from bnproof.laws.oracle import Oracle
from bnproof.laws.supports import Supports
from bnproof.mutants.catalogue import Mutant, list_mutants
from bnproof.records import Row, collect

METHODS_JUDGED = ("train", "train_vjp", "infer", "infer_vjp", "fold")
CASES = 60  # as many as a check at standard effort draws
SHARE = 500  # calls of assertions a worker makes at a time
KAPPAS = (1.0, 10.0, 1e2, 1e3, 1e4, 1e5)


# -- known bugs ------------------------------------------------------------------------------------


@cache
def _draw_cases(seed: int) -> list[Case]:
    """Drawn cases; every model is asked about the same ones."""
    return [draw_case(Supports(), seed, number) for number in range(CASES)]


def measure_bug(name: str, seed: int) -> Row | None:
    """Let all tolerances judge a model on the inputs that show it best.

    Parameters
    ----------
    name
        The id of the model.
    seed
        Of the cases it is asked about.

    Returns
    -------
    Row or None
        A record of kind ``tolerance_bug``.  ``None`` for a model whose outputs, gradients and
        running statistics are within what rounding explains on all cases.
    """
    model = list_mutants()[name]
    implementation = as_implementation(model.make, model.id)
    target = Target(
        implementation, resolve_convention(getattr(implementation, "convention", "torch"))
    )
    rows = (
        row
        for number, case in enumerate(_draw_cases(seed))
        for row in _judge_case(model, target, case, number)
    )
    clearest = max(rows, key=lambda row: row["excess"], default=None)
    return clearest if clearest is not None and clearest["worst"] > 1 else None


def _judge_case(model: Mutant, target: Target, case: Case, number: int) -> Iterator[Row]:
    """One row for each quantity that the model answers on a case."""
    answers, oracle = Answers(target, case), Oracle.from_convention(target.convention, case)
    for method in METHODS_JUDGED:
        answer = answers.answer(method)
        if isinstance(answer, Exception):
            continue
        for quantity in METHODS[method].names:
            if answer[quantity] is None:
                continue
            got = as_columns(quantity, answer[quantity])
            try:
                verdicts = _judge_values(quantity, got, oracle)
            except NoBound:
                continue
            yield {
                "kind": "tolerance_bug",
                "bug": model.id,
                "mechanism": model.mechanism,
                "case": number,
                "quantity": quantity,
                "dtype": got.dtype.name,
                "shape": list(case.x.shape),
                **verdicts,
            }


def _judge_values(quantity: str, got: Array, oracle: Oracle) -> Row:
    """How far values are off, and which tolerances accept them."""
    exact = oracle.exact(quantity)
    bound = np.broadcast_to(oracle.bound(quantity).total, got.shape)
    size, off = np.abs(exact.mid), exact.rad + np.abs(exact.low)
    error = np.abs(got.astype(np.float64) - exact.mid)
    # A value that is no number is as far off as can be, unless an infinity is right.
    error = np.where(np.isnan(error), np.inf, error)
    error = np.where(overflows(got, exact, bound), 0.0, error)
    finite = np.isfinite(bound) & np.isfinite(size)
    if not np.any(finite):
        raise NoBound("no value of this quantity has a bound")
    slope, offset = find_allclose(size[finite], (bound + off)[finite])
    with np.errstate(all="ignore"):
        allowed = offset + slope * size
        excess, worst = (np.max((error / other)[finite]) for other in (allowed, bound + off))
    return {
        "worst": float(min(worst, 1e300)),
        "excess": float(min(excess, 1e300)),
        "derived": bool(excess <= 1),
        "slope": slope,
        "offset": offset,
        "typed": {typed.name: typed.accepts(got[finite], exact.mid[finite]) for typed in TYPED},
    }


# -- nearly constant batches -----------------------------------------------------------------------


def measure_nearly_constant(seed: int) -> Iterator[Row]:
    """PyTorch in float32 on batches with mean/std up to 1e5, beside two tolerances.

    Yields
    ------
    Row
        Of kind ``tolerance_constant``: the largest error in units of the derived tolerance and of
        that from maxima, over ``draws`` batches, and the medians of both tolerances' largest entry.
    """
    rng = np.random.default_rng(seed)
    gamma, beta = np.ones(1, np.float32), np.zeros(1, np.float32)
    for kappa in KAPPAS:
        ratios: list[tuple[float, float, float, float]] = []
        for _ in range(50):
            x = (kappa + rng.standard_normal((64, 1))).astype(np.float32)
            y = load("torch").train(x, gamma, beta, None, None, eps=1e-5, momentum=0.1)[0]
            allowed = tolerance(x, gamma, beta, eps=1e-5)
            error = np.abs(y.astype(np.float64) - allowed.exact["y"])
            from_maxima = bound_by_maxima(x, gamma, beta)
            assert allowed.y is not None
            ratios.append(
                (
                    float(np.max(error / allowed.y)),
                    float(np.max(error)) / from_maxima,
                    float(np.max(allowed.y)),
                    from_maxima,
                )
            )
        derived, maxima, size, other = map(list, zip(*ratios, strict=True))
        yield {
            "kind": "tolerance_constant",
            "kappa": kappa,
            "draws": len(ratios),
            "derived_worst": max(derived),
            "maxima_worst": max(maxima),
            "maxima_exceeded": sum(ratio > 1 for ratio in maxima),
            "derived_size": float(np.median(size)),
            "maxima_size": float(np.median(other)),
        }


# -- correct implementations -----------------------------------------------------------------------


def draw_data(rng: np.random.Generator) -> tuple[str, Case]:
    """Data of one kind for the assertions, with all that they take.

    Returns
    -------
    str, Case
        The kind ("random", "constant", "off zero", "huge" or "tiny") and the arrays.
    """
    kind = str(rng.choice(["random", "constant", "off zero", "huge", "tiny"]))
    dtype = dtype_of(str(rng.choice(NAMES)))
    shape = tuple(int(n) for n in rng.integers(1, 7, size=int(rng.integers(2, 5))))
    shape = (shape[0] + 1, *shape[1:])
    values = rng.standard_normal(shape)
    if kind == "constant":
        values = np.broadcast_to(values[:1, :, ...], shape).mean(axis=(0, *range(2, len(shape))))
        values = np.broadcast_to(values.reshape(1, -1, *(1,) * (len(shape) - 2)), shape).copy()
    # Up to the ends of x's range, as long as third powers stay in that of the arithmetic.
    stored = Format.from_dtype(dtype)
    ends = {
        "huge": min(stored.largest / 8, 2.0**40),
        "tiny": max(2.0 ** (stored.emin + 3), 2.0**-40),
    }
    scale = ends.get(kind, 1.0)
    x = (values * scale + (100 if kind == "off zero" else 0)).astype(dtype)
    parameters, channels = parameter_dtype(dtype), shape[1]
    gamma, beta, mean = rng.standard_normal((3, channels)).astype(parameters)
    return kind, Case(
        x,
        rng.standard_normal(shape).astype(dtype),
        gamma,
        beta,
        mean,
        (rng.random(channels) + 0.1).astype(parameters),
        float(rng.choice([1e-3, 1e-5])),
        float(rng.choice([0.1, 0.01, 1.0])),
    )


def call_assertions(first: int, count: int) -> Row:
    """Hand what two correct implementations return to the assertions, ``count`` calls in all.

    Parameters
    ----------
    first
        The seed of the first data; each data set takes four calls.
    count
        How many calls.

    Returns
    -------
    Row
        Of kind ``tolerance_correct``: calls by kind of data, and what was refused, in words.
    """
    calls: dict[str, int] = {}
    refused: list[str] = []
    targets = (NumpyBatchNorm(), load("torch"))
    for number in range(count // 4):
        kind, c = draw_data(np.random.default_rng(first + number))
        target = targets[number % 2]
        for call in (_assert_training, _assert_gradients, _assert_running, _assert_inference):
            calls[kind] = calls.get(kind, 0) + 1
            try:
                call(target, c)
            except (AssertionError, NoBound, ValueError) as error:
                refused.append(f"seed {first + number}, {kind}: {error}")
    return {"kind": "tolerance_correct", "first": first, "calls": calls, "refused": refused}


def _assert_training(target: Any, c: Case) -> None:
    y = target.train(c.x, c.gamma, c.beta, None, None, eps=c.eps, momentum=c.momentum)[0]
    assert_forward(y, c.x, c.gamma, c.beta, eps=c.eps)


def _assert_gradients(target: Any, c: Case) -> None:
    gradients = target.train_vjp(c.dy, c.x, c.gamma, c.beta, eps=c.eps)
    assert_backward(gradients, c.dy, c.x, c.gamma, eps=c.eps)


def _assert_running(target: Any, c: Case) -> None:
    old = (c.running_mean, c.running_var)
    new = target.train(c.x, c.gamma, c.beta, *old, eps=c.eps, momentum=c.momentum)[1:]
    assert_statistics(new, old, c.x, momentum=c.momentum)


def _assert_inference(target: Any, c: Case) -> None:
    given = (c.x, c.gamma, c.beta, c.running_mean, c.running_var)
    assert_inference(target.infer(*given, eps=c.eps), *given, eps=c.eps)


def measure_correct(calls: int, seed: int) -> Iterator[Row]:
    """All calls of the assertions, in as many processes as there are cores."""
    firsts = range(seed, seed + calls // 4, SHARE // 4)
    # the last share may be smaller
    counts = [min(SHARE, calls - 4 * (first - seed)) for first in firsts]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        yield from workers.map(call_assertions, firsts, counts)


@click.command()
@out_option
@click.option("--calls", type=click.IntRange(min=4), default=20_000, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
def main(out: Path, calls: int, seed: int) -> None:
    """Measure all three, and write tolerance_power.ndjson, tolerance.md and tolerance.csv."""
    wrong = [name for name, model in list_mutants().items() if model.kind != "correct"]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        bugs = list(filter(None, workers.map(measure_bug, wrong, [seed] * len(wrong))))
    parts = [bugs, measure_nearly_constant(seed), measure_correct(calls, seed)]
    records = collect(seed, parts)
    publish("tolerance_power", records, out)
    refused = [words for row in records.select("tolerance_correct") for words in row["refused"]]
    for words in refused[:20]:
        click.echo(words, err=True)
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
