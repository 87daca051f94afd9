"""What is installed: built-in implementations and adapters.

Each comes with the version of the package behind it, or with the reason why it cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pkgutil import iter_modules
from types import ModuleType


@dataclass(frozen=True)
class Installed:
    """One implementation or adapter.

    Attributes
    ----------
    name
        What to type for it.
    kind
        "built in" (a name for ``check``) or "adapter" (takes objects of that package as they are).
    package, version
        What it needs, and what is installed; the version is empty where nothing is.
    reason
        Why it cannot be used, with the command that mends it; empty where it can.
    """

    name: str
    kind: str
    package: str
    version: str
    reason: str


def import_modules(package: str = "bnproof.implementations") -> Iterator[ModuleType]:
    """Every module of a package, by name; none of them imports a framework."""
    for info in iter_modules(import_module(package).__path__):
        yield import_module(f"{package}.{info.name}")


def list_installed() -> list[Installed]:
    """Every implementation and adapter of this package, built-in ones first, by name.

    The modules say in ``PACKAGE`` which package they need; nothing is imported to find out.
    """
    entries: list[Installed] = []
    for module in import_modules():
        needs = getattr(module, "PACKAGE", "numpy")
        have, reason = _read_version(needs)
        entries += [
            Installed(name, "built in", needs, have, reason)
            for name in getattr(module, "IMPLEMENTATIONS", {})
        ]
        if hasattr(module, "ADAPTER"):
            entries.append(Installed(module.TAKES, "adapter", needs, have, reason))
    return sorted(entries, key=lambda entry: (entry.kind != "built in", entry.name))


def _read_version(package: str) -> tuple[str, str]:
    try:
        return version(package), ""
    except PackageNotFoundError:
        return "", f"not installed: pip install {package}"
