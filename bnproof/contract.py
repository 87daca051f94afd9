"""What everything agrees on: methods and quantities, conventions, cases, measurements, violations.
Data, no logic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Trains(Protocol):
    """The least an implementation under test offers; the other methods are looked up one by one."""

    def train(
        self,
        x: Array,
        gamma: Array | None,
        beta: Array | None,
        running_mean: Array | None,
        running_var: Array | None,
        *,
        eps: float,
        momentum: float,
    ) -> tuple[Array, Array | None, Array | None]:
        """``(y, running_mean, running_var)`` of a training step on ``x`` of shape
        ``(N, C, *spatial)``."""


@dataclass(frozen=True)
class Quantity:
    """A value that a method returns: an array with the shape and dtype of the argument ``like``."""

    name: str
    method: str
    like: str

    @property
    def entrywise(self) -> bool:
        """Whether it has an entry for every entry of x."""
        return self.like in ("x", "shards")


@dataclass(frozen=True)
class Method:
    """A method of the contract: its positional and its keyword parameters, and what it returns, in
    order."""

    name: str
    parameters: tuple[str, ...]
    keywords: tuple[str, ...]
    returns: tuple[Quantity, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what it returns."""
        return tuple(quantity.name for quantity in self.returns)


def _method(name: str, parameters: str, keywords: str, **returns: str) -> Method:
    quantities = tuple(Quantity(quantity, name, like) for quantity, like in returns.items())
    return Method(name, tuple(parameters.split()), tuple(keywords.split()), quantities)


#: Every method of part 1 of the contract.  What is returned is named apart from what is handed in
#: (``infer_y``, ``shards_dx``), so that a name says which method it comes from.
METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        _method(
            "train",
            "x gamma beta running_mean running_var",
            "eps momentum",
            y="x",
            running_mean="running_mean",
            running_var="running_var",
        ),
        _method("infer", "x gamma beta running_mean running_var", "eps", infer_y="x"),
        _method("train_vjp", "dy x gamma beta", "eps", dx="x", dgamma="gamma", dbeta="beta"),
        _method(
            "infer_vjp",
            "dy x gamma beta running_mean running_var",
            "eps",
            infer_dx="x",
            infer_dgamma="gamma",
            infer_dbeta="beta",
        ),
        _method(
            "fold",
            "weight bias gamma beta running_mean running_var",
            "eps kind groups",
            folded_weight="weight",
            folded_bias="outputs",
        ),
        _method("train_double_vjp", "ddx dy x gamma", "eps", d_dy="x", d_x="x", d_gamma="gamma"),
        _method(
            "train_shards",
            "shards gamma beta running_mean running_var",
            "eps momentum",
            shards_y="shards",
            shards_running_mean="running_mean",
            shards_running_var="running_var",
        ),
        _method(
            "train_shards_vjp",
            "dys shards gamma beta",
            "eps",
            shards_dx="shards",
            shards_dgamma="gamma",
            shards_dbeta="beta",
        ),
    )
}
#: Every quantity by name, in the order of the methods.
QUANTITIES: Mapping[str, Quantity] = {
    q.name: q for method in METHODS.values() for q in method.returns
}


@dataclass(frozen=True)
class Convention:
    """What implementations legitimately differ in.

    ``momentum``: weight of the "new" or of the "old" value; ``running_var``: tracked "unbiased"
    (Bessel's factor) or "biased"; ``one_value``: a single value per channel in training gives
    "beta", has to "raise", or "any"; ``channel_axis``: 1 or -1; ``eps_min``: smaller eps are raised
    to it.
    """

    name: str
    momentum: Literal["new", "old"] = "new"
    running_var: Literal["unbiased", "biased"] = "unbiased"
    one_value: Literal["beta", "raise", "any"] = "any"
    channel_axis: Literal[1, -1] = 1
    eps_min: float = 0.0


@dataclass(frozen=True)
class Weights:
    """The layer in front of a batch norm, with C outputs.

    ``weight``: ``(C, in)`` for "linear", ``(C, in/groups, *k)`` for "conv", ``(in, C/groups, *k)``
    for "conv_transpose"; ``bias``: ``(C,)`` or ``None``.
    """

    weight: Array
    bias: Array | None
    kind: Literal["linear", "conv", "conv_transpose"]
    groups: int = 1


@dataclass(frozen=True)
class Case:
    """One input: ``x``, ``dy`` and ``ddx`` of shape ``(N, C, *spatial)``, parameters and statistics
    ``(C,)``.

    ``momentum`` weighs the new value; ``ddx`` is the upstream gradient of dx; ``parts`` are the
    rows of x each worker of a synchronised step holds (0 for an idle one), N in all; ``layer`` is
    what a fold scales.
    """

    x: Array
    dy: Array
    gamma: Array | None
    beta: Array | None
    running_mean: Array
    running_var: Array
    eps: float
    momentum: float
    ddx: Array | None = None
    parts: tuple[int, ...] = ()
    layer: Weights | None = None

    @property
    def m(self) -> int:
        """Values per channel, ``N * prod(spatial)``."""
        return self.x.size // self.x.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The working dtype."""
        return self.x.dtype


