"""The ``bnproof`` command: one thin file a subcommand, found by listing the folder.

A file of this folder that does not begin with an underscore is a subcommand of its name, with the
function ``command``.  What is heavy (SymPy, PyTorch, compiled code) is imported inside these
functions, so that ``--help`` and a misspelt name answer at once.  A subcommand returns its exit
status: 0 where all is as claimed, 1 where something is violated or refuted, 3 where something is
undecided.  Start reading at ``check``.

The docstring of a subcommand's function is its help.  Its first sentence is what ``bnproof --help``
shows of it, so it has to be short.

Examples
--------
>>> import click
>>> from bnproof.cli import group
>>> group.list_commands(click.Context(group))[:3]
['accuracy', 'check', 'claims']
"""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules

import click


class _Commands(click.Group):
    """The group of subcommands, which loads a subcommand's module when it is asked for.

    Only the module that is asked for is imported, except for ``bnproof --help``, which needs the
    first sentence of each.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The subcommands by name, which are the modules of this folder."""
        return sorted(info.name for info in iter_modules(__path__) if not info.name.startswith("_"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The subcommand of this name, or ``None``."""
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"bnproof.cli.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand that the arguments begin with, as Click does.

        Raises
        ------
        click.UsageError
            For a name that is no subcommand's.  The message names the nearest one, or all of them
            where none is near.
        """
        from difflib import get_close_matches

        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            # Click would say that there is no such command, and leave it at that.
            near = get_close_matches(args[0], self.list_commands(ctx), n=1) or self.list_commands(
                ctx
            )
            raise click.UsageError(f"no command {args[0]!r}: try {', '.join(near)}")
        return super().resolve_command(ctx, args)


@click.command(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="bnproof")
def group() -> None:
    """Prove what batch normalisation is, and find out whether an implementation does it."""


def main() -> None:
    """Run the command and leave with its exit status.

    Raises
    ------
    SystemExit
        Always.  The status is 0 if all is as claimed, 1 if something is violated or refuted, 2 if
        the request cannot be carried out, 3 if something is undecided, and 130 after Ctrl-C.

    Notes
    -----
    What cannot be carried out is told in one line on standard error.  An error of this package
    itself is not caught here: it keeps its traceback, which is what a report of it needs.
    """
    try:
        # In standalone mode Click would print errors over several lines and drop what a command
        # returns.
        status = group.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"bnproof: {error.format_message()}", err=True)
        status = 2
    except click.Abort:
        # 128 + 2, as shells count a process that signal 2 (SIGINT) has ended.
        status = 130
    # ``--help`` and ``--version`` return no status.
    sys.exit(status if isinstance(status, int) else 0)
