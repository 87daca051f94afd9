"""Functions of any signature as an implementation of the contract.

A function says what it takes and returns in one line, its *order*: ``"x gamma beta eps"`` are
positional arguments, ``"x epsilon=eps"`` has a keyword, ``"{mean:running_mean}"`` is a dictionary
with the running mean under "mean", ``"(gamma beta)"`` is a tuple.  Where no order is given, it is
read from the names of the function's own parameters.  Start reading at :func:`wrap`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from bnproof.contract import METHODS, Array, Convention
from bnproof.implementations.adapters import ALIASES, LayerFactory
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.signatures import Arguments, Gradients, Trained, pack_arguments
from bnproof.implementations.through_state import ThroughState
from bnproof.implementations.torch_module import accepts as adapts
from bnproof.implementations.torch_module import adapt

STATISTICS = ("running_mean", "running_var")
PER_CHANNEL = ("gamma", "beta", *STATISTICS)


class BadOrder(ValueError):
    """An order that cannot be read; the message says where and how to write it."""


@dataclass(frozen=True)
class Name:
    """A value by its name, such as ``eps``."""

    name: str


@dataclass(frozen=True)
class Bundle:
    """Several values: in a dictionary by keys, or in a tuple."""

    kind: Literal["dict", "tuple"]
    items: tuple[tuple[str, Name | Bundle], ...]


@dataclass(frozen=True)
class Order:
    """What a function takes, or what it returns.

    Attributes
    ----------
    positional, keywords
        The arguments; of what a function returns, only the former.
    """

    positional: tuple[Name | Bundle, ...]
    keywords: Mapping[str, Name | Bundle]

    @classmethod
    def parse(cls, text: str) -> Order:
        """Read an order.

        Examples
        --------
        >>> order = Order.parse("x {mode eps} epsilon=eps")
        >>> order.names
        ('x', 'mode', 'eps', 'eps')
        """
        tokens = re.findall(r"[{}()]|[^\s{}()]+", text)
        items = list(_parse_items(tokens, "", text))
        if tokens:
            raise BadOrder(f"{text!r}: {tokens[0]!r} closes nothing")
        positional = tuple(item for key, item in items if not key)
        return cls(positional, {key: item for key, item in items if key})

    @property
    def names(self) -> tuple[str, ...]:
        """All names in it, from left to right."""
        return tuple(
            name
            for item in (*self.positional, *self.keywords.values())
            for name in _list_names(item)
        )


def _parse_items(tokens: list[str], closing: str, text: str) -> Iterator[tuple[str, Name | Bundle]]:
    """The items up to a closing bracket, which is taken away with them."""
    kinds: dict[str, tuple[str, Literal["dict", "tuple"]]] = {
        "{": ("}", "dict"),
        "(": (")", "tuple"),
    }
    while tokens:
        token = tokens.pop(0)
        if token == closing:
            return
        if token in kinds:
            end, kind = kinds[token]
            yield "", Bundle(kind, tuple(_parse_items(tokens, end, text)))
        elif token in ("}", ")"):
            raise BadOrder(f"{text!r}: {token!r} closes nothing")
        elif token.endswith("=") and tokens:
            # A keyword whose value is a group, such as ``params={gamma beta}``.
            ((_, value),) = list(_parse_items([*_take_group(tokens)], "", text))
            yield token[:-1], value
        else:
            key, _, name = token.replace("=", ":").rpartition(":")
            # In a dictionary a name is its own key.
            yield key or (token if closing == "}" else ""), Name(name)
    if closing:
        raise BadOrder(f"{text!r}: {closing!r} is missing")


def _take_group(tokens: list[str]) -> list[str]:
    """The tokens of the next group, with its brackets; they are taken away."""
    depth, taken = 0, []
    while tokens:
        token = tokens.pop(0)
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(token, 0)
        taken.append(token)
        if not depth:
            break
    return taken


def _list_names(item: Name | Bundle) -> Iterator[str]:
    if isinstance(item, Name):
        yield item.name
    else:
        for _, inner in item.items:
            yield from _list_names(inner)


def _build(item: Name | Bundle, values: Mapping[str, Any]) -> Any:
    """The argument that an item stands for."""
    if isinstance(item, Name):
        return values[item.name]
    if item.kind == "tuple":
        return tuple(_build(inner, values) for _, inner in item.items)
    return {key: _build(inner, values) for key, inner in item.items}


def _read(item: Name | Bundle, value: Any, into: dict[str, Any]) -> None:
    """Take a value apart as an item says, by the names in it."""
    if isinstance(item, Name):
        into[item.name] = value
        return
    for place, (key, inner) in enumerate(item.items):
        _read(inner, value[key if item.kind == "dict" else place], into)


def guess_order(function: Callable[..., Any]) -> str:
    """Guess an order from the names of a function's parameters.

    Parameters
    ----------
    function
        Any function; parameters with a default and an unknown name are left out.

    Returns
    -------
    str
        Its parameters by the names that the contract has for them; others as they are.

    Examples
    --------
    >>> guess_order(lambda X, scale, offset, epsilon: None)
    'x gamma beta eps'
    """
    known = {alias: name for name, aliases in ALIASES.items() for alias in aliases}
    items: list[str] = []
    by_keyword = False
    for parameter in inspect.signature(function).parameters.values():
        name = known.get(parameter.name.lower())
        keyword = parameter.kind is parameter.KEYWORD_ONLY
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name is None and parameter.default is not parameter.empty:
            # What follows has to be handed over by its keyword.
            by_keyword = True
            continue
        keyword = keyword or by_keyword
        items.append(
            f"{parameter.name}={name or parameter.name}" if keyword else name or parameter.name
        )
    return " ".join(items)


@dataclass(frozen=True)
class Part:
    """A function of the user, with what it takes and returns."""

    function: Callable[..., Any]
    order: Order
    returns: Order

    def call(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Call it, and return what came back by names.

        What the order names and the function does not return is read from the arguments
        afterwards, since it may have been updated in place.
        """
        positional = [_build(item, values) for item in self.order.positional]
        keywords = {key: _build(item, values) for key, item in self.order.keywords.items()}
        answer = self.function(*positional, **keywords)
        returned: dict[str, Any] = {}
        for item, value in (
            *zip(self.order.positional, positional, strict=True),
            *((item, keywords[key]) for key, item in self.order.keywords.items()),
        ):
            _read(item, value, returned)
        kept = {name: returned[name] for name in STATISTICS if name in returned}
        returned = {}
        wanted = self.returns.positional
        parts = answer if len(wanted) > 1 else (answer,)
        if not isinstance(parts, tuple | list) or len(parts) != len(wanted):
            got = len(parts) if isinstance(parts, tuple | list) else "one value"
            raise TypeError(
                f"{_name(self.function)} returned {got}, where returns = names {len(wanted)} values"
            )
        for item, value in zip(wanted, parts, strict=True):
            _read(item, value, returned)
        return kept | returned


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


