"""What every part of bnproof agrees on, as data without logic.

A *method* is a call that an implementation may offer, and a *quantity* is a value that it returns.
The tables :data:`METHODS` and :data:`QUANTITIES` list them; every law, bound and adapter reads
these tables instead of naming the methods again.  A :class:`Convention` says in which respects
correct batch norms differ, a :class:`Case` is one input, a :class:`Measurement` is what one law saw
on a case, and a :class:`Violation` is what a user gets to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

# Entries may have any dtype, since bfloat16 is one that NumPy itself does not know.
Array = npt.NDArray[Any]
#: What a verdict is divided into, in the order in which it is told.  ``accuracy`` is about digits
#: lost beyond what arithmetic explains, ``half`` about float16 and bfloat16, ``layout`` about
#: memory, ranks and numbers of channels, ``edges`` about degenerate batches and parameters.
AREAS = (
    "formula",
    "statistics",
    "inference",
    "folding",
    "workers",
    "accuracy",
    "half",
    "layout",
    "edges",
    "behaviour",
)


@dataclass(frozen=True)
class Quantity:
    """A value that a method returns.

    Attributes
    ----------
    name
        Its name among all the quantities.
    method
        The method that returns it.
    like
        The argument whose shape and dtype it has.
    area
        The one of :data:`AREAS` that a wrong value of it belongs to.
    """

    name: str
    method: str
    like: str
    area: str

    @property
    def entrywise(self) -> bool:
        """Whether it has an entry for every entry of x."""
        return self.like in ("x", "shards")


@dataclass(frozen=True)
class Method:
    """A method of the contract.

    Attributes
    ----------
    name
        The name of the attribute that is called.
    parameters, keywords
        The names of its positional and of its keyword parameters, in order.
    returns
        What it returns, in order.  A single quantity comes back by itself, several in a tuple.
    """

    name: str
    parameters: tuple[str, ...]
    keywords: tuple[str, ...]
    returns: tuple[Quantity, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what it returns."""
        return tuple(quantity.name for quantity in self.returns)


def _method(name: str, area: str, parameters: str, keywords: str, **returns: str) -> Method:
    # A training step returns its output and the running statistics, which are two matters.
    tracked = {"running_mean": "statistics", "running_var": "statistics"}
    quantities = tuple(
        Quantity(quantity, name, like, tracked.get(quantity, area))
        for quantity, like in returns.items()
    )
    return Method(name, tuple(parameters.split()), tuple(keywords.split()), quantities)


