"""Objects users already have, as layers: adapters found by listing the folder, and what they share.

A module of this package that offers ``ADAPTER`` turns one kind of object (a PyTorch module, a Flax
module, a Keras layer, an ONNX file) into a :class:`LayerFactory`, whose layers are
:class:`AdaptedLayer`.  An adapter never imports the framework to find out whether it is concerned:
an object whose framework has not been imported cannot be of its kind.
"""

from __future__ import annotations

import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from bnproof.contract import Array, Convention
from bnproof.implementations.conventions import resolve_convention
from bnproof.implementations.installed import import_modules
from bnproof.implementations.signatures import Gradients
from bnproof.implementations.through_state import FIELDS

#: Names that people give to what the contract calls something else.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "x": ("x", "input", "inputs", "data", "batch", "z"),
    "gamma": ("gamma", "weight", "scale", "g", "gain"),
    "beta": ("beta", "bias", "offset", "shift", "b"),
    "running_mean": ("running_mean", "moving_mean", "mean", "run_mean", "mu"),
    "running_var": ("running_var", "moving_var", "run_var", "var", "variance", "moving_variance"),
    "eps": ("eps", "epsilon", "variance_epsilon"),
    "momentum": ("momentum", "decay", "alpha", "exponential_average_factor"),
    "training": ("training", "train", "is_training"),
    "dy": ("dy", "dout", "grad_output", "grad", "upstream", "grad_out"),
    "cache": ("cache", "ctx", "saved"),
}
Pullback = Callable[[Array], Gradients]

# what a sample of a class is made with; the values do not matter, since only options that the
# constructor does not take are read from the sample
SAMPLE: dict[str, Any] = {"eps": 1e-3, "momentum": 0.5, "affine": True, "track_running_stats": True}


class UnusableLayer(ValueError):
    """The object cannot be checked as a layer.

    The message is one line, which says what is missing and how to mend it.
    """


class AdaptedLayer(ABC):
    """A framework's own layer behind ``forward``, ``backward`` and ``state``.

    Every framework does these three with different calls, and all adapters do them in the same
    order: a new state is checked before anything is written, and a gradient belongs to the latest
    ``forward``.  An adapter fills in the three methods that name its framework's calls.

    Attributes
    ----------
    name
        What messages call the layer: the name of its class, or of its file.
    """

    name: str
    _pull_back: Pullback | None = None

    @abstractmethod
    def read_state(self) -> dict[str, Array | None]:
        """Copies of gamma, beta and the running statistics; ``None`` for an absent one."""

    @abstractmethod
    def write_state(self, values: Mapping[str, Array]) -> None:
        """Put arrays, already checked, where the layer keeps them."""

    @abstractmethod
    def call_layer(self, x: Array, *, training: bool) -> tuple[Array, Pullback]:
        """The output, and the function from an upstream gradient to the gradients of this call.

        A call that raises leaves the state as it was.
        """

    @property
    def state(self) -> dict[str, Array | None]:
        """gamma, beta and the running statistics, shape ``(C,)``; ``None`` for an absent one.

        Assigning raises ``NotImplementedError`` where a value is given that the layer has no place
        for, or one it needs is missing, and ``ValueError`` for another shape.
        """
        return self.read_state()

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        self.write_state(check_state(values, self.read_state(), self.name))

    def forward(self, x: Array, *, training: bool) -> Array:
        """The layer's output for a batch.

        Parameters
        ----------
        x
            The batch, with channels on the axis of the layer's convention.
        training
            Whether the batch's statistics normalise it, and the running ones follow.

        Returns
        -------
        Array
            ``y``, of the shape of ``x``.

        Raises
        ------
        Exception
            Whatever the layer raises; the state is then what it was.
        NotImplementedError
            Where the layer does not do what is asked.
        """
        y, self._pull_back = self.call_layer(x, training=training)
        return y

    def backward(self, dy: Array) -> Gradients:
        """The vector-Jacobian product of the latest ``forward``.

        Parameters
        ----------
        dy
            The upstream gradient, of the shape of ``y``.

        Returns
        -------
        tuple
            ``(dx, dgamma, dbeta)``, with ``None`` for an absent parameter.

        Raises
        ------
        RuntimeError
            Where there was no ``forward``.
        NotImplementedError
            Where the layer has no gradients.
        """
        if self._pull_back is None:
            raise RuntimeError("backward needs a forward first: call forward(x, training=...)")
        return self._pull_back(dy)


