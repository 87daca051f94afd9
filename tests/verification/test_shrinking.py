"""Shrinking: what is left still fails, is no larger than what it started from, and is the same
every time."""

from dataclasses import fields, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings

from bnproof.contract import Measurement
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
    """Valid, no larger, parts that add up, and a layer with as many outputs as channels."""
    for candidate in propose_simpler(case):
        assert candidate.x.shape[1] == candidate.running_mean.size
        assert candidate.x.dtype == case.x.dtype
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
    case, _ = shrink(tenth, SEEN, fails_if(lambda c: np.all((c.x > 0.25) & (c.x != 0.3))))
    assert np.all(case.x == 0.3000000123)


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
