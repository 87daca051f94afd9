"""Replay: every case comes back bit for bit from its JSON, and a file that holds none is refused in
one line."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnproof.contract import Weights
from bnproof.formats import dtype_of
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification import replay
from bnproof.verification.planning import CheckOptions
from bnproof.verification.replay import UnusableReplay, from_json, read_cases, to_json
from bnproof.verification.run import check
from tests.laws.draws import by_hand, cases

DTYPES = ("float16", "bfloat16", "float32", "float64")


def same(a, b):
    """Bit for bit, dtypes and shapes too."""
    if isinstance(a, Weights):
        return all(same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    return type(a) is type(b) and a == b


def round_trip(case):
    """Through JSON as text."""
    return from_json(json.loads(json.dumps(to_json(case))))


def assert_same(a, b):
    """All fields."""
    assert all(same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))


@given(cases())
def test_drawn_cases_come_back(case):
    """With layers, parts and absent parameters."""
    assert_same(round_trip(case), case)


@pytest.mark.parametrize("dtype", DTYPES)
@given(data=st.data())
def test_all_numbers_come_back(dtype, data):
    """Subnormal ones, the largest, -0.0, and any pattern of bits that is a finite number."""
    like = dtype_of(dtype)
    raw = np.frombuffer(
        data.draw(st.binary(min_size=4 * like.itemsize, max_size=4 * like.itemsize)), like
    )
    with np.errstate(invalid="ignore"):  # NaN that signals
        values = (
            np.where(np.isfinite(raw.astype(float)), raw, like.type(-0.0))
            .astype(like)
            .reshape(2, 2)
        )
    case = by_hand(dtype, x=values, parts=(1, 1))
    assert_same(round_trip(case), case)


@pytest.mark.parametrize("without", ["gamma", "beta", "ddx", "layer"])
def test_what_is_absent_stays_absent(without):
    """And is left out of the JSON."""
    case = by_hand(**{without: None})
    assert without not in to_json(case)
    assert_same(round_trip(case), case)


@pytest.mark.parametrize("kind", ["linear", "conv", "conv_transpose"])
@pytest.mark.parametrize("bias", [None, np.array([0.1, -0.2])])
def test_layers_come_back(kind, bias):
    """Weight, bias, kind and groups."""
    weight = np.random.default_rng(1).normal(size=(2, 3) if kind == "linear" else (4, 1, 3))
    case = by_hand("float64", layer=Weights(weight, bias, kind, 1 if kind == "linear" else 2))
    assert_same(round_trip(case), case)


def test_whole_numbers_for_eps_and_momentum_come_back():
    """``supports`` may fix eps as an integer."""
    back = round_trip(by_hand(eps=1, momentum=0))
    assert (back.eps, back.momentum) == (1, 0)


# -- files -----------------------------------------------------------------------------------------


def violation(**changed):
    """A recorded violation."""
    return {
        "law": "output",
        "quantity": "y",
        "message": "",
        "reproducer": "",
        "case": to_json(by_hand()),
    } | changed


def without(name):
    """A violation whose case lacks a field."""
    case = to_json(by_hand())
    del case[name]
    return violation(case=case)


def with_array(**changed):
    """A violation whose x is spoilt."""
    case = to_json(by_hand())
    return violation(case=case | {"x": case["x"] | changed})


def verdict(*violations):
    """What ``check --format json`` writes."""
    return json.dumps({"violations": list(violations)})


BAD = {
    "empty": "",
    "no JSON": "violated: output",
    "a list": "[]",
    "a number": "3",
    "no violations": '{"ok": true}',
    "violations no list": '{"violations": {"output": 1}}',
    "nothing violated": verdict(),
    "no cases": verdict(violation(case=None)),
    "a violation that is text": verdict("output"),
    "a violation without its law": verdict({"case": to_json(by_hand())}),
    "a law that is no name": verdict(violation(law=["output"])),
    "a case that is text": verdict(violation(case="x")),
    "no x": verdict(without("x")),
    "no dy": verdict(without("dy")),
    "no running_var": verdict(without("running_var")),
    "no eps": verdict(without("eps")),
    "eps in decimal text": verdict(violation(case=to_json(by_hand()) | {"eps": "a tenth"})),
    "another dtype": verdict(with_array(dtype="decimal128")),
    "integers": verdict(with_array(dtype="int8")),
    "another shape": verdict(with_array(shape=[3, 3])),
    "entries that are no numbers": verdict(with_array(entries="one two")),
    "entries as a list": verdict(with_array(entries=[1.0, 2.0])),
    "a layer without weight": verdict(
        violation(case=to_json(by_hand()) | {"layer": {"bias": None}})
    ),
    "parts that are no numbers": verdict(violation(case=to_json(by_hand()) | {"parts": 3})),
    "parts that are text": verdict(violation(case=to_json(by_hand()) | {"parts": "no"})),
    "parts that are not all rows": verdict(violation(case=to_json(by_hand()) | {"parts": [1]})),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_a_file_that_holds_no_case_is_refused(text, tmp_path):
    """One line that says what to give."""
    path = tmp_path / "verdict.json"
    path.write_text(text)
    with pytest.raises(UnusableReplay) as refused:
        read_cases(path)
    assert "\n" not in str(refused.value)
    assert ": " in str(refused.value)


def test_no_file_a_folder_and_bytes_are_refused(tmp_path):
    """The path is named."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "nowhere.json", tmp_path, tmp_path / "bytes"):
        with pytest.raises(UnusableReplay, match=path.name):
            read_cases(path)


