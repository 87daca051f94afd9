"""Planning a check: selection, bad requests, the JSON object."""

import pytest

import bnproof
from bnproof.certify.bounds import NoBound, Precision
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.law import laws
from bnproof.theorems.book import book
from bnproof.verification.examining import UnknownLaw


def test_every_law_names_a_theorem_of_the_book():
    """Laws about behaviour aside, which the contract alone asks for, each comes from a theorem."""
    contract = {law for law in laws() if law.startswith(("layout", "sequence-re"))}
    contract |= {"answers", "untouched", "repeats", "channels-apart", "fresh-state", "broadcast-input"}
    assert {law.id for law in laws().values() if not law.theorem} == contract
    assert all(law.theorem in book() for law in laws().values() if law.theorem)


def test_only_selected_laws_run():
    """--select and --ignore narrow the plan."""
    chosen = bnproof.check(NumpyBatchNorm(), effort="quick", select=["output", "shift"], ignore=["shift"])
    assert chosen.passed == ["output"]


def test_unknown_laws_and_efforts_are_refused():
    """A slip is met with near names."""
    with pytest.raises(UnknownLaw, match="try output"):
        bnproof.check(NumpyBatchNorm(), select=["outputt"])
    with pytest.raises(ValueError, match="use one of quick"):
        bnproof.check(NumpyBatchNorm(), effort="lazy")


def test_the_verdict_as_json():
    """The contract's keys, plain values only."""
    answer = bnproof.check(NumpyBatchNorm(), effort="quick", select=["output"]).as_json()
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
    assert verdict.unjudged["output"] + verdict.worst["output"].cases == verdict.cases
