"""The entry point: which commands there are, and with what status it leaves."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

import bnproof.cli
from bnproof.cli import group, main
from bnproof.theorems import book

SETTLED = [(0, 0), (1, 1), (3, 3), (None, 0)]


def leave(monkeypatch, *arguments):
    """The exit status of ``bnproof`` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["bnproof", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return left.value.code


def test_every_file_without_an_underscore_is_a_command():
    """A new file in the folder is a command of its name, and nothing else is one."""
    files = {path.stem for path in Path(bnproof.cli.__file__).parent.glob("*.py")}
    names = group.list_commands(click.Context(group))
    assert names == sorted(name for name in files if not name.startswith("_"))
    assert all(group.get_command(click.Context(group), name).name for name in names)
    assert group.get_command(click.Context(group), "_console") is None


@pytest.mark.parametrize(("returned", "status"), SETTLED)
def test_what_a_command_returns_is_the_status(returned, status, monkeypatch):
    """A command that returns nothing, as help does, counts as 0."""
    monkeypatch.setattr(group, "main", lambda **options: returned)
    assert leave(monkeypatch) == status


def test_a_refusal_is_one_line_on_standard_error(monkeypatch, capsys):
    """The name of the program stands in front, and standard output stays empty."""
    assert leave(monkeypatch, "prove", "--bogus") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("bnproof: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1


def test_interrupting_leaves_with_130(monkeypatch):
    """Ctrl-C in the middle of a command is neither a traceback nor a failure of what it judges."""

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(book, "book", interrupt)
    assert leave(monkeypatch, "list") == 130


def test_a_name_that_is_near_none_gets_all_of_them(monkeypatch, capsys):
    """Where no command is similar, the reader is shown every one."""
    assert leave(monkeypatch, "xyzzy") == 2
    said = capsys.readouterr().err
    assert all(name in said for name in group.list_commands(click.Context(group)))


def test_what_is_heavy_is_not_imported_for_help():
    """Every command can be described without SymPy, NumPy, PyTorch or Rich."""
    code = (
        "import sys, click\n"
        "from bnproof.cli import group\n"
        "context = click.Context(group)\n"
        "for name in group.list_commands(context):\n"
        "    group.get_command(context, name).get_help(context)\n"
        "print(*(name for name in ('sympy', 'numpy', 'torch', 'rich') if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
