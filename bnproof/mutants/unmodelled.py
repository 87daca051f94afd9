"""Known bugs that the contract cannot say: what each was, and why no model of it is kept.

They stay in ``sources.csv``, so that the power of the laws is counted over all known bugs and not
over those that are easy to model. Both sentences are printed on the page about detection.
"""

from __future__ import annotations

# By id: what the bug was, and why the contract cannot say it, a sentence each. A new method of the
# contract is a reason to read this list again.
UNMODELLED: dict[str, tuple[str, str]] = {
    "F05": (
        "A file that left eps out was read as eps = 0, not as the default that is documented.",
        "eps is handed over in every call: there is no default to be missed.",
    ),
    "F13": (
        "Masked sums were divided by the entries of the mask before it was broadcast.",
        "Masks are no part of the contract.",
    ),
    "F14": (
        "A layer took a mask and let the padded values into its statistics.",
        "Masks are no part of the contract.",
    ),
    "G10": (
        (
            "Where gradients had to be added to a buffer, dx replaced what was there and dgamma,"
            " dbeta were left out."
        ),
        "Gradients are returned: there is no buffer to add to.",
    ),
    "G17": (
        (
            "The double backward held the saved statistics constant, so that derivatives from the"
            " third on were wrong."
        ),
        "The contract ends with the second derivative.",
    ),
    "G19": (
        "The double backward at inference contained the terms of the batch's statistics.",
        "The contract's double backward is that of training.",
    ),
    "R12": (
        "A layer whose parameters were frozen went on moving its running statistics.",
        "A layer is in training or not; there is no third, frozen, mode.",
    ),
    "R19": (
        "A cumulative average gave the n-th batch the weight 1 - 1/n and the average so far 1/n.",
        "momentum is a float; averages that count their batches are no part of the contract.",
    ),
    "R22": (
        (
            "One batch with an infinity made the running statistics of its channel infinite or NaN"
            " for good."
        ),
        (
            "That is what the formula gives: the contract asks only that the other channels do not"
            " notice."
        ),
    ),
    "R25": (
        (
            "The update of the running statistics stayed in the graph of automatic differentiation,"
            " which grew every step."
        ),
        "NumPy arrays have no graph.",
    ),
    "I10": (
        (
            "An exporter gave every layer the mode of the whole model and forgot which ones were"
            " frozen."
        ),
        "It takes a graph of several layers; the contract knows one.",
    ),
    "I11": (
        "A negative stored variance was taken without complaint and gave NaN.",
        "Running variances are at least 0 in the contract: below, nothing is promised.",
    ),
    "O07": (
        "A batch norm over axis 1 was folded into a linear layer that acts on the last axis.",
        "fold sees weights, not the shape of the activations between the two layers.",
    ),
    "O11": (
        (
            "In training aware of quantisation the loss was differentiated through the scale of the"
            " fold."
        ),
        "fold returns weights and a bias; it has no gradient.",
    ),
    "O12": (
        (
            "A batch norm behind an activation was folded into the convolution in front of the"
            " activation."
        ),
        "It takes a graph: fold is told that the two layers are neighbours.",
    ),
    "O13": (
        "A convolution was scaled although another consumer needed its output as it was.",
        "It takes a graph with two consumers of one output.",
    ),
    "O15": (
        "Behind the sum of a convolution and a residual, the scale went to the convolution alone.",
        "It takes a graph with a residual branch.",
    ),
    "O18": (
        "A batch norm without running statistics was folded by assumed ones, or crashed the pass.",
        "fold is always handed running statistics.",
    ),
    "C05": (
        (
            "Whether a frozen layer normalises by its running statistics differs between versions"
            " of a framework."
        ),
        "There is no frozen mode.",
    ),
    "D07": (
        "Integer input was refused by one version and cast by the next.",
        "x is floating point in the contract.",
    ),
    "S06": (
        "At inference, workers without running statistics still exchanged those of their batches.",
        "Workers meet in training alone: there is no synchronised inference.",
    ),
    "X04": (
        "Nothing checked eps: a negative one crashed, and 0 divided a constant channel by zero.",
        "A negative eps, and eps = 0 with a constant channel, are not asked.",
    ),
}
