"""The files that are written from records: each module of this package lists its own in ``FILES``.

This is the only place that knows what is written from what: a stream of records becomes every file
whose kinds of rows it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pandas as pd

from bnproof.records import Records, Row, write


@dataclass(frozen=True)
class ReportFile:
    """A file that is a function of records.

    Attributes
    ----------
    name : str
        Its name in the folder of reports.
    kinds : tuple of str
        The kinds of rows it is made of; it is written where the records hold all of them.
    write : callable
        ``write(records, path)``.
    """

    name: str
    kinds: tuple[str, ...]
    write: Callable[[Records, Path], None]


def declare_page(
    name: str, kinds: tuple[str, ...], render: Callable[[Records], str]
) -> ReportFile:
    """A text file; ``render`` makes its content."""

    def write_text(records: Records, path: Path) -> None:
        path.write_text(render(records), encoding="utf-8")

    return ReportFile(name, kinds, write_text)


def declare_table(
    name: str,
    kind: str,
    columns: tuple[str, ...],
    list_rows: Callable[[Records], Iterable[Row]] | None = None,
) -> ReportFile:
    """A CSV file: the rows of one kind, or what ``list_rows`` makes of them."""

    def render(records: Records) -> str:
        return format_table(list_rows(records) if list_rows else records.select(kind), columns)

    return declare_page(name, (kind,), render)


def format_table(rows: Iterable[Row], columns: tuple[str, ...]) -> str:
    """Rows as CSV; what a row lacks stays empty."""
    frame = pd.DataFrame(list(rows), columns=list(columns), dtype=object)
    return str(frame.to_csv(index=False, lineterminator="\n"))


@cache
def list_files() -> tuple[ReportFile, ...]:
    """Every file that any records can become, found by listing this package."""
    package = import_module("bnproof.reports")
    modules = (import_module(f"{package.__name__}.{m.name}") for m in iter_modules(package.__path__))
    return tuple(file for module in modules for file in getattr(module, "FILES", ()))


def write_files(records: Records, out: Path, name: str = "") -> list[Path]:
    """Write every file that the records can become into a folder.

    Parameters
    ----------
    records : Records
        What was measured.
    out : Path
        The folder; it is made where it does not exist.
    name : str, optional
        Write the records themselves too, as ``NAME.ndjson``.

    Returns
    -------
    list of Path
        What was written, the records first.

    Raises
    ------
    OSError
        The folder cannot be written into.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    if name:
        written.append(out / f"{name}.ndjson")
        write(written[0], records)
    kinds = {row["kind"] for row in records.rows}
    for file in list_files():
        if kinds.issuperset(file.kinds):
            file.write(records, out / file.name)
            written.append(out / file.name)
    return written