@dataclass(frozen=True)
class Call:
    """A call that shows something: the arguments by name, in order.

    ``views``: Python expressions in the argument's name that give its layout in memory
    (``"x[::-1]"``); ``says``: what is special.
    """

    method: str
    arguments: Mapping[str, Any]
    views: Mapping[str, str] = field(default_factory=dict)
    says: str = ""


class FailureKind(StrEnum):
    """What can be wrong with a call or a state, numbers aside."""

    RAISED = "raised"  # the call raised an exception
    UNREADABLE = "unreadable"  # the method or the state cannot even be read
    BLOCKED = "blocked"  # the call ended the process, or did not end
    COUNT = "count"  # another number of values came back
    TYPE = "type"  # a value is no NumPy array (or no list of arrays)
    SHAPE = "shape"
    DTYPE = "dtype"
    PRESENCE = "presence"  # None where a value has to be, or a value where None has to be
    MODIFIED = "modified"  # an argument, which belongs to the caller
    UNREPEATABLE = "unrepeatable"  # equal arguments gave another answer
    ACCEPTED = "accepted"  # an input was answered that has to be refused
    RANGE = "range"  # a value outside of what the contract allows
    CHANGED = "changed"  # a state or statistic that has to stay
    LOST = "lost"  # an assigned state does not come back
    START = "start"  # what a fresh layer starts from


@dataclass(frozen=True)
class Failure:
    """What went wrong, as data.

    Parameters ---------- kind
        Which of the kinds of failure it is.
    method
        The method that was called, of an implementation or of a layer.
    subject
        The argument, the returned quantity or the field of the state that it is about.
    exception
        The name of the exception's type, where one was raised.
    got, expected
        What came back and what has to come back, as text for a reader; an exception's own text is
        in ``got``.
    """

    kind: FailureKind
    method: str = ""
    subject: str = ""
    exception: str = ""
    got: str = ""
    expected: str = ""

    def resembles(self, other: Failure | None) -> bool:
        """Whether the other one is the same failure, whatever values were seen."""
        return other is not None and replace(self, got="") == replace(other, got="")


@dataclass(frozen=True)
class Measurement:
    """What one law saw on one case: numbers where values were compared, a ``failure`` elsewhere.

    Parameters ---------- law
        The law's id.
    quantities
        What the measurement is about: names of :data:`QUANTITIES`, or what a relation calls them.
    ratio
        The largest error in units of what the working precision explains; above 1 the law is
        violated.
    ulp
        The largest error in units in the last place of the sum of magnitudes the output is made of.
    where
        The index of the worst entry in the array as it was returned.
    got, exact, radius, allowed, error
        The worst entry; its exact value as ``(leading part, trailing part)``, give or take
        ``radius``; the error that the working precision explains there; and the error itself.
    dtype
        The dtype the value came back in.
    comparison
        What was compared: a "value" with its exact one, the "effect" of an argument (the numbers
        are differences of two answers), or the two sides of a "relation" (the numbers are their
        difference).
    failure
        What went wrong apart from numbers.
    calls
        What was asked, where that is not one call on the case itself.
    """

    law: str
    quantities: tuple[str, ...]
    ratio: float
    ulp: float | None = None
    where: tuple[int, ...] = ()
    got: float | None = None
    exact: tuple[float, float] = (0.0, 0.0)
    radius: float = 0.0
    allowed: float = 0.0
    error: float = 0.0
    dtype: str = ""
    comparison: Literal["value", "effect", "relation"] = "value"
    failure: Failure | None = None
    calls: tuple[Call, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the law held."""
        return self.ratio <= 1


@dataclass(frozen=True)
class Cause:
    """A likely cause: a known mechanism, what fits it, and where it happened before.

    ``confidence``: "same values" (a model of the mechanism returns what was returned), "same
    pattern" (it breaks the same laws), or "unknown" (nothing fits).
    """

    mechanism: str
    says: str
    confidence: Literal["same values", "same pattern", "unknown"]
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Violation:
    """A broken law with the smallest input that was found to break it.

    ``got`` and ``expected``: the worst entry and the enclosure it left, ``ulp`` its error;
    ``residual``: a simple factor or difference that turns the one into the other; ``case``: the
    input in hexadecimal floats, for ``--replay``.
    """

    law: str
    quantity: str
    message: str
    reproducer: str
    got: str = ""
    expected: str = ""
    ulp: float | None = None
    residual: str = ""
    cause: Cause | None = None
    case: Mapping[str, Any] | None = None
