"""Gradients against central differences, in the manner of ``torch.autograd.gradcheck`` and
``gradgradcheck``.

What is tested is that backward fits forward, and neither is compared with another implementation. A
forward that is wrong passes as long as its backward is the derivative of the same wrong function.
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
# Small, since a Jacobian takes two calls of the forward for every entry and one backward for every
# output. The two others are for what takes neither rows nor images.
USUAL = ((4, 3), (2, 3, 2, 2))
OTHERS = ((3, 3, 2), (2, 3, 1, 2, 2))
MOST = 1024  # entries of x; a whole Jacobian has the square of it
EPS, MOMENTUM = 1e-5, 0.1


def run(implementation: Any, reference: Any) -> BaselineResult:
    """Check three pairs: ``train`` and its vjp, ``infer`` and its vjp, dx and the double backward.

    The reference is not asked.

    Notes
    -----
    In float64, for which gradcheck's defaults are made:
    ``|analytical - numerical| <= 1e-5 + 1e-3 |numerical|`` for every entry of the Jacobians with
    respect to x, gamma and beta (dy, x and gamma for the double backward), step 1e-6.  Everything
    is drawn standard normal but the running variance (uniform in [0, 1)) and, as gradgradcheck has
    it, the dy of the double backward (uniform in [-1, 1)).  The second derivatives of dgamma and
    dbeta are not asked, since the contract leaves them out.
    """
    return run_checks(_list_checks(implementation))


def gradcheck(
    forward: Callable[[], Array], vjp: Callable[[Array], Any], inputs: Mapping[str, Array]
) -> None:
    """gradcheck's slow mode: whole Jacobians, one column and one row at a time.

    Parameters
    ----------
    forward
        The function of nothing whose derivative is checked; it reads the arrays of ``inputs``.
    vjp
        ``vjp(upstream)`` returns the gradients of the inputs in order, ``None`` standing for zero.
    inputs
        float64 arrays by name.  They are perturbed in place, and restored.

    Raises
    ------
    Differs
        For an entry that is not close, for a backward that does not return the same bits twice, or
        for a gradient that is not zero for a zero upstream gradient.

    Examples
    --------
    >>> x = np.array([0.5, -1.0])
    >>> gradcheck(lambda: x**2, lambda dy: (2 * x * dy,), {"x": x})
    >>> gradcheck(lambda: x**2, lambda dy: (x * dy,), {"x": x})
    Traceback (most recent call last):
        ...
    bnproof.baselines.baseline.Differs: the gradient of x: output 0 by entry 0 is 0.5, numerically 1
    """
    y = np.array(forward())
    # The numerical Jacobian comes first, before any backward could have written into the inputs.
    numerical = [central_differences(forward, entry) for entry in inputs.values()]
    analytical, again = compute_jacobians(vjp, y, inputs), compute_jacobians(vjp, y, inputs)
    for name, n, a, b in zip(inputs, numerical, analytical, again, strict=True):
        # As gradcheck does with its default ``nondet_tol = 0``; NaN is left to the comparison
        # below.
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
    """``(f(a + h) - f(a - h))/(2 h)`` with ``h = 1e-6``: one row per output, one column per entry.

    Parameters
    ----------
    forward
        The function of nothing that reads ``entry``.
    entry
        The array that is perturbed in place, one entry after the other, and restored.

    Notes
    -----
    The error is ``h^2/6`` times the third derivative from the curve, and about ``u |f|/h`` from
    rounding: below 1e-12 and about 1e-10 where f and its third derivative are about 1.
    """
    flat, columns = entry.reshape(-1), []
    for k in range(flat.size):
        kept = float(flat[k])
        flat[k] = kept - STEP
        # A copy: an implementation may return the same buffer every time.
        below = np.array(forward()).ravel()
        flat[k] = kept + STEP
        above = np.array(forward()).ravel()
        flat[k] = kept
        columns.append((above - below) / (2 * STEP))
    return np.stack(columns, axis=1)


def compute_jacobians(
    vjp: Callable[[Array], Any], y: Array, inputs: Mapping[str, Array]
) -> list[Array]:
    """The analytical Jacobian of every input, one row per output.

    Row k is the gradient for an upstream gradient that is 1 at output k and 0 elsewhere.
    """
    units = np.eye(y.size).reshape(y.size, *y.shape)
    per_unit = [[g.ravel() for g in copy_gradients(vjp, unit, inputs)] for unit in units]
    return [np.stack(of_input) for of_input in zip(*per_unit, strict=True)]


def copy_gradients(
    vjp: Callable[[Array], Any], upstream: Array, inputs: Mapping[str, Array]
) -> list[Array]:
    """Copies of the gradients, with zeros for ``None``.

    Raises
    ------
    Differs
        Where a gradient has another shape or dtype than its input.
    """
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
    """Three checks for each shape; none where float64 is not supported."""
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
    """Standard normal x in the implementation's layout, gamma and beta."""
    x = declared.convert_layout(random.standard_normal(shape))
    gamma, beta = random.standard_normal((2, shape[1]))
    return {"x": x, "gamma": gamma, "beta": beta}


def _check_train(
    implementation: Any, declared: Declared, shape: Shape, random: np.random.Generator
) -> None:
    """``train_vjp`` against the output of ``train``."""
    train, vjp = (
        require_method(implementation, "train"),
        require_method(implementation, "train_vjp"),
    )
    leaves, eps = _draw_leaves(declared, shape, random), declared.choose_eps(EPS)
    # Drawn once and handed over in every call, so that they are constants of the function.
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
    """``infer_vjp`` against ``infer``."""
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
    """``train_double_vjp`` against dx of ``train_vjp``, as a function of dy, x and gamma."""
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
