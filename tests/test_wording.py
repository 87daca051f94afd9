"""Words decide nothing: with noise for every sentence a check finds the same, and each kind of
failure has a sentence."""

import itertools

import numpy as np
import pytest

from bnproof import wording
from bnproof.contract import Cause, Failure, FailureKind, Measurement, Violation
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


# one by default; the others take a whole check each, twice
EVERY = [
    pytest.param(made, id=name, marks=() if name in list(BROKEN)[:1] else pytest.mark.slow)
    for name, made in BROKEN.items()
]


@pytest.mark.parametrize("implementation", EVERY)
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


def test_where_a_law_holds_nothing_is_said():
    """At the bound it still holds; beyond it there is a sentence."""
    at, beyond = (Measurement("output", ("y",), ratio, got=0.5) for ratio in (1.0, 1.5))
    assert wording.describe_measurement(at, "a law") == ""
    assert "y[] is 0.5" in wording.describe_measurement(beyond, "a law")


def test_a_value_is_shown_with_every_bit():
    """``float.fromhex`` reads it back; without a number there is nothing to read."""
    seen = Measurement("output", ("y",), 2.0, got=0.1, exact=(1 / 3, 0.0), allowed=2.0**-30)
    assert float.fromhex(wording.format_got(seen)) == 0.1
    value, _, allowed = wording.format_expected(seen).partition(" +- ")
    assert float.fromhex(value) == 1 / 3
    assert allowed == "9.31e-10"
    failed = Measurement("answers", (), float("inf"))
    assert (wording.format_got(failed), wording.format_expected(failed)) == ("", "")


def test_a_refusal_of_another_kind_is_said_to_be_one():
    """Where ``ValueError`` was asked for, the sentence ends with that."""
    raised = Failure(FailureKind.RAISED, "train", exception="TypeError", got="no")
    assert wording.describe_failure(raised) == "train raised TypeError: no"
    asked = Failure(
        FailureKind.RAISED, "train", exception="TypeError", got="no", expected="ValueError"
    )
    assert wording.describe_failure(asked).endswith(": no, where ValueError is asked for")


def test_a_violation_is_told_with_what_is_known_alone():
    """A cause that is known, three of its sources, and the program last; an unknown cause is not
    mentioned, and no line is empty."""
    cause = Cause("eps outside", "eps is added to s", "same values", tuple("abcde"))
    full = Violation("output", "y", "y is wrong", "run()", residual="twice", cause=cause)
    told = wording.describe_violation(full)
    first = ["output: y is wrong", "twice"]
    assert told.splitlines()[:2] == first
    assert "gives the same values): eps is added to s" in told
    assert [line[-1] for line in told.splitlines() if line.startswith("seen before")] == list("abc")
    assert told.endswith("to reproduce:\n\nrun()")
    unknown = Violation("output", "y", "y is wrong", "", cause=Cause("", "unknown", "unknown"))
    assert wording.describe_violation(unknown) == "output: y is wrong"