@dataclass(frozen=True)
class LayerFactory:
    """Makes layers with ``forward(x, *, training)``, ``backward(dy)`` and ``state``.

    Attributes
    ----------
    name
        What messages call the object.
    convention
        Which value momentum weighs, which variance is tracked, where the channels are.
    supports
        What may be asked: ``dtypes``, ``ranks``, and the values of ``num_features``, ``eps``,
        ``momentum``, ``affine`` and ``track_running_stats`` that the object fixes.
    build
        Makes a layer; it is called with those five by name.
    fresh
        Whether a new layer starts from gamma = 1, beta = 0 and statistics (0, 1), and not from the
        object's own values.
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
        """Make a new layer.

        Raises
        ------
        NotImplementedError
            For a value other than the one the object fixes.
        """
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
    """One kind of object.

    Attributes
    ----------
    accepts
        Says whether an object is of this kind.
    adapt
        Makes its factory, or raises :class:`UnusableLayer`.
    """

    accepts: Callable[[object], bool]
    adapt: Callable[[Any], LayerFactory]


def adapt_candidate(candidate: object) -> LayerFactory | None:
    """Find the layer factory of an object that an adapter accepts.

    Parameters
    ----------
    candidate
        A module or layer of a framework, as a class or an instance, or the path of an ``.onnx``
        file.

    Returns
    -------
    LayerFactory or None
        ``None`` for anything that no adapter accepts.

    Raises
    ------
    UnusableLayer
        Where the object is of a known kind and cannot be checked.
    """
    for module in import_modules():
        adapter = getattr(module, "ADAPTER", None)
        if adapter is not None and adapter.accepts(candidate):
            factory: LayerFactory = adapter.adapt(candidate)
            return factory
    return None


# -- what adapters share ---------------------------------------------------------------------------


def make_factory(
    candidate: Any,
    build: Callable[..., Any],
    *,
    framework: str,
    axis: object,
    keywords: Mapping[str, tuple[str, ...]],
    sample: Any,
    present: Mapping[str, Any],
    narrowed: Mapping[str, Any] | None = None,
    fresh: bool,
) -> LayerFactory:
    """The factory of a framework's class or instance, from what a sample of it shows.

    Parameters
    ----------
    candidate
        The class or instance that was named.
    build
        Makes an adapted layer of it.
    framework
        The name of the framework's convention, which holds unless the object declares another.
    axis
        Where the sample has its channels, as the framework counts.
    keywords
        The constructor's names for ``eps``, ``momentum``, ``affine`` and ``track_running_stats``.
    sample
        An instance: the object itself, or one made of the class with :data:`SAMPLE`.
    present
        The options that the sample's own tensors show; see :func:`find_fixed_options`.  What an
        instance's tensors show of its channels and dtypes does not bind a class.
    narrowed
        Further entries of ``supports``.
    fresh
        Whether new layers start from gamma = 1, beta = 0 and statistics (0, 1).

    Raises
    ------
    UnusableLayer
        For an axis without the channels, and where the sample's eps or momentum is no number.
    """
    channel_axis, ranks = read_channel_axis(axis, class_name(candidate))
    supports = (
        ranks | dict(narrowed or {}) | find_fixed_options(candidate, sample, keywords, present)
    )
    convention = read_convention(candidate, framework, channel_axis)
    return LayerFactory(class_name(candidate), convention, supports, build, fresh)


def class_name(candidate: object) -> str:
    """The name of a class, or of an instance's class."""
    return candidate.__name__ if isinstance(candidate, type) else type(candidate).__name__


def is_a(candidate: object, kind: type) -> bool:
    """Whether it is a class below ``kind`` or an instance of it."""
    return (
        issubclass(candidate, kind) if isinstance(candidate, type) else isinstance(candidate, kind)
    )


def belongs_to(candidate: object, module: str, kind: str) -> bool:
    """Whether it is of a kind that a module defines, as a class or an instance.

    It is not while the module has not been imported.
    """
    loaded = sys.modules.get(module)
    return loaded is not None and is_a(candidate, getattr(loaded, kind))


