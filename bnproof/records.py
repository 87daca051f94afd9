"""The record stream: newline-delimited JSON with a header, rows, and a footer that counts the rows.

Every page of the reports is written from such a file and from nothing else.  A file without its
footer, or with another number of rows than the footer says, is an error: a run that was cut off
must not look like a good one.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

# The packages whose version may change a number or a verdict in the rows.
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
    """The file is truncated or no record stream; the message says what is missing."""


@dataclass(frozen=True)
class Records:
    """A complete stream.

    Attributes
    ----------
    header
        What it was made with: versions, machine, seed.
    rows
        The rows in order, each a dictionary with a ``kind`` and with values that JSON knows.
    """

    header: Row
    rows: tuple[Row, ...]

    def select(self, kind: str, **wanted: Any) -> list[Row]:
        """Return the rows of one kind that have all of the wanted values, in order."""
        return select_rows(self.rows, kind=kind, **wanted)


def select_rows(rows: Iterable[Row], **wanted: Any) -> list[Row]:
    """Return the rows that have all of the wanted values, in order.

    Where a kind is wanted it has to come first, since rows of other kinds may lack the other keys.
    """
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def group_rows(rows: Iterable[Row], *keys: str) -> dict[Any, list[Row]]:
    """Return the rows by their value of a key, or by a tuple of their values of several.

    Groups are in order of appearance, and so are the rows of each.

    Examples
    --------
    >>> from bnproof.records import group_rows
    >>> rows = [{"id": "a", "chapter": "one"}, {"id": "b", "chapter": "two"}]
    >>> {chapter: len(own) for chapter, own in group_rows(rows, "chapter").items()}
    {'one': 1, 'two': 1}
    """
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(itemgetter(*keys)(row), []).append(row)
    return groups


def list_distinct(rows: Iterable[Row], key: str) -> list[Any]:
    """Return the values of one key, each once, in order of appearance."""
    return list(dict.fromkeys(row[key] for row in rows))


def build_header(seed: int) -> Row:
    """Return the header of this run: versions, machine and seed.

    A package that is not installed is listed as such, since that too explains a difference.
    """
    return {
        "kind": "header",
        "versions": list_versions(PACKAGES),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        },
        "seed": seed,
    }


def list_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of packages; a missing one is "not installed".

    Parameters
    ----------
    packages
        Names of distributions: that of python-flint is not the name of its module.
    """
    from importlib.metadata import PackageNotFoundError, version

    versions = {"python": platform.python_version()}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def write(path: Path, records: Records) -> None:
    """Write a stream as a whole.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    records
        What to write.  The footer is added here.

    Raises
    ------
    OSError
        If the file cannot be written.
    TypeError
        If a row holds a value that JSON does not know.

    Notes
    -----
    The text goes into a neighbouring file first, which then takes the place of the old one.  So a
    reader sees the old stream or the new one, never a half-written file.
    """
    # The count comes last: only a run that got so far can have written it.
    lines = [records.header, *records.rows, {"kind": "footer", "rows": len(records.rows)}]
    written = path.with_suffix(path.suffix + ".part")
    written.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    # A rename within one folder is atomic.
    written.replace(path)


def read(path: Path) -> Records:
    """Read a stream back.

    Parameters
    ----------
    path
        A file that :func:`write` made.

    Returns
    -------
    Records
        Header and rows; the footer has done its work.

    Raises
    ------
    BrokenRecords
        If the file cannot be read, is no JSON, or lacks a header, a footer or a row.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from bnproof.records import Records, build_header, read, write
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "records.ndjson")
    ...     write(path, Records(build_header(seed=0), ({"kind": "note", "text": "so"},)))
    ...     read(path).select("note")
    [{'kind': 'note', 'text': 'so'}]
    """
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BrokenRecords(f"{path} is no record stream: {error}") from error
    if not all(isinstance(line, dict) for line in lines):
        raise BrokenRecords(f"{path} is no record stream: a line of it is no JSON object")
    if not lines or lines[0].get("kind") != "header":
        raise BrokenRecords(f"{path} has no header: run bnproof report again")
    # Header and footer are the two lines that are not rows.
    if lines[-1].get("kind") != "footer" or lines[-1].get("rows") != len(lines) - 2:
        raise BrokenRecords(f"{path} is truncated: run bnproof report again")
    return Records(lines[0], tuple(lines[1:-1]))


def collect(seed: int, parts: Iterable[Iterable[Row]]) -> Records:
    """Make a stream of everything that the parts yield, with the header of this run."""
    return Records(build_header(seed), tuple(row for part in parts for row in part))