class NumPy:
    """Functions of NumPy arrays, which have no automatic gradients."""

    differentiates = False

    def enter(self, value: Any) -> Any:
        """The array itself, as a copy, since statistics may be updated in place."""
        return np.array(value) if isinstance(value, np.ndarray) else value

    def leave(self, value: Any) -> Any:
        """What came back, as it is."""
        return value

    def pull_back(self, compute: Callable[..., Any], leaves: Mapping[str, Array], dy: Array) -> Any:
        """There are no gradients.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("there is no backward: give one, or framework='torch' or 'jax'")


class Torch:
    """Functions of PyTorch tensors, with autograd."""

    differentiates = True

    def enter(self, value: Any) -> Any:
        """A copy of an array as a tensor."""
        from bnproof.implementations.torch_arrays import to_tensor

        return to_tensor(value) if isinstance(value, np.ndarray) else value

    def leave(self, value: Any) -> Any:
        """A tensor as an array."""
        from bnproof.implementations.torch_arrays import to_array

        return np.array(to_array(value)) if hasattr(value, "detach") else value

    def pull_back(
        self, compute: Callable[..., Any], leaves: Mapping[str, Array], dy: Array
    ) -> dict[str, Array]:
        """The vector-Jacobian product of ``compute`` with respect to its arguments, by name."""
        from bnproof.implementations.torch_arrays import differentiate, to_tensor

        tensors = {name: to_tensor(value, grad=True) for name, value in leaves.items()}
        gradients = differentiate(compute(**tensors), tensors.values(), to_tensor(dy))
        return {name: self.leave(g) for name, g in zip(leaves, gradients, strict=True)}


class Jax:
    """Functions of JAX arrays, with ``jax.vjp``; float64 is computed in float64."""

    differentiates = True

    def enter(self, value: Any) -> Any:
        """An array of JAX."""
        import jax.numpy as jnp

        from bnproof.implementations.flax_module import enable_doubles

        if not isinstance(value, np.ndarray):
            return value
        with enable_doubles():
            return jnp.asarray(value)

    def leave(self, value: Any) -> Any:
        """An array of NumPy."""
        return np.array(value) if hasattr(value, "__array__") else value

    def pull_back(
        self, compute: Callable[..., Any], leaves: Mapping[str, Array], dy: Array
    ) -> dict[str, Array]:
        """The vector-Jacobian product of ``compute`` with respect to its arguments, by name."""
        import jax

        from bnproof.implementations.flax_module import enable_doubles

        with enable_doubles():
            _, pullback = jax.vjp(
                lambda given: compute(**given), {n: self.enter(v) for n, v in leaves.items()}
            )
            (gradients,) = pullback(self.enter(dy))
        return {name: self.leave(value) for name, value in gradients.items()}


FRAMEWORKS: Mapping[str, Callable[[], Any]] = {"numpy": NumPy, "torch": Torch, "jax": Jax}


class Wrapped:
    """Functions as an implementation; made by :func:`wrap`.

    Parameters
    ----------
    parts
        The functions by their role: "forward", "backward", "infer", "fold".
    framework
        What arrays they take.
    options
        Further arguments by name; a pair has its value in training and its value at inference.
    expand
        Whether parameters and statistics are handed over in the shape ``(1, C, 1, ...)``.
    """

    def __init__(
        self, parts: Mapping[str, Part], framework: Any, options: Mapping[str, Any], *, expand: bool
    ) -> None:
        self.parts, self.framework, self.options, self.expand = parts, framework, options, expand
        named = parts["forward"].order.names if "forward" in parts else ()
        switches = "training" in named or any(isinstance(v, tuple) for v in options.values())
        # What is not there must not look as if it were.
        offered = {
            "train": "forward" in parts,
            "train_vjp": "backward" in parts or ("forward" in parts and framework.differentiates),
            "infer": "infer" in parts or ("forward" in parts and switches),
            "infer_vjp": ("infer" in parts or switches) and framework.differentiates,
            "fold": "fold" in parts,
        }
        for method, is_offered in offered.items():
            if not is_offered:
                setattr(self, method, None)

    def _prepare(self, a: Arguments, *, training: bool) -> dict[str, Any]:
        """Every value that an order may name, in arrays of the framework."""
        part = self.parts.get("forward") or self.parts.get("infer") or self.parts["fold"]
        for name in ("gamma", "beta"):
            if a.values.get(name) is not None and name not in part.order.names:
                raise NotImplementedError(f"{_name(part.function)} takes no {name}")
        values = dict(a.values) | {"training": training}
        x = values.get("x")
        if x is not None:
            channels = (
                len(values["running_mean"])
                if "running_mean" in values and values["running_mean"] is not None
                else _count_channels(a)
            )
            like = values["gamma"] if values.get("gamma") is not None else None
            dtype = np.dtype(np.float32) if x.dtype.itemsize == 2 else x.dtype
            for name, start in (("gamma", 1), ("beta", 0), *zip(STATISTICS, (0, 1), strict=True)):
                if values.get(name) is None:
                    values[name] = np.full(channels, start, dtype if like is None else like.dtype)
            if self.expand:
                shape = (1, channels, *(1,) * (x.ndim - 2))
                values |= {name: np.array(values[name]).reshape(shape) for name in PER_CHANNEL}
        values |= {
            name: value[0 if training else 1] if isinstance(value, tuple) else value
            for name, value in self.options.items()
        }
        values.setdefault("momentum", 0.25)  # where it does not matter
        return {name: self.framework.enter(value) for name, value in values.items()}

    def _leave(self, name: str, value: Any) -> Any:
        """An answer as an array; one value for each channel as a vector."""
        array = self.framework.leave(value)
        if self.expand and name in (*PER_CHANNEL, "dgamma", "dbeta") and array is not None:
            return array.reshape(-1)
        return array

    @pack_arguments
    def train(self, a: Arguments) -> Trained:
        """The forward function in training."""
        returned = self.parts["forward"].call(self._prepare(a, training=True))
        statistics = [
            None if a.values[name] is None else self._leave(name, returned.get(name))
            for name in STATISTICS
        ]
        return self._leave("y", returned["y"]), statistics[0], statistics[1]

    @pack_arguments
    def infer(self, a: Arguments) -> Array:
        """The function for inference, or the forward function told so."""
        part = self.parts.get("infer", self.parts.get("forward"))
        assert part is not None
        y: Array = self._leave("y", part.call(self._prepare(a, training=False))["y"])
        return y

    @pack_arguments
    def train_vjp(self, a: Arguments) -> Gradients:
        """Forward, then the backward function with its cache; or automatic gradients."""
        values = self._prepare(a, training=True)
        if "backward" not in self.parts:
            return self._pull_back(a, self.parts["forward"], training=True)
        returned = self.parts["forward"].call(values)
        # What the forward has made, and the upstream gradient, which is always called dy.
        back = self.parts["backward"].call({**values, **returned, "dy": self.framework.enter(a.dy)})
        return self._list_gradients(a, back)

    @pack_arguments
    def infer_vjp(self, a: Arguments) -> Gradients:
        """Automatic gradients of inference."""
        part = self.parts.get("infer", self.parts.get("forward"))
        assert part is not None
        return self._pull_back(a, part, training=False)

    def _pull_back(self, a: Arguments, part: Part, *, training: bool) -> Gradients:
        """The gradients of the output by x and the parameters that are there."""
        fixed = self._prepare(a, training=training)
        leaves = {n: a.values[n] for n in ("x", "gamma", "beta") if a.values[n] is not None}
        if self.expand:
            leaves |= {
                n: v.reshape(np.shape(fixed[n])) for n, v in leaves.items() if n in PER_CHANNEL
            }
        used = {name: value for name, value in leaves.items() if name in part.order.names}
        returned = self.framework.pull_back(
            lambda **given: part.call(fixed | given)["y"], used, a.dy
        )
        return self._list_gradients(a, {f"d{name}": value for name, value in returned.items()})

    def _list_gradients(self, a: Arguments, returned: Mapping[str, Any]) -> Gradients:
        """The three gradients; ``None`` for a parameter that is absent."""
        gradients = [
            self._leave(f"d{name}", returned.get(f"d{name}"))
            if a.values[name] is not None
            else None
            for name in ("x", "gamma", "beta")
        ]
        return gradients[0], gradients[1], gradients[2]  # type: ignore[return-value]

    @pack_arguments
    def fold(self, a: Arguments) -> tuple[Array, Array]:
        """The function that folds into the layer in front."""
        returned = self.parts["fold"].call(self._prepare(a, training=False))
        return self._leave("weight", returned["weight"]), self._leave("bias", returned["bias"])


def _count_channels(a: Arguments) -> int:
    """The channels of x, which is on axis 1 of what a wrapped function takes."""
    channels: int = a.x.shape[1]
    return channels


def wrap(
    forward: Callable[..., Any] | None = None,
    backward: Callable[..., Any] | None = None,
    infer: Callable[..., Any] | None = None,
    fold: Callable[..., Any] | None = None,
    *,
    order: str | None = None,
    returns: str | None = None,
    backward_order: str | None = None,
    backward_returns: str = "dx dgamma dbeta",
    infer_order: str | None = None,
    infer_returns: str = "y",
    fold_order: str | None = None,
    fold_returns: str = "weight bias",
    framework: Literal["numpy", "torch", "jax"] = "numpy",
    convention: str | Convention | None = None,
    supports: Mapping[str, Any] | None = None,
    expand: bool = False,
    names: Mapping[str, str] | None = None,
    inputs: Callable[[Any], tuple[Any, ...]] | None = None,
    **options: Any,
) -> Any:
    """Make an implementation of functions with any signature, or of a PyTorch module.

    Parameters
    ----------
    forward
        The training step; with ``training`` or an option of two values in its order it is used at
        inference as well.  It may also be a ``torch.nn.Module``, a class or an instance, and then
        ``names`` and ``inputs`` are all that can be said about it.
    backward
        The vector-Jacobian product of training.  Its order may name ``cache`` or anything else that
        the forward returned.
    infer, fold
        Functions for inference, and for folding into the layer in front.
    order, backward_order, infer_order, fold_order
        What the functions take, in one line: ``"x gamma beta epsilon=eps {mode running_mean
        running_var}"``.  Where it is left out, it is read from the parameters' names.
    returns, backward_returns, infer_returns, fold_returns
        What they return, in the same way, such as ``"y cache"`` or ``"y (running_mean
        running_var)"``.  Statistics that are not returned are taken to be updated in place.
    framework
        Which arrays the functions take.  With "torch" and "jax" gradients come from automatic
        differentiation where there is no ``backward``.
    convention, supports
        As of any implementation (contract, part 1).
    expand
        Whether parameters and statistics have the shape ``(1, C, 1, ...)`` and not ``(C,)``.
    names
        Of a module: how it calls its tensors, such as ``{"running_mean": "moving_mean"}``.
    inputs
        Of a module: what its ``forward`` takes for a batch x, such as ``lambda x: (x, mask)``.
    **options
        Further names of an order with their values; of a pair, the first is for training and the
        second for inference.

    Returns
    -------
    object
        To be handed to :func:`bnproof.check`, or named on the command line.

    Raises
    ------
    TypeError
        Where no function is given.
    ValueError
        For an order that cannot be read, or that names what nothing gives.

    Notes
    -----
    An absent gamma or beta is handed over as ones or zeros.

    Examples
    --------
    >>> import numpy as np
    >>> import bnproof
    >>> def batchnorm_forward(x, gamma, beta, bn_param):
    ...     mean, var = x.mean(0), x.var(0)
    ...     return gamma * (x - mean) / np.sqrt(var + bn_param["eps"]) + beta, None
    >>> wrapped = bnproof.wrap(
    ...     batchnorm_forward,
    ...     order="x gamma beta {mode eps}",
    ...     returns="y cache",
    ...     mode="train",
    ...     supports={"ranks": [2], "track_running_stats": False},
    ... )
    >>> bnproof.check(wrapped, effort="quick", select=["output"], dtypes=["float64"]).ok
    True
    """
    if framework not in FRAMEWORKS:
        raise ValueError(f"there is no framework {framework!r}: use {', '.join(FRAMEWORKS)}")
    if adapts(forward):
        factory = adapt(forward, names=names, inputs=inputs)
        return ThroughState(replace(factory, **_list_declared(convention, supports, factory)))
    if names or inputs:
        raise TypeError("wrap(): names and inputs are for a torch.nn.Module; a function has order")
    given = {
        "forward": (forward, order, returns),
        "backward": (backward, backward_order, backward_returns),
        "infer": (infer, infer_order, infer_returns),
        "fold": (fold, fold_order, fold_returns),
    }
    parts = {}
    for role, (function, text, results) in given.items():
        if function is None:
            continue
        taken = Order.parse(guess_order(function) if text is None else text)
        if results is None:
            tracked = [name for name in STATISTICS if name in taken.names]
            results = " ".join(["y", *tracked])
        parts[role] = Part(function, taken, Order.parse(results))
    if not parts:
        raise TypeError("wrap(): give at least one of forward, infer and fold")
    _refuse_unknown(parts, options)
    made: Any = Wrapped(parts, FRAMEWORKS[framework](), options, expand=expand)
    if convention is not None:
        made.convention = convention
    if supports is not None:
        made.supports = dict(supports)
    return made


def _list_declared(
    convention: str | Convention | None, supports: Mapping[str, Any] | None, factory: LayerFactory
) -> dict[str, Any]:
    """What is declared of a module in place of what it shows."""
    declared: dict[str, Any] = {}
    if convention is not None:
        declared["convention"] = resolve_convention(convention)
    if supports is not None:
        declared["supports"] = {**factory.supports, **supports}
    return declared


def _refuse_unknown(parts: Mapping[str, Part], options: Mapping[str, Any]) -> None:
    """Refuse a name that neither the contract nor an option gives a value."""
    known = {
        name for method in METHODS.values() for name in (*method.parameters, *method.keywords)
    } | {"training", *options}
    for role, part in parts.items():
        made = (
            set(parts["forward"].returns.names)
            if role == "backward" and "forward" in parts
            else set()
        )
        for name in part.order.names:
            if name not in known | made:
                raise BadOrder(
                    f"the order of {role} names {name!r}, which nothing gives: give {name}=... to"
                    f" wrap, or use one of {', '.join(sorted(known))}"
                )
