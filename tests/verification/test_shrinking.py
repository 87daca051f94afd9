"""Shrinking: what is left still fails, is no larger than what it started from, and is the same
every time."""

from dataclasses import fields, replace
from functools import cache
from itertools import takewhile

import numpy as np
import pytest
from hypothesis import given, settings

from bnproof.contract import Measurement
from bnproof.formats import dtype_of
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.columns import validate
from bnproof.laws.law import load_laws
from bnproof.laws.supports import EVERYTHING
from bnproof.mutants.catalogue import list_mutants
from bnproof.verification.session import Session
from bnproof.verification.shrinking import BUDGET, propose_simpler, shrink
from bnproof.wording import describe_measurement
from tests.laws.draws import by_hand, cases, drawn, semantic, target

SEEN = Measurement("the law", ("y",), 2.0)


# The dtypes that a case may be widened to.
WIDER = {
    "float16": ("float32", "float64"),
    "bfloat16": ("float32", "float64"),
    "float32": ("float64",),
    "float64": (),
}


def size(case):
    """Numbers in all arrays."""
    arrays = [getattr(case, field.name) for field in fields(case)]
    kept = sum(a.size for a in arrays if isinstance(a, np.ndarray))
    return kept + (0 if case.layer is None else case.layer.weight.size)


def bits(case):
    """Everything a case consists of."""
    values = vars(case).values()
    return [(v.shape, v.tobytes()) if isinstance(v, np.ndarray) else repr(v) for v in values]


def fails_if(predicate):
    """A law that is broken where the predicate says so."""
    return lambda case: SEEN if predicate(case) else None


@settings(max_examples=30)
@given(cases())
def test_simpler_cases_are_cases(case):
    """Valid, no larger, in no narrower dtype, parts that add up, and a layer with as many outputs
    as channels."""
    for candidate in propose_simpler(case):
        assert candidate.x.shape[1] == candidate.running_mean.size
        assert candidate.dtype == case.dtype or candidate.dtype in WIDER[case.dtype.name]
        assert size(candidate) <= size(case)
        assert bits(candidate) != bits(case)
        assert sum(candidate.parts) in (0, len(candidate.x))
        if candidate.eps > 0:
            assert validate(candidate) is candidate
        if candidate.layer is not None and candidate.layer.kind != "conv_transpose":
            assert len(candidate.layer.weight) == candidate.x.shape[1]


@settings(max_examples=15)
@given(semantic())
def test_the_least_case_has_a_channel_and_few_values(case):
    """Where anything fails, one channel with two values or three, all integers, is left; no law is
    asked too often."""
    asked = []
    left, seen = shrink(case, SEEN, lambda candidate: asked.append(candidate) or SEEN)
    assert seen is SEEN
    assert left.x.shape[1] == 1
    assert left.m <= 3  # axes are halved
    assert (left.ddx, left.layer, left.parts) == (None, None, ())
    assert np.array_equal(left.x, np.round(left.x.astype(float)))
    assert len(asked) <= BUDGET


@settings(max_examples=30)
@given(cases())
def test_simpler_cases_have_two_values_or_more(case):
    """A single value is another matter: training may refuse it, whatever was wrong before."""
    assert all(candidate.m >= 2 for candidate in propose_simpler(case))


class OddHalf(NumpyBatchNorm):
    """Odd batches come back in half precision from inference."""

    def infer(self, x, *arguments, **options):
        y = super().infer(x, *arguments, **options)
        return y.astype(np.float16) if len(x) % 2 else y


def test_the_smallest_case_shows_what_was_wrong():
    """Not something else that only the smaller case brings about, such as the refusal of a single
    value."""
    rows = np.array([[1.0, 5.0], [2.0, 3.5], [4.0, 1.5]])
    case = by_hand("float64", x=rows, dy=rows, ddx=None, parts=(), layer=None)
    session, law = Session(target(OddHalf()), 0, EVERYTHING), load_laws()["answers"]
    seen = session.recheck(law, case)
    assert "infer_y has dtype float16" in describe_measurement(seen, "")
    _, left = shrink(case, seen, lambda candidate: session.recheck(law, candidate))
    assert "infer_y has dtype float16" in describe_measurement(left, "")


def test_what_cannot_be_made_simpler_stays():
    """If no other case fails, or the law refuses them all, the case and what was seen come back."""

    def refuses(case):
        raise ValueError("no case")

    for fails in (fails_if(lambda case: False), refuses):
        case, seen = shrink(by_hand(), SEEN, fails)
        assert bits(case) == bits(by_hand())
        assert seen is SEEN


def test_what_was_seen_is_that_of_the_case_left():
    """Not of the one it started from."""

    def fails(case):
        return replace(SEEN, ratio=2.0 + case.x.size)

    case, seen = shrink(by_hand(), SEEN, fails)
    assert seen.ratio == 2.0 + case.x.size


