"""How the options of a check arrive where it is judged."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bnproof.cli import group
from bnproof.contract import Violation
from bnproof.verification import supervisor
from bnproof.verification.verdict import Verdict


@pytest.fixture
def asked(monkeypatch):
    """Every request that is made, by its target, with its options and the limit of a call."""
    requests = {}

    def answer(request, *, limit, progress):
        requests[request.target] = (request.options, limit)
        violations = [Violation("output", "y", "wrong", "")] if request.target == "wrong" else []
        return Verdict(request.target, "torch", "quick", 0, violations)

    monkeypatch.setattr(supervisor, "supervise", answer)
    return requests


def run(line):
    """What the command returns; refusals are raised."""
    return CliRunner().invoke(group, line.split(), standalone_mode=False, catch_exceptions=False)


def test_every_option_arrives(asked):
    """Each under the name that a check has for it, and repeated ones in their order."""
    run(
        "check mine --convention keras --effort thorough --seed 7 --select shift --select output"
        " --ignore affine --expect output=known --replay seen.json --time-limit 2.5"
    )
    assert asked["mine"] == (
        {
            "effort": "thorough",
            "seed": 7,
            "convention": "keras",
            "select": ("shift", "output"),
            "ignore": ("affine",),
            "expect": {"output": "known"},
            "replay": Path("seen.json"),
        },
        2.5,
    )


def test_without_options_nothing_is_narrowed(asked):
    """Sixty cases of every law from seed 0, by the declared convention."""
    run("check mine")
    options, _ = asked["mine"]
    assert options == {
        "effort": "standard",
        "seed": 0,
        "convention": None,
        "select": (),
        "ignore": (),
        "expect": {},
        "replay": None,
    }


def test_a_reason_may_hold_an_equals_sign(asked):
    """The law ends at the first one, and all the rest is the reason."""
    run("check mine --expect output=eps=0")
    assert asked["mine"][0]["expect"] == {"output": "eps=0"}


@pytest.mark.parametrize("options", ["--expect output=", "--time-limit inf"])
def test_an_option_that_means_nothing_is_refused_before_anything_runs(options, asked):
    """A failure that nobody explains is no known one, and a limit that never comes is none."""
    with pytest.raises(click.ClickException) as refused:
        run(f"check mine {options}")
    assert refused.value.format_message().startswith(options.split()[0])
    assert not asked


@pytest.mark.parametrize(("target", "status"), [("right", 0), ("wrong", 1)])
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_violation_shows_in_the_status_in_both_formats(target, status, form, asked):
    """A script that reads the status alone is not misled by the format."""
    assert run(f"check {target} --format {form}").return_value == status
