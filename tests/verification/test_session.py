"""Laws over many cases: what is counted, what is kept, and what is asked of the target when."""

from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from bnproof.certify.bounds import NoBound
from bnproof.contract import Failure, FailureKind, Measurement
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers, Failed, Monitor, NotOffered, Target
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.law import Law, load_laws
from bnproof.laws.supports import EVERYTHING, Supports
from bnproof.verification.extents import Traits
from bnproof.verification.session import (
    CLEAN,
    KEPT,
    SMALL,
    Session,
    Spot,
    find_failed_method,
    find_like,
    measure,
)
from tests.laws.draws import by_hand

MATRICES = Supports.from_mapping({"ranks": [2], "dtypes": ["float64"]})


def build_session(implementation=None, supports=MATRICES, **options):
    """A session on a target, the reference where none is given."""
    of = Target(implementation or NumpyBatchNorm(), resolve_convention("torch"), Monitor(**options))
    return Session(of, 0, supports)


def build_law(see, **options):
    """A law that sees what ``see`` makes of the case: a ratio, or ``None``."""

    def look(answers, oracle):
        ratio = see(answers.case)
        return None if ratio is None else Measurement("made", ("y",), ratio)

    return Law("made", "", "", ("y",), look, **options)


def number(first):
    """A case whose running mean says which one it is."""
    return by_hand(running_mean=np.array([first, 0.0], np.float32))


def raise_no_bound(case):
    """No bound exists for any case."""
    raise NoBound("too long")


def test_cases_are_counted_and_the_first_failing_ones_kept():
    """A thorough check must not hold hundreds of batches, and every case counts all the same."""
    session = build_session()
    law = build_law(lambda case: 2.0 if case.running_mean[0] % 2 else 0.5)
    for n in range(4 * KEPT):
        session.judge([law], number(n))
    tally = session.tallies["made"]
    assert (session.count, tally.cases, tally.violated) == (4 * KEPT, 4 * KEPT, 2 * KEPT)
    kept = [broken.case.running_mean[0] for broken in session.broken["made"]]
    assert kept == [2 * n + 1 for n in range(KEPT)]


def test_a_method_that_fails_late_is_kept_as_well():
    """Where every method is a violation of its own, a rare one must not drown in a frequent one."""

    def look(answers, oracle):
        method = "infer" if answers.case.running_mean[0] > KEPT + 2 else "train"
        return measure_failure("made", Failure(FailureKind.RAISED, method))

    for by_method, late in ((True, KEPT - 3), (False, 0)):
        session = build_session()
        for n in range(2 * KEPT):
            session.judge([Law("made", "", "", (), look, by_method=by_method)], number(n))
        methods = [broken.seen.failure.method for broken in session.broken["made"]]
        assert methods == ["train"] * KEPT + ["infer"] * late


class FailsTwice(NumpyBatchNorm):
    """Inference and its gradients raise, and the gradients of training have a wrong form."""

    def infer(self, *arguments, **options):
        raise RuntimeError("out of order")

    def infer_vjp(self, *arguments, **options):
        raise ValueError("not yet")

    def train_vjp(self, *arguments, **options):
        return super().train_vjp(*arguments, **options)[:2]


def test_every_failing_method_of_a_case_is_kept_once():
    """The law counts the case once, and each method is a failure of its own beside the others."""
    session = build_session(FailsTwice(), EVERYTHING)
    answers = load_laws()["answers"]
    for case in (by_hand(), by_hand("float64")):
        session.judge([answers], case)
    tally = session.tallies["answers"]
    assert (tally.cases, tally.violated) == (2, 2)
    methods = ["train_vjp", "infer_vjp", "infer"]
    assert Counter(
        (broken.case.dtype.name, find_failed_method(broken.seen))
        for broken in session.broken["answers"]
    ) == Counter(product(("float32", "float64"), methods))
    # Every method is found again by its name, and one that did not fail is not.
    seen = session.recheck(answers, by_hand())
    for method in methods:
        assert find_like(seen, answers, method).failure.method == method
    assert find_like(seen, answers, "train") is None
    assert find_like(seen, replace(answers, by_method=False), "train") is seen


