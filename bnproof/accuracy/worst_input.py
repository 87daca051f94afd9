"""A guided search for the worst well-conditioned input: many small batches side by side, the best
of them changed and kept.

The error is measured in ulp of ``|gamma xhat| + |beta|``, so that what is counted is arithmetic and
not cancellation. Batches have 8 values, ``kappa`` up to about 3, and variances and parameters of
ordinary size. What is found is a lower bound of the worst case. Start reading at
:func:`find_worst`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bnproof import certify
from bnproof.accuracy.measured import Subject
from bnproof.contract import Array, Case, Measurement
from bnproof.laws.answers import Failed, NotOffered
from bnproof.verification.reproducer import list_calls, write_program

# Eight values: few enough to be changed one by one, enough for sums to round in many ways.
M, CHANNELS = 8, 64


@dataclass(frozen=True)
class Worst:
    """The worst input that was found.

    Attributes
    ----------
    ulp
        Its error; ``None`` where the implementation does not take rank 3.
    reproducer
        A program that shows it; empty likewise.
    dtype
        The dtype it was searched in.
    generations
        For how many rounds it was searched.
    """

    ulp: float | None
    reproducer: str
    dtype: str
    generations: int


@dataclass(frozen=True)
class Population:
    """Batches ``(1, C, m)``, one in each channel, with an affine pair each.

    Memory holds a channel's values side by side, whatever C is, so that a batch alone is summed in
    the same order as among others.

    Attributes
    ----------
    x
        ``(1, C, m)``.
    gamma, beta
        ``(C,)``.
    """

    x: Array
    gamma: Array
    beta: Array

    def change(self, random: np.random.Generator) -> Population:
        """A population with some entries moved.

        Parameters
        ----------
        random
            The generator that is drawn from.

        Returns
        -------
        Population
            About half of the entries are moved, each by anything between one unit in the last place
            and its own size: small steps change roundings, large ones the batch.
        """

        def move(values: Array) -> Array:
            """The values with some of them moved, in their own dtype."""
            # The exponent is drawn evenly, so that steps of all sizes are equally likely.
            step = 2.0 ** -random.integers(0, np.finfo(values.dtype).nmant + 1, size=values.shape)
            moved = values.astype(np.float64) * (
                1 + step * random.choice([-1.0, 0.0, 0.0, 1.0], size=values.shape)
            )
            return moved.astype(values.dtype)

        return Population(move(self.x), move(self.gamma), move(self.beta))

    def replace_where(self, better: Array, other: Population) -> Population:
        """The other's channels where they are better, and one's own elsewhere.

        Parameters
        ----------
        better
            Truth values ``(C,)``.
        other
            A population of the same shape.
        """
        pairs = ((self.gamma, other.gamma), (self.beta, other.beta))
        affine = (np.where(better, theirs, ours) for ours, theirs in pairs)
        return Population(np.where(better[:, None], other.x, self.x), *affine)

    def select(self, channels: Array) -> Population:
        """Some of the batches, in the given order; one may be named several times.

        Parameters
        ----------
        channels
            Their numbers.
        """
        return Population(
            np.ascontiguousarray(self.x[:, channels]), self.gamma[channels], self.beta[channels]
        )


def find_worst(subject: Subject, generations: int, seed: int, channels: int = CHANNELS) -> Worst:
    """Draw a population, improve it for some generations, and confirm the best batch alone.

    Parameters
    ----------
    subject
        What is asked, and in which dtype.
    generations
        How many times the population is changed; with 0 the worst of those drawn is taken.
    seed
        Equal seeds give equal searches.
    channels
        How many batches live side by side, or the number of channels that the implementation fixes.

    Returns
    -------
    Worst
        Its error is measured again on what the reproducer holds. Without an error where the
        implementation does not take rank 3.

    Notes
    -----
    In each generation every batch is compared with a changed copy, of itself or, in one case out of
    five, of the batch with the largest error so far. The one with the larger error is kept.
    """
    random = np.random.default_rng(seed)
    best = draw_population(random, subject.dtype, channels)
    try:
        errors = measure_ulps(subject, best)[0]
    except NotOffered:
        return Worst(None, "", subject.dtype, 0)
    for _ in range(generations):
        # A fifth of the population starts again from the best batch so far.
        parents = np.where(
            random.random(channels) < 0.2, int(np.argmax(errors)), np.arange(channels)
        )
        trial = best.select(parents).change(random)
        measured_ulps = measure_ulps(subject, trial)[0]
        best, errors = (
            best.replace_where(measured_ulps > errors, trial),
            np.maximum(measured_ulps, errors),
        )
    # Where the number of channels is fixed, the best batch cannot be asked for alone.
    alone = best.select(np.argmax(errors, keepdims=True)) if channels == CHANNELS else best
    measured_ulps, at = measure_ulps(subject, alone)
    j = int(np.argmax(measured_ulps))
    error = float(measured_ulps[j])
    return Worst(
        error,
        write_reproducer(subject, alone, (0, j, int(at[j])), error),
        subject.dtype,
        generations,
    )


def draw_population(random: np.random.Generator, dtype: str, channels: int) -> Population:
    """Normal batches with means within three standard deviations of 0.

    Parameters
    ----------
    random
        The generator that is drawn from.
    dtype
        The name of the dtype of x, gamma and beta.
    channels
        How many batches.

    Returns
    -------
    Population
        Gamma and beta have either sign and magnitudes of 0.5 to 2.
    """
    offset, scale = random.uniform(-3, 3, size=channels), random.uniform(0.3, 4, size=channels)
    x = (random.normal(size=(1, channels, M)) + offset[:, None]) * scale[:, None]
    affine = random.choice([-1.0, 1.0], size=(2, channels)) * random.uniform(
        0.5, 2, size=(2, channels)
    )
    return Population(*(values.astype(dtype) for values in (x, *affine)))


def measure_ulps(subject: Subject, population: Population) -> tuple[Array, Array]:
    """The largest error of each batch, and the place of that value.

    Parameters
    ----------
    subject
        What is asked.
    population
        The batches.

    Returns
    -------
    tuple of array
        The errors in ulp of ``|gamma xhat| + |beta|`` and the numbers of the values, ``(C,)`` each.
        The error is 0 for a batch that has become ill-conditioned or scaled out of all proportion;
        such a batch is never kept.

    Raises
    ------
    NotOffered
        Where the implementation does not take the input.
    """
    exact = certify.train(population.x, population.gamma, population.beta, eps=subject.eps)
    try:
        got = subject.compute_output(population.x, population.gamma, population.beta)
    except Failed:
        got = np.full(population.x.shape, np.nan, dtype=population.x.dtype)
    with np.errstate(all="ignore"):
        size = np.abs(population.gamma[:, None] * exact.xhat.mid) + np.abs(population.beta[:, None])
        errors = certify.ulp_error(got, exact.y, size)[0]
        fit = (exact.mu.mid**2 <= 9 * exact.v.mid) & _lies_within(exact.v.mid, 0.01, 100)
        # With smaller or larger parameters only entries near mu would show.
        fit &= _lies_within(np.abs(population.gamma), 0.5, 2) & _lies_within(
            np.abs(population.beta), 0.5, 2
        )
    # Without an exact value there is no error; NaN would win every comparison in ``argmax``.
    errors = np.where(np.isnan(errors), 0.0, errors)
    return np.where(fit, errors.max(axis=1), 0.0), errors.argmax(axis=1)


def _lies_within(values: Array, low: float, high: float) -> Array:
    """Whether values lie between two ends, entry by entry; NaN does not."""
    return (values >= low) & (values <= high)


def write_reproducer(
    subject: Subject, population: Population, place: tuple[int, int, int], error: float
) -> str:
    """The program that shows an error.

    It has the input in hexadecimal floats, the call, what came back, and what is exact.

    Parameters
    ----------
    subject
        What is asked.
    population
        The input.
    place
        The index of the entry in ``y``.
    error
        Its error in ulp.

    Returns
    -------
    str
        The text of a program that needs the package and nothing else of this run.
    """
    exact = certify.train(population.x, population.gamma, population.beta, eps=subject.eps).y
    # A case has more than y needs: no upstream gradient, and ordinary running statistics.
    ones = np.ones_like(population.gamma)
    case = Case(
        population.x,
        np.zeros_like(population.x),
        population.gamma,
        population.beta,
        0 * ones,
        ones,
        subject.eps,
        0.1,
    )
    message = f"y{list(place)} is off by {error:.3g} ulp of |gamma xhat| + |beta|"
    got = None
    try:
        got = float(subject.compute_output(population.x, population.gamma, population.beta)[place])
    except Failed as failed:
        message = str(failed)
    exact_entry = (float(exact.mid[place]), float(exact.low[place]))
    seen = Measurement(
        "accuracy of y", ("y",), 0.0, error, place, got, exact_entry, float(exact.rad[place])
    )
    calls = list_calls(seen, case, subject.convention)
    return write_program(subject.target, seen, message, calls, convention=subject.convention)
