"""A short program that shows a violation with NumPy and the implementation alone.

The program is text that is put together from a case and from what a law saw.  It prints the answer
that the violation speaks of, and says in comments what it should have been.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from bnproof.contract import METHODS, QUANTITIES, Call, Case, Convention, Measurement
from bnproof.implementations.targets import list_builtin
from bnproof.laws.arguments import build_arguments
from bnproof.laws.relations import change_case, list_observations, snap
from bnproof.wording import format_expected, format_got

ARRAY = (
    "def array(shape, dtype, entries):",
    "    return np.array([float.fromhex(e) for e in entries.split()]).astype(dtype).reshape(shape)",
)
# Entries of an array that are printed. A program with longer ones is no longer read by anyone;
# there a batch of the same shape is drawn anew, which most bugs show on as well.
MOST = 4096


def write_program(
    target: str,
    seen: Measurement,
    message: str,
    case: Case,
    convention: Convention,
    kind: str = "implementation",
) -> str:
    """Write Python source: the input in hexadecimal floats, the calls, what came back and what
    should have.

    Parameters
    ----------
    target
        What was checked, as it is typed.
    seen, message, case
        What a law saw, in numbers and in words, and on which case.
    convention
        The convention that the arguments follow.
    kind
        "implementation", or "layer" for a layer that is asked through its state.

    Returns
    -------
    str
        A program that ends with a newline.  It runs as it stands, unless the target is an object
        that no import gives; then it has a line to fill in.
    """
    calls = seen.calls or tuple(
        _build_call(seen.law, name, case, convention) for name in _list_observed(seen)
    )
    body = [line for call in calls for line in _write_call(call)]
    # The answers of such a call are right; the damage shows in the arguments afterwards.
    if seen.law == "untouched":
        body += [
            f"print('{name} afterwards', {name})"
            for call in calls
            for name in METHODS[call.method].parameters
        ]
    lines = [*_frame(target, kind, body), f"# law {seen.law}: {message}"]
    if seen.got is not None:
        # Comments at the end, so that a reader sees what to look for in what the program prints.
        lines.append(
            f"# got {format_got(seen)}, expected {format_expected(seen)}, at {list(seen.where)}"
        )
    return "\n".join(lines) + "\n"


def write_walk(target: str, law: str, message: str, steps: list[str]) -> str:
    """Write Python source: the calls of a walk on a layer, and what is wrong at its end.

    Parameters
    ----------
    target
        The layer's class or factory, as it is typed.
    law, message
        The broken law, and what it saw in words.
    steps
        The statements of the walk.  They speak of ``make`` and ``layer``.

    Returns
    -------
    str
        A program that ends with a newline.
    """
    return "\n".join([*_frame(target, "make", steps), f"# law {law}: {message}"]) + "\n"


def _frame(target: str, kind: str, body: list[str]) -> list[str]:
    """The lines of a program around its body."""
    return [
        *list_imports(body),
        "",
        "np.set_printoptions(precision=17)",
        *obtain(target, kind),
        "",
        *ARRAY,
        "",
        *body,
    ]


def list_imports(body: Iterable[str]) -> list[str]:
    """List the lines a program starts with, by what its other lines mention.

    NumPy knows bfloat16 only once ``ml_dtypes`` is imported.
    """
    text = "\n".join(body)
    half = ["import ml_dtypes  # half precisions for NumPy"] if "ml_dtypes" in text else []
    drawn = (
        ["# long arrays are drawn anew here; those of the check are in its JSON"]
        if "default_rng" in text
        else []
    )
    return ["import numpy as np", *half, *drawn]


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
    if (not place and target in list_builtin()) or target.endswith(".onnx") or name == "layer":
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
        (
            f"print({answers!r}, implementation.{call.method}({', '.join(method.parameters)},"
            f" {options})){note}"
        ),
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

    Numbers of arrays are written in full, in hexadecimal, as a call of the program's own ``array``;
    a long array is drawn anew.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.verification.reproducer import write_literal
    >>> write_literal({"gamma": np.array([1.5], np.float32), "beta": None})
    "{'gamma': array((1,), 'float32', '0x1.8000000000000p+0'), 'beta': None}"
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
    entries = " ".join(float(entry).hex() for entry in value.reshape(-1))
    return f"array({value.shape}, {dtype}, {entries!r})"
