"""PyTorch modules as they are: ``torch.nn.BatchNorm1d/2d/3d``, their subclasses, and batch norms
written as modules.

A class is constructed with the keywords it takes.  An instance is copied for every layer; its
number of channels, eps, momentum and parameters stay what they are.  Only the dtype follows the
state that is assigned.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from copy import deepcopy
from operator import attrgetter
from typing import Any

import numpy as np

from bnproof.contract import Array
from bnproof.formats import is_half
from bnproof.implementations.adapters import (
    Adapter,
    LayerFactory,
    UnusableLayer,
    checked,
    constructed,
    declared,
    fixed,
    is_a,
    named,
    started,
)
from bnproof.implementations.torch_arrays import (
    array,
    refusal,
    saved_in_float32,
    sums_in_float32,
    tensor,
)

NAMES = {
    "gamma": ("weight", "gamma"),
    "beta": ("bias", "beta"),
    "running_mean": ("running_mean",),
    "running_var": ("running_var",),
}
RANKS = {"BatchNorm1d": [2, 3], "BatchNorm2d": [4], "BatchNorm3d": [5]}
KEYWORDS = {name: (name,) for name in ("eps", "momentum", "affine", "track_running_stats")}


class TorchLayer:
    """A module behind ``forward``, ``backward`` and ``state``; a ``forward`` works on copies of its
    parameters and buffers."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.names = places(module)
        self.latest: tuple[Any, dict[str, Any]] | None = None

    @property
    def from_torch(self) -> bool:
        """Whether its arithmetic is PyTorch's own batch norm."""
        import torch

        return is_a(inside(self.module), torch.nn.modules.batchnorm._BatchNorm)

    @property
    def compiled(self) -> bool:
        """Whether ``torch.compile`` has wrapped it."""
        return inside(self.module) is not self.module

    @property
    def state(self) -> dict[str, Any]:
        """gamma, beta and the running statistics, shape ``(C,)``; ``None`` for what the module does
        without."""
        found = {
            field: np.array(array(attrgetter(name)(self.module)))
            for field, name in self.names.items()
        }
        return {field: found[field].reshape(-1) if field in found else None for field in NAMES}

    @state.setter
    def state(self, values: Mapping[str, Any]) -> None:
        import torch

        new = {
            field: tensor(value)
            for field, value in checked(values, self.state, named(self.module)).items()
        }
        if new:
            self.moved(next(iter(new.values())).dtype)
        with torch.no_grad():
            for field, value in new.items():
                held = attrgetter(self.names[field])(self.module)
                held.copy_(value.reshape(held.shape))

    def moved(self, dtype: Any) -> None:
        """The module in another dtype, and with it the tensors that are no parameters or
        buffers."""
        self.module.to(dtype)
        for name, value in self.unregistered().items():
            setattr(self.module, name, value.to(dtype))

    def unregistered(self) -> dict[str, Any]:
        """Statistics or parameters kept as plain tensors."""
        own = vars(self.module)
        return {name: own[name] for name in self.names.values() if own.get(name) is not None}

    def forward(self, x: Array, *, training: bool) -> Array:
        """``module(x)`` in training or eval mode; float64 input moves a float32 module to float64.

        Raises what the module raises, with the state as it was; ``NotImplementedError`` for eps = 0
        where PyTorch refuses it.
        """
        import torch

        entry = tensor(x, grad=True)
        if entry.dtype == torch.float64:
            self.moved(entry.dtype)
        held = self.copies()
        if not held and is_half(entry) and self.from_torch:
            raise NotImplementedError(
                "with half precision alone PyTorch keeps the batch statistics in half precision"
            )
        leaves = {"x": entry} | {
            field: held[self.names[field]] for field in ("gamma", "beta") if field in self.names
        }
        self.module.train(training)
        y = self.called(entry, held)
        self.keep(held)
        self.latest = y, leaves
        return np.array(array(y))

    def copies(self) -> dict[str, Any]:
        """Copies of all parameters, buffers and unregistered tensors by name; gamma, beta and
        parameters with gradient."""
        copied = {name: value.detach().clone() for name, value in self.module.named_buffers()}
        copied |= {name: value.detach().clone() for name, value in self.unregistered().items()}
        learned = dict(self.module.named_parameters())
        learned |= {
            n: copied[n] for f, n in self.names.items() if f in ("gamma", "beta") and n in copied
        }
        return copied | {
            name: value.detach().clone().requires_grad_() for name, value in learned.items()
        }

    def called(self, entry: Any, held: dict[str, Any]) -> Any:
        """``module(entry)`` with the tensors in ``held``, which are replaced by what the module
        makes of them."""
        from torch.func import functional_call

        own, plain = vars(self.module), self.unregistered()
        registered = {name: value for name, value in held.items() if name not in plain}
        own.update({name: held[name] for name in plain})
        try:
            y = functional_call(self.module, registered, (entry,))
            held.update(registered | {name: own[name] for name in plain})
        except Exception as error:
            refused = refusal(error) if self.compiled else error
            if "eps must be positive" in str(refused):
                raise NotImplementedError(
                    "PyTorch 2.10 and later refuse eps = 0 in training"
                ) from error
            if refused and refused is not error:
                raise ValueError(str(refused)) from error
            raise
        finally:
            own.update(plain)
        return y

    def keep(self, held: Mapping[str, Any]) -> None:
        """Buffers and unregistered tensors as the module left them; raises ``ValueError`` where one
        has another shape now."""
        before = {**dict(self.module.named_buffers()), **self.unregistered()}
        for name, value in before.items():
            if held[name].shape != value.shape:
                raise ValueError(
                    f"forward makes {name} {tuple(held[name].shape)} of {tuple(value.shape)}: check"
                    " x's channels"
                )
        for name in before:
            owner, _, last = name.rpartition(".")
            setattr(self.module.get_submodule(owner), last, held[name].detach().clone())

    def backward(self, dy: Array) -> tuple[Array | None, ...]:
        """``(dx, dgamma, dbeta)`` of the latest ``forward`` by autograd; ``None`` for an absent
        parameter."""
        import torch

        y, leaves = started(self.latest)
        if self.from_torch:
            sums_in_float32(dy, leaves["x"].detach())
        if self.from_torch and self.compiled:
            saved_in_float32(leaves["x"])
        options = {"retain_graph": True, "allow_unused": True, "materialize_grads": True}
        found = dict(
            zip(
                leaves,
                torch.autograd.grad(y, list(leaves.values()), tensor(dy), **options),
                strict=True,
            )
        )
        gradients = {f: np.array(array(value)) for f, value in found.items()}
        return gradients["x"], *(
            gradients[f].reshape(-1) if f in gradients else None for f in ("gamma", "beta")
        )


