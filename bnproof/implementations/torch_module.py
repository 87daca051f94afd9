"""PyTorch modules as they are: ``torch.nn.BatchNorm1d/2d/3d``, their subclasses, and batch norms
written as modules.

A class is constructed with the keywords it takes.  An instance is copied for every layer; its
number of channels, eps, momentum and parameters stay what they are.  Only the dtype follows the
state that is assigned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from operator import attrgetter
from typing import Any

import numpy as np

from bnproof.contract import Array, Failure, FailureKind
from bnproof.implementations.adapters import (
    ALIASES,
    SAMPLE,
    AdaptedLayer,
    Adapter,
    LayerFactory,
    Pullback,
    UnusableLayer,
    belongs_to,
    class_name,
    construct,
    is_a,
    make_factory,
    sample_width,
)
from bnproof.implementations.signatures import Gradients
from bnproof.implementations.torch_arrays import (
    differentiate,
    find_refusal,
    refuse_half_alone,
    refuse_half_saves,
    refuse_half_sums,
    to_array,
    to_tensor,
)

NAMES = {
    "gamma": ("weight", "gamma"),
    "beta": ("bias", "beta"),
    "running_mean": ("running_mean",),
    "running_var": ("running_var",),
}
Inputs = Callable[[Any], tuple[Any, ...]]
RANKS = {"BatchNorm1d": [2, 3], "BatchNorm2d": [4], "BatchNorm3d": [5]}
KEYWORDS = {name: (name,) for name in ("eps", "momentum", "affine", "track_running_stats")}


class TorchLayer(AdaptedLayer):
    """A module as a layer; a ``forward`` works on copies of its parameters and buffers.

    Parameters
    ----------
    module
        The module, whose tensors are found by the names in :data:`NAMES`.
    names
        Other names of tensors, which go before those.
    inputs
        What ``forward`` takes for a batch x; ``None`` for x alone.
    """

    def __init__(
        self, module: Any, names: Mapping[str, str] | None = None, inputs: Inputs | None = None
    ) -> None:
        self.module, self.name, self.inputs = module, class_name(module), inputs
        self.names = locate_fields(module, names)
        self.attached: set[str] = set()

    @property
    def from_torch(self) -> bool:
        """Whether its arithmetic is PyTorch's own batch norm."""
        import torch

        return is_a(unwrap(self.module), torch.nn.modules.batchnorm._BatchNorm)

    @property
    def compiled(self) -> bool:
        """Whether ``torch.compile`` has wrapped it."""
        return unwrap(self.module) is not self.module

    def read_state(self) -> dict[str, Array | None]:
        """Copies of the tensors, flattened: some modules keep shape ``(1, C, 1, 1)``."""
        arrays = {
            field: np.array(to_array(attrgetter(name)(self.module)))
            for field, name in self.names.items()
        }
        return {field: arrays[field].reshape(-1) if field in arrays else None for field in NAMES}

    def write_state(self, values: Mapping[str, Array]) -> None:
        """Copy arrays into the module, which moves to their dtype."""
        import torch

        tensors = {field: to_tensor(value) for field, value in values.items()}
        if tensors:
            self.move(next(iter(tensors.values())).dtype)
        with torch.no_grad():
            for field, value in tensors.items():
                target = attrgetter(self.names[field])(self.module)
                target.copy_(value.reshape(target.shape))

    def move(self, dtype: Any) -> None:
        """Move the module to another dtype, with its tensors that are no parameters or buffers."""
        import torch

        self.module.to(dtype)
        for module in self.module.modules():
            # Plain attributes are left alone by ``to``.
            plain = {n: v for n, v in vars(module).items() if isinstance(v, torch.Tensor)}
            for name, value in plain.items():
                if value.is_floating_point():
                    setattr(module, name, value.to(dtype))

    def list_unregistered(self) -> dict[str, Any]:
        """Statistics or parameters that are kept as plain tensors."""
        own = vars(self.module)
        return {name: own[name] for name in self.names.values() if own.get(name) is not None}

    def call_layer(self, x: Array, *, training: bool) -> tuple[Array, Pullback]:
        """``module(x)`` in training or eval mode, with autograd for the gradients.

        float64 input moves a float32 module to float64.

        Raises
        ------
        Exception
            What the module raises, with the state as it was.
        NotImplementedError
            For eps = 0 where PyTorch refuses it, and for half precision without float32 parameters.
        """
        import torch

        entry = to_tensor(x, grad=True)
        if entry.dtype == torch.float64:
            self.move(entry.dtype)
        copies = self.copy_tensors()
        if not copies and self.from_torch:
            refuse_half_alone(entry)
        leaves = {"x": entry} | {
            field: copies[self.names[field]] for field in ("gamma", "beta") if field in self.names
        }
        self.module.train(training)
        y = self.call_module(entry, copies)
        self.keep(copies)
        return np.array(to_array(y)), lambda dy: self.pull_back(dy, y, leaves)

    def copy_tensors(self) -> dict[str, Any]:
        """Copies of all parameters, buffers and unregistered tensors by name.

        gamma, beta and all parameters are copied as leaves whose gradient is asked for.
        """
        others = self.list_others()
        learned = dict(self.module.named_parameters())
        learned |= {
            n: others[n] for f, n in self.names.items() if f in ("gamma", "beta") and n in others
        }
        copies = {name: value.detach().clone() for name, value in (others | learned).items()}
        return {n: copy.requires_grad_(n in learned) for n, copy in copies.items()}

    def list_others(self) -> dict[str, Any]:
        """Its buffers, and what it keeps as plain tensors."""
        return dict(self.module.named_buffers()) | self.list_unregistered()

    def call_module(self, entry: Any, copies: dict[str, Any]) -> Any:
        """``module(entry)`` with the tensors in ``copies``.

        They then hold what the module made of them.

        Raises
        ------
        NotImplementedError
            For eps = 0 where PyTorch refuses it.
        ValueError
            Where PyTorch refuses the batch inside compiled code.
        """
        from torch.func import functional_call

        own, plain = vars(self.module), self.list_unregistered()
        registered = {name: value for name, value in copies.items() if name not in plain}
        own.update({name: copies[name] for name in plain})
        try:
            given = (entry,) if self.inputs is None else self.inputs(entry)
            y = functional_call(self.module, registered, given)
            copies.update(registered | {name: own[name] for name in plain})
        except Exception as error:
            refused = find_refusal(error) if self.compiled else error
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

    def find_slip(self) -> Failure | None:
        """Find what is wrong with how the module keeps its running statistics, after a forward.

        Returns
        -------
        Failure or None
            A statistic that autograd still follows, that ``state_dict`` leaves out, or that is not
            finite.
        """
        for field in ("running_mean", "running_var"):
            name = self.names.get(field)
            if name is None:
                continue
            if name in self.attached:
                return Failure(FailureKind.ATTACHED, "forward", field)
            if name not in self.module.state_dict():
                return Failure(FailureKind.UNSAVED, "forward", field)
            if not attrgetter(name)(self.module).isfinite().all():
                return Failure(FailureKind.NOT_FINITE, "forward", field, got="this batch")
        return None

    def keep(self, copies: Mapping[str, Any]) -> None:
        """Put buffers and unregistered tensors back as the module left them.

        Raises
        ------
        ValueError
            Where one of them has another shape now: the module broadcast x's channels.
        """
        before = self.list_others()
        self.attached = {name for name in before if copies[name].requires_grad}
        for name, value in before.items():
            # One value per channel may come back with further axes of size 1.
            if copies[name].numel() != value.numel():
                raise ValueError(
                    f"forward makes {name} {tuple(copies[name].shape)} of {tuple(value.shape)}:"
                    " another number of channels"
                )
        for name in before:
            owner, _, last = name.rpartition(".")
            setattr(self.module.get_submodule(owner), last, copies[name].detach().clone())

    def pull_back(self, dy: Array, y: Any, leaves: Mapping[str, Any]) -> Gradients:
        """The gradients of the leaves (x, gamma, beta) that an output was computed from."""
        if self.from_torch:
            refuse_half_sums(dy, leaves["x"].detach())
        if self.from_torch and self.compiled:
            refuse_half_saves(leaves["x"])
        raw = differentiate(y, leaves.values(), to_tensor(dy))
        gradients = {f: np.array(to_array(value)) for f, value in zip(leaves, raw, strict=True)}
        dgamma, dbeta = (
            gradients[f].reshape(-1) if f in gradients else None for f in ("gamma", "beta")
        )
        return gradients["x"], dgamma, dbeta


