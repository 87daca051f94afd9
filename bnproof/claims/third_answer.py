"""What the third answer asserts.

It explains normalising by a picture, the cloud of two components that becomes round, and gamma and
beta by the range of an activation.  The picture needs uncorrelated components: what batch
normalisation keeps of a cloud is the correlation.

Three of its claims deny something, such as that one pair would do for all components.  The book
holds what is denied as a false variant, and its refutation is what proves such a claim.
"""

from bnproof.claims.claim import Claim

CLAIMS = (
    Claim(
        "C1",
        "answer 3",
        "Normalising each component turns an ellipse into a circle.",
        "Each component is stretched along its own axis, so an axis-parallel ellipse may become a"
        " circle; a tilted one stays tilted, because the correlation of two components does not"
        " change (up to its sign). The cloud is round exactly if the components were uncorrelated"
        " and gamma_a^2 q_a = gamma_b^2 q_b.",
        literal=("correlation-kept: an ellipse becomes a circle: the covariance vanishes",),
        demonstration="ellipse",
    ),
    Claim(
        "C2",
        "answer 3",
        "The result may be too wide, too narrow or shifted for the activation; gamma and beta"
        " rescale it.",
        "gamma sets the spread and beta the centre of what the activation sees, to any values, as"
        " long as the batch has spread at all (v > 0). A batch without spread stays one point,"
        " wherever beta puts it.",
        # Spread and centre, one item each: "rescale" means both.
        literal=(
            "expressive-loss: with: every standard deviation t",
            "expressive-loss: with: every mean c",
        ),
        rests_on=("output-moments",),
        demonstration="width",
    ),
    Claim(
        "C3",
        "answer 3",
        "gamma and beta are shared by all components.",
        "By definition there is one pair per component (Algorithm 1 is stated for each). Shared"
        " ones could not do the work: all components would get the same mean, and with eps = 0 the"
        " same spread.",
        # The theorem shows what shared parameters would force; that they are not shared is the
        # definition.
        literal=("~shared-affine: equal means",),
        rests_on=("shared-affine",),
        demonstration="shared",
    ),
    Claim(
        "C4",
        "answer 3",
        "So it is not equivalent to learning beta and gamma without normalising.",
        "Right, and for three reasons. One learned pair cannot follow the statistics from batch to"
        " batch; the map of a whole batch is not affine at all; and even where the functions agree,"
        " gradient descent takes another path.",
        literal=(
            # Three controls of the book, each a way in which the two would be equivalent. All are
            # refuted.
            "~collapse-varies: the pair of one batch serves another",
            "~training-not-affine: affine after all",
            "~parameter-chain-rule: the same step: training gamma', beta' is training gamma, beta",
        ),
        demonstration="not_equivalent",
    ),
    Claim(
        "C5",
        "answer 3",
        "Without normalising, gamma and beta are already learnt in W and b.",
        "gamma (W u + b) + beta is the linear layer with weights gamma W and bias gamma b + beta."
        " Without normalising in between, the pair adds nothing a linear layer does not have.",
        literal=("affine-after-linear-redundant: one linear layer",),
        demonstration="already_learnt",
    ),
)