def inside(candidate: Any) -> Any:
    """The module that ``torch.compile`` has wrapped, or the candidate itself."""
    return getattr(candidate, "_orig_mod", candidate)


def places(module: Any) -> dict[str, str]:
    """Where the module has gamma, beta, running_mean and running_var; wrappers such as
    ``torch.compile`` have them further in."""
    found = {
        f: next((n for n in names if getattr(module, n, None) is not None), "")
        for f, names in NAMES.items()
    }
    within = {
        id(value): name for name, value in [*module.named_parameters(), *module.named_buffers()]
    }
    return {
        field: within.get(id(getattr(module, name)), name) for field, name in found.items() if name
    }


def present(module: Any) -> dict[str, Any]:
    """``num_features``, ``affine`` and ``track_running_stats`` by the tensors that a module has.

    Raises ``UnusableLayer`` for a module with tensors under other names in their stead, of other
    sizes, or not on the CPU.
    """
    found = {field: attrgetter(name)(module) for field, name in places(module).items()}
    known = {id(value) for value in found.values()}
    tensors = [*module.named_parameters(), *module.named_buffers()]
    others = [
        name for name, value in tensors if id(value) not in known and name != "num_batches_tracked"
    ]
    missing = [" or ".join(NAMES[f]) for f in NAMES if f not in found]
    if missing and others:
        problem = f"{named(module)} has no {', no '.join(missing)}, but {', '.join(others)}"
        raise UnusableLayer(f"{problem}: rename these, or name the batch norm inside it")
    sizes = {value.numel() for value in found.values()}
    if len(sizes) > 1 or {value.device.type for value in found.values()} - {"cpu"}:
        problem = (
            f"{named(module)} has"
            f" {', '.join(f'{f} {tuple(v.shape)} on {v.device}' for f, v in found.items())}"
        )
        raise UnusableLayer(f"{problem}: give each one value per channel, on the CPU")
    about = {
        "affine": bool({"gamma", "beta"} & set(found)),
        "track_running_stats": "running_mean" in found,
    }
    return about | ({"num_features": sizes.pop()} if sizes else {})


def refuse(candidate: Any) -> None:
    """Raise ``UnusableLayer`` for a module that needs more than a batch on one CPU."""
    import torch

    mend = "name torch.nn.BatchNorm1d, 2d or 3d instead"
    if is_a(candidate, torch.nn.modules.lazy.LazyModuleMixin):
        raise UnusableLayer(f"{named(candidate)} has no parameters before its first batch: {mend}")
    if is_a(candidate, torch.nn.SyncBatchNorm):
        raise UnusableLayer(f"{named(candidate)} needs a process group on GPUs: {mend}")
    if is_a(candidate, torch.jit.ScriptModule):
        raise UnusableLayer(
            f"{named(candidate)} is TorchScript, which keeps its parameters inside: name the module"
            " itself"
        )


def accepts(candidate: object) -> bool:
    """Whether it is a module, class or instance."""
    nn = sys.modules.get("torch.nn")
    return nn is not None and is_a(candidate, nn.Module)


def adapt(candidate: Any) -> LayerFactory:
    """The factory of a module: constructs a class, copies an instance; raises ``UnusableLayer``
    where that cannot be checked."""
    import torch

    refuse(candidate)

    def build(num_features: int, **options: Any) -> TorchLayer:
        made = (
            constructed(candidate, num_features, **options)
            if isinstance(candidate, type)
            else deepcopy(candidate)
        )
        return TorchLayer(made)

    channels = getattr(candidate, "supports", {}).get("num_features", 2)
    sample = build(channels, eps=1e-3, momentum=0.5, affine=True, track_running_stats=True).module
    about = present(sample)
    if isinstance(candidate, type):
        about.pop("num_features", None)
    ranks = [RANKS[name] for name in RANKS if is_a(inside(candidate), getattr(torch.nn, name))]
    supports = {"ranks": ranks[0]} if ranks else {}
    supports |= fixed(candidate, sample, KEYWORDS, about)
    return LayerFactory(
        named(candidate),
        declared(candidate, "torch", 1),
        supports,
        build,
        isinstance(candidate, type),
    )


ADAPTER = Adapter(accepts, adapt)
PACKAGE = "torch"
TAKES = "torch.nn.Module, class or instance"
