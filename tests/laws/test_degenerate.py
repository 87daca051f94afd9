"""Laws of the edges: what is right passes, and each wrong way has its law."""

from dataclasses import replace

import numpy as np
import pytest

from bnproof.contract import Convention
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import values_per_channel
from bnproof.implementations.numpy_formulas import Formulas
from bnproof.mutants.catalogue import list_mutants
from tests.laws.draws import by_hand, ratio

CASE = by_hand()
BETA = Convention("one value gives beta", one_value="beta")


class OneIsBeta(Formulas):
    """y = beta for one value; what becomes of the statistics can be replaced.  It has no workers,
    which would refuse."""

    convention = BETA

    def tracked(self, x, mean, var, momentum):
        mu = x.reshape(-1).astype(mean.dtype)
        return self.track(mean, mu, momentum), self.track(var, 0 * var, momentum)

    def one(self, x, beta):
        shape = (1, -1, *(1,) * (x.ndim - 2))
        return (
            np.zeros_like(x)
            if beta is None
            else np.broadcast_to(beta.reshape(shape), x.shape).astype(x.dtype)
        )

    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        if values_per_channel(x) != 1:
            return super().train(
                x, gamma, beta, running_mean, running_var, eps=eps, momentum=momentum
            )
        return self.one(x, beta), *self.tracked(x, running_mean, running_var, momentum)


class KeepsVariance(OneIsBeta):
    """Also right: the running variance stays."""

    def tracked(self, x, mean, var, momentum):
        return super().tracked(x, mean, var, momentum)[0], var.copy()


class VarianceGrows(OneIsBeta):
    def tracked(self, x, mean, var, momentum):
        return mean.copy(), var * var.dtype.type(1.01)


class VarianceIsNaN(OneIsBeta):
    def tracked(self, x, mean, var, momentum):
        return mean.copy(), var * np.nan


class GivesZero(OneIsBeta):
    def one(self, x, beta):
        return np.zeros_like(x)


class RefusesOne(NumpyBatchNorm):
    """Fit for the convention of PyTorch, and not for this one."""

    convention = BETA


class RaisesType(NumpyBatchNorm):
    def train(self, x, *arguments, **options):
        if values_per_channel(x) < 2:
            raise TypeError("too few")
        return super().train(x, *arguments, **options)


class AnswersOne(OneIsBeta):
    convention = "torch"


@pytest.mark.parametrize(
    "right", [NumpyBatchNorm, OneIsBeta, KeepsVariance, list_mutants()["C04-beta"].make]
)
def test_one_value_as_declared_passes(right):
    """ValueError under "raise"; beta, and a variance between (1 - alpha) old and old, under
    "beta"."""
    assert ratio("one-value", right(), CASE) <= 1


@pytest.mark.parametrize(
    "wrong", [VarianceGrows, VarianceIsNaN, GivesZero, RefusesOne, RaisesType, AnswersOne]
)
def test_one_value_otherwise_is_a_violation(wrong):
    """Another exception, an answer where none is due, another answer."""
    assert ratio("one-value", wrong(), CASE) > 1


def test_a_variance_of_one_value_below_zero_is_a_violation():
    """The rounding error of a square, of either sign, where eps does not cover it: NaN."""
    large = (
        by_hand(x=CASE.x * np.float32(factor), eps=1e-5)
        for factor in (1111.1, 2222.3, 3333.7, 4444.9)
    )
    assert max(ratio("one-value", list_mutants()["X03"].make(), case) for case in large) == np.inf


def test_one_value_is_not_judged_where_anything_goes():
    """The convention promises nothing."""
    assert ratio("one-value", list_mutants()["C04-nan"].make(), CASE) is None


# -- no value at all -------------------------------------------------------------------------------


class Empty(NumpyBatchNorm):
    """Returns an empty result, with the statistics unchanged, which is right too."""

    def nothing(self, x, mean, var):
        return x.copy(), mean.copy(), var.copy()

    def train(self, x, gamma, beta, running_mean, running_var, *, eps, momentum):
        if x.size:
            return super().train(
                x, gamma, beta, running_mean, running_var, eps=eps, momentum=momentum
            )
        return self.nothing(x, running_mean, running_var)


class EmptyMovesMean(Empty):
    def nothing(self, x, mean, var):
        return x.copy(), mean * mean.dtype.type(0.75), var.copy()


class EmptyIsNaN(Empty):
    def nothing(self, x, mean, var):
        return x.copy(), mean.copy(), var * np.nan


class EmptyIsOne(Empty):
    def nothing(self, x, mean, var):
        return np.zeros((1, *x.shape[1:]), x.dtype), mean.copy(), var.copy()


class EmptyUnsupported(Empty):
    def nothing(self, x, mean, var):
        raise NotImplementedError("give at least one sample")


def test_an_empty_batch_may_be_refused_or_come_back_empty():
    """ValueError, or nothing and unchanged statistics; or it is not offered."""
    assert ratio("empty-batch", NumpyBatchNorm(), CASE) == 0
    assert ratio("empty-batch", Empty(), CASE) == 0
    assert ratio("empty-batch", EmptyUnsupported(), CASE) == 0


class InferenceNeedsOne(NumpyBatchNorm):
    def infer(self, x, *arguments, **options):
        like = x[0].dtype  # IndexError where there is none
        return super().infer(x, *arguments, **options).astype(like)


@pytest.mark.parametrize(
    "wrong", [EmptyMovesMean, EmptyIsNaN, EmptyIsOne, RaisesType, InferenceNeedsOne]
)
def test_an_empty_batch_that_leaves_traces_is_a_violation(wrong):
    """Statistics that move or become NaN, another shape, another exception."""
    assert ratio("empty-batch", wrong(), CASE) == np.inf


