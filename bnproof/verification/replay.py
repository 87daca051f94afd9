"""Cases as JSON, every number a hexadecimal float, and back: what ``--replay`` reads.

A decimal number would need a promise about how it is read; a hexadecimal one has the very bits of
the float.  So a recorded case comes back bit for bit, on every machine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from bnproof.contract import Array, Case, Weights
from bnproof.formats import dtype_of
from bnproof.laws.supports import DTYPES


class UnusableReplay(ValueError):
    """The file holds no recorded violations; the message says what to do."""


def to_json(case: Case) -> dict[str, Any]:
    """Write a case in plain JSON values.

    Returns
    -------
    dict
        The fields of the case by name, absent ones left out.  An array is an object with ``dtype``,
        ``shape`` and ``entries``, the hexadecimal floats in one string.

    Examples
    --------
    >>> import numpy as np
    >>> from bnproof.contract import Case
    >>> from bnproof.verification.replay import from_json, to_json
    >>> x, ones = np.array([[0.1], [0.25]], np.float32), np.ones(1, np.float32)
    >>> case = Case(x, x, None, None, ones, ones, eps=0.5, momentum=0.25)
    >>> to_json(case)["x"]["entries"]
    '0x1.99999a0000000p-4 0x1.0000000000000p-2'
    >>> np.array_equal(from_json(to_json(case)).x, x)
    True
    """
    values = {entry.name: getattr(case, entry.name) for entry in fields(case)}
    return {name: _to_plain(value) for name, value in values.items() if value is not None}


def _to_plain(value: Any) -> Any:
    match value:
        case np.ndarray():
            # Every dtype that is asked for is exact in float64, half precisions included.
            entries = [float(entry).hex() for entry in value.reshape(-1)]
            return {
                "dtype": value.dtype.name,
                "shape": list(value.shape),
                "entries": " ".join(entries),
            }
        case Weights():
            return {entry.name: _to_plain(getattr(value, entry.name)) for entry in fields(value)}
        case float():
            return value.hex()
        case tuple():
            return list(value)
    return value


def from_json(values: Mapping[str, Any]) -> Case:
    """Read a case back.

    Parameters
    ----------
    values
        What :func:`to_json` wrote.  ``eps`` and ``momentum`` may be plain numbers too.

    Returns
    -------
    Case
        The same bits, dtypes and shapes.

    Raises
    ------
    UnusableReplay
        Where something is missing or is not of its kind, or where ``parts`` are not the rows of x.
    """
    try:
        layer = values.get("layer")
        # These four are always there, so that one that is missing is refused here. The others may
        # be absent.
        for name in ("x", "dy", "running_mean", "running_var"):
            values[name]["entries"]
        parts = tuple(values.get("parts", ()))
        if parts and (min(parts) < 0 or sum(parts) != values["x"]["shape"][0]):
            raise ValueError(f"parts {parts}")
        names = ("x", "dy", "gamma", "beta", "running_mean", "running_var", "ddx")
        arrays: dict[str, Any] = {name: _parse_array(values.get(name)) for name in names}
        return Case(
            **arrays,
            eps=_parse_float(values["eps"]),
            momentum=_parse_float(values["momentum"]),
            parts=parts,
            layer=layer and _parse_weights(layer),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableReplay(
            f"a recorded case cannot be read ({error}): record it again with --format json"
        ) from error


def _parse_weights(layer: Mapping[str, Any]) -> Weights:
    weight: Any = _parse_array(layer["weight"])
    return Weights(weight, _parse_array(layer["bias"]), layer["kind"], layer["groups"])


def _parse_float(value: Any) -> float:
    """A number, hexadecimal or plain: ``supports`` may fix eps as an integer, which is written as
    it is."""
    return float.fromhex(value) if isinstance(value, str) else float(value)


def _parse_array(value: Mapping[str, Any] | None) -> Array | None:
    """An array as it was written.

    float64 holds every entry exactly, so the rounding to the dtype at the end changes nothing.
    """
    if value is None:
        return None
    if value["dtype"] not in DTYPES:
        raise ValueError(f"dtype {value['dtype']!r}")
    entries = [float.fromhex(entry) for entry in value["entries"].split()]
    return np.array(entries).astype(dtype_of(value["dtype"])).reshape(value["shape"])


def read_cases(path: Path) -> dict[str, list[Case]]:
    """Read the cases of the violations that ``bnproof check --format json`` wrote.

    Parameters
    ----------
    path
        The file.  What else it holds is not looked at.

    Returns
    -------
    dict
        Law by law its cases, in the order in which they were recorded.  Violations without a case
        (those of walks, and of a convention) are passed over.

    Raises
    ------
    UnusableReplay
        Where the file cannot be read, is not such a verdict, or records no failing input.
    """
    try:
        verdict = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableReplay(f"{path} cannot be read ({error.strerror}): check the path") from error
    except ValueError as error:
        raise UnusableReplay(
            f"{path} is no JSON: give what bnproof check --format json wrote"
        ) from error
    # The file may be anything that is JSON. What is wrong is said here, in one line, before a law
    # stumbles over it.
    if not isinstance(verdict, dict) or not isinstance(verdict.get("violations"), list):
        raise UnusableReplay(
            f"{path} has no violations: give what bnproof check --format json wrote"
        )
    cases: dict[str, list[Case]] = {}
    for violation in verdict["violations"]:
        if not isinstance(violation, dict) or not isinstance(violation.get("law"), str):
            raise UnusableReplay(
                f"{path} has a violation without a law: give what bnproof check --format json wrote"
            )
        if isinstance(violation.get("case"), dict):
            cases.setdefault(violation["law"], []).append(from_json(violation["case"]))
    if not cases:
        raise UnusableReplay(f"{path} records no failing input: there is nothing to replay")
    return cases
