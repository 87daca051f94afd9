"""What the first answer asserts and only a measurement can settle.

"High learning rate" and "mostly" have no formula.  Each claim below gives them a meaning in
numbers, in the function that decides it, and the experiment that measures these numbers.

Each claim has a pair of functions: one decides by the rows, and one says in a sentence what they
come to.  Both read the same rows, so that the sentence cannot tell of anything but what decided.
The words have meanings without a number that could be tuned: "high" is the two largest rates that
were tried, a network learns if it ends better than without normalising, and "mostly" is more than
half.
"""

from __future__ import annotations

from collections.abc import Sequence

from bnproof.claims.claim import Claim, Deciding, read_loss
from bnproof.records import Row, select_rows

# The two sets of values that the experiment normalises: what goes into a network, and what goes on
# inside it.
LINEAR_DATA = ("digits, raw pixels", "digits, hidden activations")


def _select_runs(rows: Sequence[Row], raised: str, *, normalised: bool) -> dict[float, Row]:
    """The runs of one set-up by learning rate; of several eps the smallest."""
    chosen = select_rows(rows, raised=raised, normalised=normalised)
    # Sorted by falling eps, so that the smallest, which is nearest to the theorem's eps = 0, is
    # kept last. Runs without normalising have no eps.
    return {row["learning_rate"]: row for row in sorted(chosen, key=lambda row: -(row["eps"] or 0))}


def _is_tamed(rows: Sequence[Row]) -> bool:
    """The layer's rate raised: with normalising every run stays finite, no norm falls, and the
    large rates still learn.

    'Learn' means: a lower final loss than the same network without normalising, at each of the two
    largest rates.  Only the set-up counts in which the layer in front of the normalisation alone
    has the raised rate, because the theorem speaks of no other weights.
    """
    with_it, without = (_select_runs(rows, "first layer", normalised=n) for n in (True, False))
    # The claim is about high rates. Two of them, so that it does not rest on a single run.
    largest = sorted(with_it)[-2:]
    finite = all(run["finite"] and not run["fell_beyond_rounding"] for run in with_it.values())
    return finite and all(
        read_loss(with_it[rate]["final_loss"]) < read_loss(without[rate]["final_loss"])
        for rate in largest
    )


def _describe_taming(rows: Sequence[Row]) -> str:
    """What the runs at the largest rate come to, in a sentence."""
    with_it, without = (_select_runs(rows, "first layer", normalised=n) for n in (True, False))
    rate = max(with_it)
    run, plain, everywhere = (
        with_it[rate],
        without[rate],
        _select_runs(rows, "all layers", normalised=True)[rate],
    )
    return (
        f"with the rate of the normalised layer raised to {rate:g}, its weights grow from"
        f" {run['norm_at_start']:.2g} to {run['norm_median']:.3g} (median row norm), the effective"
        f" step eta/|W|^2 falls from {run['effective_step_at_start']:.4g} to"
        f" {run['effective_step']:.2g}, and the network still reaches {run['final_accuracy']:.1%}"
        f" on its training data; without normalising {plain['final_accuracy']:.1%}. It holds for"
        " the weights in front of the normalisation only: with every layer at that rate the"
        f" accuracy is {everywhere['final_accuracy']:.1%}"
    )


def _linear_share(rows: Sequence[Row], data: str) -> float:
    """The share of normalised values for which the sigmoid is nearly a straight line, at gamma 1
    and beta 0.

    These are what a layer starts with; at another pair the question would be about the pair.
    """
    chosen = select_rows(rows, kind="sigmoid_linear", data=data, gamma=1, beta=0)
    return float(chosen[0]["share"])


def _is_mostly_linear(rows: Sequence[Row]) -> bool:
    """'Mostly': more than half of the normalised values lie where the sigmoid is a straight line,
    to 1% of its range."""
    return all(_linear_share(rows, data) > 1 / 2 for data in LINEAR_DATA)


def _describe_shares(rows: Sequence[Row]) -> str:
    """The shares and the sizes of the values, in a sentence."""
    shares = ", ".join(
        f"{_linear_share(rows, data):.0%} of the {data.removeprefix('digits, ')}"
        for data in LINEAR_DATA
    )
    moments = {row["data"]: row for row in select_rows(rows, kind="linear_range_moments")}
    sizes = ", ".join(
        f"{moments[data]['root_mean_square']:.3g} ({data.removeprefix('digits, ')})"
        for data in LINEAR_DATA
    )
    return (
        f"{shares} lie where the sigmoid is a straight line to 1% of its range; their root mean"
        f" square is {sizes}, so 'close to 0' means: of the order of 1"
    )


CLAIMS = (
    Claim(
        "A3",
        "answer 1",
        "There is no scale explosion, even at a high learning rate.",
        "What is proved concerns the weights W in front of the normalisation, plain SGD and eps ="
        " 0: the outputs do not depend on the size of W at all, and every step makes W longer,"
        " which makes the next steps shorter (eta/|W|^2). So W grows, but the network does not"
        " notice and the steps calm down by themselves. Layers that are not followed by a"
        " normalisation are not protected.",
        # It shows why the steps calm down. That nothing explodes is more than it says, so it is
        # not what decides.
        formula="weight-norm-growth: <W, G> = 0: the norm never falls",
        rests_on=("scale-exact", "output-moments"),
        measurement=Deciding(
            "weight_norm", ("weight_norm_run",), "weight_norm.svg", _is_tamed, _describe_taming
        ),
        demonstration="no_explosion",
    ),
    Claim(
        "A5a",
        "answer 1",
        "Normalised outputs are mostly close to 0.",
        "Their mean is 0 and their root mean square is sqrt(v/(v + eps)), that is 1 up to eps: they"
        " are spread around 0 at a distance of about 1, whatever the data. How many lie in a given"
        " range is a matter of the data; Chebyshev's and Samuelson's inequalities bound it. For a"
        " sigmoid that range is nearly straight, which is the grain of truth in the claim.",
        # A bound for all data. "Mostly" is about these data, which no formula knows.
        formula="chebyshev: the bound on the share",
        rests_on=("output-moments", "samuelson"),
        measurement=Deciding(
            "linear_range",
            ("sigmoid_linear", "linear_range_moments"),
            "linear_range.svg",
            _is_mostly_linear,
            _describe_shares,
        ),
        demonstration="not_mostly_near_zero",
    ),
)
