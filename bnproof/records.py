"""The result stream: newline-delimited JSON with a header, rows, and a footer that counts them.

A file without its footer, or with another number of rows than it says, is an error: a truncated run
cannot look good.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGES = (
    "bnproof",
    "numpy",
    "sympy",
    "python-flint",
    "torch",
    "scikit-learn",
    "hypothesis",
    "onnx",
)
Row = dict[str, Any]


class BrokenRecords(ValueError):
    """The file is truncated or not a record stream; the message says what is missing."""


@dataclass(frozen=True)
class Records:
    """A complete stream: what it was made with, and its rows."""

    header: Row
    rows: tuple[Row, ...]

    def select(self, kind: str) -> list[Row]:
        """The rows of one kind, in order."""
        return [row for row in self.rows if row["kind"] == kind]


def build_header(seed: int) -> Row:
    """Versions, machine and seed of this run."""
    return {
        "kind": "header",
        "versions": {
            "python": platform.python_version(),
            **{name: _find_version(name) for name in PACKAGES},
        },
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        },
        "seed": seed,
    }


def _find_version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def write(path: Path, records: Records) -> None:
    """Write a stream as a whole: into a neighbouring file first, so that nothing is ever
    half-written."""
    lines = [records.header, *records.rows, {"kind": "footer", "rows": len(records.rows)}]
    written = path.with_suffix(path.suffix + ".part")
    written.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    written.replace(path)


def read(path: Path) -> Records:
    """Read a stream back; raises ``BrokenRecords`` unless header, footer and count agree."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, json.JSONDecodeError) as error:
        raise BrokenRecords(f"{path} is no record stream: {error}") from error
    if not lines or lines[0].get("kind") != "header":
        raise BrokenRecords(f"{path} has no header: run bnproof report again")
    if lines[-1].get("kind") != "footer" or lines[-1].get("rows") != len(lines) - 2:
        raise BrokenRecords(f"{path} is truncated: run bnproof report again")
    return Records(lines[0], tuple(lines[1:-1]))


def collect(seed: int, parts: Iterable[Iterable[Row]]) -> Records:
    """A stream of everything the parts yield."""
    return Records(build_header(seed), tuple(row for part in parts for row in part))
