"""How the options of a check arrive where it is judged, and what becomes of its verdict."""

import json
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from bnproof.cli import group
from bnproof.contract import AREAS, Cause, Finding, Violation
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.verification import supervisor
from bnproof.verification.verdict import Verdict
from tests.cli.judging import judge_here

UNKNOWN = Cause("unknown", "unknown", "unknown")
#: Targets by what is found in them: ids of findings, and the laws that are told as broken.
FOUND = {"wrong": ("formula/F01", "edges/one-value"), "odd": ("edges/one-value",)}
BROKEN = {"wrong": ("output", "one-value", "shift")}


def build_finding(name):
    """A finding with a program, unless it is of the edges."""
    area = name.partition("/")[0]
    program = "" if area == "edges" else f"assert False, {name!r}\n"
    return Finding(name, area, "wrong", (), "everywhere", UNKNOWN, "mend", reproducer=program)


@pytest.fixture
def asked(monkeypatch):
    """Every request that is made, by its target, with its options and those of the process."""
    requests = {}

    def answer(request, *, limit, progress, broken, threads):
        requests[request.target] = (request.options, limit, threads)
        for law in BROKEN.get(request.target, ()):
            broken(law)
        findings = [build_finding(name) for name in FOUND.get(request.target, ())]
        violations = [Violation("output", "y", "wrong", "") for _ in findings]
        return Verdict(
            request.target, "torch", "quick", 0, findings=findings, violations=violations
        )

    monkeypatch.setattr(supervisor, "supervise", answer)
    return requests


@pytest.fixture
def here(monkeypatch):
    """Targets are judged in this process."""
    monkeypatch.setattr(supervisor, "supervise", judge_here)


def run(line):
    """What the command returns; refusals are raised."""
    return CliRunner().invoke(group, line.split(), standalone_mode=False, catch_exceptions=False)


def judge(target, options):
    """The exit status and the verdict of a quick check, from its JSON."""
    done = run(f"check {target} --effort quick --format json {options}")
    return done.return_value, json.loads(done.stdout)


# -- requests --------------------------------------------------------------------------------------


def test_every_option_arrives(asked):
    """Each under the name that a check has for it, and repeated ones in their order."""
    run(
        "check mine --convention keras --effort thorough --seed 7 --select shift --select output"
        " --ignore affine --expect output=known --replay seen.json --time-limit 2.5"
        " --dtypes float32,float16 --ranks 4,2 --methods infer,fold --threads 3"
    )
    assert asked["mine"] == (
        {
            "effort": "thorough",
            "seed": 7,
            "convention": "keras",
            "select": ("shift", "output"),
            "ignore": ("affine",),
            "expect": {"output": "known"},
            "dtypes": ("float32", "float16"),
            "ranks": (4, 2),
            "methods": ("infer", "fold"),
            "replay": Path("seen.json"),
        },
        2.5,
        3,
    )


def test_without_options_nothing_is_narrowed(asked):
    """Sixty cases of every law from seed 0, by the declared convention, on one thread."""
    run("check mine")
    assert asked["mine"] == (
        {
            "effort": "standard",
            "seed": 0,
            "convention": None,
            "select": (),
            "ignore": (),
            "expect": {},
            "dtypes": (),
            "ranks": (),
            "methods": (),
            "replay": None,
        },
        60.0,
        1,
    )


def test_a_reason_may_hold_an_equals_sign(asked):
    """The law ends at the first one, and all the rest is the reason."""
    run("check mine --expect output=eps=0")
    assert asked["mine"][0]["expect"] == {"output": "eps=0"}


def test_blanks_between_commas_do_not_matter(asked):
    """Names are taken without them, and nothing between two commas is no name."""
    options = ["--dtypes", " float32, float64,", "--ranks", "2, 3", "--methods", ",train "]
    CliRunner().invoke(group, ["check", "mine", *options], catch_exceptions=False)
    given = asked["mine"][0]
    assert (given["dtypes"], given["ranks"], given["methods"]) == (
        ("float32", "float64"), (2, 3), ("train",),
    )  # fmt: skip


