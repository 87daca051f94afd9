"""The last step of a check: which law counts as what, which areas hold, and what is expected."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.contract import AREAS, Cause, Failure, FailureKind, Finding, Violation
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.law import Law
from bnproof.verification.concluding import conclude
from bnproof.verification.extents import Traits
from bnproof.verification.findings import Explained
from bnproof.verification.planning import CheckOptions
from bnproof.verification.session import Broken
from bnproof.verification.verdict import Tally

NAMES = ("shift", "output", "affine", "fold-bias")
SINGLE = Traits("float32", 2, 3, 8, 1.0, 1e-7, (), 1e-5, constant=False, samples=8)


def build_examination(
    plan, broken, judged, traits=(SINGLE,), outcomes=None, walks=(), failed=(), answered=()
):
    """What was seen, as far as a conclusion reads it; ids stand for laws about y and dx.

    Of the methods that ``failed`` in some case, those that ``answered`` did so in another one.
    """
    failures = [Failure(FailureKind.RAISED, method) for method in failed]
    kept = [Broken(None, measure_failure("answers", failure)) for failure in failures]
    session = SimpleNamespace(
        broken={"answers": kept},
        answered=set(answered),
        target=SimpleNamespace(convention=SimpleNamespace(name="keras")),
        tallies={name: Tally("") for name in judged},
        unjudged={"output": 2},
        count=29,
        traits=list(traits),
        outcomes=outcomes or {},
    )
    laws = [
        law if isinstance(law, Law) else Law(law, "", "", ("y", "dx"), None, area="formula")
        for law in plan
    ]
    return SimpleNamespace(
        name="mine", plan=laws, session=session, broken=set(broken), walks=dict.fromkeys(walks)
    )


def build_finding(name, *laws):
    """A finding with one violation for each of its laws; its area stands before the slash."""
    cause = Cause("", "", "unknown")
    finding = Finding(name, name.partition("/")[0], "", laws, "all inputs", cause, "")
    return Explained(finding, tuple(Violation(law, "", "", "", finding=name) for law in laws))


def conclude_findings(explained, **options):
    """The verdict on these findings, whose laws are all that was planned and judged."""
    laws = list(dict.fromkeys(law for one in explained for law in one.finding.laws))
    return conclude(build_examination(laws, laws, laws), explained, CheckOptions(**options))


def list_told(verdict):
    """The ids of the findings, each with the laws of its violations."""
    told = {finding.id: [] for finding in verdict.findings}
    for violation in verdict.violations:
        told[violation.finding].append(violation.law)
    return told


@given(*[st.sets(st.sampled_from(NAMES))] * 3)
def test_every_planned_law_counts_once(broken, judged, expected):
    """It holds, is violated, failed as expected or is not offered, and never two of these."""
    judged = judged | broken
    options = CheckOptions(expect=dict.fromkeys(expected, "known"))
    explained = [build_finding(f"formula/{name}", name) for name in NAMES if name in broken]
    verdict = conclude(build_examination(NAMES, broken, judged), explained, options)
    told = {violation.law for violation in verdict.violations}
    assert told == broken ^ expected
    assert {law for finding in verdict.findings for law in finding.laws} == told
    assert verdict.expected == dict.fromkeys(broken & expected, "known")
    assert set(verdict.passed) == judged - broken - expected
    assert set(verdict.not_offered) == set(NAMES) - judged - expected
    counted = [*told, *verdict.expected, *verdict.passed, *verdict.not_offered]
    assert sorted(counted) == sorted(NAMES)


def test_a_law_about_a_method_that_always_fails_is_unanswered():
    """The method is offered, so that its laws are not said to be not offered."""
    output, gradient = Law("output", "", "", ("y",), None), Law("shift", "", "", ("dx",), None)
    for answered, unanswered, not_offered in (
        ((), ["output"], ["shift"]),
        # An answer to another case: there the law had nothing to judge.
        (("train",), [], ["output", "shift"]),
    ):
        examination = build_examination(
            [output, gradient], (), (), failed=["train", "infer"], answered=answered
        )
        verdict = conclude(examination, [], CheckOptions())
        assert (verdict.unanswered, verdict.not_offered) == (unanswered, not_offered)
        assert verdict.passed == []


def test_an_expectation_that_does_not_come_true_is_a_violation_with_its_reason():
    """A list of known failures must not go stale: the law is named with what was said of it."""
    options = CheckOptions(expect={"one-value": "see the changelog"})
    verdict = conclude(build_examination(["one-value"], (), ["one-value"]), [], options)
    (idle,), (finding,) = verdict.violations, verdict.findings
    assert (idle.law, idle.quantity) == ("one-value", "y, running_var")
    assert "see the changelog" in idle.message
    assert (finding.id, finding.area) == ("edges/expectation-one-value", "edges")
    assert finding.laws == ("one-value",)
    assert idle.message == f"{finding.title}: {finding.mend}"
    assert idle.finding == finding.id
    assert not verdict.ok


@pytest.mark.parametrize("name", ["half", "half/D01"])
def test_an_area_or_a_finding_that_is_expected_in_vain_is_a_violation(name):
    """Its finding is in the area that was named."""
    options = CheckOptions(expect={name: "see the changelog"})
    verdict = conclude(build_examination(["shift"], (), ["shift"]), [], options)
    (idle,), (finding,) = verdict.violations, verdict.findings
    assert (idle.law, finding.area, finding.laws) == (name, "half", ())
    assert "see the changelog" in idle.message
    assert verdict.passed == ["shift"]


@pytest.mark.parametrize("name", ["half/D01", "half"])
def test_a_finding_is_expected_by_its_id_or_its_area(name):
    """Then none of its violations is told, and other findings are."""
    explained = [build_finding("half/D01", "output", "shift"), build_finding("formula/x", "affine")]
    verdict = conclude_findings(explained, expect={name: "known"})
    assert list_told(verdict) == {"formula/x": ["affine"]}
    assert verdict.expected == {name: "known"}
    assert verdict.areas["half"] == verdict.areas["formula"] == "finding"


def test_an_expected_area_covers_all_of_its_findings_and_no_other():
    """Two findings of one area are both known where the area is."""
    explained = [
        build_finding("half/D01", "output"),
        build_finding("half/D04", "shift"),
        build_finding("accuracy/V01", "affine"),
    ]
    assert list_told(conclude_findings(explained, expect={"half": "known"})) == {
        "accuracy/V01": ["affine"]
    }
    assert list_told(conclude_findings(explained, expect={"half/D04": "known"})) == {
        "half/D01": ["output"],
        "accuracy/V01": ["affine"],
    }


def test_a_finding_stays_as_long_as_one_of_its_laws_was_not_expected_to_fail():
    """Only the violations of expected laws are left out of it."""
    explained = [build_finding("formula/F01", "output", "shift", "affine")]
    verdict = conclude_findings(explained, expect={"output": "known", "affine": "too"})
    assert list_told(verdict) == {"formula/F01": ["shift"]}
    assert verdict.expected == {"output": "known", "affine": "too"}
    verdict = conclude_findings(explained, expect=dict.fromkeys(explained[0].finding.laws, "known"))
    assert (verdict.ok, verdict.findings) == (True, [])


def test_what_was_not_selected_or_was_ignored_is_not_told():
    """Neither the finding nor its violations; its area does not hold all the same."""
    explained = [build_finding("half/D01", "output"), build_finding("statistics/R01", "shift")]
    for options in ({"select": ("statistics",)}, {"ignore": ("half",)}, {"ignore": ("half/D01",)}):
        verdict = conclude_findings(explained, **options)
        assert list_told(verdict) == {"statistics/R01": ["shift"]}
        assert verdict.areas["half"] == verdict.areas["statistics"] == "finding"


def test_what_was_asked_and_how_much_was_judged_is_kept(tmp_path):
    """The verdict says by itself how it can be repeated."""
    options = CheckOptions(
        "quick",
        5,
        "keras",
        ("shift",),
        ("affine",),
        dtypes=("float16",),
        ranks=(2, 3),
        methods=("train",),
        replay=tmp_path / "seen.json",
    )
    verdict = conclude(build_examination(["shift"], (), ["shift"]), [], options)
    assert (verdict.target, verdict.convention, verdict.cases) == ("mine", "keras", 29)
    assert (verdict.effort, verdict.seed, verdict.unjudged) == ("quick", 5, {"output": 2})
    assert verdict.options == {
        "select": ["shift"],
        "ignore": ["affine"],
        "expect": {},
        "dtypes": ["float16"],
        "ranks": [2, 3],
        "methods": ["train"],
        "replay": str(tmp_path / "seen.json"),
    }


def test_a_broken_law_without_a_violation_is_accounted_for():
    """It was expected by its own name, by that of its finding or area, or it was not to be told."""
    explained = [build_finding("half/D01", "output", "shift"), build_finding("formula/x", "affine")]
    for options, accounted in (
        ({}, {}),
        ({"expect": {"half": "known"}}, {"output": "expected", "shift": "expected"}),
        ({"expect": {"half/D01": "known"}}, {"output": "expected", "shift": "expected"}),
        ({"expect": {"shift": "known"}}, {"shift": "expected"}),
        ({"ignore": ("formula",)}, {"affine": "ignored"}),
        ({"select": ("affine",)}, {"output": "ignored", "shift": "ignored"}),
    ):
        verdict = conclude_findings(explained, **options)
        assert verdict.accounted == accounted
        assert all(verdict.find_state(law) == state for law, state in accounted.items())


# -- areas -----------------------------------------------------------------------------------------

HALF = replace(SINGLE, dtype="float16")
# One law of each kind: about numbers, and put into an area by itself.
OUTPUT = Law("output", "", "", ("y",), None)
STATISTIC = Law("running-mean", "", "", ("running_mean",), None)
EDGES = Law("empty-batch", "", "", ("y", "running_mean"), None, area="edges")


def find_areas(judged, outcomes, traits, explained=()):
    """The areas of a verdict, without those that are not offered."""
    examination = build_examination(
        [OUTPUT, STATISTIC, EDGES], (), judged, traits, outcomes, answered=["train"]
    )
    areas = conclude(examination, list(explained), CheckOptions()).areas
    assert tuple(areas) == AREAS, "in the order in which they are told"
    return {area: state for area, state in areas.items() if state != "not offered"}


def test_an_area_holds_if_something_was_judged_that_could_break_it():
    """A law about numbers stands for accuracy as well, in float32 or float64."""
    assert find_areas((), {}, [SINGLE]) == {}
    assert find_areas(["empty-batch"], {}, [SINGLE]) == {"edges": "holds"}
    assert find_areas(["output"], {"output": {0: True}}, [SINGLE]) == {
        "formula": "holds",
        "accuracy": "holds",
    }
    assert find_areas(["running-mean"], {"running-mean": {0: True}}, [SINGLE]) == {
        "statistics": "holds",
        "accuracy": "holds",
    }


def test_half_precision_holds_if_it_was_judged():
    """Of the cases, those on which a law about numbers was judged count."""
    traits = [SINGLE, HALF]
    judged = find_areas(["output"], {"output": {1: True}}, traits)
    assert judged == {"formula": "holds", "half": "holds"}
    both = find_areas(["output"], {"output": {0: True, 1: True}}, traits)
    assert both == {"formula": "holds", "accuracy": "holds", "half": "holds"}
    # A law that asks for a special input says nothing of half precision.
    assert find_areas(["empty-batch"], {"empty-batch": {1: True}}, traits) == {"edges": "holds"}


def test_an_area_with_a_finding_does_not_hold():
    """A law about the output may show in another area, and its own one then holds."""
    areas = find_areas(
        ["output"],
        {"output": {0: True, 1: False}},
        [SINGLE, HALF],
        [build_finding("half/D01", "output")],
    )
    assert areas == {"formula": "holds", "accuracy": "holds", "half": "finding"}


def test_an_area_whose_method_gave_no_answer_is_not_offered():
    """A law about several methods may have judged another one."""
    both = Law("gamma-matters", "", "", ("y", "infer_y"), None)
    examination = build_examination(
        [both], (), ["gamma-matters"], outcomes={"gamma-matters": {0: True}}, answered=["train"]
    )
    areas = conclude(examination, [], CheckOptions()).areas
    assert (areas["formula"], areas["inference"]) == ("holds", "not offered")


def test_an_area_in_which_a_finding_breaks_laws_does_not_hold():
    """Though the finding is told in another one."""
    explained = build_finding("formula/F01", "output")
    touching = replace(explained.finding, touches=("formula", "inference"))
    areas = conclude_findings([replace(explained, finding=touching)]).areas
    assert areas["formula"] == areas["inference"] == "finding"


SHARED = {
    "one dtype of two": ([SINGLE, HALF], {0: True, 1: False}, "float16"),
    "both dtypes": ([SINGLE, HALF], {0: False, 1: False}, ""),
    "no other one was asked": ([HALF, HALF], {0: False, 1: True}, ""),
    "both half precisions": (
        [SINGLE, HALF, replace(HALF, dtype="bfloat16")],
        {0: True, 1: False, 2: False},
        "half precision",
    ),
    "float64 alone": (
        [SINGLE, replace(SINGLE, dtype="float64")],
        {0: True, 1: False},
        "float64",
    ),
    "two that have no name together": (
        [SINGLE, HALF, replace(SINGLE, dtype="float64")],
        {0: True, 1: False, 2: False},
        "",
    ),
}


@pytest.mark.parametrize(("traits", "outcomes", "affected"), SHARED.values(), ids=SHARED)
def test_the_dtype_that_all_findings_lie_in_is_named(traits, outcomes, affected):
    """So that a reader learns at once that all others are right."""
    examination = build_examination([OUTPUT], ["output"], ["output"], traits, {"output": outcomes})
    explained = [build_finding("half/D01", "output")]
    assert conclude(examination, explained, CheckOptions()).affected == affected
    assert conclude(examination, [], CheckOptions()).affected == "", "nothing was found"


def test_a_broken_sequence_of_calls_is_not_in_one_dtype():
    """It has no case, so nothing is said of the dtypes."""
    examination = build_examination(
        [OUTPUT], ["output"], ["output"], [SINGLE, HALF], {"output": {0: True, 1: False}}, ["walk"]
    )
    explained = [build_finding("half/D01", "output")]
    assert conclude(examination, explained, CheckOptions()).affected == ""
