"""Words decide nothing: with noise for every sentence a check finds the same, and each kind of
failure has a sentence."""

import itertools
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof import wording
from bnproof.contract import (
    Call,
    Cause,
    Example,
    Failure,
    FailureKind,
    Finding,
    Measurement,
    Violation,
)
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification import concluding, findings, residuals, violations
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
    """What a quick check decides: laws, quantities, the smallest inputs, causes, findings, areas,
    and where the worst error is."""
    verdict = check(implementation, CheckOptions("quick", ranks=(2, 4)))
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
    told = [
        (f.id, f.area, f.laws, f.extent, f.example and f.example.seen.got, f.cause.mechanism)
        for f in verdict.findings
    ]
    areas = (verdict.areas, verdict.affected)
    return decided, told, areas, verdict.passed, verdict.not_offered, verdict.tallies


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
    for module in (wording, findings, violations, concluding, residuals):
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


# -- findings --------------------------------------------------------------------------------------


def build_value(*quantities, **changed):
    """A measurement in which a value of these quantities is wrong."""
    parts = {"got": 2.5, "exact": (3.0, 0.0), "allowed": 1e-6, "where": (0, 1)} | changed
    return Measurement("output", quantities, 9.0, **parts)


RAISED = Measurement(
    "answers", (), 9.0, failure=Failure(FailureKind.RAISED, "infer", exception="E", got="no")
)


@pytest.mark.parametrize(
    ("quantities", "title"),
    [
        ([["dx"]], "dx is wrong"),
        ([["running_var"], ["y"]], "y and running_var are wrong"),
        ([["y"], ["y"], ["running_mean"]], "y and running_mean are wrong"),
        ([["dbeta"], ["dx", "dgamma"]], "dx, dgamma and dbeta are wrong"),
        ([["infer_dgamma"]], "dgamma at inference is wrong"),
        ([["shards_running_mean"], ["shards_y"]],
         "y on workers and running_mean on workers are wrong"),
        ([["folded_bias"]], "folded_bias is wrong"),
        ([["y", "dx"], ["dgamma", "dbeta"]], "y, dx, dgamma and dbeta are wrong"),
        ([["y", "dx"], ["dgamma", "dbeta"], ["d_x"]], "y, dx, dgamma and 2 more values are wrong"),
        ([["y", "y_shifted"]], "y is wrong"),
    ],
)  # fmt: skip
def test_a_title_names_what_is_wrong(quantities, title):
    """Each quantity once, in the order of the contract and with its place; of more than four, three
    and the number of the others."""
    seen = [build_value(*names) for names in quantities]
    assert wording.describe_title(seen, "a law") == title


def test_a_title_of_a_relation_is_the_law_and_of_another_call_says_which():
    """There is nothing else to say where a relation has names of its own; of another call it is
    said what is special about it."""
    relation = build_value("y_shifted", comparison="relation")
    assert wording.describe_title([relation], "a = b") == "this does not hold: a = b"
    other = build_value("y", calls=(Call("train", {}, says="in Fortran order"),))
    assert wording.describe_title([other], "a = b") == "y is wrong (in Fortran order)"


def test_a_title_of_failures_has_their_sentences():
    """Of three at most, and values that are wrong besides are left out."""
    failures = [
        Measurement("answers", (), 9.0, failure=Failure(FailureKind.ACCEPTED, method))
        for method in ("train", "infer", "fold", "train_vjp")
    ]
    title = wording.describe_title([failures[0], build_value("y"), *failures[1:]], "a law")
    assert title == "train answered; infer answered; fold answered"


def test_a_value_comes_before_failures_in_a_title():
    """Where the first measurement has a number, it is told by what is wrong."""
    assert wording.describe_title([build_value("y"), RAISED], "a law") == "y is wrong"


@pytest.mark.parametrize(
    ("got", "exact", "shown"),
    [
        (2.5, 3.0, "2.5, exactly 3"),
        (0.625, 0.75, "0.625, exactly 0.75"),
        (1.0001, 1.0002, "1.0001, exactly 1.0002"),
        (-0.40824829, -0.44721359, "-0.4082, exactly -0.4472"),
        (float("nan"), 1.0, "nan, exactly 1"),
        (float("-inf"), 1.0, "-inf, exactly 1"),
        (1.0, 1.0 + 2.0**-52, "1, exactly 1.0000000000000002"),
    ],
)
def test_an_answer_is_shown_with_the_digits_that_tell_it_from_the_exact_value(got, exact, shown):
    """And two more; every digit where they differ in the last one."""
    said = wording.describe_seen(build_value("y", got=got, exact=(exact, 0.0), allowed=0.0))
    assert said == f"y[0, 1] is {shown}; rounding explains none of it"


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_two_numbers_that_differ_are_never_shown_alike(got, exact):
    """However near they are, and each is shown rounded to some number of digits."""
    said = wording.describe_seen(build_value("y", got=got, exact=(exact, 0.0)))
    first, second = said.removeprefix("y[0, 1] is ").partition(";")[0].split(", exactly ")
    assert (first == second) == (got == exact)
    for text, value in ((first, got), (second, exact)):
        # 0 and -0 are shown alike.
        assert text in {f"{value + 0.0:.{digits}g}" for digits in range(3, 18)}


