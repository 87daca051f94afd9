"""Planning a check: selection, bad requests, the JSON object."""

import json

import numpy as np
import pytest

import bnproof
from bnproof.certify.bounds import NoBound, Precision
from bnproof.contract import AREAS
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.targets import UnusableTarget
from bnproof.laws.law import load_laws
from bnproof.mutants.catalogue import list_mutants
from bnproof.theorems.book import book
from bnproof.verification.planning import UnknownLaw


def test_every_law_names_a_theorem_of_the_book():
    """Laws about behaviour aside, which the contract alone asks for, each comes from a theorem."""
    contract = {law for law in load_laws() if law.startswith(("layout", "sequence-re"))}
    contract |= {
        "answers",
        "untouched",
        "repeats",
        "channels-apart",
        "fresh-state",
        "sequence-saved",
        "broadcast-input",
    }
    assert {law.id for law in load_laws().values() if not law.theorem} == contract
    assert all(law.theorem in book() for law in load_laws().values() if law.theorem)


def test_only_selected_laws_run():
    """--select and --ignore narrow the plan."""
    chosen = bnproof.check(
        NumpyBatchNorm(), effort="quick", select=["output", "shift"], ignore=["shift"]
    )
    assert chosen.passed == ["output"]


def test_unknown_laws_and_efforts_are_refused():
    """A slip is met with near names."""
    with pytest.raises(UnknownLaw, match="try output"):
        bnproof.check(NumpyBatchNorm(), select=["outputt"])
    with pytest.raises(ValueError, match="use one of quick"):
        bnproof.check(NumpyBatchNorm(), effort="lazy")


def test_an_expectation_has_to_be_of_a_law_that_is_judged():
    """Selected away or ignored, it could neither fail nor hold."""
    for options in ({"select": ["output"]}, {"ignore": ["shift"]}):
        with pytest.raises(UnknownLaw, match="not judged"):
            bnproof.check(NumpyBatchNorm(), expect={"shift": "why"}, **options)


def test_the_smallest_input_is_one_that_may_be_asked():
    """Shrinking keeps to the ranks of ``supports`` and to what was wrong."""

    class Images(NumpyBatchNorm):
        supports = {"ranks": [4]}

        def train(self, x, *arguments, **options):
            if x.shape[3] > 1:
                raise RuntimeError("too wide")
            return super().train(x, *arguments, **options)

    (found,) = bnproof.check(Images(), effort="quick", select=["answers"]).violations
    assert "too wide" in found.message
    assert len(found.case["x"]["shape"]) == 4


def test_a_layer_without_a_state_is_refused():
    """In one line that says what a state is."""

    class Stateless:
        def __init__(self, num_features, **options):
            self.num_features = num_features

        def forward(self, x, *, training):
            return x

        def backward(self, dy):
            return dy, None, None

    with pytest.raises(UnusableTarget, match="Stateless has no state: make it a dictionary"):
        bnproof.check(Stateless, effort="quick")


def test_the_verdict_as_json():
    """The contract's keys, plain values only."""
    answer = bnproof.check(NumpyBatchNorm(), effort="quick", select=["output"]).to_dict()
    assert answer["target"] == "bnproof.implementations.numpy:NumpyBatchNorm"
    assert answer["passed"] == ["output"]
    assert answer["not_offered"] == []


def test_batches_too_long_for_the_precision_are_reported_not_judged(monkeypatch):
    """m u >= 1: counted per law, neither passed nor violated."""
    plain = Precision.gamma

    def short(self, n):
        if n >= 20:
            raise NoBound("too long")
        return plain(self, n)

    monkeypatch.setattr(Precision, "gamma", short)
    verdict = bnproof.check(NumpyBatchNorm(), effort="quick", select=["output", "shift"])
    assert verdict.ok
    assert verdict.unjudged["output"] > 0
    assert verdict.unjudged["output"] + verdict.tallies["output"].cases == verdict.cases


def test_the_verdict_as_a_table():
    """One row for each law that was judged, with its verdict and the worst error and where."""
    verdict = bnproof.check(
        list_mutants()["R01"].make(),
        effort="quick",
        select=["output", "running-variance"],
        expect={"running-variance": "tracks v"},
    )
    frame = verdict.to_frame().set_index("law")
    assert dict(frame["verdict"]) == {"output": "holds", "running-variance": "expected"}
    assert frame.loc["running-variance", "violated"] > 0
    assert frame.loc["output", "worst_error"] <= 1
    assert verdict.to_dict()["options"]["expect"] == {"running-variance": "tracks v"}


class HandWritten:
    """Tracks the biased variance without saying so, and folds with a bias that is not scaled."""

    formulas = type("Made", (list_mutants()["O01"].make,), {"bessel": lambda self, v, m: v})()

    def train(self, *arguments, **options):
        return self.formulas.train(*arguments, **options)

    def fold(self, *arguments, **options):
        return self.formulas.fold(*arguments, **options)


