"""The arguments of a call, made from a case, and what an answer has to be shaped like."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from bnproof.contract import METHODS, QUANTITIES, Array, Case, Convention


def is_available(method: str, case: Case) -> bool:
    """Whether the case has what the method takes."""
    needs = {"fold": case.layer, "train_double_vjp": case.ddx}
    if method.startswith("train_shards"):
        return bool(case.parts)
    return needs.get(method, case) is not None


def build_arguments(method: str, case: Case, convention: Convention) -> dict[str, Any]:
    """Every argument by name: fresh contiguous arrays, channels and momentum as the convention has
    them."""
    names = (*METHODS[method].parameters, *METHODS[method].keywords)
    return {name: _build_argument(name, case, convention) for name in names}


def build_prototype(quantity: str, case: Case, convention: Convention) -> Any:
    """An argument with the shape and dtype an answer must have; ``None`` where ``None`` must come
    back."""
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
            value = getattr(case.layer, name)
        case "outputs":  # one value for each output of the layer, which a folded bias always has
            assert case.layer is not None
            value = np.zeros(case.x.shape[1], case.layer.weight.dtype)
        case _:
            value = getattr(case, name)
    return np.array(value) if isinstance(value, np.ndarray) else value


def split(x: Array, parts: tuple[int, ...]) -> list[Array]:
    """The rows of x that each worker holds."""
    return [x[start:end] for start, end in pairwise(accumulate(parts, initial=0))]


def _place_channels(x: Array, convention: Convention) -> Array:
    return np.array(x if convention.channel_axis == 1 else np.moveaxis(x, 1, -1), order="C")
