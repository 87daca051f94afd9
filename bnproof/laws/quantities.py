"""Value laws: an output lies within its a-priori bound of the proved formula's exact value."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from bnproof.contract import Measurement
from bnproof.laws.answers import Answers
from bnproof.laws.judging import formula_of, plain
from bnproof.laws.law import Law
from bnproof.laws.oracle import Oracle
from bnproof.theorems.formulas import predictions

NAMES = {
    "y": ("output", "the training output is gamma xhat + beta"),
    "dx": ("gradient-x", "the input's gradient is the compact form"),
    "dgamma": ("gradient-gamma", "gamma's gradient is sum g xhat"),
    "dbeta": ("gradient-beta", "beta's gradient is sum g"),
    "running_mean": ("running-mean", "the running mean is (1 - alpha) r + alpha mu"),
    "running_var": (
        "running-variance",
        "the running variance is (1 - alpha) r + alpha v, v with the convention's factor",
    ),
    "infer_y": ("inference-output", "the inference output is gamma (x - mu_r)/s_r + beta"),
    "infer_dx": ("inference-gradient-x", "the input's gradient at inference is gamma/s_r g"),
    "infer_dgamma": ("inference-gradient-gamma", "gamma's gradient at inference is sum g (x - mu_r)/s_r"),
    "infer_dbeta": ("inference-gradient-beta", "beta's gradient at inference is sum g"),
    "folded_weight": ("fold-weight", "the folded weights of output o are gamma/s_r times its weights"),
    "folded_bias": ("fold-bias", "the folded bias is gamma/s_r (b - mu_r) + beta, a missing b being 0"),
    "d_dy": ("double-backward-dy", "the gradient of sum h dx by dy is that of x, for h in the place of dy"),
    "d_x": ("double-backward-x", "the gradient of sum h dx by x, the statistics moving along"),
    "d_gamma": ("double-backward-gamma", "the gradient of sum h dx by gamma is (1/gamma) sum h dx"),
    "shards_y": ("shards-output", "workers with parts of a batch give what the whole batch gives"),
    "shards_running_mean": ("shards-running-mean", "the running mean follows the whole batch's mean"),
    "shards_running_var": ("shards-running-variance", "the running variance follows the whole batch's variance"),
    "shards_dx": ("shards-gradient-x", "the input's gradient on every worker is that of the whole batch"),
    "shards_dgamma": ("shards-gradient-gamma", "gamma's gradient is summed over the workers, once"),
    "shards_dbeta": ("shards-gradient-beta", "beta's gradient is summed over the workers, once"),
}
EVERY = 10**9  # no batch is too long
THEOREMS = {"folded_weight": "fold-linear", "folded_bias": "fold-linear"}


def listed() -> Iterable[Law]:
    """One law per predicted output."""
    for quantity, (name, says) in NAMES.items():
        most = 1000 if quantity in ("d_dy", "d_x", "d_gamma") else EVERY
        yield Law(name, theorem_of(quantity), says, quantity, partial(measure, quantity), most)


def theorem_of(quantity: str) -> str:
    """The theorem behind an output's formula; for workers, that of the statistics they merge."""
    if quantity.startswith("shards_"):
        return "total-variance"
    return THEOREMS.get(quantity) or predictions()[formula_of(quantity, "unbiased")][0]


def measure(quantity: str, answers: Answers, oracle: Oracle) -> Measurement | None:
    """The largest error in units of the bound, with its place; ``None`` where there is no such output."""
    seen = plain(answers, oracle, quantity)
    return seen and replace(seen, law=NAMES[quantity][0])
