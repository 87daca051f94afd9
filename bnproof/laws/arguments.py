"""The arguments of a call, made from a case, and what an answer has to be shaped like.

A case is written down in one convention: channels on axis 1, momentum as the weight of the new
value.  This module turns it into what an implementation of another convention expects.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from bnproof.contract import METHODS, QUANTITIES, Array, Case, Convention


def is_available(method: str, case: Case) -> bool:
    """Whether the case has what a method takes.

    A fold needs a layer, a double backward its upstream gradient, and a synchronised step the parts
    of the workers.  Everything else is always there.
    """
    needs = {"fold": case.layer, "train_double_vjp": case.ddx}
    # An empty tuple of parts means that no worker is there to ask.
    if method.startswith("train_shards"):
        return bool(case.parts)
    return needs.get(method, case) is not None


def build_arguments(method: str, case: Case, convention: Convention) -> dict[str, Any]:
    """Return every argument of a method by name.

    Parameters
    ----------
    method
        A name of :data:`bnproof.contract.METHODS`.
    case
        The input.
    convention
        Where the channels go, and what momentum weighs.

    Returns
    -------
    dict
        In the order of the signature.  Arrays are fresh and C-contiguous, so a call that changes
        one harms no other call.
    """
    names = (*METHODS[method].parameters, *METHODS[method].keywords)
    return {name: _build_argument(name, case, convention) for name in names}


def build_prototype(quantity: str, case: Case, convention: Convention) -> Any:
    """Return an argument with the shape and dtype that an answer must have.

    It is ``None`` where ``None`` must come back, and a list of arrays for shards.
    """
    return _build_argument(QUANTITIES[quantity].like, case, convention)


def _build_argument(name: str, case: Case, convention: Convention) -> Any:
    match name:
        case "x" | "dy" | "ddx":
            return _place_channels(getattr(case, name), convention)
        case "shards" | "dys":
            whole = case.x if name == "shards" else case.dy
            return [_place_channels(part, convention) for part in split(whole, case.parts)]
        case "momentum":
            return case.momentum if convention.momentum == "new" else 1 - case.momentum
        case "weight" | "bias" | "kind" | "groups":
            # ``is_available`` was asked before: a case without a layer does not come here.
            value = getattr(case.layer, name)
        case "outputs":  # one value for each output of the layer, which a folded bias always has
            assert case.layer is not None
            value = np.zeros(case.x.shape[1], case.layer.weight.dtype)
        case _:
            value = getattr(case, name)
    # A copy, since what is called may write into its arguments.
    return np.array(value) if isinstance(value, np.ndarray) else value


def split(x: Array, parts: tuple[int, ...]) -> list[Array]:
    """Return the rows of x that each worker holds, as views.

    Parameters
    ----------
    x
        The whole batch, rows on axis 0.
    parts
        How many rows each worker holds; a 0 gives an empty array.
    """
    return [x[start:end] for start, end in pairwise(accumulate(parts, initial=0))]


def _place_channels(x: Array, convention: Convention) -> Array:
    """A C-contiguous copy of x with the channels where the convention has them."""
    return np.array(np.moveaxis(x, 1, convention.channel_axis), order="C")
