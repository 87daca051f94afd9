"""Laws about behaviour: form, untouched arguments, repetition, and training without statistics."""

import numpy as np
import pytest

from bnproof.contract import METHODS, Call, Failure, FailureKind
from bnproof.implementations.conventions import NAMED
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.laws.answers import Answers, Monitor, NotOffered, Target
from bnproof.laws.behaviour import measure_failure
from bnproof.laws.law import load_laws
from bnproof.laws.oracle import Oracle
from tests.laws.draws import by_hand, target

CASE = by_hand()


def see(law, implementation, case=CASE):
    """What a law sees of an implementation."""
    return load_laws()[law].measure(Answers(target(implementation), case), Oracle(case))


def test_a_failure_has_no_size():
    """Its ratio is infinite; without one the law holds, with a ratio of 0."""
    failure, call = Failure(FailureKind.SHAPE, "infer", "infer_y"), Call("infer", {})
    seen = measure_failure("answers", failure, ("infer_y",), (call,))
    assert (seen.ratio, seen.failure, seen.quantities) == (np.inf, failure, ("infer_y",))
    assert seen.calls == (call,)
    assert measure_failure("answers", None).ratio == 0


# -- the form of answers ---------------------------------------------------------------------------


def test_gradients_are_asked_for_first():
    """Every method once, all backward passes before any forward pass."""
    order = []
    monitor = Monitor(watch=lambda method, number: order.append(method))
    watched = Target(NumpyBatchNorm(), NAMED["torch"], monitor)
    assert load_laws()["answers"].measure(Answers(watched, CASE), Oracle(CASE)).holds
    asked = [method for method in order if method]
    assert sorted(asked) == sorted(METHODS)
    backward = [method.endswith("vjp") for method in asked]
    assert backward == sorted(backward, reverse=True)


class KeepsStatistics(NumpyBatchNorm):
    """A backward pass that needs what a forward pass has kept."""

    def train(self, x, *arguments, **options):
        self.kept = x
        return super().train(x, *arguments, **options)

    def train_vjp(self, dy, x, *arguments, **options):
        return super().train_vjp(dy, self.kept, *arguments, **options)


def test_a_backward_pass_has_to_do_without_its_forward_pass():
    """The failure names the method and comes with its arguments."""
    seen = see("answers", KeepsStatistics())
    assert (seen.failure.method, seen.failure.exception) == ("train_vjp", "AttributeError")
    assert [call.method for call in seen.calls] == ["train_vjp"]
    assert np.array_equal(seen.calls[0].arguments["dy"], CASE.dy)


class FailsOften(NumpyBatchNorm):
    """Three methods fail, and two write into what they are handed."""

    def infer(self, x, *arguments, **options):
        raise RuntimeError("not now")

    def fold(self, weight, *arguments, **options):
        answer = super().fold(weight, *arguments, **options)
        weight += 1
        return answer[:1]

    def train_vjp(self, dy, x, *arguments, **options):
        answer = super().train_vjp(dy, x, *arguments, **options)
        dy[:], x[:] = 0, 0
        return answer[0]


@pytest.mark.parametrize(
    ("law", "methods"),
    [("answers", {"infer", "fold", "train_vjp"}), ("untouched", {"fold", "train_vjp"})],
)
def test_every_method_that_fails_is_seen_once(law, methods):
    """The first failure stands for the measurement, and each other method is beside it with its
    own call."""
    seen = see(law, FailsOften())
    every = (seen, *seen.also)
    assert sorted(one.failure.method for one in every) == sorted(methods)
    assert all([call.method for call in one.calls] == [one.failure.method] for one in every)
    assert all(one.also == () and not one.holds for one in seen.also)
    if law == "untouched":
        # Of two arguments that are written into, the first one is told.
        assert {one.failure.subject for one in every} == {"weight", "dy"}


def test_nothing_offered_is_not_judged():
    """An object without any method has no law to break."""
    nothing = Answers(Target(object(), NAMED["torch"]), CASE)
    with pytest.raises(NotOffered):
        load_laws()["answers"].measure(nothing, Oracle(CASE))


class WritesIntoShards(NumpyBatchNorm):
    def train_shards(self, shards, *arguments, **options):
        answer = super().train_shards(shards, *arguments, **options)
        shards[-1][0] = 0
        return answer


class MovesStatistics(NumpyBatchNorm):
    def infer(self, x, gamma, beta, running_mean, running_var, *, eps):
        y = super().infer(x, gamma, beta, running_mean, running_var, eps=eps)
        running_var += 1
        return y


@pytest.mark.parametrize(
    ("implementation", "method", "subject"),
    [
        (WritesIntoShards(), "train_shards", "shards"),
        (MovesStatistics(), "infer", "running_var"),
    ],
)
def test_an_argument_that_changes_is_named(implementation, method, subject):
    """Also the shard of one worker, and a statistic; the values that come back are right."""
    seen = see("untouched", implementation)
    assert seen.failure == Failure(FailureKind.MODIFIED, method, subject)
    assert see("answers", implementation).holds
    assert see("untouched", NumpyBatchNorm()).holds


