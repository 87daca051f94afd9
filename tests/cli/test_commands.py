"""The command line: output, exit statuses, one-line failures."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from bnproof.cli import group
from bnproof.records import Records, build_header, write

BROKEN = """
from bnproof.implementations.numpy import NumpyBatchNorm

class Bessel(NumpyBatchNorm):
    def bessel(self, v, m):
        return v
"""


def run(*arguments):
    """``(exit status, standard output, standard error)`` of the command as a user starts it."""
    done = subprocess.run(
        [sys.executable, "-m", "bnproof", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def test_check_passes_as_json():
    """A correct implementation: status 0, one JSON object with the contract's keys."""
    status, out, _ = run("check", "numpy", "--effort", "quick", "--format", "json")
    answer = json.loads(out)
    assert status == 0
    assert set(answer) >= {
        "target",
        "ok",
        "convention",
        "areas",
        "findings",
        "violations",
        "passed",
        "not_offered",
        "seconds",
    }
    assert answer["seed"] == 0
    assert answer["effort"] == "quick"
    assert {row["law"] for row in answer["laws"]} == set(answer["passed"])
    assert answer["ok"]
    assert answer["violations"] == answer["findings"] == []
    assert set(answer["areas"].values()) == {"holds"}


def test_check_names_the_law_and_prints_a_reproducer(tmp_path):
    """A broken implementation from a file: status 1, one finding with its laws, and a program that
    ends in an assertion."""
    path = tmp_path / "broken.py"
    path.write_text(BROKEN)
    status, out, _ = run("check", f"{path}:Bessel", "--effort", "quick", "--format", "json")
    answer = json.loads(out)
    (finding,) = answer["findings"]
    assert status == 1
    assert (finding["id"], finding["cause"]["how"]) == ("statistics/R01", "same values")
    assert {violation["law"] for violation in answer["violations"]} == set(finding["laws"])
    assert finding["laws"][0] == answer["violations"][0]["law"] == "running-variance"
    wrong = [area for area, state in answer["areas"].items() if state == "finding"]
    assert wrong == finding["touches"] == ["statistics", "workers"]
    program = tmp_path / "reproducer.py"
    program.write_text(finding["reproducer"])
    shown = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert "running_var" in shown.stdout
    assert shown.returncode == 1
    assert shown.stderr.splitlines()[-1].startswith("AssertionError")


@pytest.mark.parametrize(
    ("arguments", "mend"),
    [
        (("check", "nump"), "try numpy"),
        (("check", "json:dumps"), "wrap it, as in bn = bnproof.wrap(dumps"),
        (("check", "numpy", "--select", "outputt"), "try output"),
        (("check", "numpy", "--convention", "teras"), "use one of"),
        (("check", "numpy", "--expect", "output"), "NAME=REASON"),
        (("check", "numpy", "--effort", "huge"), "quick"),
        (("prove", "colapse"), "try collapse"),
        (("show", "jacobain"), "try jacobian"),
        (("shw",), "try show"),
        (("claims", "A12"), "try A"),
        (("show", "shift", "--records", "nowhere.ndjson"), "no record stream"),
    ],
)
def test_bad_requests_get_one_line_and_status_2(arguments, mend):
    """No traceback, one line that names the mend."""
    status, out, err = run(*arguments)
    assert status == 2
    assert mend in err
    assert "Traceback" not in out + err
    assert len(err.strip().splitlines()) == 1


def test_prove_as_json():
    """The contract's keys for each theorem."""
    status, out, _ = run("prove", "shift", "collapse", "--format", "json")
    first, second = json.loads(out)["theorems"]
    assert status == 0
    assert (first["id"], second["id"]) == ("shift", "collapse")
    assert set(first) == {
        "id",
        "chapter",
        "verdict",
        "seconds",
        "negative_controls",
        "independent_check",
    }
    assert all(control["verdict"] == "refuted" for control in first["negative_controls"])


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_show_in_every_format(form):
    """Statement, conditions and counterexample appear; lines fit where the terminal says 80
    columns."""
    shown = CliRunner().invoke(
        group, ["show", "scale-eps", "--format", form], env={"COLUMNS": "80"}, standalone_mode=False
    )
    assert shown.return_value == 0
    assert "eps unchanged" in shown.output
    assert "m = 2" in shown.output
    assert "scale-defect" in shown.output, "where it is used"
    assert "without" in shown.output.lower(), "why each condition is needed"
    if form == "text":
        assert max(map(len, shown.output.splitlines())) <= 80


def test_list_names_every_theorem_by_chapter():
    """Seven chapters, and the statement of each theorem in words."""
    status, out, _ = run("list", "--format", "json")
    listed = json.loads(out)["theorems"]
    assert status == 0
    assert len({row["chapter"] for row in listed}) == 7
    assert all(row["says"] for row in listed)
    assert "7 Why train on normalised values" in run("list")[1]


def test_claims_as_json_and_as_text():
    """The contract's keys; in full with formula, counterexample, numbers on the digits and
    explanation."""
    status, out, _ = run("claims", "a4", "C5", "--format", "json")
    first, second = json.loads(out)["claims"]
    assert status == 0
    assert (first["id"], first["verdict"], second["verdict"]) == ("A4", "proved", "proved")
    assert first["counterexamples"]
    shown = CliRunner().invoke(
        group, ["claims", "A4"], env={"COLUMNS": "80"}, standalone_mode=False
    )
    assert "affine-not-invariant" in shown.output
    assert "false at m = 1" in shown.output
    assert "On digits" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80


def test_show_adds_what_was_measured(tmp_path):
    """--records adds how the implementations did by the theorem's laws."""
    row = {
        "kind": "law_result",
        "target": "mine",
        "law": "shift",
        "theorem": "shift",
        "verdict": "holds",
    }
    path = tmp_path / "records.ndjson"
    write(path, Records(build_header(0), (row | {"cases": 3, "ratio": 0.25, "ulp": 1.5},)))
    status, out, _ = run("show", "shift", "--records", str(path))
    assert status == 0
    assert "mine, law shift: holds in 3 cases" in out


def test_help_lists_the_commands():
    """--help names every subcommand."""
    status, out, _ = run("--help")
    assert status == 0
    assert all(name in out for name in ("check", "claims", "list", "prove", "report", "show"))
