"""Keras 3 layers as they are: ``keras.layers.BatchNormalization``, its subclasses and instances, on
the backend Keras runs on.

A class is constructed with the keywords it takes.  An instance is a template: layers are made from
its ``get_config()``, its axis, epsilon, momentum and parameters stay what they are.  A Keras layer
is built for one dtype and one rank; input of another gets a layer of its own, which takes the state
over.  Half precision means Keras's mixed policies, with float32 variables.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half
from bnproof.implementations.adapters import (
    SAMPLE,
    AdaptedLayer,
    Adapter,
    LayerFactory,
    Pullback,
    UnusableLayer,
    belongs_to,
    class_name,
    construct,
    format_error,
    make_factory,
    rename_options,
)
from bnproof.implementations.flax_module import enable_doubles
from bnproof.implementations.signatures import Gradients
from bnproof.implementations.torch_arrays import differentiate

NAMES = {
    "gamma": "gamma",
    "beta": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
KEYWORDS = {"eps": ("epsilon",), "momentum": ("momentum",), "affine": ("scale", "center")}
Call = Callable[..., tuple[Any, Any]]  # tensors -> (y, new values of the other variables)
TensorPullback = Callable[[Any], Any]  # dy -> gradients of these tensors


def differentiate_by_torch(call: Call, tensors: list[Any]) -> tuple[Any, Any, TensorPullback]:
    """``(y, rest, pullback)`` by autograd; the graph is kept for a second backward."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    y, rest = call(*leaves)
    return y, [value.detach() for value in rest], lambda dy: differentiate(y, leaves, dy)


def differentiate_by_jax(call: Call, tensors: list[Any]) -> tuple[Any, Any, TensorPullback]:
    """``(y, rest, pullback)`` by ``jax.vjp``."""
    import jax

    y, pullback, rest = jax.vjp(call, *tensors, has_aux=True)
    return y, rest, pullback


def differentiate_by_tensorflow(call: Call, tensors: list[Any]) -> tuple[Any, Any, TensorPullback]:
    """``(y, rest, pullback)`` by a persistent gradient tape."""
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        tape.watch(tensors)
        y, rest = call(*tensors)
    unused = tf.UnconnectedGradients.ZERO
    return y, rest, lambda dy: tape.gradient(y, tensors, dy, unconnected_gradients=unused)


BACKENDS = {
    "torch": differentiate_by_torch,
    "jax": differentiate_by_jax,
    "tensorflow": differentiate_by_tensorflow,
}


def enable_backend_doubles() -> AbstractContextManager[Any]:
    """Where the backend computes float64 in float64."""
    import keras

    return enable_doubles() if keras.backend.backend() == "jax" else nullcontext()


def to_array(tensor: Any) -> Array:
    """A copy as an array of the same dtype."""
    import keras

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PyTorch's tensors and NumPy 2
        values = keras.ops.convert_to_numpy(tensor)
    return np.array(values, dtype=np.dtype(keras.backend.standardize_dtype(tensor.dtype)))


def to_tensor(values: Array) -> Any:
    """A copy as a tensor of the same dtype."""
    import keras

    return keras.ops.convert_to_tensor(np.array(values), dtype=values.dtype.name)


def copy_values(variables: list[Any]) -> list[Any]:
    """Copies of their values as tensors."""
    return [to_tensor(to_array(variable.value)) for variable in variables]


def transfer(source: Any, target: Any) -> None:
    """All values of one layer into another of the same make."""
    with enable_backend_doubles():
        for value, variable in zip(copy_values(source.variables), target.variables, strict=True):
            variable.assign(value)


