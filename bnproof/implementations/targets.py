"""From what a user types to an implementation.

A target is a built-in name, ``package.module:Name``, ``path/to/file.py:Name``, or the path of an
``.onnx`` file.  Start reading at :func:`load`.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from bnproof.contract import METHODS
from bnproof.implementations.adapters import UnusableLayer, adapt_candidate, format_error
from bnproof.implementations.installed import import_modules
from bnproof.implementations.through_state import ThroughState
from bnproof.implementations.wrapping import guess_order


class UnusableTarget(LookupError):
    """The target cannot be used; the message says why and how to mend it."""


def list_builtin() -> dict[str, Any]:
    """The built-in implementations by name: the ``IMPLEMENTATIONS`` of every module here."""
    implementations: dict[str, Any] = {}
    for module in import_modules():
        implementations |= getattr(module, "IMPLEMENTATIONS", {})
    return implementations


def load(target: str) -> Any:
    """The implementation that a target names.

    Parameters
    ----------
    target
        What the user typed.  A class is instantiated without arguments.

    Returns
    -------
    object
        It has at least the method ``train``.

    Raises
    ------
    UnusableTarget
        With one line that names the mend, for every way in which a target can be wrong: an unknown
        name, a module that does not import, an object without the methods.

    Examples
    --------
    >>> from bnproof.implementations.targets import load
    >>> load("numpy").convention
    'torch'
    """
    if target in list_builtin():
        return as_implementation(list_builtin()[target], target)
    if target.endswith(".onnx"):
        return as_implementation(Path(target), target)
    place, colon, name = target.rpartition(":")
    if Path(target).is_file():
        raise UnusableTarget(f"{target} is a file: say what to check in it, as in {target}:Name")
    if not colon or not place or not name:
        near = get_close_matches(target, list_builtin(), n=1) or sorted(list_builtin())
        raise UnusableTarget(
            f"no implementation {target!r}: try {', '.join(near)}, or package.module:Name, or"
            " file.py:Name"
        )
    module = _import(place)
    if not hasattr(module, name):
        named = {n: value for n, value in vars(module).items() if not n.startswith("_")}
        own = [
            n for n, value in named.items() if getattr(value, "__module__", "") == module.__name__
        ]
        offered = get_close_matches(name, named, n=3) or [
            n for n in own if any(hasattr(named[n], method) for method in METHODS)
        ]
        hint = (
            f"it offers {', '.join(offered[:5])}"
            if offered
            else "nothing in it has a method of the contract"
        )
        raise UnusableTarget(f"{place} has no {name!r}: {hint}")
    return as_implementation(getattr(module, name), target)


def as_implementation(candidate: Any, name: str) -> Any:
    """A candidate as an implementation.

    Instances, classes without arguments and modules with ``train`` are implementations as they are.
    Classes and factories of layers (``forward`` and ``backward``) are used through their state, and
    so are the objects of frameworks that an adapter takes.

    Parameters
    ----------
    candidate
        The object that was named.
    name
        What messages call it.

    Raises
    ------
    UnusableTarget
        Where it is none of these.
    """
    try:
        return _wrap_object(candidate) or _wrap_layer(candidate) or _require_train(candidate, name)
    except UnusableLayer as error:
        raise UnusableTarget(str(error)) from error


def _wrap_object(candidate: Any) -> Any:
    """A framework's own object through its adapter, or ``None`` where no adapter takes it."""
    factory = adapt_candidate(candidate)
    return None if factory is None else ThroughState(factory)


def _wrap_layer(candidate: Any) -> Any:
    """A class of layers, or a function that makes them (which is tried)."""
    if isinstance(candidate, ThroughState):
        return candidate
    if _is_layer(candidate):
        if isinstance(candidate, type):
            return ThroughState(candidate)
        raise UnusableTarget(
            f"{type(candidate).__name__} is one layer: name its class, or a function that makes"
            " layers"
        )
    if isinstance(candidate, FunctionType):
        try:
            made = candidate(2, eps=0.25, momentum=0.25)
        except Exception as error:
            call = f"{candidate.__name__}(2, eps=0.25, momentum=0.25)"
            raise UnusableTarget(
                f"{candidate.__name__} is a function, and {call} makes no layer"
                f" ({format_error(error)}): {suggest_wrapper(candidate)}"
            ) from error
        if _is_layer(made):
            return ThroughState(candidate)
        raise UnusableTarget(
            f"{candidate.__name__} is a function, and makes a {type(made).__name__} of 2 features,"
            f" which is no layer: {suggest_wrapper(candidate)}"
        )
    return None


def _is_layer(candidate: Any) -> bool:
    """Whether it has what a layer has."""
    return all(callable(getattr(candidate, method, None)) for method in ("forward", "backward"))


def _require_train(candidate: Any, name: str) -> Any:
    """The candidate (an instance, a class without arguments, a module) once it is known to have
    ``train``."""
    if isinstance(candidate, type):
        try:
            candidate = candidate()
        except (Exception, SystemExit) as error:
            why = f"{name}() raises {format_error(error)}"
            raise UnusableTarget(
                f"{why}: name an instance, or a class that needs no arguments"
            ) from error
    for method in METHODS:
        try:
            if callable(getattr(candidate, method, None)):
                return candidate
        except Exception as error:
            raise UnusableTarget(
                f"{name}.{method} cannot be read: {format_error(error)}"
            ) from error
    raise UnusableTarget(f"{name} {_describe_misfit(candidate)}")


def _describe_misfit(candidate: Any) -> str:
    """What an object offers instead of the contract's methods, and the wrapper that would fit."""
    if callable(candidate) and hasattr(candidate, "__name__"):
        return f"is a function: {suggest_wrapper(candidate)}"
    own = [
        method
        for method in dir(candidate)
        if not method.startswith("_") and callable(getattr(candidate, method, None))
    ]
    offers = (
        f"; it has {', '.join(own[:5])}: wrap them, as in" if own else ": wrap its functions in"
    )
    return (
        f"has no method of the contract (train, infer, train_vjp, fold, ...){offers} bn ="
        " bnproof.wrap(forward=..., order='x gamma beta eps')"
    )


def suggest_wrapper(function: Any) -> str:
    """Write the shortest wrapper that may fit a function, ready to paste."""
    try:
        order = guess_order(function)
    except (TypeError, ValueError):
        order = "x gamma beta running_mean running_var eps momentum"
    return f"wrap it, as in bn = bnproof.wrap({function.__name__}, order={order!r})"


def _import(place: str) -> ModuleType:
    """The module at a dotted name or a path; raises ``UnusableTarget`` with the mend."""
    try:
        if place.endswith(".py"):
            return _import_file(Path(place))
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        return import_module(place)
    except UnusableTarget:
        raise
    except ModuleNotFoundError as error:
        if error.name and (place == error.name or place.startswith(error.name + ".")):
            raise UnusableTarget(
                f"no module {error.name!r}: run from its folder, or give path/to/file.py:Name"
            ) from error
        raise UnusableTarget(
            f"{place} needs {error.name!r}, which is not installed: pip install it"
        ) from error
    except (Exception, SystemExit) as error:
        raise UnusableTarget(f"{place} does not import: {format_error(error)}") from error


def _import_file(path: Path) -> ModuleType:
    """The module in a file, under the name of the file."""
    if not path.is_file():
        raise UnusableTarget(f"there is no file {path}: check the path")
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise UnusableTarget(f"{path} is no Python file")
    module = module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    # its neighbours may be imported later, when it is called
    sys.path.insert(0, str(path.parent.resolve()))
    spec.loader.exec_module(module)
    return module
