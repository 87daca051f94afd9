"""What a verdict keeps of many measurements, and what becomes of it as JSON."""

import json
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.contract import (
    AREAS,
    Call,
    Cause,
    Example,
    Failure,
    FailureKind,
    Finding,
    Measurement,
    Violation,
)
from bnproof.formats import dtype_of
from bnproof.laws.behaviour import measure_failure
from bnproof.verification.verdict import WRITTEN, Tally, Verdict

RATIOS = st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 4.0, inf])
ULPS = st.none() | st.sampled_from([0.0, 0.5, 2.0, inf])


@given(st.lists(st.tuples(RATIOS, ULPS)))
def test_a_tally_keeps_the_largest_errors_and_where_the_first_of_them_is(seen):
    """It counts every case, and those above what the precision explains as violated."""
    tally = Tally("shift")
    for number, (ratio, ulp) in enumerate(seen):
        tally.add(Measurement("shift", ("y",), ratio, ulp, where=(number,)))
    ratios, ulps = [ratio for ratio, _ in seen], [ulp for _, ulp in seen if ulp is not None]
    largest = max(ratios, default=0.0)
    assert (tally.cases, tally.violated) == (len(seen), sum(ratio > 1 for ratio in ratios))
    assert (tally.ratio, tally.ulp) == (largest, max(ulps, default=None))
    assert tally.where == ((ratios.index(largest),) if largest else ())


def build_verdict(**parts):
    """A verdict of one's own."""
    return Verdict("mine", "torch", "quick", 3, **parts)


@pytest.mark.parametrize(
    ("parts", "state", "ok"),
    [
        ({"passed": ["shift"]}, "holds", True),
        ({"violations": [Violation("shift", "y", "wrong", "")]}, "violated", False),
        ({"expected": {"shift": "known"}}, "expected", True),
        ({"not_offered": ["shift"]}, "not offered", True),
        ({"unanswered": ["shift"]}, "unanswered", True),
        ({"accounted": {"shift": "expected"}}, "expected", True),
        ({"accounted": {"shift": "ignored"}}, "ignored", True),
        ({}, "not offered", True),
    ],
)
def test_a_law_is_in_one_state(parts, state, ok):
    """Only a violation that nobody expected spoils the verdict."""
    verdict = build_verdict(**parts)
    assert verdict.find_state("shift") == state
    assert verdict.ok == ok


def test_what_has_no_size_is_null_in_json():
    """JSON has no infinity: a reader in another language gets ``null``, and finite errors as they
    are."""
    tallies = {
        "answers": Tally("", 3, 1, inf, inf),
        "untouched": Tally("", 3, 0, 0.0, None),
        "shift": Tally("shift", 3, 0, 0.25, 1.5, (1, 0)),
    }
    text = json.dumps(build_verdict(tallies=tallies).to_dict(), allow_nan=False)
    rows = {row["law"]: row for row in json.loads(text)["laws"]}
    errors = {law: (row["worst_error"], row["ulp"]) for law, row in rows.items()}
    assert errors == {"answers": (None, None), "untouched": (0.0, None), "shift": (0.25, 1.5)}
    assert rows["shift"]["where"] == [1, 0]


# -- findings as JSON ------------------------------------------------------------------------------

SOURCE = "https://example.org/1"
KNOWN = Cause("bug", "a bug", "same values", (SOURCE,), "F01")


def build_finding(cause=KNOWN, example=None):
    """A finding of one's own."""
    return Finding(
        "formula/F01",
        "formula",
        "y is wrong",
        ("output", "gradient-x"),
        "only float16",
        cause,
        "mend it",
        example,
        "print(1)",
        "y is twice the exact one",
    )


def write_finding(*arguments, **options):
    """What becomes of a finding as JSON, which has to be valid for any reader."""
    verdict = build_verdict(findings=[build_finding(*arguments, **options)])
    (written,) = json.loads(json.dumps(verdict.to_dict(), allow_nan=False))["findings"]
    return written


def test_a_finding_is_written_with_the_names_of_the_contract():
    """Without an example its place is ``null``."""
    assert write_finding() == {
        "id": "formula/F01",
        "area": "formula",
        "title": "y is wrong",
        "laws": ["output", "gradient-x"],
        "extent": "only float16",
        "cause": {"id": "F01", "how": "same values", "says": "a bug", "seen": [SOURCE]},
        "mend": "mend it",
        "residual": "y is twice the exact one",
        "example": None,
        "reproducer": "print(1)",
        "touches": [],
    }