class KerasLayer(AdaptedLayer):
    """A Keras layer as a layer of the contract.

    Parameters
    ----------
    make
        Gives a layer that is not built, for a dtype policy.
    num_features
        The number of channels it is built for.
    """

    def __init__(self, make: Callable[[str], Any], num_features: int) -> None:
        self.make, self.num_features = make, num_features
        self.build("float32", 2)

    def build(self, policy: str, rank: int) -> None:
        """A new layer for this policy and rank, or the higher rank that the layer's axis needs."""
        self.layer = self.make(policy)
        self.name = class_name(self.layer)
        axis = self.layer.axis
        self.policy, self.rank = policy, max(rank, axis + 1 if axis > 0 else -axis)
        shape: list[int | None] = [None] * self.rank
        shape[axis] = self.num_features
        with enable_backend_doubles():
            self.layer.build(tuple(shape))

    def rebuild(self, policy: str, rank: int) -> None:
        """A layer for this policy and rank with the values of the present one."""
        if (policy, rank) != (self.policy, self.rank):
            before = self.layer
            self.build(policy, rank)
            transfer(before, self.layer)

    def read_state(self) -> dict[str, Array | None]:
        """Copies of the variables' values."""
        variables = {field: getattr(self.layer, name) for field, name in NAMES.items()}
        return {
            f: None if variable is None else to_array(variable.value)
            for f, variable in variables.items()
        }

    def write_state(self, values: Mapping[str, Array]) -> None:
        """Assign the variables, in a layer that is built anew where float64 comes or goes."""
        wide = any(value.dtype == np.float64 for value in values.values())
        self.rebuild("float64" if wide else "float32", self.rank)
        with enable_backend_doubles():
            for field, value in values.items():
                getattr(self.layer, NAMES[field]).assign(to_tensor(value))

    def choose_policy(self, x: Array) -> str:
        """float64 where input or variables are, a mixed policy for half precision."""
        if np.float64 in (x.dtype, self.layer.moving_mean.dtype):
            return "float64"
        return f"mixed_{x.dtype.name}" if is_half(x.dtype) else "float32"

    def call_layer(self, x: Array, *, training: bool) -> tuple[Array, Pullback]:
        """``layer(x, training=training)``, differentiated by the backend."""
        import keras

        self.rebuild(self.choose_policy(x), x.ndim)
        layer = self.layer
        with enable_backend_doubles():
            others = copy_values(layer.non_trainable_variables)

            def call(entry: Any, *learned: Any) -> tuple[Any, Any]:
                return layer.stateless_call(list(learned), others, entry, training=training)

            tensors = [to_tensor(x), *copy_values(layer.trainable_variables)]
            y, rest, pullback = BACKENDS[keras.backend.backend()](call, tensors)
            for variable, value in zip(layer.non_trainable_variables, rest, strict=True):
                variable.assign(value)
        names = [variable.name for variable in layer.trainable_variables]

        def pull_back(dy: Array) -> Gradients:
            with enable_backend_doubles():
                dx, *learned = pullback(to_tensor(dy))
            gradients = {name: to_array(value) for name, value in zip(names, learned, strict=True)}
            return to_array(dx), gradients.get("gamma"), gradients.get("beta")

        return to_array(y), pull_back


def check_usable(layer: Any) -> Any:
    """The layer itself, once it is known to be one that can be checked.

    Raises
    ------
    UnusableLayer
        For a layer that keeps its state elsewhere, or is frozen.
    """
    missing = [name for name in ("axis", *NAMES.values()) if not hasattr(layer, name)]
    if missing:
        problem = f"{class_name(layer)} has no {', no '.join(missing)}"
        raise UnusableLayer(
            f"{problem}: name these as keras.layers.BatchNormalization does, or name the one"
            " inside it"
        )
    if not layer.trainable:
        raise UnusableLayer(
            f"{class_name(layer)} is frozen, and then always infers: set its trainable = True"
        )
    return layer


def copy_layer(layer: Any, policy: str) -> Any:
    """A layer of the same configuration.

    Raises
    ------
    UnusableLayer
        Where ``get_config()`` is not enough to make one.
    """
    try:
        return type(layer).from_config({**layer.get_config(), "dtype": policy})
    except Exception as error:
        raise UnusableLayer(
            f"{class_name(layer)} cannot be made from its get_config(): {format_error(error)}"
        ) from error


def accepts(candidate: object) -> bool:
    """Whether it is a Keras layer, class or instance."""
    return belongs_to(candidate, "keras.layers", "Layer")


def adapt(candidate: Any) -> LayerFactory:
    """The factory of a layer: it constructs a class and copies an instance.

    Raises
    ------
    UnusableLayer
        Where the layer cannot be checked.
    """
    is_class = isinstance(candidate, type)
    filled = not is_class and check_usable(candidate).built

    def build(num_features: int, **options: Any) -> KerasLayer:
        keywords = rename_options(options, KEYWORDS)

        def make(policy: str) -> Any:
            if is_class:
                return check_usable(construct(candidate, **keywords, dtype=policy))
            return check_usable(copy_layer(candidate, policy))

        made = KerasLayer(make, num_features)
        if filled:
            transfer(candidate, made.layer)
        return made

    width = candidate.moving_mean.shape[0] if filled else 2
    sample = build(width, **SAMPLE).layer
    # a layer that is built has its number of channels and its rank; another takes any
    built = {"num_features": width, "ranks": [candidate.input_spec.ndim]} if filled else {}
    return make_factory(
        candidate,
        build,
        framework="keras",
        axis=sample.axis,
        keywords=KEYWORDS,
        sample=sample,
        present={
            "affine": sample.gamma is not None or sample.beta is not None,
            "track_running_stats": True,
        },
        narrowed=built,
        fresh=not filled,
    )


ADAPTER = Adapter(accepts, adapt)
PACKAGE = "keras"
TAKES = "keras.layers.BatchNormalization, class or instance"
