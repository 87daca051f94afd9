"""Laws about memory: every layout of the same numbers gives the same results.

An array is a pointer and strides.  Code that takes memory for contiguous, or that reads an axis of
size 1 or of stride 0 in a way of its own, computes with other numbers than it was handed.  Each
layout comes as a function and as Python source, so that a reproducer can make the same array
without bnproof.  Results are held to the bounds of the plain call and not to its bits, because
another layout may be summed in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from zlib import crc32

import numpy as np

from bnproof.contract import METHODS, Array, Call, Failure, Measurement
from bnproof.laws.answers import Answers, Failed, NotOffered
from bnproof.laws.arguments import build_arguments
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.columns import to_columns
from bnproof.laws.comparing import compare, list_right, select_worst
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.laws.quantities import FOLD, GRADIENT, INFERENCE

LAWS: dict[str, tuple[str, str, frozenset[str]]] = {
    "train": ("layout", "the training step", frozenset()),
    "train_vjp": ("layout-gradient", "the gradients", GRADIENT),
    "infer": ("layout-inference", "inference", INFERENCE),
    "infer_vjp": ("layout-inference-gradient", "the gradients at inference", INFERENCE),
    "fold": ("layout-fold", "folding", FOLD),
    "train_double_vjp": ("layout-double-backward", "the double backward", GRADIENT),
    "train_shards": ("layout-shards", "the synchronised step", frozenset()),
    "train_shards_vjp": ("layout-shards-gradient", "the synchronised gradients", frozenset()),
}
MEND = "go by the shape and the strides of an array, or copy it into contiguous memory first"
# the family of bugs that these laws point to
MEMORY = frozenset({"layout"})
# strided and read-only in every layout: a vector has no axes to exchange
PARAMETERS = ("gamma", "beta", "running_mean", "running_var", "bias")
LAID_OUT = ("x", "dy", "ddx", "weight", "shards", "dys")


@dataclass(frozen=True)
class Layout:
    """A way of laying equal numbers out in memory.

    Attributes
    ----------
    says
        The layout in words.
    lay
        Returns the array laid out in this way; the original stays as it is.
    source
        The same as a Python expression, with ``{0}`` for the array.
    """

    says: str
    lay: Callable[[Array], Array]
    source: str


def _reverse(x: Array) -> Array:
    """Every axis runs backwards through memory that cannot be written to.

    One of size 1 has no direction, and stays as it is.
    """
    flip = tuple(slice(None, None, -1 if size > 1 else 1) for size in x.shape)
    # of bytes: read-only
    return np.frombuffer(np.array(x[flip], order="C").tobytes(), x.dtype).reshape(x.shape)[flip]


def _transpose(x: Array) -> Array:
    """Axis 1 last in memory.

    This is what "channels last" means for an array whose channels stay on axis 1.
    """
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


def _embed(x: Array) -> Array:
    """A window of a larger array that starts behind its beginning; around it are sevens."""
    # The filling is a number that would show in a sum; NaN would be caught by accident.
    larger = np.pad(x, [(1, 0), (1, 1), *[(0, 1)] * (x.ndim - 2)], constant_values=7)
    return larger[(slice(1, None), slice(1, -1), *[slice(None, -1)] * (x.ndim - 2))]


def _interleave(x: Array) -> Array:
    """Every other row of an array whose remaining rows are sevens."""
    # Axis 0 alone is strided, so each row is still contiguous.
    larger = np.full((2 * x.shape[0], *x.shape[1:]), 7, x.dtype)
    larger[1::2] = x
    return larger[1::2]


# What ``_reverse`` does, as source.
FLIP = "tuple(slice(None, None, -1 if n > 1 else 1) for n in {0}.shape)"
LAYOUTS = (
    Layout(
        "reversed in memory and read-only",
        _reverse,
        f"np.frombuffer(np.array({{0}}[{FLIP}], order='C').tobytes(),"
        f" {{0}}.dtype).reshape({{0}}.shape)[{FLIP}]",
    ),
    Layout(
        "with axis 1 last in memory",
        _transpose,
        "np.moveaxis(np.ascontiguousarray(np.moveaxis({0}, 1, -1)), -1, 1)",
    ),
    Layout("in Fortran order", np.asfortranarray, "np.asfortranarray({0})"),
    Layout(
        "a window of a larger array, with an offset",
        _embed,
        "np.pad({0}, [(1, 0), (1, 1), *[(0, 1)] * ({0}.ndim - 2)], constant_values=7)"
        "[(slice(1, None), slice(1, -1), *[slice(None, -1)] * ({0}.ndim - 2))]",
    ),
    Layout(
        "every other row of a larger array",
        _interleave,
        "np.stack([np.full_like({0}, 7), {0}], axis=1).reshape(-1, *{0}.shape[1:])[1::2]",
    ),
)


def list_laws() -> Iterable[Law]:
    """Yield one law per method, and two for arguments that are broadcast views."""
    for method, (name, what, families) in LAWS.items():
        says = f"{what}: any layout in memory is as good as any other"
        measure = partial(measure_layout, method)
        names = METHODS[method].names
        yield Law(
            name,
            "",
            says,
            names,
            measure,
            families=families | MEMORY,
            area="layout",
            extent="arrays that are not contiguous in memory",
            mend=MEND,
        )
    says = (
        "an upstream gradient that is a broadcast view (of a sum or a mean) is as good as any other"
    )
    names = METHODS["train_vjp"].names
    yield Law(
        "broadcast-gradient",
        "gradient-x",
        says,
        names,
        measure_broadcast_gradient,
        families=MEMORY,
        area="layout",
        extent="an upstream gradient that is a broadcast view",
        mend=MEND,
    )
    yield Law(
        "broadcast-input",
        "",
        "an input that is a broadcast view is as good as any other",
        METHODS["train"].names,
        measure_broadcast_input,
        area="layout",
        extent="an input that is a broadcast view",
        mend=MEND,
    )


def measure_layout(method: str, answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure a method on two of the layouts.

    Parameters
    ----------
    method
        The method that is called.
    answers, oracle
        The target on a case, and what is right there.

    Returns
    -------
    Measurement or None
        The worst output.  Only outputs that a plain call gives rightly are judged.
    """
    answers.require(method)
    values = build_arguments(method, answers.case, answers.convention)
    names = list_right(answers, oracle, method)
    # The case decides, and no generator: judged again, it is laid out in the same way.
    bits = crc32(answers.case.x.tobytes())
    measurements = []
    # Two of them: all of them on every case would take most of a check.
    for chosen in (LAYOUTS[bits % len(LAYOUTS)], LAYOUTS[bits // len(LAYOUTS) % len(LAYOUTS)]):
        arranged = {
            name: _apply_layout(chosen.lay, values[name]) for name in LAID_OUT if name in values
        }
        given = {
            name: LAYOUTS[0].lay(values[name])
            for name in PARAMETERS
            if values.get(name) is not None
        }
        views = dict.fromkeys(arranged, chosen.source) | dict.fromkeys(given, LAYOUTS[0].source)
        says = f"{chosen.says}, parameters {LAYOUTS[0].says}" if given else chosen.says
        call = Call(method, values | arranged | given, views, says)
        measurements.append(measure_call(LAWS[method][0], call, answers, oracle, names))
    return select_worst(measurements)


def _apply_layout(lay: Callable[[Array], Array], value: Any) -> Any:
    """An argument laid out; shards each for itself, and what is no array as it is."""
    if isinstance(value, list):
        return [lay(part) for part in value]
    return lay(value) if isinstance(value, np.ndarray) else value


def measure_call(
    law: str, call: Call, answers: Answers, oracle: Oracle, names: Sequence[str]
) -> Measurement | None:
    """Make one call, and return the worst of its outputs.

    Parameters
    ----------
    law
        The id of the law that the measurement is for.
    call
        What is asked.
    answers
        The target that is asked, on a case with the shapes of the call.
    oracle
        What is right for the arguments of the call.
    names
        The outputs that are judged.

    Returns
    -------
    Measurement or None
        A failure where the call fails or changes an argument, which belongs to the caller.

    Raises
    ------
    NotOffered
        If the method is not offered for these arguments.
    """
    modified: list[Failure] = []
    # The target may write into what it is handed; a program has to begin from what was there.
    given_to = {name: _apply_layout(np.array, value) for name, value in call.arguments.items()}
    recorded = replace(call, arguments=given_to)
    checked = answers.make_call(call, modified)
    shown = recorded if modified else call
    if isinstance(checked, NotOffered):
        raise checked
    if isinstance(checked, Failed) or modified:
        failure = checked.failure if isinstance(checked, Failed) else modified[0]
        return measure_failure(law, failure, METHODS[call.method].names, (shown,))
    # Absent outputs, such as the gradient of an absent gamma, have no numbers to judge.
    given = {name: value for name, value in checked.items() if value is not None and name in names}
    return select_worst(
        compare(law, name, value, oracle, calls=(shown,)) for name, value in given.items()
    )


def measure_broadcast_gradient(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure the gradients for a ``dy`` with one number per channel, as a view with strides 0.

    A loss that is a sum or a mean hands such a view back.
    """
    each = to_columns(answers.case.dy)[:1].reshape(1, -1, *(1,) * (answers.case.x.ndim - 2))
    first = "[(slice(0, 1), slice(None), *[slice(0, 1)] * ({0}.ndim - 2))]"
    return _measure_broadcast("broadcast-gradient", "train_vjp", "dy", each, first, answers, oracle)


def measure_broadcast_input(answers: Answers, oracle: Oracle) -> Measurement | None:
    """Measure training on an x whose channels are all views of the first one."""
    return _measure_broadcast(
        "broadcast-input", "train", "x", answers.case.x[:, :1], "[:, :1]", answers, oracle
    )


def _measure_broadcast(
    law: str, method: str, name: str, part: Array, source: str, answers: Answers, oracle: Oracle
) -> Measurement | None:
    """A part of an argument spread over the whole, against the exact values of the spread numbers.

    Outputs that a plain copy of the same numbers gives rightly are judged.
    """
    answers.require(method)
    # All axes of the part that have size 1 get stride 0.
    spread = np.broadcast_to(part, answers.case.x.shape)
    changed: dict[str, Any] = {name: np.array(spread)}
    # Equal numbers in contiguous memory, to see first whether those are treated rightly.
    plain = Answers(answers.target, replace(answers.case, **changed))
    values = build_arguments(method, plain.case, answers.convention)
    view = np.moveaxis(spread, 1, answers.convention.channel_axis)
    shown = f"np.broadcast_to({{0}}{source}, {{0}}.shape)"
    if answers.convention.channel_axis == -1:
        # For the reader's program: to channels on axis 1, where the part is taken, and back.
        shown = f"np.moveaxis({shown.replace('{0}', 'np.moveaxis({0}, -1, 1)')}, 1, -1)"
    call = Call(method, values | {name: view}, {name: shown}, f"{name} is a broadcast view")
    exact = Oracle(replace(oracle.case, **changed), oracle.running_var)
    return measure_call(law, call, plain, exact, list_right(plain, exact, method))
