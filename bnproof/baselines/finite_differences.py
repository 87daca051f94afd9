"""Gradients against central differences, in the manner of ``torch.autograd.gradcheck`` and
``gradgradcheck``.

What is tested is that backward fits forward; neither is compared with another implementation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from bnproof.baselines.baseline import (
    Baseline,
    BaselineResult,
    Check,
    Differs,
    require_method,
    run_checks,
)
from bnproof.baselines.declared import Declared, Shape
from bnproof.contract import Array

STEP, ATOL, RTOL = 1e-6, 1e-5, 1e-3  # gradcheck's eps, atol and rtol
USUAL = ((4, 3), (2, 3, 2, 2))
OTHERS = ((3, 3, 2), (2, 3, 1, 2, 2))
MOST = 1024  # entries of x; a whole Jacobian has the square of it
EPS, MOMENTUM = 1e-5, 0.1


def run(implementation: Any, reference: Any) -> BaselineResult:
    """``train_vjp`` against ``train``, ``infer_vjp`` against ``infer``, ``train_double_vjp``
    against ``dx`` of ``train_vjp``.

    In float64, for which gradcheck's defaults are made:
    ``|analytical - numerical| <= 1e-5 + 1e-3 |numerical|`` for every entry of the Jacobians with
    respect to x, gamma and beta (dy, x and gamma for the double backward), step 1e-6. Everything is
    drawn standard normal but the running variance (uniform in [0, 1)) and, as gradgradcheck has it,
    the dy of the double backward (uniform in [-1, 1)).  The reference is not asked, nor are the
    second derivatives of dgamma and dbeta, which the contract leaves out.
    """
    return run_checks(_list_checks(implementation))


def gradcheck(
    forward: Callable[[], Array], vjp: Callable[[Array], Any], inputs: Mapping[str, Array]
) -> None:
    """The slow mode: whole Jacobians, backward twice to the same bits, zero for a zero upstream
    gradient.

    ``inputs`` are perturbed in place; ``vjp(upstream)`` returns their gradients in order, ``None``
    standing for zero.
    """
    y = np.array(forward())
    numerical = [central_differences(forward, entry) for entry in inputs.values()]
    analytical, again = compute_jacobians(vjp, y, inputs), compute_jacobians(vjp, y, inputs)
    for name, n, a, b in zip(inputs, numerical, analytical, again, strict=True):
        if np.any(np.abs(a - b) > 0):
            raise Differs(f"the gradient of {name} is another one when backward runs again")
        if not np.allclose(a, n, rtol=RTOL, atol=ATOL):
            at = np.unravel_index(np.argmin(np.isclose(a, n, rtol=RTOL, atol=ATOL)), a.shape)
            raise Differs(
                f"the gradient of {name}: output {at[0]} by entry {at[1]} is {a[at]:.6g},"
                f" numerically {n[at]:.6g}"
            )
    for name, zero in zip(inputs, copy_gradients(vjp, np.zeros_like(y), inputs), strict=True):
        if not np.all(zero == 0):
            raise Differs(f"the gradient of {name} is not zero for a zero upstream gradient")


def central_differences(forward: Callable[[], Array], entry: Array) -> Array:
    """``(f(a + h) - f(a - h))/(2 h)``, one row per output, one column per entry."""
    flat, columns = entry.reshape(-1), []
    for k in range(flat.size):
        kept = float(flat[k])
        flat[k] = kept - STEP
        below = np.array(forward()).ravel()
        flat[k] = kept + STEP
        above = np.array(forward()).ravel()
        flat[k] = kept
        columns.append((above - below) / (2 * STEP))
    return np.stack(columns, axis=1)


def compute_jacobians(
    vjp: Callable[[Array], Any], y: Array, inputs: Mapping[str, Array]
) -> list[Array]:
    """The analytical Jacobian of every input: row k is the gradient for an upstream gradient of 1
    at output k."""
    units = np.eye(y.size).reshape(y.size, *y.shape)
    per_unit = [[g.ravel() for g in copy_gradients(vjp, unit, inputs)] for unit in units]
    return [np.stack(of_input) for of_input in zip(*per_unit, strict=True)]


def copy_gradients(
    vjp: Callable[[Array], Any], upstream: Array, inputs: Mapping[str, Array]
) -> list[Array]:
    """Copies of the gradients, of the size and dtype of their inputs."""
    copies = []
    for (name, entry), gradient in zip(inputs.items(), vjp(upstream.copy()), strict=True):
        copied = np.zeros_like(entry) if gradient is None else np.array(gradient)
        if copied.shape != entry.shape or copied.dtype != entry.dtype:
            raise Differs(
                f"the gradient of {name} is {copied.dtype} {copied.shape}, not {entry.dtype}"
                f" {entry.shape}"
            )
        copies.append(copied)
    return copies


def _list_checks(implementation: Any) -> Iterator[Check]:
    declared = Declared.from_implementation(implementation)
    for seed, shape in enumerate(
        declared.choose_shapes(USUAL, OTHERS) if declared.choose_dtype("float64") else ()
    ):
        if np.prod(shape) <= MOST:
            for label, check in (
                ("train", _check_train),
                ("infer", _check_infer),
                ("double", _check_double),
            ):
                random = np.random.default_rng(seed)
                yield f"{label} on {shape}", partial(check, implementation, declared, shape, random)


def _draw_leaves(declared: Declared, shape: Shape, random: np.random.Generator) -> dict[str, Array]:
    x = declared.convert_layout(random.standard_normal(shape))
    gamma, beta = random.standard_normal((2, shape[1]))
    return {"x": x, "gamma": gamma, "beta": beta}


def _check_train(
    implementation: Any, declared: Declared, shape: Shape, random: np.random.Generator
) -> None:
    train, vjp = (
        require_method(implementation, "train"),
        require_method(implementation, "train_vjp"),
    )
    leaves, eps = _draw_leaves(declared, shape, random), declared.choose_eps(EPS)
    statistics = random.standard_normal(shape[1]), random.random(shape[1])
    momentum = declared.convert_momentum(declared.choose_momentum(MOMENTUM))
    values = tuple(leaves.values())
    gradcheck(
        lambda: train(*values, *statistics, eps=eps, momentum=momentum)[0],
        lambda dy: vjp(dy, *values, eps=eps),
        leaves,
    )


def _check_infer(
    implementation: Any, declared: Declared, shape: Shape, random: np.random.Generator
) -> None:
    infer, vjp = (
        require_method(implementation, "infer"),
        require_method(implementation, "infer_vjp"),
    )
    leaves, eps = _draw_leaves(declared, shape, random), declared.choose_eps(EPS)
    values = (*leaves.values(), random.standard_normal(shape[1]), random.random(shape[1]))
    gradcheck(lambda: infer(*values, eps=eps), lambda dy: vjp(dy, *values, eps=eps), leaves)


def _check_double(
    implementation: Any, declared: Declared, shape: Shape, random: np.random.Generator
) -> None:
    vjp, double = (
        require_method(implementation, "train_vjp"),
        require_method(implementation, "train_double_vjp"),
    )
    leaves, eps = _draw_leaves(declared, shape, random), declared.choose_eps(EPS)
    beta = leaves.pop("beta")
    inputs = {"dy": declared.convert_layout(random.uniform(-1, 1, shape)), **leaves}
    values = tuple(inputs.values())
    gradcheck(
        lambda: vjp(*values, beta, eps=eps)[0], lambda ddx: double(ddx, *values, eps=eps), inputs
    )


BASELINE = Baseline(
    name="finite-differences",
    says="gradients fit central differences of the implementation's own outputs, in float64",
    source="https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html",
    run=run,
)
