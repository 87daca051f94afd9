"""What the first answer and its comments assert.

The answer rests on the invariance ``BN(a W u) = BN(W u)``.  It holds for ``a > 0`` and ``eps = 0``,
and what follows from it holds under the same conditions.  The claims about the sigmoid near 0,
about the normal distribution and about the need for gamma, beta and a bias stand by themselves.
Those that only a measurement can settle are in ``first_answer_measured``.

How to read an entry: ``literal`` quotes the item of the book that says word for word what the
answer says, and ``repaired`` quotes items that say it under conditions.  Where the book proves the
contrary of a claim, or holds the claim as a false variant, the literal item is that one, and the
verdict is refuted or needs the repair.  A ``~`` in front of an item means that the claim denies it.
"""

from bnproof.claims.claim import Claim

CLAIMS = (
    Claim(
        "A1",
        "answer 1",
        "BN(W u) = BN((a W) u) for any scalar a.",
        "Scaling all values of a batch by a > 0 scales its mean and its standard deviation alike,"
        " so xhat stays; a negative a turns the sign of xhat over, and a = 0 leaves nothing to"
        " normalise. With eps > 0 it is not exact even for a > 0: the true law is that scaling the"
        " input by a acts like dividing eps by a^2.",
        literal=("scale-exact: 'for any scalar a'",),
        # "Any scalar" includes negative ones and 0, for which it is false as it stands.
        repaired=("scale-exact: a > 0", "scale-exact: a < 0", "scale-eps: the exact scaling law"),
        rests_on=("scale-defect",),
        demonstration="scaling",
    ),
    Claim(
        "A2",
        "answer 1",
        "The back-propagated error is unaffected by the scale of the layer.",
        "The gradient that is passed on to the layer below, with respect to u, is the same for W"
        " and a W (a > 0, eps = 0). The gradient of the weights themselves is not: it is divided by"
        " a, so large weights move slowly. That is what calms training down.",
        literal=(
            # Of the two gradients a layer has, the claim does not say which one it means.
            "layer-scale-gradients: the weight's gradient is unaffected as well",
            "layer-scale-gradients: also with eps > 0",
        ),
        repaired=(
            (
                "layer-scale-gradients: with respect to u: J(a x) (a W) = sign(a) J(x) W (W[j] the"
                " weight that reaches value j)"
            ),
            (
                "layer-scale-gradients: with respect to the weight of the input u: J(a x) u = 1/|a|"
                " J(x) u"
            ),
        ),
        rests_on=("euler",),
        scope="the error passed on to the layer below",
        demonstration="propagated_error",
    ),
    Claim(
        "A4",
        "answer 1",
        "A plain affine map lacks this invariance.",
        "gamma x + beta changes by gamma (a - 1) x when x is scaled by a. That is 0 for every batch"
        " only for gamma = 0 or a = 1.",
        # The book has the false statement as a control, and the claim is its contrary.
        literal=("~affine-not-invariant: invariant like batch normalisation",),
        demonstration="plain_affine",
    ),
    Claim(
        "A5b",
        "answer 1",
        "gamma and beta are a must-have.",
        "They can be had elsewhere: a linear layer that follows takes gamma into its weights and"
        " beta into its bias, and through ReLU it can still take a positive gamma. They matter"
        " where the next thing is a nonlinearity whose scale is fixed, such as a sigmoid.",
        # A layer that can take the pair over is a proof that it is no must-have.
        literal=("~affine-absorbed: W (gamma h + beta) + b = (W gamma) h + (b + W beta)",),
        rests_on=("expressive-loss",),
        demonstration="not_a_must",
    ),
    Claim(
        "A6",
        "answer 1",
        "The sigmoid is close to the identity near 0.",
        "At 0 the sigmoid is 1/2, not 0, and its slope is 1/4, not 1: near 0 it is the straight"
        " line 1/2 + z/4, to within |z|^3/48. The point behind the claim survives: near 0 it is"
        " almost affine, so a network with all units there is almost linear. tanh is the one that"
        " is close to the identity.",
        # Value and slope: the identity has 0 and 1, and either one that is wrong refutes the claim.
        literal=("sigmoid-near-zero: the identity at 0", "sigmoid-near-zero: slope 1 at 0"),
        demonstration="sigmoid_near_zero",
    ),
    Claim(
        "A7a",
        "answer 1",
        "W x + b, a combination of many factors, resembles a Gaussian.",
        "For a sum of independent terms every standardised cumulant of order 3 and more shrinks,"
        " the faster the more terms there are and the more even their weights. It does not for one"
        " dominant weight, and nothing is promised for dependent inputs such as neighbouring"
        " pixels.",
        literal=("clt-cumulants: any sum of many terms is normal",),
        repaired=(
            "clt-cumulants: of a weighted sum",
            "clt-cumulants: each weight a = |w_j| <= W = max |w| has a^(p + 2) <= W^p a^2",
        ),
        scope="independent terms",
        demonstration="many_factors",
    ),
    Claim(
        "A7b",
        "answer 1",
        "Studentising keeps it standard normal.",
        "Subtracting a number and dividing by a number cannot change the shape of a distribution:"
        " skewness, kurtosis and all the rest stay as they were (up to the sign of gamma). Even"
        " perfectly normal input comes out with kurtosis 3 (m - 1)/(m + 1), below 3, because the"
        " batch's own mean and spread are used.",
        literal=(
            # The first is about input of any distribution, the second about normal input.
            "shape-kept: the kurtosis becomes that of a normal",
            "gaussian-batch: standard normal: E xhat_i^4 = 3",
        ),
        demonstration="shape_kept",
    ),
    Claim(
        "A8",
        "comment",
        "Batch normalisation really is BN_{gamma,beta}: with gamma and beta fixed the invariance"
        " holds all the same.",
        "gamma and beta act on xhat, and xhat is what stays. So the invariance holds for each fixed"
        " pair, under the same conditions as before: a > 0 and eps = 0.",
        literal=("scale-exact: 'for any scalar a'",),
        repaired=("scale-exact: a > 0",),
        demonstration="with_gamma_and_beta",
    ),
    Claim(
        "A9",
        "comment",
        "The bias before batch normalisation can be dropped.",
        "In training the batch mean takes every constant away again, for every eps, and the bias"
        " receives gradient 0. At inference a stored mean is subtracted; if the bias changes, that"
        " mean follows only step by step, and until it has, the difference shows.",
        # Said without a mode, the claim covers inference too, where it is false.
        literal=("shift: the output does not change", "shift: inference mode"),
        repaired=("shift: the output does not change", "bias-at-inference: it dies out"),
        scope="in training mode; at inference in the limit",
        demonstration="bias_jump",
    ),
)
