"""The textbook's answer: expressive power, the same family of functions, other learning dynamics.

The textbook says that gamma and beta give back what normalising takes, and that what is gained is
an easier problem for gradient descent. Both halves are put into numbers here, the second with the
condition numbers of a least-squares problem that can be solved exactly.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sympy import Sum, sqrt

from bnproof.contract import Array
from bnproof.experiments.demonstrations import Number, demonstration, largest
from bnproof.experiments.demonstrations.layer import descend
from bnproof.experiments.demonstrations.material import (
    BATCH,
    HIDDEN,
    LAYER,
    PIXELS,
    Material,
    evaluate,
    fit,
    gradients,
    infer,
    max_magnitude,
    normalise,
    q,
    root_mean_square,
    track,
)
from bnproof.symbolic.setting import eps, g, gamma, i, j, m, s, v, x, xhat
from bnproof.theorems.closed_forms import beta_collapsed, gamma_collapsed, s_r

# The excess loss that is waited for, as a share of that at the start. A smaller share would give
# longer runs and the same order.
TENFOLD = 0.1
# Steps of gradient descent that are waited for. A badly conditioned feature would need a number of
# steps in proportion to its condition number.
PATIENCE = 5000


@demonstration(HIDDEN)
def pinned(data: Material) -> Iterator[Number]:
    """Without gamma and beta every feature gets mean 0 and variance q, whatever it had before.

    See the theorems output-moments and expressive-loss.
    """
    before, after = data.hidden, normalise(data.hidden)
    yield Number("means of the features before: largest - smallest", np.ptp(before.mean(axis=0)))
    yield largest("largest |mean| after, gamma = 1, beta = 0", after.mean(axis=0))
    yield Number(
        "standard deviations before: largest/smallest",
        before.std(axis=0).max() / before.std(axis=0).min(),
    )
    # np.var is the biased variance, as in the theorem.
    gap = after.var(axis=0) - evaluate(q, x=before)
    yield largest("largest |variance - q| after, q = v/(v + eps)", gap)
    yield Number(
        "root mean square of x - xhat: x itself is no longer among the outputs",
        root_mean_square(before - after),
    )


@demonstration(HIDDEN)
def restored(data: Material) -> Iterator[Number]:
    """``gamma = t/sqrt(q)`` and beta reach a given standard deviation t and mean, wherever v > 0.

    Asked for its own mean and standard deviation, a feature comes back as it was. A pixel with v =
    0 is stuck at standard deviation 0 for every gamma (theorem expressive-loss).
    """
    own = data.hidden.mean(axis=0), data.hidden.std(axis=0)
    mean, std = np.roll(own[0], 1), np.roll(own[1], 1)  # each feature is asked for its neighbour's
    root = evaluate(sqrt(q), x=data.hidden)
    y = normalise(data.hidden, std / root, mean)
    yield largest("asked for another feature's mean: largest miss", y.mean(axis=0) - mean)
    yield largest(
        "asked for another feature's standard deviation: largest miss", y.std(axis=0) - std
    )
    identity = normalise(data.hidden, own[1] / root, own[0]) - data.hidden
    yield largest("asked for its own mean and standard deviation: largest |y - x|", identity)
    # Exactly 0: a constant pixel has no deviation at all to divide.
    flat = normalise(data.pixels, np.ones(data.pixels.shape[1])).std(axis=0) == 0
    yield Number("raw pixels with v = 0: standard deviation 0 whatever gamma", flat.sum(), "pixels")


@demonstration(HIDDEN)
def same_family(data: Material) -> Iterator[Number]:
    """At fixed statistics every line c x + d is reached; in training mode the outputs depend on the
    others.

    The third number is 0 for every affine map F. For batch normalisation it is the witness of the
    theorem training-not-affine, ``4 gamma u (1/sqrt(4 v + eps) - 1/s)``.
    """
    features, (c, d) = data.hidden.shape[1], data.fitted
    statistics = track(data.cut_hidden(BATCH), (np.zeros(features), np.ones(features)))
    one = np.ones(features)
    # The inverse of gamma -> gamma/s_r.
    slope = c * evaluate(s_r, v_r=statistics[1])
    # beta is chosen so that the stored mean goes where the line has it.
    line = infer(data.hidden, slope, d + c * statistics[0], statistics) - (c * data.hidden + d)
    yield largest("fixed statistics: largest distance from a given line c x + d", line)
    # One sample of the next batch takes the place of the first.
    exchanged = np.array(data.hidden)
    exchanged[0] = data.cut_hidden(BATCH)[1][0]
    change = (normalise(exchanged) - normalise(data.hidden))[1:]
    yield largest(
        "training mode, one sample exchanged: largest change of the outputs of the others", change
    )
    # The witness needs a batch of mean 0.
    u = data.hidden - data.hidden.mean(axis=0)
    combined = normalise(-u) - 3 * normalise(u) + 2 * normalise(2 * u)
    yield largest("u = x - mu: largest |F(-u) - 3 F(u) + 2 F(2 u)|, 0 for an affine map", combined)
    predicted = evaluate(4 * gamma * x[i] * (1 / sqrt(4 * v + eps) - 1 / s), i, x=u, gamma=one)
    yield largest(
        "its largest distance from the proved 4 gamma u (1/sqrt(4 v + eps) - 1/s)",
        combined - predicted,
    )


@demonstration(LAYER)
def mean_decoupled(data: Material, rate: float = 1.0) -> Iterator[Number]:
    """One step of the layer below moves the mean of ``W u`` and not the mean of ``BN(W u)``, in
    training mode.

    At inference the stored mean is subtracted instead of the batch's own, and the mean moves again
    (theorem mean-decoupled).
    """
    (inputs, _), one = data.layer_batches[0], np.ones(len(data.weight))
    step = next(descend(data, rate, normalising=True))
    x, after = step.x, inputs @ step.after.T
    # The upstream gradient 1/m for every value: its product with the Jacobian is d mean(y)/dx.
    dx = gradients(np.full_like(x, 1 / BATCH), x, one)[0]
    yield Number(
        "m times the largest |d mean(y)/d x_k| (it is 1 for mean(x))", BATCH * max_magnitude(dx)
    )
    yield largest(
        f"W after a step of rate {rate:g}: largest change of mean(W u)", (after - x).mean(axis=0)
    )
    change = (normalise(after) - normalise(x)).mean(axis=0)
    yield largest("the same step, training mode: largest change of mean(BN(W u))", change)
    # The statistics of the batch itself, so that only the step makes a difference.
    statistics = x.mean(axis=0), x.var(axis=0)
    fixed = infer(after, one, 0 * one, statistics) - infer(x, one, 0 * one, statistics)
    yield largest(
        "the same step, inference with the statistics before it: the same change",
        fixed.mean(axis=0),
    )


@demonstration(HIDDEN)
def learning_dynamics(data: Material, rate: float = 0.5) -> Iterator[Number]:
    """One gradient step of the same rate from the same function, in both parametrisations.

    To first order a step changes the outputs by ``-rate sum_j K_ij g_j``. The kernel K is
    ``xhat_i xhat_j + 1`` in (gamma, beta) and ``x_i x_j + 1`` in (gamma', beta') (theorem
    parameter-chain-rule). Since y is linear in each pair, the first order is all there is.
    """
    y, target = normalise(data.hidden), data.target(data.hidden.shape[1])
    upstream, one = (y - target) / BATCH, np.ones(data.hidden.shape[1])
    _, slope, shift = gradients(upstream, data.hidden, one)
    normalised = normalise(data.hidden, one - rate * slope, -rate * shift) - y
    collapsed = -rate * ((upstream * data.hidden).sum(axis=0) * data.hidden + upstream.sum(axis=0))
    inputs = {"x": data.hidden, "g": upstream}
    for says, change, kernel in (
        (
            "gamma, beta: largest distance from the kernel xhat_i xhat_j + 1",
            normalised,
            xhat(i) * xhat(j) + 1,
        ),
        ("gamma', beta': largest distance from the kernel x_i x_j + 1", collapsed, x[i] * x[j] + 1),
    ):
        predicted = -rate * evaluate(Sum(kernel * g[j], (j, 1, m)), i, **inputs)
        yield largest(f"change of y in one step of rate {rate:g}, {says}", change - predicted)
    yield largest("largest |difference of the two changes|", normalised - collapsed)
    before = ((y - target) ** 2).mean()
    for says, change in (("(gamma, beta)", normalised), ("(gamma', beta')", collapsed)):
        yield Number(
            f"squared loss after/before that step in {says}",
            ((y + change - target) ** 2).mean() / before,
        )


def curvatures(regressor: Array) -> tuple[Array, Array]:
    """The curvatures of the squared loss of ``a phi + b`` in (a, b), for each feature phi.

    Parameters
    ----------
    regressor : array of shape (m, features)
        phi.

    Returns
    -------
    tuple of two arrays of shape (features,)
        Smallest and largest eigenvalue of ``[[mean(phi^2), mean(phi)], [mean(phi), 1]]``.
    """
    one, mean, square = (
        np.ones(regressor.shape[1]),
        regressor.mean(axis=0),
        (regressor**2).mean(axis=0),
    )
    low, high = np.linalg.eigvalsh(np.stack([square, mean, mean, one], axis=-1).reshape(-1, 2, 2)).T
    return low, high


def count_steps(regressor: Array, start: tuple[Array, Array], target: Array) -> Array:
    """Steps of gradient descent until the excess squared loss is a tenth, for each feature.

    Parameters
    ----------
    regressor : array of shape (m, features)
        phi of the model ``a phi + b``.
    start : tuple of two arrays of shape (features,)
        The first a and b.
    target : array of shape (m, features)
        What the model is fitted to.

    Returns
    -------
    array of shape (features,)
        Whole numbers, as floats.

    Raises
    ------
    ArithmeticError
        Where ``PATIENCE`` steps are not enough for some feature.

    Notes
    -----
    The rate is the best constant one, ``2/(low + high)`` of the two curvatures, by which the error
    contracts by ``(cond - 1)/(cond + 1)`` in each step (theorem gd-rate).
    """
    (a, b), best = start, fit(regressor, target)
    rate, steps, goal = (
        2 / sum(curvatures(regressor)),
        np.zeros(regressor.shape[1]),
        np.zeros(regressor.shape[1]),
    )
    for step in range(PATIENCE):
        # The loss above that of the best line, which is the mean square of the distance from it.
        excess = (((a - best[0]) * regressor + b - best[1]) ** 2).mean(axis=0)
        goal = TENFOLD * excess if step == 0 else goal
        if (excess <= goal).all():
            return steps
        # A feature that has arrived stops counting, while the others go on.
        steps += excess > goal
        error = a * regressor + b - target
        a, b = a - rate * (error * regressor).mean(axis=0), b - rate * error.mean(axis=0)
    raise ArithmeticError(
        f"gradient descent was not there after {PATIENCE} steps: choose features with less offset"
    )


@demonstration(PIXELS)
def easier(data: Material) -> Iterator[Number]:
    """Gradient descent on the squared loss from the same function, in both parametrisations.

    Both start at gamma = 1 and beta = 0, or what corresponds to it in (gamma', beta').
    """
    one, target = np.ones(data.varying.shape[1]), data.target(data.varying.shape[1])
    pair = {"x": data.varying, "gamma": one, "beta": 0 * one}
    same = evaluate(gamma_collapsed, **pair), evaluate(beta_collapsed, **pair)
    for name, regressor, start in (
        ("gamma, beta", normalise(data.varying), (one, 0 * one)),
        ("gamma', beta'", data.varying, same),
    ):
        low, high = curvatures(regressor)
        contraction = (high - low) / (high + low)  # (cond - 1)/(cond + 1)
        yield Number(
            f"({name}): error one step may leave, (cond - 1)/(cond + 1): median",
            np.median(contraction),
        )
        steps = count_steps(regressor, start, target)
        yield Number(
            f"({name}): steps until the excess loss is a tenth: median", np.median(steps), "steps"
        )
    yield Number("(gamma', beta'): the same for the slowest pixel", steps.max(), "steps")


@demonstration(HIDDEN)
def negative_gamma(data: Material, steps: int = 5, rate: float = 0.5) -> Iterator[Number]:
    """With -gamma the output is reflected about beta, the input's gradient turns round, and
    learning goes on.

    The last two numbers start gradient descent from both signs of gamma. gamma's own gradient
    ``sum g xhat`` does not contain gamma, so no sign is a trap (theorem negative-gamma).
    """
    (scale, offset), target = data.fitted, data.target(data.hidden.shape[1])
    y, mirrored = normalise(data.hidden, scale, offset), normalise(data.hidden, -scale, offset)
    yield largest("largest |BN with -gamma - (2 beta - BN)|", mirrored - (2 * offset - y))
    up, down = (gradients(y - target, data.hidden, signed) for signed in (scale, -scale))
    yield largest(
        "largest |dL/dx with -gamma + dL/dx| for the same upstream gradient", up[0] + down[0]
    )
    yield Number("share of the gammas fitted to the classes that are negative", np.mean(scale < 0))
    for sign in (1, -1):
        learnt = sign * np.ones_like(scale)
        for _ in range(steps):
            g = (normalise(data.hidden, learnt, offset) - target) / BATCH
            learnt = learnt - rate * gradients(g, data.hidden, learnt)[1]
        start = f"{steps} gradient steps of rate {rate:g} from gamma = {sign}"
        yield largest(f"{start}: largest distance from the best gamma", learnt - scale)
