"""What the commands print, held against the text files in ``golden/``.

A golden file is read by people: it begins with the command as a user types it and with its exit
status.  Where an output changes on purpose, the files are written anew by
``BNPROOF_WRITE_GOLDEN=1 pytest tests/cli/test_golden.py``, and the difference is reviewed like any
other change.
"""

import json
import os
import re
import sys
from difflib import unified_diff
from functools import partial
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bnproof import claims
from bnproof.accuracy import assessment
from bnproof.cli import group, main
from bnproof.implementations import installed
from bnproof.theorems import book
from bnproof.verification import supervisor
from tests.cli.judging import judge_here

GOLDEN = Path(__file__).parent / "golden"
WRITE = "BNPROOF_WRITE_GOLDEN"
RIGHT, WITHOUT_BESSEL = "tests.cli.specimens:Right", "tests.cli.specimens:WithoutBessel"
LAWS = "--select answers --select output --select running-variance --select fold-weight"

#: File by file, the commands whose output it holds.
COMMANDS = {
    "version": ["--version"],
    "help": ["--help", *(f"{name} --help" for name in group.list_commands(click.Context(group)))],
    "list": ["list"],
    "list_json": ["list --format json"],
    "laws": ["laws answers one-value output"],
    "laws_json": ["laws answers one-value output --format json"],
    "implementations": ["implementations"],
    "implementations_json": ["implementations --format json"],
    "prove": ["prove shift scale-exact"],
    "prove_json": ["prove scale-exact --format json"],
    "show": ["show affine-not-invariant"],
    "show_markdown": ["show affine-not-invariant --format markdown"],
    "show_latex": ["show affine-not-invariant --format latex"],
    "claims": ["claims C5"],
    "claims_all": ["claims"],
    "claims_markdown": ["claims C5 --format markdown"],
    "claims_json": ["claims C5 --format json"],
    "check_right": [f"check {RIGHT} --effort quick {LAWS}"],
    "check_right_json": [f"check {RIGHT} --effort quick {LAWS} --format json"],
    "check_violated": [f"check {WITHOUT_BESSEL} --effort quick {LAWS}"],
    "check_violated_json": [f"check {WITHOUT_BESSEL} --effort quick {LAWS} --format json"],
    "check_laws": [f"check {WITHOUT_BESSEL} --effort quick {LAWS} --laws"],
    "check_edges": [f"check {RIGHT} --effort quick --select edges"],
    "check_reproducers": [f"check {WITHOUT_BESSEL} --effort quick {LAWS} --reproducers programs"],
    "check_fail_on": [f"check {WITHOUT_BESSEL} --effort quick {LAWS} --fail-on formula,edges"],
    "check_expected": [
        f"check {WITHOUT_BESSEL} --effort quick {LAWS} --expect {name}=old"
        for name in ("running-variance", "statistics", "statistics/R01")
    ],
    "check_idle_expectation": [
        f"check {RIGHT} --effort quick {LAWS} --expect {name}=[fixed]"
        for name in ("output", "statistics", "statistics/R01")
    ],
    "accuracy": [f"accuracy {RIGHT} --effort quick"],
    "accuracy_json": [f"accuracy {RIGHT} --effort quick --format json"],
    "bad_requests": [
        "check",
        "check nowhere:Name",
        "check nowhere.py:Name",
        "check broken.py:Name",
        "check broken.py",
        "check tests.cli.specimens:Wright",
        "check tests.cli.specimens:NoTrain",
        f"check {RIGHT} --select output --ignore output",
        f"check {RIGHT} --select output --expect shift=reason",
        f"check {RIGHT} --replay nowhere.json",
        f"check {RIGHT} --replay broken.py",
        f"check {RIGHT} --time-limit nan",
        f"check {RIGHT} --seed -1",
        f"check {RIGHT} --select outputs",
        f"check {RIGHT} --select half",
        f"check {RIGHT} --expect statistics",
        f"check {RIGHT} --dtypes float8",
        f"check {RIGHT} --dtypes float64",
        f"check {RIGHT} --ranks 2,x",
        f"check {RIGHT} --ranks 7",
        f"check {RIGHT} --methods predict",
        f"check {RIGHT} --methods fold",
        f"check {RIGHT} --fail-on statistic",
        f"check {RIGHT} --fail-on ,",
        f"check {RIGHT} --reproducers broken.py",
        f"check {RIGHT} --reproducers broken.py/programs",
        f"check {RIGHT} --threads 0",
        "accuracy nowhere",
        f"accuracy {RIGHT} --convention teras",
        "laws shifty",
        "list collapse",
        "show",
        "show shift --format pdf",
        "show shift --records broken.py",
        "claims Z9",
        "report --out broken.py/reports",
        "detect --out broken.py/reports",
    ],
}
#: Their figures come from sums of many values, whose order is the machine's own affair.
MEASURED = ("accuracy", "claims")


