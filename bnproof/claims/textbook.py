"""What the textbook answer (Goodfellow, Bengio and Courville 2016, section 8.7.1) and its comment
assert.

The answer replaces a unit ``H`` by ``gamma H' + beta`` with the normalised ``H'``.  It says that
both describe the same functions, and that the new parameters are easier to learn.  The first is
true as long as the statistics are held fixed.  The second has a proof for squared loss, through the
condition number, and needs a measurement for a network.

"Easier" has no formula either.  Here it means two things together, each parametrisation at its own
best learning rate: a lower final loss in the mean over the seeds, and fewer steps to a loss that
both of them reach.
"""

from __future__ import annotations

from collections.abc import Sequence

from bnproof.claims.claim import Claim, Deciding, read_loss
from bnproof.records import Row, list_distinct, select_rows

# The names that the experiment's rows have for the two parametrisations.
NORMALISED, PLAIN = "gamma, beta on normalised values", "gamma', beta' on plain values"


def _find_summaries(rows: Sequence[Row]) -> tuple[Row, Row]:
    """The summary rows ``(normalised, plain)``: each parametrisation at its own best rate,
    everything trained.

    Raises ``KeyError`` with the name of a parametrisation that has no such row.
    """
    chosen = select_rows(rows, kind="parametrisation_summary", trained="everything")
    summaries = {row["parametrisation"]: row for row in chosen}
    return summaries[NORMALISED], summaries[PLAIN]


def _is_easier(rows: Sequence[Row]) -> bool:
    """Whether the normalised parametrisation is easier to train, each at its best rate.

    It has to end lower in the mean over the seeds, and to reach the common loss in fewer steps.
    """
    normalised, plain = _find_summaries(rows)
    # At equal rates the comparison would favour whichever parametrisation the rate happens to suit.
    lower = normalised["final_loss_mean"] < plain["final_loss_mean"]
    return bool(lower and normalised["steps_to_target_mean"] < plain["steps_to_target_mean"])


def _list_rates_ahead(rows: Sequence[Row]) -> list[float]:
    """The learning rates at which the plain parametrisation ends lower, for the sentence below.

    They do not decide, but a reader is to see where the claim would fail at equal rates.
    """
    chosen = select_rows(rows, kind="parametrisation_rate", trained="everything")
    losses = {
        (row["learning_rate"], row["parametrisation"]): read_loss(row["final_loss_mean"])
        for row in chosen
    }
    rates = list_distinct(chosen, "learning_rate")
    return [rate for rate in rates if losses[rate, PLAIN] < losses[rate, NORMALISED]]


def _describe_ease(rows: Sequence[Row]) -> str:
    """What the runs come to in a sentence, with the rates at which the claim would fail.

    "none" stands where there is no such rate, so that the sentence always ends in an answer.
    """
    normalised, plain = _find_summaries(rows)
    ahead = ", ".join(f"{rate:g}" for rate in _list_rates_ahead(rows)) or "none"
    return (
        f"each at its own best rate ({normalised['learning_rate']:g} against"
        f" {plain['learning_rate']:g}), over {normalised['seeds']} seeds, the normalised network"
        f" needs {normalised['steps_to_target_mean']:.0f} steps to a training loss for which the"
        f" plain one needs {plain['steps_to_target_mean']:.0f}, and ends at"
        f" {normalised['final_loss_mean']:.2g} against {plain['final_loss_mean']:.2g}. It is ahead"
        f" because it stands larger rates: at equal rates the plain one is ahead for {ahead}"
    )


