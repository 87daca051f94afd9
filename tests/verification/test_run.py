"""Planning a check: selection, bad requests, the JSON object."""

import pytest

import bnproof
from bnproof.certify.bounds import NoBound, Precision
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
