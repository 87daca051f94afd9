"""A guided search for the worst well-conditioned input: many small batches side by side, the best
of them changed and kept.

Error: ulp of ``|gamma xhat| + |beta|``, so that what is counted is arithmetic and not cancellation;
batches of 8 values with ``kappa`` up to about 3, variances and parameters of ordinary size.  What
is found is a lower bound of the worst case.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnproof import certify
from bnproof.accuracy.points import Subject
from bnproof.contract import Array, Case, Measurement
from bnproof.laws.answers import Failed, NotOffered
from bnproof.verification.reproducer import write_program

M, CHANNELS = 8, 64


@dataclass(frozen=True)
class Worst:
    """The worst input found: its error, a program that shows it, in which dtype, and how long it
    was searched for.

    Without an error where the implementation does not take rank 3.
    """

    ulp: float | None
    reproducer: str
    dtype: str
    generations: int


@dataclass(frozen=True)
class Population:
    """Batches ``(1, C, m)`` with an affine pair each: a channel's values are neighbours, whatever C
    is, so that a batch alone is summed as it was among others."""

    x: Array
    gamma: Array
    beta: Array

    def changed(self, random: np.random.Generator) -> Population:
        """Some entries moved, by anything between one unit in the last place and their own size."""

        def move(values: Array) -> Array:
            step = 2.0 ** -random.integers(0, np.finfo(values.dtype).nmant + 1, size=values.shape)
            moved = values.astype(np.float64) * (
                1 + step * random.choice([-1.0, 0.0, 0.0, 1.0], size=values.shape)
            )
            return moved.astype(values.dtype)

        return Population(move(self.x), move(self.gamma), move(self.beta))

    def where(self, better: Array, other: Population) -> Population:
        """The other's channels where they are better."""
        pairs = ((self.gamma, other.gamma), (self.beta, other.beta))
        affine = (np.where(better, theirs, ours) for ours, theirs in pairs)
        return Population(np.where(better[:, None], other.x, self.x), *affine)

    def chosen(self, channels: Array) -> Population:
        """Some of the batches."""
        return Population(
            np.ascontiguousarray(self.x[:, channels]), self.gamma[channels], self.beta[channels]
        )


def worst(subject: Subject, generations: int, seed: int, channels: int = CHANNELS) -> Worst:
    """Draw a population, improve it for some generations, and confirm the best batch alone."""
    random = np.random.default_rng(seed)
    best = drawn(random, subject.dtype, channels)
    try:
        errors = ulps(subject, best)[0]
    except NotOffered:
        return Worst(None, "", subject.dtype, 0)
    for _ in range(generations):
        parents = np.where(
            random.random(channels) < 0.2, int(np.argmax(errors)), np.arange(channels)
        )
        trial = best.chosen(parents).changed(random)
        found = ulps(subject, trial)[0]
        best, errors = best.where(found > errors, trial), np.maximum(found, errors)
    alone = best.chosen(np.argmax(errors, keepdims=True)) if channels == CHANNELS else best
    found, at = ulps(subject, alone)
    j = int(np.argmax(found))
    error = float(found[j])
    return Worst(
        error, shown(subject, alone, (0, j, int(at[j])), error), subject.dtype, generations
    )


def drawn(random: np.random.Generator, dtype: str, channels: int) -> Population:
    """Normal batches with means within three standard deviations of 0."""
    offset, scale = random.uniform(-3, 3, size=channels), random.uniform(0.3, 4, size=channels)
    x = (random.normal(size=(1, channels, M)) + offset[:, None]) * scale[:, None]
    affine = random.choice([-1.0, 1.0], size=(2, channels)) * random.uniform(
        0.5, 2, size=(2, channels)
    )
    made = (x, *affine)
    return Population(*(values.astype(dtype) for values in made))


def ulps(subject: Subject, of: Population) -> tuple[Array, Array]:
    """The largest error of each batch, 0 for one that is ill-conditioned or scaled out of all
    proportion, and the value it is at."""
    exact = certify.train(of.x, of.gamma, of.beta, eps=subject.eps)
    try:
        got = subject.output(of.x, of.gamma, of.beta)
    except Failed:
        got = np.full(of.x.shape, np.nan, dtype=of.x.dtype)
    with np.errstate(all="ignore"):
        size = np.abs(of.gamma[:, None] * exact.xhat.mid) + np.abs(of.beta[:, None])
        errors = certify.ulp_error(got, exact.y, size)[0]
        fit = (exact.mu.mid**2 <= 9 * exact.v.mid) & _within(exact.v.mid, 0.01, 100)
        # else only entries near mu show
        fit &= _within(np.abs(of.gamma), 0.5, 2) & _within(np.abs(of.beta), 0.5, 2)
    errors = np.where(np.isnan(errors), 0.0, errors)
    return np.where(fit, errors.max(axis=1), 0.0), errors.argmax(axis=1)


def _within(values: Array, low: float, high: float) -> Array:
    return (values >= low) & (values <= high)


def shown(subject: Subject, of: Population, place: tuple[int, int, int], error: float) -> str:
    """The program: input in hexadecimal floats, the call, what came back and what is exact."""
    exact = certify.train(of.x, of.gamma, of.beta, eps=subject.eps).y
    ones = np.ones_like(of.gamma)
    case = Case(of.x, np.zeros_like(of.x), of.gamma, of.beta, 0 * ones, ones, subject.eps, 0.1)
    message = f"y{list(place)} is off by {error:.3g} ulp of |gamma xhat| + |beta|"
    got = None
    try:
        got = float(subject.output(of.x, of.gamma, of.beta)[place])
    except Failed as failed:
        message = str(failed)
    exact_entry = (float(exact.mid[place]), float(exact.low[place]))
    seen = Measurement(
        "accuracy of y", ("y",), 0.0, error, place, got, exact_entry, float(exact.rad[place])
    )
    return write_program(subject.target, seen, message, case, subject.convention)
