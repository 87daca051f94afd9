"""What is examined: the models of known bugs, and correct implementations that may not be
flagged."""

from __future__ import annotations

from typing import Any

from bnproof.implementations.targets import as_implementation, list_builtin, load
from bnproof.mutants.catalogue import list_mutants

MODULES = ("torch.nn:BatchNorm1d", "torch.nn:BatchNorm2d", "torch.nn:BatchNorm3d")
COMPILES = ("torch-compiled",)  # a kernel for every kind of input, which takes minutes


def list_correct() -> list[str]:
    """Built-in implementations, PyTorch's modules as they are, and the models of what was no
    bug."""
    models = [name for name, model in list_mutants().items() if model.kind == "correct"]
    return [*list_builtin(), *MODULES, *models]


def list_wrong() -> list[str]:
    """The models of bugs, by id."""
    return [name for name, model in list_mutants().items() if model.kind != "correct"]


def load_subject(name: str) -> Any:
    """The implementation behind a name: a model's id, or a target."""
    return (
        as_implementation(list_mutants()[name].make, name) if name in list_mutants() else load(name)
    )