class EmptyAxisMovesMean(EmptyMovesMean):
    def nothing(self, x, mean, var):
        return super().nothing(x, mean, var) if len(x) else (x.copy(), mean.copy(), var.copy())


def test_a_spatial_axis_may_be_empty_instead_of_the_batch():
    """An implementation that looks at N alone moves its statistics where a spatial axis has length
    0."""
    assert CASE.x.ndim > 2
    assert ratio("empty-batch", EmptyAxisMovesMean(), CASE) == np.inf


class RefusesIdle(NumpyBatchNorm):
    """Right: a worker without samples is refused."""

    def moments(self, x):
        if len(x) == 0:
            raise ValueError("a worker holds nothing")
        return super().moments(x)


class IdleCounts(NumpyBatchNorm):
    """The idle worker is counted as if it held a value of 0."""

    def moments(self, x):
        count, mean, var = super().moments(x)
        return max(count, 1), mean, var


class WorkersAnswerOne(NumpyBatchNorm):
    """One value is refused on one machine, and answered by a worker."""

    def train_shards(self, shards, *arguments, **options):
        if sum(map(values_per_channel, shards)) == 1:
            return [0 * x for x in shards], *arguments[2:]
        return super().train_shards(shards, *arguments, **options)


def test_one_value_on_a_worker_is_like_one_on_a_machine():
    """The same convention holds."""
    assert ratio("one-value", WorkersAnswerOne(), CASE) == np.inf


class IdleCrashes(NumpyBatchNorm):
    def moments(self, x):
        return super().moments(x) if len(x) else 1 // 0


@pytest.mark.parametrize("right", [NumpyBatchNorm, RefusesIdle])
def test_an_idle_worker_changes_nothing_or_is_refused(right):
    """In the outputs and in the gradients."""
    assert ratio("empty-shard", right(), CASE) <= 1


@pytest.mark.parametrize("wrong", [IdleCounts, IdleCrashes, list_mutants()["S05"].make])
def test_an_idle_worker_that_counts_is_a_violation(wrong):
    """Through its mean, its count, or an exception of another kind."""
    assert ratio("empty-shard", wrong(), CASE) > 1


# -- NaN and infinity in one channel ---------------------------------------------------------------


class LeaksNaN(NumpyBatchNorm):
    def mean(self, x):
        return super().mean(x) + 0 * x.sum()


class LeaksIntoGradient(NumpyBatchNorm):
    def train_vjp(self, dy, x, *arguments, **options):
        dx, *rest = super().train_vjp(dy, x, *arguments, **options)
        return (dx + 0 * x.max()).astype(dx.dtype), *rest


class ReplacesNaN(NumpyBatchNorm):
    """The whole array becomes 0 if anything in it is not finite."""

    def infer(self, x, *arguments, **options):
        return super().infer(
            x if np.isfinite(x).all() else 0 * np.nan_to_num(x), *arguments, **options
        )


class RefusesNaN(NumpyBatchNorm):
    def train(self, x, *arguments, **options):
        if np.isnan(x).any():
            raise FloatingPointError("NaN in x")
        return super().train(x, *arguments, **options)


class ForgivesNaN(NumpyBatchNorm):
    """What becomes of the channel itself is its own affair."""

    def train(self, x, *arguments, **options):
        return super().train(np.nan_to_num(x, posinf=1, neginf=-1), *arguments, **options)


@pytest.mark.parametrize("right", [NumpyBatchNorm, ForgivesNaN])
def test_channels_that_keep_apart_pass(right):
    """The others stay within their bounds."""
    assert ratio("channels-apart", right(), CASE) <= 1


@pytest.mark.parametrize("wrong", [LeaksNaN, LeaksIntoGradient, ReplacesNaN, RefusesNaN])
def test_nan_that_reaches_another_channel_is_a_violation(wrong):
    """In any output, by any way; a case's bits choose between NaN and infinity, so that two of them
    show both."""
    cases = [CASE, *(replace(CASE, x=CASE.x * CASE.x.dtype.type(2**k)) for k in range(1, 5))]
    assert max(ratio("channels-apart", wrong(), case) for case in cases) > 1


def test_one_channel_has_no_other():
    """Nothing to judge."""
    first = {
        name: getattr(CASE, name)[:1] for name in ("gamma", "beta", "running_mean", "running_var")
    }
    alone = replace(
        CASE, x=CASE.x[:, :1], dy=CASE.dy[:, :1], ddx=CASE.ddx[:, :1], layer=None, **first
    )
    assert ratio("channels-apart", NumpyBatchNorm(), alone) is None


# -- a sample alone --------------------------------------------------------------------------------


class MixesIfAlone(NumpyBatchNorm):
    def infer(self, x, gamma, beta, running_mean, running_var, *, eps):
        mean = running_mean if len(x) > 1 else 0 * running_mean
        return super().infer(x, gamma, beta, mean, running_var, eps=eps)


def test_a_sample_alone_gives_what_it_gives_in_its_batch():
    """Another answer, or a refusal, is a violation; who is wrong in the batch too is told by
    another law."""
    assert ratio("inference-alone", NumpyBatchNorm(), CASE) <= 1
    assert ratio("inference-alone", MixesIfAlone(), CASE) > 1
    assert ratio("inference-alone", list_mutants()["F17"].make(), CASE) == np.inf
    assert ratio("inference-alone", list_mutants()["I08"].make(), CASE) is None
