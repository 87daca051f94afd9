"""The symbolic core: the names of the setting, and ``prove``."""

from bnproof.symbolic.outcomes import Counterexample, Disagreement, Proof, Refuted, Step, Undecided
from bnproof.symbolic.prover import prove
from bnproof.symbolic.setting import Batch, beta, eps, g, gamma, i, j, k, m, mu, s, v, x, xhat, y

__all__ = [
    "Batch",
    "Counterexample",
    "Disagreement",
    "Proof",
    "Refuted",
    "Step",
    "Undecided",
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
