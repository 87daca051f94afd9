"""Words decide nothing: with noise for every sentence a check finds the same, and each kind of
failure has a sentence."""

import itertools

import numpy as np
import pytest

from bnproof import wording
from bnproof.contract import Failure, FailureKind, Measurement
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification import concluding, residuals, violations
from bnproof.verification.planning import CheckOptions
from bnproof.verification.run import check


class Narrow(NumpyBatchNorm):
    """Raises for some inputs, and returns an answer of another form for others."""

    def train(self, x, *arguments, **options):
        if x.ndim > 3:
            raise RuntimeError(f"rank {x.ndim} of shape {x.shape}")
        y, mean, var = super().train(x, *arguments, **options)
        return (y[:1] if len(x) > 4 else y), mean, var

    def infer(self, x, *arguments, **options):
        x += 1
        return super().infer(x, *arguments, **options)


BROKEN = {
    "a factor": list_mutants()["F01"].make,
    "failures of several kinds": Narrow,
    "state between calls": list_mutants()["F18"].make,
    "a layer": list_mutants()["R11"].make,
    "another convention": type("Undeclared", (list_mutants()["R01"].make,), {}),
}


def found(implementation):
    """What a quick check decides: laws, quantities, the smallest inputs, causes, and where the
    worst error is."""
    verdict = check(implementation, CheckOptions("quick"))
    decided = [
        (
            v.law,
            v.quantity,
            v.case,
            v.got,
            v.ulp,
            v.cause and (v.cause.mechanism, v.cause.confidence),
        )
        for v in verdict.violations
    ]
    return decided, verdict.passed, verdict.not_offered, verdict.tallies


@pytest.mark.parametrize("implementation", BROKEN.values(), ids=BROKEN)
def test_noise_for_every_sentence_changes_nothing(implementation, monkeypatch):
    """The same verdict, the same shrunk input, the same cause, whatever the messages say."""
    before = found(implementation)
    assert before[0]
    noise = itertools.count()
    for module in (wording, violations, concluding, residuals):
        for name in [name for name in vars(module) if name.startswith("describe_")]:
            monkeypatch.setattr(module, name, lambda *arguments: f"noise {next(noise)}")
    monkeypatch.setattr(
        "bnproof.laws.answers.describe_failure", lambda failure: f"noise {next(noise)}"
    )
    assert found(implementation) == before
    assert next(noise) > 0


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_of_failure_has_a_sentence(kind):
    """One line that names the method or what it is about."""
    failure = Failure(kind, "train", "y", "TypeError", "5", "3")
    said = wording.describe_failure(failure)
    assert "train" in said or "y" in said
    assert "\n" not in said


def test_a_failure_resembles_one_with_other_values():
    """What was seen may differ; the method, the subject and the exception may not."""
    failure = Failure(FailureKind.RAISED, "train", exception="ValueError", got="m = 3")
    assert failure.resembles(
        Failure(FailureKind.RAISED, "train", exception="ValueError", got="m = 4")
    )
    assert not failure.resembles(
        Failure(FailureKind.RAISED, "infer", exception="ValueError", got="m = 3")
    )
    assert not failure.resembles(None)


def test_the_exact_value_keeps_what_one_float_cannot():
    """Twenty digits of the sum of two floats."""
    third = Measurement(
        "output", ("y",), 2.0, got=0.5, exact=(1 / 3, float(np.ldexp(1.0, -54)) / 3)
    )
    assert wording.format_exact(third) == "0.33333333333333333333"
