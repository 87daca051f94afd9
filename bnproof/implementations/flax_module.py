"""Flax NNX modules as they are: ``flax.nnx.BatchNorm``, its subclasses and instances.  Channels
last, unless ``axis`` says 1.

A class is constructed with the keywords it takes, and its ``dtype`` follows half-precision input
(Flax returns float32 for it otherwise).  An instance is cloned for every layer; its channels,
epsilon, momentum, dtype and parameters stay what they are. ``use_fast_variance`` is never touched.
Steps are compiled by ``jax.jit``, as in training; float64 is computed in float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cache
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
    make_factory,
    rename_options,
    sample_width,
)
from bnproof.implementations.signatures import Gradients

NAMES = {"gamma": "scale", "beta": "bias", "running_mean": "mean", "running_var": "var"}
KEYWORDS = {"eps": ("epsilon",), "momentum": ("momentum",), "affine": ("use_scale", "use_bias")}


def enable_doubles() -> AbstractContextManager[Any]:
    """A context in which JAX computes float64 in float64, which it does not by default."""
    import jax

    # newer versions of JAX have it at the top, older ones among what is experimental
    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)  # noqa: FBT003
    from jax.experimental import enable_x64

    return enable_x64()


@cache
def compile_steps() -> tuple[Any, Any]:
    """The compiled forward and backward step.

    Returns
    -------
    tuple
        ``(graph, training, x, learned, rest) -> (y, pullback, rest)``, and
        ``(pullback, dy) -> (dx, dlearned)``.  They are compiled once per shape, dtype and mode.
    """
    import jax
    from flax import nnx

    def step(graph: Any, training: bool, x: Any, learned: Any, rest: Any) -> Any:  # noqa: FBT001
        def call(x: Any, learned: Any) -> Any:
            # the tree is copied, since merging hands its leaves to a module that changes them
            module = nnx.merge(graph, learned, jax.tree.map(lambda value: value, rest))
            module.use_running_average = not training
            y = module(x)
            return y, nnx.split(module, nnx.Param, ...)[2]

        return jax.vjp(call, x, learned, has_aux=True)

    return jax.jit(step, static_argnums=(0, 1)), jax.jit(lambda pullback, dy: pullback(dy))


class FlaxLayer(AdaptedLayer):
    """A module as a layer.

    Parameters
    ----------
    module
        The module, whose variables have the names in :data:`NAMES`.
    follows
        Whether its dtype becomes that of half-precision input; otherwise Flax returns float32.
    """

    def __init__(self, module: Any, *, follows: bool) -> None:
        self.module, self.follows, self.name = module, follows, class_name(module)

    def list_variables(self) -> dict[str, Any]:
        """The variable of each part of the state; ``None`` for an absent one."""
        return {field: getattr(self.module, name) for field, name in NAMES.items()}

    def read_state(self) -> dict[str, Array | None]:
        """Copies of the variables' values."""
        return {
            field: None if variable is None else np.array(variable[...])
            for field, variable in self.list_variables().items()
        }

    def write_state(self, values: Mapping[str, Array]) -> None:
        """Set the variables' values, in the dtypes given."""
        import jax.numpy as jnp

        variables = self.list_variables()
        with enable_doubles():
            for field, value in values.items():
                variables[field].set_value(jnp.asarray(value))

    def call_layer(self, x: Array, *, training: bool) -> tuple[Array, Pullback]:
        """``module(x)`` with ``use_running_average = not training``, and ``jax.vjp`` of it.

        float64 input moves a float32 module to float64.
        """
        from flax import nnx

        if x.dtype == np.float64 != self.module.mean[...].dtype:
            self.state = {
                f: None if value is None else value.astype(x.dtype)
                for f, value in self.state.items()
            }
        if self.follows:
            self.module.dtype = x.dtype if is_half(x.dtype) else None
        with enable_doubles():
            graph, learned, rest = nnx.split(self.module, nnx.Param, ...)
            y, pullback, rest = compile_steps()[0](graph, training, np.asarray(x), learned, rest)
        nnx.update(self.module, rest)

        def pull_back(dy: Array) -> Gradients:
            with enable_doubles():
                dx, gradients = compile_steps()[1](pullback, np.asarray(dy))
            dgamma, dbeta = (
                np.array(gradients[NAMES[f]][...]) if NAMES[f] in gradients else None
                for f in ("gamma", "beta")
            )
            return np.array(dx), dgamma, dbeta

        return np.array(y), pull_back


def inspect_module(module: Any) -> dict[str, Any]:
    """What a module's variables show of its options.

    Returns
    -------
    dict
        ``num_features``, ``affine``, ``track_running_stats`` and ``dtypes``.

    Raises
    ------
    UnusableLayer
        For a module that keeps its state elsewhere, or that averages over devices.
    """
    missing = [name for name in NAMES.values() if not hasattr(module, name)]
    if missing or module.mean is None or module.var is None:
        problem = f"{class_name(module)} has no {', no '.join(missing or ['mean or var'])}"
        raise UnusableLayer(
            f"{problem}: keep scale, bias, mean and var as flax.nnx.BatchNorm does, or name the one"
            " inside it"
        )
    if getattr(module, "axis_name", None) is not None:
        raise UnusableLayer(
            f"{class_name(module)} averages over the devices of axis {module.axis_name!r}: leave"
            " axis_name out"
        )
    dtype = getattr(module, "dtype", None)
    dtypes = ["float32", "float64"] if dtype is None else [np.dtype(dtype).name]
    affine = module.scale is not None or module.bias is not None
    return {
        "num_features": module.mean[...].size,
        "affine": affine,
        "track_running_stats": True,
        "dtypes": dtypes,
    }


def accepts(candidate: object) -> bool:
    """Whether it is a Flax NNX module, class or instance."""
    return belongs_to(candidate, "flax.nnx", "Module")


def adapt(candidate: Any) -> LayerFactory:
    """The factory of a module: it constructs a class and clones an instance.

    Raises
    ------
    UnusableLayer
        Where the module cannot be checked.
    """
    from flax import nnx

    def build(num_features: int, **options: Any) -> FlaxLayer:
        if not isinstance(candidate, type):
            return FlaxLayer(nnx.clone(candidate), follows=False)
        keywords = rename_options(options, KEYWORDS)
        module = construct(candidate, num_features, **keywords, rngs=nnx.Rngs(0))
        return FlaxLayer(module, follows=getattr(module, "dtype", None) is None)

    sample = build(sample_width(candidate), **SAMPLE)
    present = inspect_module(sample.module)
    if sample.follows:
        # its dtype will be that of the input, so what it was made with binds nobody
        del present["dtypes"]
    return make_factory(
        candidate,
        build,
        framework="flax",
        axis=getattr(sample.module, "axis", -1),
        keywords=KEYWORDS,
        sample=sample.module,
        present=present,
        fresh=isinstance(candidate, type),
    )


ADAPTER = Adapter(accepts, adapt)
PACKAGE = "flax"
TAKES = "flax.nnx.BatchNorm, class or instance"
