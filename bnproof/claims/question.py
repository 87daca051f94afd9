"""What the question and the comments on it assert.

It observes that ``gamma (x - mu)/s + beta`` can be multiplied out to ``gamma' x + beta'`` with
``gamma' = gamma/s`` and ``beta' = beta - gamma mu/s``, and concludes that normalising changes
nothing.  The observation is right for one batch.  What is concluded overlooks that mu and s are
functions of the batch: they differ from batch to batch, and they have derivatives of their own.

So the first claim is proved as it stands, and those that are drawn from it rest on two theorems:
collapse-varies, by which no constant pair serves two batches, and collapse-hides-gradient, by which
the pair hides part of the derivative.
"""

from bnproof.claims.claim import Claim

CLAIMS = (
    Claim(
        "Q1",
        "question",
        "On a fixed mini-batch batch normalisation is the affine map gamma' x + beta'.",
        "For one fixed batch mu and s are just two numbers, so multiplying out gamma (x - mu)/s +"
        " beta leaves a slope and an offset. Nothing is wrong with this part of the question. What"
        " goes wrong comes later: the two numbers are different for the next batch.",
        literal=("collapse: gamma' = gamma/s, beta' = beta - gamma mu/s",),
        demonstration="collapse",
    ),
    Claim(
        "Q2",
        "question",
        "So normalising is pointless: one may learn gamma', beta' instead and get the same"
        " function.",
        "The slope gamma/s and the offset beta - gamma mu/s are computed from each batch anew, and"
        " a learned pair is one pair for all batches. It reproduces batch normalisation on two"
        " batches (with spread, gamma not 0) only if their means and variances agree. The claim is"
        " true on one single batch, and at inference, where mean and variance are constants.",
        literal=(
            "collapse-varies: the pair of one batch serves another",
            "training-not-affine: affine after all",
        ),
        # Where the claim is true, on one batch and at inference. Nothing repairs it in training,
        # so these are no repair, but the explanation says so.
        rests_on=("collapse-bijection", "inference-collapse"),
        demonstration="pointless",
    ),
    Claim(
        "Q3",
        "comment",
        "gamma and beta vary with the input.",
        "gamma and beta are parameters like weights: one number each per feature, the same for"
        " every batch, changed by the optimiser and by nothing else. What does vary with the batch"
        " is the collapsed pair gamma' = gamma/s, beta' = beta - gamma mu/s, since mu and s are"
        " recomputed.",
        literal=("collapse-varies: gamma itself varies with the input",),
        demonstration="what_varies",
    ),
    Claim(
        "Q4",
        "comment",
        "Mean and variance are redundant; they only make training easier.",
        "Redundant on one batch and at inference: there every affine map can be had with and"
        " without them. Not redundant in training, where they change with the batch. And 'easier'"
        " has a number: for squared loss the landscape in (gamma, beta) has condition number 1 +"
        " eps/v, almost 1, while in (gamma', beta') it grows with the mean and the spread of the"
        " feature.",
        # Two assertions in one: the first is false in training and true at fixed statistics, the
        # second is the condition number.
        literal=("collapse-varies: the pair of one batch serves another",),
        repaired=(
            "collapse-bijection: every pair (c, d) is reached, by gamma = c s and beta = d + c mu",
            "inference-collapse: one affine map for every input",
            "least-squares-conditioning: condition number in (gamma, beta)",
        ),
        rests_on=("gd-rate",),
        scope="on one batch, or at inference",
        demonstration="redundant_but_easier",
    ),
    Claim(
        "Q5",
        "question",
        "So training with gamma', beta' is the same as training with gamma, beta.",
        "Two formulas can have equal values and still be trained differently, because gradient"
        " descent moves parameters, not values. A step in (gamma, beta) changes the outputs by a"
        " rule in which normalised values appear, a step in (gamma', beta') by one with the raw"
        " values. And the gradient that goes back to x is another one too: gamma' and beta' hide"
        " their dependence on x.",
        literal=(
            # What a step does to gamma and beta, and what goes back to the layers below.
            "parameter-chain-rule: the same step: training gamma', beta' is training gamma, beta",
            "collapse-hides-gradient: the constant-coefficient derivative taken for the true one",
        ),
        demonstration="one_step",
    ),
)
