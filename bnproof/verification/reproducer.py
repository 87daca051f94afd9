"""A short program that shows a violation with NumPy and the implementation alone.

The program is text that is put together from a case and from what a law saw.  It prints the answer
that the violation speaks of and what it should have been, and ends with an assertion that fails as
long as the defect is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bnproof.contract import (
    METHODS,
    QUANTITIES,
    Call,
    Case,
    Convention,
    Failure,
    FailureKind,
    Measurement,
)
from bnproof.formats import Format, dtype_of
from bnproof.implementations.targets import list_builtin
from bnproof.laws.arguments import build_arguments
from bnproof.laws.relations import change_case, list_observations, snap
from bnproof.wording import has_short_decimals

ARRAY = (
    "def array(shape, dtype, entries):",
    "    return np.array([float.fromhex(e) for e in entries.split()]).astype(dtype).reshape(shape)",
)
BITS = (
    "def bits(value):  # NaNs count as equal",
    "    if isinstance(value, (list, tuple)):",
    "        return [bits(part) for part in value]",
    "    return value if value is None else np.asarray(value).tobytes()",
)
# Laws that a refusal with ValueError keeps.
REFUSABLE = ("one-value", "empty-batch", "empty-shard")
PLAIN = Convention("torch")
# Entries of an array that are printed. A program with longer ones is no longer read by anyone;
# there a batch of the same shape is drawn anew, which most bugs show on as well.
MOST = 4096


def write_program(
    target: str,
    seen: Measurement,
    message: str,
    calls: Sequence[Call],
    kind: str = "implementation",
    convention: Convention = PLAIN,
) -> str:
    """Write Python source: the input, the calls, what came back and what should have.

    Parameters
    ----------
    target
        What was checked, as it is typed.
    seen, message
        What a law saw, in numbers and in words.
    calls
        The calls that show it: see :func:`list_calls`.
    kind
        "implementation", or "layer" for a layer that is asked through its state.
    convention
        Where the target has its channels, and what its momentum weighs.

    Returns
    -------
    str
        A program that ends with a newline.  Numbers are written as decimals where short ones are
        exact, else in hexadecimal.  It runs as it stands, unless the target is an object
        that no import gives; then it has a line to fill in.
    """
    body = _write_calls(seen, calls)
    lines = [
        *_frame(target, kind, [*body, *_write_assertion(seen, message, calls, convention)]),
        f"# law {seen.law}: {message}",
    ]
    return "\n".join(lines) + "\n"


def _write_calls(seen: Measurement, calls: Sequence[Call]) -> list[str]:
    """The lines of all calls, with copies of what has to stay as it is."""
    body: list[str] = []
    kind = seen.failure.kind if seen.failure else None
    for call in calls:
        lines = _write_call(call)
        if seen.law in REFUSABLE:
            # A refusal is right, and ends the program.
            lines[-3:-2] = [
                "try:",
                f"    {lines[-3]}",
                "except ValueError as refusal:",
                "    print('refused:', refusal)",
                "    raise SystemExit(0) from None",
            ]
        # The call stands in front of its print and a blank line, what it takes above.
        if kind is FailureKind.MODIFIED and seen.failure:
            lines.insert(-3, f"before = copy.deepcopy({seen.failure.subject})")
        body += lines
        if kind is FailureKind.UNREPEATABLE and call is calls[0] and len(body) == len(lines):
            body.append("first = copy.deepcopy(answer)")
    return body


def _write_assertion(
    seen: Measurement, message: str, calls: Sequence[Call], convention: Convention
) -> list[str]:
    """The end of the program: what is expected, and an assertion that does not hold.

    A relation between several answers has none, and neither has a failure whose call raises.
    """
    if seen.got is not None:
        # A long array is drawn anew, and has other exact values.
        long = any(_is_long(value) for value in calls[-1].arguments.values())
        if seen.comparison != "value" or long:
            return []
        return _write_comparison(seen, calls[-1], convention.channel_axis)
    failure = seen.failure
    if failure is None:
        return []
    part = _write_part(failure, calls[-1]) if calls else "answer"
    checks = {
        FailureKind.COUNT: f"isinstance(answer, tuple) and len(answer) == {failure.expected}",
        FailureKind.TYPE: f"type({part}) in (list, tuple)"
        if failure.expected.startswith("list")
        else f"isinstance({part}, np.ndarray) and not np.ma.isMaskedArray({part})",
        FailureKind.SHAPE: f"str({part}.shape) == {failure.expected!r}",
        FailureKind.DTYPE: f"str({part}.dtype) == {failure.expected!r}",
        FailureKind.PRESENCE: f"{part} is {'not ' if failure.got == 'None' else ''}None",
        FailureKind.MODIFIED: f"bits(before) == bits({failure.subject})",
        FailureKind.UNREPEATABLE: "bits(first) == bits(answer)",
        FailureKind.ACCEPTED: "False",
        FailureKind.CHANGED: f"bits({part}) == bits({failure.subject})",
        FailureKind.RANGE: _write_range(part, failure.subject, calls, convention),
    }
    if failure.kind not in checks:
        return []
    return [f"assert {checks[failure.kind]}, {message!r}"]


def _is_long(value: Any) -> bool:
    """Whether an argument has too many entries to be written."""
    if isinstance(value, list):
        return any(map(_is_long, value))
    return isinstance(value, np.ndarray) and value.size > MOST


def _write_range(part: str, old: str, calls: Sequence[Call], convention: Convention) -> str:
    """That a running variance is finite, and between the share that is kept of the old one and the
    old one."""
    momentum = calls[-1].arguments.get("momentum", 0.0) if calls else 0.0
    kept = momentum if convention.momentum == "old" else 1 - momentum
    # A few units roundoff of float32 for what rounding may add.
    return (
        f"np.all(np.isfinite({part})) and np.all({part} <= {old} * (1 + 1e-6))"
        f" and np.all({part} >= {kept!r} * {old} * (1 - 1e-6))"
    )


def _write_part(failure: Failure, call: Call) -> str:
    """The part of the answer that a failure is about, as an expression."""
    names = METHODS[call.method].names
    name, bracket, index = failure.subject.partition("[")
    # A statistic of workers is called as it is handed in.
    name = name if name in names else f"shards_{name}"
    if len(names) == 1 or name not in names:
        return f"answer{bracket}{index}"
    return f"answer[{names.index(name)}]{bracket}{index}"


def _write_comparison(seen: Measurement, call: Call, channel_axis: int) -> list[str]:
    """One entry of the answer beside its exact value."""
    names, (quantity,) = METHODS[call.method].names, seen.quantities
    part = f"answer[{names.index(quantity)}]" if len(names) > 1 else "answer"
    if QUANTITIES[quantity].like == "shards":
        part = f"np.concatenate({part})"
    return _compare_entry(part, seen, channel_axis)


def _compare_entry(part: str, seen: Measurement, channel_axis: int) -> list[str]:
    """One entry of an array beside its exact value, and that it is within its bound where it is
    not."""
    (quantity,) = seen.quantities
    if QUANTITIES[quantity].entrywise and channel_axis == -1:
        part = f"np.moveaxis({part}, -1, 1)"
    leading, trailing = seen.exact
    # Where rounding of the leading part alone would matter, the trailing one is subtracted too.
    rest = f" - {trailing!r}" if abs(trailing) > seen.allowed / 100 else ""
    index = ", ".join(map(str, seen.where))
    short = float(f"{seen.allowed:.3g}")
    # Rounded up it would let an error pass that the law does not.
    allowed = short if short <= seen.allowed else seen.allowed
    within = f"abs(got - expected{rest}) <= allowed"
    if (
        seen.dtype
        and abs(leading) + seen.allowed >= Format.from_dtype(dtype_of(seen.dtype)).overflow
    ):
        within += f" or got == {'-' if leading < 0 else ''}np.inf"
    return [
        f"got, expected, allowed = float({part}[{index}]), {leading!r}, {allowed!r}",
        f"print('{quantity}[{index}] is', got, 'and should be', expected, '+-', allowed)",
        *([] if seen.holds else [f"assert {within}"]),
    ]


def list_calls(seen: Measurement, case: Case, convention: Convention) -> tuple[Call, ...]:
    """List the calls that show what a law saw: its own, or one for each quantity on the case.

    Parameters
    ----------
    seen
        What a law saw.
    case
        The case it was seen on.
    convention
        The convention that the arguments follow.
    """
    return seen.calls or tuple(
        _build_call(seen.law, name, case, convention) for name in _list_observed(seen)
    )


def write_walk(
    target: str,
    law: str,
    message: str,
    steps: list[str],
    seen: Measurement | None = None,
    channel_axis: int = 1,
) -> str:
    """Write Python source: the calls of a walk on a layer, and what is wrong at its end.

    Parameters
    ----------
    target
        The layer's class or factory, as it is typed.
    law, message
        The broken law, and what it saw in words.
    steps
        The statements of the walk.  They speak of ``make`` and ``layer``.
    seen
        What was seen at its end; with a number in it the program ends in an assertion.
    channel_axis
        Where the layer has its channels.

    Returns
    -------
    str
        A program that ends with a newline.
    """
    end = [] if seen is None or seen.got is None else _write_walk_comparison(seen, channel_axis)
    return "\n".join([*_frame(target, "make", [*steps, *end]), f"# law {law}: {message}"]) + "\n"


def _write_walk_comparison(seen: Measurement, channel_axis: int) -> list[str]:
    """The entry that is wrong after the last step of a walk, beside its exact value."""
    (quantity,) = seen.quantities
    name = quantity.removeprefix("infer_")
    gradients = ("dx", "dgamma", "dbeta")
    if name in gradients:
        part = f"gradients[{gradients.index(name)}]"
    else:
        part = "y" if name == "y" else f"layer.state[{name!r}]"
    return _compare_entry(part, seen, channel_axis)


def _frame(target: str, kind: str, body: list[str]) -> list[str]:
    """The lines of a program around its body."""
    text = "\n".join(body)
    return [
        *list_imports(body),
        "",
        "np.set_printoptions(precision=17)",
        *obtain(target, kind),
        "",
        *([*ARRAY, ""] if "array(" in text.replace("np.array(", "") else []),
        *([*BITS, ""] if "bits(" in text else []),
        *body,
    ]


def list_imports(body: Iterable[str]) -> list[str]:
    """List the lines a program starts with, by what its other lines mention.

    NumPy knows bfloat16 only once ``ml_dtypes`` is imported.
    """
    text = "\n".join(body)
    half = ["import ml_dtypes  # half precisions for NumPy"] if "ml_dtypes" in text else []
    copied = ["import copy"] if "copy." in text else []
    drawn = (
        ["# long arrays are drawn anew here; those of the check are in its JSON"]
        if "default_rng" in text
        else []
    )
    return [*copied, "import numpy as np", *half, *drawn]


def _list_observed(seen: Measurement) -> list[str]:
    """The outputs to print: those the law is about, else the output of the training step."""
    names = [
        name
        for name in seen.quantities
        if name in QUANTITIES or name in list_observations(seen.law)
    ]
    return names or ["y"]


def _build_call(law: str, name: str, case: Case, convention: Convention) -> Call:
    """The call behind a quantity: on the case, or with the arguments a relation changes."""
    output = name
    if observation := list_observations(law).get(name):
        # The law measured on the case with x on a coarser grid, so the program has to use that as
        # well.
        output, case = observation.output, change_case(snap(case), observation)
    method = QUANTITIES[output].method
    says = f"{name}: {output} with changed arguments" if name != output else ""
    return Call(method, build_arguments(method, case, convention), says=says)


def obtain(target: str, name: str = "implementation") -> list[str]:
    """Write the lines that bring what is checked into the program.

    Parameters
    ----------
    target
        As it is typed: a built-in name, ``package.module:Name``, ``file.py:Name`` or
        ``model.onnx``; or what a target that was handed over as an object is called.
    name
        "implementation", "layer" for a layer that is asked through its state, or "make" for a layer
        that is called itself.

    Returns
    -------
    list of str
        Lines after which ``implementation`` (or ``make``) is defined.
    """
    place, _, attribute = target.rpartition(":")
    adapted = f"load({target!r})" + (".make" if name == "make" else "")
    own = "make" if name == "make" else "implementation"
    # These need an adapter of this package, so the program imports its loader.
    known = target in list_builtin() if not place else name == "layer"
    if known or target.endswith(".onnx"):
        return ["from bnproof.implementations.targets import load", f"{own} = {adapted}"]
    if not place:
        # An object that was made somewhere, which no import gives.
        return [f"{own} = ...  # put the {target} that was checked here"]
    # A class is instantiated without arguments, as the check itself does.
    made = [
        "implementation = implementation() if isinstance(implementation, type) else implementation"
    ]
    run = f"{own} = runpy.run_path({place!r})[{attribute!r}]"
    lines = (
        ["import runpy", run]
        if place.endswith(".py")
        else [f"from {place} import {attribute} as {own}"]
    )
    return lines + (made if own == "implementation" else [])


def _write_call(call: Call) -> list[str]:
    """The lines of one call: its arguments by name, and a line that prints the answer."""
    method = METHODS[call.method]
    shown = [
        f"{name} = {_write_argument(call.arguments[name], call.views.get(name))}"
        for name in method.parameters
    ]
    # The text that repr makes of a float is read back as the same float.
    options = ", ".join(f"{name}={call.arguments[name]!r}" for name in method.keywords)
    note = f"  # {call.says}" if call.says else ""
    answers = ", ".join(method.names)
    return [
        *shown,
        f"answer = implementation.{call.method}({', '.join(method.parameters)}, {options}){note}",
        f"print({answers!r}, answer)",
        "",
    ]


def _write_argument(value: Any, view: str | None) -> str:
    """An argument as source, in the memory layout it was handed over in.

    ``view`` is an expression in the argument's name, such as ``"x[::-1]"``.  It is applied through
    a function, since the argument has no name of its own yet.
    """
    plain = write_literal(value)
    # Shards are a list of arrays, of which each has the layout.
    if isinstance(value, list) and view is not None:
        return f"[{', '.join(_write_argument(part, view) for part in value)}]"
    return (
        plain
        if view is None or not isinstance(value, np.ndarray)
        else f"(lambda a: {view.format('a')})({plain})"
    )


def write_literal(value: Any) -> str:
    """Write a value as Python source.

    Numbers of arrays are written as decimals where short ones are exact, else in hexadecimal, as a
    call of the program's own ``array``; a long array is drawn anew.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.verification.reproducer import write_literal
    >>> write_literal({"gamma": np.array([1.5], np.float32), "beta": None})
    "{'gamma': np.array([1.5], 'float32'), 'beta': None}"
    >>> write_literal(np.array([0.1], np.float32))
    "array((1,), 'float32', '0x1.99999a0000000p-4')"
    """
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{name!r}: {write_literal(entry)}" for name, entry in value.items())
            + "}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(write_literal, value))}]"
    if not isinstance(value, np.ndarray):
        return repr(value)
    dtype = "ml_dtypes.bfloat16" if value.dtype.name == "bfloat16" else repr(value.dtype.name)
    if value.size > MOST:
        return f"np.random.default_rng(0).normal(size={value.shape}).astype({dtype})"
    if not value.size:
        return f"np.zeros({value.shape}, {dtype})"
    if has_short_decimals(value):
        numbers = value.astype(np.float64).tolist()
        return f"np.array({numbers}, {dtype})"
    entries = " ".join(float(entry).hex() for entry in value.reshape(-1))
    return f"array({value.shape}, {dtype}, {entries!r})"
