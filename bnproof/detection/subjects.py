"""What is examined: the models of known bugs, and correct implementations that may not be
flagged."""

from __future__ import annotations

from typing import Any

from bnproof.implementations.targets import builtin, load, usable
from bnproof.mutants.catalogue import mutants

MODULES = ("torch.nn:BatchNorm1d", "torch.nn:BatchNorm2d", "torch.nn:BatchNorm3d")
COMPILES = ("torch-compiled",)  # a kernel for every kind of input, which takes minutes


def correct() -> list[str]:
    """Built-in implementations, PyTorch's modules as they are, and the models of what was no
    bug."""
    models = [name for name, model in mutants().items() if model.kind == "correct"]
    return [*builtin(), *MODULES, *models]


def wrong() -> list[str]:
    """The models of bugs, by id."""
    return [name for name, model in mutants().items() if model.kind != "correct"]


def implementation(name: str) -> Any:
    """The implementation behind a name: a model's id, or a target."""
    return usable(mutants()[name].make, name) if name in mutants() else load(name)