KEPT = {
    "three rows": (lambda c: len(c.x) >= 3, lambda c: len(c.x) == 3),
    "the second channel": (
        lambda c: c.beta is not None and 2.25 in c.beta,
        lambda c: c.beta.tolist() == [2.25],
    ),
    "workers": (lambda c: len(c.parts) == 2, lambda c: (len(c.x), c.parts) == (2, (1, 1))),
    "a layer": (lambda c: c.layer is not None, lambda c: c.layer.weight.shape == (1, 3)),
    "positions": (lambda c: c.x.shape[-1] > 1 and c.x.ndim > 2, lambda c: c.x.shape == (1, 1, 2)),
    "a large value": (lambda c: np.any(c.x > 5.5), lambda c: c.m == 2),
}


@pytest.mark.parametrize(("needs", "least"), KEPT.values(), ids=KEPT)
def test_what_a_failure_needs_is_kept(needs, least):
    """And nothing else."""
    case, _ = shrink(by_hand(), SEEN, fails_if(needs))
    assert needs(case)
    assert least(case)


def test_digits_that_are_needed_are_kept_and_no_others():
    """A value near 0.3 becomes 0.3 where that will do, and stays in full where it will not."""
    tenth = by_hand(
        "float64",
        x=np.full((2, 1), 0.3000000123),
        dy=np.ones((2, 1)),
        ddx=None,
        parts=(),
        layer=None,
    )
    tenth = replace(
        tenth,
        **{name: np.array([2.0]) for name in ("gamma", "beta", "running_mean", "running_var")},
    )
    case, _ = shrink(tenth, SEEN, fails_if(lambda c: np.all((c.x > 0.25) & (c.x < 0.35))))
    assert np.all(case.x == 0.3)
    case, _ = shrink(
        tenth, SEEN, fails_if(lambda c: np.all((c.x > 0.25) & (c.x < 0.35) & (c.x != 0.3)))
    )
    assert np.all(case.x == 0.3000000123)


# -- wider dtypes and plain values -----------------------------------------------------------------


@pytest.mark.parametrize("dtype", WIDER)
def test_a_wider_dtype_is_tried_first_and_changes_no_number(dtype):
    """float64 and then float32; every array of the case and of its layer comes along."""
    case = by_hand(dtype)
    wider = list(takewhile(lambda c: c.dtype != case.dtype, propose_simpler(case)))
    assert [candidate.dtype.name for candidate in wider] == list(reversed(WIDER[dtype]))
    for candidate in wider:
        for name in ("x", "dy", "ddx", "gamma", "beta", "running_mean", "running_var"):
            widened, held = getattr(candidate, name), getattr(case, name)
            assert widened.dtype == candidate.dtype
            assert np.array_equal(widened.astype(float), held.astype(float))
        assert candidate.layer.weight.dtype == candidate.layer.bias.dtype == candidate.dtype
        assert np.array_equal(candidate.layer.weight, case.layer.weight)
        assert (candidate.eps, candidate.parts) == (case.eps, case.parts)


def test_absent_arrays_stay_absent_in_a_wider_dtype():
    """Neither a parameter nor a layer nor its bias comes into being."""
    case = by_hand(gamma=None, ddx=None)
    case = replace(case, layer=replace(case.layer, bias=None))
    candidate = next(propose_simpler(case))
    assert (candidate.dtype, candidate.gamma, candidate.ddx) == ("float64", None, None)
    assert candidate.layer.bias is None
    assert next(propose_simpler(replace(case, layer=None))).layer is None


@pytest.mark.parametrize("needed", ["float16", "bfloat16", "float32", "float64"])
def test_the_dtype_is_kept_where_the_failure_needs_it(needed):
    """What fails in float32 and half precision is shown in float32, the wider of the two."""
    case, _ = shrink(by_hand(needed), SEEN, fails_if(lambda c: c.dtype == needed))
    assert case.dtype == dtype_of(needed)
    narrow = ("float16", "float32")
    case, _ = shrink(by_hand("float16"), SEEN, fails_if(lambda c: c.dtype in narrow))
    assert case.dtype == "float32"


def test_what_fails_on_anything_is_shown_on_the_plainest_values():
    """0 and 1 for x, 1 for gamma and a variance, 0 for beta and a mean, one upstream gradient."""
    case, _ = shrink(by_hand("float16"), SEEN, fails_if(lambda c: True))
    plain = {"gamma": [1], "beta": [0], "running_mean": [0], "running_var": [1]}
    assert {name: getattr(case, name).tolist() for name in plain} == plain
    assert sorted(set(case.x.ravel().tolist())) in ([0, 1], [0])
    assert np.count_nonzero(case.dy) <= 1
    assert (case.dtype, case.eps, case.momentum) == ("float64", 1.0, 0.5)