def mask(text, *, measured):
    """Put a word in place of what differs between machines and between runs.

    These are the version of bnproof, the seconds that a proof takes (last in its row), and where
    ``measured`` is true every number with a point or an exponent, with the room that aligns it.
    Blanks at the end of a line, with which Rich fills it, are left out.
    """
    text = re.sub(r"(?<=, version )\S+", "<version>", text)
    text = re.sub(r"(?m)((?:proved|refuted|undecided) .* )\d+\.\d\d *$", r"\1<seconds>", text)
    if measured:
        text = re.sub(rf"(?<![\w.]){NUMBER}(?:, {NUMBER})*(?![\w.])", "<number>", text)
        text = re.sub(r"(?<=\S) +(?=<number>)|(?<=<number>) +", " ", text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


# The last form is a whole number alone in its column.
NUMBER = r"-?(?:\d+\.\d+(?:e[-+]\d+)?|\d+e[-+]\d+|(?<=  )\d+(?=  ))"


def mask_json(value, *, measured, key=""):
    """As ``mask``, in an object read from JSON, where every number that is not whole is measured.

    It is written with all its digits there, and the last ones may differ.  Of a list of points the
    first one stands for all, and a program that shows a measured worst case is left out.
    """
    if key == "versions":
        return dict.fromkeys(value, "<version>")
    if key == "seconds":
        return "<seconds>"
    again = partial(mask_json, measured=measured)
    if isinstance(value, dict):
        return {name: again(entry, key=name) for name, entry in value.items()}
    if isinstance(value, list):
        return [again(entry) for entry in (value[:1] if key == "points" else value)]
    if measured and key == "reproducer":
        return "<program>"
    return "<number>" if isinstance(value, float) else value


def run(line, monkeypatch):
    """The exit status and what is printed, as the entry point ``bnproof`` does it."""
    called = partial(type(group).main, group, line.split(), "bnproof")
    monkeypatch.setattr(group, "main", called)
    # Wide enough that a figure with fewer digits moves no word to another line.
    done = CliRunner().invoke(
        click.Command("bnproof", callback=main),
        env={"COLUMNS": "100", "FORCE_COLOR": None, "TTY_COMPATIBLE": None},
    )
    return done.exit_code, done.stdout, done.output


def show(line, monkeypatch, *, measured):
    """A command, its exit status and its masked output, as a golden file holds them."""
    status, answer, output = run(line, monkeypatch)
    if line.endswith("--format json"):
        # One object on standard output in one line; here it is laid out for a reader.
        assert answer.count("\n") == 1
        output = json.dumps(mask_json(json.loads(answer), measured=measured), indent=2) + "\n"
    else:
        output = mask(output, measured=measured)
    return f"$ bnproof {line}\n(exit status {status})\n{output}"


def remember(function):
    """Answer equal questions once: the text and the JSON of a command share what was measured.

    The laws that are told as broken meanwhile are told again.
    """

    def remembered(request, *arguments, progress, broken=None, **options):
        key = f"{request} {options}"
        if key not in ANSWERS:
            told = []
            further = {} if broken is None else {"broken": told.append}
            answer = function(request, *arguments, progress=progress, **further, **options)
            ANSWERS[key] = (answer, told)
        answer, told = ANSWERS[key]
        for law in told:
            broken(law)
        return answer

    return remembered


ANSWERS = {}


def find_version(package):
    """A version of what every machine has; nothing else is installed."""
    if package not in ("numpy", "torch"):
        raise PackageNotFoundError(package)
    return "1.2.3"


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The same answers on every machine in a short time, in a folder with one broken file."""
    (tmp_path / "broken.py").write_text("raise ImportError('no such thing here')\n")
    monkeypatch.chdir(tmp_path)
    # The folder of a target is added, and is gone afterwards.
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(installed, "version", find_version)
    # Proofs would else run in processes of their own, each of which loads SymPy first.
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(supervisor, "supervise", remember(judge_here))
    monkeypatch.setattr(assessment, "assess", remember(assessment.assess))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_output_is_the_golden_one(name, small, monkeypatch):
    """Every command prints what its golden file holds, and leaves with the status it holds."""
    # Two theorems and two claims stand for all, so that a new one changes no golden file. They are
    # cut here for the commands that list them: laws and pages are made from the whole book.
    if name.startswith("list"):
        entries = {entry: book.find(entry) for entry in ("collapse", "scale-exact")}
        monkeypatch.setattr(book, "book", lambda: entries)
    if name == "claims_all":
        ledger = {entry: claims.find(entry) for entry in ("A2", "C5")}
        monkeypatch.setattr(claims, "load_ledger", lambda: ledger)
    measured = name.startswith(MEASURED)
    shown = "\n".join(show(line, monkeypatch, measured=measured) for line in COMMANDS[name])
    path = GOLDEN / f"{name}.txt"
    if os.environ.get(WRITE):
        path.write_text(shown, encoding="utf-8")
    golden = path.read_text(encoding="utf-8") if path.is_file() else ""
    difference = unified_diff(golden.splitlines(), shown.splitlines(), "golden", "now", lineterm="")
    assert shown == golden, "\n".join(
        (
            f"{path.name} differs. If this is wanted, write the files anew and review them:",
            f"{WRITE}=1 pytest tests/cli/test_golden.py",
            *difference,
        )
    )


def test_every_golden_file_is_of_a_command():
    """No file is left over from a command that is no longer run."""
    assert {path.stem for path in GOLDEN.iterdir()} == COMMANDS.keys()