@pytest.mark.parametrize(
    "options",
    [
        "--expect output=",
        "--expect edges",
        "--time-limit inf",
        "--ranks two",
        "--ranks -2",
        "--ranks 2,,x",
        "--fail-on statistic",
        "--fail-on edges,output",
        "--fail-on ,",
    ],
)
def test_an_option_that_means_nothing_is_refused_before_anything_runs(options, asked):
    """A failure that nobody explains is no known one, a limit that never comes is none, and with a
    slip in an area every check would pass."""
    with pytest.raises(click.ClickException) as refused:
        run(f"check mine {options}")
    assert refused.value.format_message().startswith(options.split()[0])
    assert "\n" not in refused.value.format_message()
    assert not asked


def test_a_slip_in_an_area_is_answered_with_all_areas(asked):
    """So that the right one can be copied."""
    with pytest.raises(click.ClickException, match="no area 'statistic'") as refused:
        run("check mine --fail-on statistic")
    assert refused.value.format_message().endswith(", ".join(AREAS))


# -- exit statuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "status"), [("right", 0), ("odd", 1), ("wrong", 1)])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_finding_shows_in_the_status_in_both_formats(target, status, form, asked):
    """A script that reads the status alone is not misled by the format."""
    assert run(f"check {target} --format {form}").return_value == status


@pytest.mark.parametrize(
    ("target", "areas", "status"),
    [
        ("odd", "edges", 1),
        ("odd", "formula,statistics", 0),
        ("odd", "formula,edges", 1),
        ("wrong", "statistics", 0),
        ("wrong", "formula", 1),
        ("right", "formula", 0),
    ],
)
def test_only_findings_of_the_named_areas_fail(target, areas, status, asked):
    """All of them are told nevertheless."""
    done = run(f"check {target} --fail-on {areas}")
    assert done.return_value == status
    assert all(f". {name}: everywhere" in done.output for name in FOUND.get(target, ()))


# -- what is told meanwhile ------------------------------------------------------------------------


def test_the_first_broken_law_is_told_at_once_and_alone(asked):
    """On standard error, so that the JSON on standard output stays one object."""
    done = run("check wrong --format json")
    assert done.stderr.splitlines() == ["broken: output (looking for everything that is, and why)"]
    assert json.loads(done.stdout)["target"] == "wrong"
    assert run("check odd").stderr == ""


# -- programs --------------------------------------------------------------------------------------


def test_every_finding_with_a_program_gets_a_file(asked, tmp_path):
    """Folders are made, files are named after findings, and in the text each one is told."""
    folder = tmp_path / "new" / "programs"
    told = run(f"check wrong --reproducers {folder}").output
    (path,) = folder.iterdir()
    assert path.name == "formula-F01.py"
    assert path.read_text() == "assert False, 'formula/F01'\n"
    assert str(path) in "".join(line.strip() for line in told.splitlines())


def test_programs_are_written_whatever_fails_the_check(asked, tmp_path):
    """In both formats, and also where the findings lie in other areas than those that count."""
    done = run(f"check wrong --fail-on half --format json --reproducers {tmp_path}")
    assert done.return_value == 0
    assert [path.name for path in tmp_path.iterdir()] == ["formula-F01.py"]
    assert len(json.loads(done.stdout)["findings"]) == 2


@pytest.mark.parametrize("folder", ["file", "file/programs"])
def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(folder, asked, tmp_path):
    """In one line that names the option."""
    (tmp_path / "file").write_text("")
    with pytest.raises(click.ClickException) as refused:
        run(f"check mine --reproducers {tmp_path / folder}")
    assert "--reproducers" in refused.value.format_message()
    assert "\n" not in refused.value.format_message()
    assert not asked


def test_a_program_that_cannot_be_written_is_refused(asked, tmp_path):
    """Where the folder is there, but a folder has the name of the program."""
    (tmp_path / "formula-F01.py").mkdir()
    with pytest.raises(click.ClickException, match=r"cannot write into .* another --reproducers"):
        run(f"check wrong --reproducers {tmp_path}")


