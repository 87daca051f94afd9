"""Objects users already have, as layers: adapters found by listing the folder, and what they share.

A module of this package that offers ``ADAPTER`` turns one kind of object (a PyTorch module, a Flax
module, a Keras layer, an ONNX file) into a :class:`LayerFactory`.  An adapter never imports the
framework to find out whether it is concerned: an object whose framework has not been imported
cannot be of its kind.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Literal

import numpy as np

from bnproof.contract import Array, Convention
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.layers import FIELDS


class UnusableLayer(ValueError):
    """The object cannot be checked as a layer; the message, one line, says what is missing and how
    to mend it."""


@dataclass(frozen=True)
class LayerFactory:
    """Makes layers with ``forward(x, *, training)``, ``backward(dy)`` and ``state``.

    ``supports`` narrows what may be asked: ``dtypes``, ``ranks``, and the values of
    ``num_features``, ``eps``, ``momentum``, ``affine`` and ``track_running_stats`` that the object
    fixes.  ``build`` is called with the five of these, by name. ``fresh``: whether a new layer
    starts from gamma = 1, beta = 0 and statistics (0, 1), not from an object's own values.
    """

    name: str
    convention: Convention
    supports: Mapping[str, Any]
    build: Callable[..., Any]
    fresh: bool = True

    def __call__(
        self,
        num_features: int,
        *,
        eps: float,
        momentum: float,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> Any:
        """A new layer; raises ``NotImplementedError`` for a value other than the one the object
        fixes."""
        requested: dict[str, Any] = {"num_features": num_features, "eps": eps, "momentum": momentum}
        requested |= {"affine": affine, "track_running_stats": track_running_stats}
        for option, value in requested.items():
            if self.supports.get(option, value) != value:
                raise NotImplementedError(
                    f"{self.name} has {option} = {self.supports[option]}: {value} cannot be asked"
                )
        return self.build(**requested)


@dataclass(frozen=True)
class Adapter:
    """``accepts`` says whether an object is of this kind; ``adapt`` makes the factory, or raises
    ``UnusableLayer``."""

    accepts: Callable[[object], bool]
    adapt: Callable[[Any], LayerFactory]


def adapt_candidate(candidate: object) -> Any | None:
    """The layer factory of what an adapter accepts: a module, a layer (class or instance), the path
    of an ``.onnx`` file.

    ``None`` for anything else.  Raises ``UnusableLayer`` where the object is of a known kind and
    cannot be checked.
    """
    package = import_module("bnproof.implementations")
    for info in iter_modules(package.__path__):
        adapter = getattr(import_module(f"bnproof.implementations.{info.name}"), "ADAPTER", None)
        if adapter is not None and adapter.accepts(candidate):
            return adapter.adapt(candidate)
    return None


# -- what adapters share ---------------------------------------------------------------------------


def class_name(candidate: object) -> str:
    """The name of a class, or of an instance's class."""
    return candidate.__name__ if isinstance(candidate, type) else type(candidate).__name__


def is_a(candidate: object, kind: type) -> bool:
    """Whether it is a class below ``kind`` or an instance of it."""
    return (
        issubclass(candidate, kind) if isinstance(candidate, type) else isinstance(candidate, kind)
    )


def read_convention(candidate: object, name: str, channel_axis: Literal[1, -1]) -> Convention:
    """The convention an object declares, else the framework's, by name with its own channel
    axis."""
    said = getattr(candidate, "convention", name)
    return (
        said
        if isinstance(said, Convention)
        else replace(resolve_convention(said), channel_axis=channel_axis)
    )


def read_channel_axis(axis: object, name: str) -> tuple[Literal[1, -1], dict[str, Any]]:
    """``channel_axis`` of a framework's axis, and the ``ranks`` this leaves; raises
    ``UnusableLayer`` for the batch axis."""
    if axis in (1, -1):
        return (1 if axis == 1 else -1), {}
    if not isinstance(axis, int) or not 2 <= abs(axis) <= 4:
        raise UnusableLayer(f"{name} has axis = {axis}: give the one axis of the channels, -1 or 1")
    return (-1 if axis > 1 else 1), {"ranks": [abs(axis) + 1]}


def select_keywords(cls: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the keyword arguments that the constructor accepts; all of them where it has
    ``**keywords``."""
    parameters = inspect.signature(cls.__init__).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return dict(keywords)
    return {name: value for name, value in keywords.items() if name in parameters}


def construct(cls: type, *arguments: Any, **keywords: Any) -> Any:
    """An instance, made with the keywords the class takes.

    Raises ``UnusableLayer`` where its constructor needs anything else; ``NotImplementedError``
    passes.
    """
    keywords = select_keywords(cls, keywords)
    try:
        return cls(*arguments, **keywords)
    except NotImplementedError:
        raise
    except Exception as error:
        given = ", ".join(
            ["num_features" for _ in arguments] + [f"{name}=..." for name in keywords]
        )
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UnusableLayer(
            f"{class_name(cls)}({given}) cannot be made ({reason}): name an instance instead"
        ) from error


def find_fixed_options(
    candidate: Any, sample: Any, keywords: Mapping[str, tuple[str, ...]], present: Mapping[str, Any]
) -> dict[str, Any]:
    """What ``supports`` narrows: all of an instance, of a class what its constructor does not take.

    ``keywords``: the constructor's names for ``eps``, ``momentum``, ``affine``,
    ``track_running_stats``; eps and momentum are attributes of that name too.  ``present``: the
    other options by what the ``sample``, an instance, is made of.  What the object says of itself
    in ``supports`` goes before.  Raises ``UnusableLayer`` where eps or momentum is no number.
    """
    own = dict(getattr(candidate, "supports", {}))
    free: set[str] = set()
    if isinstance(candidate, type):
        free = {
            option
            for option, names in keywords.items()
            if len(select_keywords(candidate, dict.fromkeys(names))) == len(names)
        }
    options = {option: value for option, value in present.items() if option not in free}
    needed = {"eps", "momentum"} if present["track_running_stats"] else {"eps"}
    for option in needed - free - own.keys():
        value = getattr(sample, keywords[option][0], None)
        if not isinstance(value, int | float | np.number):
            problem = f"{class_name(candidate)} has {keywords[option][0]} = {value}"
            raise UnusableLayer(
                f"{problem}: set this attribute to the {option} that its forward uses"
            )
        options[option] = float(value)
    return options | own


def check_state(
    values: Mapping[str, Any], current: Mapping[str, Array | None], name: str
) -> dict[str, Array]:
    """The arrays of a new state that the layer has a place for, ``held`` being the present one.

    Raises ``NotImplementedError`` where one is ``None`` and the other is not, ``ValueError`` for
    another shape.
    """
    given = {field: None if values[field] is None else np.array(values[field]) for field in FIELDS}
    for field, now in current.items():
        new = given[field]
        if (new is None) != (now is None):
            raise NotImplementedError(
                f"{name} has {'no ' if now is None else ''}{field}: it cannot be taken away or"
                " added"
            )
        if new is not None and now is not None and new.shape != now.shape:
            raise ValueError(f"{field} has shape {new.shape}: {name} needs {now.shape}")
    return {field: new for field, new in given.items() if new is not None}


def require_forward(latest: Any) -> Any:
    """What the latest ``forward`` left for ``backward``; raises ``RuntimeError`` where there was
    none."""
    if latest is None:
        raise RuntimeError("backward needs a forward first: call forward(x, training=...)")
    return latest
