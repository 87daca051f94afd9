"""What is examined: the models of known bugs, and correct implementations that may not be flagged.

Some models are of correct variants that look like bugs, so both lists draw on the catalogue.
"""

from __future__ import annotations

from typing import Any

from bnproof.implementations.targets import as_implementation, list_builtin, load
from bnproof.mutants.catalogue import list_mutants

MODULES = ("torch.nn:BatchNorm1d", "torch.nn:BatchNorm2d", "torch.nn:BatchNorm3d")
# These build a kernel for every kind of input, which takes minutes.
COMPILES = ("torch-compiled",)


def list_correct() -> list[str]:
    """The names of everything that has to pass.

    Returns
    -------
    list of str
        Built-in implementations, PyTorch's modules as they are, and the models of what was no bug.
    """
    models = [name for name, model in list_mutants().items() if model.kind == "correct"]
    return [*list_builtin(), *MODULES, *models]


def list_wrong() -> list[str]:
    """The ids of the models of bugs, in the order of the catalogue.

    Models whose slip is only one of accuracy are among them; they are graded, and need not be
    found.
    """
    return [name for name, model in list_mutants().items() if model.kind != "correct"]


def load_subject(name: str) -> Any:
    """The implementation behind a name.

    Parameters
    ----------
    name
        The id of a model, or a target as :func:`bnproof.implementations.targets.load` reads it.

    Returns
    -------
    object
        An object with ``train``.

    Raises
    ------
    UnusableTarget
        Where the target cannot be used here.
    """
    return (
        as_implementation(list_mutants()[name].make, name) if name in list_mutants() else load(name)
    )
