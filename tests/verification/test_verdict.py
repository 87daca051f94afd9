"""What a verdict keeps of many measurements, and what becomes of it as JSON."""

import json
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.contract import Measurement, Violation
from bnproof.verification.verdict import Tally, Verdict

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
        ({}, "not offered", True),
    ],
)
def test_a_law_is_in_one_of_four_states(parts, state, ok):
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


def test_a_verdict_of_nothing_is_a_table_without_rows():
    """A frame of a check in which no law judged anything can be concatenated all the same."""
    assert len(build_verdict().to_frame()) == 0
