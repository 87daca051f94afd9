"""Assertions about arrays: every value lies within what rounding explains of the exact one.

They are meant for the unit test of a kernel, which has arrays and no class to wrap.  No tolerance
is typed in.  Where a value is wrong, the ``AssertionError`` says how many are, which one is
farthest off, what is exact there, and which known mechanism gives these values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from bnproof.arrays.array_oracle import ArrayOracle, Inputs, read_pair
from bnproof.arrays.libraries import move_channels, read_array, read_channels
from bnproof.arrays.recognising import recognise
from bnproof.contract import QUANTITIES, Array, Convention, Weights
from bnproof.laws.columns import locate_in_batch, to_columns
from bnproof.laws.comparing import divide_by_bounds, find_worst_index, overflows
from bnproof.wording import describe_wrong_values


def assert_forward(
    y: Any,
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    *,
    eps: float,
    channel_axis: int = 1,
    compute: str | None = None,
    accumulate: str | None = None,
    formula: str = "two-pass",
) -> None:
    """Assert that y is the training output ``gamma (x - mu)/sqrt(v + eps) + beta``.

    Parameters
    ----------
    y
        What was computed, in x's shape.
    x
        The batch, of rank 2 to 5: float16, bfloat16, float32 or float64, of any library.
    gamma, beta
        Affine parameters with one entry per channel; ``None`` stands for 1 and for 0.
    eps
        What is added to the variance.
    channel_axis
        Where the channels of x and y are.
    compute
        The format that single operations are done in: "float16", "bfloat16", "tf32", "float32" or
        "float64".  ``None`` means float32 for half precision, and else x's own.  A model that was
        converted as a whole (``model.half()``) computes in its half precision: declare it.
    accumulate
        The format in which sums over the batch are added up.  ``None`` means float64 where that is
        computed in, and else float32.
    formula
        "two-pass", or "one-pass" for the variance ``mean(x^2) - mean(x)^2``.

    Raises
    ------
    AssertionError
        Where a value is farther from the exact one than rounding explains.
    NoBound
        Where nothing bounds a value, so that it cannot be judged.
    TypeError, ValueError, LookupError
        For what is no array, shapes that do not fit, or a name that is not known.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.testing import assert_forward
    >>> x = np.array([[0.0], [2.0]])
    >>> assert_forward(np.array([[-1.0], [1.0]]) / np.sqrt(1 + 1e-5), x, eps=1e-5)
    """
    __tracebackhide__ = True
    inputs = Inputs(x, eps, gamma, beta, channel_axis=channel_axis)
    _judge({"y": y}, ArrayOracle(inputs, compute, accumulate, formula))


def assert_backward(
    gradients: tuple[Any, Any, Any],
    dy: Any,
    x: Any,
    gamma: Any = None,
    *,
    eps: float,
    channel_axis: int = 1,
    compute: str | None = None,
    accumulate: str | None = None,
    formula: str = "two-pass",
) -> None:
    """Assert that the gradients are those of training, for the upstream gradient dy.

    Parameters
    ----------
    gradients
        ``(dx, dgamma, dbeta)``; what is ``None`` is not checked.
    dy
        The upstream gradient, in x's shape.
    x, gamma, eps, channel_axis, compute, accumulate, formula
        As for :func:`assert_forward`.

    Raises
    ------
    AssertionError, NoBound, TypeError, ValueError, LookupError
        As for :func:`assert_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.testing import assert_backward
    >>> x, dy = np.array([[0.0], [2.0]]), np.array([[1.0], [1.0]])
    >>> assert_backward((np.zeros((2, 1)), np.zeros(1), np.array([2.0])), dy, x, eps=1e-5)
    """
    __tracebackhide__ = True
    named = _name_values(gradients, "dx", "dgamma", "dbeta")
    inputs = Inputs(x, eps, gamma, dy=_require(dy, "dy"), channel_axis=channel_axis)
    _judge(named, ArrayOracle(inputs, compute, accumulate, formula))


def assert_inference(
    y: Any,
    x: Any,
    gamma: Any,
    beta: Any,
    running_mean: Any,
    running_var: Any,
    *,
    eps: float,
    channel_axis: int = 1,
    compute: str | None = None,
    accumulate: str | None = None,
) -> None:
    """Assert that y is the output at inference, ``gamma (x - mu_r)/sqrt(v_r + eps) + beta``.

    Parameters
    ----------
    y, x, gamma, beta, eps, channel_axis, compute, accumulate
        As for :func:`assert_forward`.
    running_mean, running_var
        The running statistics, one entry per channel.

    Raises
    ------
    AssertionError, NoBound, TypeError, ValueError, LookupError
        As for :func:`assert_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.testing import assert_inference
    >>> mean, var = np.array([1.0]), np.array([4.0])
    >>> assert_inference(np.array([[1.0]]), np.array([[3.0]]), None, None, mean, var, eps=0.0)
    """
    __tracebackhide__ = True
    running = (_require(running_mean, "running_mean"), _require(running_var, "running_var"))
    inputs = Inputs(x, eps, gamma, beta, running=running, channel_axis=channel_axis)
    _judge({"infer_y": y}, ArrayOracle(inputs, compute, accumulate))


def assert_inference_gradient(
    gradients: tuple[Any, Any, Any],
    dy: Any,
    x: Any,
    gamma: Any,
    running_mean: Any,
    running_var: Any,
    *,
    eps: float,
    channel_axis: int = 1,
    compute: str | None = None,
    accumulate: str | None = None,
) -> None:
    """Assert that the gradients are those of inference: ``dx = gamma dy/sqrt(v_r + eps)``.

    Parameters
    ----------
    gradients
        ``(dx, dgamma, dbeta)``; what is ``None`` is not checked.
    dy
        The upstream gradient, in x's shape.
    x, gamma, running_mean, running_var, eps, channel_axis, compute, accumulate
        As for :func:`assert_inference`.

    Raises
    ------
    AssertionError, NoBound, TypeError, ValueError, LookupError
        As for :func:`assert_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.testing import assert_inference_gradient
    >>> x, dy, mean, var = np.ones((1, 1)), np.ones((1, 1)), np.zeros(1), np.array([4.0])
    >>> assert_inference_gradient((dy / 2, None, None), dy, x, None, mean, var, eps=0.0)
    """
    __tracebackhide__ = True
    named = _name_values(gradients, "infer_dx", "infer_dgamma", "infer_dbeta")
    running = (_require(running_mean, "running_mean"), _require(running_var, "running_var"))
    given = _require(dy, "dy")
    inputs = Inputs(x, eps, gamma, dy=given, running=running, channel_axis=channel_axis)
    _judge(named, ArrayOracle(inputs, compute, accumulate))


def assert_statistics(
    statistics: tuple[Any, Any],
    old: tuple[Any, Any],
    x: Any,
    *,
    momentum: float,
    convention: str | Convention = "torch",
    channel_axis: int = 1,
    compute: str | None = None,
    accumulate: str | None = None,
) -> None:
    """Assert that the running statistics are the right ones after one training step on x.

    Parameters
    ----------
    statistics, old
        ``(running_mean, running_var)`` after and before the step; what is ``None`` after it is not
        checked.
    x, channel_axis, compute, accumulate
        As for :func:`assert_forward`.
    momentum
        As the convention means it: the weight of the new value under "torch", of the old one under
        "keras".
    convention
        A convention or its name, which also says whether the biased variance is tracked.

    Raises
    ------
    AssertionError, NoBound, TypeError, ValueError, LookupError
        As for :func:`assert_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.testing import assert_statistics
    >>> x, old = np.array([[0.0], [2.0]]), (np.zeros(1), np.ones(1))
    >>> assert_statistics((np.array([0.5]), np.array([1.5])), old, x, momentum=0.5)
    """
    __tracebackhide__ = True
    named = _name_values(statistics, "running_mean", "running_var")
    before = dict(zip(("running_mean", "running_var"), read_pair(old, "old"), strict=True))
    for name in named:
        _require(before[name], f"the old {name}")
    inputs = Inputs(
        x,
        0.0,
        running=(before["running_mean"], before["running_var"]),
        momentum=momentum,
        convention=convention,
        channel_axis=channel_axis,
    )
    _judge(named, ArrayOracle(inputs, compute, accumulate))


def assert_folded(
    folded: tuple[Any, Any],
    old_weight: Any,
    old_bias: Any,
    gamma: Any,
    beta: Any,
    running_mean: Any,
    running_var: Any,
    *,
    eps: float,
    kind: Literal["linear", "conv", "conv_transpose"],
    groups: int = 1,
    compute: str | None = None,
    accumulate: str | None = None,
) -> None:
    """Assert that a batch norm was folded right into the layer in front of it.

    Parameters
    ----------
    folded
        ``(weight, bias)`` after the fold; what is ``None`` is not checked.
    old_weight, old_bias
        Those before it.  The weight is ``(out, in)``, ``(out, in/groups, *k)``, or
        ``(in, out/groups, *k)`` where it is transposed; the bias may be ``None``.
    gamma, beta, running_mean, running_var, eps, compute, accumulate
        As for :func:`assert_inference`.
    kind
        The kind of layer.
    groups
        Into how many groups its channels are divided.

    Raises
    ------
    AssertionError, NoBound, TypeError, ValueError, LookupError
        As for :func:`assert_forward`.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.testing import assert_folded
    >>> one = np.array([1.0])
    >>> folded = (np.array([[0.5]]), np.array([-0.5]))
    >>> assert_folded(
    ...     folded, np.array([[1.0]]), None, None, None, one, 4 * one, eps=0.0, kind="linear"
    ... )
    """
    __tracebackhide__ = True
    weight = read_array(old_weight, "old_weight")
    channels = read_array(_require(running_mean, "running_mean"), "running_mean").size
    bias = read_channels(old_bias, "old_bias", channels)
    if not isinstance(groups, int) or groups < 1:
        raise ValueError(f"groups is {groups!r}: give a whole number, at least 1")
    inputs = Inputs(
        # a fold does not look at a batch
        np.zeros((1, channels), weight.dtype),
        eps,
        gamma,
        beta,
        running=(running_mean, _require(running_var, "running_var")),
        layer=Weights(weight, bias, kind, groups),
    )
    named = _name_values(folded, "folded_weight", "folded_bias")
    _judge(named, ArrayOracle(inputs, compute, accumulate))


def _name_values(values: tuple[Any, ...], *names: str) -> dict[str, Any]:
    """Values by the names of their quantities, without those that are ``None``."""
    if not isinstance(values, (tuple, list)) or len(values) != len(names):
        raise ValueError(f"give {len(names)} values ({', '.join(names)}), None for what is absent")
    named = {n: value for n, value in zip(names, values, strict=True) if value is not None}
    if not named:
        raise ValueError(f"there is nothing to check: {', '.join(names)} are all None")
    return named


def _require(value: Any, name: str) -> Any:
    """The value; refuses ``None``, in whose place nothing else may be put."""
    if value is None:
        raise ValueError(f"{name} is None: what is checked depends on it")
    return value


def _judge(values: Mapping[str, Any], oracle: ArrayOracle) -> None:
    """Raise ``AssertionError`` with one paragraph for each quantity that is wrong."""
    __tracebackhide__ = True
    wrong = [_describe(oracle, name, value) for name, value in values.items()]
    if any(wrong):
        raise AssertionError("\n\n".join(filter(None, wrong)))


def _describe(oracle: ArrayOracle, quantity: str, value: Any) -> str:
    """What is wrong with a quantity, in words; empty where nothing is."""
    array = read_array(value, quantity)
    got = _arrange(oracle, quantity, array)
    exact = oracle.exact(quantity)
    bound = oracle.bound(quantity, got.dtype)
    errors = np.where(overflows(got, exact, bound), 0.0, exact.distance(got))
    ratios = divide_by_bounds(errors, bound)
    if np.all(ratios <= 1):
        return ""
    at = find_worst_index(ratios)
    return describe_wrong_values(
        quantity,
        count=int(np.sum(ratios > 1)),
        size=ratios.size,
        where=_locate(oracle, quantity, at, array),
        got=float(got[at]),
        exact=(float(exact.mid[at]), float(exact.low[at])),
        error=float(errors[at]),
        allowed=float(bound[at]),
        arithmetic=str(oracle.arithmetic),
        cause=recognise(oracle, quantity, got),
    )


def _arrange(oracle: ArrayOracle, quantity: str, array: Array) -> Array:
    """The values in the order of the exact ones; refuses another shape."""
    case, like = oracle.case, QUANTITIES[quantity].like
    if like == "x":
        batch = move_channels(array, oracle.inputs.channel_axis, quantity)
        if batch.shape != case.x.shape:
            raise ValueError(f"{quantity} has shape {array.shape}, which is not that of x")
        return to_columns(batch)
    if like == "weight":
        assert case.layer is not None
        if array.shape != case.layer.weight.shape:
            raise ValueError(f"{quantity} has shape {array.shape}, which is not the old weight's")
        return array
    channels = read_channels(array, quantity, case.x.shape[1])
    assert channels is not None
    return channels


def _locate(
    oracle: ArrayOracle, quantity: str, at: tuple[int, ...], array: Array
) -> tuple[int, ...]:
    """The index of an entry in the array as it was handed in."""
    if QUANTITIES[quantity].like != "x":
        return at if array.ndim == len(at) else tuple(np.argwhere(np.ones(array.shape))[at[0]])
    batch, channel, *spatial = locate_in_batch(at, oracle.case.x.shape)
    rest = [batch, *spatial]
    rest.insert(oracle.inputs.channel_axis % array.ndim, channel)
    return tuple(rest)