# One rank of one dtype, and two methods: a check of a second.
SMALL = {"effort": "quick", "dtypes": ["float64"], "ranks": [2]}


def test_a_convention_that_is_followed_in_silence_is_one_finding_beside_the_others():
    """The target is judged by it, so that no law about statistics is violated."""
    verdict = bnproof.check(HandWritten(), select=["statistics", "folding"], **SMALL)
    assert [finding.id for finding in verdict.findings] == ["statistics/convention", "folding/O01"]
    assert verdict.convention == "biased"
    assert {violation.law for violation in verdict.violations} == {"convention", "fold-bias"}
    assert "running-variance" in verdict.passed
    assert {area for area, state in verdict.areas.items() if state == "finding"} == {
        "statistics",
        "folding",
    }


def test_a_convention_that_is_asked_for_is_no_finding():
    """Neither is one that is declared."""
    asked = bnproof.check(
        HandWritten(), convention="biased", select=["running-variance", "fold-bias"], **SMALL
    )
    assert [finding.id for finding in asked.findings] == ["folding/O01"]
    wrong = bnproof.check(
        HandWritten(), convention="torch", select=["running-variance", "fold-bias"], **SMALL
    )
    assert [finding.id for finding in wrong.findings] == ["statistics/R01", "folding/O01"]
    assert wrong.convention == "torch"


def test_a_finding_may_be_selected_ignored_or_expected():
    """By its id or by its area, as it was told the first time."""
    options = {"convention": "torch", **SMALL}
    for name in ("folding/O01", "folding"):
        (only,) = bnproof.check(HandWritten(), select=[name], **options).findings
        assert only.id == "folding/O01"
        laws = ["running-variance", "fold-bias"]
        (other,) = bnproof.check(HandWritten(), select=laws, ignore=[name], **options).findings
        assert other.id == "statistics/R01"
        expected = bnproof.check(HandWritten(), select=laws, expect={name: "known"}, **options)
        assert [finding.id for finding in expected.findings] == ["statistics/R01"]
        assert expected.expected == {name: "known"}


def test_half_precision_alone_may_be_selected_and_expected():
    """What fails on all of it is told in its area, as it is where other dtypes are asked too."""

    class Half(NumpyBatchNorm):
        def infer(self, x, *arguments, **options):
            y = super().infer(x, *arguments, **options)
            return y * x.dtype.type(2 if x.dtype.itemsize == 2 else 1)

    options = {"effort": "quick", "methods": ["infer"], "ranks": [2]}
    whole = bnproof.check(Half(), select=["inference-output"], **options)
    alone = bnproof.check(Half(), select=["half"], ignore=["inference-alone"], **options)
    for verdict in (whole, alone):
        (finding,) = verdict.findings
        assert finding.area == "half"
        assert verdict.areas["half"] == "finding"
    assert whole.affected == "half precision"
    assert bnproof.check(Half(), select=["half"], expect={"half": "known"}, **options).ok


def test_a_verdict_with_findings_is_valid_json():
    """The keys are those of the contract, and every finding has its example as plain values."""
    verdict = bnproof.check(HandWritten(), select=["folding"], **SMALL)
    written = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert {"target", "ok", "convention", "areas", "affected", "findings", "violations"} <= set(
        written
    )
    assert list(written["areas"]) == list(AREAS)
    (finding,) = written["findings"]
    assert (finding["id"], finding["cause"]["how"]) == ("folding/O01", "same values")
    weight = finding["example"]["arguments"]["weight"]
    assert np.array(weight["values"], weight["dtype"]).shape == tuple(weight["shape"])
    answer = HandWritten().fold(
        **{
            name: np.array(value["values"], value["dtype"]) if isinstance(value, dict) else value
            for name, value in finding["example"]["arguments"].items()
        }
    )
    (index,) = finding["example"]["where"]
    assert answer[1][index] == finding["example"]["got"] != finding["example"]["exact"]
    assert {violation["finding"] for violation in written["violations"]} == {"folding/O01"}


def test_an_answer_without_a_size_is_valid_json():
    """NaN is as far off as can be, and JSON has neither it nor infinity."""
    made = HandWritten()
    made.infer = lambda x, *arguments, **options: x * np.nan
    verdict = bnproof.check(made, select=["inference-output"], convention="biased", **SMALL)
    written = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))
    assert (written["violations"][0]["law"], written["violations"][0]["ulp"]) == (
        "inference-output",
        None,
    )
    assert written["findings"][0]["example"]["got"] == "nan"


def test_methods_that_are_left_out_are_not_called():
    """Their laws are not offered, whatever the implementation offers."""
    made = HandWritten()
    made.infer = lambda *arguments, **options: pytest.fail("called")
    laws = ["running-variance", "inference-output"]
    verdict = bnproof.check(made, select=laws, convention="biased", methods=["train"], **SMALL)
    assert (verdict.passed, verdict.not_offered) == (laws[:1], laws[1:])
    assert verdict.areas["inference"] == "not offered"
