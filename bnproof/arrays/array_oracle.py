"""What arrays are held to: exact values, and the bounds of a declared arithmetic.

An oracle joins the exact values of batch normalisation for these inputs with the error bounds of a
declared arithmetic.  Both come from :mod:`bnproof.laws.quantities`, the table that laws are judged
by.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bnproof import certify
from bnproof.arrays.libraries import move_channels, read_array, read_channels
from bnproof.certify import Enclosure, Inference, Training
from bnproof.certify.bounds import NoBound, Precision
from bnproof.contract import QUANTITIES, Array, Case, Convention, Weights
from bnproof.formats import Format, is_half
from bnproof.implementations.conventions import resolve_convention
from bnproof.laws.columns import from_columns
from bnproof.laws.oracle import Oracle

COMPUTE = ("float16", "bfloat16", "tf32", "float32", "float64")
ACCUMULATE = ("float16", "bfloat16", "float32", "float64")
VARIANCES = ("two-pass", "one-pass")


@dataclass(frozen=True)
class Arithmetic:
    """How somebody's code computes.

    Attributes
    ----------
    compute
        The format of single operations.
    accumulate
        The format in which sums over the batch are added up.
    formula
        Whether the variance is "two-pass", ``mean((x - mean(x))^2)`` or by updates and merges, or
        "one-pass", ``mean(x^2) - mean(x)^2``.
    """

    compute: str
    accumulate: str
    formula: str = "two-pass"

    @classmethod
    def declare(
        cls, dtype: np.dtype[Any], compute: str | None, accumulate: str | None, formula: str
    ) -> Arithmetic:
        """The arithmetic that was declared, with what is usual for the rest.

        Parameters
        ----------
        dtype
            The dtype of x.
        compute
            ``None`` means float32 for half precision, and else x's own.
        accumulate
            ``None`` means float64 where that is computed in, and else float32.
        formula
            "two-pass" or "one-pass".

        Raises
        ------
        TypeError, ValueError
            For what is no name, and for a name that is none of these.
        """
        for name, value in (("compute", compute), ("accumulate", accumulate), ("formula", formula)):
            if value is not None and not isinstance(value, str):
                raise TypeError(f"{name} is {value!r}: give the name of a format or formula")
        compute = compute or ("float32" if is_half(dtype) else dtype.name)
        accumulate = accumulate or ("float64" if compute == "float64" else "float32")
        for name, value, known in (
            ("compute", compute, COMPUTE),
            ("accumulate", accumulate, ACCUMULATE),
            ("formula", formula, VARIANCES),
        ):
            if value not in known:
                raise ValueError(f"{name} is {value!r}: use one of {', '.join(known)}")
        return cls(compute, accumulate, formula)

    def __str__(self) -> str:
        sums = "" if self.accumulate == self.compute else f" with sums in {self.accumulate}"
        return f"{self.compute} arithmetic{sums}" + (
            " and the one-pass variance" if self.formula == "one-pass" else ""
        )


@dataclass(frozen=True)
class Inputs:
    """What batch normalisation was computed from, as it was handed in.

    Attributes
    ----------
    x, dy
        The batch, and the upstream gradient where there is one.
    gamma, beta
        Affine parameters; ``None`` stands for 1 and for 0.
    running
        Running mean and variance; ``None`` where no quantity needs them.
    eps
        What is added to the variance.
    momentum
        As the convention means it.
    convention
        A convention or its name.  It says what momentum weighs, and which variance is tracked.
    channel_axis
        Where the channels of x and dy are.
    layer
        The layer in front, for a fold.
    """

    x: Any
    eps: float
    gamma: Any = None
    beta: Any = None
    dy: Any = None
    running: tuple[Any, Any] | None = None
    momentum: float = 0.0
    convention: str | Convention = "torch"
    channel_axis: int = 1
    layer: Weights | None = None

    def to_case(self) -> Case:
        """The inputs as a case: channels on axis 1, momentum as the weight of the new value.

        Raises
        ------
        UnreadableArray
            For what is no array of numbers.
        ValueError
            For shapes or values that make no sense.
        """
        x = move_channels(read_array(self.x, "x"), self.channel_axis, "x")
        channels = x.shape[1]
        dy = np.zeros_like(x)
        if self.dy is not None:
            dy = move_channels(read_array(self.dy, "dy"), self.channel_axis, "dy")
        mean, var = (None, None) if self.running is None else self.running
        convention = resolve_convention(self.convention)
        momentum = _read_number(self.momentum, "momentum")
        old = read_channels(mean, "running_mean", channels)
        spread = read_channels(var, "running_var", channels)
        return Case(
            x,
            dy,
            read_channels(self.gamma, "gamma", channels),
            read_channels(self.beta, "beta", channels),
            np.zeros(channels) if old is None else old,
            np.ones(channels) if spread is None else spread,
            _read_number(self.eps, "eps"),
            momentum if convention.momentum == "new" else 1 - momentum,
            layer=self.layer,
        )


class ArrayOracle:
    """Exact values of batch normalisation, and how far an arithmetic may lead away from them.

    Parameters
    ----------
    inputs
        What is computed from.
    compute, accumulate, formula
        As in :meth:`Arithmetic.declare`.

    Raises
    ------
    ValueError
        Where the inputs or the arithmetic make no sense.
    """

    def __init__(
        self,
        inputs: Inputs,
        compute: str | None = None,
        accumulate: str | None = None,
        formula: str = "two-pass",
    ) -> None:
        self.inputs, self.case = inputs, inputs.to_case()
        self.arithmetic = Arithmetic.declare(self.case.dtype, compute, accumulate, formula)
        self.of_case = self._build_for_case(self.arithmetic)

    def _build_for_case(self, arithmetic: Arithmetic) -> Oracle:
        """The exact values with the bounds of an arithmetic."""
        tracked = resolve_convention(self.inputs.convention).running_var
        precision = Precision.declare(
            arithmetic.compute,
            arithmetic.accumulate,
            _find_widest(self.case, self.inputs.running),
            one_pass=arithmetic.formula == "one-pass",
        )
        oracle = _OfArrays(self.case, tracked, lambda dtype: precision)
        oracle.given = self.inputs
        return oracle

    def declare_instead(self, arithmetic: Arithmetic) -> ArrayOracle:
        """The same inputs under another arithmetic; what is certified already is shared."""
        other = object.__new__(ArrayOracle)
        other.inputs, other.case, other.arithmetic = self.inputs, self.case, arithmetic
        other.of_case = self._build_for_case(arithmetic)
        for step in ("trained", "inferred", "folded"):
            if step in vars(self.of_case):
                vars(other.of_case)[step] = vars(self.of_case)[step]
        return other

    def exact(self, quantity: str) -> Enclosure:
        """The exact values, as columns where x has an entry for each."""
        return self.of_case.exact(quantity)

    def bound(self, quantity: str, dtype: np.dtype[Any]) -> Array:
        """How far a value that is returned in a dtype may be from the exact one.

        Parameters
        ----------
        quantity
            A name of :data:`bnproof.contract.QUANTITIES`.
        dtype
            The dtype it is returned in.  Where that is coarser than the arithmetic, the result is
            rounded once more.

        Returns
        -------
        numpy.ndarray
            Float64, in the shape of :meth:`exact`, finite.

        Raises
        ------
        NoBound
            Where nothing bounds some value: the batch is too long for the format of its sums, a
            number on the way leaves the range of its format, or the spread drowns in rounding.
        """
        exact = self.exact(quantity)
        size = np.abs(exact.mid)
        stored, precision = Format.from_dtype(dtype), self.of_case.precision
        try:
            with np.errstate(all="ignore"):
                error = np.broadcast_to(self.of_case.bound(quantity).total, size.shape)
        except NoBound as reason:
            raise NoBound(f"{quantity}: {self.arithmetic}: {reason}") from None
        with np.errstate(all="ignore"):
            if stored.u > precision.u:
                error = error + stored.u * (size + error)
            if stored.eta > precision.eta:
                error = error + stored.eta
            # Where the bound spans the range of the dtype, an infinity or NaN would be right too.
            error = np.where(error > stored.largest, np.inf, error)
        if not np.all(np.isfinite(error)):
            raise NoBound(
                f"{quantity}: {self.arithmetic} has no bound in"
                f" {_name_channels(quantity, ~np.isfinite(error))} of these inputs"
            )
        return error

    def restore(self, quantity: str, values: Array) -> Array:
        """Values as they were handed in: the axes of x, or the shape of the parameter they are
        like."""
        if QUANTITIES[quantity].like == "x":
            batch = from_columns(values, self.case.x.shape)
            return np.moveaxis(batch, 1, self.inputs.channel_axis)
        return values


def _read_number(value: Any, name: str) -> float:
    """A Python or NumPy number as a float."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is {value!r}: give a number") from None


