"""The symbolic core: the names of the setting, ``prove``, and the witnesses it takes."""

from bnproof.symbolic.outcomes import Counterexample, Disagreement, Proof, Refuted, Step, Undecided, Unreadable
from bnproof.symbolic.prover import prove
from bnproof.symbolic.setting import Batch, Every, beta, eps, g, gamma, i, j, k, m, mu, s, v, x, xhat, y
from bnproof.symbolic.witnesses import Increasing, Induction, Lemma, Remainder

__all__ = [
    "Batch",
    "Counterexample",
    "Disagreement",
    "Every",
    "Increasing",
    "Induction",
    "Lemma",
    "Proof",
    "Refuted",
    "Remainder",
    "Step",
    "Undecided",
    "Unreadable",
    "beta",
    "eps",
    "g",
    "gamma",
    "i",
    "j",
    "k",
    "m",
    "mu",
    "prove",
    "s",
    "v",
    "x",
    "xhat",
    "y",
]