def test_a_method_has_a_spot_of_its_own_where_each_one_counts():
    """A cause may explain one method and not another one."""
    session = build_session(FailsTwice(), EVERYTHING)
    session.judge([load_laws()["answers"], load_laws()["output"]], by_hand())
    spots = session.group_broken([load_laws()["answers"]])
    assert set(spots) == {
        Spot("answers", "behaviour", method) for method in ("infer", "infer_vjp", "train_vjp")
    }
    assert all(len(kept) == 1 for kept in spots.values())


SMALLER = by_hand(parts=(), layer=None, ddx=None)


def test_failing_cases_are_kept_in_every_place():
    """Half precision that fails late must not drown in ordinary inputs that fail at once."""
    session, law = build_session(supports=EVERYTHING), build_law(lambda case: 2.0)
    long = np.arange(66.0).reshape(33, 2) / 32
    far = SMALLER.x.astype(float) + 1e4
    kinds = {
        "ordinary": SMALLER,
        "accuracy": replace(SMALLER, x=far, dy=far),
        "half": by_hand("float16", parts=(), layer=None, ddx=None),
    }
    for case in [case for case in kinds.values() for _ in range(KEPT + 2)]:
        session.judge([law], case)
    session.judge([law], replace(SMALLER, x=long, dy=long))
    spots = session.group_broken([law])
    assert {spot.place: len(kept) for spot, kept in spots.items()} == dict.fromkeys(kinds, KEPT)
    assert all(one.case is kinds[spot.place] for spot, kept in spots.items() for one in kept), (
        "each under its own place"
    )
    assert session.tallies["made"].violated == 3 * (KEPT + 2) + 1


def test_a_law_with_an_area_fails_in_it_on_any_input():
    """It asks for a special input by itself, so that half precision or a large mean is no news."""
    session, law = build_session(supports=EVERYTHING), build_law(lambda case: 2.0, area="edges")
    for dtype in ("float16", "float32"):
        session.judge([law], by_hand(dtype))
    (spot,) = session.group_broken([law])
    assert spot == Spot("made", "edges")


def test_spots_come_in_the_order_of_the_plan():
    """Whatever broke first, and a law that is not asked about is left out."""
    first, second = (
        replace(build_law(see), id=name)
        for name, see in (
            ("first", lambda case: 2.0 if case.dtype == "float64" else 0.5),
            ("second", lambda case: 2.0),
        )
    )
    session = build_session(supports=EVERYTHING)
    for dtype in ("float32", "float64"):
        session.judge([second, first], by_hand(dtype))
    assert [spot.law for spot in session.group_broken([first, second])] == ["first", "second"]
    assert [spot.law for spot in session.group_broken([second])] == ["second"]


def test_what_a_law_said_of_each_case_is_remembered_by_number():
    """Where it was not judged nothing is remembered, and the traits of every case are."""
    verdicts = {0: 0.5, 1: 2.0, 2: None, 3: 1.0}
    law = build_law(lambda case: verdicts[int(case.running_mean[0])])
    session = build_session()
    for n in verdicts:
        session.judge([law, replace(build_law(raise_no_bound), id="long")], number(n))
    assert session.outcomes == {"made": {0: True, 1: False, 3: True}}
    assert session.unjudged == {"long": 4}
    assert session.traits == [Traits.from_case(number(n)) for n in verdicts]


def test_the_first_time_a_law_is_broken_is_announced():
    """Once for each law, as soon as it is seen, and not where it holds."""
    told = []
    session = build_session(broken=told.append)
    law = build_law(lambda case: 2.0 if case.running_mean[0] else 0.5)
    for n, so_far in ((0, []), (1, ["made"]), (2, ["made"])):
        session.judge([law], number(n))
        assert told == so_far


