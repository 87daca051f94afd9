"""Laws about layers with state: what every call of a sequence does to the answers and to the
state."""

from __future__ import annotations

from collections.abc import Iterable

from bnproof.laws.law import Law
from bnproof.laws.quantities import GRADIENT, RUNNING

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
}


def list_laws() -> Iterable[Law]:
    """The laws that are judged while a layer is driven."""
    for name, (theorem, says) in SAYS.items():
        families = RUNNING | GRADIENT if name == "sequence-backward" else RUNNING
        yield Law(name, theorem, says, (), None, families=families)