def test_a_difference_is_shown_by_its_size():
    """Of two sides of a relation, or of what an argument moves, there is no exact value."""
    relation = build_value("y", "y_shifted", got=-0.12345, allowed=2e-7, comparison="relation")
    effect = build_value("dx", got=-0.5, allowed=1e-9, comparison="effect")
    assert wording.describe_seen(relation) == (
        "the two sides differ by 0.123; rounding explains 2e-07"
    )
    assert wording.describe_seen(effect) == (
        "dx[0, 1] moves wrongly by 0.5; rounding explains 1e-09"
    )


def test_a_failure_has_no_answer():
    """It is told by the title."""
    assert wording.describe_seen(RAISED) == ""


def test_a_call_is_written_with_its_arguments():
    """Short arrays in decimals without a point where they are whole, others by dtype and shape,
    what is absent as None, and first what the call is about."""
    arguments = {
        "x": np.array([[1.0, -0.5], [0.25, 10.0]], np.float32),
        "shards": [np.zeros((1, 1), np.float16), np.zeros((0, 1), np.float16)],
        "gamma": np.array([0.1], np.float32),
        "beta": None,
        "running_mean": np.zeros(13),
        "eps": 1e-05,
        "kind": "linear",
    }
    assert wording.describe_call(Call("train", arguments, says="N = 0")) == (
        "N = 0: train(x = [[1, -0.5], [0.25, 10]], shards = [[[0]], <float16 of shape (0, 1)>],"
        " gamma = <float32 of shape (1,)>, beta = None, running_mean = <float64 of shape (13,)>,"
        " eps = 1e-05, kind = 'linear')"
    )
    assert wording.describe_call(Call("infer", {})) == "infer()"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=12))
def test_what_is_written_in_decimals_is_exact(entries):
    """Whoever types the decimals gets the very array; a number whose exact value has many digits is
    not written at all."""
    value = np.array(entries, np.float32)
    said = wording.describe_call(Call("infer", {"x": value})).removeprefix("infer(x = ")[:-1]
    assert wording.has_short_decimals(value) == all(len(repr(entry)) <= 9 for entry in entries)
    if said.startswith("["):
        typed = [Fraction(text) for text in said.strip("[]").split(", ")]
        assert typed == [Fraction(entry) for entry in entries]
    else:
        assert said == f"<float32 of shape ({len(entries)},)>"
        assert not entries or any(len(repr(entry)) > 9 for entry in entries)


@pytest.mark.parametrize(
    ("entries", "dtype", "short"),
    [
        ([], np.float64, True),
        ([0.1], np.float64, True),
        ([0.1], np.float32, False),
        ([0.5, -1.25], ml_dtypes.bfloat16, True),
        ([1 / 3], np.float64, False),
        ([1.2345678], np.float64, True),
        ([1.23456789], np.float64, False),
        ([1.0, 1.0 + 2.0**-23], np.float32, False),
        ([[1e20], [2.0]], np.float64, True),
    ],
)
def test_decimals_are_short_where_every_entry_has_few_digits(entries, dtype, short):
    """In any dtype and shape: it is the exact value that counts, and one long entry is enough."""
    assert wording.has_short_decimals(np.array(entries, dtype)) is short


KNOWN = Cause("eps", "eps: ``eps`` is lost.", "same values", ("first", "second"), "F01")
GUESSED = Cause("dtype", "the laws point to the dtype", "same pattern", family=True)
EXAMPLE = Example(Call("train", {"eps": 1.0}), build_value("y"))


def label(**changed):
    """The labelled lines of a finding with these parts."""
    parts = {"title": "y is wrong", "extent": "all", "cause": GUESSED, "mend": "repair it"}
    parts |= {"id": "formula/output", "area": "formula", "laws": ("output",)} | changed
    return dict(wording.describe_finding(Finding(**parts)))


def test_a_finding_is_told_in_the_order_in_which_it_is_read():
    """What is wrong, with which input and answer, the factor, the cause, and last what to do."""
    told = label(example=EXAMPLE, residual="y is twice the exact one")
    assert list(told.items()) == [
        ("wrong", "y is wrong"),
        ("input", "train(eps = 1.0)"),
        ("answer", "y[0, 1] is 2.5, exactly 3; rounding explains 1e-06"),
        ("that is", "y is twice the exact one"),
        ("guess", "the laws point to the dtype"),
        ("to do", "repair it"),
    ]


def test_a_known_cause_is_told_with_one_source_and_no_factor():
    """And with how it is known; the marks of code in its words are left out."""
    told = label(cause=KNOWN, residual="y is twice the exact one")
    assert told == {
        "wrong": "y is wrong",
        "cause": "eps: eps is lost.",
        "seen in": "first",
        "to do": "repair it",
    }


def test_a_sequence_of_calls_has_no_input_and_a_failure_no_answer():
    """What is not there is left out."""
    assert "input" not in label(example=Example(None, build_value("y")))
    assert "answer" in label(example=Example(None, build_value("y")))
    failed = label(example=Example(Call("infer", {}), RAISED))
    assert (failed["input"], "answer" in failed) == ("infer()", False)


@pytest.mark.parametrize(
    ("area", "guess"),
    [("formula", True), ("half", True), ("layout", False), ("edges", False), ("behaviour", False)],
)
def test_a_guess_is_told_where_the_input_says_less(area, guess):
    """An input of its own, such as a batch without samples, tells more than a family of bugs; what
    is known is told everywhere."""
    assert ("guess" in label(area=area)) == guess
    assert "cause" in label(area=area, cause=KNOWN)