# -- repetition ------------------------------------------------------------------------------------


class LagsBehind(NumpyBatchNorm):
    """Returns the answer to the latest batch of the same shape, if there was one."""

    def __init__(self):
        self.cache = {}

    def infer(self, x, *arguments, **options):
        answer = super().infer(x, *arguments, **options)
        latest = self.cache.get(x.shape, answer)
        self.cache[x.shape] = answer
        return latest


class FlipsZero(NumpyBatchNorm):
    """0 at the first call, and -0 from then on."""

    sign = 1.0

    def infer(self, x, *arguments, **options):
        y = np.copysign(np.zeros_like(x), self.sign).astype(x.dtype)
        self.sign = -1.0
        return y


class RefusesTwice(NumpyBatchNorm):
    called = False

    def fold(self, *arguments, **options):
        if self.called:
            raise RuntimeError("folded already")
        self.called = True
        return super().fold(*arguments, **options)


class AlwaysNaN(NumpyBatchNorm):
    """Wrong, and the same every time."""

    def infer(self, x, *arguments, **options):
        return np.full_like(x, np.nan)


def test_a_cache_that_goes_by_the_shape_shows_after_other_values():
    """The measurement brings all three calls, the middle one with other values of equal shapes."""
    seen = see("repeats", LagsBehind())
    assert (seen.failure.kind, seen.failure.method) == (FailureKind.UNREPEATABLE, "infer")
    first, between, last = seen.calls
    assert first is last
    assert between.arguments["x"].shape == CASE.x.shape
    assert not np.array_equal(between.arguments["x"], CASE.x)


def test_answers_repeat_to_the_bit():
    """-0 is another answer than 0, and an exception than an answer; NaN is the same as itself."""
    assert see("repeats", FlipsZero()).failure == Failure(
        FailureKind.UNREPEATABLE, "infer", "infer_y"
    )
    refused = see("repeats", RefusesTwice()).failure
    assert (refused.kind, refused.method) == (FailureKind.UNREPEATABLE, "fold")
    assert (refused.exception, refused.got) == ("RuntimeError", "folded already")
    assert see("repeats", AlwaysNaN()).holds


# -- without running statistics --------------------------------------------------------------------


class MakesStatistics(NumpyBatchNorm):
    """Starts its own statistics where none are handed in."""

    def train(self, x, gamma, beta, running_mean, running_var, **options):
        if running_var is None:
            running_var = np.ones(x.shape[1], x.dtype)
        return super().train(x, gamma, beta, running_mean, running_var, **options)


class OutputAlone(NumpyBatchNorm):
    def train(self, x, gamma, beta, running_mean, running_var, **options):
        answer = super().train(x, gamma, beta, running_mean, running_var, **options)
        return answer if running_mean is not None else answer[0]


class DoublesUntracked(NumpyBatchNorm):
    def train(self, x, gamma, beta, running_mean, running_var, **options):
        y, *rest = super().train(x, gamma, beta, running_mean, running_var, **options)
        return (y if running_mean is not None else 2 * y), *rest


class WorkersNeedStatistics(NumpyBatchNorm):
    def train_shards(self, shards, gamma, beta, running_mean, running_var, **options):
        mean = running_mean.copy()
        return super().train_shards(shards, gamma, beta, mean, running_var, **options)


class NeedsStatistics(WorkersNeedStatistics):
    def train(self, x, gamma, beta, running_mean, running_var, **options):
        return super().train(x, gamma, beta, running_mean.copy(), running_var, **options)


@pytest.mark.parametrize(
    ("implementation", "kind", "subject"),
    [
        (MakesStatistics(), FailureKind.PRESENCE, "running_var"),
        (OutputAlone(), FailureKind.COUNT, ""),
        (WorkersNeedStatistics(), FailureKind.RAISED, ""),
    ],
)
def test_without_statistics_none_comes_back(implementation, kind, subject):
    """Three values are due, ``None`` for both statistics, and from workers as from one machine."""
    failure = see("untracked", implementation).failure
    assert (failure.kind, failure.subject) == (kind, subject)


def test_the_output_is_the_same_without_statistics():
    """It is compared with its exact value."""
    assert see("untracked", NumpyBatchNorm()).holds
    seen = see("untracked", DoublesUntracked())
    assert not seen.holds
    assert seen.quantities == ("y",)
    assert seen.calls[0].arguments["running_mean"] is None


def test_what_needs_statistics_does_not_offer_to_do_without():
    """Neither on one machine nor on workers."""
    with pytest.raises(NotOffered, match="without running statistics"):
        see("untracked", NeedsStatistics())