def unwrap(candidate: Any) -> Any:
    """The module that ``torch.compile`` has wrapped, or the candidate itself."""
    return getattr(candidate, "_orig_mod", candidate)


def locate_fields(module: Any, own: Mapping[str, str] | None = None) -> dict[str, str]:
    """Where a module has gamma, beta, running_mean and running_var; by its ``own`` names first.

    Wrappers such as ``torch.compile`` have them further in, so a tensor is looked up by identity
    among the named ones.

    Returns
    -------
    dict
        The dotted name of each of the four that the module has.
    """
    attributes = {
        f: next((n for n in names if _find_tensor(module, n) is not None), "")
        for f, names in (
            (field, (own[field],) if own and field in own else known)
            for field, known in NAMES.items()
        )
    }
    within = {
        id(value): name for name, value in [*module.named_parameters(), *module.named_buffers()]
    }
    return {
        field: within.get(id(_find_tensor(module, name)), name)
        for field, name in attributes.items()
        if name
    }


def _find_tensor(module: Any, name: str) -> Any:
    """The tensor at a dotted name; ``None`` where there is none."""
    try:
        return attrgetter(name)(module)
    except AttributeError:
        return None


def inspect_module(module: Any, own: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What a module's tensors show of its options.

    Returns
    -------
    dict
        ``affine``, ``track_running_stats`` and, where there are tensors, ``num_features``.

    Raises
    ------
    UnusableLayer
        For a module whose tensors have other names or sizes, or are not on the CPU.
    """
    by_field = {
        field: attrgetter(name)(module) for field, name in locate_fields(module, own).items()
    }
    known = {id(value) for value in by_field.values()}
    tensors = [*module.named_parameters(), *module.named_buffers()]
    others = [
        name for name, value in tensors if id(value) not in known and name != "num_batches_tracked"
    ]
    missing = [" or ".join(NAMES[f]) for f in NAMES if f not in by_field]
    if missing and others:
        problem = f"{class_name(module)} has no {', no '.join(missing)}, but {', '.join(others)}"
        guessed = {
            field: next((n for n in others if n.rpartition(".")[2] in ALIASES[field]), "...")
            for field in NAMES
            if field not in by_field
        }
        raise UnusableLayer(
            f"{problem}: say which is which, as in bn = bnproof.wrap({class_name(module)},"
            f" names={guessed})"
        )
    sizes = {value.numel() for value in by_field.values()}
    if len(sizes) > 1 or {value.device.type for value in by_field.values()} - {"cpu"}:
        problem = (
            f"{class_name(module)} has"
            f" {', '.join(f'{f} {tuple(v.shape)} on {v.device}' for f, v in by_field.items())}"
        )
        raise UnusableLayer(f"{problem}: give each one value per channel, on the CPU")
    about = {
        "affine": bool({"gamma", "beta"} & set(by_field)),
        "track_running_stats": "running_mean" in by_field,
    }
    return about | ({"num_features": sizes.pop()} if sizes else {})


def refuse_module(candidate: Any) -> None:
    """Refuse a module that needs more than a batch on one CPU.

    Raises
    ------
    UnusableLayer
        For lazy modules, ``SyncBatchNorm`` and TorchScript.
    """
    import torch

    mend = "name torch.nn.BatchNorm1d, 2d or 3d instead"
    if is_a(candidate, torch.nn.modules.lazy.LazyModuleMixin):
        raise UnusableLayer(
            f"{class_name(candidate)} has no parameters before its first batch: {mend}"
        )
    if is_a(candidate, torch.nn.SyncBatchNorm):
        raise UnusableLayer(f"{class_name(candidate)} needs a process group on GPUs: {mend}")
    if is_a(candidate, torch.jit.ScriptModule):
        raise UnusableLayer(
            f"{class_name(candidate)} is TorchScript, which keeps its parameters inside: name the"
            " module itself"
        )


def accepts(candidate: object) -> bool:
    """Whether it is a module, class or instance."""
    return belongs_to(candidate, "torch.nn", "Module")


def adapt(
    candidate: Any, names: Mapping[str, str] | None = None, inputs: Inputs | None = None
) -> LayerFactory:
    """The factory of a module: it constructs a class and copies an instance.

    Parameters
    ----------
    candidate
        The class or instance.
    names, inputs
        As of :class:`TorchLayer`.

    Raises
    ------
    UnusableLayer
        Where the module cannot be checked.
    """
    import torch

    refuse_module(candidate)

    def build(num_features: int, **options: Any) -> TorchLayer:
        made = (
            construct(candidate, num_features, **options)
            if isinstance(candidate, type)
            else deepcopy(candidate)
        )
        return TorchLayer(made, names, inputs)

    sample = build(sample_width(candidate), **SAMPLE).module
    ranks = [RANKS[name] for name in RANKS if is_a(unwrap(candidate), getattr(torch.nn, name))]
    shown = inspect_module(sample, names)
    if not ranks and "num_features" in shown:
        ranks = _find_ranks(TorchLayer(deepcopy(sample), names, inputs), shown["num_features"])
    return make_factory(
        candidate,
        build,
        framework="torch",
        axis=1,
        keywords=KEYWORDS,
        sample=sample,
        present=shown,
        narrowed={"ranks": ranks[0]} if ranks else {},
        fresh=isinstance(candidate, type),
    )


def _find_ranks(layer: TorchLayer, channels: int) -> list[list[int]]:
    """The ranks that a module takes, where it refuses others; they are tried in eval mode.

    Returns
    -------
    list of list of int
        One list, or none where it takes all ranks or refuses them all.
    """
    taken = []
    for rank in (2, 3, 4, 5):
        x = np.zeros((2, channels, *(2,) * (rank - 2)), np.float32)
        try:
            layer.call_layer(x, training=False)
        except (ValueError, AssertionError, NotImplementedError):
            continue
        except Exception:
            pass  # what crashes is a matter for the laws
        taken.append(rank)
    return [taken] if 0 < len(taken) < len((2, 3, 4, 5)) else []


ADAPTER = Adapter(accepts, adapt)
PACKAGE = "torch"
TAKES = "torch.nn.Module, class or instance"