def test_programs_run_and_fail_by_their_assertion(here, tmp_path):
    """A number and a refusal that does not come: both programs end with the assertion that shows
    the defect, and not before."""
    options = f"--select running-variance --select one-value --reproducers {tmp_path}"
    status, verdict = judge("tests.cli.specimens:WithoutBessel", options)
    assert status == 1
    paths = sorted(tmp_path.iterdir())
    names = sorted(finding["id"].replace("/", "-") for finding in verdict["findings"])
    assert [path.stem for path in paths] == names == ["edges-one-value", "statistics-R01"]
    for path in paths:
        done = subprocess.run(
            [sys.executable, path], capture_output=True, text=True, check=False,
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("AssertionError")
        assert "y, running_mean, running_var" in done.stdout


# -- areas and findings as names, by whole checks --------------------------------------------------

WITHOUT_BESSEL = "tests.cli.specimens:WithoutBessel"
LAWS = "--ranks 2 --select running-variance --select one-value"


@pytest.mark.parametrize("name", ["running-variance", "statistics", "statistics/R01"])
def test_a_law_an_area_or_a_finding_may_be_expected(name, here):
    """The finding is not told, its reason is, its area says that something is wrong, and other
    findings fail the check."""
    status, verdict = judge(WITHOUT_BESSEL, f"{LAWS} --expect {name}=old")
    assert status == 1
    assert verdict["expected"] == {name: "old"}
    assert [finding["id"] for finding in verdict["findings"]] == ["edges/one-value"]
    assert {violation["law"] for violation in verdict["violations"]} == {"one-value"}
    assert verdict["areas"]["statistics"] == "finding"


def test_a_check_passes_where_everything_is_expected(here):
    """Whether by area or by finding."""
    status, verdict = judge(
        WITHOUT_BESSEL, f"{LAWS} --expect edges/one-value=known --expect statistics=old"
    )
    assert (status, verdict["ok"], verdict["findings"]) == (0, True, [])
    assert verdict["expected"] == {"edges/one-value": "known", "statistics": "old"}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("inference", "inference/expectation-inference"),
        ("workers/D01", "workers/expectation-D01"),
        ("running-variance", "statistics/expectation-running-variance"),
    ],
)
def test_an_idle_expectation_is_a_finding(name, found, here):
    """Of the area that was named or that the law is about, with the reason, and its mend is to drop
    it."""
    status, verdict = judge(
        "tests.cli.specimens:Right", f"--ranks 2 --select running-variance --expect {name}=old"
    )
    (finding,) = verdict["findings"]
    assert (status, finding["id"], finding["mend"]) == (1, found, "drop the expectation")
    assert finding["title"].startswith(f"{name} was expected to fail (old)")
    assert verdict["areas"][found.partition("/")[0]] != "finding"
    assert verdict["expected"] == {}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--select statistics", ["statistics/R01"]),
        ("--select statistics/R01", ["statistics/R01"]),
        ("--select statistics/R02", []),
        (f"{LAWS} --ignore statistics", ["edges/one-value"]),
        (f"{LAWS} --ignore edges/one-value", ["statistics/R01"]),
        (f"{LAWS} --ignore one-value", ["statistics/R01"]),
    ],
)
def test_areas_and_findings_choose_what_is_told(options, told, here):
    """What is left out neither is told nor fails the check."""
    status, verdict = judge(WITHOUT_BESSEL, f"--ranks 2 {options}")
    assert [finding["id"] for finding in verdict["findings"]] == told
    assert {violation["finding"] for violation in verdict["violations"]} == set(told)
    assert (status, verdict["ok"]) == (int(bool(told)), not told)


@pytest.mark.parametrize(
    ("target", "titles"), [("WrongInHalf", ["y is wrong"]), ("WrongInSingle", [])]
)
def test_half_precision_alone_is_asked_where_it_is_selected(target, titles, here):
    """What is wrong there is told by an input in half precision, and nothing else is looked for."""
    status, verdict = judge(
        f"tests.cli.test_check:{target}", "--select half --ranks 2 --methods train"
    )
    assert status == len(titles)
    assert [finding["title"] for finding in verdict["findings"]] == titles
    inputs = [finding["example"]["arguments"]["x"] for finding in verdict["findings"]]
    assert [x["dtype"] for x in inputs] == ["float16"] * len(titles)


class WrongInHalf(NumpyBatchNorm):
    """Its output has two decimal places in float16."""

    supports = {"dtypes": ["float32", "float16"]}
    wrong = np.float16

    def train(self, x, *arguments, **options):
        y, *statistics = super().train(x, *arguments, **options)
        return np.round(y, 2) if x.dtype == self.wrong else y, *statistics


class WrongInSingle(WrongInHalf):
    """Its output has two decimal places in float32."""

    wrong = np.float32