def test_a_batch_that_is_too_long_is_not_judged():
    """Too long for the law it is passed over; too long for the precision it is counted apart."""
    size, session = by_hand().x.size, build_session()
    session.judge([build_law(lambda case: 2.0, most=size - 1)], by_hand())
    assert (session.tallies, session.broken, session.unjudged) == ({}, {}, {})
    session.judge([build_law(raise_no_bound)], by_hand())
    assert (session.tallies, session.broken, session.unjudged) == ({}, {}, {"made": 1})
    session.judge([build_law(lambda case: 2.0, most=size)], by_hand())
    assert session.tallies["made"].violated == 1


def test_clean_cases_are_few_and_small_and_break_nothing():
    """Models of known bugs are ruled out by them, so one failing case among them would mislead."""
    session = build_session()
    law = build_law(lambda case: 2.0 if case.running_mean[0] == 1 else 0.5)
    x = np.ones((SMALL, 2))
    session.judge([law], by_hand("float64", x=x, dy=x, parts=(), layer=None, ddx=None))
    for n in range(2 * CLEAN):
        session.judge([law], number(n))
    kept = [case.running_mean[0] for case in session.clean]
    assert kept == [n for n in range(2 * CLEAN) if n != 1][:CLEAN]


def test_a_higher_effort_begins_with_the_cases_of_a_lower_one():
    """Case by case they are the same to the last bit, up to where the lower one ends."""

    def draw(count):
        seen, told = [], []
        law = build_law(lambda case: seen.append(case.x.tobytes()), most=10**6)
        session = build_session()
        session.run([law], count, lambda done, total: told.append((done, total)))
        assert told == [(n + 1, session.count) for n in range(session.count)]
        return seen

    short, long = draw(2), draw(5)
    assert short[:2] == long[:2]
    assert short[2:] == long[5:], "those at the extremes come last, and are always the same"
    assert len(set(long[:5])) == 5


@pytest.mark.parametrize(
    "error", [NotOffered("no fold"), Failed(Failure(FailureKind.SHAPE, "train", "y"))]
)
def test_what_has_no_usable_answer_says_nothing_of_a_law(error):
    """A malformed answer is told once, by the law that is about answers."""

    def look(answers, oracle):
        raise error

    answers = Answers(build_session().target, by_hand())
    assert measure(Law("made", "", "", (), look), answers, None) is None
    assert measure(Law("of layers", "", "", (), None), answers, None) is None


def test_judging_again_is_not_counted_and_keeps_to_what_may_be_asked():
    """A smaller case that the target cannot take is no smaller violation."""
    session = build_session()
    x = np.zeros((4, 2))
    allowed = by_hand("float64", x=x, dy=x, ddx=None, layer=None, parts=())
    broken = build_law(lambda case: 2.0)
    assert session.recheck(broken, allowed).ratio == 2.0
    assert session.recheck(broken, by_hand("float64")) is None, "rank 4"
    assert session.recheck(build_law(lambda case: 1.0), allowed) is None
    assert session.recheck(build_law(raise_no_bound), allowed) is None
    assert (session.count, session.tallies, session.broken) == (0, {}, {})


def test_gradients_are_asked_for_before_the_training_step():
    """What keeps statistics from its latest call would else look right in every case."""
    asked = []
    session = build_session(watch=lambda method, n: method and asked.append(method))
    law = Law("made", "", "", (), lambda answers, oracle: answers.answer("train_vjp") and None)
    session.judge([law], by_hand())
    assert asked[0] == "train_vjp"
    assert "train" in asked[1:]


def test_a_case_is_usable_if_one_of_the_main_methods_answers():
    """Else the reason of the first such case is what a user reads."""

    class OnlyGradients(NumpyBatchNorm):
        train = infer = None

    class Raises:
        def train(self, x, gamma, *arguments, **options):
            raise RuntimeError(f"out of order at {gamma[0]}")

    session = build_session(OnlyGradients())
    session.judge([], by_hand())
    assert (session.count, session.usable, session.reason) == (1, 1, "")
    session = build_session(Raises())
    session.judge([], by_hand())
    session.judge([], by_hand(gamma=np.array([7.0, 8.0], np.float32)))
    assert (session.count, session.usable) == (2, 0)
    assert "out of order at 1.5" in session.reason