def read_pair(value: Any, name: str) -> tuple[Any, Any]:
    """Two statistics, as a tuple, a list or an array of two rows.

    Parameters
    ----------
    value
        What was handed in.
    name
        What it is called in the message of an error.

    Raises
    ------
    ValueError
        For anything but two.
    """
    try:
        first, second = value
    except (TypeError, ValueError):
        raise ValueError(f"{name} is no pair: give (running_mean, running_var)") from None
    return first, second


class _OfArrays(Oracle):
    """The oracle of a case that looks at nothing that was not handed in.

    A case has place holders for an upstream gradient and running statistics.  Certifying what they
    lead to would take most of the time.
    """

    given: Inputs

    @cached_property
    def trained(self) -> Training:
        """The certified training step, with what was asked about."""
        c, given = self.case, self.given
        return certify.train(
            c.x,
            c.gamma,
            c.beta,
            eps=c.eps,
            dy=None if given.dy is None else c.dy,
            running=None if given.running is None else (c.running_mean, c.running_var),
            momentum=c.momentum,
            unbiased=self.running_var == "unbiased",
        )

    @cached_property
    def inferred(self) -> Inference:
        """The certified inference, with gradients where there is an upstream gradient."""
        c = self.case
        dy = None if self.given.dy is None else c.dy
        return certify.infer(c.x, c.gamma, c.beta, c.running_mean, c.running_var, eps=c.eps, dy=dy)


def _name_channels(quantity: str, unbounded: Array) -> str:
    """The channels with a value that nothing bounds; for a weight, how many values there are."""
    if QUANTITIES[quantity].like == "weight":
        return f"{int(np.sum(unbounded))} of {unbounded.size} values"
    channels = sorted({at[-1] for at in np.argwhere(unbounded).tolist()})
    names = f"{', '.join(map(str, channels[:5]))}{', ...' if len(channels) > 5 else ''}"
    return f"channel {names}" if len(channels) == 1 else f"channels {names}"


def _find_widest(case: Case, running: tuple[Any, Any] | None) -> np.dtype[Any]:
    """The dtype with most bits among the arguments that enter the arithmetic."""
    given = [case.x, case.dy, case.gamma, case.beta]
    if case.layer is not None:
        given = [case.layer.weight, case.layer.bias, case.gamma, case.beta]
    # Statistics that were not handed in have a place holder in the case, which does not count.
    mean, var = (None, None) if running is None else running
    given += [case.running_mean if mean is not None else None]
    given += [case.running_var if var is not None else None]
    dtypes = [array.dtype for array in given if array is not None]
    return max(dtypes, key=lambda dtype: Format.from_dtype(dtype).p)
