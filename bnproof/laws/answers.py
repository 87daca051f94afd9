"""Asking an implementation: its convention applied, its arguments watched, each answer asked for once per case."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from bnproof.contract import Array, Case, Convention


class NotOffered(Exception):
    """The implementation does not offer this method, or not for this case."""


class Failed(Exception):
    """The implementation raised, or its answer has the wrong form; the message says what happened."""


METHODS = {
    "y": "train",
    "running_mean": "train",
    "running_var": "train",
    "dx": "train_vjp",
    "dgamma": "train_vjp",
    "dbeta": "train_vjp",
    "infer_y": "infer",
    "infer_dx": "infer_vjp",
    "infer_dgamma": "infer_vjp",
    "infer_dbeta": "infer_vjp",
}


@dataclass
class Answers:
    """What one implementation answers on one case."""

    implementation: Any
    convention: Convention
    case: Case
    modified: list[str] = field(default_factory=list)
    shared: dict[Any, Any] = field(default_factory=dict)  # what laws of this case have already worked out

    def observe(self, quantity: str) -> Array | None:
        """One output as it was returned (channels moved to axis 1); raises ``NotOffered`` or ``Failed``."""
        method = METHODS[quantity]
        names = [name for name, of in METHODS.items() if of == method]
        answer = self._answer(method)
        result = answer if len(names) == 1 else answer[names.index(quantity)]
        return result if result is None or result.ndim < 2 else self.to_first(result)

    def _answer(self, method: str) -> Any:
        found = getattr(self, method)
        if isinstance(found, Exception):
            raise found
        return found

    @cached_property
    def train(self) -> Any:
        """``(y, running_mean, running_var)`` or the exception."""
        return self.ask("train")

    @cached_property
    def train_vjp(self) -> Any:
        """``(dx, dgamma, dbeta)`` or the exception."""
        return self.ask("train_vjp")

    @cached_property
    def infer(self) -> Any:
        """``y`` or the exception."""
        return self.ask("infer")

    @cached_property
    def infer_vjp(self) -> Any:
        """``(dx, dgamma, dbeta)`` or the exception."""
        return self.ask("infer_vjp")

    def arguments(self, method: str) -> tuple[tuple[Array | None, ...], dict[str, float]]:
        """The positional and keyword arguments of a call, fresh copies, in the implementation's own convention."""
        c = self.case
        x, dy = (np.array(self.from_first(a)) for a in (c.x, c.dy))
        affine = tuple(None if a is None else np.array(a) for a in (c.gamma, c.beta))
        running = (np.array(c.running_mean), np.array(c.running_var))
        eps = {"eps": c.eps}
        match method:
            case "train":
                own = c.momentum if self.convention.momentum == "new" else 1 - c.momentum
                return (x, *affine, *running), {**eps, "momentum": own}
            case "infer":
                return (x, *affine, *running), eps
            case "train_vjp":
                return (dy, x, *affine), eps
        return (dy, x, *affine, *running), eps

    def ask(self, method: str) -> Any:
        """The answer in the contract's form, or ``NotOffered`` or ``Failed``."""
        answer = self.call(method, *self.arguments(method))
        return answer if isinstance(answer, (NotOffered, Failed)) else self.checked(method, answer)

    def call(self, method: str, positional: tuple[Any, ...], keywords: dict[str, float]) -> Any:
        """Call a method; an exception, ``SystemExit`` included, comes back as ``NotOffered`` or ``Failed``."""
        function = getattr(self.implementation, method, None)
        if function is None:
            return NotOffered(f"no {method}")
        before = [None if a is None else a.tobytes() for a in positional]
        try:
            answer = function(*positional, **keywords)
        except NotImplementedError as missing:
            return NotOffered(one_line(missing) or f"{method} raises NotImplementedError")
        except (Exception, SystemExit) as error:  # whatever a stranger's code raises is a finding, not our end
            failure = Failed(f"{method} raised {type(error).__name__}: {one_line(error)}")
            failure.__cause__ = error
            return failure
        after = [None if a is None else a.tobytes() for a in positional]
        if before != after:
            changed = next(n for n, (b, a) in enumerate(zip(before, after, strict=True)) if a != b)
            self.modified.append(f"{method} modified its argument number {changed + 1}")
        return answer

    def checked(self, method: str, answer: Any) -> Any:
        """A copy of the answer (it may share memory with the next one), or ``Failed`` where its form is wrong."""
        names = _returned(method)
        if len(names) > 1 and (not isinstance(answer, (tuple, list)) or len(answer) != len(names)):
            return Failed(f"{method} returned {type(answer).__name__}, not {len(names)} values")
        values = tuple(answer) if len(names) > 1 else (answer,)
        for name, value in zip(names, values, strict=True):
            if problem := self._malformed(name, value):
                return Failed(f"{method}: {problem}")
        copies = tuple(None if value is None else np.array(value) for value in values)
        return copies if len(names) > 1 else copies[0]

    def _malformed(self, name: str, value: Any) -> str:
        c = self.case
        if value is None:
            missing = {"dgamma": c.gamma, "dbeta": c.beta}
            return "" if name in missing and missing[name] is None else f"{name} is None"
        if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
            return f"{name} is a {type(value).__name__}, not a NumPy array"
        entrywise = name in ("y", "dx")
        shape = self.from_first(c.x).shape if entrywise else (c.x.shape[1],)
        if value.shape != shape:
            return f"{name} has shape {value.shape}, expected {shape}"
        dtype = {"running_mean": c.running_mean, "running_var": c.running_var, "dgamma": c.gamma, "dbeta": c.beta}
        like = dtype.get(name)
        expected = c.x.dtype if like is None else like.dtype
        return "" if value.dtype == expected else f"{name} has dtype {value.dtype}, expected {expected}"

    def from_first(self, x: Array) -> Array:
        """Channels moved to where the convention has them."""
        return x if self.convention.channel_axis == 1 else np.moveaxis(x, 1, -1)

    def to_first(self, x: Array) -> Array:
        """Channels moved to axis 1."""
        return x if self.convention.channel_axis == 1 else np.moveaxis(x, -1, 1)


def _returned(method: str) -> tuple[str, ...]:
    names = {"train": ("y", "running_mean", "running_var"), "infer": ("y",)}
    return names.get(method, ("dx", "dgamma", "dbeta"))


def one_line(error: BaseException) -> str:
    """The first line of an error's text, whatever its ``__str__`` does."""
    try:
        return (str(error).splitlines() or [""])[0]
    except Exception:
        return "(its text cannot be read)"


def same(first: Any, second: Any) -> bool:
    """Whether two answers agree to the last bit."""
    if isinstance(first, (tuple, list)):
        return all(same(a, b) for a, b in zip(first, second, strict=True))
    return first is second is None or (first is not None and second is not None and first.tobytes() == second.tobytes())
