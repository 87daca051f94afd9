"""The last step of a check: which law counts as what, and in which order violations are read."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from bnproof.contract import Cause, Violation
from bnproof.laws.law import Law, load_laws
from bnproof.verification import concluding
from bnproof.verification.concluding import conclude, explain
from bnproof.verification.planning import CheckOptions
from bnproof.verification.verdict import Tally

NAMES = ("shift", "output", "affine", "fold-bias")


def build_examination(plan, broken, judged):
    """What was seen, as far as a conclusion reads it."""
    session = SimpleNamespace(
        target=SimpleNamespace(convention=SimpleNamespace(name="keras")),
        tallies={name: Tally("") for name in judged},
        unjudged={"output": 2},
        count=29,
    )
    laws = [Law(name, "", "", ("y", "dx"), None) for name in plan]
    return SimpleNamespace(name="mine", plan=laws, session=session, broken=set(broken))


def list_explained(monkeypatch, names, causes, broken=NAMES):
    """The violations of laws with these names after the causes were found."""
    monkeypatch.setattr(concluding, "find_causes", lambda examination: causes)
    examination = SimpleNamespace(broken=set(broken))
    return explain([Violation(name, "", name, "") for name in names], examination)


@given(*[st.sets(st.sampled_from(NAMES))] * 3)
def test_every_planned_law_counts_once(broken, judged, expected):
    """It holds, is violated, failed as expected or is not offered, and never two of these."""
    judged = judged | broken
    options = CheckOptions(expect=dict.fromkeys(expected, "known"))
    violations = [Violation(name, "", "", "") for name in NAMES if name in broken - expected]
    verdict = conclude(build_examination(NAMES, broken, judged), violations, options)
    told = {violation.law for violation in verdict.violations}
    assert told == broken ^ expected
    assert verdict.expected == dict.fromkeys(broken & expected, "known")
    assert set(verdict.passed) == judged - broken - expected
    assert set(verdict.not_offered) == set(NAMES) - judged - expected
    counted = [*told, *verdict.expected, *verdict.passed, *verdict.not_offered]
    assert sorted(counted) == sorted(NAMES)


def test_an_expectation_that_does_not_come_true_is_a_violation_with_its_reason():
    """A list of known failures must not go stale: the law is named with what was said of it."""
    options = CheckOptions(expect={"shift": "see the changelog"})
    (idle,) = conclude(build_examination(["shift"], (), ["shift"]), [], options).violations
    assert (idle.law, idle.quantity) == ("shift", "y, dx")
    assert "see the changelog" in idle.message


def test_what_was_asked_and_how_much_was_judged_is_kept(tmp_path):
    """The verdict says by itself how it can be repeated."""
    options = CheckOptions(
        "quick", 5, "keras", ("shift",), ("affine",), replay=tmp_path / "seen.json"
    )
    verdict = conclude(build_examination(["shift"], (), ["shift"]), [], options)
    assert (verdict.target, verdict.convention, verdict.cases) == ("mine", "keras", 29)
    assert (verdict.effort, verdict.seed, verdict.unjudged) == ("quick", 5, {"output": 2})
    assert verdict.options == {
        "select": ["shift"],
        "ignore": ["affine"],
        "expect": {},
        "replay": str(tmp_path / "seen.json"),
    }


def test_a_wrong_value_is_read_before_a_wrong_relation(monkeypatch):
    """Laws that show a number beside the right one come first; else the order of the plan stays."""
    names = ("shift", "output", "affine", "fold-bias")
    explained = list_explained(monkeypatch, names, {})
    assert [violation.law for violation in explained] == ["output", "fold-bias", "shift", "affine"]
    assert all(name in load_laws() for name in names)


def test_each_violation_gets_the_cause_of_its_law(monkeypatch):
    """And none where no cause was sought for its law."""
    causes = {name: Cause(name, f"because of {name}", "unknown") for name in ("output", "affine")}
    found = {one.law: one.cause for one in list_explained(monkeypatch, NAMES, causes)}
    assert found == {**causes, "shift": None, "fold-bias": None}


def test_another_convention_needs_no_cause(monkeypatch):
    """The one violation that says so is left as it is, and no model of a bug is asked."""
    causes = {"convention": Cause("x", "x", "unknown")}
    (only,) = list_explained(monkeypatch, ["convention"], causes, broken=["running-variance"])
    assert only.cause is None