def test_cases_are_kept_law_by_law(tmp_path):
    """In the order they were recorded; violations without a case aside."""
    path = tmp_path / "verdict.json"
    second = to_json(by_hand(eps=0.5))
    path.write_text(
        verdict(
            violation(),
            violation(law="shift", case=None),
            violation(case=second),
            violation(law="affine"),
        )
    )
    found = read_cases(path)
    assert {law: [case.eps for case in kept] for law, kept in found.items()} == {
        "output": [0.25, 0.5],
        "affine": [0.25],
    }


def test_a_replayed_check_asks_for_the_recorded_cases_alone(tmp_path):
    """The same violation from the file, none once the bug is mended; beside it only whether there
    is an answer."""
    broken = list_mutants()["R01"].make
    first = check(broken(), CheckOptions("quick", select=("running-variance",)))
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(first.to_dict()))
    again = check(broken(), CheckOptions(replay=path))
    assert [(v.law, v.message) for v in again.violations] == [
        (v.law, v.message) for v in first.violations
    ]
    assert again.cases == 1
    mended = check(NumpyBatchNorm(), CheckOptions(replay=path))
    assert mended.ok
    assert mended.passed == ["answers", "running-variance"]


def test_a_replayed_case_without_any_answer_is_a_violation(tmp_path):
    """What raises on every recorded input is not "unusable": that is what was recorded."""

    class Narrow(NumpyBatchNorm):
        def train(self, x, *arguments, **options):
            if len(x) > 3:
                raise RuntimeError("at most 3")
            return super().train(x, *arguments, **options)

        infer, train_vjp = None, None

    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(check(Narrow(), CheckOptions("quick")).to_dict()))
    again = check(Narrow(), CheckOptions(replay=path))
    assert [violation.law for violation in again.violations] == ["answers"]
    assert again.not_offered == []


def test_a_law_that_is_not_recorded_gives_nothing_to_replay(tmp_path):
    """A selection without any of the recorded laws says so, instead of blaming the target."""
    path = tmp_path / "verdict.json"
    path.write_text(verdict(violation()))
    with pytest.raises((UnusableReplay, LookupError)) as refused:
        check(NumpyBatchNorm(), CheckOptions(replay=path, select=("shift",)))
    assert "no usable answer" not in str(refused.value)


def test_the_module_writes_what_it_reads():
    """Names of fields are those of a case."""
    assert set(to_json(by_hand())) == {field.name for field in fields(by_hand())}
    assert replay.to_json(replace(by_hand(), parts=(2, 0, 2)))["parts"] == [2, 0, 2]