#: Every method of part 1 of the contract.  What is returned is named apart from what is handed in
#: (``infer_y``, ``shards_dx``), so that a name says which method it comes from.
METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        _method(
            "train",
            "formula",
            "x gamma beta running_mean running_var",
            "eps momentum",
            y="x",
            running_mean="running_mean",
            running_var="running_var",
        ),
        _method("infer", "inference", "x gamma beta running_mean running_var", "eps", infer_y="x"),
        # The order of the gradients is that of the arguments they belong to.
        _method(
            "train_vjp", "formula", "dy x gamma beta", "eps", dx="x", dgamma="gamma", dbeta="beta"
        ),
        _method(
            "infer_vjp",
            "inference",
            "dy x gamma beta running_mean running_var",
            "eps",
            infer_dx="x",
            infer_dgamma="gamma",
            infer_dbeta="beta",
        ),
        _method(
            "fold",
            "folding",
            "weight bias gamma beta running_mean running_var",
            "eps kind groups",
            folded_weight="weight",
            # No argument is called "outputs": it stands for one value per output of the layer,
            # since a folded bias comes back also where no bias was handed in.
            folded_bias="outputs",
        ),
        _method(
            "train_double_vjp",
            "formula",
            "ddx dy x gamma",
            "eps",
            d_dy="x",
            d_x="x",
            d_gamma="gamma",
        ),
        _method(
            "train_shards",
            "workers",
            "shards gamma beta running_mean running_var",
            "eps momentum",
            shards_y="shards",
            shards_running_mean="running_mean",
            shards_running_var="running_var",
        ),
        _method(
            "train_shards_vjp",
            "workers",
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

    Attributes
    ----------
    name
        What the convention is called; the name has no effect.
    momentum
        Whether momentum weighs the "new" value, ``r <- (1 - momentum) r + momentum b``, or the
        "old" one, ``r <- momentum r + (1 - momentum) b``.
    running_var
        Whether the "unbiased" variance ``m/(m - 1) v`` is tracked (with Bessel's factor), or the
        "biased" variance ``v`` itself.
    one_value
        What training has to do with a single value per channel: return "beta", or "raise"
        ``ValueError``.  "any" promises nothing.
    channel_axis
        Where the channels lie: 1, or -1 for the last axis.
    eps_min
        A smaller eps is raised to this one.
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

    Attributes
    ----------
    weight
        ``(C, in)`` for "linear", ``(C, in/groups, *k)`` for "conv", ``(in, C/groups, *k)`` for
        "conv_transpose", where ``k`` is the shape of the kernel.
    bias
        ``(C,)``; ``None`` counts as zeros.
    kind, groups
        The kind of layer, and into how many groups its channels are divided.
    """

    weight: Array
    bias: Array | None
    kind: Literal["linear", "conv", "conv_transpose"]
    groups: int = 1


@dataclass(frozen=True)
class Case:
    """One input of everything that a method may take.

    Attributes
    ----------
    x, dy
        The batch and the upstream gradient, ``(N, C, *spatial)``.
    gamma, beta
        The affine parameters, ``(C,)``; ``None`` stands for 1 and for 0.
    running_mean, running_var
        The running statistics before the call, ``(C,)``.
    eps
        What is added to the variance.
    momentum
        The weight of the new value, whatever the convention of the implementation is.
    ddx
        The upstream gradient of ``dx`` for the double backward, in the shape of x.  ``None`` where
        the double backward is not asked for.
    parts
        How many rows of x each worker of a synchronised step holds, N in all; 0 for an idle worker.
    layer
        The layer that a fold scales; ``None`` where no fold is asked for.
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
        """The number of values per channel, ``N * prod(spatial)``."""
        return self.x.size // self.x.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of x, which is the working precision."""
        return self.x.dtype


@dataclass(frozen=True)
class Call:
    """A call that shows something.

    Attributes
    ----------
    method
        The method that was called.
    arguments
        Its arguments by name, in order.
    views
        By argument, a Python expression in its name that gives its layout in memory, such as
        ``"x[::-1]"``.
    says
        What is special about the call; empty where nothing is.
    """

    method: str
    arguments: Mapping[str, Any]
    views: Mapping[str, str] = field(default_factory=dict)
    says: str = ""


class FailureKind(StrEnum):
    """What can be wrong with a call or with a state, apart from numbers."""

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
    ATTACHED = "attached"  # a statistic that keeps the graph of automatic differentiation
    UNSAVED = "unsaved"  # a statistic that is no part of what a module saves
    NOT_FINITE = "not finite"  # a statistic that has become NaN or infinite


@dataclass(frozen=True)
class Failure:
    """What went wrong, as data.

    Attributes
    ----------
    kind
        Which of the kinds of failure it is.
    method
        The method that was called, of an implementation or of a layer.
    subject
        The argument, the returned quantity or the field of the state that it is about.
    exception
        The name of the exception's type, where one was raised.
    got, expected
        What came back and what has to come back, as text for a reader.  The text of an exception is
        in ``got``.
    refusal
        Whether an exception was raised on purpose, with a message: the input is refused clearly.
    """

    kind: FailureKind
    method: str = ""
    subject: str = ""
    exception: str = ""
    got: str = ""
    expected: str = ""
    # A model that refuses and a target that crashes fail alike.
    refusal: bool = field(default=False, compare=False)

    def resembles(self, other: Failure | None) -> bool:
        """Whether the other one is the same failure, whatever values were seen."""
        # What was seen is left aside: a message with a shape or an address in it differs from case
        # to case.
        return other is not None and replace(self, got="") == replace(other, got="")


@dataclass(frozen=True)
class Measurement:
    """What one law saw on one case: numbers where values were compared, a ``failure`` elsewhere.

    Attributes
    ----------
    law
        The law's id.
    quantities
        What the measurement is about: names of :data:`QUANTITIES`, or what a relation calls them.
    ratio
        The largest error in units of what the working precision explains.  Above 1 the law is
        violated.
    ulp
        The largest error in units in the last place of the sum of magnitudes that the output is
        made of.
    where
        The index of the worst entry in the array as it was returned.
    got
        The worst entry.
    exact, radius
        Its exact value as ``(leading part, trailing part)``, give or take ``radius``.
    allowed, error
        The error that the working precision explains there, and the error itself.
    dtype
        The dtype in which the value came back.
    comparison
        What was compared: a "value" with its exact one, the "effect" of an argument (the numbers
        are differences of two answers), or the two sides of a "relation" (the numbers are their
        difference).
    failure
        What went wrong apart from numbers.
    calls
        What was asked, where that is not one call on the case itself.
    also
        What the law saw of other methods on the same case, where each that fails counts.
    """

    law: str
    quantities: tuple[str, ...]
    # 0 where the law holds without a size, infinite for a failure.
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
    also: tuple[Measurement, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the law held; a ratio that is no number does not."""
        return self.ratio <= 1


@dataclass(frozen=True)
class Cause:
    """A likely cause of a violation.

    Attributes
    ----------
    mechanism
        The known mechanism that fits, in a few words.
    says
        The cause as a sentence for a reader.
    confidence
        "same values" if a model of the mechanism returns what was returned, "same pattern" if it
        breaks the same laws, "unknown" if nothing fits.
    sources
        Where the same mechanism happened before.
    bug
        The id of the known bug that is the same mechanism; empty where none is.
    mend
        What to do about it; empty where the derivation of the formula says it.
    family
        Whether all that is known is the family of bugs that the broken laws point to.
    """

    mechanism: str
    says: str
    confidence: Literal["same values", "same pattern", "unknown"]
    sources: tuple[str, ...] = ()
    bug: str = ""
    mend: str = ""
    family: bool = False


@dataclass(frozen=True)
class Violation:
    """A broken law with the smallest input that was found to break it.

    Attributes
    ----------
    law, quantity
        The law's id, and what it saw to be wrong.
    message
        What is wrong, in one line.
    reproducer
        A short program that shows the violation.
    got, expected
        The worst entry, and the enclosure that it left.
    ulp
        The error of the worst entry in units in the last place.
    residual
        A simple factor or difference that turns the one into the other, in words.
    cause
        What probably went wrong.
    case
        The input in hexadecimal floats, for ``--replay``.
    finding
        The id of the finding that it belongs to.
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
    finding: str = ""


@dataclass(frozen=True)
class Example:
    """The smallest input that shows a finding.

    Attributes
    ----------
    call
        What was called.  ``None`` for a sequence of calls on a layer.
    seen
        What came back there, and what is exact.
    """

    call: Call | None
    seen: Measurement


@dataclass(frozen=True)
class Finding:
    """Broken laws with one cause, told as one thing.

    Attributes
    ----------
    id
        The area, a slash and a name, such as ``statistics/running-variance``.  The name is that of
        the known bug or of the first law, so equal defects of two implementations share it.
    area
        One of :data:`AREAS`.
    title
        What is wrong, in one sentence.
    laws
        The ids of the laws that are broken by it.
    extent
        On which inputs it shows, in words.
    cause
        What probably went wrong.
    mend
        What to do about it, in one sentence.
    example
        The smallest input that was found; ``None`` where no single input shows it.
    reproducer
        A short program that shows it.
    residual
        A simple factor that turns the exact value into the one that came back, in words.
    touches
        The areas in which it breaks laws, its own among them.
    """

    id: str
    area: str
    title: str
    laws: tuple[str, ...]
    extent: str
    cause: Cause
    mend: str
    example: Example | None = None
    reproducer: str = ""
    residual: str = ""
    touches: tuple[str, ...] = ()
