"""The methods of the contract as a table: what each takes, what it returns, and like which argument each answer is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from bnproof.contract import Array, Case, Convention


@dataclass(frozen=True)
class Method:
    """Positional and keyword parameters, and the answers by name, each with the argument it has the shape and dtype of."""

    parameters: tuple[str, ...]
    keywords: tuple[str, ...]
    answers: Mapping[str, str]


METHODS = {
    "train": Method(
        ("x", "gamma", "beta", "running_mean", "running_var"),
        ("eps", "momentum"),
        {"y": "x", "running_mean": "running_mean", "running_var": "running_var"},
    ),
    "infer": Method(("x", "gamma", "beta", "running_mean", "running_var"), ("eps",), {"infer_y": "x"}),
    "train_vjp": Method(("dy", "x", "gamma", "beta"), ("eps",), {"dx": "x", "dgamma": "gamma", "dbeta": "beta"}),
    "infer_vjp": Method(
        ("dy", "x", "gamma", "beta", "running_mean", "running_var"),
        ("eps",),
        {"infer_dx": "x", "infer_dgamma": "gamma", "infer_dbeta": "beta"},
    ),
    "fold": Method(
        ("weight", "bias", "gamma", "beta", "running_mean", "running_var"),
        ("eps", "kind", "groups"),
        {"folded_weight": "weight", "folded_bias": "shift"},
    ),
    "train_double_vjp": Method(("ddx", "dy", "x", "gamma"), ("eps",), {"d_dy": "x", "d_x": "x", "d_gamma": "gamma"}),
    "train_shards": Method(
        ("shards", "gamma", "beta", "running_mean", "running_var"),
        ("eps", "momentum"),
        {"shards_y": "shards", "shards_running_mean": "running_mean", "shards_running_var": "running_var"},
    ),
    "train_shards_vjp": Method(
        ("dys", "shards", "gamma", "beta"),
        ("eps",),
        {"shards_dx": "shards", "shards_dgamma": "gamma", "shards_dbeta": "beta"},
    ),
}
METHOD_OF = {quantity: name for name, method in METHODS.items() for quantity in method.answers}


def entrywise(quantity: str) -> bool:
    """Whether an answer has an entry for every entry of x."""
    return METHODS[METHOD_OF[quantity]].answers[quantity] in ("x", "shards")


def asked(method: str, case: Case) -> bool:
    """Whether the case has what the method takes."""
    needs = {"fold": case.layer, "train_double_vjp": case.ddx}
    return bool(case.parts) if method.startswith("train_shards") else needs.get(method, case) is not None


def arguments(method: str, case: Case, convention: Convention) -> dict[str, Any]:
    """Every argument by name: fresh contiguous arrays, channels and momentum as the convention has them."""
    of = METHODS[method]
    return {name: _argument(name, case, convention) for name in (*of.parameters, *of.keywords)}


def _argument(name: str, case: Case, convention: Convention) -> Any:
    match name:
        case "x" | "dy" | "ddx":
            return _placed(getattr(case, name), convention)
        case "shards" | "dys":
            whole = case.x if name == "shards" else case.dy
            return [_placed(part, convention) for part in shards(whole, case.parts)]
        case "weight" | "bias" | "kind" | "groups":
            value = getattr(case.layer, name)
            return np.array(value) if isinstance(value, np.ndarray) else value
        case "momentum":
            return case.momentum if convention.momentum == "new" else 1 - case.momentum
        case "shift":  # what a folded bias is like
            assert case.layer is not None
            return np.zeros(case.x.shape[1], case.layer.weight.dtype)
    value = getattr(case, name)
    return np.array(value) if isinstance(value, np.ndarray) else value


def like(quantity: str, case: Case, convention: Convention) -> Any:
    """An argument with the shape and dtype that an answer must have; ``None`` where ``None`` must come back."""
    return _argument(METHODS[METHOD_OF[quantity]].answers[quantity], case, convention)


def shards(x: Array, parts: tuple[int, ...]) -> list[Array]:
    """The rows of x that each worker holds."""
    return [x[start:end] for start, end in pairwise(accumulate(parts, initial=0))]


def _placed(x: Array, convention: Convention) -> Array:
    return np.array(x if convention.channel_axis == 1 else np.moveaxis(x, 1, -1), order="C")
