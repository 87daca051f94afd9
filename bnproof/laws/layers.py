"""Laws about layers with a state.

They are about sequences of calls: training, inference, backward passes, reloading and refused calls
in any order.  :mod:`bnproof.verification.layer_walk` drives a layer and judges every step, so the
laws here are names and sentences without a measurement.

A single call cannot show such a bug.  A layer may train on statistics that the latest inference has
left behind, or give the gradients of the batch before.
"""

from __future__ import annotations

from collections.abc import Iterable

from bnproof.laws.law import Law
from bnproof.laws.quantities import GRADIENT, RUNNING

# A state is judged call by call with the formulas of single calls, so a formula that is wrong shows
# here as well.
FOLLOWS = {
    "sequence-output": ("output", "inference-output"),
    "sequence-statistics": ("running-mean", "running-variance"),
    "sequence-backward": (
        "gradient-x",
        "gradient-gamma",
        "gradient-beta",
        "inference-gradient-x",
        "inference-gradient-gamma",
        "inference-gradient-beta",
    ),
}
# What to do where no theorem says it.
MENDS = {
    "fresh-state": "start from gamma = 1, beta = 0, running mean 0 and running variance 1",
    "sequence-frozen": "write the running statistics in a training step and nowhere else",
    "sequence-reload": "take over every array of an assigned state, and hand the same ones out",
    "sequence-refused": "look at the input before anything is written",
    "sequence-saved": "register the statistics as buffers, and update them without autograd",
}
# By id: the theorem behind the law, empty for a promise of the contract, and the law in words.
SAYS = {
    "fresh-state": (
        "",
        "a fresh layer has gamma = 1, beta = 0, running mean 0 and running variance 1",
    ),
    "sequence-output": (
        "collapse",
        "at every step of a sequence the output is that of the state before it",
    ),
    "sequence-statistics": (
        "ema-closed-form",
        "training moves the running statistics by one step of the recurrence",
    ),
    "sequence-frozen": (
        "frozen",
        "inference, backward and reading leave the state as it is, bit for bit",
    ),
    "sequence-backward": (
        "gradient-x",
        "backward gives the gradients of the latest forward, and again when asked again",
    ),
    "sequence-reload": ("", "a state comes back as it was assigned, also into another layer"),
    "sequence-refused": ("", "a forward that raises leaves the state as it was"),
    "sequence-saved": (
        "",
        "a module's running statistics are saved with it, hold no graph and stay finite",
    ),
}


def list_laws() -> Iterable[Law]:
    """Yield the laws that are judged while a layer is driven.

    They name no quantities, because a step of a sequence is about several of them, and they have no
    function that measures one case.
    """
    for name, (theorem, says) in SAYS.items():
        # A backward pass is wrong through its formula, or through the state it reads.
        families = RUNNING | GRADIENT if name == "sequence-backward" else RUNNING
        yield Law(
            name,
            theorem,
            says,
            (),
            None,
            families=families,
            area="behaviour",
            extent="a sequence of calls",
            mend=MENDS.get(name, ""),
            follows=FOLLOWS.get(name, ()),
        )
