"""The status of several proofs, and what is printed of those that did not come out as wanted."""

import pytest
from click.testing import CliRunner
from sympy import Eq, Integer, Symbol, true

from bnproof.cli import group
from bnproof.symbolic.outcomes import Undecided
from bnproof.theorems import proving
from bnproof.theorems.conditions import Needed
from bnproof.theorems.proving import Outcome, Posed, Settled


def settle(name, verdict, conditions=()):
    """A theorem with one assertion that came out like this."""
    posed = Posed("assertion", f"{name} [both sides]", true, ())
    detail = Undecided("no [rule] applies") if verdict == "undecided" else "at m = 2"
    return Outcome(name, (Settled(posed, verdict, detail, conditions),), 0.25)


def prove(monkeypatch, outcomes):
    """What the command returns and prints where the theorems come out like this."""
    monkeypatch.setattr(proving, "settle_all", lambda names, advance: outcomes)
    done = CliRunner().invoke(
        group, ["prove"], standalone_mode=False, catch_exceptions=False, env={"COLUMNS": "100"}
    )
    return done.return_value, done.output


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [
        ([], 0),
        (["proved", "proved"], 0),
        (["refuted", "proved"], 1),
        (["undecided", "proved"], 3),
        (["undecided", "refuted"], 3),
    ],
)
def test_the_status_is_that_of_the_worst(verdicts, status, monkeypatch):
    """Wherever it stands, a theorem that is not proved shows; an undecided one shows most."""
    outcomes = [settle("collapse", verdict) for verdict in verdicts]
    assert prove(monkeypatch, outcomes)[0] == status


def test_what_is_proved_says_nothing_below_the_table(monkeypatch):
    """Between the row of the theorem and the two lines that sum up nothing is printed."""
    _, output = prove(monkeypatch, [settle("collapse", "proved")])
    lines = output.splitlines()
    assert lines[1].split()[:2] == ["collapse", "proved"]
    assert lines[2].startswith("refuted: false variants")
    assert lines[3] == ""
    assert lines[4].startswith("1 of 1 theorems proved")


@pytest.mark.parametrize(
    ("verdict", "why"), [("undecided", "no [rule] applies"), ("refuted", "at m = 2")]
)
def test_what_is_not_proved_is_told_with_its_reason(verdict, why, monkeypatch):
    """The statement, how it came out, and why, brackets included; it is not counted as proved."""
    _, output = prove(monkeypatch, [settle("shift", "proved"), settle("collapse", verdict)])
    assert f"collapse: collapse [both sides] is {verdict}: {why}" in output
    assert "1 of 2 theorems proved" in output


def test_a_condition_that_nothing_speaks_for_is_told(monkeypatch):
    """It is counted against the conditions that are needed, and named below the table."""
    needed = Needed(Eq(Symbol("eps"), 0, evaluate=False), "1/s is undefined")
    idle = Needed(Symbol("a") > Integer(7), "")
    _, output = prove(monkeypatch, [settle("collapse", "proved", (needed, idle))])
    assert "1/2" in output.splitlines()[1].split()
    assert "is proved" not in output
    assert "a > 7: nothing was found that speaks for it" in output
    assert "1/s" not in output
