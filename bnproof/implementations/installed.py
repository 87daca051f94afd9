"""What is installed: built-in implementations and adapters.

Each comes with the version of the package behind it, or with the reason why it cannot be used.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pkgutil import iter_modules


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


def list_installed() -> list[Installed]:
    """Every implementation and adapter of this package, built-in ones first, by name.

    The modules say in ``PACKAGE`` which package they need; nothing is imported to find out.
    """
    package = import_module("bnproof.implementations")
    entries: list[Installed] = []
    for info in iter_modules(package.__path__):
        module = import_module(f"bnproof.implementations.{info.name}")
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
