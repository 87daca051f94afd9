"""Synchronised workers: what they exchange, and what they keep.

Worker k holds ``n_k`` values per channel with mean ``mu_k`` and variance ``v_k``. Of the whole
batch, ``mu = sum n_k mu_k/n`` and ``v = sum n_k (v_k + (mu_k - mu)^2)/n``. Projects' own tests
missed these bugs where every worker had as many samples as the next, or where outputs were compared
and buffers were not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.implementations.numpy import NumpyBatchNorm
from bnproof.implementations.numpy_arrays import values_per_channel, widen
from bnproof.implementations.numpy_shards import Moments
from bnproof.implementations.signatures import Arguments, Stepped, pack_arguments
from bnproof.mutants.catalogue import bug


@bug("S01", mechanism="workers averaged without counts")
class CountsIgnored(NumpyBatchNorm):
    """Every worker that holds something weighs the same: ``mu`` is the plain mean of the ``mu_k``,
    and v likewise."""

    def merge_moments(self, parts: Sequence[Moments]) -> tuple[Array, Array]:
        """``mu = (1/R) sum mu_k`` and ``v = (1/R) sum (v_k + (mu_k - mu)^2)`` over R workers.

        Users found it in PyTorch, apex and Paddle: with 2 values on one worker and 6 on another,
        each of the two counts three times as much as each of the six. With equal counts it is
        right, and those were what the tests had. The last batch of an epoch or images of several
        sizes bring it out.
        """
        # An empty worker is left out, which keeps this bug apart from S05.
        return super().merge_moments([(1, mean, var) for count, mean, var in parts if count])


@bug("S04", mechanism="parameter gradients reduced twice")
class GradientsReducedTwice(NumpyBatchNorm):
    """Gradients of gamma and beta that are sums already are summed over the R workers again: R
    times too large."""

    def train_shards_vjp(self, dys: Sequence[Array], *arguments: Any, **options: Any) -> Stepped:
        """``dgamma = R sum g xhat`` and ``dbeta = R sum g``, while dx is right.

        The layer sums these gradients over its workers, and the wrapper for data parallelism sums
        them once more. In nnabla both were too large by the number of devices, so that training on
        several was not the training on one. One device shows nothing, since there R = 1.
        """
        dxs, *gradients = super().train_shards_vjp(dys, *arguments, **options)
        # dx stays right: it is formed from the sums before they are reduced again.
        dgamma, dbeta = (None if whole is None else whole * len(dys) for whole in gradients)
        return dxs, dgamma, dbeta


@bug("S05", mechanism="empty input not handled")
class EmptyWorkerCounted(NumpyBatchNorm):
    """A worker without samples sends 0/0 for its mean and variance, and ``0 * NaN`` reaches every
    other."""

    def moments(self, x: Array) -> Moments:
        """``mu_k = 0/0`` for a worker without samples, whose weight 0 does not remove it, since ``0
        * NaN`` is NaN.

        In PyTorch one empty worker turned the outputs of all the others into NaN. Data sets whose
        samples are shared out by content run into it.
        """
        if values_per_channel(x) != 0:
            return super().moments(x)
        # 0/0 written out, since the division would warn and the suite turns warnings into errors.
        nothing = np.full(x.shape[1], np.nan, dtype=widen(x).dtype)
        return 0, nothing, nothing


@bug("S08", mechanism="statistics never updated")
class VarianceLost(NumpyBatchNorm):
    """The synchronised step hands back the running variance it was given; the running mean
    moves."""

    @pack_arguments
    def train_shards(self, a: Arguments) -> Stepped:
        """``v_r`` comes back as it was, while the running mean and the outputs are right.

        A misspelt name in apex's optimised kernel assigned the new variance to a variable that
        nobody read. Training looks right, and inference divides by the initial variance of 1. No
        test reached that branch.
        """
        ys, mean, _ = a.call(super().train_shards)
        # The very array that came in, which is what a caller who compares buffers finds.
        return ys, mean, a.running_var


@bug("S09", mechanism="statistics of one worker")
class FirstWorkerKept(NumpyBatchNorm):
    """All normalise by the whole batch, but the running statistics follow the first worker's own
    mean and variance."""

    def train_shards(
        self, shards: Sequence[Array], *arguments: Any, momentum: float, **options: Any
    ) -> Stepped:
        """``mu_r`` and ``v_r`` follow ``mu_0`` and ``v_0`` of one worker, where ``y`` uses those of
        the whole batch.

        Workers whose buffers are not broadcast drift apart, and a saved model contains those of
        one. fairscale, mmdetection and YOLOX have threads about scores that depend on the worker
        that saves the model.
        """
        ys, *_ = super().train_shards(shards, *arguments, momentum=momentum, **options)
        # The first worker that holds something: an empty one would make this S05 instead.
        n, mu, v = self.moments(next(x for x in shards if values_per_channel(x)))
        new = (mu, self.bessel(v, max(n, 2)))  # of a single value v is 0, whatever the factor
        mean, var = (
            None if old is None else self.track(old, value, momentum)
            for old, value in zip(arguments[2:], new, strict=True)
        )
        return ys, mean, var