def test_plain_values_keep_the_order_in_every_channel():
    """The rank of every value in its channel takes its place, with an offset of a power of ten."""
    x = np.array([[[0.5, -3.25], [7.0, 7.0]], [[0.5, 2.0], [9.5, -1.0]]])
    case = by_hand("float64", x=x, dy=np.zeros_like(x), ddx=None, parts=(), layer=None)
    ranks = np.array([[[1.0, 0.0], [1.0, 1.0]], [[1.0, 2.0], [2.0, 0.0]]])
    offsets = [
        float(candidate.x[0, 0, 1])
        for candidate in propose_simpler(case)
        if candidate.x.shape == x.shape
        and np.array_equal(candidate.x - candidate.x[0, 0, 1], ranks)
    ]
    assert offsets == [0.0, *(10.0**n for n in range(1, 8))]


def test_a_mean_that_is_needed_is_a_round_one():
    """What fails from some ratio of mean to spread on is shown at a power of ten."""
    far = by_hand("float64", x=by_hand("float64").x + 43210.7)
    case, _ = shrink(far, SEEN, fails_if(lambda c: np.all(c.x > 2000)))
    assert case.x.min() == 10000
    assert case.x.max() <= 10003


def test_half_precision_is_not_driven_out_of_its_range():
    """Beyond 65504 plain values would be infinite, which is another matter."""
    case = by_hand("float16", ddx=None, parts=(), layer=None)
    same = [c for c in propose_simpler(case) if c.dtype == case.dtype]
    assert all(np.all(np.isfinite(c.x.astype(float))) for c in same)
    assert any(c.x.max() > 1e4 for c in same)


@pytest.mark.parametrize("fixed", [frozenset(), frozenset({"eps"}), frozenset({"eps", "momentum"})])
def test_numbers_that_cannot_be_chosen_are_not_changed(fixed):
    """A layer is built with its eps and its momentum."""
    proposed = list(propose_simpler(by_hand(), fixed))
    assert {c.eps != by_hand().eps for c in proposed} == (
        {False} if "eps" in fixed else {False, True}
    )
    assert {c.momentum != by_hand().momentum for c in proposed} == (
        {False} if "momentum" in fixed else {False, True}
    )


def test_eps_grows_plain_and_stays_where_it_is_none():
    """0.25 may become 1, 0.1, 0.001 or 0.00001; 0.1 may become 1 alone; and 0 is a special case."""
    for eps, plainer in ((0.25, [1.0, 0.1, 1e-3, 1e-5]), (0.1, [1.0]), (1.0, []), (0.0, [])):
        proposed = propose_simpler(by_hand(eps=eps))
        assert [c.eps for c in proposed if c.eps != eps] == plainer


def test_a_case_of_plain_numbers_is_the_end():
    """The search begins anew after each success, so nothing may be proposed for ever."""
    case, _ = shrink(by_hand(), SEEN, fails_if(lambda c: True))
    assert list(propose_simpler(case)) == []


BROKEN = {
    "output": "F01",
    "gradient-x": "G01",
    "running-variance": "R01",
    "fold-bias": "O01",
    "shards-output": "S01",
    "layout": "L05",
    "untouched": "F12",
    "scale-eps": "F04",
    "double-backward-x": "G18",
}


@pytest.mark.parametrize(("law", "name"), BROKEN.items(), ids=BROKEN)
def test_a_broken_law_stays_broken_on_the_smallest_case(law, name):
    """For models of known bugs: still violated, no larger, and the same when shrunk again."""
    session = Session(target(list_mutants()[name].make), 0, EVERYTHING)
    found = [(case, seen) for case in some() if (seen := session.recheck(load_laws()[law], case))]
    start, seen = max(found, key=lambda pair: pair[0].x.size)

    def fails(case):
        return session.recheck(load_laws()[law], case)

    case, smaller = shrink(start, seen, fails)
    again, _ = shrink(start, seen, fails)
    assert fails(case) is not None
    assert not smaller.holds
    assert size(case) < size(start)
    assert bits(case) == bits(again)


@cache
def some():
    """A few cases, shared."""
    return drawn(semantic(), 12)


class Remembers(NumpyBatchNorm):
    """Fails once only: nothing smaller can be shown."""

    calls = 0

    def infer(self, *arguments, **options):
        self.calls += 1
        return super().infer(*arguments, **options) * (2 if self.calls == 1 else 1)


def test_what_fails_once_is_left_as_it_was():
    """A bug that does not come back keeps the case it was seen on."""
    session, law = Session(target(Remembers()), 0, EVERYTHING), load_laws()["inference-output"]
    seen = session.recheck(law, by_hand())
    assert seen is not None
    case, kept = shrink(by_hand(), seen, lambda candidate: session.recheck(law, candidate))
    assert bits(case) == bits(by_hand())
    assert kept is seen
