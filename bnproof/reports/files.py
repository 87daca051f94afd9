"""The files that are written from records: each module of this package lists its own in ``FILES``.

This is the only place that knows what is written from what. A stream of records becomes every file
whose kinds of rows it holds, so that a benchmark with rows of its own gets its page, its table and
its plot by the same function as the report on everything.

Start reading at :func:`write_files`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

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


def declare_page(name: str, kinds: tuple[str, ...], render: Callable[[Records], str]) -> ReportFile:
    """A text file whose content is a function of records.

    Parameters
    ----------
    name : str
        Its name in the folder of reports.
    kinds : tuple of str
        The kinds of rows without which it is not written.
    render : callable
        Makes the text from the records.

    Returns
    -------
    ReportFile
        It writes UTF-8.
    """

    # UTF-8 whatever the machine prefers, or the same records would give other bytes.
    def write_text(records: Records, path: Path) -> None:
        path.write_text(render(records), encoding="utf-8")

    return ReportFile(name, kinds, write_text)


def declare_table(
    name: str,
    kind: str,
    columns: tuple[str, ...],
    list_rows: Callable[[Records], Iterable[Row]] | None = None,
) -> ReportFile:
    """A CSV file: the rows of one kind, or what ``list_rows`` makes of them.

    Parameters
    ----------
    name : str
        Its name in the folder of reports.
    kind : str
        The kind of rows without which it is not written.
    columns : tuple of str
        What is written of each row, in this order.
    list_rows : callable, optional
        Makes the lines from the records; without it the lines are the rows of ``kind``.

    Returns
    -------
    ReportFile
        The file.
    """

    def render(records: Records) -> str:
        return format_table(list_rows(records) if list_rows else records.select(kind), columns)

    return declare_page(name, (kind,), render)


def format_table(rows: Iterable[Row], columns: tuple[str, ...]) -> str:
    """Rows as CSV, with a header.

    Parameters
    ----------
    rows : iterable of Row
        What a row holds beyond the columns is left out, and what it lacks stays empty.
    columns : tuple of str
        The keys that are written, in this order.

    Returns
    -------
    str
        One line a row, each ended by a line feed. A number is written in full, so that reading
        gives it back.

    Examples
    --------
    >>> rows = [{"m": 2, "share": 0.5, "kind": "sample"}, {"m": 4}]
    >>> print(format_table(rows, ("m", "share")), end="")
    m,share
    2,0.5
    4,
    """
    # Here, since ``bnproof show`` uses this package, writes no table, and would wait for pandas.
    import pandas as pd

    # dtype=object keeps each value as it is: a column of whole numbers with a gap would become
    # floats.
    frame = pd.DataFrame(list(rows), columns=list(columns), dtype=object)
    return str(frame.to_csv(index=False, lineterminator="\n"))


@cache
def list_files() -> tuple[ReportFile, ...]:
    """Every file that any records can become, found by listing this package.

    Returns
    -------
    tuple of ReportFile
        By module name, and within a module as it lists them.
    """
    # By its name: ``__path__`` is that of the package, not of this module.
    package = import_module("bnproof.reports")
    modules = (
        import_module(f"{package.__name__}.{m.name}") for m in iter_modules(package.__path__)
    )
    # Modules without FILES are helpers.
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
    # The records first: a page that fails leaves behind what it was made of.
    written = []
    if name:
        written.append(out / f"{name}.ndjson")
        write(written[0], records)
    # All kinds have to be there: half a page would look like a whole one.
    kinds = {row["kind"] for row in records.rows}
    for file in list_files():
        if kinds.issuperset(file.kinds):
            file.write(records, out / file.name)
            written.append(out / file.name)
    return written