@pytest.mark.parametrize(
    ("confidence", "how"), [("same pattern", "pattern"), ("unknown", "unknown")]
)
def test_a_cause_without_a_known_bug_has_no_id(confidence, how):
    """And how it was found is said in one word."""
    cause = write_finding(Cause("gradient", "the gradients", confidence))["cause"]
    assert cause == {"id": None, "how": how, "says": "the gradients", "seen": []}


def test_an_example_is_the_call_with_its_arguments_and_what_came_back():
    """Arrays have their dtype, shape and values; numbers and absent arguments are as they are."""
    x = np.array([[0.5, -2.0], [0.1, 3.0]], np.float32)
    arguments = {
        "shards": [x, np.zeros((0, 2))],
        "gamma": dtype_of("bfloat16").type(1.5) * np.ones(2, dtype_of("bfloat16")),
        "beta": None,
        "eps": 0.25,
    }
    seen = Measurement(
        "shards-output",
        ("shards_y",),
        9.0,
        got=2.5,
        exact=(1.25, 1e-20),
        allowed=1e-7,
        where=(1, 0),
    )
    written = write_finding(example=Example(Call("train_shards", arguments), seen))["example"]
    assert written == {
        "method": "train_shards",
        "arguments": {
            "shards": [
                # Every entry is the one of the array, which 0.1 in float32 shows.
                {"dtype": "float32", "shape": [2, 2], "values": [[0.5, -2], [float(x[1, 0]), 3]]},
                {"dtype": "float64", "shape": [0, 2], "values": []},
            ],
            "gamma": {"dtype": "bfloat16", "shape": [2], "values": [1.5, 1.5]},
            "beta": None,
            "eps": 0.25,
        },
        "quantity": "shards_y",
        "where": [1, 0],
        "got": 2.5,
        "exact": 1.25,
        "allowed": 1e-7,
    }


def test_numbers_that_json_has_none_for_are_named():
    """NaN and infinity are text, in arrays and beside them, and finite entries stay numbers."""
    x = np.array([[nan, 1.5], [-inf, inf]])
    seen = Measurement("output", ("y",), inf, got=nan, exact=(inf, 0.0), allowed=inf, where=(0, 0))
    written = write_finding(example=Example(Call("infer", {"x": x, "eps": 0.0}), seen))["example"]
    assert written["arguments"]["x"]["values"] == [["nan", 1.5], ["-inf", "inf"]]
    assert (written["got"], written["exact"], written["allowed"]) == ("nan", "inf", "inf")


def test_an_example_without_a_call_or_without_numbers():
    """A sequence of calls has no arguments, and a failure no values."""
    walk = Example(None, Measurement("sequence-output", ("y",), 2.0, got=2.0, exact=(1.0, 0.0)))
    written = write_finding(example=walk)["example"]
    assert (written["method"], written["arguments"], written["got"]) == ("", {}, 2.0)
    failed = measure_failure("answers", Failure(FailureKind.RAISED, "infer"))
    written = write_finding(example=Example(Call("infer", {"eps": 1.0}), failed))["example"]
    assert (written["method"], written["arguments"]) == ("infer", {"eps": 1.0})
    assert [written[name] for name in ("quantity", "got", "exact", "allowed")] == [
        "",
        None,
        None,
        None,
    ]


def test_long_arrays_are_left_to_the_case_of_the_violation():
    """Their dtype and shape tell what they are."""
    arguments = {"x": np.zeros((WRITTEN, 1)), "dy": np.zeros((WRITTEN + 1, 1))}
    seen = Measurement("output", ("y",), 2.0, got=2.0)
    written = write_finding(example=Example(Call("train_vjp", arguments), seen))["example"]
    assert len(written["arguments"]["x"]["values"]) == WRITTEN
    assert written["arguments"]["dy"] == {
        "dtype": "float64",
        "shape": [WRITTEN + 1, 1],
        "values": None,
    }


def test_the_areas_and_what_is_affected_are_written_as_they_are():
    """In the order in which they are told."""
    areas = dict.fromkeys(AREAS, "holds") | {"half": "finding", "folding": "not offered"}
    text = json.dumps(build_verdict(areas=areas, affected="float16").to_dict(), allow_nan=False)
    assert list(json.loads(text)["areas"].items()) == list(areas.items())
    assert json.loads(text)["affected"] == "float16"


def test_a_violation_names_its_finding():
    """So that a reader finds the finding of each broken law."""
    violation = Violation("output", "y", "wrong", "", cause=KNOWN, finding="formula/F01")
    written = build_verdict(findings=[build_finding()], violations=[violation]).to_dict()
    assert written["violations"][0]["finding"] == written["findings"][0]["id"]


def test_a_verdict_of_nothing_is_a_table_without_rows():
    """A frame of a check in which no law judged anything can be concatenated all the same."""
    assert len(build_verdict().to_frame()) == 0
