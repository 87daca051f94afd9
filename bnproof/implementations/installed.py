"""What is installed: built-in implementations and adapters with the version of the package behind
them, or why not."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pkgutil import iter_modules


@dataclass(frozen=True)
class Installed:
    """``kind``: "built in" (a name for ``check``) or "adapter" (takes objects of that package as
    they are)."""

    name: str
    kind: str
    package: str
    version: str
    reason: str


def list_installed() -> list[Installed]:
    """Every implementation and adapter of this package; the modules say which package they need in
    ``PACKAGE``."""
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