CLAIMS = (
    Claim(
        "B1",
        "textbook answer",
        "Normalising a unit reduces its expressive power.",
        "Without gamma and beta the mean of the unit over a batch is 0 and its variance v/(v +"
        " eps), whatever the weights below do. Two numbers a plain unit is free to choose are taken"
        " away.",
        literal=(
            "expressive-loss: without: the mean is 0",
            "expressive-loss: without: the variance is q, whatever the data",
        ),
        demonstration="pinned",
    ),
    Claim(
        "B2",
        "textbook answer",
        "gamma and beta restore any mean and standard deviation.",
        "beta is the new mean and gamma = t/sqrt(v/(v + eps)) gives the standard deviation t. The"
        " one exception is a batch without spread (v = 0): there is nothing to stretch, the output"
        " is beta for every gamma.",
        literal=(
            "expressive-loss: with: every mean c",
            "expressive-loss: with: every standard deviation t",
        ),
        rests_on=("output-moments",),
        demonstration="restored",
    ),
    Claim(
        "B3",
        "textbook answer",
        "The new parametrisation represents the same family of functions of the input as the old"
        " one.",
        "With the statistics held fixed, yes: every affine map is reached, exactly once. As a"
        " function of the whole batch, no: in training the output of one sample depends on the"
        " others, in a way no affine map can imitate.",
        # As a function of the whole batch the claim is false; of one input at fixed statistics it
        # is true.
        literal=("training-not-affine: affine after all",),
        repaired=(
            "collapse-bijection: every pair (c, d) is reached, by gamma = c s and beta = d + c mu",
            "inference-collapse: one affine map for every input",
        ),
        scope="the statistics held fixed",
        demonstration="same_family",
    ),
    Claim(
        "B4",
        "textbook answer",
        "Before, the mean of a unit depends on all layers below; after, it is set by beta alone.",
        "In training mode the batch mean is subtracted, so no input of the batch can move the mean"
        " of the output: its derivative is exactly 0, and the mean is beta. At inference a stored"
        " mean is subtracted instead of the batch's own, and the output's mean moves with the input"
        " again.",
        # The answer does not name a mode, and at inference it is false.
        literal=("mean-decoupled: also at inference",),
        repaired=(
            "mean-decoupled: after: the mean does not depend on any x_k",
            "mean-decoupled: before: it does",
            "mean-decoupled: after: it is beta",
        ),
        rests_on=("output-moments",),
        scope="training mode",
        demonstration="mean_decoupled",
    ),
    Claim(
        "B5a",
        "textbook answer",
        "The new parametrisation has other learning dynamics.",
        "One step of gradient descent in (gamma, beta) and one in (gamma', beta') change the"
        " outputs differently, and the landscapes have different condition numbers. The functions"
        " are the same, the paths through them are not.",
        # Denied twice: neither is one step the same, nor is the landscape.
        literal=(
            "~parameter-chain-rule: the same step: training gamma', beta' is training gamma, beta",
            "~least-squares-conditioning: the same condition number in both",
        ),
        demonstration="learning_dynamics",
    ),
    Claim(
        "B5b",
        "textbook answer",
        "The new parametrisation is much easier to learn by gradient descent.",
        "For squared loss this is proved: gradient descent contracts the error by (cond - 1)/(cond"
        " + 1) per step, and cond is 1 + eps/v in (gamma, beta) but unbounded in (gamma', beta')."
        " For a network it has to be measured: both parametrisations start as the same function and"
        " are trained at their own best learning rates.",
        # Proved for squared loss alone: it is shown beside the measurement and does not decide.
        formula="least-squares-conditioning: condition number in (gamma, beta)",
        rests_on=("gd-rate",),
        measurement=Deciding(
            "parametrisations",
            ("parametrisation_summary", "parametrisation_rate"),
            "parametrisations.svg",
            _is_easier,
            _describe_ease,
        ),
        demonstration="easier",
    ),
    Claim(
        "B6",
        "comment",
        "A negative gamma is harmful.",
        "Changing the sign of gamma reflects the output about beta, nothing more: the same output"
        " comes from the mirrored input, and gradients have the same size with the other sign."
        " gamma = 0 is no trap either, since gamma's own gradient does not contain gamma.",
        # The book proves that the sign of gamma is a reflection and no more, so its contrary is
        # refuted.
        literal=("~negative-gamma: a reflection about beta",),
        demonstration="negative_gamma",
    ),
)
