"""The ``bnproof`` command: one thin file a subcommand, found by listing the folder, everything
heavy inside."""

from __future__ import annotations

import sys
from importlib import import_module
from pkgutil import iter_modules

import click


class _Commands(click.Group):
    """Loads a subcommand's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(info.name for info in iter_modules(__path__) if not info.name.startswith("_"))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"bnproof.cli.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from difflib import get_close_matches

        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
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
    """Entry point; exit status 0 as claimed, 1 violated or refuted, 2 cannot be carried out, 3
    undecided."""
    try:
        status = group.main(standalone_mode=False)
    except click.ClickException as error:
        click.echo(f"bnproof: {error.format_message()}", err=True)
        status = 2
    except click.Abort:
        status = 130
    sys.exit(status if isinstance(status, int) else 0)
