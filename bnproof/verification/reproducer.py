"""A short program that shows a violation with NumPy and the implementation alone."""

from __future__ import annotations

from bnproof.contract import Array, Measurement
from bnproof.implementations.targets import builtin
from bnproof.laws.answers import METHODS, Answers
from bnproof.laws.relations import changed, observations, snapped


def program(target: str, answers: Answers, seen: Measurement) -> str:
    """Python source: the input in hexadecimal floats, the calls, what came back and what should have."""
    calls = [_call(answers, seen.law, name) for name in _observed(seen)]
    lines = [
        "import numpy as np",
        "",
        "np.set_printoptions(precision=17)",
        *_obtain(target),
        "",
        "def array(shape, dtype, entries):",
        "    return np.array([float.fromhex(e) for e in entries.split()], dtype=dtype).reshape(shape)",
        "",
        *(line for call in calls for line in call),
        f"# law {seen.law}: {seen.message}",
    ]
    if seen.got:
        lines.append(f"# got {seen.got}, expected {seen.expected}, at {list(seen.at)}")
    return "\n".join(lines) + "\n"


def _observed(seen: Measurement) -> list[str]:
    names = [name for name in seen.quantity.split(", ") if name in METHODS or name in observations(seen.law)]
    return names or ["y"]


def _obtain(target: str) -> list[str]:
    """How the implementation comes into the program."""
    place, _, name = target.rpartition(":")
    make = "implementation = implementation() if isinstance(implementation, type) else implementation"
    if not place and target in builtin():
        return ["from bnproof.implementations.targets import load", f"implementation = load({target!r})"]
    if not place:
        return [f"implementation = ...  # put the {target} that was checked here"]
    if place.endswith(".py"):
        return ["import runpy", f"implementation = runpy.run_path({place!r})[{name!r}]", make]
    return [f"from {place} import {name} as implementation", make]


def _call(answers: Answers, law: str, name: str) -> list[str]:
    """One call: the quantity by name, on the case, or with the arguments a relation changes."""
    output, case = name, answers.case
    if of := observations(law).get(name):
        output, case = of.output, changed(snapped(answers.case), of)
    method = METHODS[output]
    asked = Answers(answers.implementation, answers.convention, case)
    positional, keywords = asked.arguments(method)
    names = _PARAMETERS[method]
    lines = [f"{parameter} = {_literal(value)}" for parameter, value in zip(names, positional, strict=True)]
    options = ", ".join(f"{key}={value!r}" for key, value in keywords.items())
    note = f"  # {name}: {output} with changed arguments" if name != output else ""
    return [*lines, f"print({name!r}, implementation.{method}({', '.join(names)}, {options})){note}", ""]


_PARAMETERS = {
    "train": ("x", "gamma", "beta", "running_mean", "running_var"),
    "infer": ("x", "gamma", "beta", "running_mean", "running_var"),
    "train_vjp": ("dy", "x", "gamma", "beta"),
    "infer_vjp": ("dy", "x", "gamma", "beta", "running_mean", "running_var"),
}


def _literal(value: Array | None) -> str:
    if value is None:
        return "None"
    entries = " ".join(float(entry).hex() for entry in value.reshape(-1))
    return f"array({value.shape}, {value.dtype.name!r}, {entries!r})"
