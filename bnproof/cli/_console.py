"""What the subcommands share: consoles, progress on standard error, one-line failures.

Standard output carries the answer and nothing else, so that it may be piped into another program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from bnproof.records import Records


# The exit status of a command that is about theorems, by verdict.
STATUS = {"proved": 0, "refuted": 1, "undecided": 3}


def open_console() -> Console:
    """Open standard output for tables and colours.

    Returns
    -------
    rich.console.Console
        Without a terminal it leaves the colours out, and lines are as long as ``COLUMNS`` says, or
        80 characters.
    """
    from rich.console import Console

    # Rich would colour every number in a sentence and turn ``:name:`` into a picture.
    return Console(highlight=False, soft_wrap=False, emoji=False)


def print_json(answer: object) -> None:
    """Print one JSON object on standard output."""
    click.echo(json.dumps(answer))


@contextmanager
def show_progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error where that is a terminal.

    Parameters
    ----------
    what
        The word in front of the bar.

    Yields
    ------
    callable
        ``advance(done, total)``, to be called as the work goes on.

    Examples
    --------
    >>> from bnproof.cli._console import show_progress
    >>> with show_progress("adding") as advance:
    ...     for number in range(3):
    ...         advance(number + 1, 3)
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    # The time gone by, and no time to go: cases differ too much in size for a guess to hold.
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # A bar in a file or in a pipe would be noise, so it is shown to people alone.
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def build_refusal(reason: object) -> click.ClickException:
    """Build the exception that says that the request cannot be carried out.

    Parameters
    ----------
    reason
        An error or a sentence; line breaks in it become spaces.

    Returns
    -------
    click.ClickException
        To be raised; :func:`bnproof.cli.main` prints it in one line and leaves with exit status 2.

    Examples
    --------
    >>> from bnproof.cli._console import build_refusal
    >>> print(build_refusal("mine.py does not import:\\n  no module 'my'").format_message())
    mine.py does not import: no module 'my'
    """
    return click.ClickException(" ".join(str(reason).split()))


@contextmanager
def refuse_unwritable(out: Path, option: str = "--out") -> Iterator[None]:
    """Refuse a folder that cannot be written into: one line, exit status 2.

    Parameters
    ----------
    out
        The folder, for the message.
    option
        The option that names it.

    Raises
    ------
    click.ClickException
        In place of an ``OSError`` of what is done inside.  Other errors pass unchanged.
    """
    try:
        yield
    except OSError as error:
        raise build_refusal(
            f"cannot write into {out}: {error.strerror or error}; choose another {option}"
        ) from error


def _make_folder(context: click.Context, parameter: click.Parameter, out: Path) -> Path:
    """Made while the options are read, so that nobody waits an hour to learn that it cannot be."""
    with refuse_unwritable(out):
        out.mkdir(parents=True, exist_ok=True)
    return out


#: Whether a person or a program reads the answer.
format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
#: The folder that reports are written into.
out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("reports"),
    show_default=True,
    callback=_make_folder,
    help="Folder.",
)


def publish(name: str, records: Records, out: Path) -> None:
    """Write records and every file made of them into a folder, and print what was written.

    Parameters
    ----------
    name
        The name of the record stream, without its extension.
    records
        What was measured.
    out
        The folder; it exists already.

    Raises
    ------
    click.ClickException
        Where the folder cannot be written into any more.
    """
    from bnproof.reports.files import write_files

    with refuse_unwritable(out):
        for path in write_files(records, out, name):
            click.echo(str(path))