def sample_width(candidate: object) -> int:
    """How many channels a sample has: what the object says in ``supports``, otherwise 2."""
    width: int = getattr(candidate, "supports", {}).get("num_features", 2)
    return width


def read_convention(candidate: object, name: str, channel_axis: Literal[1, -1]) -> Convention:
    """The convention an object declares, otherwise the framework's.

    A convention that is declared by name keeps the object's own channel axis.
    """
    declared = getattr(candidate, "convention", name)
    return (
        declared
        if isinstance(declared, Convention)
        else replace(resolve_convention(declared), channel_axis=channel_axis)
    )


def read_channel_axis(axis: object, name: str) -> tuple[Literal[1, -1], dict[str, Any]]:
    """The channel axis of the contract for a framework's ``axis``.

    Parameters
    ----------
    axis
        The framework's axis of the channels.
    name
        What the message calls the layer.

    Returns
    -------
    tuple
        1 or -1, and the ``ranks`` of input that this leaves: an axis 2 is the last one of input
        with three axes only.

    Raises
    ------
    UnusableLayer
        For the axis of the batch, several axes, or one that is too far out.
    """
    if axis in (1, -1):
        return (1 if axis == 1 else -1), {}
    if not isinstance(axis, int) or not 2 <= abs(axis) <= 4:
        raise UnusableLayer(f"{name} has axis = {axis}: give the one axis of the channels, -1 or 1")
    return (-1 if axis > 1 else 1), {"ranks": [abs(axis) + 1]}


def select_keywords(cls: Any, keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the keyword arguments that a constructor accepts.

    A constructor with ``**keywords`` accepts all of them.
    """
    parameters = inspect.signature(cls.__init__).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return dict(keywords)
    return {name: value for name, value in keywords.items() if name in parameters}


def rename_options(
    options: Mapping[str, Any], keywords: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """The options as keyword arguments of a constructor, by its names for them."""
    return {name: options[option] for option, names in keywords.items() for name in names}


def format_error(error: BaseException) -> str:
    """The first line of an error; its class where an error cannot even be shown."""
    try:
        return f"{type(error).__name__}: {error}".splitlines()[0]
    except Exception:
        return type(error).__name__


def construct(cls: type, *arguments: Any, **keywords: Any) -> Any:
    """An instance, made with those of the keywords that the class takes.

    Raises
    ------
    UnusableLayer
        Where the constructor needs anything else.
    NotImplementedError
        Where the constructor raises it: the class says that it does not do this.
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
        raise UnusableLayer(
            f"{class_name(cls)}({given}) cannot be made ({format_error(error)}): name an instance"
            " instead"
        ) from error


def find_fixed_options(
    candidate: Any, sample: Any, keywords: Mapping[str, tuple[str, ...]], present: Mapping[str, Any]
) -> dict[str, Any]:
    """Which options an object fixes, and at which values.

    An instance fixes all of them.  A class fixes those that its constructor does not take.

    Parameters
    ----------
    candidate
        The class or instance.  What it declares in ``supports`` goes before everything else.
    sample
        An instance.  Its eps and momentum are read from attributes with the constructor's names.
    keywords
        The constructor's names for ``eps``, ``momentum``, ``affine`` and ``track_running_stats``.
    present
        The other options, by what the sample is made of.

    Returns
    -------
    dict
        Entries for ``supports``.

    Raises
    ------
    UnusableLayer
        Where eps or momentum is no number.
    """
    own = dict(getattr(candidate, "supports", {}))
    free: set[str] = set()
    if isinstance(candidate, type):
        # a class is made anew for every number of channels
        free = {"num_features"} | {
            option
            for option, names in keywords.items()
            if len(select_keywords(candidate, dict.fromkeys(names))) == len(names)
        }
    options = {option: value for option, value in present.items() if option not in free}
    # without running statistics there is nothing that momentum could weigh
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
    """The arrays of a new state that the layer has a place for.

    Parameters
    ----------
    values
        The new state: an array or ``None`` for each of gamma, beta, running_mean and running_var.
    current
        The present state.
    name
        What messages call the layer.

    Raises
    ------
    NotImplementedError
        Where a value is ``None`` and the present one is not, or the reverse.
    ValueError
        For an array of another shape.
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
